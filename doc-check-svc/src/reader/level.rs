//! A part of a picture, turned so that its text is level.

use vision::geometry::{Affine, Point, Quad, Rect};
use vision::picture::{Border, Picture, warp_affine};

/// A part of a picture in which text that ran in some direction runs to the right.
pub(super) struct Level {
    pub(super) picture: Picture,
    to_whole: Affine,
}

impl Level {
    /// What is around some places in a picture, with a margin of so many times its longer side, turned so that text that ran in
    /// `direction` is level. `None` where none of it is in the picture.
    pub(super) fn around(picture: &Picture, places: &[Quad], direction: Point, margin: f32) -> Option<Self> {
        let Point { x: cos, y: sin } = direction;
        let turned = |corner: Point| Point::new(corner.x * cos + corner.y * sin, corner.y * cos - corner.x * sin);
        let part = Rect::around(places.iter().flat_map(|place| place.0).map(turned))?;
        let margin = margin * part.width.max(part.height);
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let whole = Quad::from(Rect::new(-0.5, -0.5, width, height));
        let whole = Rect::around(whole.0.into_iter().map(turned))?;
        let (left, top) = ((part.x - margin).max(whole.x), (part.y - margin).max(whole.y));
        let (right, bottom) = (
            (part.right() + margin).min(whole.right()),
            (part.bottom() + margin).min(whole.bottom()),
        );
        if right - left < 1.0 || bottom - top < 1.0 {
            return None;
        }
        let [cos, sin, left, top] = [cos, sin, left + 0.5, top + 0.5].map(f64::from);
        let to_whole = Affine([cos, -sin, cos * left - sin * top, sin, cos, sin * left + cos * top]);
        let (width, height) = (
            (f64::from(right) - left).ceil() as u32,
            (f64::from(bottom) - top).ceil() as u32,
        );
        Some(Self {
            picture: warp_affine(picture, &to_whole, width, height, Border::Black),
            to_whole,
        })
    }

    /// Where a line of it is in the whole picture.
    pub(super) fn whole(&self, line: &Quad) -> Quad {
        Quad(line.0.map(|corner| self.to_whole.apply(corner)))
    }
}

/// The unit vector at an angle to the right, in degrees, clockwise.
#[cfg(test)]
pub(super) fn at_angle(degrees: f32) -> Point {
    let (sin, cos) = degrees.to_radians().sin_cos();
    Point::new(cos, sin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turned_text_is_level_and_comes_back_to_its_place() {
        // A dark bar of 200 × 20 pixels about (300, 200), at every angle.
        for angle in (-180..180).step_by(30) {
            let direction = at_angle(angle as f32);
            let along = |p: Point| (p.x - 300.0) * direction.x + (p.y - 200.0) * direction.y;
            let down = |p: Point| (p.y - 200.0) * direction.x - (p.x - 300.0) * direction.y;
            let picture = Picture::from_fn(600, 400, |x, y| {
                let at = Point::new(x as f32, y as f32);
                if along(at).abs() < 100.0 && down(at).abs() < 10.0 {
                    [20; 3]
                } else {
                    [240; 3]
                }
            });
            let place = Quad::from(Rect::new(280.0, 180.0, 40.0, 40.0));
            let level = Level::around(&picture, &[place], direction, 1.0).unwrap();
            let dark: Vec<(f32, f32)> = (0..level.picture.height())
                .flat_map(|y| (0..level.picture.width()).map(move |x| (x, y)))
                .filter(|(x, y)| level.picture.pixel(*x, *y)[0] < 100 && level.picture.pixel(*x, *y)[0] > 0)
                .map(|(x, y)| (x as f32, y as f32))
                .collect();
            let bar = Rect::around(dark.into_iter().map(|(x, y)| Point::new(x, y))).unwrap();
            assert!((bar.height - 19.0).abs() <= 2.0, "{angle}: {bar:?}");
            let centre = level.whole(&Quad::from(bar)).bounds().centre();
            assert!(
                along(centre).abs() < 2.0 && down(centre).abs() < 2.0,
                "{angle}: {centre:?}"
            );
        }
    }

    #[test]
    fn nothing_is_around_what_is_outside_of_the_picture() {
        let picture = Picture::from_fn(60, 40, |_, _| [0; 3]);
        let outside = Quad::from(Rect::new(200.0, 0.0, 10.0, 10.0));
        assert!(Level::around(&picture, &[outside], at_angle(0.0), 0.0).is_none());
        assert!(Level::around(&picture, &[], at_angle(0.0), 0.0).is_none());
        let whole = Quad::from(Rect::new(-50.0, -50.0, 500.0, 500.0));
        let all = Level::around(&picture, &[whole], at_angle(0.0), 0.5).unwrap();
        assert_eq!((all.picture.width(), all.picture.height()), (60, 40));
    }
}
