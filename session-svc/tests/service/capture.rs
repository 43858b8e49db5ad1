//! Pictures and submission, as the person sees them.

use proto::identity::v1::{DocumentOptions, ImagePurpose};
use proto::reason;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::fakes::Call;
use crate::harness::{PICTURE, refusal, refused, start};

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
        (tiny, reason::IMAGE_DIMENSIONS),
        (endless, reason::IMAGE_DIMENSIONS),
    ] {
        let answer = running.upload(&session, ImagePurpose::Selfie, &data).await;
        assert_eq!(refusal(answer), refused(Code::InvalidArgument, expected));
    }
    let answer = running.upload(&session, ImagePurpose::Unspecified, PICTURE).await;
    assert_eq!(refusal(answer), refused(Code::InvalidArgument, reason::INVALID_FIELDS));
    // Refused by its length, before it is read.
    let status = running
        .upload(&session, ImagePurpose::Selfie, &large(13))
        .await
        .expect_err("too large");
    assert_eq!(status.code(), Code::OutOfRange);
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
