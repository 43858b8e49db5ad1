use proptest::prelude::*;
use time::macros::date;

use super::*;
use crate::mrz::check_digit::value;
use crate::mrz::{Fields, compose};

const TODAY: time::Date = date!(2026 - 11 - 22);

fn parse(lines: &[&str]) -> Mrz {
    Mrz::parse(lines, TODAY).expect("a zone")
}

#[test]
fn reads_the_specimen_passport() {
    let mrz = parse(&[
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ]);
    assert_eq!(mrz.format, Format::Td3);
    assert_eq!((mrz.document_code.as_str(), mrz.issuing_state.as_str()), ("P", "UTO"));
    assert_eq!(
        (mrz.name.surname.as_str(), mrz.name.given_names.as_str()),
        ("ERIKSSON", "ANNA MARIA")
    );
    assert_eq!((mrz.number.as_str(), mrz.nationality.as_str()), ("L898902C3", "UTO"));
    assert_eq!(mrz.birth_date, Date::new(Some(1974), Some(8), Some(12)).ok());
    assert_eq!(mrz.expiry_date, Date::new(Some(2012), Some(4), Some(15)).ok());
    assert_eq!((mrz.sex, mrz.sex_mark), (Some(Sex::Female), Some('F')));
    assert_eq!(mrz.optional, ["ZE184226B"]);
    assert_eq!(mrz.checks.len(), 5);
    assert!(mrz.check_digits_hold() && mrz.malformed.is_empty());
    assert_eq!(mrz.document_type(), Some(DocumentType::Passport));
}

#[test]
fn reads_a_number_that_continues_in_the_optional_data() {
    let mrz = parse(&[
        "IDBEL600001795<0152<<<<<<<<<<<",
        "1301014F2311207BEL<<<<<<<<<<<2",
        "SPECIMEN<<SPECIMEN<<<<<<<<<<<<",
    ]);
    assert_eq!(mrz.number, "600001795015");
    assert_eq!(mrz.optional, ["", ""]);
    assert!(mrz.check_digits_hold(), "{mrz:?}");
    // Without a continuation, a filler is no check digit.
    let mrz = parse(&[
        "IDBEL600001795<<<<<<<<<<<<<<<<",
        "1301014F2311207BEL<<<<<<<<<<<2",
        "SPECIMEN<<SPECIMEN<<<<<<<<<<<<",
    ]);
    assert!(!mrz.check_digits_hold());
}

#[test]
fn reads_german_codes_and_an_unspecified_sex() {
    let mrz = parse(&[
        "IDD<<T220001293<<<<<<<<<<<<<<<",
        "6408125<2010315D<<<<<<<<<<<<<4",
        "MUSTERMANN<<ERIKA<<<<<<<<<<<<<",
    ]);
    assert_eq!(mrz.issuer().map(State::reported), Some("DE"));
    assert_eq!(mrz.nationality, "D");
    assert_eq!((mrz.sex, mrz.sex_mark), (Some(Sex::Unspecified), None));
    assert!(mrz.check_digits_hold());
}

#[test]
fn tells_what_is_wrong_without_failing() {
    let mrz = parse(&[
        "P<UT0ERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7413122Z1204159ZE184226B<<<<<10",
    ]);
    assert_eq!(
        mrz.malformed,
        [FieldKind::IssuingState, FieldKind::Sex, FieldKind::BirthDate]
    );
    assert_eq!(mrz.issuer(), None);
    assert_eq!((mrz.sex, mrz.sex_mark, mrz.birth_date), (None, Some('Z'), None));
    let failed: Vec<_> = mrz
        .checks
        .iter()
        .filter(|check| !check.holds)
        .map(|check| check.kind)
        .collect();
    assert_eq!(failed, [FieldKind::BirthCheck, FieldKind::CompositeCheck]);
}

#[test]
fn knows_the_kinds_of_document() {
    let kind = |code: &str, format: Format| {
        let mut lines = vec!["<".repeat(format.line_length()); format.lines()];
        lines[0].replace_range(..2, code);
        Mrz::parse(&lines, TODAY).expect("a zone").document_type()
    };
    for code in ["P<", "PP", "PM", "PD", "PA"] {
        assert_eq!(kind(code, Format::Td3), Some(DocumentType::Passport));
    }
    for code in ["I<", "ID", "IP", "IR", "A<", "AR", "C<", "C1"] {
        assert_eq!(kind(code, Format::Td1), Some(DocumentType::IdCard));
        assert_eq!(kind(code, Format::Td2), Some(DocumentType::IdCard));
    }
    assert_eq!(kind("D<", Format::Td1), Some(DocumentType::DrivingLicense));
    for (code, format) in [
        ("V<", Format::MrvA),
        ("VC", Format::MrvB),
        ("AC", Format::Td1),
        ("XX", Format::Td3),
    ] {
        assert_eq!(kind(code, format), None);
    }
}

#[test]
fn refuses_other_shapes() {
    let refused = |lines: &[&str]| Mrz::parse(lines, TODAY).expect_err("no zone");
    assert_eq!(refused(&[]), ParseError::Shape { lines: 0, length: 0 });
    assert_eq!(refused(&["ABC", "AB"]), ParseError::Ragged);
    assert_eq!(refused(&["ABC", "ABC"]), ParseError::Shape { lines: 2, length: 3 });
    assert_eq!(refused(&["ABC", "ABÄ"]), ParseError::Symbol { line: 2 });
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::ALL.to_vec())
}

