//! Where the patches of one plane lie in another.

use crate::face::plane::Plane;
use crate::geometry::{Affine, Perspective, Point};

/// How patches are laid out and looked for, in pixels.
#[derive(Clone, Copy)]
pub(super) struct Patches {
    /// Side of a patch.
    pub(super) side: usize,
    /// From one patch to the next.
    pub(super) step: usize,
    /// Nothing nearer to the border is looked at.
    pub(super) margin: usize,
    /// How far a patch may have moved, each way.
    pub(super) reach: usize,
}

/// A patch and the place where it was found again.
#[derive(Clone, Copy)]
pub(super) struct Match {
    /// Centre of the patch.
    pub(super) from: Point,
    /// Centre of what is most like it in the other plane, between pixels.
    pub(super) to: Point,
    /// Pearson's correlation of both, -1 to 1.
    pub(super) correlation: f32,
}

impl Patches {
    /// Every patch of a plane, found again in another one of the same size.
    pub(super) fn find(&self, plane: &Plane, other: &Plane) -> Vec<Match> {
        let starts = |length: usize| (self.margin..=length - self.margin - self.side).step_by(self.step);
        starts(plane.height)
            .flat_map(|top| starts(plane.width).map(move |left| (left, top)))
            .map(|(left, top)| self.find_one(plane, other, left, top))
            .collect()
    }

    fn find_one(&self, plane: &Plane, other: &Plane, left: usize, top: usize) -> Match {
        let Self { side, reach, .. } = *self;
        let count = (side * side) as f32;
        let mut patch: Vec<f32> = (top..top + side)
            .flat_map(|row| &plane.values[row * plane.width + left..][..side])
            .copied()
            .collect();
        let mean = patch.iter().sum::<f32>() / count;
        patch.iter_mut().for_each(|value| *value -= mean);
        let energy: f32 = patch.iter().map(|value| value * value).sum();
        let correlation = |x: usize, y: usize| {
            let (mut both, mut sum, mut squares) = (0.0, 0.0, 0.0);
            for (row, patch) in (y..).zip(patch.chunks_exact(side)) {
                let row = &other.values[row * other.width + x..][..side];
                for (value, patch) in row.iter().zip(patch) {
                    both += value * patch;
                    sum += value;
                    squares += value * value;
                }
            }
            // What is all but flat is like nothing.
            both / (energy * (squares - sum * sum / count)).sqrt().max(1e-3 * count)
        };
        let across = 2 * reach + 1;
        let (left, top) = (left - reach, top - reach);
        let mut all = Vec::with_capacity(across * across);
        for y in 0..across {
            all.extend((0..across).map(|x| correlation(left + x, top + y)));
        }
        let best = (0..all.len()).fold(0, |best, at| if all[at] > all[best] { at } else { best });
        let (x, y) = (best % across, best / across);
        let at = |x: usize, y: usize| all[y * across + x];
        let inside = (1..2 * reach).contains(&x) && (1..2 * reach).contains(&y);
        let (dx, dy) = if inside {
            (
                vertex(at(x - 1, y), all[best], at(x + 1, y)),
                vertex(at(x, y - 1), all[best], at(x, y + 1)),
            )
        } else {
            (0.0, 0.0)
        };
        let half = (side as f32 - 1.0) / 2.0;
        let centre = Point::new((left + reach) as f32 + half, (top + reach) as f32 + half);
        let moved = |at: usize, between: f32| at as f32 - reach as f32 + between;
        Match {
            from: centre,
            to: Point::new(centre.x + moved(x, dx), centre.y + moved(y, dy)),
            correlation: all[best],
        }
    }
}

/// Where the parabola through three values at -1, 0 and 1 has its vertex, of which the middle one is the largest.
fn vertex(before: f32, middle: f32, after: f32) -> f32 {
    let bend = before - 2.0 * middle + after;
    if bend < -1e-6 {
        (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
    } else {
        0.0
    }
}

/// Rounds of reweighting in a fit.
const ROUNDS: usize = 8;

/// The move that most patches made, weighed by how sure they are; whole pixels, up to `reach` each way.
pub(super) fn common_move(matches: &[Match], reach: usize) -> Perspective {
    let reach = reach as i32;
    let moves = (-reach..=reach).flat_map(|y| (-reach..=reach).map(move |x| (x as f32, y as f32)));
    let votes = |(x, y): (f32, f32)| -> f32 {
        let vote = |found: &Match| {
            let off = Point::new(found.from.x + x, found.from.y + y).distance(found.to);
            found.correlation.max(0.0).powi(2) * (-off * off / 4.0).exp()
        };
        matches.iter().map(vote).sum()
    };
    let best = moves
        .map(|moved| (moved, votes(moved)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let (x, y) = best.map_or((0.0, 0.0), |(moved, _)| moved);
    Perspective([1.0, 0.0, x.into(), 0.0, 1.0, y.into(), 0.0, 0.0, 1.0])
}

/// The map that most patches agree on, and how far they do, 0 to 1: least squares, again and again, in which a patch counts the less
/// the farther it lies off (weights of Geman and McClure, with a scale in pixels that shrinks from the first to the second of
/// `scales`). The first rounds fit an affine map, the others one with perspective where that is asked for.
pub(super) fn fit(matches: &[Match], start: Perspective, scales: (f32, f32), perspective: bool) -> (Perspective, f32) {
    let mut map = start;
    let mut support = 0.0;
    for round in 0..ROUNDS {
        let scale = scales.0 * (scales.1 / scales.0).powf(round as f32 / (ROUNDS - 1) as f32);
        let weigh = |found: &Match| {
            // Where the map has no place the patch lies off, however far that is.
            let off = Some(map.apply(found.from).distance(found.to) / scale).filter(|off| off.is_finite());
            let weight = off.map_or(0.0, |off| {
                found.correlation.max(0.0).powi(2) / (1.0 + off * off).powi(2)
            });
            (found.from, found.to, weight)
        };
        let weighed: Vec<(Point, Point, f32)> = matches.iter().map(weigh).collect();
        support = weighed.iter().map(|(.., weight)| weight).sum::<f32>() / matches.len().max(1) as f32;
        let fitted = if perspective && round >= ROUNDS / 2 {
            Perspective::fit(&weighed)
        } else {
            Affine::fit(&weighed).map(Perspective::from)
        };
        map = fitted.unwrap_or(map);
    }
    (map, support)
}
