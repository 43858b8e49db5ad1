//! From lines of symbols to fields and the outcome of every check digit.

use proto::country::State;

use super::check_digit::check_digit;
use super::date::{Century, Date};
use super::layout::{Field, FieldKind, Format};
use super::name::Name;

/// Why lines are not a machine-readable zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// No format has this many lines of this length.
    #[error("no format has {lines} lines of {length} symbols")]
    Shape {
        /// Number of lines.
        lines: usize,
        /// Symbols in the first line.
        length: usize,
    },
    /// The lines have different lengths.
    #[error("the lines have different lengths")]
    Ragged,
    /// A symbol that no zone has.
    #[error("line {line} holds a symbol other than A to Z, 0 to 9 and <")]
    Symbol {
        /// Line, from 1.
        line: usize,
    },
}

/// Kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentType {
    /// Passport booklet.
    Passport,
    /// Identity card, passport card, residence permit.
    IdCard,
    /// Driving licence.
    DrivingLicense,
}

/// What the document states as sex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// F
    Female,
    /// M
    Male,
    /// A filler or X.
    Unspecified,
}

/// Personal: does not show.
impl std::fmt::Debug for Sex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sex")
    }
}

/// One check digit and whether it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// The field of the check digit.
    pub kind: FieldKind,
    /// It is the check digit of what it covers.
    pub holds: bool,
}

/// A machine-readable zone, read field by field.
#[derive(Clone, PartialEq)]
pub struct Mrz {
    /// Size and arrangement.
    pub format: Format,
    /// The lines as printed.
    pub lines: Vec<String>,
    /// One or two letters: `P`, `PP`, `ID`, `VC`.
    pub document_code: String,
    /// Code of the issuing state or organisation, without fillers; see [`State::of`].
    pub issuing_state: String,
    /// Name of the holder.
    pub name: Name,
    /// Document number, whole also where it continues in the optional data; fillers inside it are spaces.
    pub number: String,
    /// Code of the nationality, without fillers.
    pub nationality: String,
    /// Date of birth, of which the century may be open; `None` when the field is not a date.
    pub birth_date: Option<Date>,
    /// Sex; `None` when the field holds another mark.
    pub sex: Option<Sex>,
    /// The mark in the field of the sex, unless it is a filler.
    pub sex_mark: Option<char>,
    /// Date of expiry; `None` when the field is not a date.
    pub expiry_date: Option<Date>,
    /// Optional data without fillers at the end, in the order of the fields; the rest of a long number is left out.
    pub optional: Vec<String>,
    /// Every check digit, in reading order.
    pub checks: Vec<Check>,
    /// Fields that hold symbols which the standard does not have there, or no real date.
    pub malformed: Vec<FieldKind>,
}

/// Personal: shows the format and the outcome of the checks only.
impl std::fmt::Debug for Mrz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mrz")
            .field("format", &self.format)
            .field("checks", &self.checks)
            .finish_non_exhaustive()
    }
}

impl Mrz {
    /// Reads lines of a zone. `today` decides the century of the dates.
    ///
    /// # Errors
    /// [`ParseError`] when the lines are no machine-readable zone at all. Wrong check digits and fields are not errors: they
    /// are stated in [`Mrz::checks`] and [`Mrz::malformed`].
    pub fn parse(lines: &[impl AsRef<str>], today: time::Date) -> Result<Self, ParseError> {
        let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
        let first = lines.first().copied().unwrap_or_default();
        let foreign = |line: &&str| !line.bytes().all(|symbol| super::layout::Class::Any.allows(symbol));
        if let Some(line) = lines.iter().position(foreign) {
            return Err(ParseError::Symbol { line: line + 1 });
        }
        if lines.iter().any(|line| line.len() != first.len()) {
            return Err(ParseError::Ragged);
        }
        let code = first.bytes().next().unwrap_or_default();
        let format = Format::of(lines.len(), first.len(), code).ok_or(ParseError::Shape {
            lines: lines.len(),
            length: first.len(),
        })?;
        Ok(Zone { format, lines: &lines }.read(today))
    }

    /// Every check digit holds.
    #[must_use]
    pub fn check_digits_hold(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }

    /// The kind of document; `None` for visas, crew member certificates and codes that the standard does not assign.
    ///
    /// 9303-4 §4.2.2.1: a passport's code begins with P. 9303-5 and 9303-6 §4.2.2.1: a card's code begins with A, C or I, and AC
    /// is a crew member certificate. 9303-7: V is a visa. D is not assigned by ICAO; issuers who print a zone of three lines on
    /// driving licences use it.
    #[must_use]
    pub fn document_type(&self) -> Option<DocumentType> {
        match (self.format, self.document_code.as_bytes()) {
            (Format::Td3, [b'P', ..]) => Some(DocumentType::Passport),
            (Format::Td1 | Format::Td2, b"AC") => None,
            // P on a card: passport cards and emergency documents of card size.
            (Format::Td1 | Format::Td2, [b'A' | b'C' | b'I' | b'P', ..]) => Some(DocumentType::IdCard),
            (Format::Td1, [b'D', ..]) => Some(DocumentType::DrivingLicense),
            _ => None,
        }
    }

    /// An identity card of France from before August 2021: two lines of 36 that are not TD2. The cards since are TD1.
    #[must_use]
    pub fn is_former_french_card(&self) -> bool {
        self.format == Format::Td2 && self.document_code == "ID" && self.issuing_state == "FRA"
    }

    /// The issuing state; `None` when its code is not assigned.
    #[must_use]
    pub fn issuer(&self) -> Option<State> {
        State::of(&self.issuing_state)
    }
}

/// Lines whose shape fits the format.
struct Zone<'lines> {
    format: Format,
    lines: &'lines [&'lines str],
}

