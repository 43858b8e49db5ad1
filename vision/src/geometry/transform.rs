//! Maps of the plane: similarity, affine, perspective.

use super::{Point, Quad};

/// Turning, scaling and moving, without mirroring: x' = a·x − b·y + tx, y' = b·x + a·y + ty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimilarityTransform {
    a: f64,
    b: f64,
    tx: f64,
    ty: f64,
}

impl SimilarityTransform {
    /// The map that takes `from` as near to `to` as it can in the sense of least squares.
    ///
    /// This is the solution of Umeyama ("Least-squares estimation of transformation parameters between two point patterns",
    /// 1991, eq. 40–43) for the plane, where it has a closed form: with centred points p and q as complex numbers, the factor is
    /// Σ p̄q / Σ |p|². `None` when fewer than two points differ, a point is not finite, or everything would shrink to nothing.
    #[must_use]
    pub fn estimate<const N: usize>(from: &[Point; N], to: &[Point; N]) -> Option<SimilarityTransform> {
        let mean = |points: &[Point; N]| {
            let sum = points
                .iter()
                .fold((0.0, 0.0), |(x, y), p| (x + f64::from(p.x), y + f64::from(p.y)));
            (sum.0 / N as f64, sum.1 / N as f64)
        };
        let (from_mean, to_mean) = (mean(from), mean(to));
        let (mut dot, mut cross, mut spread) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (f64::from(p.x) - from_mean.0, f64::from(p.y) - from_mean.1);
            let (qx, qy) = (f64::from(q.x) - to_mean.0, f64::from(q.y) - to_mean.1);
            dot += px * qx + py * qy;
            cross += px * qy - py * qx;
            spread += px * px + py * py;
        }
        let (a, b) = (dot / spread, cross / spread);
        let transform = SimilarityTransform {
            a,
            b,
            tx: to_mean.0 - a * from_mean.0 + b * from_mean.1,
            ty: to_mean.1 - b * from_mean.0 - a * from_mean.1,
        };
        let usable = transform.scale() > 1e-9 && transform.tx.is_finite() && transform.ty.is_finite();
        usable.then_some(transform)
    }

    /// Factor by which lengths grow.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }

    /// Angle by which it turns, in radians, clockwise on the screen (y points down).
    #[must_use]
    pub fn rotation(&self) -> f64 {
        self.b.atan2(self.a)
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(&self, point: Point) -> Point {
        Affine::from(*self).apply(point)
    }
}

impl From<SimilarityTransform> for Affine {
    fn from(t: SimilarityTransform) -> Affine {
        Affine([t.a, -t.b, t.tx, t.b, t.a, t.ty])
    }
}

/// x' = m₀·x + m₁·y + m₂, y' = m₃·x + m₄·y + m₅.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine(pub [f64; 6]);

impl Affine {
    /// Where a point goes.
    #[must_use]
    pub fn apply(&self, point: Point) -> Point {
        let [a, b, c, d, e, f] = self.0;
        let (x, y) = (f64::from(point.x), f64::from(point.y));
        Point::new((a * x + b * y + c) as f32, (d * x + e * y + f) as f32)
    }

    /// The map back; `None` when the plane is squashed to a line.
    #[must_use]
    pub fn inverse(&self) -> Option<Affine> {
        let [a, b, c, d, e, f] = self.0;
        let det = a * e - b * d;
        let inverse = Affine([
            e / det,
            -b / det,
            (b * f - c * e) / det,
            -d / det,
            a / det,
            (c * d - a * f) / det,
        ]);
        inverse.0.iter().all(|value| value.is_finite()).then_some(inverse)
    }
}

/// A homography: x' = (m₀·x + m₁·y + m₂) / w, y' = (m₃·x + m₄·y + m₅) / w, w = m₆·x + m₇·y + m₈.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Perspective(pub [f64; 9]);

impl Perspective {
    /// The map that takes the corners of `from` to those of `to`. `None` when three corners of one of them lie on a line.
    ///
    /// Composed of the maps between the unit square and each quad (Heckbert, "Fundamentals of texture mapping and image
    /// warping", 1989, section 2.2.3).
    #[must_use]
    pub fn between(from: &Quad, to: &Quad) -> Option<Perspective> {
        let from_unit = Perspective::from_unit_square(from)?;
        let to_unit = Perspective::from_unit_square(to)?;
        let map = to_unit.after(&from_unit.adjugate());
        map.0.iter().all(|value| value.is_finite()).then_some(map)
    }

    /// Where a point goes. Not finite on the line that is mapped to infinity.
    #[must_use]
    pub fn apply(&self, point: Point) -> Point {
        let (x, y) = self.apply_f64(f64::from(point.x), f64::from(point.y));
        Point::new(x as f32, y as f32)
    }

    pub(super) fn apply_f64(&self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let w = g * x + h * y + i;
        ((a * x + b * y + c) / w, (d * x + e * y + f) / w)
    }

    fn from_unit_square(quad: &Quad) -> Option<Perspective> {
        let [p0, p1, p2, p3] = quad.0.map(|p| (f64::from(p.x), f64::from(p.y)));
        let (dx1, dx2, sx) = (p1.0 - p2.0, p3.0 - p2.0, p0.0 - p1.0 + p2.0 - p3.0);
        let (dy1, dy2, sy) = (p1.1 - p2.1, p3.1 - p2.1, p0.1 - p1.1 + p2.1 - p3.1);
        let det = dx1 * dy2 - dx2 * dy1;
        let g = (sx * dy2 - dx2 * sy) / det;
        let h = (dx1 * sy - sx * dy1) / det;
        let map = Perspective([
            p1.0 - p0.0 + g * p1.0,
            p3.0 - p0.0 + h * p3.0,
            p0.0,
            p1.1 - p0.1 + g * p1.1,
            p3.1 - p0.1 + h * p3.1,
            p0.1,
            g,
            h,
            1.0,
        ]);
        let adjugate = map.adjugate();
        let determinant = map
            .0
            .iter()
            .take(3)
            .zip([adjugate.0[0], adjugate.0[3], adjugate.0[6]])
            .map(|(m, c)| m * c)
            .sum::<f64>();
        (determinant.is_finite() && determinant.abs() > 1e-9).then_some(map)
    }

