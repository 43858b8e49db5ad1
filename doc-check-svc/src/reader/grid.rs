//! Where the positions of a zone are in the picture.
//!
//! A zone is printed at a fixed pitch (ICAO Doc 9303-3 §4.1: OCR-B, 10 characters to the inch), so that its characters stand on a
//! grid whatever is washed out or covered. The grid is fitted to where characters were read, not to what they are, and its size
//! decides the format: nothing slides along to make a reading fit.
//!
//! ```text
//! characters of the rows ─▶ pitch and bend (periodogram) ─▶ index of each along its row ─▶ rows aligned ─▶ number of positions
//!                        ─▶ homography from grid to picture, fitted to all characters
//! ```

use std::f32::consts::TAU;

use vision::geometry::{Perspective, Point, Quad};
use vision::text::Frames;

use super::rows::{Row, direction};
use crate::mrz::Shape;
use crate::page::Page;

/// A place that more likely than this shows a character belongs to one.
const CHARACTER: f32 = 0.5;

/// The pitch is this many times the height of a row at most and at least. Boxes are 1.2 to 2 times as high as print, which is nearly
/// as high as the pitch.
const PITCHES: (f32, f32) = (0.28, 1.2);

/// Share of the pitch by which the median distance of neighbours may be wrong: it is a multiple of a place.
const PITCH_DOUBT: f32 = 0.14;

/// How far perspective may move the ends of a row against its middle, in pitches.
const MOST_BEND: f32 = 1.2;

/// Least length of the mean phase vector of the characters: 1 where all stand exactly on the grid, 0 where they stand anywhere.
const LEAST_COHERENCE: f32 = 0.6;

/// Least share of the positions that show a character, those beyond the grid counted against it.
const LEAST_FILLED: f32 = 0.4;

/// From this share on there is no doubt where the rows begin and end.
const FULL: f32 = 0.9;

/// Ways to lay rows on positions that are looked at where there is doubt: what is cut off or covered may be at either end.
const MOST_LAYOUTS: usize = 16;

/// What a position without a character takes from the score of a shape, where one with a character adds 1.
const EMPTY: f32 = 0.7;

/// What a character beyond the ends takes from it. Borders and dirt are read as characters there.
const BEYOND: f32 = 0.8;

/// What it takes from it that rows begin a position beside each other.
const SHEARED: f32 = 1.5;

/// Characters farther than this from their position's middle, in pitches, are not what the grid is fitted to.
const OUTLIER: f32 = 0.3;

/// Millimetres around a page that may belong to it: zones are printed so far from their place, and grids are not exact.
const AROUND: f32 = 2.0;

/// Positions of a zone in a picture.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// How many lines of how many positions.
    pub(super) shape: Shape,
    /// From the grid to the picture. Position `k` of line `r` is the square from (k, r) to (k + 1, r + 1).
    pub(super) map: Perspective,
    /// Height of a row of text, in distances between lines.
    pub(super) height: f32,
}

/// One character of a row.
#[derive(Clone, Copy)]
struct Mark {
    row: usize,
    /// Where it is along the text, in pixels.
    along: f32,
    point: Point,
    /// How surely there is a character.
    weight: f32,
}

/// Pitch and bend of all rows.
#[derive(Clone, Copy)]
struct Comb {
    pitch: f32,
    /// Shift of the ends against the middle, in pitches.
    bend: f32,
    middle: f32,
    half: f32,
}

impl Comb {
    /// Where a place along the text is, in pitches.
    fn at(&self, along: f32) -> f32 {
        let from_middle = (along - self.middle) / self.half;
        (along - self.middle) / self.pitch + self.bend * from_middle * from_middle
    }
}

