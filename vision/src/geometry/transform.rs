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
    /// Turns about a point, clockwise as pictures are seen.
    #[must_use]
    pub fn turn_about(Point { x, y }: Point, degrees: f64) -> Affine {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (x, y) = (f64::from(x), f64::from(y));
        Affine([cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y])
    }

    /// The map that takes each first point as near to the second as it can in the sense of weighted least squares. Weights are not
    /// negative. `None` when all points with a weight lie on one line.
    #[must_use]
    pub fn fit(pairs: &[(Point, Point, f32)]) -> Option<Affine> {
        let from = Normalisation::of(pairs.iter().map(|(from, ..)| *from))?;
        let to = Normalisation::of(pairs.iter().map(|(_, to, _)| *to))?;
        // Both coordinates have the same factors: one elimination for each.
        let mut normal = [[[0.0; 4]; 3]; 2];
        for &(source, target, weight) in pairs {
            let ((x, y), (u, v)) = (from.apply(source), to.apply(target));
            for (equations, value) in normal.iter_mut().zip([u, v]) {
                let row = [x, y, 1.0, value];
                for (equation, factor) in equations.iter_mut().zip(row) {
                    for (sum, other) in equation.iter_mut().zip(row) {
                        *sum += f64::from(weight) * factor * other;
                    }
                }
            }
        }
        let [[a, b, c], [d, e, f]] = [solve(normal[0])?, solve(normal[1])?];
        let inner = Perspective::from(Affine([a, b, c, d, e, f]));
        let Perspective([a, b, c, d, e, f, _, _, w]) = to.map().adjugate().after(&inner).after(&from.map());
        let map = [a, b, c, d, e, f].map(|value| value / w);
        map.iter().all(|value| value.is_finite()).then_some(Affine(map))
    }

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

    /// The map that takes each first point as near to the second as it can, in the sense of weighted least squares over
    /// x'·w = m₀·x + m₁·y + m₂ and y'·w = m₃·x + m₄·y + m₅ with m₈ = 1 (direct linear transformation; Hartley and Zisserman,
    /// "Multiple View Geometry", 2nd edition, section 4.1, with the normalisation of 4.4). Weights are not negative. `None` when
    /// fewer than four points differ, or all lie on one line.
    #[must_use]
    pub fn fit(pairs: &[(Point, Point, f32)]) -> Option<Perspective> {
        let from = Normalisation::of(pairs.iter().map(|(from, ..)| *from))?;
        let to = Normalisation::of(pairs.iter().map(|(_, to, _)| *to))?;
        let mut normal = [[0.0; 9]; 8];
        for &(source, target, weight) in pairs {
            let ((x, y), (u, v)) = (from.apply(source), to.apply(target));
            for (row, value) in [
                ([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y], u),
                ([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y], v),
            ] {
                for (equation, factor) in normal.iter_mut().zip(row) {
                    for (sum, other) in equation.iter_mut().zip(row.into_iter().chain([value])) {
                        *sum += f64::from(weight) * factor * other;
                    }
                }
            }
        }
        let [a, b, c, d, e, f, g, h] = solve(normal)?;
        let inner = Perspective([a, b, c, d, e, f, g, h, 1.0]);
        let map = to.map().adjugate().after(&inner).after(&from.map());
        map.0.iter().all(|value| value.is_finite()).then_some(map)
    }

    /// The map back; `None` when the plane is squashed to a line.
    #[must_use]
    pub fn inverse(&self) -> Option<Perspective> {
        let map = self.adjugate();
        let determinant: f64 = (0..3).map(|at| self.0[at] * map.0[3 * at]).sum();
        (determinant.is_finite() && determinant.abs() > f64::EPSILON).then_some(map)
    }

    /// Where a point goes. Not finite on the line that is mapped to infinity.
    #[must_use]
    pub fn apply(&self, point: Point) -> Point {
        let (x, y) = self.apply_f64(f64::from(point.x), f64::from(point.y));
        Point::new(x as f32, y as f32)
    }

    pub(crate) fn apply_f64(&self, x: f64, y: f64) -> (f64, f64) {
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

    /// First the other map, then this one.
    pub(crate) fn after(&self, first: &Perspective) -> Perspective {
        let (l, r) = (&self.0, &first.0);
        Perspective(std::array::from_fn(|at| {
            let (row, column) = (at / 3 * 3, at % 3);
            l[row] * r[column] + l[row + 1] * r[column + 3] + l[row + 2] * r[column + 6]
        }))
    }
}

impl From<Affine> for Perspective {
    fn from(Affine([a, b, c, d, e, f]): Affine) -> Perspective {
        Perspective([a, b, c, d, e, f, 0.0, 0.0, 1.0])
    }
}

