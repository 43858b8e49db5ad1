//! Our types as messages.

use proto::identity::v1::FaceQuality;
use proto::selfie::v1::{BoundingBox, Face as FaceMessage, Landmarks, Point};
use vision::face::Face;
use vision::face::quality::Quality;

use crate::pipeline::{Examined, Upright};

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
        faces: u32::try_from(faces).unwrap_or(u32::MAX),
    }
}

pub(crate) fn face(examined: &Examined, upright: &Upright) -> FaceMessage {
    let found = &upright.as_sent(&examined.face);
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
        quality: Some(quality(&examined.quality, found, upright.faces.len())),
    }
}

fn point(point: vision::geometry::Point) -> Option<Point> {
    Some(Point {
        x: f64::from(point.x),
        y: f64::from(point.y),
    })
}
