//! What hides a face, or a part of it: masks, dark glasses, a hand, the border of the picture.

use vision::geometry::{Point, Rect};
use vision::picture::Picture;

use super::disguise::Subject;
use super::overlay::{Colour, any, mix};
use crate::specimen::dice::Dice;

/// Places of a face: from the middle between the eyes, in distances between them, to the right and down its upright.
struct Place {
    middle: Point,
    right: Point,
}

impl Place {
    fn of(subject: &Subject) -> Place {
        let landmarks = &subject.face.landmarks;
        let (from, to) = (landmarks.right_eye, landmarks.left_eye);
        let square = (to.x - from.x).powi(2) + (to.y - from.y).powi(2);
        Place {
            middle: from.midpoint(to),
            right: Point::new((to.x - from.x) / square, (to.y - from.y) / square),
        }
    }

    fn of_pixel(&self, x: u32, y: u32) -> (f32, f32) {
        let (x, y) = (x as f32 - self.middle.x, y as f32 - self.middle.y);
        (x * self.right.x + y * self.right.y, y * self.right.x - x * self.right.y)
    }
}

/// The picture with something over it: its colour and opacity at places of the face.
fn covered(subject: &Subject, cover: impl Fn(f32, f32) -> (Colour, f32)) -> Picture {
    let (picture, place) = (&subject.picture, Place::of(subject));
    Picture::from_fn(picture.width(), picture.height(), |x, y| {
        let (across, down) = place.of_pixel(x, y);
        let (colour, opacity) = cover(across, down);
        mix(picture.pixel(x, y), colour, opacity)
    })
}

/// How opaque something is so far inside its edge, in distances between the eyes.
fn edge(inside: f32) -> f32 {
    (0.5 + 25.0 * inside).clamp(0.0, 1.0)
}

fn lit(colour: Colour, light: f32) -> Colour {
    colour.map(|value| (f32::from(value) * light).clamp(0.0, 255.0) as u8)
}

/// The colour in the middle between two places.
fn between(subject: &Subject, one: Point, other: Point) -> Colour {
    let Point { x, y } = one.midpoint(other);
    subject.picture.pixel(x.max(0.0) as u32, y.max(0.0) as u32)
}

/// How bright the picture is, so that what is laid over it is as bright.
fn light(subject: &Subject) -> f32 {
    let luma = subject.picture.luma();
    (luma.iter().sum::<f32>() / luma.len().max(1) as f32 / 110.0 + 0.25).min(1.0)
}

/// Medical and cloth masks over nose, mouth and chin.
pub(super) fn mask(subject: &Subject, dice: &mut Dice) -> Picture {
    const CLOTH: [Colour; 8] = [
        [150, 190, 215],
        [240, 240, 240],
        [25, 25, 25],
        [30, 60, 120],
        [128, 128, 128],
        [225, 200, 180],
        [160, 60, 60],
        [160, 120, 90],
    ];
    let colour = CLOTH[dice.whole(0, CLOTH.len() - 1)];
    let (top, pleated, printed) = (dice.between(0.18, 0.36), dice.chance(0.5), dice.chance(0.3));
    let light = light(subject) * dice.between(0.6, 1.0);
    let print = any(dice);
    covered(subject, |across, down| {
        // Along the upper edge, which rises to the nose, and the sides, which meet below the chin.
        let below_top = down - (top + 0.18 * across * across);
        let half = if down < 1.25 { 1.02 } else { 1.02 - 1.0 * (down - 1.25) };
        let inside = below_top.min(half - across.abs()).min(1.97 - down);
        let fold = if pleated && (down / 0.3).fract() < 0.12 {
            0.88
        } else {
            1.0
        };
        let dotted = printed && ((across * 9.0).sin() * (down * 9.0).sin()) > 0.3;
        let shade = (1.05 - 0.3 * across * across) * fold * light;
        (lit(if dotted { print } else { colour }, shade), edge(inside))
    })
}

