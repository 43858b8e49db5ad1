//! Whether all of a page was compressed together.
//!
//! A picture that is edited has mostly been a JPEG file before, and is one again. What was left as it was has then been quantised twice
//! on one grid of blocks: some multiples of the second step are frequent, others rare, as the first step has it. What was put in has
//! been quantised once, or on another grid, and takes rare ones as often as frequent ones (Lin and others, Pattern Recognition 42, 2009;
//! Bianchi and Piva, IEEE TIFS 7, 2012). How often values would be taken without the first step is seen on a grid that lies half a
//! block off, where its traces are gone.
//!
//! Nothing is to be seen where the second quality is lower than the first, or the picture has been made smaller in between or since.

use super::quantile;
use crate::geometry::{Quad, Rect};
use crate::picture::Picture;

/// Side of a block in pixels.
const BLOCK: usize = 8;

/// At most so many blocks are looked at; of larger pictures every second one in each direction, or fewer.
const MOST_BLOCKS: usize = 40_000;

/// Frequencies, down and across. Higher ones are 0 in most blocks.
const FREQUENCIES: [(usize, usize); 17] = [
    (0, 1),
    (1, 0),
    (1, 1),
    (0, 2),
    (2, 0),
    (1, 2),
    (2, 1),
    (2, 2),
    (0, 3),
    (3, 0),
    (3, 1),
    (1, 3),
    (2, 3),
    (3, 2),
    (3, 3),
    (0, 4),
    (4, 0),
];

/// Frequencies along one direction.
const ALONG: usize = 5;

/// Multiples of a step from here on are not told apart.
const MOST: usize = 16;

/// Steps of quantisation, in levels: a byte in nearly all files.
const STEPS: usize = 256;

/// How far rounded pixels take a coefficient off its multiple, and how many it must hold for, by more than chance.
const ROUNDING: f32 = 0.9;
const ON_MULTIPLES: f32 = 0.7;

/// Below, coefficients are 0 but for rounding. So many others make a frequency worth looking at.
const LEAST_COEFFICIENT: f32 = 1.2;
const LEAST_COEFFICIENTS: usize = 200;

/// So many are enough to tell a step.
const ENOUGH_COEFFICIENTS: usize = 1000;

/// What one block can say, in nepers.
const LOUDEST: f32 = 20.0;

/// Parts of a page: this share of its shorter side, and at least so many blocks.
const PART: usize = 8;
const LEAST_PART: usize = 8;

/// The least shorter side of a page in blocks: a part of a smaller one is too much of the whole.
const LEAST_SIDE: usize = 40;

/// Share of a part's blocks that must say something, and the number of such parts that a page must have.
const LEAST_SAYING: f32 = 0.4;
const LEAST_PARTS: usize = 50;

/// The part of a page that fits the rest of it the least.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OddPart {
    /// Evidence that it was quantised with the rest against that it was not, in nepers to the block: about 0 in a picture that was
    /// quantised once, below where it was put in.
    pub evidence: f32,
    /// The same of the rest: the median of all parts. Only where it is above 0, the picture was quantised twice.
    pub rest: f32,
    /// Where it is.
    pub place: Rect,
}

impl OddPart {
    /// Looks for it on a page in a picture: what lies around may be of so few levels that chance looks like an edit. `None` where the
    /// page is too small or too even to say.
    #[must_use]
    pub fn find(picture: &Picture, page: &Quad) -> Option<OddPart> {
        let shorter = page.width().min(page.height()) as usize / BLOCK;
        if shorter < LEAST_SIDE {
            return None;
        }
        let (aligned, apart) = (Blocks::of(picture, 0), Blocks::of(picture, BLOCK / 2));
        let mut evidence = vec![0.0; aligned.values.len()];
        for frequency in 0..FREQUENCIES.len() {
            let Some(step) = aligned.step(frequency) else { continue };
            let weights = weights(&aligned.counts(frequency, step), &apart.counts(frequency, step), step);
            for (evidence, block) in evidence.iter_mut().zip(&aligned.values) {
                *evidence += weights[multiple(block[frequency], step)];
            }
        }
        for evidence in &mut evidence {
            *evidence = evidence.clamp(-LOUDEST, LOUDEST);
        }
        let side = (shorter / PART).max(LEAST_PART) / aligned.stride;
        let pixels = |blocks: usize| (blocks * aligned.stride * BLOCK) as f32;
        let place = |(_, column, row): &(f32, usize, usize)| {
            Rect::new(pixels(*column), pixels(*row), pixels(side), pixels(side))
        };
        let mut parts = parts(&evidence, aligned.columns, side.max(1));
        parts.retain(|part| page.contains(place(part).centre()));
        if parts.len() < LEAST_PARTS {
            return None;
        }
        let rest = quantile(&mut parts.iter().map(|part| part.0).collect::<Vec<_>>(), 0.5)?;
        let oddest = parts.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(OddPart {
            evidence: oddest.0,
            rest,
            place: place(oddest),
        })
    }
}

