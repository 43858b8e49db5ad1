//! Draws specimen documents of the fictional state Utopia (`UTO`, ICAO 9303-3 section 5), for demonstrations, tests and measurements.
//!
//! Every page says SPECIMEN in its heading, across itself and on the portrait. The machine-readable zone has its real size,
//! typeface and check digits, so that what reads it reads real documents too.

mod canvas;
pub(crate) mod dice;
mod face;
pub(crate) mod holder;
mod layout;
pub(crate) mod measure;
mod names;
mod paper;
mod portrait;
mod state;
mod typeface;

use doc_check_svc::mrz::{self, ComposeError, Fields, NotADate, compose};
use time::{Date, Month};
use vision::models::{Font, ModelError, ModelStore, Progress};
use vision::picture::Picture;

pub use face::paint;
use layout::{Field, Page, Value};
pub use measure::Shift;
pub(crate) use measure::ZonePlace;
pub(crate) use portrait::frame;
pub use portrait::head_and_shoulders;
pub(crate) use state::Label;
use state::Print;
pub use state::State;
use typeface::Typeface;

/// Width of a page in pixels unless another is asked for: 285 dots to the inch for a passport.
pub const DEFAULT_WIDTH: u32 = 1400;

pub(crate) const STATE: &str = "UTO";

/// Size and kind of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Identity card, 85.6 × 54 mm; the machine-readable zone is on the back
    Td1,
    /// Larger identity card, 105 × 74 mm
    Td2,
    /// Passport, 125 × 88 mm
    Td3,
    /// Visa, 120 × 80 mm
    #[value(name = "mrva")]
    MrvA,
    /// Smaller visa, 105 × 74 mm
    #[value(name = "mrvb")]
    MrvB,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 5] = [Format::Td1, Format::Td2, Format::Td3, Format::MrvA, Format::MrvB];

    /// What begins the machine-readable zone.
    #[must_use]
    pub fn document_code(self) -> &'static str {
        match self {
            Format::Td1 | Format::Td2 => "I",
            Format::Td3 => "P",
            Format::MrvA | Format::MrvB => "V",
        }
    }
}

/// What the document says of its holder's sex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Sex {
    /// Female
    F,
    /// Male
    M,
    /// Unspecified
    X,
}

impl Sex {
    /// As it is printed.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Sex::F => "F",
            Sex::M => "M",
            Sex::X => "X",
        }
    }
}

/// The typefaces that a document is printed in.
pub struct Fonts {
    ocr_b: Typeface,
    one_pitch: Typeface,
    sans: Typeface,
    sans_bold: Typeface,
    serif: Typeface,
    serif_bold: Typeface,
}

impl Fonts {
    /// Loads the typefaces, fetching them on first use.
    ///
    /// # Errors
    /// Any [`ModelError`] of fetching.
    pub fn load(store: &ModelStore, progress: &dyn Progress) -> Result<Fonts, ModelError> {
        store.ensure(&Font::ALL, progress)?;
        let parse = |font: Font| {
            Typeface::parse(store.font(font)?).ok_or(ModelError::Damaged(vision::models::Item::from(font).name()))
        };
        Ok(Fonts {
            ocr_b: parse(Font::OcrB)?,
            one_pitch: parse(Font::DejaVuSansMono)?,
            sans: parse(Font::SourceSans)?,
            sans_bold: parse(Font::SourceSansSemibold)?,
            serif: parse(Font::SourceSerif)?,
            serif_bold: parse(Font::SourceSerifSemibold)?,
        })
    }

    /// The typefaces of labels and of values.
    fn of(&self, print: Print) -> (&Typeface, &Typeface) {
        match print {
            Print::Sans => (&self.sans, &self.sans_bold),
            Print::Serif => (&self.serif, &self.serif_bold),
            Print::OnePitch => (&self.sans, &self.one_pitch),
        }
    }
}

/// A document to draw. No `Debug`: with a portrait it is personal.
#[derive(Clone)]
pub struct Specimen {
    /// Size and kind.
    pub format: Format,
    /// In whose manner.
    pub state: State,
    /// Primary identifier.
    pub surname: String,
    /// Secondary identifiers.
    pub given_names: String,
    /// Document number, at most 9 letters and digits; cards have space for more.
    pub number: String,
    /// Date of birth.
    pub birth: Date,
    /// Place of birth.
    pub birth_place: String,
    /// Sex.
    pub sex: Sex,
    /// Day of issue.
    pub issue: Date,
    /// Last day of validity.
    pub expiry: Date,
    /// Portrait; the outline of a person without.
    pub portrait: Option<Picture>,
    /// Whether anything is printed beside portrait and zone.
    pub printed: bool,
    /// How far the machine-readable zone is from where the standard has it.
    pub shift: Shift,
    /// Lines of the machine-readable zone to print instead of those that follow from the above.
    pub mrz: Option<Vec<String>>,
}

