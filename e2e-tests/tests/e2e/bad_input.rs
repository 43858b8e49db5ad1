//! What is wrong gets its own answer, or its own outcome in the report, and leaves state as it was.

use cli::api::Api;
use cli::client::Submission;
use cli::specimen::{Format, Specimen};
use e2e_tests::pictures::side_by_side;
use e2e_tests::stage::{Stage, stage};
use image::{DynamicImage, ImageFormat};
use proto::identity::v1::{
    DocumentOptions, ImagePurpose, VerificationErrorCode, VerificationSession, VerificationSessionStatus,
};
use proto::reason::{self, Reason};
use service_kit::config::Secret;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use vision::models::Sample;
use vision::picture::Picture;

/// A PNG file that claims these sides, and ends there.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    // 8 bits, RGB, the only compression, filter and no interlacing.
    chunk.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend((chunk.len() as u32 - 4).to_be_bytes());
    file.extend(&chunk);
    file.extend(crc32(&chunk).to_be_bytes());
    file
}

/// ISO 3309, as PNG (annex D) uses it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

/// A picture that shows nothing.
fn wall() -> Picture {
    Picture::from_fn(640, 480, |x, y| [(x / 4) as u8, (y / 3) as u8, 128])
}

fn refused(answer: Result<(), Status>, code: Code, expected: Reason) -> Status {
    let status = answer.expect_err(expected.name());
    assert_eq!(status.code(), code, "{expected:?}: {}", status.message());
    assert_eq!(service_kit::status::reason(&status), Some(expected));
    status
}

/// The session has no pictures and was never submitted.
async fn untouched(backend: &Api, id: &str) {
    let session = backend.session(id, &[]).await.expect("still there");
    let insights = session.insights.clone().unwrap_or_default();
    assert_eq!(session.status(), VerificationSessionStatus::RequiresInput);
    assert_eq!((insights.attempts, insights.files.len()), (0, 0));
}

fn with_selfie() -> DocumentOptions {
    DocumentOptions {
        require_matching_selfie: true,
        ..DocumentOptions::default()
    }
}

async fn opened(stage: &Stage) -> (Api, VerificationSession, Api) {
    let backend = stage.backend();
    let session = backend.create(with_selfie()).await.expect("opened");
    let secret = session.client_secret.clone().expect("a new session has one");
    let person = stage.api(&Secret::new(secret));
    (backend, session, person)
}

#[test]
fn pictures_that_cannot_be_used_are_refused_at_once() {
    let Some(stage) = stage() else { return };
    stage.run(async {
        let (backend, session, person) = opened(stage).await;
        let mut large = stage.pictures.sample(Sample::Obama2).expect("a sample");
        large.resize(proto::MAX_IMAGE_BYTES + 1, 0);
        let mut half = stage.pictures.sample(Sample::Obama2).expect("a sample");
        half.truncate(half.len() / 2);
        for (data, expected) in [
            (vec![], reason::IMAGE_EMPTY),
            (b"GIF89a is not one of the formats".to_vec(), reason::IMAGE_FORMAT),
            (b"not a picture at all".to_vec(), reason::IMAGE_FORMAT),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), reason::IMAGE_FORMAT),
            (half, reason::IMAGE_DAMAGED),
            (
                Picture::from_fn(1, 1, |_, _| [0; 3]).encode_png().expect("a file"),
                reason::IMAGE_DIMENSIONS,
            ),
            (png_header(30_000, 30_000), reason::IMAGE_DIMENSIONS),
            (large, reason::IMAGE_TOO_LARGE),
        ] {
            let answer = person.upload(&session.id, ImagePurpose::DocumentFront, data).await;
            let status = refused(answer, Code::InvalidArgument, expected);
            let violations = status.get_details_bad_request().map(|request| request.field_violations);
            let fields: Vec<String> = violations
                .unwrap_or_default()
                .into_iter()
                .map(|found| found.field)
                .collect();
            assert_eq!(fields, ["data"], "{expected:?}");
        }
        let answer = person.upload(&session.id, ImagePurpose::Unspecified, vec![]).await;
        refused(answer, Code::InvalidArgument, reason::INVALID_FIELDS);
        untouched(&backend, &session.id).await;
    });
}

