//! Fitness of a face for comparison: measures of ISO/IEC 29794-5 that need no network, by its names.
//!
//! Those of grey levels follow the definitions of its open reference implementation (OFIQ), with an ellipse of the aligned face in the
//! place of that one's segmentation.

use super::Landmarks;
use super::align::to_picture;
use crate::geometry::Point;
use crate::net::sface::SIDE;
use crate::picture::Picture;

/// Depth of the nose's tip before the plane of the eyes, over half the distance between the eyes. Close to one in adults; the
/// turn of the head is estimated from it.
const NOSE_DEPTH_OVER_HALF_EYES: f32 = 1.0;

/// Height from eyes to mouth over the depth of the nose's tip.
const EYES_TO_MOUTH_OVER_NOSE_DEPTH: f32 = 2.0;

/// Where the nose's tip lies between eyes (0) and mouth (1) in a face that looks straight ahead: where it is found in half of the
/// photographs of the evaluation set.
const NOSE_HEIGHT_STRAIGHT_AHEAD: f32 = 0.568;

/// Measures of one face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Variance of the Laplacian of the grey levels of the aligned face. Larger is sharper; below about 50 is blurred.
    pub sharpness: f64,
    /// Mean grey level of the aligned face, 0 to 255.
    pub brightness: f64,
    /// Standard deviation of the grey levels of the aligned face, 0 to 127.5.
    pub contrast: f64,
    /// Entropy of the grey levels of the face in bits, 0 to 8. Usual faces have more than 6.
    pub dynamic_range: f64,
    /// Share of the face's pixels with grey levels up to 25.
    pub under_exposure: f64,
    /// Share of the face's pixels with grey levels from 247 on.
    pub over_exposure: f64,
    /// How far both cheeks have the same grey levels: what their histograms share, 0 to 1.
    pub illumination_uniformity: f64,
    /// Share of the face, from brows to chin and from ear to ear, that lies beyond the border of the picture.
    pub cropped: f64,
    /// Turn of the head in degrees; positive towards the right of the picture.
    pub yaw: f64,
    /// Nod of the head in degrees; positive looks up.
    pub pitch: f64,
    /// Tilt of the head in degrees; positive is clockwise.
    pub roll: f64,
}

impl Quality {
    /// Measures a face with these landmarks in its picture, and as [`super::align`] brought it upright from there.
    #[must_use]
    pub fn measure(picture: &Picture, landmarks: &Landmarks, aligned: &Picture) -> Quality {
        let grey = aligned.luma();
        let width = aligned.width() as usize;
        let (brightness, variance) = mean_and_variance(grey.iter().map(|&value| f64::from(value)));
        let laplacian = laplacian(&grey, width);
        let (_, sharpness) = mean_and_variance(laplacian.into_iter());
        let levels = Histogram::of(&grey, width, in_the_face);
        let cheeks =
            CHEEKS.map(|columns| Histogram::of(&grey, width, |x, y| columns.contains(&x) && CHEEK.contains(&y)));
        let (yaw, pitch, roll) = pose(landmarks);
        Quality {
            sharpness,
            brightness,
            contrast: variance.sqrt(),
            dynamic_range: levels.entropy(),
            under_exposure: levels.share(0..26),
            over_exposure: levels.share(247..256),
            illumination_uniformity: cheeks[0].shared(&cheeks[1]),
            cropped: cropped(picture, landmarks),
            yaw,
            pitch,
            roll,
        }
    }
}

/// Of an aligned face, in pixels: rows and columns of both cheeks.
const CHEEK: std::ops::Range<usize> = 58..86;
const CHEEKS: [std::ops::Range<usize>; 2] = [24..46, 66..88];

/// Whether a pixel of an aligned face lies in the ellipse from brows to chin and from ear to ear.
fn in_the_face(x: usize, y: usize) -> bool {
    const CENTRE: (f32, f32) = (56.0, 66.0);
    const RADII: (f32, f32) = (36.0, 48.0);
    let (across, down) = ((x as f32 - CENTRE.0) / RADII.0, (y as f32 - CENTRE.1) / RADII.1);
    across.hypot(down) <= 1.0
}

/// Share of the face beyond the border of the picture; all of it where the landmarks are no face's.
fn cropped(picture: &Picture, landmarks: &Landmarks) -> f64 {
    let Some(map) = to_picture(landmarks) else { return 1.0 };
    let (mut all, mut outside) = (0, 0);
    for y in 0..SIDE {
        for x in (0..SIDE).filter(|x| in_the_face(*x as usize, y as usize)) {
            let Point { x, y } = map.apply(Point::new(x as f32, y as f32));
            let is_inside =
                (-0.5..=picture.width() as f32).contains(&x) && (-0.5..=picture.height() as f32).contains(&y);
            all += 1;
            outside += u32::from(!is_inside);
        }
    }
    f64::from(outside) / f64::from(all)
}

/// Shares of the 256 grey levels.
struct Histogram([f64; 256]);

