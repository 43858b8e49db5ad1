//! Pictures of pictures: copies on paper and screens.

use std::f32::consts::TAU;

use vision::picture::Picture;

use super::camera::sample;
use crate::specimen::dice::Dice;

fn luma([r, g, b]: [u8; 3]) -> f32 {
    0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)
}

/// A copy of an office machine: without colour, with more contrast, and a little dirt.
pub(super) fn grey(page: &Picture, strength: f32, dice: &mut Dice) -> Picture {
    let gain = 1.0 + strength;
    let middle = dice.between(140.0, 170.0);
    let specks: Vec<(u32, u32, u32)> = (0..(8.0 + 60.0 * strength) as usize)
        .map(|_| {
            let at = |dice: &mut Dice, end: u32| dice.whole(0, end as usize) as u32;
            (at(dice, page.width()), at(dice, page.height()), dice.whole(1, 3) as u32)
        })
        .collect();
    let mut copy = Picture::from_fn(page.width(), page.height(), |x, y| {
        let level = (middle + (luma(page.pixel(x, y)) - middle) * gain + 22.0).clamp(18.0, 252.0);
        [level as u8; 3]
    });
    let mut pixels = copy.pixels().to_vec();
    for (left, top, size) in specks {
        for y in top..(top + size).min(copy.height()) {
            for x in left..(left + size).min(copy.width()) {
                let start = (y * copy.width() + x) as usize * 3;
                pixels[start..start + 3].fill(60);
            }
        }
    }
    if let Some(dirty) = Picture::from_rgb(copy.width(), copy.height(), pixels) {
        copy = dirty;
    }
    copy
}

/// A copy of a colour printer: dots of four inks at their angles, and paler colours. `scale` is in pixels to the millimetre.
pub(crate) fn printed(page: &Picture, strength: f32, scale: f32, dice: &mut Dice) -> Picture {
    let pitch = (0.16 + 0.2 * strength) * scale;
    let angles = [15.0_f32, 75.0, 0.0, 45.0].map(|degrees| (degrees.to_radians().sin_cos(), dice.unit() * pitch));
    let paper = [247.0, 246.0, 240.0];
    // What each ink leaves of red, green and blue.
    let inks = [
        [0.12, 0.62, 0.86],
        [0.84, 0.16, 0.52],
        [0.98, 0.88, 0.14],
        [0.13, 0.12, 0.13],
    ];
    Picture::from_fn(page.width(), page.height(), |x, y| {
        let pixel = page.pixel(x, y);
        let light: [f32; 3] = pixel.map(|channel| f32::from(channel) / 255.0);
        let black = 1.0 - light[0].max(light[1]).max(light[2]);
        let amounts = [
            1.0 - light[0] - black,
            1.0 - light[1] - black,
            1.0 - light[2] - black,
            black,
        ];
        let mut colour = paper;
        for (((sin, cos), phase), (ink, amount)) in angles.into_iter().zip(inks.into_iter().zip(amounts)) {
            let (x, y) = (x as f32 + phase, y as f32);
            let (s, t) = ((x * cos + y * sin) / pitch, (y * cos - x * sin) / pitch);
            let screen = 0.5 + 0.25 * ((TAU * s).cos() + (TAU * t).cos());
            // Soft dots, as large as there is ink.
            let dot = ((amount - screen) * 2.4 + 0.5).clamp(0.0, 1.0);
            let cover = 0.35 * amount + 0.65 * dot * amount.sqrt();
            for (channel, left) in colour.iter_mut().zip(ink) {
                *channel *= 1.0 - cover * (1.0 - left);
            }
        }
        colour.map(|channel| channel as u8)
    })
}

