//! The smallest rectangle around a region, and the quad of the line in it.

use super::components::Run;
use crate::geometry::{Point, Quad};

/// A rectangle at any angle: its middle, the unit vector along its width, and half its sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rectangle {
    middle: (f64, f64),
    along: (f64, f64),
    half_width: f64,
    half_height: f64,
}

impl Rectangle {
    /// The rectangle of least area around the pixels of a region, each a unit square from (column, row) on. One of its sides lies
    /// on an edge of the convex hull (Freeman and Shapira 1975, "Determining the minimum-area encasing rectangle for an arbitrary
    /// closed curve"). Where two are as small, that with the first edge. `None` for no pixels.
    pub(super) fn around(region: &[Run]) -> Option<Rectangle> {
        let hull = convex_hull(region);
        let edges = hull.iter().zip(hull.iter().cycle().skip(1));
        edges
            .filter_map(|(a, b)| {
                let (dx, dy) = (b.0 - a.0, b.1 - a.1);
                let length = dx.hypot(dy);
                (length > 0.0).then(|| Rectangle::along(&hull, (dx / length, dy / length)))
            })
            .min_by(|a, b| a.area().total_cmp(&b.area()))
    }

    /// The rectangle around points with its width in the direction `along`.
    fn along(points: &[(f64, f64)], along: (f64, f64)) -> Rectangle {
        let (mut least, mut most) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
        for point in points {
            let u = point.0 * along.0 + point.1 * along.1;
            let v = point.1 * along.0 - point.0 * along.1;
            least = (least.0.min(u), least.1.min(v));
            most = (most.0.max(u), most.1.max(v));
        }
        let (u, v) = ((least.0 + most.0) / 2.0, (least.1 + most.1) / 2.0);
        Rectangle {
            middle: (u * along.0 - v * along.1, u * along.1 + v * along.0),
            along,
            half_width: (most.0 - least.0) / 2.0,
            half_height: (most.1 - least.1) / 2.0,
        }
    }

    pub(super) fn area(&self) -> f64 {
        4.0 * self.half_width * self.half_height
    }

    /// The shorter side.
    pub(super) fn thickness(&self) -> f64 {
        2.0 * self.half_width.min(self.half_height)
    }

    /// Moved outwards on all sides by `ratio` times area over perimeter, which undoes the shrinking of the lines that the network
    /// was trained on (Liao et al. 2020, eq. 10).
    pub(super) fn unclip(&self, ratio: f64) -> Rectangle {
        let distance = ratio * self.area() / (4.0 * (self.half_width + self.half_height));
        Rectangle {
            half_width: self.half_width + distance,
            half_height: self.half_height + distance,
            ..*self
        }
    }

    /// Mean of the values whose middle is inside; 0 where none is. `map` holds rows of `width` values.
    pub(super) fn mean(&self, map: &[f32], width: usize) -> f32 {
        let ((cx, cy), (ux, uy)) = (self.middle, self.along);
        let reach = self.half_width * uy.abs() + self.half_height * ux.abs();
        let first = (cy - reach - 0.5).ceil().max(0.0);
        let rows = map.chunks_exact(width.max(1)).enumerate().skip(first as usize);
        let (mut sum, mut count) = (0f64, 0u32);
        for (row, values) in rows {
            let dy = row as f64 + 0.5 - cy;
            if dy > reach {
                break;
            }
            // Inside: |dx·ux + dy·uy| ≤ half width and |dy·ux − dx·uy| ≤ half height.
            let (from_u, to_u) = interval(ux, dy * uy, self.half_width);
            let (from_v, to_v) = interval(-uy, dy * ux, self.half_height);
            let start = (cx + from_u.max(from_v) - 0.5).ceil().max(0.0) as usize;
            let end = (cx + to_u.min(to_v) - 0.5).floor() + 1.0;
            for &value in values.iter().take(end.max(0.0) as usize).skip(start) {
                sum += f64::from(value);
                count += 1;
            }
        }
        if count == 0 {
            0.0
        } else {
            (sum / f64::from(count)) as f32
        }
    }

