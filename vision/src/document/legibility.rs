//! Whether lines of print at a fixed pitch can be read.

use super::quantile;
use super::view::reduced;
use crate::geometry::{Perspective, Point, Quad, Rect};
use crate::picture::{Border, Picture, warp_perspective};

/// Pixels to a character in which lines are looked at, at most: enough to see how wide an edge is that blurs them.
const PITCH: f32 = 16.0;

/// Least share of the span from print to paper that a character with print has.
const INK: f32 = 0.4;

/// Of each line's height at its top and its foot: what lies between lines is no print.
const BETWEEN: f32 = 0.1;

/// Levels by which a place may be darker than the lightest paper and still be lit by a reflection.
const GLARE: f32 = 3.0;

/// Lines of print at a fixed pitch, such as a machine-readable zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lines {
    /// What they cover in the picture, from the top of the first to the foot of the last.
    pub outline: Quad,
    /// How many there are.
    pub count: usize,
    /// Characters of each.
    pub positions: usize,
}

/// How well they can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Legibility {
    /// Pixels of the picture to a character.
    pub pitch: f32,
    /// Width of the sharpest edges, in characters: the span from print to paper over the steepest slope.
    pub blur: f32,
    /// Span from print to paper, of 255 levels of luma.
    pub contrast: f32,
    /// Share of the characters that are darker than the paper around them, 0 to 1: none of a negative.
    pub dark: f32,
    /// Where no print is seen.
    pub blank: Vec<Blank>,
}

/// Neighbouring characters of a line without print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blank {
    /// Line, from 1.
    pub line: usize,
    /// First position, from 1.
    pub first: usize,
    /// Last position.
    pub last: usize,
    /// Whether it is as light as the lightest paper: a reflection washed the print out, or something white covers it.
    pub glare: bool,
}

impl Legibility {
    /// Measures lines. `None` where they are not in the picture.
    #[must_use]
    pub fn measure(picture: &Picture, lines: &Lines) -> Option<Legibility> {
        // The seen pitch is the larger one where the lines are tilted.
        let pitch = lines.outline.width() / lines.positions.max(1) as f32;
        let scale = (PITCH / pitch).min(1.0);
        let straight = straightened(picture, &lines.outline, scale)?;
        let (width, luma) = (straight.width() as usize, smoothed(&straight));
        let mut levels = luma.clone();
        let (print, paper) = (quantile(&mut levels, 0.02)?, quantile(&mut levels, 0.9)?);
        let contrast = paper - print;
        let mut slopes: Vec<f32> = luma
            .chunks_exact(width)
            .flat_map(|row| row.windows(3).map(|near| (near[2] - near[0]).abs() / 2.0))
            .collect();
        let steepest = quantile(&mut slopes, 0.99)?.max(0.1);
        let (blank, dark) = characters(&luma, width, lines, (print, paper), picture)?;
        Some(Legibility {
            pitch,
            blur: contrast / steepest / (pitch * scale),
            contrast,
            dark,
            blank,
        })
    }
}

/// The outline as a rectangle, `scale` times as large.
fn straightened(picture: &Picture, outline: &Quad, scale: f32) -> Option<Picture> {
    let (small, outline) = reduced(picture, outline, scale)?;
    let (across, down) = (outline.width().round(), outline.height().round());
    // An outline that goes far beyond the picture is none of a zone, and would cost what it likes.
    let longest = 2.0 * small.longest_side() as f32;
    let sensible = (3.0..=longest).contains(&across) && (3.0..=longest).contains(&down);
    let to_source = Perspective::between(&Quad::from(Rect::new(0.0, 0.0, across, down)), &outline)?;
    sensible.then(|| warp_perspective(&small, &to_source, across as u32, down as u32, Border::Replicate))
}

/// Luma, each row averaged with its neighbours: noise is less steep then, and upright strokes are as before.
fn smoothed(picture: &Picture) -> Vec<f32> {
    let (width, luma) = (picture.width() as usize, picture.luma());
    let last = luma.len() / width - 1;
    (0..luma.len())
        .map(|at| {
            let (x, y) = (at % width, at / width);
            let (above, below) = (
                luma[y.saturating_sub(1) * width + x],
                luma[(y + 1).min(last) * width + x],
            );
            (above + 2.0 * luma[at] + below) / 4.0
        })
        .collect()
}

/// The characters without print, `luma` being that of the straightened lines, and the share of the others that are darker than the paper
/// around them: print covers less than half of any.
fn characters(
    luma: &[f32],
    width: usize,
    lines: &Lines,
    (print, paper): (f32, f32),
    picture: &Picture,
) -> Option<(Vec<Blank>, f32)> {
    let height = luma.len() / width;
    let cells = Rect::new(0.0, 0.0, lines.positions as f32, lines.count as f32);
    let to_picture = Perspective::between(&Quad::from(cells), &lines.outline)?;
    let frame = (0.0..picture.width() as f32, 0.0..picture.height() as f32);
    let edge = |share: f32, end: usize| ((share * end as f32).round() as usize).min(end);
    let mut found: Vec<Blank> = Vec::new();
    let (mut printed, mut dark) = (0, 0);
    for line in 0..lines.count {
        let at = |share: f32| edge((line as f32 + share) / lines.count as f32, height);
        let (top, bottom) = (at(BETWEEN), at(1.0 - BETWEEN));
        for position in 0..lines.positions {
            let at = |position: usize| edge(position as f32 / lines.positions as f32, width);
            let (left, right) = (at(position), at(position + 1));
            let (mut least, mut most) = (f32::MAX, f32::MIN);
            let (mut sum, mut count) = (0.0, 0.0);
            for y in top..bottom {
                for level in &luma[y * width..][left..right] {
                    (least, most) = (least.min(*level), most.max(*level));
                    sum += level;
                    count += 1.0;
                }
            }
            if most - least >= INK * (paper - print) {
                printed += 1;
                dark += usize::from(2.0 * sum > (least + most) * count);
                continue;
            }
            let middle = to_picture.apply(Point::new(position as f32 + 0.5, line as f32 + 0.5));
            // Beyond the border of the picture, the border goes on.
            let inside = frame.0.contains(&middle.x) && frame.1.contains(&middle.y);
            let glare = inside && sum >= (paper - GLARE) * count;
            let (line, position) = (line + 1, position + 1);
            match found.last_mut() {
                Some(run) if (run.line, run.last + 1, run.glare) == (line, position, glare) => run.last = position,
                _ => found.push(Blank {
                    line,
                    first: position,
                    last: position,
                    glare,
                }),
            }
        }
    }
    // Where nothing is printed, nothing is lighter than its paper.
    let dark = if printed == 0 {
        1.0
    } else {
        dark as f32 / printed as f32
    };
    Some((found, dark))
}

#[cfg(test)]
#[path = "legibility_tests.rs"]
mod tests;
