//! Faces: finding them, turning them upright, and telling whether two are the same person's.
//!
//! [`FaceDetector`] finds faces with five landmarks, [`align`] brings one to the place that [`FaceEmbedder`] expects, and two
//! [`Embedding`]s are compared by their cosine. [`quality`] measures whether a face is fit for it, [`metrics`] how often the
//! comparison errs. [`visibility`] tells whether something covers eyes or mouth, [`exposure`] whether two pictures of a face are
//! one photograph, [`presentation`] how likely a living face was before the camera.

mod align;
mod detect;
mod embed;
pub mod exposure;
pub mod metrics;
mod plane;
pub mod presentation;
pub mod quality;
pub mod visibility;

pub use align::align;
pub use detect::{DetectOptions, FaceDetector};
pub use embed::{EmbedOptions, Embedding, FaceEmbedder};

use crate::geometry::{Point, Rect};

/// Five places in a face, in picture pixels. Right and left are the person's own: the right eye is on the left of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Landmarks {
    /// Centre of the person's right eye.
    pub right_eye: Point,
    /// Centre of the person's left eye.
    pub left_eye: Point,
    /// Tip of the nose.
    pub nose: Point,
    /// The person's right corner of the mouth.
    pub right_mouth: Point,
    /// The person's left corner of the mouth.
    pub left_mouth: Point,
}

impl Landmarks {
    /// In the order of the fields.
    #[must_use]
    pub fn points(&self) -> [Point; 5] {
        [
            self.right_eye,
            self.left_eye,
            self.nose,
            self.right_mouth,
            self.left_mouth,
        ]
    }

    /// Distance between the centres of the eyes, in pixels.
    #[must_use]
    pub fn eye_distance(&self) -> f32 {
        self.right_eye.distance(self.left_eye)
    }
}

impl From<[Point; 5]> for Landmarks {
    fn from([right_eye, left_eye, nose, right_mouth, left_mouth]: [Point; 5]) -> Landmarks {
        Landmarks {
            right_eye,
            left_eye,
            nose,
            right_mouth,
            left_mouth,
        }
    }
}

/// A face that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The box around forehead, ears and chin, in picture pixels; may reach beyond the border.
    pub bounds: Rect,
    /// Eyes, nose, mouth.
    pub landmarks: Landmarks,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
}

impl Face {
    /// The same face in a copy of the picture that is wider and higher by these factors.
    #[must_use]
    pub fn scaled(&self, x: f32, y: f32) -> Face {
        let Rect { width, height, .. } = self.bounds;
        let place = |point: Point| Point::new(point.x * x, point.y * y);
        let corner = place(Point::new(self.bounds.x, self.bounds.y));
        Face {
            bounds: Rect::new(corner.x, corner.y, width * x, height * y),
            landmarks: self.landmarks.points().map(place).into(),
            score: self.score,
        }
    }
}

/// The face with the largest box.
#[must_use]
pub fn largest(faces: &[Face]) -> Option<&Face> {
    faces.iter().max_by(|a, b| a.bounds.area().total_cmp(&b.bounds.area()))
}

/// The face whose box has its middle nearest to a point, such as the middle of the picture.
#[must_use]
pub fn nearest(faces: &[Face], to: Point) -> Option<&Face> {
    let distance = |face: &Face| face.bounds.centre().distance(to);
    faces.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))
}