    /// The corners in a picture whose pixels are `scale` times as many, by the convention of [`crate::geometry`], in the order of
    /// upright text: a line runs along the longer side where that is clearly the longer one, from left to right, or from the top
    /// down where it is upright.
    pub(super) fn quad(&self, scale: (f64, f64)) -> Quad {
        let ((cx, cy), (ux, uy)) = (self.middle, self.along);
        let corner = |u: f64, v: f64| {
            let (du, dv) = (u * self.half_width, v * self.half_height);
            let (x, y) = (cx + du * ux - dv * uy, cy + du * uy + dv * ux);
            Point::new((x * scale.0 - 0.5) as f32, (y * scale.1 - 0.5) as f32)
        };
        let corners = [
            corner(-1.0, -1.0),
            corner(1.0, -1.0),
            corner(1.0, 1.0),
            corner(-1.0, 1.0),
        ];
        // The corners are in clockwise order on the screen; the edge that points most to the right is the upper one.
        let turns = rotations(corners);
        let upright = (0..4).max_by(|&a, &b| rightward(&turns[a]).total_cmp(&rightward(&turns[b])));
        let upright = upright.unwrap_or(0);
        if turns[upright].height() >= UPRIGHT * turns[upright].width() {
            turns[(upright + 1) % 4]
        } else {
            turns[upright]
        }
    }
}

/// How many times as high as wide a rectangle is from which on its text runs from the top down.
const UPRIGHT: f32 = 1.5;

/// The quads that start at each of the corners.
fn rotations([a, b, c, d]: [Point; 4]) -> [Quad; 4] {
    [
        Quad([a, b, c, d]),
        Quad([b, c, d, a]),
        Quad([c, d, a, b]),
        Quad([d, a, b, c]),
    ]
}

/// Cosine of the angle between the first edge and the direction to the right.
fn rightward(quad: &Quad) -> f32 {
    let [a, b, ..] = quad.0;
    (b.x - a.x) / a.distance(b).max(f32::MIN_POSITIVE)
}

/// The x with |x·slope + offset| ≤ limit.
fn interval(slope: f64, offset: f64, limit: f64) -> (f64, f64) {
    if slope.abs() < 1e-12 {
        return if offset.abs() <= limit {
            (f64::NEG_INFINITY, f64::INFINITY)
        } else {
            (f64::INFINITY, f64::NEG_INFINITY)
        };
    }
    let (a, b) = ((-limit - offset) / slope, (limit - offset) / slope);
    (a.min(b), a.max(b))
}

/// The convex hull of the pixels' corners, clockwise on the screen (Andrew 1979, "Another efficient algorithm for convex hulls in
/// two dimensions").
fn convex_hull(region: &[Run]) -> Vec<(f64, f64)> {
    let mut points: Vec<(usize, usize)> = region
        .iter()
        .flat_map(|run| [run.start, run.end].map(|x| [(x, run.row), (x, run.row + 1)]))
        .flatten()
        .collect();
    points.sort_unstable();
    points.dedup();
    let points: Vec<(f64, f64)> = points.into_iter().map(|(x, y)| (x as f64, y as f64)).collect();
    let mut hull = half_hull(points.iter().copied());
    let mut back = half_hull(points.iter().rev().copied());
    hull.pop();
    back.pop();
    hull.append(&mut back);
    hull
}

