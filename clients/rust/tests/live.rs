//! The client against a deployment; see `clients/test`.

#![allow(clippy::unwrap_used)]

use std::env;
use std::time::Duration;

use bonafide_client::Client;
use bonafide_client::v1::{
    CancelVerificationSessionRequest, CreateFileLinkRequest, CreateVerificationSessionRequest, DocumentOptions,
    ImagePurpose, ListVerificationSessionsRequest, RedactVerificationSessionRequest, SimulateVerificationRequest,
    UpdateVerificationSessionRequest, VerificationErrorCode, VerificationSession, VerificationSessionOptions,
    VerificationSessionStatus as Status, VerificationType, redaction,
};
use futures_util::TryStreamExt as _;
use tonic::Code;

struct Deployment {
    address: String,
    ca: Vec<u8>,
}

impl Deployment {
    /// That of the environment.
    fn of_environment() -> Self {
        Self {
            address: env::var("BONAFIDE_ADDRESS").expect("a deployment: clients/test starts one"),
            ca: read("BONAFIDE_CA"),
        }
    }

    fn client(&self, key: &str) -> Client {
        let key = String::from_utf8(read(key)).unwrap();
        Client::builder(&self.address, key).ca(self.ca.clone()).build().unwrap()
    }
}

fn read(variable: &str) -> Vec<u8> {
    std::fs::read(env::var(variable).unwrap()).unwrap()
}

fn creation(reference: &str) -> CreateVerificationSessionRequest {
    CreateVerificationSessionRequest {
        r#type: VerificationType::Document.into(),
        client_reference_id: Some(reference.to_owned()),
        ..CreateVerificationSessionRequest::default()
    }
}

/// Of this run alone.
fn reference() -> String {
    uuid::Uuid::new_v4().to_string()
}

#[tokio::test]
#[ignore = "needs a deployment: clients/test starts one"]
async fn a_person_is_verified_and_their_pictures_are_found() {
    let deployment = Deployment::of_environment();
    let client = deployment.client("BONAFIDE_RESTRICTED_API_KEY_FILE");
    let document = DocumentOptions {
        require_matching_selfie: true,
        ..DocumentOptions::default()
    };
    let mut request = creation(&reference());
    request.options = Some(VerificationSessionOptions {
        document: Some(document),
        ..VerificationSessionOptions::default()
    });
    let session = client.sessions().create(request).await.unwrap();
    let person = client.person(&session).unwrap();
    let error = person.submit().await.unwrap_err();
    assert_eq!(error.reason(), Some("IMAGE_MISSING"));
    let error = person
        .upload(ImagePurpose::Selfie, vec![0; 30 << 20])
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.reason()),
        (Code::OutOfRange, Some("MESSAGE_TOO_LARGE"))
    );
    let picture = read("BONAFIDE_DOCUMENT");
    person
        .upload(ImagePurpose::DocumentFront, picture.clone())
        .await
        .unwrap();
    person
        .upload(ImagePurpose::Selfie, read("BONAFIDE_SELFIE"))
        .await
        .unwrap();
    let submission = person.with_idempotency_key(reference());
    submission.submit().await.unwrap();
    // Answered as it was: another one would be refused.
    submission.submit().await.unwrap();
    let session = client.sessions().wait(&session.id).await.unwrap();
    assert_eq!(session.status(), Status::Verified, "{:?}", session.last_error);
    let report = session.last_verification_report.as_deref().unwrap();
    let report = client.reports().get(report).await.unwrap();
    assert!(report.document.unwrap().first_name.is_some());
    let files = client.files().list(&session.id).await.unwrap();
    assert_eq!(files[0].purpose(), ImagePurpose::DocumentFront);
    assert_eq!(client.files().download(&files[0].id).await.unwrap(), picture);
    let link = CreateFileLinkRequest {
        file: files[0].id.clone(),
        ..CreateFileLinkRequest::default()
    };
    let link = client.files().create_link(link).await.unwrap();
    assert!(link.url.starts_with("https://"));
    let request = RedactVerificationSessionRequest {
        verification_session: session.id.clone(),
        ..RedactVerificationSessionRequest::default()
    };
    client.sessions().redact(request).await.unwrap();
    let watched: Vec<VerificationSession> = client.sessions().watch(&session.id).try_collect().await.unwrap();
    let last = watched.last().unwrap().redaction.unwrap();
    assert_eq!(last.status(), redaction::Status::Redacted);
}

