//! Whether two pictures of a face come from one exposure: the same photograph again, whatever was done to it since.
//!
//! Two photographs of a person are never the same: skin folds, hair, shine, the turn of the head and the light differ from place to
//! place even between two moments. What is made of *one* photograph (mirrored, cropped, turned, recoloured, scaled, compressed, seen
//! aslant, printed, shown by a screen, with noise or something over a part of it) is the same nearly everywhere, up to one map of the
//! plane and a smooth change of tone.
//!
//! So both faces are brought to the same place and size by their landmarks ([`CloseUp`]); patches of one are looked for in the other
//! and in its mirror image; and what counts is how well they correlate *and* how near each lies to where the map that most of them agree
//! on has it. Two photographs taken moments apart match in patches, too, but no map of the plane puts all of them at their places. Levels
//! are compared within a band of scales and over their local contrast, which changes of tone hardly move. A mean over all patches makes up
//! for those that are covered.

mod matching;

use super::Landmarks;
use super::align::TEMPLATE;
use super::plane::Plane;
use crate::error::VisionError;
use crate::geometry::{Affine, Perspective, Point, Rect, SimilarityTransform};
use crate::picture::{Border, Picture, warp_affine};
use matching::{Patches, common_move, fit};

/// Side of a close-up in pixels.
const SIDE: u32 = 224;
/// Pixels between the eyes there.
const EYES: f32 = 48.0;
/// The band that is compared, in pixels of the close-up: what print, compression and a distance between the eyes of about 15 pixels
/// leave, and what is smaller than nose and mouth, which all photographs of a person have at the same place.
const BAND: (f32, f32) = (1.5, 6.0);

/// The first look is at a quarter of the size.
const SHRUNK: f64 = 4.0;
/// The band of it, in its pixels.
const FIRST_BAND: (f32, f32) = (0.7, 3.0);
/// Patches as wide as from eye to eye.
const FIRST: Patches = Patches {
    side: 12,
    step: 5,
    margin: 5,
    reach: 5,
};
/// By how many degrees the face may be turned against its landmarks, which detectors put too upright: patches are found again when they
/// are turned by up to half of the steps.
const TURNS: [f64; 3] = [0.0, -18.0, 18.0];

/// Looks at the whole size, each after the map of the one before was undone.
const LOOKS: [Patches; 3] = [
    Patches {
        side: 32,
        step: 16,
        margin: 36,
        reach: 5,
    },
    Patches {
        side: 24,
        step: 12,
        margin: 36,
        reach: 3,
    },
    Patches {
        side: 24,
        step: 12,
        margin: 36,
        reach: 2,
    },
];
/// How far from the common map a patch may lie, in pixels, in the first and in the last round of a fit.
const FIRST_SCALES: (f32, f32) = (2.5, 0.8);
const SCALES: (f32, f32) = (2.0, 0.7);

/// A face at the size and place at which exposures are compared. Personal data: it has no `Debug`.
pub struct CloseUp {
    grey: Plane,
    band: Plane,
    small: Plane,
}

impl CloseUp {
    /// Of the face with these landmarks.
    ///
    /// # Errors
    /// [`VisionError::DegenerateLandmarks`].
    pub fn of(picture: &Picture, landmarks: &Landmarks) -> Result<CloseUp, VisionError> {
        let (picture, points) = near(picture, landmarks)?;
        let scale = EYES / TEMPLATE[0].distance(TEMPLATE[1]);
        // The middle of the face is that of the close-up.
        let middle = TEMPLATE[2];
        let centre = SIDE as f32 / 2.0;
        let to = TEMPLATE.map(|point| {
            Point::new(
                (point.x - middle.x) * scale + centre,
                (point.y - middle.y) * scale + centre,
            )
        });
        let back = SimilarityTransform::estimate(&points, &to).and_then(|map| Affine::from(map).inverse());
        let back = back.ok_or(VisionError::DegenerateLandmarks)?;
        let grey = Plane {
            width: SIDE as usize,
            height: SIDE as usize,
            values: warp_affine(&picture, &back, SIDE, SIDE, Border::Replicate).luma(),
        };
        Ok(CloseUp {
            band: grey.band(BAND.0, BAND.1),
            small: grey.halved().halved().band(FIRST_BAND.0, FIRST_BAND.1),
            grey,
        })
    }

