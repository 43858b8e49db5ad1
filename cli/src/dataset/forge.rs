//! Documents that somebody tampered with: what a check must refuse.

use serde::{Deserialize, Serialize};
use time::Duration;
use vision::picture::Picture;

use super::substitution::{Inserted, insert, paste};
use crate::degrade::Photograph;
use crate::specimen::dice::Dice;
use crate::specimen::{Format, Pages, Specimen, SpecimenError};

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
    /// Another portrait is pasted over the printed one.
    PortraitPasted,
    /// Another portrait is inserted into the picture of the document.
    PortraitInserted,
    /// Another face is inserted into the portrait, in the picture of the document.
    FaceInserted,
    /// A page with nothing but a portrait and a zone.
    BarePage,
    /// A copy without colour.
    CopyGrey,
    /// A photograph of a screen.
    ScreenShown,
}

impl Forgery {
    /// All kinds.
    pub const ALL: [Forgery; 10] = [
        Forgery::PrintedName,
        Forgery::PrintedNumber,
        Forgery::PrintedDate,
        Forgery::ZoneAltered,
        Forgery::PortraitPasted,
        Forgery::PortraitInserted,
        Forgery::FaceInserted,
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
            Forgery::PortraitPasted
            | Forgery::PortraitInserted
            | Forgery::FaceInserted
            | Forgery::CopyGrey
            | Forgery::ScreenShown => {}
        }
        Ok(forged)
    }

    /// What the forger does to the printed pages.
    pub(super) fn tamper(self, specimen: &Specimen, pages: &mut Pages, other: &Picture, dice: &mut Dice) {
        if self == Forgery::PortraitPasted {
            pages.front = paste(&pages.front, specimen, other, dice);
        }
    }

    /// What the forger does to the picture of the page with the portrait.
    ///
    /// # Errors
    /// When the picture cannot be written or read.
    pub(super) fn retouch(
        self,
        photograph: &mut Photograph,
        format: Format,
        other: &Picture,
        dice: &mut Dice,
    ) -> anyhow::Result<()> {
        match self {
            Forgery::PortraitInserted => insert(photograph, format, other, Inserted::Portrait, dice),
            Forgery::FaceInserted => insert(photograph, format, other, Inserted::Face, dice),
            _ => Ok(()),
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
