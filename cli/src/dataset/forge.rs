//! Documents that somebody tampered with: what a check must refuse.

use doc_check_svc::mrz::FieldKind;
use serde::{Deserialize, Serialize};
use time::Duration;
use vision::picture::Picture;

use super::substitution::{Inserted, insert, paste, white_out};
use crate::degrade::Photograph;
use crate::specimen::dice::Dice;
use crate::specimen::{Format, Label, Pages, Sex, Specimen, SpecimenError};

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
    /// The zone is of another state, or of another state's national, too.
    StateAltered,
    /// The zone is of the other sex.
    SexAltered,
    /// As `zone_altered`, and what the zone says is printed, too: as the place of birth.
    ValuePlanted,
    /// Another name, number or date is printed, and white lies over the characters of the zone that differ.
    ZoneCovered,
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
    pub const ALL: [Forgery; 14] = [
        Forgery::PrintedName,
        Forgery::PrintedNumber,
        Forgery::PrintedDate,
        Forgery::ZoneAltered,
        Forgery::StateAltered,
        Forgery::SexAltered,
        Forgery::ValuePlanted,
        Forgery::ZoneCovered,
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
            Forgery::PrintedName | Forgery::PrintedNumber | Forgery::PrintedDate | Forgery::ZoneCovered => {
                forged.mrz = Some(genuine.lines()?);
                let altered = match self {
                    Forgery::PrintedName => Altered::Name,
                    Forgery::PrintedNumber => Altered::Number,
                    Forgery::PrintedDate => Altered::date(dice),
                    _ => Altered::any(dice),
                };
                altered.alter(&mut forged, other, dice);
            }
            Forgery::ZoneAltered | Forgery::ValuePlanted => {
                let mut zone = genuine.clone();
                let altered = Altered::any(dice);
                altered.alter(&mut zone, other, dice);
                forged.mrz = Some(zone.lines()?);
                if self == Forgery::ValuePlanted {
                    forged.birth_place = altered.printed(&zone, genuine);
                }
            }
            Forgery::StateAltered => {
                let state = dice.pick(&STATES);
                let both = [(FieldKind::IssuingState, state), (FieldKind::Nationality, state)];
                let fields = if dice.chance(0.5) { &both[..1] } else { &both };
                forged.mrz = Some(with(genuine, fields)?);
            }
            Forgery::SexAltered => {
                let sex = if genuine.sex == Sex::F { "M" } else { "F" };
                forged.mrz = Some(with(genuine, &[(FieldKind::Sex, sex)])?);
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
    ///
    /// # Errors
    /// [`SpecimenError`] when a zone cannot be written.
    pub(super) fn tamper(
        self,
        specimen: &Specimen,
        pages: &mut Pages,
        other: &Picture,
        dice: &mut Dice,
    ) -> Result<(), SpecimenError> {
        match self {
            Forgery::PortraitPasted => pages.front = paste(&pages.front, specimen, other, dice),
            Forgery::ZoneCovered => {
                let as_printed = Specimen {
                    mrz: None,
                    ..specimen.clone()
                };
                let page = pages.back.as_mut().unwrap_or(&mut pages.front);
                *page = white_out(page, specimen.zone_place(), &specimen.lines()?, &as_printed.lines()?);
            }
            _ => {}
        }
        Ok(())
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

/// States whose documents are altered to: of the European Union.
const STATES: [&str; 8] = ["FRA", "ITA", "ESP", "POL", "SWE", "NLD", "AUT", "PRT"];

/// What is changed.
#[derive(Clone, Copy)]
enum Altered {
    Name,
    Number,
    Birth,
    Expiry,
}

impl Altered {
    fn any(dice: &mut Dice) -> Altered {
        match dice.whole(0, 2) {
            0 => Altered::Name,
            1 => Altered::Number,
            _ => Altered::date(dice),
        }
    }

    fn date(dice: &mut Dice) -> Altered {
        if dice.chance(0.5) {
            Altered::Birth
        } else {
            Altered::Expiry
        }
    }

    fn alter(self, specimen: &mut Specimen, other: &Specimen, dice: &mut Dice) {
        // Makes the holder older, or the document valid for longer.
        let mut years = || Duration::days(365 * dice.whole(1, 6) as i64 + dice.whole(1, 40) as i64);
        match self {
            Altered::Name => rename(specimen, other, dice),
            Altered::Number => renumber(specimen, dice),
            Altered::Birth => specimen.birth -= years(),
            Altered::Expiry => specimen.expiry += years(),
        }
    }

    /// As it is printed on the altered document.
    fn printed(self, altered: &Specimen, genuine: &Specimen) -> String {
        altered.print(match self {
            Altered::Name if altered.surname != genuine.surname => Label::Surname,
            Altered::Name => Label::GivenNames,
            Altered::Number => Label::Number,
            Altered::Birth => Label::Birth,
            Altered::Expiry => Label::Expiry,
        })
    }
}

/// The lines of the zone with something else in some fields that no check digit is over.
fn with(specimen: &Specimen, fields: &[(FieldKind, &str)]) -> Result<Vec<String>, SpecimenError> {
    let mut lines = specimen.lines()?;
    for (kind, value) in fields {
        if let Some(field) = specimen.format.zone().field(*kind)
            && let Some(line) = lines.get_mut(field.line)
        {
            line.replace_range(field.start..field.end, value);
        }
    }
    Ok(lines)
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
