//! From any photograph of a person to the picture that a document shows.

use candle_core::Device;
use vision::VisionError;
use vision::face::{DetectOptions, FaceDetector, largest};
use vision::geometry::Rect;
use vision::models::{Model, ModelStore, Progress};
use vision::ops::Precision;
use vision::picture::Picture;

/// Height of the picture as a multiple of the detected face, which ends at the forehead: the head then takes 70 % to 80 % of
/// the picture's height, as ICAO 9303-3 (3.9.1) asks.
const HEIGHT: f32 = 1.8;
/// Width of the picture as a part of its height: 35 mm to 45 mm.
pub(super) const PROPORTION: f32 = 7.0 / 9.0;

/// Head and shoulders of the largest face in the picture, or the whole picture when it shows no face. Fetches the face
/// detector's weights on first use.
///
/// # Errors
/// [`VisionError`] when the weights cannot be fetched or the detector fails.
pub fn head_and_shoulders(
    picture: &Picture,
    store: &ModelStore,
    progress: &dyn Progress,
) -> Result<Picture, VisionError> {
    store.ensure(&[Model::YuNet], progress)?;
    let detector = FaceDetector::new(
        &store.weights(Model::YuNet, &Device::Cpu)?,
        &Device::Cpu,
        Precision::default(),
    )?;
    let faces = detector.detect(picture, &DetectOptions::default())?;
    let part = largest(&faces).map(|face| frame(face.bounds, picture));
    Ok(part
        .and_then(|part| picture.crop(part))
        .unwrap_or_else(|| picture.clone()))
}

/// The part of the picture around a face, moved and made smaller where it would reach beyond the picture.
pub(crate) fn frame(face: Rect, picture: &Picture) -> Rect {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let tall = (face.height * HEIGHT).min(height).min(width / PROPORTION);
    let wide = tall * PROPORTION;
    let place = |centre: f32, length: f32, end: f32| (centre - length / 2.0).clamp(0.0, (end - length).max(0.0));
    let centre = face.centre();
    Rect::new(place(centre.x, wide, width), place(centre.y, tall, height), wide, tall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_has_its_proportions_and_stays_inside() {
        let picture = Picture::from_fn(900, 1100, |_, _| [0; 3]);
        let part = frame(Rect::new(400.0, 300.0, 80.0, 100.0), &picture);
        assert_eq!((part.x, part.y, part.width, part.height), (370.0, 260.0, 140.0, 180.0));
        for face in [
            Rect::new(-20.0, -30.0, 200.0, 250.0),
            Rect::new(800.0, 1000.0, 300.0, 400.0),
            Rect::new(0.0, 0.0, 900.0, 1100.0),
        ] {
            let part = frame(face, &picture);
            assert!(
                part.x >= 0.0 && part.y >= 0.0 && part.right() <= 900.1 && part.bottom() <= 1100.1,
                "{part:?}"
            );
            assert!((part.width / part.height - PROPORTION).abs() < 1e-4);
        }
    }
}
