use time::macros::date;

use super::*;
use crate::mrz::{Fields, Format, Sex, compose};
use crate::policy::{Code, Outcome};

const TODAY: time::Date = date!(2026 - 11 - 22);

fn mrz_on(lines: &[&str], today: time::Date) -> Mrz {
    Mrz::parse(lines, today).expect("a zone")
}

fn mrz(lines: &[&str]) -> Mrz {
    mrz_on(lines, TODAY)
}

fn passport() -> Mrz {
    mrz(&[
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ])
}

/// A zone of this format, issuer and dates, each YYMMDD, whose check digits hold.
fn zone(format: Format, issuer: &str, birth: &str, expiry: &str) -> Mrz {
    // Fields of dates are put in as written, since a composer writes no date that a parser would not know.
    let any = Date::new(Some(2000), Some(1), Some(1)).expect("a date");
    let code = match format {
        Format::Td3 => "P",
        Format::Td1 | Format::Td2 => "I",
        Format::MrvA | Format::MrvB => "V",
    };
    let mut lines = compose(&Fields {
        format,
        document_code: code,
        issuing_state: issuer,
        surname: "Eriksson",
        given_names: "Anna Maria",
        number: "L898902C3",
        nationality: issuer,
        birth_date: any,
        sex: Sex::Female,
        expiry_date: any,
        optional: "",
        second_optional: "",
    })
    .expect("fields that fit");
    for (kind, check, text) in [
        (FieldKind::BirthDate, FieldKind::BirthCheck, birth),
        (FieldKind::ExpiryDate, FieldKind::ExpiryCheck, expiry),
    ] {
        let digit = char::from(crate::mrz::check_digit(text.bytes()).expect("symbols of a zone"));
        for (kind, text) in [(kind, text), (check, digit.encode_utf8(&mut [0; 4]))] {
            let field = format.field(kind).expect("every format has it");
            lines[field.line].replace_range(field.start..field.end, text);
        }
    }
    let covered: String = format
        .fields()
        .iter()
        .filter(|field| field.in_composite())
        .map(|field| &lines[field.line][field.start..field.end])
        .collect();
    if let Some(field) = format.field(FieldKind::CompositeCheck) {
        let digit = char::from(crate::mrz::check_digit(covered.bytes()).expect("symbols of a zone"));
        lines[field.line].replace_range(field.start..field.end, &digit.to_string());
    }
    mrz(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn specimens() -> Requirements {
    Requirements {
        specimens: true,
        ..Requirements::default()
    }
}

fn evaluated_on(mrz: &Mrz, requirements: &Requirements, today: time::Date) -> Evaluation {
    let fields = sure();
    let reading = Reading {
        pictures: 1,
        mrz: Some(mrz),
        fields: &fields,
        ..Reading::default()
    };
    evaluate(&reading, Vec::new(), requirements, today)
}

/// Every field as zone and print both have it.
fn sure() -> Vec<FieldEvidence> {
    let evidence = |field| FieldEvidence {
        field,
        probability: 0.9999,
        unseen: 0,
        repaired: 0,
        check_digit: true,
        print: PrintSays::Agrees,
    };
    Stated::ALL.map(evidence).into()
}

/// The refusal of a valid passport whose evidence was changed.
fn refused(change: impl Fn(&mut FieldEvidence)) -> Option<(Code, Vec<&'static str>)> {
    let mrz = passport();
    let mut fields = sure();
    fields.iter_mut().for_each(change);
    let reading = Reading {
        pictures: 1,
        mrz: Some(&mrz),
        fields: &fields,
        ..Reading::default()
    };
    let evaluation = evaluate(&reading, Vec::new(), &specimens(), date!(2012 - 01 - 01));
    let failed = evaluation
        .findings
        .iter()
        .filter(|finding| matches!(finding.outcome, Outcome::Failed(_)));
    let names = failed.map(|finding| finding.test.name()).collect();
    evaluation.refusal.map(|refusal| (refusal.code, names))
}

#[test]
fn a_field_that_is_not_sure_is_refused_whatever_the_check_digits_say() {
    assert_eq!(refused(|_| {}), None);
    for field in Stated::ALL {
        let unsure = refused(|evidence| {
            if evidence.field == field {
                (evidence.probability, evidence.unseen) = (0.9, 2);
            }
        });
        let refusal = (Code::UnverifiedOther, vec!["mrz_legible"]);
        // A sex that is not sure is not stated.
        assert_eq!(unsure, (field != Stated::Sex).then_some(refusal), "{field:?}");
    }
}

#[test]
fn print_that_differs_or_is_missing_is_refused() {
    let says = |field: Stated, print| {
        refused(move |evidence| {
            if evidence.field == field {
                evidence.print = print;
            }
        })
    };
    for (field, test) in [
        (Stated::Surname, "printed_name"),
        (Stated::GivenNames, "printed_name"),
        (Stated::Number, "printed_number"),
        (Stated::BirthDate, "printed_birth_date"),
        (Stated::ExpiryDate, "printed_expiry_date"),
        (Stated::Sex, "printed_sex"),
    ] {
        let differs = says(field, PrintSays::Differs);
        assert_eq!(differs, Some((Code::UnverifiedOther, vec![test])), "{field:?}");
        // What is under a sticker may be another. Marks of sexes are not printed everywhere.
        let hidden = says(field, PrintSays::NotSeen);
        assert_eq!(hidden.is_some(), field != Stated::Sex, "{field:?}");
    }
}

fn evaluated(mrz: &Mrz, requirements: &Requirements) -> Evaluation {
    evaluated_on(mrz, requirements, TODAY)
}

fn code(evaluation: &Evaluation) -> Option<Code> {
    evaluation.refusal.map(|refusal| refusal.code)
}

/// How a test ended: `Some(true)` when it passed, `None` when it was not available.
fn passed(evaluation: &Evaluation, test: Test) -> Option<bool> {
    let mut found = evaluation.findings.iter().filter(|finding| finding.test == test);
    let outcome = &found.next().expect("the test was made").outcome;
    assert_eq!(found.next(), None, "once");
    match outcome {
        Outcome::Passed => Some(true),
        Outcome::Failed(_) => Some(false),
        Outcome::NotAvailable(_) => None,
    }
}

#[test]
fn every_test_is_made_of_a_document_and_told_in_the_order_of_the_table() {
    let (mrz, fields) = (zone(Format::Td3, "SWE", "740812", "320415"), sure());
    let reading = Reading {
        pictures: 1,
        mrz: Some(&mrz),
        fields: &fields,
        nationality: PrintSays::Agrees,
        issued: Some(date!(2022 - 04 - 16).into()),
        ..Reading::default()
    };
    let evaluation = evaluate(&reading, Vec::new(), &Requirements::default(), TODAY);
    assert_eq!(evaluation.refusal, None);
    let tests: Vec<Test> = evaluation.findings.iter().map(|finding| finding.test).collect();
    // Those of the pictures are made elsewhere.
    let of_pictures = [
        Test::TwoSides,
        Test::OneDocument,
        Test::SidesAgree,
        Test::DocumentWhole,
        Test::SidesInOrder,
        Test::DocumentOutline,
        Test::PortraitInPlace,
        Test::ZoneDarkOnLight,
        Test::InColour,
        Test::NotOnAScreen,
        Test::PictureUnedited,
        Test::ZoneResolution,
        Test::ZoneSharpness,
        Test::ZoneContrast,
        Test::ZoneWithoutGlare,
        Test::ZoneUncovered,
    ];
    let expected: Vec<Test> = Test::ALL
        .iter()
        .copied()
        .filter(|test| !of_pictures.contains(test))
        .collect();
    assert_eq!(tests, expected);
    assert!(
        evaluation
            .findings
            .iter()
            .all(|finding| finding.outcome == Outcome::Passed)
    );
}

#[test]
fn a_state_that_is_not_printed_is_not_verified() {
    let mrz = zone(Format::Td3, "SWE", "740812", "320415");
    let refused = |says, nationality| {
        let mut fields = sure();
        for field in fields.iter_mut().filter(|field| field.field == Stated::IssuingState) {
            field.print = says;
        }
        let reading = Reading {
            pictures: 1,
            mrz: Some(&mrz),
            fields: &fields,
            nationality,
            ..Reading::default()
        };
        evaluate(&reading, Vec::new(), &Requirements::default(), TODAY)
            .refusal
            .is_some()
    };
    use PrintSays::{Agrees, Differs, NotSeen};
    assert!(!refused(Agrees, NotSeen) && !refused(NotSeen, Agrees));
    assert!(refused(NotSeen, NotSeen));
    assert!(refused(Differs, Agrees) && refused(Agrees, Differs));
}

#[test]
fn a_document_is_valid_to_the_end_of_its_last_day_and_of_the_grace() {
    let on = |today, grace| {
        let requirements = Requirements {
            expiry_grace_days: grace,
            ..specimens()
        };
        code(&evaluated_on(&passport(), &requirements, today))
    };
    assert_eq!(on(date!(2012 - 04 - 15), 0), None);
    assert_eq!(on(date!(2012 - 04 - 16), 0), Some(Code::Expired));
    assert_eq!(on(date!(2012 - 05 - 15), 30), None);
    assert_eq!(on(date!(2012 - 05 - 16), 30), Some(Code::Expired));
    assert_eq!(on(date!(2012 - 05 - 16), u32::MAX), None);
}

#[test]
fn only_allowed_types_pass() {
    let today = date!(2012 - 01 - 01);
    let with = |types: &[DocumentType]| {
        let requirements = Requirements {
            types: types.to_vec(),
            ..specimens()
        };
        evaluated_on(&passport(), &requirements, today)
    };
    assert_eq!(with(&[DocumentType::IdCard, DocumentType::Passport]).refusal, None);
    let refused = with(&[DocumentType::IdCard, DocumentType::DrivingLicense]);
    assert_eq!(code(&refused), Some(Code::TypeNotSupported));
    assert_eq!(passed(&refused, Test::DocumentType), Some(true));
    assert_eq!(passed(&refused, Test::DocumentTypeAllowed), Some(false));
}

#[test]
fn visas_and_former_french_cards_are_not_supported() {
    let visa = mrz(&[
        "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<<<",
    ]);
    let evaluation = evaluated(&visa, &specimens());
    assert_eq!(code(&evaluation), Some(Code::TypeNotSupported));
    assert_eq!(passed(&evaluation, Test::CompositeCheckDigit), None);
    let french = mrz(&[
        "IDFRABERTHIER<<<<<<<<<<<<<<<<<<<<<<<",
        "8806923102858CORINNE<<<<<<<6512068F6",
    ]);
    assert_eq!(code(&evaluated(&french, &specimens())), Some(Code::TypeNotSupported));
}

#[test]
fn a_zone_that_does_not_hold_together_is_not_verified() {
    let wrong = mrz(&[
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C46UTO7408122F1204159ZE184226B<<<<<10",
    ]);
    let evaluation = evaluated_on(&wrong, &specimens(), date!(2012 - 01 - 01));
    assert_eq!(code(&evaluation), Some(Code::UnverifiedOther));
    assert_eq!(passed(&evaluation, Test::NumberCheckDigit), Some(false));
    assert_eq!(passed(&evaluation, Test::BirthDateCheckDigit), Some(true));
    let stranger = mrz(&[
        "P<ZZZERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ]);
    let evaluation = evaluated_on(&stranger, &specimens(), date!(2012 - 01 - 01));
    assert_eq!(code(&evaluation), Some(Code::UnverifiedOther));
    assert_eq!(passed(&evaluation, Test::IssuingState), Some(false));
}

#[test]
fn one_bad_picture_of_two_does_no_harm() {
    let read = |mrz, unreadable, pictures| {
        let fields = sure();
        let reading = Reading {
            pictures,
            unreadable,
            mrz,
            fields: &fields,
            ..Reading::default()
        };
        evaluate(&reading, Vec::new(), &specimens(), date!(2012 - 01 - 01))
    };
    let passport = passport();
    let good = read(Some(&passport), &[DecodeError::Truncated], 2);
    assert_eq!(good.refusal, None);
    assert_eq!(passed(&good, Test::PictureReadable), None);
    let none = read(None, &[DecodeError::Empty], 1);
    assert_eq!(
        (passed(&none, Test::PictureReadable), passed(&none, Test::MrzFound)),
        (Some(false), None)
    );
    assert_eq!(code(&none), Some(Code::UnverifiedOther));
    let blank = read(None, &[], 1);
    assert_eq!(
        (passed(&blank, Test::PictureReadable), passed(&blank, Test::MrzFound)),
        (Some(true), Some(false))
    );
    assert_ne!(none.refusal, blank.refusal, "another sentence");
}

#[test]
fn fictional_states_need_to_be_allowed() {
    for (issuer, allow, expected) in [
        ("UTO", false, Some(false)),
        ("UTO", true, None),
        ("SWE", false, Some(true)),
        ("SWE", true, Some(true)),
    ] {
        let requirements = Requirements {
            specimens: allow,
            ..Requirements::default()
        };
        let evaluation = evaluated(&zone(Format::Td1, issuer, "740812", "320415"), &requirements);
        assert_eq!(passed(&evaluation, Test::NotASpecimen), expected, "{issuer} {allow}");
        let refused = expected == Some(false);
        assert_eq!(
            code(&evaluation),
            refused.then_some(Code::UnverifiedOther),
            "{issuer} {allow}"
        );
    }
    // A passport of a real state for somebody of a fictional one.
    let mut stranger = zone(Format::Td3, "SWE", "740812", "320415");
    stranger.nationality = "UTO".to_owned();
    assert_eq!(
        passed(&evaluated(&stranger, &Requirements::default()), Test::NotASpecimen),
        Some(false)
    );
}

#[test]
fn countries_can_be_limited() {
    let with = |countries: &[&'static str]| {
        let requirements = Requirements {
            countries: countries.to_vec(),
            ..Requirements::default()
        };
        let mrz = zone(Format::Td1, "D", "740812", "320415");
        code(&evaluated(&mrz, &requirements))
    };
    assert_eq!(with(&[]), None);
    assert_eq!(with(&["FR", "DE"]), None);
    assert_eq!(with(&["FR", "SE"]), Some(Code::CountryNotSupported));
}

#[test]
fn the_holder_is_of_age_when_all_that_the_date_may_mean_is() {
    use Outcome::{Failed, NotAvailable, Passed};
    let of_age = |birth: &str, least_age| {
        let requirements = Requirements {
            least_age,
            ..Requirements::default()
        };
        let evaluation = evaluated(&zone(Format::Td3, "SWE", birth, "320415"), &requirements);
        let finding = evaluation
            .findings
            .iter()
            .find(|finding| finding.test == Test::HolderOfAge);
        (finding.expect("made").outcome.clone(), code(&evaluation))
    };
    // On 22 November 2026.
    for (birth, least, expected) in [
        ("740812", 18, None),
        ("081122", 18, None),
        // 101 or 1; 117 or 17, born tomorrow 18 years ago.
        ("250812", 18, Some(Code::UnverifiedOther)),
        ("081123", 18, Some(Code::UnverifiedOther)),
        ("250812", 1, None),
        ("250812", 0, None),
        // Some day of 2008 or 1908, some day of 2007.
        ("08<<<<", 18, Some(Code::UnverifiedOther)),
        ("07<<<<", 18, None),
        ("071122", 19, None),
        ("071123", 19, Some(Code::UnderSupportedAge)),
        ("740812", 60, Some(Code::UnderSupportedAge)),
        ("74<<<<", 52, Some(Code::UnverifiedOther)),
    ] {
        let (outcome, code) = of_age(birth, least);
        assert_eq!(code, expected, "{birth} {least}");
        match expected {
            None => assert_eq!(outcome, Passed, "{birth} {least}"),
            Some(Code::UnderSupportedAge) => assert!(matches!(outcome, Failed(_)), "{birth} {least}"),
            Some(_) => assert!(matches!(outcome, NotAvailable(_)), "{birth} {least}"),
        }
    }
}

#[test]
fn a_birth_lies_before_the_issue_and_not_too_far_back() {
    let mut mrz = zone(Format::Td3, "SWE", "740812", "320415");
    let mut with = |birth: time::Date, issued: Option<time::Date>| {
        mrz.birth_date = Some(birth.into());
        let fields = sure();
        let reading = Reading {
            pictures: 1,
            mrz: Some(&mrz),
            fields: &fields,
            issued: issued.map(Date::from),
            ..Reading::default()
        };
        let evaluation = evaluate(&reading, Vec::new(), &Requirements::default(), TODAY);
        let tests = [Test::BirthBeforeIssue, Test::HolderAgePlausible].map(|test| passed(&evaluation, test));
        (tests, code(&evaluation))
    };
    let fine = ([Some(true), Some(true)], None);
    assert_eq!(with(date!(1974 - 08 - 12), None), fine);
    assert_eq!(
        with(date!(1974 - 08 - 12), Some(date!(1990 - 01 - 01))),
        ([Some(true), Some(true)], Some(Code::UnverifiedOther)),
        "valid from 1990 to 2032"
    );
    assert_eq!(with(date!(1974 - 08 - 12), Some(date!(2022 - 04 - 15))), fine);
    let unborn = ([Some(false), Some(true)], Some(Code::UnverifiedOther));
    assert_eq!(with(date!(2022 - 04 - 16), Some(date!(2022 - 04 - 15))), unborn);
    assert_eq!(with(date!(2026 - 11 - 23), None), unborn, "in the future");
    assert_eq!(with(date!(2027 - 01 - 01), Some(date!(2028 - 01 - 01))), unborn);
    assert_eq!(with(date!(1921 - 11 - 22), None), fine, "105 years");
    let maybe_a_child = ([Some(true), Some(true)], Some(Code::UnverifiedOther));
    assert_eq!(with(date!(1905 - 11 - 23), None), maybe_a_child, "120 years");
    let too_old = ([Some(true), Some(false)], Some(Code::UnverifiedOther));
    assert_eq!(with(date!(1905 - 11 - 22), None), too_old, "121 years");
}

#[test]
fn a_date_of_issue_lies_between_birth_expiry_and_today() {
    let mrz = zone(Format::Td3, "SWE", "740812", "320415");
    for (issued, holds) in [
        (date!(2022 - 04 - 16), true),
        (TODAY, true),
        (date!(2026 - 11 - 23), false),
        (date!(2032 - 04 - 16), false),
        (date!(1974 - 08 - 11), false),
    ] {
        let fields = sure();
        let reading = Reading {
            pictures: 1,
            mrz: Some(&mrz),
            fields: &fields,
            issued: Some(issued.into()),
            ..Reading::default()
        };
        let evaluation = evaluate(&reading, Vec::new(), &Requirements::default(), TODAY);
        assert_eq!(passed(&evaluation, Test::IssueDatePlausible), Some(holds), "{issued}");
        assert!(holds || evaluation.refusal.is_some(), "{issued}");
    }
}

#[test]
fn what_is_printed_of_state_and_specimen_counts() {
    let mrz = zone(Format::Td3, "SWE", "740812", "320415");
    let fields = sure();
    let refused = |nationality, says_specimen, requirements: &Requirements| {
        let reading = Reading {
            pictures: 1,
            mrz: Some(&mrz),
            fields: &fields,
            nationality,
            says_specimen,
            ..Reading::default()
        };
        evaluate(&reading, Vec::new(), requirements, TODAY).refusal.is_some()
    };
    let default = Requirements::default();
    assert!(!refused(PrintSays::Agrees, false, &default));
    assert!(!refused(PrintSays::NotSeen, false, &default));
    assert!(refused(PrintSays::Differs, false, &default));
    assert!(refused(PrintSays::Agrees, true, &default));
    assert!(!refused(PrintSays::Agrees, true, &specimens()));
}

#[test]
fn dates_that_are_not_stated_are_missed() {
    let made = |format, issuer, birth, expiry| {
        let evaluation = evaluated(&zone(format, issuer, birth, expiry), &Requirements::default());
        let tests = [Test::BirthDateStated, Test::ExpiryDateStated].map(|test| passed(&evaluation, test));
        (tests, code(&evaluation))
    };
    let other = Some(Code::UnverifiedOther);
    assert_eq!(
        made(Format::Td1, "SWE", "<<<<<<", "320415"),
        ([Some(false), Some(true)], other)
    );
    assert_eq!(
        made(Format::Td1, "SWE", "<<0812", "320415"),
        ([Some(false), Some(true)], other)
    );
    assert_eq!(
        made(Format::Td1, "SWE", "740812", "<<<<<<"),
        ([Some(true), Some(false)], other)
    );
    assert_eq!(
        made(Format::Td1, "SWE", "740812", "<<0415"),
        ([Some(true), Some(false)], other)
    );
    // Cards of Moldova may have none, its passports have one, and a part of one is none.
    for format in [Format::Td1, Format::Td2] {
        assert_eq!(made(format, "MDA", "440812", "<<<<<<"), ([Some(true), None], None));
        assert_eq!(
            made(format, "MDA", "440812", "<<0415"),
            ([Some(true), Some(false)], other)
        );
    }
    assert_eq!(
        made(Format::Td3, "MDA", "440812", "<<<<<<"),
        ([Some(true), Some(false)], other)
    );
}

#[test]
fn validity_has_an_end_that_can_be() {
    let evaluated = |format, expiry| {
        let evaluation = evaluated(&zone(format, "SWE", "740812", expiry), &Requirements::default());
        (passed(&evaluation, Test::ValidityPlausible), code(&evaluation))
    };
    let (fine, wrong) = ((Some(true), None), (Some(false), Some(Code::UnverifiedOther)));
    assert_eq!(evaluated(Format::Td3, "371122"), fine, "in eleven years");
    assert_eq!(evaluated(Format::Td3, "371123"), wrong);
    assert_eq!(evaluated(Format::Td3, "700101"), wrong);
    assert_eq!(
        evaluated(Format::Td3, "991231"),
        (Some(true), Some(Code::Expired)),
        "in 1999"
    );
    for format in [Format::Td1, Format::Td2] {
        assert_eq!(evaluated(format, "571122"), fine, "a card, in 31 years");
        assert_eq!(evaluated(format, "571123"), wrong);
        assert_eq!(evaluated(format, "991231"), fine, "for ever");
        assert_eq!(evaluated(format, "990101"), fine, "for ever");
    }
}

#[test]
fn nothing_personal_is_said() {
    let expired = evaluated(&passport(), &Requirements::default());
    let said = format!("{:?}", expired.findings);
    for personal in ["ERIKSSON", "L898902C3", "7408"] {
        assert!(!said.contains(personal));
    }
}