fn half_hull(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for p in points {
        while let [.., a, b] = hull.as_slice() {
            if (b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0) > 0.0 {
                break;
            }
            hull.pop();
        }
        hull.push(p);
    }
    hull
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pixels whose middle lies inside a turned rectangle.
    fn draw(middle: (f64, f64), angle: f64, width: f64, height: f64) -> Vec<Run> {
        let (s, c) = angle.sin_cos();
        let inside = |x: usize, y: usize| {
            let (dx, dy) = (x as f64 + 0.5 - middle.0, y as f64 + 0.5 - middle.1);
            (dx * c + dy * s).abs() <= width / 2.0 && (dy * c - dx * s).abs() <= height / 2.0
        };
        (0..200)
            .filter_map(|row| {
                let columns: Vec<usize> = (0..200).filter(|&x| inside(x, row)).collect();
                let (first, last) = (columns.first()?, columns.last()?);
                Some(Run {
                    row,
                    start: *first,
                    end: last + 1,
                })
            })
            .collect()
    }

    fn raster(region: &[Run]) -> Vec<f32> {
        let mut map = vec![0.0; 200 * 200];
        for run in region {
            map[run.row * 200 + run.start..run.row * 200 + run.end].fill(1.0);
        }
        map
    }

    proptest! {
        #[test]
        fn finds_a_turned_rectangle(angle in -1.5f64..1.5, width in 60f64..120.0, height in 12f64..30.0) {
            let region = draw((100.0, 100.0), angle, width, height);
            let found = Rectangle::around(&region).unwrap();
            let (long, short) = (2.0 * found.half_width.max(found.half_height), found.thickness());
            prop_assert!((long - width).abs() < 3.5 && (short - height).abs() < 3.5, "{long} x {short}");
            prop_assert!((found.middle.0 - 100.0).hypot(found.middle.1 - 100.0) < 2.0);
            for (x, y) in convex_hull(&region) {
                let (dx, dy) = (x - found.middle.0, y - found.middle.1);
                let (u, v) = (dx * found.along.0 + dy * found.along.1, dy * found.along.0 - dx * found.along.1);
                prop_assert!(u.abs() <= found.half_width + 1e-9 && v.abs() <= found.half_height + 1e-9);
            }
            let mean = found.mean(&raster(&region), 200);
            prop_assert!(mean > 0.8, "{mean}");

            let quad = found.quad((1.0, 1.0));
            let [a, b, _, d] = quad.0;
            prop_assert!(quad.width() > quad.height(), "a line runs along its longer side");
            let clockwise = (b.x - a.x) * (d.y - a.y) - (b.y - a.y) * (d.x - a.x);
            prop_assert!(clockwise > 0.0, "not mirrored");
            let direction = f64::from(b.y - a.y).atan2(f64::from(b.x - a.x));
            prop_assert!(direction > -0.9 && direction < 2.5, "an eighth of a turn from the right or from downwards: {direction}");
        }
    }

    #[test]
    fn one_pixel_is_a_unit_square() {
        let found = Rectangle::around(&[Run {
            row: 3,
            start: 5,
            end: 6,
        }])
        .unwrap();
        assert_eq!((found.middle, found.area(), found.thickness()), ((5.5, 3.5), 1.0, 1.0));
        // Twice as many pixels: pixel 5 covers 10 and 11 there, whose outer edges are at 9.5 and 11.5.
        let corners = found.quad((2.0, 2.0)).bounds();
        assert_eq!(
            (corners.x, corners.y, corners.width, corners.height),
            (9.5, 5.5, 2.0, 2.0)
        );
        assert_eq!(Rectangle::around(&[]), None);
    }

    #[test]
    fn unclip_moves_all_sides_by_the_same_distance() {
        let region: Vec<Run> = (0..10)
            .map(|row| Run {
                row,
                start: 20,
                end: 60,
            })
            .collect();
        let found = Rectangle::around(&region).unwrap();
        let grown = found.unclip(1.5);
        let distance = 1.5 * 400.0 / 100.0;
        assert!((grown.thickness() - 10.0 - 2.0 * distance).abs() < 1e-9);
        assert!((grown.area() - (10.0 + 2.0 * distance) * (40.0 + 2.0 * distance)).abs() < 1e-6);
        assert_eq!(found.mean(&raster(&region), 200), 1.0);
    }
}
