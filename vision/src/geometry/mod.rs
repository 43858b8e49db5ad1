//! Points, rectangles and the maps between them.
//!
//! Coordinates are in pixels, x to the right and y down; whole numbers are the centres of pixels, as in OpenCV.

mod transform;

pub use transform::{Affine, Perspective, SimilarityTransform};

/// A place in a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl Point {
    /// The point (x, y).
    #[must_use]
    pub const fn new(x: f32, y: f32) -> Point {
        Point { x, y }
    }

    /// Distance in pixels.
    #[must_use]
    pub fn distance(self, other: Point) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The point halfway.
    #[must_use]
    pub fn midpoint(self, other: Point) -> Point {
        Point::new((self.x + other.x) / 2.0, (self.y + other.y) / 2.0)
    }
}

/// A rectangle with sides along the axes, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Rect {
    /// The rectangle with its top left corner at (x, y).
    #[must_use]
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Rect {
        Rect { x, y, width, height }
    }

    /// The smallest rectangle along the axes that holds all points; `None` without any.
    #[must_use]
    pub fn around(points: impl IntoIterator<Item = Point>) -> Option<Rect> {
        let both = points.into_iter().map(|point| (point, point));
        let (least, most) = both.reduce(|(least, most), (point, _)| {
            (
                Point::new(least.x.min(point.x), least.y.min(point.y)),
                Point::new(most.x.max(point.x), most.y.max(point.y)),
            )
        })?;
        Some(Rect::new(least.x, least.y, most.x - least.x, most.y - least.y))
    }

    /// Right edge.
    #[must_use]
    pub fn right(&self) -> f32 {
        self.x + self.width
    }

    /// Bottom edge.
    #[must_use]
    pub fn bottom(&self) -> f32 {
        self.y + self.height
    }

    /// The middle.
    #[must_use]
    pub fn centre(&self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Width times height; 0 where one of them is negative.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width.max(0.0) * self.height.max(0.0)
    }

    /// Area that both cover, divided by the area that one of them covers (intersection over union): 0 to 1.
    #[must_use]
    pub fn iou(&self, other: &Rect) -> f32 {
        let width = self.right().min(other.right()) - self.x.max(other.x);
        let height = self.bottom().min(other.bottom()) - self.y.max(other.y);
        let shared = width.max(0.0) * height.max(0.0);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// Grown on every side by `margin` times its width or height.
    #[must_use]
    pub fn grown(&self, margin: f32) -> Rect {
        let (dx, dy) = (self.width * margin, self.height * margin);
        Rect::new(self.x - dx, self.y - dy, self.width + 2.0 * dx, self.height + 2.0 * dy)
    }
}

/// Four corners: top left, top right, bottom right, bottom left of what they enclose, whichever way it is turned.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quad(pub [Point; 4]);

impl Quad {
    /// The smallest rectangle along the axes that holds all corners.
    #[must_use]
    pub fn bounds(&self) -> Rect {
        Rect::around(self.0).unwrap_or_default()
    }

    /// Whether a point lies inside or on the edge of it. It must be convex.
    #[must_use]
    pub fn contains(&self, point: Point) -> bool {
        let [a, b, c, d] = self.0;
        let turns = [(a, b), (b, c), (c, d), (d, a)]
            .map(|(from, to)| (to.x - from.x) * (point.y - from.y) - (to.y - from.y) * (point.x - from.x));
        turns.iter().all(|turn| *turn >= 0.0) || turns.iter().all(|turn| *turn <= 0.0)
    }

    /// The middle of its corners.
    #[must_use]
    pub fn middle(&self) -> Point {
        let [a, b, c, d] = self.0;
        a.midpoint(c).midpoint(b.midpoint(d))
    }

    /// The same shape elsewhere.
    #[must_use]
    pub fn moved(&self, right: f32, down: f32) -> Quad {
        Quad(self.0.map(|corner| Point::new(corner.x + right, corner.y + down)))
    }

    /// Length of the longer of the top and bottom edges.
    #[must_use]
    pub fn width(&self) -> f32 {
        let [a, b, c, d] = self.0;
        a.distance(b).max(d.distance(c))
    }

    /// Length of the longer of the left and right edges.
    #[must_use]
    pub fn height(&self) -> f32 {
        let [a, b, c, d] = self.0;
        a.distance(d).max(b.distance(c))
    }
}

impl From<Rect> for Quad {
    fn from(rect: Rect) -> Quad {
        Quad([
            Point::new(rect.x, rect.y),
            Point::new(rect.right(), rect.y),
            Point::new(rect.right(), rect.bottom()),
            Point::new(rect.x, rect.bottom()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_quad_contains_what_its_bounds_do_not_tell() {
        let corners = [(10.0, 0.0), (20.0, 10.0), (10.0, 20.0), (0.0, 10.0)];
        let quad = Quad(corners.map(|(x, y)| Point::new(x, y)));
        let Quad([a, b, c, d]) = quad;
        for quad in [quad, Quad([d, c, b, a])] {
            assert!(quad.contains(Point::new(10.0, 10.0)) && quad.contains(a));
            assert!(quad.bounds().area() == 400.0 && !quad.contains(Point::new(2.0, 2.0)));
        }
    }

    #[test]
    fn overlap_is_a_share_of_the_union() {
        let a = Rect::new(0.0, 0.0, 10.0, 10.0);
        assert_eq!(a.iou(&a), 1.0);
        assert_eq!(a.iou(&Rect::new(20.0, 0.0, 10.0, 10.0)), 0.0);
        assert!((a.iou(&Rect::new(5.0, 0.0, 10.0, 10.0)) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(Rect::default().iou(&Rect::default()), 0.0);
    }

    #[test]
    fn bounds_hold_all_corners() {
        let quad = Quad([
            Point::new(5.0, 0.0),
            Point::new(10.0, 5.0),
            Point::new(5.0, 10.0),
            Point::new(0.0, 5.0),
        ]);
        assert_eq!(quad.bounds(), Rect::new(0.0, 0.0, 10.0, 10.0));
        assert!((quad.width() - 50f32.sqrt()).abs() < 1e-5);
        let rect = Rect::new(1.0, 2.0, 3.0, 4.0);
        assert_eq!(Quad::from(rect).bounds(), rect);
    }
}
