//! Documents that somebody tampered with: what a check must refuse.

use serde::{Deserialize, Serialize};
use time::Duration;
use vision::geometry::Rect;
use vision::picture::Picture;

use crate::specimen::dice::Dice;
use crate::specimen::{Pages, Specimen, SpecimenError};

/// How a document is no genuine one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Forgery {
    /// Another name is printed than stands in the zone.
    PrintedName,
    /// Another number is printed.
    PrintedNumber,
    /// Another date is printed.
    PrintedDate,
    /// The zone says something else than the print; its check digits hold.
    ZoneAltered,
    /// Another face is pasted over the portrait.
    PortraitExchanged,
    /// A page with nothing but a portrait and a zone.
    BarePage,
    /// A copy without colour.
    CopyGrey,
    /// A photograph of a screen.
    ScreenShown,
}

impl Forgery {
    /// All kinds.
    pub const ALL: [Forgery; 8] = [
        Forgery::PrintedName,
        Forgery::PrintedNumber,
        Forgery::PrintedDate,
        Forgery::ZoneAltered,
        Forgery::PortraitExchanged,
        Forgery::BarePage,
        Forgery::CopyGrey,
        Forgery::ScreenShown,
    ];

    /// The document as the forger prints it. `other` is somebody else.
    ///
    /// # Errors
    /// [`SpecimenError`] when a zone cannot be written.
    pub(super) fn alter(
        self,
        genuine: &Specimen,
        other: &Specimen,
        dice: &mut Dice,
    ) -> Result<Specimen, SpecimenError> {
        let mut forged = genuine.clone();
        match self {
            Forgery::PrintedName | Forgery::PrintedNumber | Forgery::PrintedDate => {
                forged.mrz = Some(genuine.lines()?);
            }
            _ => {}
        }
        match self {
            Forgery::PrintedName => rename(&mut forged, other, dice),
            Forgery::PrintedNumber => renumber(&mut forged, dice),
            Forgery::PrintedDate => redate(&mut forged, dice),
            Forgery::ZoneAltered => {
                let mut zone = genuine.clone();
                match dice.whole(0, 2) {
                    0 => rename(&mut zone, other, dice),
                    1 => renumber(&mut zone, dice),
                    _ => redate(&mut zone, dice),
                }
                forged.mrz = Some(zone.lines()?);
            }
            Forgery::BarePage => forged.printed = false,
            Forgery::PortraitExchanged | Forgery::CopyGrey | Forgery::ScreenShown => {}
        }
        Ok(forged)
    }

    /// What the forger does to the printed pages.
    pub(super) fn tamper(self, specimen: &Specimen, pages: &mut Pages, other: &Picture, dice: &mut Dice) {
        if self == Forgery::PortraitExchanged {
            pages.front = paste(&pages.front, specimen, other, dice);
        }
    }
}

fn rename(specimen: &mut Specimen, other: &Specimen, dice: &mut Dice) {
    if dice.chance(0.5) && other.surname != specimen.surname {
        specimen.surname.clone_from(&other.surname);
    } else {
        specimen.given_names.clone_from(&other.given_names);
    }
}

/// Changes one to three characters into others of their kind.
fn renumber(specimen: &mut Specimen, dice: &mut Dice) {
    let mut symbols: Vec<char> = specimen.number.chars().collect();
    for _ in 0..dice.whole(1, 3) {
        let at = dice.whole(0, symbols.len() - 1);
        let (first, count) = if symbols[at].is_ascii_digit() {
            (b'0', 10)
        } else {
            (b'A', 26)
        };
        let shift = dice.whole(1, count - 1) as u8;
        let old = symbols[at] as u8 - first;
        symbols[at] = char::from(first + (old + shift) % count as u8);
    }
    let number: String = symbols.into_iter().collect();
    if number == specimen.number {
        // Two changes undid each other.
        return renumber(specimen, dice);
    }
    specimen.number = number;
}

/// Makes the holder older or younger, or the document valid for longer.
fn redate(specimen: &mut Specimen, dice: &mut Dice) {
    let years = Duration::days(365 * dice.whole(1, 6) as i64 + dice.whole(1, 40) as i64);
    if dice.chance(0.5) {
        specimen.birth -= years;
    } else {
        specimen.expiry += years;
    }
}

/// Pastes another portrait: a little off its place, with hard edges and the noise of another print.
fn paste(page: &Picture, specimen: &Specimen, portrait: &Picture, dice: &mut Dice) -> Picture {
    let scale = page.width() as f32 / specimen.format.size().0;
    let place = specimen.format.portrait();
    let (dx, dy) = (dice.between(-0.6, 0.6), dice.between(-0.6, 0.6));
    // The strip with SPECIMEN below stays.
    let area = Rect::new(
        (place.x + dx) * scale,
        (place.y + dy) * scale,
        place.width * scale * dice.between(0.97, 1.04),
        place.height * 0.915 * scale,
    );
    let (width, height) = (area.width as u32, area.height as u32);
    let cut = Rect::new(0.0, 0.0, portrait.width() as f32, portrait.height() as f32 * 0.915);
    let picture = portrait
        .crop(cut)
        .unwrap_or_else(|| portrait.clone())
        .resize(width, height);
    let tint = [
        dice.between(0.9, 1.08),
        dice.between(0.92, 1.05),
        dice.between(0.86, 1.08),
    ];
    let (coarse, seed) = (dice.whole(1, 3) as u32, dice.bits());
    let (left, top) = (area.x as u32, area.y as u32);
    Picture::from_fn(page.width(), page.height(), |x, y| {
        if x < left || y < top || x >= left + width || y >= top + height {
            return page.pixel(x, y);
        }
        let (x, y) = (x - left, y - top);
        let mut grain = Dice::new(seed, u64::from(x / coarse) << 32 | u64::from(y / coarse));
        let noise = grain.between(-9.0, 9.0);
        let pixel = picture.pixel(x, y);
        std::array::from_fn(|channel| (f32::from(pixel[channel]) * tint[channel] + noise).clamp(0.0, 255.0) as u8)
    })
}
