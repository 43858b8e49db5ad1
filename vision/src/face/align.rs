//! Turning a face upright.

use super::Landmarks;
use crate::error::VisionError;
use crate::geometry::{Affine, Point, SimilarityTransform};
use crate::net::sface::SIDE;
use crate::picture::{Border, Picture, warp_affine};

/// Where the landmarks lie in an aligned face: the mean face of ArcFace's 112×112 crops, on which SFace was trained too.
pub(super) const TEMPLATE: [Point; 5] = [
    Point::new(38.2946, 51.6963),
    Point::new(73.5318, 51.5014),
    Point::new(56.0252, 71.7366),
    Point::new(41.5493, 92.3655),
    Point::new(70.7299, 92.2041),
];

/// The face turned, scaled and moved so that its landmarks lie where the embedding expects them, 112×112 pixels. What was beyond
/// the border of the picture is black.
///
/// # Errors
/// [`VisionError::DegenerateLandmarks`].
pub fn align(picture: &Picture, landmarks: &Landmarks) -> Result<Picture, VisionError> {
    let back = to_picture(landmarks).ok_or(VisionError::DegenerateLandmarks)?;
    Ok(warp_affine(picture, &back, SIDE, SIDE, Border::Black))
}

/// From the aligned face to the picture; none where the landmarks lie on one point.
pub(super) fn to_picture(landmarks: &Landmarks) -> Option<Affine> {
    let upright = SimilarityTransform::estimate(&landmarks.points(), &TEMPLATE);
    upright.and_then(|map| Affine::from(map).inverse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aligned_face_stays_as_it_is() {
        let picture = Picture::from_fn(SIDE, SIDE, |x, y| [x as u8, y as u8, 90]);
        assert_eq!(align(&picture, &Landmarks::from(TEMPLATE)).unwrap(), picture);
    }

    #[test]
    fn landmarks_on_one_point_are_refused() {
        let picture = Picture::from_fn(20, 20, |_, _| [0; 3]);
        for place in [
            Point::new(3.0, 3.0),
            Point::new(f32::NAN, 0.0),
            Point::new(f32::INFINITY, 0.0),
        ] {
            let result = align(&picture, &Landmarks::from([place; 5]));
            assert!(matches!(result, Err(VisionError::DegenerateLandmarks)));
        }
    }
}
