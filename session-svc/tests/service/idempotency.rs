//! Idempotency keys of the calls that change a session.

use proto::identity::v1::{
    CancelVerificationSessionRequest, CreateVerificationSessionRequest, ImagePurpose, LeaveVerificationSessionRequest,
    RedactVerificationSessionRequest, SimulateVerificationRequest, SubmitVerificationSessionRequest,
    UpdateVerificationSessionRequest, UploadImageRequest, VerificationErrorCode,
};
use tonic::Status;

use crate::fakes::Call;
use crate::harness::{PICTURE, Running, TEST_KEY, document_request, start};
use crate::sessions::violations;

/// Each call that changes a session, in an order in which all are possible. They are of test mode, where outcomes can be chosen.
const CALLS: [Call; 8] = [
    Call::Create,
    Call::Update,
    Call::PutImage,
    Call::Leave,
    Call::Submit,
    Call::Simulate,
    Call::Cancel,
    Call::Redact,
];

async fn create(running: &Running, key: Option<String>) -> Result<String, Status> {
    let request = CreateVerificationSessionRequest {
        idempotency_key: key,
        ..document_request()
    };
    let created = running.sessions(TEST_KEY).create_verification_session(request).await?;
    Ok(created.into_inner().id)
}

async fn call(running: &Running, call: Call, key: Option<String>) -> Result<(), Status> {
    if call == Call::Create {
        return create(running, key).await.map(drop);
    }
    let verification_session = create(running, None).await.expect("created");
    let (mut sessions, mut capture) = (running.sessions(TEST_KEY), running.capture(TEST_KEY));
    match call {
        Call::Update => {
            let request = UpdateVerificationSessionRequest {
                verification_session,
                idempotency_key: key,
                ..Default::default()
            };
            sessions.update_verification_session(request).await.map(drop)
        }
        Call::PutImage => {
            let request = UploadImageRequest {
                verification_session,
                purpose: ImagePurpose::DocumentFront.into(),
                data: PICTURE.to_vec(),
                idempotency_key: key,
            };
            capture.upload_image(request).await.map(drop)
        }
        Call::Leave => {
            let request = LeaveVerificationSessionRequest {
                verification_session,
                error: VerificationErrorCode::ConsentDeclined.into(),
                idempotency_key: key,
            };
            capture.leave_verification_session(request).await.map(drop)
        }
        Call::Submit => {
            let upload = UploadImageRequest {
                verification_session: verification_session.clone(),
                purpose: ImagePurpose::DocumentFront.into(),
                data: PICTURE.to_vec(),
                idempotency_key: None,
            };
            capture.upload_image(upload).await.expect("stored");
            let request = SubmitVerificationSessionRequest {
                verification_session,
                idempotency_key: key,
            };
            capture.submit_verification_session(request).await.map(drop)
        }
        Call::Simulate => {
            let request = SimulateVerificationRequest {
                verification_session,
                idempotency_key: key,
                ..Default::default()
            };
            let mut test_helpers = running.test_helpers(TEST_KEY);
            test_helpers.simulate_verification(request).await.map(drop)
        }
        Call::Cancel => {
            let request = CancelVerificationSessionRequest {
                verification_session,
                idempotency_key: key,
            };
            sessions.cancel_verification_session(request).await.map(drop)
        }
        Call::Redact => {
            let request = RedactVerificationSessionRequest {
                verification_session,
                idempotency_key: key,
            };
            sessions.redact_verification_session(request).await.map(drop)
        }
        _ => unreachable!("{call:?} changes no session"),
    }
}

#[tokio::test]
async fn each_call_takes_its_key_along() {
    let running = start().await;
    // As long as one may be.
    let key = "é".repeat(255);
    for each in CALLS {
        call(&running, each, Some(key.clone())).await.expect("answered");
    }
    let keys = running.store.read().keys.clone();
    let with_key: Vec<Call> = keys
        .into_iter()
        .filter_map(|(call, given)| (given.as_ref() == Some(&key)).then_some(call))
        .collect();
    assert_eq!(with_key, CALLS);
}

#[tokio::test]
async fn a_key_that_is_empty_or_too_long_is_refused() {
    let running = start().await;
    for key in [String::new(), "x".repeat(256)] {
        for each in CALLS {
            let refused = call(&running, each, Some(key.clone())).await.expect_err("refused");
            assert_eq!(violations(&refused), ["idempotency_key"], "{each:?}");
        }
    }
    let keys = &running.store.read().keys;
    assert!(keys.iter().all(|(_, key)| key.is_none()), "nothing reached the store");
}
