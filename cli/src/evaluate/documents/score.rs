//! What a report says of a field against what stands on the document.

use doc_check_svc::mrz::{self, Mrz};
use proto::identity::v1::{Date, DocumentInsights, DocumentReport, Sex};
use serde::Serialize;

use crate::dataset::{Field, Truth, Value};

/// The fields that reports state.
pub(super) const FIELDS: [Field; 8] = [
    Field::Surname,
    Field::GivenNames,
    Field::Number,
    Field::IssuingState,
    Field::BirthDate,
    Field::Sex,
    Field::ExpiryDate,
    Field::IssueDate,
];

/// Whether a field was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It is what stands there.
    Right,
    /// It is something else.
    Wrong,
    /// Nothing is stated.
    Missing,
}

/// One field of one document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scored {
    pub(super) field: Field,
    pub(super) verdict: Verdict,
    /// What the report states; empty where that is nothing.
    pub(super) read: String,
    /// Its stated probability.
    pub(super) probability: Option<f64>,
    /// Characters by which it is wrong, and of the right value.
    pub(super) errors: usize,
    pub(super) characters: usize,
}

/// Scores every field of which the truth is known.
pub(super) fn fields(
    truth: &Truth,
    today: time::Date,
    report: &DocumentReport,
    insights: &DocumentInsights,
) -> Vec<Scored> {
    let from_zone = || Mrz::parse(&truth.mrz, today).ok();
    let zone = if truth.fields.is_empty() { from_zone() } else { None };
    let score = |field: Field| {
        let value = match (&zone, truth.fields.get(&field)) {
            (_, Some(value)) => value.clone(),
            (Some(zone), None) => of_zone(zone, field)?,
            (None, None) => return None,
        };
        let read = stated(report, field);
        let right = accepted(&value, field);
        let best = |read: &str| right.iter().map(|right| distance(read, right)).min().unwrap_or(0);
        let folded = read.as_deref().map(fold).unwrap_or_default();
        let errors = if read.as_deref().is_some_and(|read| is_of_zone(read, &value, field)) {
            0
        } else {
            best(&folded)
        };
        Some(Scored {
            field,
            verdict: match read {
                // A field that holds nothing is right when nothing is stated.
                None if right.iter().any(String::is_empty) => Verdict::Right,
                None => Verdict::Missing,
                Some(_) if errors == 0 => Verdict::Right,
                Some(_) => Verdict::Wrong,
            },
            probability: read.as_ref().and_then(|_| probability(insights, field)),
            read: read.unwrap_or_default(),
            errors,
            characters: right.first().map_or(0, |right| right.chars().count()),
        })
    };
    FIELDS.into_iter().filter_map(score).collect()
}

/// The probability with which a report states a field; none for what is read by its label alone.
fn probability(insights: &DocumentInsights, field: Field) -> Option<f64> {
    let name = match field {
        Field::Surname => "last_name",
        Field::GivenNames => "first_name",
        Field::Number => "number",
        Field::IssuingState => "issuing_country",
        Field::BirthDate => "dob",
        Field::ExpiryDate => "expiration_date",
        Field::Sex => "sex",
        _ => return None,
    };
    insights
        .fields
        .iter()
        .find(|other| other.name == name)
        .map(|field| field.probability)
}

/// What a report states.
fn stated(report: &DocumentReport, field: Field) -> Option<String> {
    match field {
        Field::Surname => report.last_name.clone(),
        Field::GivenNames => report.first_name.clone(),
        Field::Number => report.number.clone(),
        Field::IssuingState => report.issuing_country.clone(),
        Field::BirthDate => report.dob.map(date),
        Field::ExpiryDate => report.expiration_date.map(date),
        Field::IssueDate => report.issued_date.map(date),
        Field::Sex => match report.sex() {
            Sex::Female => Some("F".to_owned()),
            Sex::Male => Some("M".to_owned()),
            _ => report.unparsed_sex.as_ref().map(|_| "X".to_owned()),
        },
        Field::BirthPlace => report.unparsed_place_of_birth.clone(),
        Field::Nationality => None,
    }
}

/// YYYY-MM-DD, with question marks for what is not known.
fn date(date: Date) -> String {
    let part = |part: Option<i32>, width: usize| part.map_or("?".repeat(width), |part| format!("{part:0width$}"));
    format!("{}-{}-{}", part(date.year, 4), part(date.month, 2), part(date.day, 2))
}

/// Every way of writing what stands there that is right: as the holder writes it, as it is printed, or as the zone has it.
fn accepted(value: &Value, field: Field) -> Vec<String> {
    let mut right = vec![value.value.clone()];
    match field {
        Field::Surname | Field::GivenNames => {
            right.extend(value.zone.clone());
            right.extend(value.printed.clone());
        }
        Field::BirthDate => right.extend(value.printed.clone()),
        Field::IssuingState => {
            right = vec![mrz::State::of(&value.value).map_or(value.value.clone(), |state| state.reported().to_owned())];
        }
        // Reports have no mark for a sex that is not specified.
        Field::Sex if value.value == "X" => right.push(String::new()),
        _ => {}
    }
    right.iter().map(|right| fold(right)).collect()
}

/// A name as the zone has it, with the hyphens and apostrophes of the print. It has no marks, or it would have to have all.
fn is_of_zone(read: &str, value: &Value, field: Field) -> bool {
    let is_name = matches!(field, Field::Surname | Field::GivenNames);
    let symbols = mrz::transliterate(read).map(|symbols| symbols.replace('<', " "));
    is_name && read.is_ascii() && value.zone.is_some() && symbols.ok() == value.zone
}

