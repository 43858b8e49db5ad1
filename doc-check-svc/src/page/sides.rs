//! Whether the pictures show one document: its two sides, in order, and no other beside it.

use vision::text::TextLine;

use crate::mrz::{Format, Mrz};
use crate::policy::{Finding, Test};
use crate::printed::{Agreement, Printed};

/// Least share of the lines of either picture that are on the other, too, where both show the same side.
const SAME_LINES: f32 = 0.6;

/// Lines of fewer symbols stand on many documents.
const LEAST_SYMBOLS: usize = 5;

/// Fewest lines by which pictures are told to be the same.
const LEAST_LINES: usize = 4;

/// What one picture shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side<'a> {
    /// Its zones. More than one: as many documents.
    pub zones: &'a [Mrz],
    /// What its print says of the document's zone, whichever picture that was read from. `None` where nobody compared them.
    pub printed: Option<&'a Printed>,
}

/// The pictures of a document as they were submitted: the front, then the back.
#[derive(Clone, Copy, Debug)]
pub struct Submitted<'a>(pub &'a [Side<'a>]);

/// What can be said of a front and a back.
enum Both {
    /// Nothing.
    Unknown,
    /// One document.
    Agree,
    /// Two documents, and by what that was seen.
    Differ(String),
    /// One side, twice.
    Same,
}

impl Submitted<'_> {
    /// Every test of how the pictures belong together.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![self.one_document()];
        if self.0.len() == 2 {
            let both = self.both();
            findings.push(match &both {
                Both::Same if self.needs_two_sides() => {
                    Finding::failed(Test::TwoSides, "both pictures show the side with the zone")
                }
                Both::Same => Finding::not_available(Test::TwoSides, "both pictures show the page with the zone"),
                Both::Unknown | Both::Agree | Both::Differ(_) => Finding::passed(Test::TwoSides),
            });
            findings.push(match both {
                Both::Agree | Both::Same => Finding::passed(Test::SidesAgree),
                Both::Differ(why) => Finding::failed(Test::SidesAgree, why),
                Both::Unknown => Finding::not_available(Test::SidesAgree, "what both sides say was seen on one only"),
            });
            findings.push(Finding::holds(
                Test::SidesInOrder,
                self.order() == [0, 1],
                "front and back were taken for each other",
            ));
        }
        findings
    }

    /// The places of the pictures in the order in which they belong: the front, then the back. Others than two stay as they are.
    #[must_use]
    pub fn order(&self) -> Vec<usize> {
        let [front, back] = self.0 else {
            return (0..self.0.len()).collect();
        };
        let swapped = match (front.zones.first(), back.zones.first()) {
            (Some(zone), None) => !is_on_front(zone.format),
            (None, Some(zone)) => is_on_front(zone.format),
            (Some(_), Some(_)) | (None, None) => false,
        };
        if swapped { vec![1, 0] } else { vec![0, 1] }
    }

    fn one_document(&self) -> Finding {
        let most = self.0.iter().map(|side| side.zones.len()).max().unwrap_or_default();
        let why = format!("{most} machine-readable zones in one picture");
        match most {
            0 => Finding::not_available(Test::OneDocument, "no machine-readable zone was found"),
            _ => Finding::holds(Test::OneDocument, most == 1, why),
        }
    }

    /// Only cards have the zone and the portrait on different sides.
    fn needs_two_sides(&self) -> bool {
        let mut zones = self.0.iter().flat_map(|side| side.zones);
        zones.any(|zone| !is_on_front(zone.format))
    }

    fn both(&self) -> Both {
        let [front, back] = self.0 else { return Both::Unknown };
        match (front.zones.first(), back.zones.first()) {
            (Some(a), Some(b)) if are_one(a, b) => Both::Same,
            (Some(_), Some(_)) => Both::Differ("their zones are of different documents".to_owned()),
            (Some(_), None) => back.printed.map_or(Both::Unknown, of_print),
            (None, Some(_)) => front.printed.map_or(Both::Unknown, of_print),
            (None, None) => Both::Unknown,
        }
    }
}

/// Whether documents of a format have their zone on the side with the portrait (ICAO Doc 9303-4, -6 and -7; 9303-5: on the back).
fn is_on_front(format: Format) -> bool {
    match format {
        Format::Td1 => false,
        Format::Td2 | Format::Td3 | Format::MrvA | Format::MrvB => true,
    }
}

/// Two readings of one zone: one of its fields may have been read wrongly.
fn are_one(a: &Mrz, b: &Mrz) -> bool {
    let same = [
        a.number == b.number,
        a.birth_date == b.birth_date,
        a.expiry_date == b.expiry_date,
        a.name == b.name,
    ];
    same.into_iter().filter(|same| *same).count() >= same.len() - 1
}

/// The side without a zone, by what its print says of the other's. A single field that differs where others agree was altered, which
/// is not for here to judge.
fn of_print(printed: &Printed) -> Both {
    let fields = [
        ("name", verdict(&printed.surname).or(verdict(&printed.given_names))),
        ("number", verdict(&printed.number)),
        ("date of birth", verdict(&printed.birth_date)),
        ("date of expiry", verdict(&printed.expiry_date)),
    ];
    let agreeing = fields.iter().filter(|(_, agrees)| *agrees == Some(true)).count();
    let differing: Vec<&str> = fields
        .iter()
        .filter(|(_, agrees)| *agrees == Some(false))
        .map(|(name, _)| *name)
        .collect();
    if differing.len() > agreeing {
        Both::Differ(format!(
            "{} on one side, something else on the other",
            differing.join(", ")
        ))
    } else if agreeing > 0 {
        Both::Agree
    } else {
        Both::Unknown
    }
}

fn verdict<T>(agreement: &Agreement<T>) -> Option<bool> {
    match agreement {
        Agreement::Agrees(_) => Some(true),
        Agreement::Differs { .. } => Some(false),
        Agreement::NotSeen => None,
    }
}

/// Whether two pictures without a zone show the same side: most lines of print on each are on the other, too. The front and the back
/// of a card share few.
#[must_use]
pub fn shows_same_print(a: &[TextLine], b: &[TextLine]) -> bool {
    let (a, b) = (symbols(a), symbols(b));
    let found = |these: &[String], those: &[String]| {
        let found = these
            .iter()
            .filter(|line| those.iter().any(|other| are_alike(line, other)));
        found.count() as f32 >= SAME_LINES * these.len() as f32
    };
    a.len().min(b.len()) >= LEAST_LINES && found(&a, &b) && found(&b, &a)
}

/// The letters and digits of each line that has enough of them.
fn symbols(lines: &[TextLine]) -> Vec<String> {
    let symbols = |line: &TextLine| -> String { line.text.chars().filter(|c| c.is_alphanumeric()).collect() };
    let all = lines.iter().map(symbols);
    all.filter(|line| line.chars().count() >= LEAST_SYMBOLS).collect()
}

/// The same but for a symbol or two that were read wrongly.
fn are_alike(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    distance(&a, &b) <= a.len().min(b.len()) / 5
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