prop_compose! {
    fn fields()(
        format in format(),
        surname in "[A-Z]{1,12}(<[A-Z]{1,12})?",
        given_names in "([A-Z]{1,10}(<[A-Z]{1,6})?)?",
        number in "[A-Z0-9]{1,14}",
        state in prop::sample::select(State::codes().collect::<Vec<_>>()),
        nationality in prop::sample::select(State::codes().collect::<Vec<_>>()),
        birth in 0i64..36_000,
        expiry in -7_000i64..10_000,
        sex in prop::sample::select(vec![Sex::Female, Sex::Male, Sex::Unspecified]),
        optional in "([A-Z0-9]{1,4})?",
    ) -> (Vec<String>, OwnedFields) {
        let short = matches!(format, Format::Td3 | Format::MrvA | Format::MrvB);
        let number = if short || format == Format::Td2 && number.len() > 12 { number.chars().take(9).collect() } else { number };
        let optional = if format == Format::Td2 && number.len() > 9 { String::new() } else { optional };
        let owned = OwnedFields {
            surname: surname.replace('<', " "),
            given_names: given_names.replace('<', " "),
            number, optional,
            birth: Date::from(TODAY - time::Duration::days(birth)),
            expiry: Date::from(TODAY + time::Duration::days(expiry)),
            state, nationality, sex,
        };
        let code = match format { Format::Td3 => "PP", Format::Td1 | Format::Td2 => "I", Format::MrvA | Format::MrvB => "V" };
        let lines = compose(&Fields {
            format,
            document_code: code,
            issuing_state: owned.state,
            surname: &owned.surname,
            given_names: &owned.given_names,
            number: &owned.number,
            nationality: owned.nationality,
            birth_date: owned.birth,
            sex: owned.sex,
            expiry_date: owned.expiry,
            optional: &owned.optional,
            second_optional: "",
        }).expect("fields of the format");
        (lines, owned)
    }
}

#[derive(Clone, Debug)]
struct OwnedFields {
    surname: String,
    given_names: String,
    number: String,
    optional: String,
    birth: Date,
    expiry: Date,
    state: &'static str,
    nationality: &'static str,
    sex: Sex,
}

proptest! {
    #[test]
    fn reads_what_was_composed((lines, fields) in fields()) {
        let mrz = Mrz::parse(&lines, TODAY).expect("a zone");
        prop_assert!(mrz.check_digits_hold() && mrz.malformed.is_empty(), "{lines:?}");
        prop_assert_eq!(&mrz.number, &fields.number);
        prop_assert_eq!(mrz.issuer().map(State::code), Some(fields.state));
        prop_assert_eq!(mrz.nationality.as_str(), fields.nationality);
        prop_assert!(mrz.birth_date.is_some_and(|date| date.candidates().any(|date| date == fields.birth)));
        prop_assert_eq!(mrz.expiry_date, Some(fields.expiry));
        prop_assert_eq!(mrz.sex, Some(fields.sex));
        prop_assert_eq!(mrz.optional.first(), Some(&fields.optional));
        let length = mrz.format.field(FieldKind::Name).map_or(0, |field| field.end - field.start);
        if fields.surname.len() + 2 + fields.given_names.len() <= length {
            prop_assert_eq!(mrz.name.surname.as_str(), fields.surname.as_str());
            prop_assert_eq!(mrz.name.given_names.as_str(), fields.given_names.as_str());
        }
    }

    // The weights 7, 3 and 1 are prime to 10: a changed symbol goes unnoticed only when its value is the same modulo 10
    // (0, A, K and U, for example), and that is the standard's limit.
    #[test]
    fn notices_a_changed_symbol((lines, _) in fields(), place in any::<prop::sample::Index>(), symbol in "[A-Z0-9<]") {
        let format = Mrz::parse(&lines, TODAY).expect("a zone").format;
        let checked: Vec<(usize, usize)> = format.fields().iter()
            .filter(|field| field.in_composite() && !matches!(field.kind, FieldKind::Optional | FieldKind::SecondOptional))
            .flat_map(|field| (field.start..field.end).map(|column| (field.line, column)))
            .collect();
        let &(line, column) = place.get(&checked);
        let mut changed = lines.clone();
        let before = lines[line].as_bytes()[column];
        changed[line].replace_range(column..=column, &symbol);
        let after = symbol.as_bytes()[0];
        let same = value(before).zip(value(after)).is_some_and(|(a, b)| a % 10 == b % 10);
        let read = Mrz::parse(&changed, TODAY).expect("a zone");
        prop_assert!(same || !read.check_digits_hold(), "{before} became {after}");
    }

    #[test]
    fn never_panics(lines in prop::collection::vec("[A-Z0-9<]{30}|[A-Z0-9<]{36}|[A-Z0-9<]{44}|.{0,50}", 0..4)) {
        let _ = Mrz::parse(&lines, TODAY);
    }

    #[test]
    fn never_panics_on_lines_of_the_right_shape(format in format(), symbols in "[A-Z0-9<]{96}") {
        let lines: Vec<&str> = (0..format.lines())
            .map(|line| &symbols[line * format.line_length()..][..format.line_length()])
            .collect();
        prop_assert!(Mrz::parse(&lines, TODAY).is_ok());
    }
}