#[tokio::test]
#[ignore = "needs a deployment: clients/test starts one"]
async fn outcomes_of_test_mode_come_as_chosen() {
    let deployment = Deployment::of_environment();
    let client = deployment.client("BONAFIDE_TEST_API_KEY_FILE");
    for error in [
        VerificationErrorCode::Unspecified,
        VerificationErrorCode::DocumentExpired,
        VerificationErrorCode::SelfieFaceMismatch,
    ] {
        let session = client.sessions().create(creation(&reference())).await.unwrap();
        let request = SimulateVerificationRequest {
            verification_session: session.id.clone(),
            error: error.into(),
            ..SimulateVerificationRequest::default()
        };
        client.test_helpers().simulate(request).await.unwrap();
        let session = client.sessions().wait(&session.id).await.unwrap();
        let found = session
            .last_error
            .map_or(VerificationErrorCode::Unspecified, |error| error.code());
        assert_eq!(found, error);
    }
}

#[tokio::test]
#[ignore = "needs a deployment: clients/test starts one"]
async fn sessions_are_listed_updated_and_canceled() {
    let deployment = Deployment::of_environment();
    let sessions = deployment.client("BONAFIDE_TEST_API_KEY_FILE").sessions();
    let reference = reference();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, sessions.create(creation(&reference)).await.unwrap().id);
    }
    let request = ListVerificationSessionsRequest {
        client_reference_id: Some(reference),
        limit: Some(2),
        ..ListVerificationSessionsRequest::default()
    };
    let listed = sessions.list_all(request).map_ok(|session| session.id);
    assert_eq!(listed.try_collect::<Vec<_>>().await.unwrap(), ids);
    let request = UpdateVerificationSessionRequest {
        verification_session: ids[0].clone(),
        metadata: [("order".to_owned(), "7".to_owned())].into(),
        ..UpdateVerificationSessionRequest::default()
    };
    assert_eq!(sessions.update(request).await.unwrap().metadata["order"], "7");
    let request = CancelVerificationSessionRequest {
        verification_session: ids[0].clone(),
        idempotency_key: Some(ids[0].clone()),
    };
    // Sent again it is answered as it was first.
    for _ in 0..2 {
        let canceled = sessions.cancel(request.clone()).await.unwrap();
        assert_eq!(canceled.status(), Status::Canceled);
    }
    let again = CancelVerificationSessionRequest {
        idempotency_key: None,
        ..request
    };
    let error = sessions.cancel(again).await.unwrap_err();
    assert_eq!(
        (error.reason(), error.metadata()["status"].as_str()),
        (Some("SESSION_STATUS"), "canceled")
    );
}

#[tokio::test]
#[ignore = "needs a deployment: clients/test starts one"]
async fn what_is_wrong_is_told() {
    let deployment = Deployment::of_environment();
    let stranger = Client::builder(&deployment.address, format!("sk_live_{}", "0".repeat(64)));
    let stranger = stranger.ca(deployment.ca.clone()).build().unwrap();
    let error = stranger.sessions().create(creation("x")).await.unwrap_err();
    assert_eq!(
        (error.code(), error.reason()),
        (Code::Unauthenticated, Some("CREDENTIAL_INVALID"))
    );

    let client = deployment.client("BONAFIDE_API_KEY_FILE");
    let error = client.sessions().create(creation(&"x".repeat(256))).await.unwrap_err();
    assert_eq!(error.violations()[0].field, "client_reference_id");

    // The CAs of the system vouch for no development CA.
    let untrusting = Client::builder(&deployment.address, "sk_live_x").deadline(Duration::from_secs(5));
    let error = untrusting
        .build()
        .unwrap()
        .sessions()
        .get("vs_1", &[])
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::Unavailable, None));
    assert!(error.to_string().contains("ertificate"), "{error}");
}
