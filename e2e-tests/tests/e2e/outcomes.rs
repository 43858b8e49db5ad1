//! What a verification ends with.

use cli::client::Submission;
use cli::specimen::{Format, Specimen};
use e2e_tests::stage::stage;
use proto::identity::v1::check_detail::Outcome;
use proto::identity::v1::machine_readable_zone::Format as Zone;
use proto::identity::v1::{
    DocumentType, ImagePurpose, VerificationErrorCode, VerificationReport, VerificationSessionStatus,
};
use time::macros::date;
use tonic::Code;
use vision::models::Sample;
use vision::picture::{Limits, Picture};

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
    let attack = attack.expect("said in every report");
    let installed = selfie.presentation_attack_detection.is_some();
    assert_eq!(attack.outcome() == Outcome::NotAvailable, !installed);
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
fn the_faces_that_were_compared_are_kept_until_the_redaction() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let submission = Submission {
        document: stage.pictures.passport()?,
        selfie: Some(stage.pictures.sample(Sample::Biden)?),
        ..Submission::default()
    };
    let outcome = stage.run(stage.client()?.verify(submission))?;
    let (session, report) = (&outcome.session.id, &outcome.report.id);
    let named = |report: VerificationReport| {
        let insights = report.insights.and_then(|insights| insights.selfie).expect("compared");
        assert!(insights.similarity.is_some());
        [insights.document_face_file, insights.selfie_face_file]
    };
    let api = stage.backend();
    let files = stage.run(api.list_files(session))?;
    let crops: Vec<_> = files.iter().filter(|file| !file.purpose().is_uploaded()).collect();
    let purposes: Vec<_> = crops.iter().map(|file| file.purpose()).collect();
    assert_eq!(purposes, [ImagePurpose::DocumentFace, ImagePurpose::SelfieFace]);
    let ids = [0, 1].map(|index: usize| Some(crops[index].id.clone()));
    assert_eq!(named(outcome.report.clone()), ids);
    for crop in &crops {
        let face = Picture::decode(&stage.run(api.download(&crop.id))?, &Limits::default())?;
        assert_eq!((face.width(), face.height()), (112, 112));
    }

    let plain = stage.api(&stage.deployment.keys().api_key);
    assert_eq!(named(stage.run(plain.report(report))?), [None, None]);
    stage.run(api.redact(session, None))?;
    for crop in &crops {
        let gone = stage.run(api.download(&crop.id)).expect_err("redacted");
        assert_eq!(gone.code(), Code::NotFound);
    }
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
