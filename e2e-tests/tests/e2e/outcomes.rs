//! What a verification ends with.

use cli::client::Submission;
use cli::specimen::{Format, Specimen};
use e2e_tests::stage::stage;
use proto::identity::v1::check_detail::Outcome;
use proto::identity::v1::machine_readable_zone::Format as Zone;
use proto::identity::v1::{DocumentType, VerificationErrorCode, VerificationSessionStatus};
use time::macros::date;
use vision::models::Sample;

#[test]
fn the_same_person_is_verified() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let submission = Submission {
        document: stage.pictures.passport()?,
        selfie: Some(stage.pictures.sample(Sample::Obama2)?),
        ..Submission::default()
    };
    let outcome = stage.run(stage.client()?.verify(submission))?;
    assert!(
        outcome.verified(),
        "{:?}",
        outcome.session.last_error.map(|error| error.code())
    );

    let document = outcome.report.document.expect("the document was checked");
    assert_eq!(document.first_name.as_deref(), Some("ANNA MARIA"));
    assert_eq!(document.last_name.as_deref(), Some("ERIKSSON"));
    assert_eq!(document.number.as_deref(), Some("L898902C3"));
    assert_eq!(document.issuing_country.as_deref(), Some("UTO"));
    assert_eq!(document.r#type(), DocumentType::Passport);
    let birth = document.dob.expect("the document states it");
    assert_eq!((birth.year, birth.month, birth.day), (Some(1974), Some(8), Some(12)));
    let outputs = outcome.session.verified_outputs.expect("asked for");
    assert_eq!(outputs.last_name.as_deref(), Some("ERIKSSON"));

    let insights = outcome.report.insights.expect("always there");
    assert_eq!(insights.attempt, 1);
    let selfie = insights.selfie.expect("the selfie was checked");
    assert!(selfie.threshold.is_some() && selfie.similarity >= selfie.threshold);
    let attack = selfie
        .checks
        .iter()
        .find(|check| check.name == "presentation_attack_detection");
    assert_eq!(
        attack.map(|check| check.outcome()),
        Some(Outcome::NotAvailable),
        "said in every report"
    );
    assert!(selfie.models.iter().all(|model| model.sha256.len() == 64));
    Ok(())
}

#[test]
fn another_person_is_not() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let submission = Submission {
        document: stage.pictures.passport()?,
        selfie: Some(stage.pictures.sample(Sample::Biden)?),
        ..Submission::default()
    };
    let outcome = stage.run(stage.client()?.verify(submission))?;
    assert_eq!(outcome.session.status(), VerificationSessionStatus::RequiresInput);
    let error = outcome.session.last_error.expect("why it failed");
    assert_eq!(error.code(), VerificationErrorCode::SelfieFaceMismatch);
    assert!(outcome.session.verified_outputs.is_none(), "nothing was verified");
    assert!(
        outcome.report.document.expect("checked").error.is_none(),
        "the document itself is fine"
    );
    Ok(())
}

#[test]
fn another_persons_passport_beside_ones_own_picture_is_not() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let stolen = Specimen {
        portrait: Some(stage.pictures.decoded(Sample::Biden)?),
        ..stage.pictures.specimen(Format::Td3)?
    };
    let submission = Submission {
        document: stage.pictures.sample(Sample::Obama)?,
        document_back: Some(stage.pictures.front(&stolen)?),
        selfie: Some(stage.pictures.sample(Sample::Obama2)?),
        ..Submission::default()
    };
    let outcome = stage.run(stage.client()?.verify(submission))?;
    let error = outcome.session.last_error.expect("why it failed");
    assert_eq!(error.code(), VerificationErrorCode::SelfieDocumentMissingPhoto);
    assert!(
        outcome.report.document.expect("checked").error.is_none(),
        "the document itself is fine"
    );
    Ok(())
}

#[test]
fn an_expired_document_is_not() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let expired = Specimen {
        expiry: date!(2012 - 04 - 15),
        ..stage.pictures.specimen(Format::Td3)?
    };
    let submission = Submission {
        document: stage.pictures.front(&expired)?,
        selfie: Some(stage.pictures.sample(Sample::Obama2)?),
        ..Submission::default()
    };
    let outcome = stage.run(stage.client()?.verify(submission))?;
    let error = outcome.session.last_error.expect("why it failed");
    assert_eq!(error.code(), VerificationErrorCode::DocumentExpired);
    assert!(
        outcome.report.selfie.expect("checked").error.is_none(),
        "the face itself matches"
    );
    Ok(())
}

#[test]
fn a_card_is_read_from_its_back_and_a_type_can_be_refused() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let card = stage.pictures.draw(&stage.pictures.specimen(Format::Td1)?)?;
    let back = card.back.expect("a card has two sides").encode_jpeg(90)?;
    let mut submission = Submission {
        document: card.front.encode_jpeg(90)?,
        document_back: Some(back),
        selfie: Some(stage.pictures.sample(Sample::Obama2)?),
        allowed_types: vec![DocumentType::IdCard],
    };
    let outcome = stage.run(stage.client()?.verify(submission.clone()))?;
    assert!(
        outcome.verified(),
        "{:?}",
        outcome.session.last_error.map(|error| error.code())
    );
    let zone = outcome
        .report
        .insights
        .and_then(|insights| insights.document?.machine_readable_zone);
    let zone = zone.expect("a zone was read");
    assert_eq!(zone.format(), Zone::Td1);
    let files = outcome.report.document.expect("checked").files;
    assert_eq!(files.get(1), Some(&zone.file), "it stands on the back");

    submission.allowed_types = vec![DocumentType::Passport];
    let outcome = stage.run(stage.client()?.verify(submission))?;
    let error = outcome.session.last_error.expect("why it failed");
    assert_eq!(error.code(), VerificationErrorCode::DocumentTypeNotSupported);
    Ok(())
}
