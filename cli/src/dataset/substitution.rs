//! What a forger does to a printed document, or to a picture of one: another portrait ("photo substitution"), correction fluid.

use vision::geometry::{Point, Rect};
use vision::picture::{Limits, Picture};

use crate::degrade::{Photograph, optics, sample};
use crate::specimen::dice::Dice;
use crate::specimen::measure::around;
use crate::specimen::{Format, Specimen, ZonePlace};

/// Share of the portrait's height above the strip with SPECIMEN, which stays.
const ABOVE_STRIP: f32 = 0.915;

/// What is put into a picture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inserted {
    /// The portrait up to its frame.
    Portrait,
    /// The face alone: hair, clothes and background stay.
    Face,
}

/// Pastes another portrait over the printed one: a little off its place and askew, as thick as a photograph, in the ink and with the
/// grain of another printer.
pub(super) fn paste(page: &Picture, specimen: &Specimen, portrait: &Picture, dice: &mut Dice) -> Picture {
    let scale = page.width() as f32 / specimen.format.size().0;
    let place = specimen.format.portrait();
    let size = (
        place.width * dice.between(0.97, 1.04) * scale,
        place.height * ABOVE_STRIP * dice.between(0.99, 1.02) * scale,
    );
    let centre = (
        (place.x + place.width / 2.0 + dice.between(-0.6, 0.6)) * scale,
        (place.y + place.height * ABOVE_STRIP / 2.0 + dice.between(-0.6, 0.6)) * scale,
    );
    let (sin, cos) = dice.between(-1.5, 1.5).to_radians().sin_cos();
    let cut = Rect::new(
        0.0,
        0.0,
        portrait.width() as f32,
        portrait.height() as f32 * ABOVE_STRIP,
    );
    let picture = portrait
        .crop(cut)
        .unwrap_or_else(|| portrait.clone())
        .resize(size.0 as u32, size.1 as u32);
    let tint = [
        dice.between(0.9, 1.08),
        dice.between(0.92, 1.05),
        dice.between(0.86, 1.08),
    ];
    let (coarse, strength, seed) = (dice.whole(1, 3) as u32, dice.between(2.0, 9.0), dice.bits());
    // Its edge throws a shadow to one side.
    let (shadow, depth) = (dice.between(0.05, 0.4) * scale, dice.between(0.1, 0.5));
    let side = (
        if dice.chance(0.5) { 1.0 } else { -1.0 },
        if dice.chance(0.5) { 1.0 } else { -1.0 },
    );
    let turned = |x: f32, y: f32| (x * cos + y * sin + size.0 / 2.0, y * cos - x * sin + size.1 / 2.0);
    Picture::from_fn(page.width(), page.height(), |x, y| {
        let (dx, dy) = (x as f32 + 0.5 - centre.0, y as f32 + 0.5 - centre.1);
        let inside = |(u, v): (f32, f32)| u >= 0.0 && v >= 0.0 && u < size.0 && v < size.1;
        let (u, v) = turned(dx, dy);
        if inside((u, v)) {
            let mut grain = Dice::new(seed, u64::from(x / coarse) << 32 | u64::from(y / coarse));
            let noise = grain.between(-strength, strength);
            let pixel = sample(&picture, u - 0.5, v - 0.5);
            return std::array::from_fn(|channel| (pixel[channel] * tint[channel] + noise).clamp(0.0, 255.0) as u8);
        }
        let dark = inside(turned(dx - side.0 * shadow, dy - side.1 * shadow));
        let lit = if dark { 1.0 - depth } else { 1.0 };
        page.pixel(x, y).map(|channel| (f32::from(channel) * lit) as u8)
    })
}