/// The pages of a document.
pub struct Pages {
    /// The page with the portrait.
    pub front: Picture,
    /// The page with the machine-readable zone, where that is another one (TD1).
    pub back: Option<Picture>,
}

/// Why a document cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum SpecimenError {
    /// A value cannot be written in the machine-readable zone.
    #[error(transparent)]
    Mrz(#[from] ComposeError),
    /// A date that no machine-readable zone can hold.
    #[error(transparent)]
    Date(#[from] NotADate),
    /// The lines given are not those of the format.
    #[error("this format has {0} lines of {1} characters, each A to Z, 0 to 9 or <: give them all")]
    Lines(usize, usize),
}

impl Specimen {
    /// The holder of the specimens in ICAO 9303, with a document that is valid for a while.
    #[must_use]
    pub fn example(format: Format) -> Specimen {
        Specimen {
            format,
            state: State::default(),
            surname: "Eriksson".into(),
            given_names: "Anna Maria".into(),
            number: "L898902C3".into(),
            birth: day(1974, Month::August, 12),
            birth_place: "Zenith".into(),
            sex: Sex::F,
            issue: day(2024, Month::April, 16),
            expiry: day(2034, Month::April, 15),
            portrait: None,
            printed: true,
            shift: Shift::default(),
            mrz: None,
        }
    }

    /// Draws the document, each page `width` pixels wide.
    ///
    /// # Errors
    /// [`SpecimenError`] when the machine-readable zone cannot be written.
    pub fn draw(&self, fonts: &Fonts, width: u32) -> Result<Pages, SpecimenError> {
        let mrz = self.lines()?;
        let page = |portrait, rows: Vec<Vec<Field>>, mrz| {
            let page = Page {
                format: self.format,
                shift: self.shift,
                manner: self.state.manner(),
                portrait,
                printed: self.printed,
                rows,
                mrz,
            };
            page.draw(fonts, width)
        };
        let portrait = Some(self.portrait.as_ref());
        Ok(match self.format {
            Format::Td1 => Pages {
                front: page(portrait, self.front_of_card(), &[]),
                back: Some(page(None, self.back_of_card(), &mrz)),
            },
            Format::Td2 => Pages {
                front: page(portrait, self.card(), &mrz),
                back: None,
            },
            Format::Td3 => Pages {
                front: page(portrait, self.passport(), &mrz),
                back: None,
            },
            Format::MrvA | Format::MrvB => Pages {
                front: page(portrait, self.visa(), &mrz),
                back: None,
            },
        })
    }

    /// Where the machine-readable zone is printed.
    #[must_use]
    pub(crate) fn zone_place(&self) -> ZonePlace {
        ZonePlace {
            format: self.format,
            shift: self.shift,
        }
    }

    /// The lines of the machine-readable zone.
    ///
    /// # Errors
    /// [`SpecimenError`] when it cannot be written.
    pub fn lines(&self) -> Result<Vec<String>, SpecimenError> {
        let format = self.format.zone();
        if let Some(lines) = &self.mrz {
            let (count, length) = (format.lines(), format.line_length());
            let fits = |line: &String| line.len() == length && line.bytes().all(|byte| mrz::Class::Any.allows(byte));
            let right = lines.len() == count && lines.iter().all(fits);
            return right.then(|| lines.clone()).ok_or(SpecimenError::Lines(count, length));
        }
        let date = |day: Date| mrz::Date::new(Some(day.year()), Some(day.month().into()), Some(day.day()));
        Ok(compose(&Fields {
            format,
            document_code: self.format.document_code(),
            issuing_state: STATE,
            surname: &self.surname,
            given_names: &self.given_names,
            number: &self.number,
            nationality: STATE,
            birth_date: date(self.birth)?,
            sex: match self.sex {
                Sex::F => mrz::Sex::Female,
                Sex::M => mrz::Sex::Male,
                Sex::X => mrz::Sex::Unspecified,
            },
            expiry_date: date(self.expiry)?,
            optional: "",
            second_optional: "",
        })?)
    }

    /// What is printed in a field; nothing where a signature is.
    #[must_use]
    pub(crate) fn print(&self, label: Label) -> String {
        let manner = self.state.manner();
        let name = |name: &str| {
            if manner.capitals {
                name.to_uppercase()
            } else {
                name.to_owned()
            }
        };
        match label {
            Label::Type => self.format.document_code().to_owned(),
            Label::Code => STATE.to_owned(),
            Label::Number => self.number.to_uppercase(),
            Label::Surname => name(&self.surname),
            Label::GivenNames => name(&self.given_names),
            Label::Nationality => manner.nationality.to_owned(),
            Label::Birth => manner.date(self.birth),
            Label::Sex => self.sex.letter().to_owned(),
            Label::BirthPlace => name(&self.birth_place),
            Label::Issue | Label::ValidFrom => manner.date(self.issue),
            Label::Expiry => manner.date(self.expiry),
            Label::Authority => manner.authority.to_owned(),
            Label::Entries => "MULT".to_owned(),
            Label::Height => format!("{} cm", 150 + self.surname.len() * 7 % 45),
            Label::Signature => String::new(),
        }
    }

    fn field(&self, label: Label, share: f32) -> Field {
        Field {
            label,
            value: match label {
                Label::Signature => Value::Signature(format!("{} {}", self.given_names, self.surname)),
                label => Value::Print(self.print(label)),
            },
            share,
        }
    }

    fn rows<const N: usize>(&self, rows: [&[(Label, f32)]; N]) -> Vec<Vec<Field>> {
        let row = |row: &[(Label, f32)]| row.iter().map(|&(label, share)| self.field(label, share)).collect();
        rows.into_iter().map(row).collect()
    }

    fn passport(&self) -> Vec<Vec<Field>> {
        self.rows([
            &[(Label::Type, 0.5), (Label::Code, 0.6), (Label::Number, 1.4)],
            &[(Label::Surname, 1.0)],
            &[(Label::GivenNames, 1.0)],
            &[(Label::Nationality, 1.0), (Label::Birth, 1.0)],
            &[(Label::Sex, 0.4), (Label::BirthPlace, 1.6)],
            &[(Label::Issue, 0.9), (Label::Authority, 1.1)],
            &[(Label::Expiry, 0.9), (Label::Signature, 1.1)],
        ])
    }

    fn card(&self) -> Vec<Vec<Field>> {
        self.rows([
            &[(Label::Number, 1.2), (Label::Issue, 1.0)],
            &[(Label::Surname, 1.0)],
            &[(Label::GivenNames, 1.0)],
            &[(Label::Nationality, 1.2), (Label::Birth, 1.0), (Label::Sex, 0.5)],
            &[(Label::BirthPlace, 1.2), (Label::Authority, 1.5)],
            &[(Label::Expiry, 1.0), (Label::Signature, 1.7)],
        ])
    }

    fn front_of_card(&self) -> Vec<Vec<Field>> {
        self.rows([
            &[(Label::Number, 1.0), (Label::Expiry, 1.0)],
            &[(Label::Surname, 1.0)],
            &[(Label::GivenNames, 1.0)],
            &[(Label::Birth, 1.1), (Label::Sex, 0.5), (Label::Nationality, 1.1)],
            &[(Label::Signature, 1.0)],
        ])
    }

    fn back_of_card(&self) -> Vec<Vec<Field>> {
        self.rows([
            &[(Label::BirthPlace, 1.2), (Label::Height, 0.6)],
            &[(Label::Issue, 1.0), (Label::Authority, 1.2)],
        ])
    }

    fn visa(&self) -> Vec<Vec<Field>> {
        self.rows([
            &[(Label::Type, 0.5), (Label::Code, 0.6), (Label::Number, 1.4)],
            &[(Label::Surname, 1.0)],
            &[(Label::GivenNames, 1.0)],
            &[(Label::Nationality, 1.1), (Label::Birth, 1.1), (Label::Sex, 0.5)],
            &[(Label::ValidFrom, 1.0), (Label::Expiry, 1.0), (Label::Entries, 0.8)],
            &[(Label::Authority, 1.0), (Label::Signature, 1.8)],
        ])
    }
}

/// Words that lie over a picture.
pub(crate) struct Words<'a> {
    pub(crate) line: &'a str,
    /// The middle of the line, in pixels.
    pub(crate) centre: (f32, f32),
    /// Height of a capital letter in pixels.
    pub(crate) capital: f32,
    /// By how many radians the line rises.
    pub(crate) angle: f32,
    pub(crate) colour: [u8; 3],
    pub(crate) opacity: f32,
}

impl Words<'_> {
    /// The picture with the words over it.
    pub(crate) fn over(&self, picture: &Picture, fonts: &Fonts) -> Picture {
        let text = canvas::Text {
            typeface: &fonts.sans_bold,
            capital: self.capital,
            colour: self.colour,
        };
        canvas::over(picture, text, self.centre, self.angle, self.opacity, self.line)
    }
}

fn day(year: i32, month: Month, day: u8) -> Date {
    Date::from_calendar_date(year, month, day).unwrap_or(Date::MIN)
}

#[cfg(test)]
mod tests;
