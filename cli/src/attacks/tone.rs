//! Disguises that change colours.

use vision::picture::Picture;

use crate::degrade::optics;
use crate::specimen::dice::Dice;

/// Each channel's levels through a function from 0–1 to 0–1.
fn through(picture: &Picture, curve: impl Fn(usize, f32) -> f32) -> Picture {
    let table = |channel: usize| -> [u8; 256] {
        std::array::from_fn(|level| (255.0 * curve(channel, level as f32 / 255.0)).round().clamp(0.0, 255.0) as u8)
    };
    let tables = [table(0), table(1), table(2)];
    Picture::from_fn(picture.width(), picture.height(), |x, y| {
        let pixel = picture.pixel(x, y);
        std::array::from_fn(|channel| tables[channel][usize::from(pixel[channel])])
    })
}

pub(super) fn gamma(picture: &Picture, dice: &mut Dice) -> Picture {
    let exponent = if dice.chance(0.5) {
        dice.between(0.4, 0.75)
    } else {
        dice.between(1.35, 2.4)
    };
    through(picture, |_, level| level.powf(exponent))
}

pub(super) fn white_balance(picture: &Picture, dice: &mut Dice) -> Picture {
    let gains = [(); 3].map(|()| dice.between(0.6, 1.4));
    through(picture, |channel, level| level * gains[channel])
}

pub(super) fn grey(picture: &Picture, dice: &mut Dice) -> Picture {
    let (gain, middle) = (dice.between(1.0, 1.7), dice.between(90.0, 150.0));
    let luma = picture.luma();
    let columns = picture.width() as usize;
    Picture::from_fn(picture.width(), picture.height(), |x, y| {
        let level = middle + gain * (luma[y as usize * columns + x as usize] - middle);
        [level.round().clamp(0.0, 255.0) as u8; 3]
    })
}

/// Steep in the middle and flat at both ends, or the other way round.
pub(super) fn curve(picture: &Picture, dice: &mut Dice) -> Picture {
    let (power, inverted) = (dice.between(1.6, 2.6), dice.chance(0.5));
    through(picture, |_, level| {
        let from_middle = 2.0 * level - 1.0;
        let bent = if inverted {
            from_middle.abs().powf(power)
        } else {
            1.0 - (1.0 - from_middle.abs()).powf(power)
        };
        0.5 + 0.5 * bent * from_middle.signum()
    })
}

/// In hardly any light: dark, and noisy from the sensor's gain.
pub(super) fn under_exposed(picture: &Picture, dice: &mut Dice) -> Picture {
    let gain = dice.between(0.02, 0.1);
    let dark = through(picture, |_, level| gain * level);
    optics::noise(&dark, dice.between(0.3, 1.5), dice.bits())
}

/// In so much light that most of the face is white.
pub(super) fn over_exposed(picture: &Picture, dice: &mut Dice) -> Picture {
    let gain = dice.between(3.0, 6.0);
    through(picture, |_, level| gain * level)
}