impl Histogram {
    /// Of the pixels, column and row, that are asked for.
    fn of(grey: &[f32], width: usize, wanted: impl Fn(usize, usize) -> bool) -> Histogram {
        let mut counts = [0.0; 256];
        for (y, row) in grey.chunks_exact(width.max(1)).enumerate() {
            for (x, value) in row.iter().enumerate() {
                if wanted(x, y) {
                    counts[usize::from(value.round() as u8)] += 1.0;
                }
            }
        }
        let sum = counts.iter().sum::<f64>().max(1.0);
        Histogram(counts.map(|count| count / sum))
    }

    fn share(&self, levels: std::ops::Range<usize>) -> f64 {
        self.0[levels].iter().sum()
    }

    fn entropy(&self) -> f64 {
        let shares = self.0.iter().filter(|share| **share > 0.0);
        -shares.map(|share| share * share.log2()).sum::<f64>()
    }

    fn shared(&self, other: &Histogram) -> f64 {
        self.0.iter().zip(&other.0).map(|(a, b)| a.min(*b)).sum()
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
    use crate::face::align::TEMPLATE;

    fn landmarks() -> Landmarks {
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
        let (yaw, pitch, roll) = pose(&landmarks());
        assert!(
            yaw.abs() < 0.1 && pitch.abs() < 0.1 && roll.abs() < 0.1,
            "{yaw} {pitch} {roll}"
        );
    }

    #[test]
    fn pose_has_the_documented_signs_and_survives_a_tilt() {
        let mut turned = landmarks();
        turned.nose.x += 8.0;
        let (yaw, _, _) = pose(&turned);
        assert!(yaw > 20.0, "{yaw}");
        let mut up = landmarks();
        up.nose.y -= 8.0;
        let (_, pitch, _) = pose(&up);
        assert!(pitch > 10.0, "{pitch}");

        let (sin, cos) = 20f32.to_radians().sin_cos();
        let tilted = moved(&turned, |p| Point::new(p.x * cos - p.y * sin, p.x * sin + p.y * cos));
        let (tilted_yaw, tilted_pitch, roll) = pose(&tilted);
        assert!((roll - 20.0).abs() < 0.01, "{roll}");
        assert!((tilted_yaw - yaw).abs() < 0.1 && tilted_pitch.abs() < 0.1);
    }

    /// A picture that is an aligned face already.
    fn measure(pixel: impl Fn(u32, u32) -> u8) -> Quality {
        let picture = Picture::from_fn(112, 112, |x, y| [pixel(x, y); 3]);
        Quality::measure(&picture, &Landmarks::from(TEMPLATE), &picture)
    }

    #[test]
    fn sharpness_brightness_and_contrast_tell_pictures_apart() {
        let plain = measure(|_, _| 70);
        assert!((plain.brightness - 70.0).abs() < 0.5);
        assert!(plain.contrast < 0.01 && plain.sharpness < 0.01);
        let fine = measure(|x, y| if (x + y) % 2 == 0 { 0 } else { 255 });
        let coarse = measure(|x, _| if x / 28 % 2 == 0 { 0 } else { 255 });
        assert!((fine.contrast - 127.5).abs() < 0.5);
        assert!(fine.sharpness > 10.0 * coarse.sharpness && coarse.sharpness > 10.0);
    }

    #[test]
    fn exposure_is_told_by_the_grey_levels_of_the_face() {
        let black = measure(|x, _| (x % 4) as u8);
        assert!((black.dynamic_range - 2.0).abs() < 0.05 && black.under_exposure == 1.0 && black.over_exposure == 0.0);
        let blown = measure(|_, y| if y < 66 { 255 } else { 128 });
        assert!((blown.over_exposure - 0.5).abs() < 0.03 && blown.under_exposure == 0.0);
        // What is beside the face does not count.
        let before_the_light = measure(|x, y| if in_the_face(x as usize, y as usize) { 90 } else { 255 });
        assert_eq!(
            (before_the_light.over_exposure, before_the_light.dynamic_range),
            (0.0, 0.0)
        );
        let even = measure(|_, y| y as u8);
        let from_one_side = measure(|x, y| if x < 56 { y as u8 } else { 255 - y as u8 });
        assert!((even.illumination_uniformity - 1.0).abs() < 1e-9 && from_one_side.illumination_uniformity == 0.0);
    }

    #[test]
    fn a_face_over_the_border_is_cropped() {
        let at = |right: f32| {
            let landmarks = Landmarks::from(TEMPLATE.map(|point| Point::new(point.x + right, point.y)));
            cropped(&Picture::from_fn(112, 116, |_, _| [0; 3]), &landmarks)
        };
        assert_eq!(at(0.0), 0.0);
        assert!((at(56.0) - 0.5).abs() < 0.02 && (at(-56.0) - 0.5).abs() < 0.02);
        assert_eq!(
            cropped(
                &Picture::from_fn(9, 9, |_, _| [0; 3]),
                &Landmarks::from([Point::new(3.0, 3.0); 5])
            ),
            1.0
        );
    }
}
