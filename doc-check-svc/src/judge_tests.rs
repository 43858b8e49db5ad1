use time::macros::date;

use super::*;

const TODAY: time::Date = date!(2026 - 11 - 22);

fn mrz(lines: &[&str]) -> Mrz {
    Mrz::parse(lines, TODAY).expect("a zone")
}

fn passport() -> Mrz {
    mrz(&[
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ])
}

fn code(judgement: &Judgement) -> Option<VerificationErrorCode> {
    judgement.failure.map(|(code, _)| code)
}

fn outcome(judgement: &Judgement, name: &str) -> Outcome {
    judgement
        .checks
        .iter()
        .find(|check| check.name == name)
        .expect("the test was made")
        .outcome()
}

#[test]
fn a_document_is_valid_to_the_end_of_its_last_day() {
    let on = |today| judge(Some(&passport()), &[], 1, &[], today);
    assert_eq!(on(date!(2012 - 04 - 15)).failure, None);
    assert_eq!(
        code(&on(date!(2012 - 04 - 16))),
        Some(VerificationErrorCode::DocumentExpired)
    );
    assert!(
        on(date!(2012 - 04 - 15))
            .checks
            .iter()
            .all(|check| check.outcome() == Outcome::Passed)
    );
}

#[test]
fn only_allowed_types_pass() {
    let today = date!(2012 - 01 - 01);
    let with = |allowed: &[DocumentType]| judge(Some(&passport()), &[], 1, allowed, today);
    assert_eq!(with(&[DocumentType::IdCard, DocumentType::Passport]).failure, None);
    let refused = with(&[DocumentType::IdCard, DocumentType::DrivingLicense]);
    assert_eq!(code(&refused), Some(VerificationErrorCode::DocumentTypeNotSupported));
    assert_eq!(outcome(&refused, "document_type"), Outcome::Failed);
}

#[test]
fn visas_and_former_french_cards_are_not_supported() {
    let visa = mrz(&[
        "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<<<",
    ]);
    let judgement = judge(Some(&visa), &[], 1, &[], TODAY);
    assert_eq!(code(&judgement), Some(VerificationErrorCode::DocumentTypeNotSupported));
    assert_eq!(outcome(&judgement, "mrz_composite_check_digit"), Outcome::NotAvailable);
    let french = mrz(&[
        "IDFRABERTHIER<<<<<<<<<<<<<<<<<<<<<<<",
        "8806923102858CORINNE<<<<<<<6512068F6",
    ]);
    let judgement = judge(Some(&french), &[], 1, &[], TODAY);
    assert_eq!(code(&judgement), Some(VerificationErrorCode::DocumentTypeNotSupported));
}

#[test]
fn a_zone_that_does_not_hold_together_is_not_verified() {
    let wrong = mrz(&[
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C46UTO7408122F1204159ZE184226B<<<<<10",
    ]);
    let judgement = judge(Some(&wrong), &[], 1, &[], date!(2012 - 01 - 01));
    assert_eq!(code(&judgement), Some(VerificationErrorCode::DocumentUnverifiedOther));
    assert_eq!(outcome(&judgement, "mrz_number_check_digit"), Outcome::Failed);
    assert_eq!(outcome(&judgement, "mrz_birth_date_check_digit"), Outcome::Passed);
    let stranger = mrz(&[
        "P<ZZZERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ]);
    let judgement = judge(Some(&stranger), &[], 1, &[], date!(2012 - 01 - 01));
    assert_eq!(code(&judgement), Some(VerificationErrorCode::DocumentUnverifiedOther));
    assert_eq!(outcome(&judgement, "issuing_state"), Outcome::Failed);
}

#[test]
fn one_bad_picture_of_two_does_no_harm() {
    let good = judge(
        Some(&passport()),
        &[DecodeError::Truncated],
        2,
        &[],
        date!(2012 - 01 - 01),
    );
    assert_eq!(good.failure, None);
    assert_eq!(outcome(&good, "picture_readable"), Outcome::NotAvailable);
    let none = judge(None, &[DecodeError::Empty], 1, &[], TODAY);
    assert_eq!(code(&none), Some(VerificationErrorCode::DocumentUnverifiedOther));
    assert_eq!(outcome(&none, "mrz_found"), Outcome::NotAvailable);
    let blank = judge(None, &[], 1, &[], TODAY);
    assert_eq!(
        blank.failure,
        Some((VerificationErrorCode::DocumentUnverifiedOther, NO_ZONE))
    );
}

#[test]
fn nothing_personal_is_said() {
    let judgement = judge(Some(&passport()), &[], 1, &[], TODAY);
    let said = format!(
        "{:?}",
        judgement.checks.iter().map(|check| &check.reason).collect::<Vec<_>>()
    );
    for personal in ["ERIKSSON", "L898902C3", "7408"] {
        assert!(!said.contains(personal));
    }
}
