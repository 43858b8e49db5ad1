//! Symbols that text recognition does not tell apart, told by the zone itself: its dates show how its 0 looks, its names how its O does.
//!
//! Recognition reads most letters O as 0, and check digits cannot tell two of them from two others. The shapes differ in OCR-B (ISO
//! 1073-2), and a symbol is compared with others of the same print, light and lens. Measured on 300 moderately degraded drawn documents:
//! of 192 zeros in numbers with two or more examples of both all but one are more like the zone's own 0, and all of 22 letters O are more
//! like its O; of 72 ones and 9 letters I all.

use vision::picture::Picture;

use crate::mrz::{Belief, Class, Posterior, TWINS, without_twins};

/// Fewest examples of either symbol: one may be soiled.
const LEAST_EXAMPLES: usize = 2;

/// By how many pixels a glyph is moved to lie on another, across and down. Lines are 48 pixels high.
const ACROSS: usize = 3;
const DOWN: usize = 5;

/// Ink that differs more than this from that of every example is of something else.
const UNLIKE: f32 = 0.03;

/// What every difference has besides, so that nothing follows from the noise of two that are small. In sharp print it is as much.
const GRAIN: f32 = 1e-3;

/// Natural logarithm of how much likelier one symbol is, for one of the ratio of its differences. In the measured ones it is 5.
const WEIGHT: f32 = 5.0;

/// A ratio of differences that is nearer to 1 says nothing. In two of the measured ones it is.
const LEAST_RATIO: f32 = 1.2;

/// The most that its looks may say for a symbol.
const MOST: f32 = 100.0;

/// Shares of a glyph's pixels that are darker than ink at the least, and than paper.
const INK: f32 = 0.05;
const PAPER: f32 = 0.92;

/// The ink at every position of a zone, in reading order.
pub(super) struct Glyphs {
    /// Width of each, with what it may be moved on either side.
    width: usize,
    /// From 0 for paper to 1 for ink, row by row.
    ink: Vec<Vec<f32>>,
}

impl Glyphs {
    /// From pictures of the zone's lines of `length` positions, with `margin` more on either side.
    pub(super) fn of(length: usize, lines: &[Picture], margin: f32) -> Self {
        let pitch = |line: &Picture| line.width() as f32 / (length as f32 + 2.0 * margin);
        let narrowest = lines.iter().map(pitch).fold(f32::INFINITY, f32::min);
        let width = if lines.is_empty() {
            0
        } else {
            narrowest as usize + 2 * ACROSS
        };
        let mut ink = Vec::with_capacity(lines.len() * length);
        for line in lines {
            let luma = line.luma();
            let columns = line.width() as usize;
            for position in 0..length {
                let middle = (position as f32 + 0.5 + margin) * pitch(line);
                let left = (middle - width as f32 / 2.0).round().max(0.0) as usize;
                let left = left.min(columns.saturating_sub(width));
                let rows = luma.chunks_exact(columns);
                ink.push(inked(
                    rows.flat_map(|row| row.iter().skip(left).take(width))
                        .copied()
                        .collect(),
                ));
            }
        }
        Self { width, ink }
    }

    /// The beliefs of a zone with these lines, where symbols that print does not tell apart are compared with the zone's own.
    pub(super) fn tell_twins(&self, posterior: &Posterior, beliefs: &[Belief]) -> Vec<Belief> {
        let mut told = beliefs.to_vec();
        let without: Vec<usize> = without_twins(posterior).collect();
        for (digit, letter) in TWINS {
            let read = |at: usize| beliefs.get(at).and_then(Belief::symbol);
            let is_either = |at: &usize| read(*at).is_some_and(|symbol| symbol == digit || symbol == letter);
            let (mut digits, mut letters, mut either) = (Vec::new(), Vec::new(), Vec::new());
            for field in posterior.format.fields() {
                let start = field.line * posterior.format.line_length();
                let places = (start + field.start..start + field.end).filter(is_either);
                match field.class() {
                    Class::Digits | Class::Date => digits.extend(places),
                    Class::Letters => letters.extend(places),
                    Class::Any => either.extend(places.filter(|at| !without.contains(at))),
                    Class::Sex => {}
                }
            }
            let many = digits.len().min(letters.len());
            if many < LEAST_EXAMPLES {
                continue;
            }
            let difference = |at: usize, others: &[usize]| self.least_difference(at, others, many);
            for at in either {
                let odds = || odds(difference(at, &digits)?, difference(at, &letters)?);
                if let (Some(odds), Some(belief)) = (odds(), told.get_mut(at)) {
                    belief.distinguish(letter, digit, odds);
                }
            }
        }
        told
    }

    /// How much the ink at a position differs from that at the most alike one of so many others, in the mean of all choices of them. Of
    /// more others the most alike one is more alike by chance.
    fn least_difference(&self, at: usize, others: &[usize], many: usize) -> Option<f32> {
        let differences = others.iter().map(|other| self.difference(at, *other));
        let mut differences: Vec<f32> = differences.collect::<Option<_>>()?;
        differences.sort_by(f32::total_cmp);
        // Share of the choices that have none of the more alike ones.
        let mut left = 1.0;
        let parts = differences.iter().zip((1..=others.len()).rev());
        let parts = parts.map(|(difference, remaining)| {
            let chosen = left * many as f32 / remaining as f32;
            left -= chosen;
            chosen * difference
        });
        Some(parts.sum())
    }

    /// Mean square of what differs in the ink at two positions, moved so that it is least; `None` where there are no such positions.
    fn difference(&self, one: usize, other: usize) -> Option<f32> {
        let (one, other) = (self.ink.get(one)?, self.ink.get(other)?);
        let height = one.len() / self.width.max(1);
        let (wide, high) = (self.width.saturating_sub(2 * ACROSS), height.saturating_sub(2 * DOWN));
        let moves = (0..=2 * DOWN).flat_map(|down| (0..=2 * ACROSS).map(move |across| (down, across)));
        let difference = |(down, across): (usize, usize)| {
            let rows = (0..high).map(|row| {
                let moved = one.iter().skip((row + down) * self.width + across).take(wide);
                let still = other.iter().skip((row + DOWN) * self.width + ACROSS).take(wide);
                moved.zip(still).map(|(a, b)| (a - b) * (a - b)).sum::<f32>()
            });
            rows.sum::<f32>() / (wide * high).max(1) as f32
        };
        moves.map(difference).min_by(f32::total_cmp)
    }
}

/// How many times likelier the letter is than the digit, by how much the ink differs from theirs; `None` where it is like neither, or
/// like both.
fn odds(from_digits: f32, from_letters: f32) -> Option<f32> {
    let ratio = (from_digits + GRAIN) / (from_letters + GRAIN);
    let is_either = from_digits.min(from_letters) <= UNLIKE;
    let is_one = ratio.max(ratio.recip()) >= LEAST_RATIO;
    (is_either && is_one).then(|| ratio.powf(WEIGHT).clamp(MOST.recip(), MOST))
}

/// Luma as ink.
fn inked(luma: Vec<f32>) -> Vec<f32> {
    let mut sorted = luma.clone();
    sorted.sort_by(f32::total_cmp);
    let at = |share: f32| {
        sorted
            .get((share * sorted.len() as f32) as usize)
            .copied()
            .unwrap_or_default()
    };
    let (ink, paper) = (at(INK), at(PAPER));
    let span = (paper - ink).max(1.0);
    luma.into_iter().map(|luma| (paper - luma) / span).collect()
}

#[cfg(test)]
#[path = "twins_tests.rs"]
mod tests;
