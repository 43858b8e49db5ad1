//! Draws specimen documents of the fictional state Utopia (`UTO`, ICAO 9303-3 section 5), for demonstrations and tests.
//!
//! Every page says SPECIMEN in its heading, across itself and on the portrait. The machine-readable zone has its real size,
//! typeface and check digits, so that what reads it reads real documents too.

mod canvas;
mod layout;
mod portrait;
mod typeface;

use doc_check_svc::mrz::{self, ComposeError, Fields, NotADate, compose};
use time::macros::format_description;
use time::{Date, Month};
use vision::models::{Font, ModelError, ModelStore, Progress};
use vision::picture::Picture;

use layout::{Field, Page};
pub use portrait::head_and_shoulders;
use typeface::Typeface;

/// Width of a page in pixels unless another is asked for: 285 dots to the inch for a passport.
pub const DEFAULT_WIDTH: u32 = 1400;

const STATE: &str = "UTO";

/// Size and kind of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Identity card, 85.6 × 54 mm; the machine-readable zone is on the back
    Td1,
    /// Larger identity card, 105 × 74 mm
    Td2,
    /// Passport, 125 × 88 mm
    Td3,
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

/// The typefaces that a document is printed in.
pub struct Fonts {
    ocr_b: Typeface,
    plain: Typeface,
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
            plain: parse(Font::DejaVuSansMono)?,
        })
    }
}

/// A document to draw. No `Debug`: with a portrait it is personal.
pub struct Specimen {
    /// Size and kind.
    pub format: Format,
    /// Primary identifier.
    pub surname: String,
    /// Secondary identifiers.
    pub given_names: String,
    /// Document number, at most 9 letters and digits; cards have room for more.
    pub number: String,
    /// Date of birth.
    pub birth: Date,
    /// Sex.
    pub sex: Sex,
    /// Last day of validity.
    pub expiry: Date,
    /// Portrait; the outline of a person without.
    pub portrait: Option<Picture>,
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
            surname: "Eriksson".into(),
            given_names: "Anna Maria".into(),
            number: "L898902C3".into(),
            birth: day(1974, Month::August, 12),
            sex: Sex::F,
            expiry: day(2034, Month::April, 15),
            portrait: None,
            mrz: None,
        }
    }

    /// Draws the document, each page `width` pixels wide.
    ///
    /// # Errors
    /// [`SpecimenError`] when the machine-readable zone cannot be written.
    pub fn draw(&self, fonts: &Fonts, width: u32) -> Result<Pages, SpecimenError> {
        let mrz = self.lines()?;
        let portrait = self.portrait.as_ref();
        let page = |size, title, portrait, rows, mrz| Page {
            size,
            title,
            portrait,
            rows,
            mrz,
        };
        Ok(match self.format {
            Format::Td3 => {
                let rows = vec![
                    self.document("P"),
                    self.surname(),
                    self.given_names(),
                    self.birth(),
                    self.issue(),
                    self.expiry(),
                ];
                let front = page((125.0, 88.0), "PASSPORT", Some((35.0, portrait)), rows, &mrz);
                Pages {
                    front: front.draw(fonts, width),
                    back: None,
                }
            }
            Format::Td2 => {
                let rows = vec![
                    self.document("I"),
                    self.surname(),
                    self.given_names(),
                    self.birth(),
                    self.expiry(),
                ];
                let front = page((105.0, 74.0), "IDENTITY CARD", Some((26.0, portrait)), rows, &mrz);
                Pages {
                    front: front.draw(fonts, width),
                    back: None,
                }
            }
            Format::Td1 => {
                let size = (85.6, 53.98);
                let rows = vec![
                    self.document("I"),
                    self.surname(),
                    self.given_names(),
                    self.birth(),
                    self.expiry(),
                ];
                let front = page(size, "IDENTITY CARD", Some((26.0, portrait)), rows, &[]);
                let back = page(size, "IDENTITY CARD", None, vec![self.issue()], &mrz);
                Pages {
                    front: front.draw(fonts, width),
                    back: Some(back.draw(fonts, width)),
                }
            }
        })
    }

    /// The lines of the machine-readable zone.
    fn lines(&self) -> Result<Vec<String>, SpecimenError> {
        let (format, document_code) = match self.format {
            Format::Td1 => (mrz::Format::Td1, "I"),
            Format::Td2 => (mrz::Format::Td2, "I"),
            Format::Td3 => (mrz::Format::Td3, "P"),
        };
        if let Some(lines) = &self.mrz {
            let (count, length) = (format.lines(), format.line_length());
            let fits = |line: &String| line.len() == length && line.bytes().all(|byte| mrz::Class::Any.allows(byte));
            let right = lines.len() == count && lines.iter().all(fits);
            return right.then(|| lines.clone()).ok_or(SpecimenError::Lines(count, length));
        }
        let date = |day: Date| mrz::Date::new(Some(day.year()), Some(day.month().into()), Some(day.day()));
        Ok(compose(&Fields {
            format,
            document_code,
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

    fn document(&self, kind: &str) -> Vec<Field> {
        vec![
            field("Type", kind, 0.6),
            field("Code of state", STATE, 1.0),
            field("Document no.", self.number.to_uppercase(), 1.4),
        ]
    }

    fn surname(&self) -> Vec<Field> {
        vec![field("Surname", self.surname.to_uppercase(), 1.0)]
    }

    fn given_names(&self) -> Vec<Field> {
        vec![field("Given names", self.given_names.to_uppercase(), 1.0)]
    }

    fn birth(&self) -> Vec<Field> {
        let sex = match self.sex {
            Sex::F => "F",
            Sex::M => "M",
            Sex::X => "X",
        };
        vec![
            field("Date of birth", printed(self.birth), 1.6),
            field("Sex", sex, 0.4),
            field("Nationality", "UTOPIAN", 1.0),
        ]
    }

    fn issue(&self) -> Vec<Field> {
        // Ten years of validity, where the calendar has that day.
        let issued = self.expiry.replace_year(self.expiry.year() - 10).unwrap_or(self.expiry);
        vec![
            field("Date of issue", printed(issued), 1.0),
            field("Authority", "CITY OF ZENITH", 1.0),
        ]
    }

    fn expiry(&self) -> Vec<Field> {
        vec![field("Date of expiry", printed(self.expiry), 1.0)]
    }
}

fn field(label: &'static str, value: impl Into<String>, share: f32) -> Field {
    Field {
        label,
        value: value.into(),
        share,
    }
}

fn day(year: i32, month: Month, day: u8) -> Date {
    Date::from_calendar_date(year, month, day).unwrap_or(Date::MIN)
}

/// As it is printed: `12 AUG 1974` (ICAO 9303-3, 3.8).
fn printed(date: Date) -> String {
    let format = format_description!("[day] [month repr:short] [year]");
    date.format(format).map(|text| text.to_uppercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