/// Coefficients of the blocks of a picture (discrete cosine transform of luma), row by row.
struct Blocks {
    columns: usize,
    /// Only every so many blocks are there.
    stride: usize,
    values: Vec<[f32; FREQUENCIES.len()]>,
}

impl Blocks {
    /// The blocks of the grid that begins `off` pixels from the left and from the top.
    fn of(picture: &Picture, off: usize) -> Blocks {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let all = (width / BLOCK) * (height / BLOCK);
        let stride = (all as f32 / MOST_BLOCKS as f32).sqrt().ceil().max(1.0) as usize;
        let count = |side: usize| (side.saturating_sub(off) / BLOCK).div_ceil(stride);
        let (columns, rows) = (count(width), count(height));
        let cosines = cosines();
        let pixels = picture.pixels();
        let mut values = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                let (left, top) = (column * stride * BLOCK + off, row * stride * BLOCK + off);
                let mut across = [[0.0; ALONG]; BLOCK];
                let mut clipped = false;
                for (y, across) in across.iter_mut().enumerate() {
                    let start = ((top + y) * width + left) * 3;
                    for (pixel, cosines) in pixels[start..start + 3 * BLOCK].as_chunks::<3>().0.iter().zip(&cosines) {
                        clipped |= pixel.contains(&u8::MIN) || pixel.contains(&u8::MAX);
                        let [r, g, b] = pixel.map(f32::from);
                        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
                        across
                            .iter_mut()
                            .zip(cosines)
                            .for_each(|(sum, cosine)| *sum += luma * cosine);
                    }
                }
                // Where light is cut off, coefficients are no longer multiples of anything.
                if clipped {
                    values.push([0.0; FREQUENCIES.len()]);
                    continue;
                }
                values.push(FREQUENCIES.map(|(v, u)| {
                    across
                        .iter()
                        .zip(&cosines)
                        .map(|(row, cosines)| row[u] * cosines[v])
                        .sum()
                }));
            }
        }
        Blocks {
            columns,
            stride,
            values,
        }
    }
    /// The step that a frequency was quantised with: the largest of which nearly all coefficients are multiples.
    fn step(&self, frequency: usize) -> Option<f32> {
        let coefficients: Vec<f32> = self
            .values
            .iter()
            .map(|block| block[frequency].abs())
            .filter(|value| *value > LEAST_COEFFICIENT)
            .collect();
        if coefficients.len() < LEAST_COEFFICIENTS {
            return None;
        }
        let every = coefficients.len().div_ceil(ENOUGH_COEFFICIENTS);
        let coefficients: Vec<f32> = coefficients.into_iter().step_by(every).collect();
        let on_multiples = |step: &f32| {
            let off = |value: f32| (value - (value / step).round() * step).abs();
            let on = coefficients.iter().filter(|value| off(**value) < ROUNDING).count();
            let (share, chance) = (on as f32 / coefficients.len() as f32, 2.0 * ROUNDING / step);
            (share - chance) / (1.0 - chance) > ON_MULTIPLES
        };
        let step = (2..STEPS).rev().map(|step| step as f32).find(on_multiples);
        Some(step.unwrap_or(1.0))
    }

    /// How often each multiple of a step is taken, its sign left out.
    fn counts(&self, frequency: usize, step: f32) -> [f32; MOST + 1] {
        let mut counts = [0.0; MOST + 1];
        for block in &self.values {
            counts[multiple(block[frequency], step)] += 1.0;
        }
        counts
    }
}

fn multiple(value: f32, step: f32) -> usize {
    // As far as they are told apart.
    ((value.abs() / step).round() as usize).min(MOST)
}

/// Cosines of the transform: of each pixel along a block, for each frequency.
fn cosines() -> [[f32; ALONG]; BLOCK] {
    std::array::from_fn(|pixel| {
        std::array::from_fn(|frequency| {
            let scale: f32 = if frequency == 0 { 0.125 } else { 0.25 };
            let angle = (2 * pixel + 1) as f32 * frequency as f32 * std::f32::consts::PI / (2 * BLOCK) as f32;
            scale.sqrt() * angle.cos()
        })
    })
}

/// What each multiple says for the grid that it is on, in nepers, among multiples other than 0: how many are 0 depends on what the
/// picture shows.
fn weights(on: &[f32; MOST + 1], apart: &[f32; MOST + 1], step: f32) -> [f32; MOST + 1] {
    let share = |counts: &[f32; MOST + 1]| {
        let all = counts.iter().sum::<f32>() + counts.len() as f32;
        counts.map(|count| (count + 1.0) / all)
    };
    let (on, apart) = (share(on), share(apart));
    let other = ((1.0 - on[0]) / (1.0 - apart[0])).ln();
    // A step of 1 is none, and what is rounded to it may be 0.
    let least = if step > 1.0 { 1 } else { 2 };
    std::array::from_fn(|multiple| {
        if (least..MOST).contains(&multiple) {
            (on[multiple] / apart[multiple]).ln() - other
        } else {
            0.0
        }
    })
}

