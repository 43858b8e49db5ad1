//! Fitness of a face for comparison: basic measures, named after ISO/IEC 29794-5 where it has them.

use super::Landmarks;
use crate::picture::Picture;

/// Depth of the nose's tip before the plane of the eyes, over half the distance between the eyes. Close to one in adults; the
/// turn of the head is estimated from it.
const NOSE_DEPTH_OVER_HALF_EYES: f32 = 1.0;

/// Height from eyes to mouth over the depth of the nose's tip.
const EYES_TO_MOUTH_OVER_NOSE_DEPTH: f32 = 2.0;

/// Where the nose's tip lies between eyes (0) and mouth (1) in a face that looks straight ahead: that of the template to which
/// faces are aligned.
const NOSE_HEIGHT_STRAIGHT_AHEAD: f32 = 0.494;

/// Measures of one face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Variance of the Laplacian of the grey levels of the aligned face. Larger is sharper; below about 50 is blurred.
    pub sharpness: f64,
    /// Mean grey level of the aligned face, 0 to 255.
    pub brightness: f64,
    /// Standard deviation of the grey levels of the aligned face, 0 to 127.5.
    pub contrast: f64,
    /// Turn of the head in degrees; positive towards the right of the picture.
    pub yaw: f64,
    /// Nod of the head in degrees; positive looks up.
    pub pitch: f64,
    /// Tilt of the head in degrees; positive is clockwise.
    pub roll: f64,
}

impl Quality {
    /// Measures an aligned face (see [`super::align`]), and the pose from the landmarks in the picture that it was cut from.
    #[must_use]
    pub fn measure(aligned: &Picture, landmarks: &Landmarks) -> Quality {
        let grey = aligned.luma();
        let (brightness, variance) = mean_and_variance(grey.iter().map(|&value| f64::from(value)));
        let laplacian = laplacian(&grey, aligned.width() as usize);
        let (_, sharpness) = mean_and_variance(laplacian.into_iter());
        let (yaw, pitch, roll) = pose(landmarks);
        Quality {
            sharpness,
            brightness,
            contrast: variance.sqrt(),
            yaw,
            pitch,
            roll,
        }
    }
}

fn mean_and_variance(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance)
}

/// The sum of the four neighbours less four times the value, where all four exist.
fn laplacian(grey: &[f32], width: usize) -> Vec<f64> {
    let rows: Vec<&[f32]> = grey.chunks_exact(width.max(1)).collect();
    let mut values = Vec::with_capacity(grey.len());
    for rows in rows.windows(3) {
        let [above, row, below] = rows else { continue };
        for ((beside, above), below) in row.windows(3).zip(above.iter().skip(1)).zip(below.iter().skip(1)) {
            let [left, middle, right] = beside else { continue };
            values.push(f64::from(above + below + left + right - 4.0 * middle));
        }
    }
    values
}

/// Yaw, pitch and roll in degrees. In the frame of the eyes, the nose's tip moves sideways by its depth times the tangent of the
/// yaw (over half the distance of the eyes, which shrinks by the cosine), and up by its depth times that of the pitch.
fn pose(landmarks: &Landmarks) -> (f64, f64, f64) {
    let eyes = landmarks.right_eye.midpoint(landmarks.left_eye);
    let mouth = landmarks.right_mouth.midpoint(landmarks.left_mouth);
    let (along_x, along_y) = (
        landmarks.left_eye.x - landmarks.right_eye.x,
        landmarks.left_eye.y - landmarks.right_eye.y,
    );
    let roll = along_y.atan2(along_x);
    let distance = along_x.hypot(along_y).max(f32::EPSILON);
    let (right_x, right_y) = (along_x / distance, along_y / distance);
    // From the middle of the eyes: how far to the right of the face's upright, and how far down it.
    let upright = |x: f32, y: f32| (x * right_x + y * right_y, y * right_x - x * right_y);
    let (nose_right, nose_down) = upright(landmarks.nose.x - eyes.x, landmarks.nose.y - eyes.y);
    let (_, mouth_down) = upright(mouth.x - eyes.x, mouth.y - eyes.y);
    let yaw = (nose_right / (distance / 2.0) / NOSE_DEPTH_OVER_HALF_EYES).atan();
    let height = nose_down / mouth_down.max(f32::EPSILON);
    let pitch = ((NOSE_HEIGHT_STRAIGHT_AHEAD - height) * EYES_TO_MOUTH_OVER_NOSE_DEPTH).atan();
    let degrees = |angle: f32| f64::from(angle.to_degrees());
    (degrees(yaw), degrees(pitch), degrees(roll))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    fn face() -> Landmarks {
        Landmarks::from([
            Point::new(40.0, 50.0),
            Point::new(72.0, 50.0),
            Point::new(56.0, 50.0 + 40.0 * NOSE_HEIGHT_STRAIGHT_AHEAD),
            Point::new(44.0, 90.0),
            Point::new(68.0, 90.0),
        ])
    }

    fn moved(landmarks: &Landmarks, map: impl Fn(Point) -> Point) -> Landmarks {
        Landmarks::from(landmarks.points().map(map))
    }

    #[test]
    fn a_face_straight_ahead_has_no_pose() {
        let (yaw, pitch, roll) = pose(&face());
        assert!(
            yaw.abs() < 0.1 && pitch.abs() < 0.1 && roll.abs() < 0.1,
            "{yaw} {pitch} {roll}"
        );
    }

    #[test]
    fn pose_has_the_documented_signs_and_survives_a_tilt() {
        let mut turned = face();
        turned.nose.x += 8.0;
        let (yaw, _, _) = pose(&turned);
        assert!(yaw > 20.0, "{yaw}");
        let mut up = face();
        up.nose.y -= 8.0;
        let (_, pitch, _) = pose(&up);
        assert!(pitch > 10.0, "{pitch}");

        let (sin, cos) = 20f32.to_radians().sin_cos();
        let tilted = moved(&turned, |p| Point::new(p.x * cos - p.y * sin, p.x * sin + p.y * cos));
        let (tilted_yaw, tilted_pitch, roll) = pose(&tilted);
        assert!((roll - 20.0).abs() < 0.01, "{roll}");
        assert!((tilted_yaw - yaw).abs() < 0.1 && tilted_pitch.abs() < 0.1);
    }

    #[test]
    fn sharpness_brightness_and_contrast_tell_pictures_apart() {
        let plain = Quality::measure(&Picture::from_fn(112, 112, |_, _| [70; 3]), &face());
        assert!((plain.brightness - 70.0).abs() < 0.5);
        assert!(plain.contrast < 0.01 && plain.sharpness < 0.01);
        let fine = Quality::measure(
            &Picture::from_fn(112, 112, |x, y| [if (x + y) % 2 == 0 { 0 } else { 255 }; 3]),
            &face(),
        );
        let coarse = Quality::measure(
            &Picture::from_fn(112, 112, |x, _| [if x / 28 % 2 == 0 { 0 } else { 255 }; 3]),
            &face(),
        );
        assert!((fine.contrast - 127.5).abs() < 0.5);
        assert!(fine.sharpness > 10.0 * coarse.sharpness && coarse.sharpness > 10.0);
    }
}