/// Moves and scales points so that their middle is the origin and their mean distance from it is √2.
struct Normalisation {
    x: f64,
    y: f64,
    scale: f64,
}

impl Normalisation {
    /// `None` for fewer than two different points.
    fn of(points: impl Iterator<Item = Point> + Clone) -> Option<Self> {
        let count = points.clone().count() as f64;
        let sum = |value: fn(Point) -> f32| points.clone().map(|point| f64::from(value(point))).sum::<f64>();
        let (x, y) = (sum(|point| point.x) / count, sum(|point| point.y) / count);
        let spread: f64 = points
            .map(|point| (f64::from(point.x) - x).hypot(f64::from(point.y) - y))
            .sum();
        let scale = std::f64::consts::SQRT_2 * count / spread;
        scale.is_finite().then_some(Self { x, y, scale })
    }

    fn apply(&self, point: Point) -> (f64, f64) {
        let Self { x, y, scale } = *self;
        ((f64::from(point.x) - x) * scale, (f64::from(point.y) - y) * scale)
    }

    fn map(&self) -> Perspective {
        let Self { x, y, scale } = *self;
        Perspective([scale, 0.0, -x * scale, 0.0, scale, -y * scale, 0.0, 0.0, 1.0])
    }
}

/// Solves linear equations, each its factors followed by what they add up to, by Gaussian elimination with partial pivoting.
fn solve<const N: usize, const M: usize>(mut equations: [[f64; M]; N]) -> Option<[f64; N]> {
    for column in 0..N {
        let pivot = (column..N).max_by(|&a, &b| equations[a][column].abs().total_cmp(&equations[b][column].abs()))?;
        equations.swap(column, pivot);
        let equation = equations[column];
        if equation[column].is_nan() || equation[column].abs() < 1e-9 {
            return None;
        }
        for (row, other) in equations.iter_mut().enumerate() {
            if row != column {
                let factor = other[column] / equation[column];
                other
                    .iter_mut()
                    .zip(equation)
                    .for_each(|(value, sub)| *value -= factor * sub);
            }
        }
    }
    Some(std::array::from_fn(|row| equations[row][N] / equations[row][row]))
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

    #[test]
    fn fits_the_affine_map_behind_points_that_count() {
        let map = Affine([1.1, 0.2, 30.0, -0.15, 0.9, 12.0]);
        let mut pairs: Vec<(Point, Point, f32)> = (0..20u16)
            .map(|index| {
                let from = Point::new(f32::from(index % 5) * 20.0, f32::from(index / 5) * 50.0);
                (from, map.apply(from), 1.0)
            })
            .collect();
        pairs.push((Point::new(10.0, 10.0), Point::new(900.0, 900.0), 0.0));
        let fitted = Affine::fit(&pairs).unwrap();
        for (from, to, _) in &pairs[..20] {
            assert!(near(fitted.apply(*from), *to, 1e-2));
        }
        let line: Vec<_> = (0..9u8)
            .map(|x| (Point::new(f32::from(x), 1.0), Point::new(f32::from(x), 1.0), 1.0))
            .collect();
        assert_eq!((Affine::fit(&line), Affine::fit(&[])), (None, None));
    }

    #[test]
    fn fits_the_homography_behind_noisy_points() {
        let map = Perspective([1.1, 0.2, 30.0, -0.15, 0.9, 12.0, 2e-4, -1e-4, 1.0]);
        // A grid of 3 rows of 30, each a little off, and one point far off with little weight.
        let mut pairs: Vec<(Point, Point, f32)> = (0..90u16)
            .map(|index| {
                let from = Point::new(f32::from(index % 30) * 20.0, f32::from(index / 30) * 50.0);
                let to = map.apply(from);
                let off = f32::from(index * 7 % 5) * 0.1 - 0.2;
                (from, Point::new(to.x + off, to.y - off), 1.0)
            })
            .collect();
        pairs.push((Point::new(10.0, 10.0), Point::new(900.0, 900.0), 1e-6));
        let fitted = Perspective::fit(&pairs).unwrap();
        let back = fitted.inverse().unwrap();
        for (from, ..) in &pairs {
            let to = fitted.apply(*from);
            assert!(to.distance(map.apply(*from)) < 0.2);
            assert!(back.apply(to).distance(*from) < 1e-2);
        }
        let line: Vec<_> = (0..9u8)
            .map(|x| (Point::new(f32::from(x), 1.0), Point::new(f32::from(x), 1.0), 1.0))
            .collect();
        assert_eq!(Perspective::fit(&line), None);
        assert_eq!(Perspective::fit(&[]), None);
    }
}