#[test]
fn uncommon_pictures_are_read() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let page = stage.pictures.draw(&stage.pictures.specimen(Format::Td3)?)?.front;
    let (width, height) = (page.width(), page.height());
    let page = image::RgbImage::from_raw(width, height, page.pixels().to_vec()).expect("as many pixels");
    let page = DynamicImage::ImageRgb8(page);
    let file = |image: DynamicImage, format| -> anyhow::Result<Vec<u8>> {
        let mut file = std::io::Cursor::new(Vec::new());
        image.write_to(&mut file, format)?;
        Ok(file.into_inner())
    };
    for (what, document) in [
        (
            "16-bit png",
            file(DynamicImage::ImageRgb16(page.to_rgb16()), ImageFormat::Png)?,
        ),
        (
            "png with alpha",
            file(DynamicImage::ImageRgba8(page.to_rgba8()), ImageFormat::Png)?,
        ),
        ("webp", file(page.clone(), ImageFormat::WebP)?),
        ("upside down", file(page.rotate180(), ImageFormat::Jpeg)?),
    ] {
        let outcome = stage.run(stage.client()?.verify(Submission {
            document,
            ..Submission::default()
        }))?;
        assert!(
            outcome.verified(),
            "{what}: {:?}",
            outcome.session.last_error.map(|error| error.code())
        );
    }
    // A grey picture is read, too, but it may be one of a copy.
    let grey = file(DynamicImage::ImageLumaA8(page.to_luma_alpha8()), ImageFormat::Png)?;
    let outcome = stage.run(stage.client()?.verify(Submission {
        document: grey,
        ..Submission::default()
    }))?;
    let error = outcome.session.last_error.expect("refused");
    assert_eq!(error.code(), VerificationErrorCode::DocumentUnverifiedOther);
    assert!(error.reason.contains("copy"), "{}", error.reason);
    Ok(())
}

#[test]
fn pictures_that_show_the_wrong_thing_fail_with_a_report() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let passport = stage.pictures.passport()?;
    let selfie = stage.pictures.sample(Sample::Obama2)?;
    let faceless = Specimen {
        portrait: None,
        ..stage.pictures.specimen(Format::Td3)?
    };
    // As long as it says, with half of its picture.
    let half = [passport.get(..passport.len() / 2).unwrap_or_default(), b"\xFF\xD9"].concat();
    let crowd = [Sample::Obama2, Sample::Biden, Sample::Obama3].map(|sample| stage.pictures.decoded(sample));
    let crowd: Vec<Picture> = crowd.into_iter().collect::<anyhow::Result<_>>()?;

    use VerificationErrorCode::{DocumentUnverifiedOther, SelfieDocumentMissingPhoto, SelfieUnverifiedOther};
    for (what, document, selfie, expected) in [
        (
            "a document without a zone",
            wall().encode_png()?,
            None,
            DocumentUnverifiedOther,
        ),
        ("half a picture", half, None, DocumentUnverifiedOther),
        (
            "no portrait",
            stage.pictures.front(&faceless)?,
            Some(selfie.clone()),
            SelfieDocumentMissingPhoto,
        ),
        (
            "no face",
            passport.clone(),
            Some(wall().encode_png()?),
            SelfieUnverifiedOther,
        ),
        (
            "three faces",
            passport.clone(),
            Some(side_by_side(&crowd, 600).encode_jpeg(90)?),
            SelfieUnverifiedOther,
        ),
    ] {
        let submission = Submission {
            document,
            selfie,
            ..Submission::default()
        };
        let outcome = stage.run(stage.client()?.verify(submission))?;
        let error = outcome.session.last_error.expect(what);
        assert_eq!(error.code(), expected, "{what}");
        assert!(!error.reason.is_empty(), "{what}");
    }
    Ok(())
}

#[test]
fn a_failed_attempt_can_be_tried_again_and_keeps_its_report() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let wrong = Submission {
        document: wall().encode_png()?,
        ..Submission::default()
    };
    let client = stage.client()?;
    let failed = stage.run(client.verify(wrong))?;
    assert!(!failed.verified());
    let again = Submission {
        document: stage.pictures.passport()?,
        ..Submission::default()
    };
    let (session, report) = stage.run(async {
        let session = client.session(&failed.session.id).await?;
        let person = client.person(&session)?;
        person.upload(again).await?;
        person.submit().await?;
        client.finished(&session.id).await
    })?;
    assert_eq!(session.status(), VerificationSessionStatus::Verified);
    assert!(session.last_error.is_none());
    assert_eq!(report.insights.map(|insights| insights.attempt), Some(2));
    assert_ne!(report.id, failed.report.id);
    let first = stage.run(async { stage.backend().report(&failed.report.id).await })?;
    assert_eq!(first.insights.map(|insights| insights.attempt), Some(1));
    Ok(())
}

