//! Our types as messages.

use proto::face::v1::{BoundingBox, Face as FaceMessage, Landmarks, Point};
use proto::identity::v1::FaceQuality;
use vision::face::Face;
use vision::face::quality::Quality;
use vision::face::visibility::Visibility;

use crate::pipeline::Upright;

pub(crate) fn quality(quality: &Quality, face: &Face, faces: usize) -> FaceQuality {
    FaceQuality {
        detection_confidence: f64::from(face.score),
        inter_eye_distance: f64::from(face.landmarks.eye_distance()),
        sharpness: quality.sharpness,
        brightness: quality.brightness,
        contrast: quality.contrast,
        yaw: quality.yaw,
        pitch: quality.pitch,
        roll: quality.roll,
        faces: count(faces),
        dynamic_range: Some(quality.dynamic_range),
        under_exposure: Some(quality.under_exposure),
        over_exposure: Some(quality.over_exposure),
        illumination_uniformity: Some(quality.illumination_uniformity),
        cropped: Some(quality.cropped),
        eyes_visible: None,
        mouth_visible: None,
        nose_visible: None,
        lesser_eye_visible: None,
    }
}

pub(crate) fn with_visibility(quality: FaceQuality, visibility: Visibility) -> FaceQuality {
    FaceQuality {
        eyes_visible: Some(visibility.eyes),
        mouth_visible: Some(visibility.mouth),
        nose_visible: Some(visibility.nose),
        lesser_eye_visible: Some(visibility.lesser_eye),
        ..quality
    }
}

pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A face of `upright`, where it lies in the picture as it was sent.
pub(crate) fn face(face: &Face, measures: &Quality, upright: &Upright) -> FaceMessage {
    let found = &upright.as_sent(face);
    let landmarks = &found.landmarks;
    FaceMessage {
        bounding_box: Some(BoundingBox {
            x: f64::from(found.bounds.x),
            y: f64::from(found.bounds.y),
            width: f64::from(found.bounds.width),
            height: f64::from(found.bounds.height),
        }),
        landmarks: Some(Landmarks {
            right_eye: point(landmarks.right_eye),
            left_eye: point(landmarks.left_eye),
            nose_tip: point(landmarks.nose),
            right_mouth_corner: point(landmarks.right_mouth),
            left_mouth_corner: point(landmarks.left_mouth),
        }),
        confidence: f64::from(found.score),
        quality: Some(quality(measures, found, upright.faces.len())),
    }
}

fn point(point: vision::geometry::Point) -> Option<Point> {
    Some(Point {
        x: f64::from(point.x),
        y: f64::from(point.y),
    })
}
