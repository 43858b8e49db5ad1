//! Parsing and composing of machine-readable zones. The input is the lines of a zone; or what a zone is to say:
//!
//! ```text
//! TD1 I UTO UTO F
//! Eriksson
//! Anna Maria
//! D23145890
//! 740812
//! 340415
//! <optional data>
//! <second optional data>
//! ```

use doc_check_svc::mrz::{
    Century, Date, Field, FieldKind, Fields, Format, Mrz, Sex, Shape, check_digit, compose, transliterate,
};

use crate::TODAY;

/// More lines mean nothing here.
const MOST_LINES: usize = 8;

/// What is read is what the lines say, and what is composed is read as it was meant.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines: Vec<&str> = text.lines().take(MOST_LINES).collect();
    for line in &lines {
        spelled(line);
    }
    read(&lines);
    if let Some(fields) = stated(&lines)
        && let Ok(zone) = compose(&fields)
    {
        composed(&fields, &zone);
    }
}

/// A transliterated name has the symbols of the zone, and stays what it is.
fn spelled(name: &str) {
    if let Ok(symbols) = transliterate(name) {
        assert!(symbols.bytes().all(|symbol| matches!(symbol, b'A'..=b'Z' | b'<')));
        assert!(!symbols.starts_with('<') && !symbols.ends_with('<') && !symbols.contains("<<"));
        assert_eq!(transliterate(&symbols).as_ref(), Ok(&symbols));
    }
}

fn read(lines: &[&str]) {
    let length = lines.first().map_or(0, |line| line.len());
    let shape = Shape {
        lines: lines.len(),
        length,
    };
    let is_symbol = |symbol| matches!(symbol, b'A'..=b'Z' | b'0'..=b'9' | b'<');
    let is_zone = Shape::ALL.contains(&shape)
        && lines
            .iter()
            .all(|line| line.len() == length && line.bytes().all(is_symbol));
    let Ok(mrz) = Mrz::parse(lines, TODAY) else {
        assert!(!is_zone, "a zone is refused");
        return;
    };
    assert!(is_zone && mrz.lines == lines && mrz.format.shape() == shape);
    for field in mrz.format.fields() {
        let malformed = mrz.malformed.contains(&field.kind);
        match field.kind {
            FieldKind::BirthDate | FieldKind::ExpiryDate => {
                let date = if field.kind == FieldKind::BirthDate {
                    mrz.birth_date
                } else {
                    mrz.expiry_date
                };
                assert_eq!(date.is_none(), malformed);
                date.into_iter().for_each(|date| real(date, printed(&mrz, field)));
            }
            FieldKind::NumberCheck | FieldKind::OptionalCheck => {}
            _ => assert_eq!(
                malformed,
                !printed(&mrz, field).bytes().all(|symbol| field.class().allows(symbol))
            ),
        }
    }
    checked(&mrz);
    let values = [&mrz.number, &mrz.name.surname, &mrz.name.given_names];
    assert!(
        values
            .iter()
            .all(|value| !value.contains('<') && value.trim() == **value)
    );
    // Whatever is asked of it has an answer.
    let _ = (mrz.document_type(), mrz.is_former_french_card(), mrz.issuer());
    if let Some(fields) = said(&mrz)
        && let Ok(zone) = compose(&fields)
    {
        composed(&fields, &zone);
    }
}

/// The dates that it may mean are days of the calendar, and it is written as it was read.
fn real(date: Date, field: &str) {
    assert_eq!(date.to_field(), field);
    for candidate in date.candidates() {
        if let (Some(year), Some(month), Some(day)) = (candidate.year(), candidate.month(), candidate.day()) {
            let month = time::Month::try_from(month).expect("a month");
            assert!(time::Date::from_calendar_date(year, month, day).is_ok());
        }
    }
    assert!(date.earliest() <= date.latest());
    assert_eq!(date.earliest().is_some(), date.candidates().next().is_some());
}

