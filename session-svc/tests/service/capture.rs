//! Pictures and submission, as the person sees them.

use std::num::NonZeroUsize;
use std::sync::Arc;

use proto::identity::v1::{
    DocumentOptions, File, ImagePurpose, LeaveVerificationSessionRequest, UploadImageRequest, VerificationErrorCode,
    VerificationSession, VerificationSessionStatus,
};
use proto::reason;
use service_kit::status;
use session_svc::config::Config;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

use crate::fakes::Call;
use crate::harness::{PICTURE, Running, config, refusal, refused, soon, start, start_with};

#[tokio::test]
async fn every_bad_picture_has_its_own_answer_and_is_not_stored() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    let large = |mebibytes: usize| {
        let mut picture = PICTURE.to_vec();
        picture.resize(mebibytes * 1024 * 1024, 0);
        picture
    };
    let tiny = b"\x89PNG\r\n\x1A\n\x00\x00\x00\x0DIHDR\x00\x00\x00\x01\x00\x00\x00\x01".to_vec();
    let endless = b"\x89PNG\r\n\x1A\n\x00\x00\x00\x0DIHDR\x00\x00\x75\x30\x00\x00\x75\x30".to_vec();
    for (data, expected) in [
        (Vec::new(), reason::IMAGE_EMPTY),
        (large(11), reason::IMAGE_TOO_LARGE),
        (b"not a picture".to_vec(), reason::IMAGE_FORMAT),
        (PICTURE[..6].to_vec(), reason::IMAGE_DAMAGED),
        (PICTURE[..PICTURE.len() - 1].to_vec(), reason::IMAGE_DAMAGED),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), reason::IMAGE_FORMAT),
        (tiny, reason::IMAGE_DIMENSIONS),
        (endless, reason::IMAGE_DIMENSIONS),
    ] {
        let answer = running.upload(&session, ImagePurpose::Selfie, &data).await;
        assert_eq!(refusal(answer), refused(Code::InvalidArgument, expected));
    }
    let answer = running.upload(&session, ImagePurpose::Unspecified, PICTURE).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, reason::INVALID_FIELDS));
    // Refused by its length, before it is read.
    let answer = running.upload(&session, ImagePurpose::Selfie, &large(13)).await;
    assert_eq!(refusal(answer), refused(Code::OutOfRange, reason::MESSAGE_TOO_LARGE));
    assert_eq!(running.store.read().calls, [Call::Create]);

    let file = running
        .upload(&session, ImagePurpose::Selfie, &large(10))
        .await
        .expect("just small enough");
    assert_eq!((file.purpose(), file.size), (ImagePurpose::Selfie, 10 * 1024 * 1024));
}

#[tokio::test]
async fn submitting_names_every_missing_picture_and_happens_once() {
    let running = start().await;
    let options = DocumentOptions {
        require_matching_selfie: true,
        ..DocumentOptions::default()
    };
    let session = running.create(options).await;
    let status = running.submit(&session).await.expect_err("no pictures");
    assert_eq!(status.code(), Code::FailedPrecondition);
    let missing = status
        .get_details_precondition_failure()
        .expect("the pictures")
        .violations;
    let missing: Vec<_> = missing.iter().map(|violation| violation.subject.as_str()).collect();
    assert_eq!(missing, ["document_front", "selfie"]);
    let info = status.get_details_error_info().expect("always");
    assert_eq!(info.metadata["missing"], "document_front,selfie");

    for purpose in [ImagePurpose::DocumentFront, ImagePurpose::Selfie] {
        running.upload(&session, purpose, PICTURE).await.expect("stored");
    }
    running.submit(&session).await.expect("submitted");
    let expected = refused(Code::FailedPrecondition, reason::SESSION_STATUS);
    assert_eq!(refusal(running.submit(&session).await), expected);
    assert_eq!(
        refusal(running.upload(&session, ImagePurpose::Selfie, PICTURE).await),
        expected
    );
    assert_eq!(running.store.read().waiting.len(), 1);
}

