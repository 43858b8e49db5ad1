//! Disguises that put something over a picture, or around it.

use vision::geometry::Rect;
use vision::picture::Picture;

use super::disguise::Subject;
use crate::specimen::dice::Dice;
use crate::specimen::{Fonts, Words};

pub(super) type Colour = [u8; 3];

pub(super) fn any(dice: &mut Dice) -> Colour {
    [(); 3].map(|()| dice.whole(0, 255) as u8)
}

pub(super) fn mix(below: Colour, above: Colour, opacity: f32) -> Colour {
    std::array::from_fn(|channel| {
        let (below, above) = (f32::from(below[channel]), f32::from(above[channel]));
        (below + (above - below) * opacity.clamp(0.0, 1.0)).round() as u8
    })
}

/// The picture with a colour over it, as opaque as said for each pixel.
fn over(picture: &Picture, colour: Colour, opacity: impl Fn(f32, f32) -> f32) -> Picture {
    Picture::from_fn(picture.width(), picture.height(), |x, y| {
        mix(picture.pixel(x, y), colour, opacity(x as f32, y as f32))
    })
}

pub(super) fn pattern(subject: &Subject, dice: &mut Dice) -> Picture {
    let period = dice.between(0.12, 0.5) * subject.eyes();
    let opacity = dice.between(0.15, 0.45);
    let (sin, cos) = dice.between(0.0, std::f32::consts::PI).sin_cos();
    let kind = dice.whole(0, 2);
    let colour = any(dice);
    over(&subject.picture, colour, |x, y| {
        let turned = [(x * cos + y * sin) / period, (y * cos - x * sin) / period];
        let [across, down] = turned.map(|at| at.rem_euclid(1.0) < 0.5);
        let line = turned.iter().any(|at| at.rem_euclid(1.0) < 0.18);
        let on = match kind {
            0 => across,
            1 => line,
            _ => across != down,
        };
        if on { opacity } else { 0.0 }
    })
}

pub(super) fn text(subject: &Subject, fonts: &Fonts, dice: &mut Dice) -> Picture {
    const WORDS: [&str; 4] = ["COPY", "SAMPLE", "NOT VALID FOR USE", "WWW.EXAMPLE.ORG"];
    let face = subject.face.bounds;
    let capital = dice.between(0.22, 0.4) * subject.eyes();
    let (angle, opacity, colour) = (dice.between(-0.6, 0.6), dice.between(0.5, 1.0), any(dice));
    let lines = dice.whole(2, 3);
    (0..lines).fold(subject.picture.clone(), |picture, line| {
        let down = (line as f32 + 0.5) / lines as f32;
        let words = Words {
            line: dice.pick(&WORDS),
            centre: (face.centre().x, face.y + face.height * down),
            capital,
            angle,
            colour,
            opacity,
        };
        words.over(&picture, fonts)
    })
}

/// An ellipse of an eighth to a quarter of the face's box.
pub(super) fn sticker(subject: &Subject, dice: &mut Dice) -> Picture {
    let face = subject.face.bounds;
    let area = dice.between(0.12, 0.25) * face.area();
    let width = (area * dice.between(0.6, 1.7) / std::f32::consts::FRAC_PI_4).sqrt();
    let height = area / std::f32::consts::FRAC_PI_4 / width;
    let (x, y) = (
        face.x + dice.unit() * face.width,
        face.y + dice.between(0.1, 0.9) * face.height,
    );
    let colour = any(dice);
    over(&subject.picture, colour, |at_x, at_y| {
        let (dx, dy) = (2.0 * (at_x - x) / width, 2.0 * (at_y - y) / height);
        (8.0 * (1.0 - dx.hypot(dy))).clamp(0.0, 1.0)
    })
}

pub(super) fn frame(picture: &Picture, dice: &mut Dice) -> Picture {
    let (width, height) = (picture.width(), picture.height());
    let mut side = |length: u32| (length as f32 * dice.between(0.03, 0.15)).round() as u32;
    let (left, right, top, bottom) = (side(width), side(width), side(height), side(height));
    let colour = any(dice);
    let ground = Picture::from_fn(width + left + right, height + top + bottom, |_, _| colour);
    laid(&ground, picture, left, top)
}

/// A picture with another laid on it.
pub(super) fn laid(below: &Picture, above: &Picture, left: u32, top: u32) -> Picture {
    Picture::from_fn(below.width(), below.height(), |x, y| {
        match (x.checked_sub(left), y.checked_sub(top)) {
            (Some(x), Some(y)) if x < above.width() && y < above.height() => above.pixel(x, y),
            _ => below.pixel(x, y),
        }
    })
}

/// Head and neck before a background that goes from one colour to another.
pub(super) fn cut_out(subject: &Subject, dice: &mut Dice) -> Picture {
    let Rect { width, height, .. } = subject.face.bounds;
    let centre = subject.face.bounds.centre();
    let (above, below) = (any(dice), any(dice));
    let (reach_x, reach_y) = (width * dice.between(0.56, 0.7), height * dice.between(0.6, 0.72));
    let picture = &subject.picture;
    Picture::from_fn(picture.width(), picture.height(), |x, y| {
        let (dx, dy) = ((x as f32 - centre.x) / reach_x, (y as f32 - centre.y) / reach_y);
        // The neck goes on below the head.
        let outside = if dy > 0.0 {
            (1.4 * dx.abs()).max(dx.hypot(dy).min(1.0))
        } else {
            dx.hypot(dy)
        };
        let ground = mix(above, below, y as f32 / picture.height() as f32);
        mix(picture.pixel(x, y), ground, 12.0 * (outside - 1.0))
    })
}