/// Each check digit is reported once, as it is.
fn checked(mrz: &Mrz) {
    let covering = |kind| match kind {
        FieldKind::BirthCheck => Some(FieldKind::BirthDate),
        FieldKind::ExpiryCheck => Some(FieldKind::ExpiryDate),
        _ => None,
    };
    let text = |kind| mrz.format.field(kind).map_or("", |field| printed(mrz, field));
    for check in &mrz.checks {
        let digit = text(check.kind).bytes().next();
        if let Some(covered) = covering(check.kind) {
            assert_eq!(check.holds, digit == check_digit(text(covered).bytes()));
        }
        if check.kind == FieldKind::CompositeCheck {
            let fields = mrz.format.fields().iter().filter(|field| field.in_composite());
            let covered: String = fields.map(|field| printed(mrz, field)).collect();
            assert_eq!(check.holds, digit == check_digit(covered.bytes()));
        }
    }
    let kinds = |kind: &FieldKind| format!("{kind:?}").ends_with("Check");
    let expected = mrz.format.fields().iter().map(|field| field.kind).filter(kinds);
    assert!(mrz.checks.iter().map(|check| check.kind).eq(expected));
}

fn printed<'mrz>(mrz: &'mrz Mrz, field: &Field) -> &'mrz str {
    &mrz.lines[field.line][field.start..field.end]
}

/// What a zone says, to compose it again; `None` where that is no whole set of fields.
pub(crate) fn said(mrz: &Mrz) -> Option<Fields<'_>> {
    let optional = |at: usize| mrz.optional.get(at).map_or("", String::as_str);
    Some(Fields {
        format: mrz.format,
        document_code: &mrz.document_code,
        issuing_state: &mrz.issuing_state,
        surname: &mrz.name.surname,
        given_names: &mrz.name.given_names,
        number: &mrz.number,
        nationality: &mrz.nationality,
        birth_date: mrz.birth_date?,
        sex: mrz.sex?,
        expiry_date: mrz.expiry_date?,
        optional: optional(0),
        second_optional: optional(1),
    })
}

/// What an input asks to be composed.
fn stated<'text>(lines: &[&'text str]) -> Option<Fields<'text>> {
    let [first, surname, given_names, number, birth, expiry, rest @ ..] = lines else {
        return None;
    };
    let mut words = first.split(' ');
    let name = words.next()?;
    let format = Format::ALL
        .into_iter()
        .find(|format| format!("{format:?}").eq_ignore_ascii_case(name))?;
    Some(Fields {
        format,
        document_code: words.next()?,
        issuing_state: words.next()?,
        surname,
        given_names,
        number,
        nationality: words.next()?,
        birth_date: Date::parse(birth, Century::Birth, TODAY).ok()?,
        sex: match words.next()? {
            "F" => Sex::Female,
            "M" => Sex::Male,
            _ => Sex::Unspecified,
        },
        expiry_date: Date::parse(expiry, Century::CardExpiry, TODAY).ok()?,
        optional: rest.first().copied().unwrap_or_default(),
        second_optional: rest.get(1).copied().unwrap_or_default(),
    })
}

/// The lines say what was to be said, and compose to themselves.
fn composed(fields: &Fields<'_>, zone: &[String]) {
    let mrz = Mrz::parse(zone, TODAY).expect("a composed zone is one");
    assert!(
        mrz.check_digits_hold() && mrz.malformed.is_empty(),
        "{:?} {:?}",
        mrz.checks,
        mrz.malformed
    );
    assert_eq!(mrz.format, fields.format);
    assert_eq!(mrz.document_code, fields.document_code);
    assert_eq!(mrz.issuing_state, fields.issuing_state);
    assert_eq!(mrz.nationality, fields.nationality);
    assert_eq!(mrz.number, fields.number.to_ascii_uppercase());
    assert!(mrz.sex == Some(fields.sex));
    let field = |date: Option<Date>| date.map(Date::to_field);
    assert_eq!(field(mrz.birth_date), Some(fields.birth_date.to_field()));
    assert_eq!(field(mrz.expiry_date), Some(fields.expiry_date.to_field()));
    let optional = [fields.optional, fields.second_optional];
    for (read, written) in mrz.optional.iter().zip(optional) {
        assert_eq!(read, written.trim_matches('<'));
    }
    let words = |name: &str| transliterate(name).expect("it was composed").replace('<', " ");
    if mrz.name.may_be_truncated {
        return;
    }
    assert_eq!(mrz.name.surname, words(fields.surname));
    assert_eq!(mrz.name.given_names, words(fields.given_names));
    if mrz
        .optional
        .iter()
        .zip(optional)
        .all(|(read, written)| read == written.trim_end_matches('<'))
    {
        let again = said(&mrz).map(|fields| compose(&fields));
        assert!(again == Some(Ok(zone.to_vec())), "composed again");
    }
}