/// Without regard to capitals and to which of the apostrophes it is.
fn fold(text: &str) -> String {
    text.trim().to_lowercase().replace(['’', 'ʼ'], "'")
}

/// What a zone says, where nothing else is known of a document.
fn of_zone(zone: &Mrz, field: Field) -> Option<Value> {
    let date = |date: Option<mrz::Date>| {
        let date = date?;
        let part = |part: Option<u8>| part.map_or("??".to_owned(), |part| format!("{part:02}"));
        let year = date.year().map_or("????".to_owned(), |year| format!("{year:04}"));
        Some(format!("{year}-{}-{}", part(date.month()), part(date.day())))
    };
    let mut printed = None;
    let value = match field {
        Field::Surname => zone.name.surname.clone(),
        Field::GivenNames => zone.name.given_names.clone(),
        Field::Number => zone.number.clone(),
        Field::IssuingState => zone.issuing_state.clone(),
        Field::BirthDate => {
            // Two digits may leave the century open: the print says which, and what that says is not known.
            let mut candidates = zone.birth_date?.candidates();
            let later = candidates.next().or(zone.birth_date);
            printed = candidates.next().and_then(|earlier| date(Some(earlier)));
            date(later)?
        }
        Field::ExpiryDate => date(zone.expiry_date)?,
        Field::Sex => zone
            .sex_mark
            .map(|mark| if mark == '<' { "X".to_owned() } else { mark.to_string() })?,
        Field::Nationality | Field::IssueDate | Field::BirthPlace => return None,
    };
    Some(Value {
        zone: Some(value.clone()),
        value,
        printed,
    })
}

/// Fewest characters that must be changed, added or dropped to make one text of another (Levenshtein).
pub(super) fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, symbol) in from.chars().enumerate() {
        let mut before = index;
        let mut left = index + 1;
        row[0] = left;
        for (place, other) in to.iter().enumerate() {
            let changed = before + usize::from(symbol != *other);
            before = row[place + 1];
            left = changed.min(before + 1).min(left + 1);
            row[place + 1] = left;
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        for (from, to, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(distance(from, to), expected);
            assert_eq!(distance(to, from), expected);
        }
    }

    fn truth(fields: &[(Field, &str, &str)]) -> Truth {
        let mut truth: Truth = serde_json::from_str(r#"{"image": "a.jpg"}"#).expect("as documented");
        for (field, value, zone) in fields {
            let value = Value {
                value: (*value).to_owned(),
                printed: None,
                zone: Some((*zone).to_owned()),
            };
            truth.fields.insert(*field, value);
        }
        truth
    }

    /// Where nothing but the zone is known, the print may say more: the century, and which filler is a hyphen.
    #[test]
    fn what_a_zone_leaves_open_is_right_either_way() {
        let lines = [
            "P<CZESPECIMEN<<MEI<HUA<<<<<<<<<<<<<<<<<<<<<<",
            "99003853<1CZE1101018M1207046110101111<<<<<94",
        ];
        let truth = serde_json::json!({ "image": "a.jpg", "mrz": lines }).to_string();
        let truth: Truth = serde_json::from_str(&truth).expect("as documented");
        let today = time::macros::date!(2026 - 11 - 26);
        for (year, name, expected) in [
            (1911, "MEI-HUA", Verdict::Right),
            (2011, "MEI HUA", Verdict::Right),
            (1811, "MEIHUA", Verdict::Wrong),
        ] {
            let report = DocumentReport {
                dob: Some(Date {
                    day: Some(1),
                    month: Some(1),
                    year: Some(year),
                }),
                first_name: Some(name.to_owned()),
                ..DocumentReport::default()
            };
            let scored = fields(&truth, today, &report, &DocumentInsights::default());
            for field in [Field::BirthDate, Field::GivenNames] {
                let scored = scored.iter().find(|scored| scored.field == field).expect("of the zone");
                assert_eq!(scored.verdict, expected, "{field:?} {year}");
            }
        }
    }

    #[test]
    fn names_are_right_as_printed_or_as_in_the_zone() {
        let truth = truth(&[
            (Field::Surname, "Größ-Müller", "GROESS MUELLER"),
            (Field::GivenNames, "Žofia", "ZOFIA"),
        ]);
        let today = time::macros::date!(2026 - 11 - 26);
        let verdicts = |surname: Option<&str>, given: &str| {
            let report = DocumentReport {
                last_name: surname.map(str::to_owned),
                first_name: Some(given.to_owned()),
                ..DocumentReport::default()
            };
            let scored = fields(&truth, today, &report, &DocumentInsights::default());
            [scored[0].verdict, scored[1].verdict]
        };
        assert_eq!(
            verdicts(Some("GRÖSS-MÜLLER"), "žofia"),
            [Verdict::Wrong, Verdict::Right]
        );
        assert_eq!(verdicts(Some("GROESS MUELLER"), "ZOFIA"), [Verdict::Right; 2]);
        assert_eq!(verdicts(Some("Groess-Mueller"), "Zofia"), [Verdict::Right; 2]);
        assert_eq!(
            verdicts(Some("Groess-Müller"), "Zofia"),
            [Verdict::Wrong, Verdict::Right],
            "one mark of two"
        );
        assert_eq!(verdicts(None, "Zofie"), [Verdict::Missing, Verdict::Wrong]);
    }
}
