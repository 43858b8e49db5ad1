//! What was seen at each position of a zone.

use vision::picture::Picture;
use vision::text::Frames;

use super::grid::{Grid, median};
use crate::mrz::{Belief, SYMBOLS, index};

/// How far from the middle of a position, in positions, a place still speaks for it (standard deviation).
const REACH: f32 = 0.3;

/// A position at which text recognition is less sure than this that there is a character shows none.
const PRESENT: f32 = 0.4;

/// A position whose contrast is less than this share of the zone's shows no ink.
const INK: f32 = 0.4;

/// Contrast, as a share of the zone's, outside of which a character is pale or soiled.
const FAINT: f32 = 0.6;
const SOILED: f32 = 1.7;

/// How far from the line's the ends of a character's ink may be, as a share of the line's height. Fillers are 0.04 lower.
const UNEVEN: f32 = 0.11;

/// Probability that a character that both passes agree on was printed as another, that one of which only the second pass saw was, and
/// one whose ink looks as that of no whole character does.
const DOUBT: f32 = 5e-5;
const ONCE: f32 = 2e-3;
const SPOILT: f32 = 2e-2;

/// What one pass of text recognition saw at a position.
#[derive(Clone)]
struct Seen {
    /// How sure it is that there is a character.
    presence: f32,
    /// Which, each symbol weighted by the places around the middle.
    weights: [f32; SYMBOLS],
}

/// One pass of text recognition over a zone, laid on its grid.
pub(super) struct Pass(Vec<Seen>);

impl Pass {
    /// Lays the frames of each line's pieces on the grid.
    pub(super) fn on(grid: &Grid, lines: &[&[Frames]]) -> Option<Self> {
        let back = grid.map.inverse()?;
        let nothing = Seen {
            presence: 0.0,
            weights: [0.0; SYMBOLS],
        };
        let mut seen = vec![nothing; grid.shape.lines * grid.shape.length];
        for (line, pieces) in lines.iter().enumerate() {
            for piece in *pieces {
                let columns: Vec<Option<usize>> = piece
                    .characters()
                    .iter()
                    .map(|character| index(u8::try_from(*character).ok()?))
                    .collect();
                for (place, probabilities) in piece.rows().enumerate() {
                    let at = back.apply(piece.point(place as f32 + 0.5)).x;
                    let position = at.floor();
                    if !(position >= 0.0 && position < grid.shape.length as f32) {
                        continue;
                    }
                    let Some(seen) = seen.get_mut(line * grid.shape.length + position as usize) else {
                        continue;
                    };
                    let off = (at - position - 0.5) / REACH;
                    let near = (-off * off / 2.0).exp();
                    let present = 1.0 - probabilities.first().copied().unwrap_or(1.0);
                    seen.presence = seen.presence.max(present * near);
                    for (column, probability) in columns.iter().zip(probabilities.iter().skip(1)) {
                        if let Some(weight) = column.and_then(|column| seen.weights.get_mut(column)) {
                            // Squared by way of the presence: the peak speaks, its flanks hardly.
                            *weight += probability * present * near * near;
                        }
                    }
                }
            }
        }
        for seen in &mut seen {
            let sum: f32 = seen.weights.iter().sum();
            if sum > 0.0 {
                seen.weights.iter_mut().for_each(|weight| *weight /= sum);
            }
        }
        Some(Self(seen))
    }

    /// The likeliest symbols by this pass alone.
    pub(super) fn beliefs(&self) -> Vec<Belief> {
        let belief = |seen: &Seen| {
            if seen.presence < PRESENT {
                Belief::UNKNOWN
            } else {
                Belief::read(&seen.weights, DOUBT)
            }
        };
        self.0.iter().map(belief).collect()
    }
}

/// How the ink at a position looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink {
    /// Difference between its dark and its light pixels, as a share of the zone's.
    contrast: f32,
    /// How far the ink's upper and lower ends are from those of the line's letters and digits, as a share of the line's height:
    /// OCR-B has them all of one height (ISO 1073-2).
    off: f32,
}