/// Starts uploads that the store does not answer before it is given permits, and waits until it has them all.
async fn uploads(
    running: &Running,
    session: &VerificationSession,
    count: usize,
) -> (Arc<Semaphore>, Vec<JoinHandle<Result<Response<File>, Status>>>) {
    let storing = Arc::new(Semaphore::new(0));
    running.store.change(|state| state.storing = Some(Arc::clone(&storing)));
    let uploads = (0..count).map(|_| {
        let mut capture = running.capture(session.client_secret.as_deref());
        let request = UploadImageRequest {
            verification_session: session.id.clone(),
            purpose: ImagePurpose::Selfie.into(),
            data: PICTURE.to_vec(),
            idempotency_key: None,
        };
        tokio::spawn(async move { capture.upload_image(request).await })
    });
    let uploads = uploads.collect();
    let arrived = running
        .store
        .until(|state| (state.calls.iter().filter(|call| **call == Call::PutImage).count() == count).then_some(()));
    soon(arrived).await;
    (storing, uploads)
}

#[tokio::test]
async fn one_client_secret_cannot_take_up_the_whole_service() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    let (storing, uploads) = uploads(&running, &session, 3).await;

    // Refused before the message is read, which would be refused for its length.
    let huge = vec![0; 13 * 1024 * 1024];
    let status = running
        .upload(&session, ImagePurpose::Selfie, &huge)
        .await
        .expect_err("busy");
    assert!(status::retry_after(&status).is_some());
    let busy = refused(Code::ResourceExhausted, reason::OVERLOADED);
    assert_eq!(refusal::<()>(Err(status)), busy);
    assert_eq!(refusal(running.submit(&session).await), busy);
    let other = running.create(DocumentOptions::default()).await;
    let missing = refused(Code::FailedPrecondition, reason::IMAGE_MISSING);
    assert_eq!(refusal(running.submit(&other).await), missing, "others are served");

    storing.add_permits(4);
    for upload in uploads {
        upload.await.expect("no panic").expect("stored");
    }
    running
        .upload(&session, ImagePurpose::Selfie, PICTURE)
        .await
        .expect("places come back");
}

#[tokio::test]
async fn uploads_leave_capacity_for_everything_else() {
    let running = start_with(Config {
        verification_workers: Some(0),
        max_uploads: NonZeroUsize::MIN,
        ..config()
    })
    .await;
    let session = running.create(DocumentOptions::default()).await;
    let other = running.create(DocumentOptions::default()).await;
    let (storing, uploads) = uploads(&running, &session, 1).await;
    let answer = running.upload(&other, ImagePurpose::Selfie, PICTURE).await;
    assert_eq!(refusal(answer), refused(Code::ResourceExhausted, reason::OVERLOADED));
    let missing = refused(Code::FailedPrecondition, reason::IMAGE_MISSING);
    assert_eq!(refusal(running.submit(&other).await), missing);
    storing.add_permits(2);
    for upload in uploads {
        upload.await.expect("no panic").expect("stored");
    }
    running
        .upload(&other, ImagePurpose::Selfie, PICTURE)
        .await
        .expect("space again");
}

#[tokio::test]
async fn a_person_says_why_they_leave() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    let mut capture = running.capture(session.client_secret.as_deref());
    let leaving = |error: VerificationErrorCode| LeaveVerificationSessionRequest {
        verification_session: session.id.clone(),
        error: error.into(),
        idempotency_key: None,
    };
    for error in [
        VerificationErrorCode::Unspecified,
        VerificationErrorCode::Abandoned,
        VerificationErrorCode::DocumentExpired,
    ] {
        let answer = capture.leave_verification_session(leaving(error)).await;
        assert_eq!(refusal(answer), refused(Code::InvalidArgument, reason::INVALID_FIELDS));
    }
    let answer = capture.leave_verification_session(leaving(VerificationErrorCode::ConsentDeclined));
    let answer = answer.await.expect("told").into_inner();
    assert_eq!(answer.status(), VerificationSessionStatus::RequiresInput);
    let state = running.store.read();
    let stored = state.sessions[&session.id].session.as_ref().expect("set");
    let error = stored.last_error.as_ref().expect("told");
    assert_eq!(error.code(), VerificationErrorCode::ConsentDeclined);
}