    /// How far both are one exposure, 0 to 1: the mean over patches of their squared correlation, less the farther a patch lies from
    /// where the common map has it. Near 1 for a copy.
    #[must_use]
    pub fn agreement(&self, other: &CloseUp) -> f64 {
        let (map, mirrored) = self.look_for(&other.small);
        let grey = if mirrored { &other.grey.mirrored() } else { &other.grey };
        let start = (scaled(&map, SHRUNK), 0.0);
        let (_, support) = LOOKS.iter().fold(start, |(map, _), patches| {
            let laid = grey.warped(&map).band(BAND.0, BAND.1);
            let (rest, support) = fit(&patches.find(&self.band, &laid), STAY, SCALES, true);
            (map.after(&rest), support)
        });
        f64::from(support)
    }

    /// The affine map from this face to the other at a quarter of the size, and whether it leads to the mirror image.
    fn look_for(&self, other: &Plane) -> (Perspective, bool) {
        let mirror = other.mirrored();
        let looks = [(other, false), (&mirror, true)]
            .into_iter()
            .flat_map(|(other, mirrored)| {
                TURNS.map(|turn| {
                    let turned = Affine::turn_about(other.middle(), turn).into();
                    let matches = FIRST.find(&self.small, &other.warped(&turned));
                    let (map, support) = fit(&matches, common_move(&matches, FIRST.reach), FIRST_SCALES, false);
                    (support, turned.after(&map), mirrored)
                })
            });
        let best = looks.max_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or((STAY, false), |(_, map, mirrored)| (map, mirrored))
    }
}

const STAY: Perspective = Perspective([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);

/// A map between small pictures, for those that are wider and higher by a factor. Whole numbers are the centres of pixels.
fn scaled(map: &Perspective, factor: f64) -> Perspective {
    let scale = |factor: f64| {
        let shift = (factor - 1.0) / 2.0;
        Perspective::from(Affine([factor, 0.0, shift, 0.0, factor, shift]))
    };
    scale(factor).after(map).after(&scale(1.0 / factor))
}

/// The surroundings of a face, made smaller where it has far more pixels than the close-up will: drawing it through the map looks at
/// four pixels for each of its own. With the landmarks there.
fn near(picture: &Picture, landmarks: &Landmarks) -> Result<(Picture, [Point; 5]), VisionError> {
    let eyes = landmarks.eye_distance();
    // Half of the close-up's diagonal in distances between the eyes, in any direction.
    let reach = std::f32::consts::FRAC_1_SQRT_2 * SIDE as f32 / EYES * eyes;
    let Point { x, y } = landmarks.nose;
    let area = picture.part(Rect::new(x - reach, y - reach, 2.0 * reach, 2.0 * reach));
    let area = area.ok_or(VisionError::DegenerateLandmarks)?;
    let scale = (1.5 * EYES / eyes).min(1.0);
    let size = |length: u32| (length as f32 * scale).round().max(1.0) as u32;
    let small = area.resize(size(area.width()), size(area.height()));
    let (across, down) = (
        small.width() as f32 / area.width() as f32,
        small.height() as f32 / area.height() as f32,
    );
    // Edges of pixels stay edges; centres lie half a pixel inside.
    let place = |at: f32, origin: u32, scale: f32| (at - origin as f32 + 0.5) * scale - 0.5;
    let points = landmarks
        .points()
        .map(|point| Point::new(place(point.x, area.left(), across), place(point.y, area.top(), down)));
    Ok((small, points))
}

#[cfg(test)]
mod tests;