/// Correction fluid over the characters of the zone that are others than these.
pub(super) fn white_out(page: &Picture, place: ZonePlace, zone: &[String], others: &[String]) -> Picture {
    let scale = page.width() as f32 / place.format.size().0;
    let differing = zone.iter().zip(others).enumerate().flat_map(|(line, (zone, other))| {
        let pairs = zone.bytes().zip(other.bytes()).enumerate();
        pairs
            .filter(|(_, (a, b))| a != b)
            .map(move |(position, _)| (line, position))
    });
    let cells: Vec<Rect> = differing
        .map(|(line, position)| around(place.cell(line, position), 0.6))
        .collect();
    Picture::from_fn(page.width(), page.height(), |x, y| {
        let (right, down) = ((x as f32 + 0.5) / scale, (y as f32 + 0.5) / scale);
        let inside = |cell: &Rect| (cell.x..cell.right()).contains(&right) && (cell.y..cell.bottom()).contains(&down);
        if cells.iter().any(inside) {
            [243, 243, 238]
        } else {
            page.pixel(x, y)
        }
    })
}

/// Inserts another portrait or face into a picture of the document: its light and sharpness are matched, its edges blended. The picture
/// was a file before, and is one after, of another quality.
///
/// # Errors
/// When the file of the picture cannot be written or read.
pub(super) fn insert(
    photograph: &mut Photograph,
    format: Format,
    portrait: &Picture,
    what: Inserted,
    dice: &mut Dice,
) -> anyhow::Result<()> {
    let filed = |picture: &Picture, quality: u8| -> anyhow::Result<Picture> {
        Ok(Picture::decode(&picture.encode_jpeg(quality)?, &Limits::default())?)
    };
    let before = filed(&photograph.picture, photograph.quality)?;
    let place = format.portrait();
    let to_page = photograph.to_page;
    let page_at = |x: u32, y: u32| to_page.apply(Point::new(x as f32, y as f32));

    // As large as it will be seen, as sharp and as noisy as the forger guesses.
    let millimetre = {
        let middle = (before.width() / 2, before.height() / 2);
        1.0 / page_at(middle.0, middle.1).distance(page_at(middle.0 + 1, middle.1))
    };
    let side = |length: f32| (length * millimetre).round().max(1.0) as u32;
    let other = filed(portrait, dice.whole(75, 95) as u8)?.resize(side(place.width), side(place.height));
    let other = optics::blur(&other, dice.between(0.0, 0.9));
    let other = optics::noise(&other, dice.between(0.0, 7.0), dice.bits());

    let feather = match what {
        Inserted::Portrait => dice.between(0.1, 0.8),
        Inserted::Face => dice.between(0.03, 0.08) * place.height,
    };
    let opacity = |at: Point| {
        let (x, y) = (at.x - place.x, at.y - place.y);
        let depth = match what {
            Inserted::Portrait => {
                let (right, below) = (place.width - x, place.height * ABOVE_STRIP - y);
                x.min(right).min(y).min(below)
            }
            Inserted::Face => {
                let (wide, high) = (0.185 * place.height, 0.25 * place.height);
                let (dx, dy) = ((x - place.width / 2.0) / wide, (y - 0.47 * place.height) / high);
                (1.0 - dx.hypot(dy)) * wide
            }
        };
        (depth / feather).clamp(0.0, 1.0)
    };
    let new = |at: Point| {
        let (x, y) = ((at.x - place.x) / place.width, (at.y - place.y) / place.height);
        sample(&other, x * other.width() as f32 - 0.5, y * other.height() as f32 - 0.5)
    };

    let mut sums = [[0.0_f64; 3]; 2];
    for (x, y) in (0..before.height()).flat_map(|y| (0..before.width()).map(move |x| (x, y))) {
        let at = page_at(x, y);
        if opacity(at) == 1.0 {
            let pixels = [before.pixel(x, y).map(f32::from), new(at)];
            for (sum, pixel) in sums.iter_mut().zip(pixels) {
                sum.iter_mut()
                    .zip(pixel)
                    .for_each(|(sum, value)| *sum += f64::from(value));
            }
        }
    }
    let all = |sum: [f64; 3]| sum.iter().sum::<f64>().max(1.0);
    let light: [f32; 3] = std::array::from_fn(|channel| match what {
        // Another skin would end at the edge of the face.
        Inserted::Face => (sums[0][channel] / sums[1][channel].max(1.0)) as f32,
        Inserted::Portrait => (all(sums[0]) / all(sums[1])) as f32,
    });
    photograph.picture = Picture::from_fn(before.width(), before.height(), |x, y| {
        let at = page_at(x, y);
        let (old, opacity) = (before.pixel(x, y), opacity(at));
        if opacity == 0.0 {
            return old;
        }
        let new = new(at);
        std::array::from_fn(|channel| {
            let (old, new) = (f32::from(old[channel]), new[channel] * light[channel]);
            (old + (new - old) * opacity).round().clamp(0.0, 255.0) as u8
        })
    });
    photograph.quality = dice.whole(75, 97) as u8;
    Ok(())
}