impl Grid {
    /// The grids that may be behind rows below each other, whose frames are those of their pieces, best filled first. None where the
    /// rows are no zone of any shape.
    pub(super) fn fit(rows: &[Row], frames: &[&[Frames]]) -> Vec<Self> {
        let Some(direction) = rows.first().and_then(|row| direction(&row.quads)) else {
            return Vec::new();
        };
        let marks: Vec<Mark> = frames
            .iter()
            .enumerate()
            .flat_map(|(row, pieces)| pieces.iter().flat_map(move |piece| marks(row, direction, piece)))
            .collect();
        let height = median(rows.iter().map(|row| row.height)).unwrap_or_default();
        Self::behind(&marks, rows.len(), height)
    }

    /// The grids that may be behind the characters of so many rows, of which text is so high.
    fn behind(marks: &[Mark], rows: usize, height: f32) -> Vec<Self> {
        let Some(comb) = comb(marks, rows, height) else {
            return Vec::new();
        };
        let indices = indices(marks, &comb, rows);
        let seen = Seen::of(&indices, marks, rows);
        likely(layouts(&seen))
            .iter()
            .filter_map(|layout| {
                let placed = marks.iter().zip(&indices).filter_map(|(mark, index)| {
                    let position = index - layout.firsts.get(mark.row)?;
                    Some((*mark, Point::new(position as f32 + 0.5, mark.row as f32 + 0.5)))
                });
                Self::laid(layout.shape, height, placed.collect())
            })
            .collect()
    }

    /// The grid of a shape with the characters at these places.
    fn laid(shape: Shape, height: f32, mut placed: Vec<(Mark, Point)>) -> Option<Self> {
        let length = shape.length as f32;
        placed.retain(|(_, place)| place.x > 0.0 && place.x < length);
        let fit = |placed: &[(Mark, Point)]| {
            let pairs: Vec<_> = placed
                .iter()
                .map(|(mark, place)| (*place, mark.point, mark.weight))
                .collect();
            Perspective::fit(&pairs)
        };
        let mut map = fit(&placed)?;
        for _ in 0..2 {
            let back = map.inverse()?;
            placed.retain(|(mark, place)| (back.apply(mark.point).x - place.x).abs() < OUTLIER);
            map = fit(&placed)?;
        }
        let at = |y: f32| map.apply(Point::new(length / 2.0, y));
        Some(Self {
            shape,
            map,
            height: (height / at(0.0).distance(at(1.0))).clamp(0.35, 0.9),
        })
    }

    /// Where a rectangle of the grid is in the picture, by its upper left and its lower right corner.
    fn quad(&self, (left, top): (f32, f32), (right, bottom): (f32, f32)) -> Quad {
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        Quad(corners.map(|(x, y)| self.map.apply(Point::new(x, y))))
    }

    /// The row of a line with `margin` positions on either side.
    pub(super) fn row(&self, line: usize, margin: f32) -> Quad {
        let (left, right) = (-margin, self.shape.length as f32 + margin);
        let middle = line as f32 + 0.5;
        let (top, bottom) = (middle - self.height / 2.0, middle + self.height / 2.0);
        self.quad((left, top), (right, bottom))
    }

    /// Where the page of the zone is, and a little around it, by the largest that the standard has for its shape: which format it is,
    /// is not known yet.
    pub(super) fn page(&self) -> Quad {
        Page::largest(self.shape, &self.map).around(AROUND)
    }

    /// The unit vector along its lines.
    pub(super) fn direction(&self) -> Point {
        direction([&self.outline()]).unwrap_or_default()
    }

    /// The whole zone.
    pub(super) fn outline(&self) -> Quad {
        let (right, bottom) = (self.shape.length as f32, self.shape.lines as f32);
        self.quad((0.0, 0.0), (right, bottom))
    }
}