/// A picture as a camera sees it on a screen that is a little turned. `scale` is in pixels to the millimetre of the screen.
pub(crate) fn shown(picture: &Picture, strength: f32, scale: f32, dice: &mut Dice) -> Picture {
    let size = (picture.width() as f32 / scale, picture.height() as f32 / scale);
    let screen = Screen::new(strength, size, dice);
    let (sin, cos) = dice.between(-0.05, 0.05).sin_cos();
    let (right, bottom) = (screen.margin.0 + 7.0, screen.margin.1 + 7.0);
    let pixels = |length: f32| (length * scale).round() as u32;
    let (width, height) = (pixels(size.0 + 2.0 * right), pixels(size.1 + 2.0 * bottom));
    Picture::from_fn(width, height, |x, y| {
        let (dx, dy) = (
            (x as f32 - width as f32 / 2.0) / scale,
            (y as f32 - height as f32 / 2.0) / scale,
        );
        let (u, v) = (dx * cos - dy * sin + size.0 / 2.0, dx * sin + dy * cos + size.1 / 2.0);
        let seen = screen.colour(u, v, y as f32 / height as f32, |u, v| {
            let inside = u >= 0.0 && v >= 0.0 && u < size.0 && v < size.1;
            inside.then(|| sample(picture, u * scale - 0.5, v * scale - 0.5))
        });
        let lit = seen.map_or([0.0; 3], |(colour, _)| colour);
        lit.map(|channel| channel.clamp(0.0, 255.0).round() as u8)
    })
}

/// A screen that shows the page: pixels of three stripes, a dark frame, bands where it was refreshed.
pub(super) struct Screen {
    strength: f32,
    /// Distance between pixels in millimetres of the page.
    pub(super) pitch: f32,
    page: (f32, f32),
    margin: (f32, f32),
    ground: [f32; 3],
    bands: f32,
    phase: f32,
}

impl Screen {
    pub(super) fn new(strength: f32, page: (f32, f32), dice: &mut Dice) -> Screen {
        let white = dice.chance(0.5);
        Screen {
            strength,
            pitch: dice.between(0.14, 0.30),
            page,
            margin: (dice.between(3.0, 9.0), dice.between(3.0, 12.0)),
            ground: if white { [244.0; 3] } else { [34.0, 34.0, 38.0] },
            bands: dice.between(1.5, 5.0),
            phase: dice.between(0.0, TAU),
        }
    }

    /// The colour of a place and 1, or nothing where there is neither screen nor frame. `page` has the page's own colours.
    pub(super) fn colour(
        &self,
        u: f32,
        v: f32,
        height: f32,
        page: impl Fn(f32, f32) -> Option<[f32; 3]>,
    ) -> Option<([f32; 3], f32)> {
        let beyond = |at: f32, end: f32, margin: f32| (-margin - at).max(at - end - margin);
        let off = beyond(u, self.page.0, self.margin.0).max(beyond(v, self.page.1, self.margin.1));
        if off > 7.0 {
            return None;
        }
        if off > 0.0 {
            let edge = if off > 6.4 { 46.0 } else { 15.0 };
            return Some(([edge, edge, edge + 2.0], 1.0));
        }
        let (s, t) = (u / self.pitch, v / self.pitch);
        let centre = |at: f32| (at.floor() + 0.5) * self.pitch;
        let colour = page(centre(s), centre(t)).unwrap_or(self.ground);
        let depth = 0.25 + 0.55 * self.strength;
        let row = 1.0 - depth * 0.5 * (1.0 - (std::f32::consts::PI * t.rem_euclid(1.0)).sin());
        let wave = 0.5 + 0.5 * (TAU * height * self.bands + self.phase).sin();
        let band = 1.0 - (0.05 + 0.25 * self.strength) * wave * wave;
        let lit = std::array::from_fn(|channel| {
            let stripe = 0.5 + 0.5 * (TAU * (s.rem_euclid(1.0) - (channel as f32 + 0.5) / 3.0)).cos();
            let grid = 1.0 - depth + depth * 1.9 * stripe;
            let cold = [0.94, 1.0, 1.08][channel];
            10.0 + colour[channel] * grid * row * band * cold * 0.98
        });
        Some((lit, 1.0))
    }
}