    /// The inverse up to a factor, which a homography does not notice.
    fn adjugate(&self) -> Perspective {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        Perspective([
            e * i - f * h,
            c * h - b * i,
            b * f - c * e,
            f * g - d * i,
            a * i - c * g,
            c * d - a * f,
            d * h - e * g,
            b * g - a * h,
            a * e - b * d,
        ])
    }

    fn after(&self, first: &Perspective) -> Perspective {
        let (l, r) = (&self.0, &first.0);
        Perspective(std::array::from_fn(|at| {
            let (row, column) = (at / 3 * 3, at % 3);
            l[row] * r[column] + l[row + 1] * r[column + 3] + l[row + 2] * r[column + 6]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point() -> impl Strategy<Value = Point> {
        (-500f32..500.0, -500f32..500.0).prop_map(|(x, y)| Point::new(x, y))
    }

    fn near(a: Point, b: Point, tolerance: f32) -> bool {
        a.distance(b) <= tolerance
    }

    /// Sum of squared distances after the map.
    fn cost(map: &SimilarityTransform, from: &[Point; 5], to: &[Point; 5]) -> f64 {
        from.iter()
            .zip(to)
            .map(|(p, q)| f64::from(map.apply(*p).distance(*q)).powi(2))
            .sum()
    }

    proptest! {
        #[test]
        fn estimate_recovers_a_known_map(
            points in proptest::array::uniform5(point()), scale in 0.1f64..5.0, angle in -3.0f64..3.0, tx in -300f64..300.0, ty in -300f64..300.0,
        ) {
            prop_assume!(points.iter().any(|p| p.distance(points[0]) > 10.0));
            let known = SimilarityTransform { a: scale * angle.cos(), b: scale * angle.sin(), tx, ty };
            let to = points.map(|p| known.apply(p));
            let found = SimilarityTransform::estimate(&points, &to).unwrap();
            prop_assert!((found.scale() - scale).abs() < 1e-3 * scale);
            for p in points {
                prop_assert!(near(found.apply(p), known.apply(p), 0.02));
            }
        }

        #[test]
        fn no_neighbouring_map_is_nearer(
            from in proptest::array::uniform5(point()), to in proptest::array::uniform5(point()),
            step in proptest::array::uniform4(-1.0f64..1.0),
        ) {
            let Some(best) = SimilarityTransform::estimate(&from, &to) else { return Ok(()) };
            let other = SimilarityTransform {
                a: best.a + step[0] * 0.05, b: best.b + step[1] * 0.05, tx: best.tx + step[2] * 5.0, ty: best.ty + step[3] * 5.0,
            };
            prop_assert!(cost(&best, &from, &to) <= cost(&other, &from, &to) * (1.0 + 1e-4) + 1e-2);
        }

        #[test]
        fn affine_inverse_leads_back(m in proptest::array::uniform6(-3.0f64..3.0), p in point()) {
            prop_assume!((m[0] * m[4] - m[1] * m[3]).abs() > 0.1);
            let map = Affine(m);
            prop_assert!(near(map.inverse().unwrap().apply(map.apply(p)), p, 0.1));
        }

        #[test]
        fn perspective_takes_corners_to_corners(jitter in proptest::array::uniform8(-20f32..20.0), turned in 0usize..4) {
            let square = [(0.0, 0.0), (100.0, 0.0), (100.0, 60.0), (0.0, 60.0)];
            let mut corners = [Point::default(); 4];
            for i in 0..4 {
                let (x, y) = square[(i + turned) % 4];
                corners[i] = Point::new(x + jitter[2 * i], y + jitter[2 * i + 1]);
            }
            let to = Quad::from(super::super::Rect::new(5.0, 6.0, 200.0, 30.0));
            let map = Perspective::between(&Quad(corners), &to).unwrap();
            for (p, q) in corners.iter().zip(to.0) {
                prop_assert!(near(map.apply(*p), q, 0.01), "{:?} {:?}", map.apply(*p), q);
            }
        }
    }

    #[test]
    fn points_that_determine_nothing_give_none() {
        let same = [Point::new(3.0, 4.0); 5];
        let other = [
            Point::new(0.0, 0.0),
            Point::new(1.0, 0.0),
            Point::new(0.0, 1.0),
            Point::new(1.0, 1.0),
            Point::new(2.0, 1.0),
        ];
        assert_eq!(SimilarityTransform::estimate(&same, &other), None);
        assert_eq!(SimilarityTransform::estimate(&other, &same), None);
        let mut bad = other;
        bad[2].x = f32::NAN;
        assert_eq!(SimilarityTransform::estimate(&bad, &other), None);
        assert_eq!(Affine([1.0, 2.0, 0.0, 2.0, 4.0, 0.0]).inverse(), None);
        let line = Quad([
            Point::new(0.0, 0.0),
            Point::new(1.0, 0.0),
            Point::new(2.0, 0.0),
            Point::new(3.0, 0.0),
        ]);
        assert_eq!(
            Perspective::between(&line, &Quad::from(super::super::Rect::new(0.0, 0.0, 1.0, 1.0))),
            None
        );
    }
}
