//! What is printed on a page for people, compared with what the machine-readable zone says. Pure: no network, no clock.
//!
//! ```text
//! text lines ─▶ page ─┬▶ labels ─▶ values ─┬▶ compared with the zone ─▶ agrees, differs, not seen
//!                     └▶ the zone's content ┘
//! ```
//!
//! A field agrees where its label announces what the zone says, or where the page says it at all. It differs only where a label
//! announces something else that was read surely: other people's names, other dates and numbers stand on documents too. Print and
//! zone spell a name differently (ICAO Doc 9303-3 section 6), so what is compared is every way in which the print may stand in
//! the zone. Positions of the zone that are unknown agree with anything; the print fills them where all the others agree.

mod compare;
mod date;
mod label;
mod letters;
mod month;
mod name;
mod page;
mod pattern;
mod states;
mod text;
mod value;
mod vocabulary;
mod zone;

use std::fmt;

use vision::geometry::Quad;
use vision::text::TextLine;

use crate::mrz::{Date, Sex};
use page::Page;
use vocabulary::Kind;
pub use zone::{Seen, ZoneFields};

/// A field as it is printed.
#[derive(Clone, PartialEq)]
pub struct Print<T> {
    /// As a report should say it: names with their marks and small letters, dates with their century.
    pub value: T,
    /// As the zone would write it, without fillers at its ends: `VAN<DER<BERG`, `840607`.
    pub symbols: String,
    /// Places in these symbols where the zone may as well have another one, and which: print of a name does not tell them apart.
    pub open: Vec<(usize, u8)>,
    /// Number of the line, among those given, in which it begins.
    pub line: usize,
    /// Where that line is in the picture.
    pub quad: Quad,
    /// Mean probability of its characters, 0 to 1.
    pub confidence: f32,
}

/// Personal: shows only where it is.
impl<T> fmt::Debug for Print<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Print(line {}, {:.3})", self.line, self.confidence)
    }
}

/// What the print says of a field of the zone.
#[derive(Clone, Debug, PartialEq)]
pub enum Agreement<T> {
    /// The same.
    Agrees(Print<T>),
    /// Surely something else.
    Differs {
        /// What.
        printed: Print<T>,
    },
    /// Nothing, or nothing that was read surely.
    NotSeen,
}

/// Whatever `T` is, nothing of it was seen yet.
impl<T> Default for Agreement<T> {
    fn default() -> Self {
        Self::NotSeen
    }
}

/// The printed fields of one page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Printed {
    /// Primary identifier.
    pub surname: Agreement<String>,
    /// Secondary identifiers.
    pub given_names: Agreement<String>,
    /// Document number.
    pub number: Agreement<String>,
    /// Date of birth.
    pub birth_date: Agreement<Date>,
    /// Date of expiry.
    pub expiry_date: Agreement<Date>,
    /// Sex.
    pub sex: Agreement<Sex>,
    /// Nationality, by its code or name.
    pub nationality: Agreement<String>,
    /// Issuing state, by its code or name.
    pub issuing_state: Agreement<String>,
    /// Date of issue, by its label.
    pub issue_date: Option<Print<Date>>,
    /// Place of birth, by its label.
    pub birth_place: Option<Print<String>>,
}

/// The printed fields among the lines of a page, the zone's own left out, compared with the zone. `today` decides the century of
/// dates that are printed with two digits of their year.
#[must_use]
pub fn compare(lines: &[TextLine], zone: &ZoneFields, today: time::Date) -> Printed {
    compare::Comparison::new(lines, zone, today).printed()
}

/// A text has the word that marks specimens, in English, French, Spanish or Portuguese.
#[must_use]
pub fn says_specimen(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphabetic());
    words.into_iter().any(|word| {
        let folded: String = word.chars().map(letters::fold).collect();
        matches!(folded.as_str(), "specimen" | "especimen" | "especime")
    })
}

/// Which of the lines are values rather than labels.
#[must_use]
pub fn values(lines: &[TextLine]) -> Vec<usize> {
    let is_value = |line: &TextLine| !line.chars.is_empty() && !label::is_label(line);
    (0..lines.len())
        .filter(|at| lines.get(*at).is_some_and(is_value))
        .collect()
}

/// Where the mark of the sex must stand by its label, if none of the lines stands there: detection does not find single letters.
#[must_use]
pub fn unread_sex(lines: &[TextLine]) -> Option<Quad> {
    value::unread(&Page::of(lines), Kind::Sex)
}

impl Printed {
    /// All that nearly every document prints agrees.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.surname.agrees()
            && self.given_names.agrees()
            && self.number.agrees()
            && self.birth_date.agrees()
            && self.expiry_date.agrees()
            && (self.issuing_state.agrees() || self.nationality.agrees())
    }

    /// The fields of a page that was looked at twice. What differed at first does so still, unless the same print was then read as the
    /// zone has it.
    #[must_use]
    pub fn seen_again(self, later: Self) -> Self {
        Self {
            surname: self.surname.seen_again(later.surname),
            given_names: self.given_names.seen_again(later.given_names),
            number: self.number.seen_again(later.number),
            birth_date: self.birth_date.seen_again(later.birth_date),
            expiry_date: self.expiry_date.seen_again(later.expiry_date),
            sex: self.sex.seen_again(later.sex),
            nationality: self.nationality.seen_again(later.nationality),
            issuing_state: self.issuing_state.seen_again(later.issuing_state),
            issue_date: self.issue_date.or(later.issue_date),
            birth_place: self.birth_place.or(later.birth_place),
        }
    }

    /// What differs, and nothing of what agrees.
    #[must_use]
    pub fn without_agreement(self) -> Self {
        Self {
            surname: self.surname.without_agreement(),
            given_names: self.given_names.without_agreement(),
            number: self.number.without_agreement(),
            birth_date: self.birth_date.without_agreement(),
            expiry_date: self.expiry_date.without_agreement(),
            sex: self.sex.without_agreement(),
            nationality: self.nationality.without_agreement(),
            issuing_state: self.issuing_state.without_agreement(),
            issue_date: None,
            birth_place: None,
        }
    }

    /// The fields of a document whose other page says `other`: what differs on either does, and what was not seen on one may be on
    /// the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            surname: self.surname.and(other.surname),
            given_names: self.given_names.and(other.given_names),
            number: self.number.and(other.number),
            birth_date: self.birth_date.and(other.birth_date),
            expiry_date: self.expiry_date.and(other.expiry_date),
            sex: self.sex.and(other.sex),
            nationality: self.nationality.and(other.nationality),
            issuing_state: self.issuing_state.and(other.issuing_state),
            issue_date: self.issue_date.or(other.issue_date),
            birth_place: self.birth_place.or(other.birth_place),
        }
    }
}

/// The middle of either lies on the other.
fn is_at(one: &Quad, other: &Quad) -> bool {
    one.contains(other.middle()) || other.contains(one.middle())
}

impl<T> Agreement<T> {
    fn without_agreement(self) -> Self {
        match self {
            Self::Agrees(_) => Self::NotSeen,
            other => other,
        }
    }

    fn agrees(&self) -> bool {
        matches!(self, Self::Agrees(_))
    }

    fn seen_again(self, later: Self) -> Self {
        match (self, later) {
            (Self::Differs { printed }, Self::Agrees(print)) if is_at(&printed.quad, &print.quad) => {
                Self::Agrees(print)
            }
            (first, later) => first.and(later),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::NotSeen, other) => other,
            (_, Self::Differs { printed }) => Self::Differs { printed },
            (this, _) => this,
        }
    }
}

#[cfg(test)]
mod tests;