/// The characters of a piece of a row: runs of places at which the same character is the likeliest.
fn marks(row: usize, direction: Point, frames: &Frames) -> Vec<Mark> {
    let mut marks: Vec<(Option<usize>, Mark)> = Vec::new();
    let mut previous = None;
    for (place, probabilities) in frames.rows().enumerate() {
        let none = probabilities.first().copied().unwrap_or(1.0);
        let best = (1.0 - none > CHARACTER).then(|| likeliest(probabilities)).flatten();
        let weight = 1.0 - none;
        if best.is_some() {
            let point = frames.point(place as f32 + 0.5);
            let along = point.x * direction.x + point.y * direction.y;
            match marks.last_mut().filter(|_| best == previous) {
                // The middle of a run, weighted.
                Some((_, mark)) => {
                    let share = weight / (mark.weight + weight);
                    mark.along += (along - mark.along) * share;
                    mark.point = Point::new(
                        mark.point.x + (point.x - mark.point.x) * share,
                        mark.point.y + (point.y - mark.point.y) * share,
                    );
                    mark.weight += weight;
                }
                None => marks.push((
                    best,
                    Mark {
                        row,
                        along,
                        point,
                        weight,
                    },
                )),
            }
        }
        previous = best;
    }
    marks
        .into_iter()
        .map(|(_, mark)| Mark {
            weight: mark.weight.min(1.0),
            ..mark
        })
        .collect()
}

fn likeliest(probabilities: &[f32]) -> Option<usize> {
    (1..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]))
}