/// Two dark lenses with a bridge and temples; some are darker above, some reflect a light.
pub(super) fn dark_glasses(subject: &Subject, dice: &mut Dice) -> Picture {
    let (half_width, half_height) = (dice.between(0.4, 0.51), dice.between(0.27, 0.38));
    let (lower, power) = (dice.between(0.03, 0.11), [2.0, 2.5, 4.0][dice.whole(0, 2)]);
    let opacity = dice.between(0.82, 1.0);
    let dark = [(); 3].map(|()| dice.between(4.0, 45.0) as u8);
    let below = if dice.chance(0.5) { dice.between(0.0, 60.0) } else { 0.0 };
    let (shine, shines_at) = (
        if dice.chance(0.3) {
            dice.between(30.0, 120.0)
        } else {
            0.0
        },
        dice.between(-0.5, 0.8),
    );
    covered(subject, |across, down| {
        let lens = [-0.53, 0.53].map(|centre: f32| {
            let (x, y) = ((across - centre) / half_width, (down - lower) / half_height);
            (1.0 - (x.abs().powf(power) + y.abs().powf(power)).powf(1.0 / power)) * half_height
        });
        let lens = lens[0].max(lens[1]);
        let is_frame = (down + 0.05).abs() < 0.035 && (across.abs() < 0.5 || (0.85..1.3).contains(&across.abs()));
        if is_frame {
            return (dark, 1.0);
        }
        let level = below * (0.5 + down / half_height).clamp(0.0, 1.0)
            + shine * (-((across + down - shines_at) / 0.17).powi(2)).exp();
        let colour = dark.map(|value| (f32::from(value) + level).min(255.0) as u8);
        (colour, opacity * edge(lens))
    })
}

/// Fingers, in the colour of the cheek, over the mouth.
pub(super) fn hand(subject: &Subject, dice: &mut Dice) -> Picture {
    let landmarks = &subject.face.landmarks;
    let skin = between(subject, landmarks.right_eye, landmarks.right_mouth);
    let (sin, cos) = dice.between(-0.4, 0.4).sin_cos();
    let (half_height, light) = (dice.between(0.45, 0.62), dice.between(0.8, 1.1));
    let centre = (dice.between(-0.15, 0.15), dice.between(1.0, 1.15));
    covered(subject, |across, down| {
        let (x, y) = (across - centre.0, down - centre.1);
        let (along, over) = (x * cos + y * sin, y * cos - x * sin);
        let inside = 1.0 - ((along / 1.1).abs().powi(3) + (over / half_height).abs().powi(3)).cbrt();
        let between_fingers = ((over / 0.25).fract().abs() - 0.5).abs() < 0.08;
        let shade = if between_fingers { 0.65 } else { 1.0 };
        (lit(skin, light * shade), edge(inside * half_height))
    })
}

/// One of many colours: of skin near the face, of cloth, of a card.
fn cover_colour(subject: &Subject, dice: &mut Dice) -> Colour {
    if dice.chance(0.5) {
        let landmarks = &subject.face.landmarks;
        let skin = between(subject, landmarks.left_eye, landmarks.left_mouth);
        lit(skin, dice.between(0.8, 1.1))
    } else {
        any(dice)
    }
}

/// Something round over one eye.
pub(super) fn eye_patch(subject: &Subject, dice: &mut Dice) -> Picture {
    let side = if dice.chance(0.5) { 0.5 } else { -0.5 };
    let (radius, colour) = (dice.between(0.33, 0.48), cover_colour(subject, dice));
    covered(subject, |across, down| {
        let inside = radius - (across - side).hypot(down);
        (lit(colour, 1.0 - 0.15 * (across - side).abs()), edge(inside))
    })
}

/// Something over the left or the right half of the face, up to near the nose.
pub(super) fn half_covered(subject: &Subject, dice: &mut Dice) -> Picture {
    let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
    let (from, colour) = (dice.between(-0.1, 0.15), cover_colour(subject, dice));
    covered(subject, |across, down| {
        let inside = (side * across - from).min(down + 1.6).min(2.2 - down);
        (lit(colour, 1.0 - 0.1 * down.abs()), edge(inside))
    })
}

/// A part of the picture that leaves out a quarter to a half of the face, on one side.
pub(super) fn cut_off(subject: &Subject, dice: &mut Dice) -> Picture {
    let Rect { x, y, width, height } = subject.face.bounds;
    let gone = dice.between(0.25, 0.5);
    let (right, bottom) = (subject.picture.width() as f32, subject.picture.height() as f32);
    let part = match dice.whole(0, 3) {
        0 => Rect::new(x + gone * width, 0.0, right, bottom),
        1 => Rect::new(0.0, 0.0, x + (1.0 - gone) * width, bottom),
        2 => Rect::new(0.0, y + gone * height, right, bottom),
        _ => Rect::new(0.0, 0.0, right, y + (1.0 - gone) * height),
    };
    subject.picture.crop(part).unwrap_or_else(|| subject.picture.clone())
}