impl Zone<'_> {
    fn read(&self, today: time::Date) -> Mrz {
        let (number, continued) = self.number();
        let birth = Date::parse(self.text(FieldKind::BirthDate), Century::Birth, today);
        let century = match self.format {
            Format::Td1 | Format::Td2 => Century::CardExpiry,
            Format::Td3 | Format::MrvA | Format::MrvB => Century::Expiry,
        };
        let expiry = Date::parse(self.text(FieldKind::ExpiryDate), century, today);
        let mark = self.text(FieldKind::Sex).chars().next().filter(|mark| *mark != '<');
        let mut optional = Vec::new();
        for kind in [FieldKind::Optional, FieldKind::SecondOptional] {
            if self.format.field(kind).is_some() {
                let text = self.text(kind);
                let own = if kind == FieldKind::Optional {
                    text.get(continued..).unwrap_or_default()
                } else {
                    text
                };
                optional.push(own.trim_matches('<').to_owned());
            }
        }
        let mut malformed: Vec<FieldKind> = self
            .format
            .fields()
            .iter()
            .filter(|field| !self.well_formed(field))
            .map(|field| field.kind)
            .collect();
        for (kind, wrong) in [
            (FieldKind::BirthDate, birth.is_err()),
            (FieldKind::ExpiryDate, expiry.is_err()),
        ] {
            if wrong && !malformed.contains(&kind) {
                malformed.push(kind);
            }
        }
        Mrz {
            format: self.format,
            lines: self.lines.iter().map(|line| (*line).to_owned()).collect(),
            document_code: self.text(FieldKind::DocumentCode).trim_end_matches('<').to_owned(),
            issuing_state: self.text(FieldKind::IssuingState).trim_end_matches('<').to_owned(),
            name: Name::parse(self.text(FieldKind::Name)),
            number: spaced(&number),
            nationality: self.text(FieldKind::Nationality).trim_end_matches('<').to_owned(),
            birth_date: birth.ok(),
            sex: match mark {
                Some('F') => Some(Sex::Female),
                Some('M') => Some(Sex::Male),
                Some('X') | None => Some(Sex::Unspecified),
                Some(_) => None,
            },
            sex_mark: mark,
            expiry_date: expiry.ok(),
            optional,
            checks: self.checks(&number),
            malformed,
        }
    }

    /// The symbols of a field; empty where the format has none.
    fn text(&self, kind: FieldKind) -> &str {
        self.format.field(kind).map_or("", |field| self.slice(field))
    }

    fn slice(&self, field: &Field) -> &str {
        self.lines
            .get(field.line)
            .and_then(|line| line.get(field.start..field.end))
            .unwrap_or_default()
    }

    fn well_formed(&self, field: &Field) -> bool {
        let may_be_filler = matches!(field.kind, FieldKind::NumberCheck | FieldKind::OptionalCheck);
        self.slice(field)
            .bytes()
            .all(|symbol| field.class().allows(symbol) || (symbol == b'<' && may_be_filler))
    }

    /// The number followed by its check digit where it is a long one, and how many symbols of the optional data belong to it.
    ///
    /// 9303-5 note j and 9303-6 note j: a filler instead of the check digit says that the number continues in the optional data,
    /// followed there by the check digit and a filler.
    fn number(&self) -> (String, usize) {
        let number = self.text(FieldKind::Number);
        let long = matches!(self.format, Format::Td1 | Format::Td2) && self.text(FieldKind::NumberCheck) == "<";
        let rest = self.text(FieldKind::Optional).split('<').next().unwrap_or_default();
        match rest.char_indices().last() {
            Some((check, _)) if long => (format!("{number}{}", rest.get(..check).unwrap_or_default()), rest.len()),
            _ => (number.to_owned(), 0),
        }
    }

    /// 9303-3 §4.9, 9303-4 §4.2.2.2, 9303-5 §4.2.2.2, 9303-6 §4.2.2.2, 9303-7.
    fn checks(&self, number: &str) -> Vec<Check> {
        let covered = |kind| match kind {
            FieldKind::NumberCheck => Some(number.to_owned()),
            FieldKind::BirthCheck => Some(self.text(FieldKind::BirthDate).to_owned()),
            FieldKind::ExpiryCheck => Some(self.text(FieldKind::ExpiryDate).to_owned()),
            FieldKind::OptionalCheck => Some(self.text(FieldKind::Optional).to_owned()),
            FieldKind::CompositeCheck => Some(
                self.format
                    .fields()
                    .iter()
                    .filter(|f| f.in_composite())
                    .map(|f| self.slice(f))
                    .collect(),
            ),
            _ => None,
        };
        let mut checks = Vec::new();
        for field in self.format.fields() {
            let Some(covered) = covered(field.kind) else { continue };
            let printed = match field.kind {
                FieldKind::NumberCheck => self.number_check(),
                _ => self.slice(field).bytes().next(),
            };
            // 9303-4 §4.2.2.2: with no personal number, the check digit is 0 or a filler at the state's choice.
            let unused = field.kind == FieldKind::OptionalCheck
                && printed == Some(b'<')
                && covered.bytes().all(|symbol| symbol == b'<');
            let holds = unused || (printed.is_some() && printed == check_digit(covered.bytes()));
            checks.push(Check {
                kind: field.kind,
                holds,
            });
        }
        checks
    }

    /// The check digit of the number as printed, wherever it stands.
    fn number_check(&self) -> Option<u8> {
        match self.number() {
            (_, 0) => self.text(FieldKind::NumberCheck).bytes().next(),
            (_, continued) => self.text(FieldKind::Optional).as_bytes().get(continued - 1).copied(),
        }
    }
}

fn spaced(number: &str) -> String {
    number.trim_matches('<').replace('<', " ")
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