#[test]
fn submitting_needs_pictures_and_happens_once() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let (passport, selfie) = (stage.pictures.passport()?, stage.pictures.sample(Sample::Obama2)?);
    stage.run(async {
        let (backend, session, person) = opened(stage).await;
        let status = refused(
            person.submit(&session.id).await,
            Code::FailedPrecondition,
            reason::IMAGE_MISSING,
        );
        let details = format!("{} {:?}", status.message(), status.get_error_details());
        for purpose in ["document_front", "selfie"] {
            assert!(details.contains(purpose), "{details}");
        }
        untouched(&backend, &session.id).await;

        person
            .upload(&session.id, ImagePurpose::DocumentFront, passport.clone())
            .await?;
        person.upload(&session.id, ImagePurpose::Selfie, selfie).await?;
        person.submit(&session.id).await?;
        refused(
            person.submit(&session.id).await,
            Code::FailedPrecondition,
            reason::SESSION_STATUS,
        );
        let late = person.upload(&session.id, ImagePurpose::DocumentFront, passport).await;
        refused(late, Code::FailedPrecondition, reason::SESSION_STATUS);

        let finished = backend.finished(&session.id).await?;
        assert_eq!(finished.status(), VerificationSessionStatus::Verified);
        refused(
            backend.submit(&session.id).await,
            Code::FailedPrecondition,
            reason::SESSION_STATUS,
        );
        let now = backend.session(&session.id, &[]).await?;
        assert_eq!(now.last_verification_report, finished.last_verification_report);
        assert_eq!(now.insights.map(|insights| insights.attempts), Some(1));
        Ok(())
    })
}

#[test]
fn credentials_open_only_what_they_are_for() {
    let Some(stage) = stage() else { return };
    stage.run(async {
        let (backend, session, person) = opened(stage).await;
        let (_, other_session, other_person) = opened(stage).await;
        let picture = wall().encode_png().expect("a file");
        let upload = |who: Api, id: String| {
            let picture = picture.clone();
            async move { who.upload(&id, ImagePurpose::DocumentFront, picture).await }
        };
        let stranger = stage.api(&Secret::new("sk_live_0000000000000000000000000000000000000000"));
        let created = stranger.create(DocumentOptions::default()).await.map(|_| ());
        refused(created, Code::Unauthenticated, reason::CREDENTIAL_INVALID);
        refused(
            stranger.session(&session.id, &[]).await.map(|_| ()),
            Code::Unauthenticated,
            reason::CREDENTIAL_INVALID,
        );
        let answer = upload(stranger, session.id.clone()).await;
        refused(answer, Code::Unauthenticated, reason::CREDENTIAL_INVALID);

        let answer = upload(other_person.clone(), session.id.clone()).await;
        refused(answer, Code::PermissionDenied, reason::CLIENT_SECRET_OTHER_SESSION);
        let answer = person.submit(&other_session.id).await;
        refused(answer, Code::PermissionDenied, reason::CLIENT_SECRET_OTHER_SESSION);

        // One letter of the secret's signature changed.
        let mut secret = session.client_secret.clone().expect("a new session has one");
        let last = secret.pop().expect("not empty");
        secret.push(if last == 'A' { 'B' } else { 'A' });
        let forger = stage.api(&Secret::new(secret));
        refused(
            upload(forger, session.id.clone()).await,
            Code::Unauthenticated,
            reason::CREDENTIAL_INVALID,
        );

        for id in [&session.id, &other_session.id] {
            untouched(&backend, id).await;
        }
    });
}

#[test]
fn what_does_not_exist_is_not_found() {
    let Some(stage) = stage() else { return };
    stage.run(async {
        let backend = stage.backend();
        let session = backend.create(DocumentOptions::default()).await.expect("opened");
        let mut unknown = session.id.clone();
        let last = unknown.pop().expect("not empty");
        unknown.push(if last == '0' { '1' } else { '0' });
        for id in [unknown.as_str(), "vs_", "", "vr_00", "vs_99zzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            refused(
                backend.session(id, &[]).await.map(|_| ()),
                Code::NotFound,
                reason::SESSION_NOT_FOUND,
            );
            refused(backend.submit(id).await, Code::NotFound, reason::SESSION_NOT_FOUND);
            let picture = wall().encode_png().expect("a file");
            let answer = backend.upload(id, ImagePurpose::DocumentFront, picture).await;
            refused(answer, Code::NotFound, reason::SESSION_NOT_FOUND);
        }
        let answer = backend.report("vr_07zzzzzzzzzzzzzzzzzzzzzzzzzz").await.map(|_| ());
        refused(answer, Code::NotFound, reason::REPORT_NOT_FOUND);
    });
}

#[test]
fn a_plain_key_sees_no_sensitive_fields() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let submission = Submission {
        document: stage.pictures.passport()?,
        ..Submission::default()
    };
    let seen = stage.run(stage.client()?.verify(submission))?;
    assert!(seen.report.document.is_some_and(|document| document.number.is_some()));

    let plain = stage.api(&stage.deployment.keys().api_key);
    let report = stage.run(async { plain.report(&seen.report.id).await })?;
    let document = report.document.expect("the document was checked");
    assert_eq!(document.last_name.as_deref(), Some("ERIKSSON"));
    assert!(document.number.is_none() && document.dob.is_none() && document.expiration_date.is_none());
    assert!(document.files.is_empty());
    Ok(())
}