/// Means over the blocks that say something, of all squares of `side` blocks in which enough do; with column and row of each.
fn parts(evidence: &[f32], columns: usize, side: usize) -> Vec<(f32, usize, usize)> {
    let rows = evidence.len() / columns.max(1);
    // Sums of everything to the left and above.
    let mut sums = vec![(0.0_f64, 0_u32); (columns + 1) * (rows + 1)];
    for (row, line) in evidence.chunks_exact(columns.max(1)).enumerate() {
        let mut along = (0.0, 0);
        for (column, value) in line.iter().enumerate() {
            along = (along.0 + f64::from(*value), along.1 + u32::from(*value != 0.0));
            let above = sums[row * (columns + 1) + column + 1];
            sums[(row + 1) * (columns + 1) + column + 1] = (above.0 + along.0, above.1 + along.1);
        }
    }
    let mut parts = Vec::new();
    for row in 0..(rows + 1).saturating_sub(side) {
        for column in 0..(columns + 1).saturating_sub(side) {
            let at = |row: usize, column: usize| sums[row * (columns + 1) + column];
            let (a, b) = (at(row, column), at(row, column + side));
            let (c, d) = (at(row + side, column), at(row + side, column + side));
            let (sum, saying) = (a.0 + d.0 - b.0 - c.0, a.1 + d.1 - b.1 - c.1);
            if saying as f32 >= LEAST_SAYING * (side * side) as f32 {
                parts.push(((sum / f64::from(saying)) as f32, column, row));
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Limits;

    /// Soft spots of many sizes.
    fn drawn(seed: u32) -> Picture {
        let noise = |x: u32, y: u32, size: u32| {
            let mut bits = (x / size).wrapping_mul(0x9e37_79b9) ^ (y / size).wrapping_mul(0x85eb_ca6b) ^ seed ^ size;
            bits = (bits ^ (bits >> 15)).wrapping_mul(0x2c1b_3c6d);
            ((bits ^ (bits >> 12)).wrapping_mul(0x297a_2d39) >> 24) as f32 - 128.0
        };
        Picture::from_fn(640, 480, |x, y| {
            let value =
                128.0 + 0.25 * noise(x, y, 23) + 0.15 * noise(x, y, 7) + 0.08 * noise(x, y, 3) + 0.05 * noise(x, y, 1);
            [value.clamp(0.0, 255.0) as u8; 3]
        })
    }

    fn filed(picture: &Picture, quality: u8) -> Picture {
        Picture::decode(&picture.encode_jpeg(quality).unwrap(), &Limits::default()).unwrap()
    }

    fn whole(picture: &Picture) -> Quad {
        Quad::from(Rect::new(0.0, 0.0, picture.width() as f32, picture.height() as f32))
    }

    fn find(picture: &Picture) -> Option<OddPart> {
        OddPart::find(picture, &whole(picture))
    }

    /// Puts a part of another picture into one.
    fn edited(picture: &Picture, other: &Picture) -> Picture {
        Picture::from_fn(picture.width(), picture.height(), |x, y| {
            let inside = (200..340).contains(&x) && (150..330).contains(&y);
            if inside {
                other.pixel(x + 3, y + 5)
            } else {
                picture.pixel(x, y)
            }
        })
    }

    #[test]
    fn what_was_put_in_is_found() {
        for (first, other, last) in [(70, 100, 90), (80, 75, 93), (85, 90, 95)] {
            let picture = edited(&filed(&drawn(1), first), &filed(&drawn(2), other));
            let found = find(&filed(&picture, last)).unwrap();
            assert!(
                found.evidence < -1.0 && found.rest > 0.5,
                "{first} {other} {last}: {found:?}"
            );
            let Rect { x, y, .. } = found.place;
            assert!((150.0..340.0).contains(&x) && (100.0..330.0).contains(&y), "{found:?}");
        }
    }

    #[test]
    fn a_picture_that_was_filed_as_a_whole_has_no_odd_part() {
        let whole = edited(&drawn(1), &drawn(2));
        for picture in [
            filed(&whole, 75),
            filed(&whole, 95),
            filed(&filed(&whole, 75), 92),
            filed(&filed(&whole, 92), 75),
            filed(&filed(&whole, 75).crop(Rect::new(3.0, 5.0, 600.0, 440.0)).unwrap(), 92),
            whole,
        ] {
            let found = find(&picture).unwrap();
            assert!(found.evidence > -0.7, "{found:?}");
        }
    }

    #[test]
    fn what_was_put_in_beside_the_page_is_left_alone() {
        let picture = filed(&edited(&filed(&drawn(1), 80), &filed(&drawn(2), 75)), 93);
        let page = Quad::from(Rect::new(360.0, 0.0, 280.0, 480.0));
        let found = OddPart::find(&picture, &page);
        assert!(found.is_none_or(|found| found.evidence > -0.7), "{found:?}");
    }

    #[test]
    fn small_and_even_pictures_say_nothing() {
        assert_eq!(find(&Picture::from_fn(5, 7, |x, _| [x as u8; 3])), None);
        assert_eq!(find(&Picture::from_fn(400, 300, |_, _| [200; 3])), None);
    }
}