/// The ink at every position of the zone, from pictures of its lines with `margin` positions on either side.
pub(super) fn ink(grid: &Grid, lines: &[Picture], margin: f32) -> Vec<Ink> {
    let length = grid.shape.length;
    let mut inks: Vec<Ink> = Vec::with_capacity(lines.len() * length);
    for line in lines {
        let luma = line.luma();
        let pitch = line.width() as f32 / (length as f32 + 2.0 * margin);
        let cells: Vec<Cell> = (0..length)
            .map(|position| {
                let edge = |at: f32| ((at + margin) * pitch).round() as usize;
                let (left, right) = (edge(position as f32), edge(position as f32 + 1.0));
                let rows = luma.chunks_exact(line.width() as usize);
                Cell::of(rows.map(|row| row.get(left..right).unwrap_or_default()))
            })
            .collect();
        let (top, bottom) = (
            median(cells.iter().map(|cell| cell.top)).unwrap_or_default(),
            median(cells.iter().map(|cell| cell.bottom)).unwrap_or_default(),
        );
        inks.extend(cells.iter().map(|cell| Ink {
            contrast: cell.contrast,
            off: (cell.top - top).abs().max((cell.bottom - bottom).abs()) / line.height() as f32,
        }));
    }
    let usual = median(inks.iter().map(|ink| ink.contrast)).unwrap_or_default().max(1.0);
    inks.iter_mut().for_each(|ink| ink.contrast /= usual);
    inks
}

/// The pixels of one position.
struct Cell {
    contrast: f32,
    /// First and last row with ink.
    top: f32,
    bottom: f32,
}

impl Cell {
    fn of<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone) -> Self {
        let mut values: Vec<f32> = rows.clone().flatten().copied().collect();
        values.sort_by(f32::total_cmp);
        let at = |share: f32| {
            let index = (share * values.len() as f32) as usize;
            values.get(index).copied().unwrap_or_default()
        };
        let (dark, light) = (at(0.08), at(0.9));
        let inked = |row: &[f32]| row.iter().filter(|value| **value < f32::midpoint(dark, light)).count() >= 2;
        let mut inked = rows
            .enumerate()
            .filter(|(_, row)| inked(row))
            .map(|(row, _)| row as f32);
        let top = inked.next().unwrap_or_default();
        Self {
            contrast: light - dark,
            top,
            bottom: inked.last().unwrap_or(top),
        }
    }
}

/// What was seen at every position by two passes and in the ink.
pub(super) fn beliefs(first: &Pass, second: &Pass, ink: &[Ink]) -> Vec<Belief> {
    let places = first.0.iter().zip(&second.0).zip(ink);
    places
        .map(|((first, second), ink)| belief(first, second, *ink))
        .collect()
}

fn belief(first: &Seen, second: &Seen, ink: Ink) -> Belief {
    if !(INK..).contains(&ink.contrast) || second.presence < PRESENT {
        return Belief::UNKNOWN;
    }
    let mut doubt = DOUBT;
    if !(FAINT..SOILED).contains(&ink.contrast) {
        doubt = doubt.max(SPOILT);
    }
    if ink.off > UNEVEN {
        doubt = doubt.max(SPOILT);
    }
    if first.presence < PRESENT {
        return Belief::read(&second.weights, doubt.max(ONCE));
    }
    // Where the passes disagree, neither is believed.
    let mut both = [0.0; SYMBOLS];
    for (both, (a, b)) in both.iter_mut().zip(first.weights.iter().zip(&second.weights)) {
        *both = (a * b).sqrt();
    }
    let agreement: f32 = both.iter().sum();
    both.iter_mut()
        .for_each(|value| *value /= agreement.max(f32::MIN_POSITIVE));
    Belief::read(&both, doubt.max(1.0 - agreement).min(1.0))
}
