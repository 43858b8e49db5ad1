//! Disguises that move pixels.

use vision::geometry::{Affine, Perspective, Point, Quad, Rect};
use vision::picture::{Border, Picture, warp_affine, warp_perspective};

use super::disguise::Subject;
use crate::degrade::sample;
use crate::specimen::dice::Dice;

pub(super) fn mirrored(subject: Subject) -> Subject {
    let width = subject.picture.width() as f32;
    let mut face = subject.face;
    face.bounds.x = width - face.bounds.right();
    let [right_eye, left_eye, nose, right_mouth, left_mouth] = face
        .landmarks
        .points()
        .map(|point| Point::new(width - 1.0 - point.x, point.y));
    // Right is where the person's right side seems to be.
    face.landmarks = [left_eye, right_eye, nose, left_mouth, right_mouth].into();
    Subject {
        picture: subject.picture.mirror(),
        face,
        ..subject
    }
}

pub(super) fn cropped(subject: &Subject, dice: &mut Dice) -> Picture {
    let Rect { x, y, width, height } = subject.face.bounds;
    let mut margin = |length: f32| length * dice.between(0.05, 0.35);
    let (left, top) = (margin(width), margin(height));
    let part = Rect::new(
        x - left,
        y - top,
        width + left + margin(width),
        height + top + margin(height),
    );
    subject.picture.crop(part).unwrap_or_else(|| subject.picture.clone())
}

pub(super) fn turned(subject: &Subject, dice: &mut Dice) -> Picture {
    let picture = &subject.picture;
    let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
    let degrees = f64::from(side * dice.between(5.0, 30.0));
    let map = Affine::turn_about(subject.face.bounds.centre(), degrees);
    let border = if dice.chance(0.5) {
        Border::Black
    } else {
        Border::Replicate
    };
    warp_affine(picture, &map, picture.width(), picture.height(), border)
}

pub(super) fn rescaled(subject: &Subject, dice: &mut Dice) -> Picture {
    let picture = &subject.picture;
    let scale = dice.between(14.0, 26.0) / subject.eyes();
    let scaled = |length: u32| (length as f32 * scale.min(1.0)).round() as u32;
    let small = picture.resize(scaled(picture.width()), scaled(picture.height()));
    if dice.chance(0.5) {
        small
    } else {
        small.resize(picture.width(), picture.height())
    }
}

/// Of a picture that is enlarged, at the most: one in which a face has a few pixels would fill all memory.
const MOST_PIXELS: f32 = 5e7;

/// At least so many pixels between the eyes, where that is not too large.
pub(super) fn enlarged(subject: &Subject, eyes: f32) -> Picture {
    let picture = &subject.picture;
    let pixels = picture.width() as f32 * picture.height() as f32;
    let most = (MOST_PIXELS / pixels).sqrt();
    let scale = (eyes / subject.eyes()).min(most).max(1.0);
    let scaled = |length: u32| (length as f32 * scale).round() as u32;
    picture.resize(scaled(picture.width()), scaled(picture.height()))
}

pub(super) fn stretched(picture: &Picture, dice: &mut Dice) -> Picture {
    let wider = if dice.chance(0.5) {
        dice.between(1.08, 1.22)
    } else {
        dice.between(0.82, 0.93)
    };
    picture.resize((picture.width() as f32 * wider).round() as u32, picture.height())
}

/// Each corner goes inwards by up to a seventh of the sides.
pub(super) fn perspective(picture: &Picture, dice: &mut Dice) -> Picture {
    let (right, bottom) = (picture.width() as f32 - 1.0, picture.height() as f32 - 1.0);
    let mut corner = |x: f32, y: f32| {
        let inwards = |at: f32, end: f32, by: f32| if at > 0.0 { end - by * end } else { by * end };
        let (across, down) = (dice.between(0.0, 0.14), dice.between(0.0, 0.14));
        Point::new(inwards(x, right, across), inwards(y, bottom, down))
    };
    let seen = Quad([
        corner(0.0, 0.0),
        corner(right, 0.0),
        corner(right, bottom),
        corner(0.0, bottom),
    ]);
    let all = Quad::from(Rect::new(0.0, 0.0, right, bottom));
    match Perspective::between(&seen, &all) {
        Some(map) => warp_perspective(picture, &map, picture.width(), picture.height(), Border::Black),
        None => picture.clone(),
    }
}

/// Barrel or pincushion about the middle of the face: r' = r (1 + k r²), r = 1 at half the face's height.
pub(super) fn lens(subject: &Subject, dice: &mut Dice) -> Picture {
    let picture = &subject.picture;
    let bend = if dice.chance(0.5) {
        dice.between(0.04, 0.12)
    } else {
        dice.between(-0.08, -0.03)
    };
    let (centre, radius) = (subject.face.bounds.centre(), subject.face.bounds.height / 2.0);
    Picture::from_fn(picture.width(), picture.height(), |x, y| {
        let (dx, dy) = (x as f32 - centre.x, y as f32 - centre.y);
        // Straight again where the face ends, so that nothing folds over.
        let square = ((dx * dx + dy * dy) / (radius * radius)).min(2.0);
        let factor = 1.0 + bend * square;
        sample(picture, centre.x + dx * factor, centre.y + dy * factor).map(|channel| channel.round() as u8)
    })
}