pub(super) fn median(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Pitch and bend under which the characters of every row stand most exactly at whole distances from each other.
fn comb(marks: &[Mark], rows: usize, height: f32) -> Option<Comb> {
    let gaps = || {
        marks
            .windows(2)
            .filter(|pair| pair[0].row == pair[1].row)
            .map(|pair| pair[1].along - pair[0].along)
            .filter(|gap| (PITCHES.0 * height..PITCHES.1 * height).contains(gap))
    };
    let usual = median(gaps())?;
    // Of a pitch of two and a half places, half of the gaps are two places and half are three.
    let near: Vec<f32> = gaps().filter(|gap| (0.6..1.6).contains(&(gap / usual))).collect();
    let usual = near.iter().sum::<f32>() / near.len() as f32;
    let (left, right) = marks.iter().fold((f32::MAX, f32::MIN), |(left, right), mark| {
        (left.min(mark.along), right.max(mark.along))
    });
    let (middle, half) = (f32::midpoint(left, right), ((right - left) / 2.0).max(1.0));

    let coherence = |comb: &Comb| {
        let sums = phases(marks, comb, rows);
        let weight: f32 = marks.iter().map(|mark| mark.weight).sum();
        sums.iter().map(|(cos, sin)| cos.hypot(*sin)).sum::<f32>() / weight
    };
    // A step moves the ends by a tenth of a pitch against each other.
    let step = 0.1 * usual / (2.0 * half / usual).max(1.0);
    let steps = (PITCH_DOUBT * usual / step) as i32;
    let bends = (MOST_BEND / 0.1) as i32;
    let mut best: Option<(f32, Comb)> = None;
    for pitch in -steps..=steps {
        for bend in -bends..=bends {
            let comb = Comb {
                pitch: usual + pitch as f32 * step,
                bend: bend as f32 * 0.1,
                middle,
                half,
            };
            // Of two that fit alike, the straighter.
            let score = coherence(&comb) - 0.02 * comb.bend.abs();
            if best.as_ref().is_none_or(|(most, _)| score > *most) {
                best = Some((score, comb));
            }
        }
    }
    best.filter(|(score, _)| *score >= LEAST_COHERENCE)
        .map(|(_, comb)| comb)
}

/// The sums of the phase vectors of each row's characters.
fn phases(marks: &[Mark], comb: &Comb, rows: usize) -> Vec<(f32, f32)> {
    let mut sums = vec![(0.0, 0.0); rows];
    for mark in marks {
        if let Some((cos, sin)) = sums.get_mut(mark.row) {
            let (s, c) = (TAU * comb.at(mark.along)).sin_cos();
            *cos += mark.weight * c;
            *sin += mark.weight * s;
        }
    }
    sums
}

/// The index of each character along its row; rows begin as near below each other as the grid allows.
fn indices(marks: &[Mark], comb: &Comb, rows: usize) -> Vec<i32> {
    let mut offsets: Vec<f32> = phases(marks, comb, rows)
        .into_iter()
        .map(|(cos, sin)| sin.atan2(cos) / TAU)
        .collect();
    for row in 1..offsets.len() {
        let shift = offsets[row] - offsets[row - 1];
        offsets[row] -= shift.round();
    }
    marks
        .iter()
        .map(|mark| (comb.at(mark.along) - offsets.get(mark.row).copied().unwrap_or_default()).round() as i32)
        .collect()
}

/// The rows' positions that show a character.
struct Seen {
    rows: Vec<Vec<i32>>,
    total: f32,
}

impl Seen {
    fn of(indices: &[i32], marks: &[Mark], rows: usize) -> Self {
        let mut seen = vec![Vec::new(); rows];
        for (mark, index) in marks.iter().zip(indices) {
            if let Some(row) = seen.get_mut(mark.row) {
                row.push(*index);
            }
        }
        seen.iter_mut().for_each(|row: &mut Vec<i32>| {
            row.sort_unstable();
            row.dedup();
        });
        let total = seen.iter().map(Vec::len).sum::<usize>() as f32;
        Self { rows: seen, total }
    }

    /// Positions of a row from `first` on that show a character.
    fn filled(&self, row: usize, first: i32, length: i32) -> f32 {
        let row = self.rows.get(row).into_iter().flatten();
        row.filter(|index| (first..first + length).contains(*index)).count() as f32
    }
}

/// A way to lay rows on positions.
struct Layout {
    shape: Shape,
    /// The index of each row's first position.
    firsts: Vec<i32>,
    /// Share of the positions that show a character, less those beyond the ends.
    filled: f32,
    /// Characters beyond the ends.
    beyond: f32,
}

/// Every way in which enough positions show a character. Sheared by perspective, a row may begin a position beside the one above.
fn layouts(seen: &Seen) -> Vec<Layout> {
    let all = || seen.rows.iter().flatten();
    let (Some(low), Some(high)) = (all().min(), all().max()) else {
        return Vec::new();
    };
    let mut layouts = Vec::new();
    for shape in Shape::ALL.into_iter().filter(|shape| shape.lines == seen.rows.len()) {
        let length = shape.length as i32;
        let positions = (shape.lines * shape.length) as f32;
        for first in low - length..=*high {
            for shear in -1..=1 {
                let firsts: Vec<i32> = (0..shape.lines as i32).map(|row| first + row * shear).collect();
                let rows = firsts.iter().enumerate();
                let filled: f32 = rows.map(|(row, first)| seen.filled(row, *first, length)).sum();
                let score = filled
                    - EMPTY * (positions - filled)
                    - BEYOND * (seen.total - filled)
                    - SHEARED * shear.abs() as f32;
                let beyond = seen.total - filled;
                let filled = score / positions;
                if filled >= LEAST_FILLED {
                    layouts.push(Layout {
                        shape,
                        firsts,
                        filled,
                        beyond,
                    });
                }
            }
        }
    }
    layouts
}

/// The best filled layouts, and of those that differ in their shear alone the best. Where one leaves nothing open, only longer shapes
/// stay beside it: a page of 44 positions that is cut off shows 36, too.
fn likely(mut layouts: Vec<Layout>) -> Vec<Layout> {
    layouts.sort_by(|a, b| b.filled.total_cmp(&a.filled));
    let mut likely: Vec<Layout> = Vec::new();
    for layout in layouts {
        let known = |other: &Layout| other.shape == layout.shape && other.firsts.first() == layout.firsts.first();
        let is_clear = likely.first().is_some_and(|best| {
            best.filled >= FULL && (layout.shape.length <= best.shape.length || layout.beyond > best.beyond)
        });
        if !is_clear && !likely.iter().any(known) {
            likely.push(layout);
        }
    }
    likely.truncate(MOST_LAYOUTS);
    likely
}

#[cfg(test)]
#[path = "grid_tests.rs"]
mod tests;