#[cfg(test)]
mod tests {
    use vision::geometry::Perspective;

    use super::*;
    use crate::specimen::{Sex, paint};

    const SCALE: f32 = 2.0;

    /// A page that gets lighter to the right, and how much of a place changed.
    fn page() -> Picture {
        Picture::from_fn(250, 176, |x, _| [60 + (x / 2) as u8; 3])
    }

    fn changed(before: &Picture, after: &Picture, area: Rect, inside: bool) -> f32 {
        let within = |x: u32, y: u32| {
            let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
            x > area.x * SCALE && x < area.right() * SCALE && y > area.y * SCALE && y < area.bottom() * SCALE
        };
        let places = (0..before.height()).flat_map(|y| (0..before.width()).map(move |x| (x, y)));
        let places: Vec<_> = places.filter(|&(x, y)| within(x, y) == inside).collect();
        let differ = |&&(x, y): &&(u32, u32)| before.pixel(x, y) != after.pixel(x, y);
        places.iter().filter(differ).count() as f32 / places.len() as f32
    }

    #[test]
    fn a_pasted_portrait_lies_over_the_printed_one() {
        for stream in 0..3 {
            let dice = &mut Dice::new(1, stream);
            let portrait = paint(dice, Sex::F, 30);
            let specimen = Specimen::example(Format::Td3);
            let after = paste(&page(), &specimen, &portrait, dice);
            let place = Format::Td3.portrait();
            assert!(changed(&page(), &after, place, true) > 0.8);
            let around = Rect::new(place.x - 3.0, place.y - 3.0, place.width + 6.0, place.height + 6.0);
            assert_eq!(changed(&page(), &after, around, false), 0.0);
            let strip = Rect::new(place.x, place.y + 0.97 * place.height, place.width, 0.03 * place.height);
            assert_eq!(
                changed(&page(), &after, strip, true),
                0.0,
                "the strip with SPECIMEN stays"
            );
        }
    }

    #[test]
    fn what_is_inserted_changes_its_place_and_nothing_else() {
        let millimetre = 1.0 / f64::from(SCALE);
        // An ellipse of 0.37 by 0.5 heights is 0.19 of the place.
        for (what, shares) in [(Inserted::Portrait, 0.7..0.95), (Inserted::Face, 0.15..0.2)] {
            let dice = &mut Dice::new(2, 0);
            let mut photograph = Photograph {
                picture: page(),
                quality: 80,
                to_page: Perspective([
                    millimetre,
                    0.0,
                    millimetre / 2.0,
                    0.0,
                    millimetre,
                    millimetre / 2.0,
                    0.0,
                    0.0,
                    1.0,
                ]),
                degradations: Vec::new(),
                covered: Vec::new(),
            };
            let before =
                Picture::decode(&page().encode_jpeg(80).expect("a file"), &Limits::default()).expect("a picture");
            let portrait = paint(dice, Sex::M, 40);
            insert(&mut photograph, Format::Td3, &portrait, what, dice).expect("inserted");
            let place = Format::Td3.portrait();
            let share = changed(&before, &photograph.picture, place, true);
            assert!(shares.contains(&share), "{share}");
            assert_eq!(changed(&before, &photograph.picture, place, false), 0.0);
        }
    }
}
