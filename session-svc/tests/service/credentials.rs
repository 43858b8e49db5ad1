//! Who may call what.

use std::time::{Duration, SystemTime};

use prost::Message as _;
use prost_types::FileDescriptorSet;
use proto::id::{self, Kind};
use proto::identity::v1::{
    CancelVerificationSessionRequest, CreateFileLinkRequest, DocumentOptions, DownloadFileRequest, GetFileRequest,
    GetVerificationReportRequest, GetVerificationSessionRequest, ImagePurpose, LeaveVerificationSessionRequest,
    ListFilesRequest, ListVerificationReportsRequest, ListVerificationSessionsRequest,
    RedactVerificationSessionRequest, SimulateVerificationRequest, SubmitVerificationSessionRequest,
    UpdateVerificationSessionRequest, UploadImageRequest, VerificationErrorCode, WatchVerificationSessionRequest,
};
use proto::reason::{self, Reason};
use service_kit::config::Secret;
use service_kit::service::Service as _;
use session_svc::config::Config;
use session_svc::server::SessionSvc;
use tonic::Code;

use crate::fakes::Call;
use crate::harness::{
    OTHER_ACCOUNTS_KEY, PICTURE, RESTRICTED_KEY, Running, SECRET_KEY, client_secret, config, document_request, refusal,
    refused, start,
};

/// The answers of every method that is for backends.
async fn backend_methods(running: &Running, credential: Option<&str>, session: &str) -> Vec<(Code, Reason)> {
    let id = session.to_owned();
    let mut sessions = running.sessions(credential);
    let get = GetVerificationSessionRequest {
        verification_session: id.clone(),
        expand: Vec::new(),
    };
    let report = GetVerificationReportRequest {
        verification_report: id::format(Kind::VerificationReport, 7, 1),
    };
    let update = UpdateVerificationSessionRequest {
        verification_session: id.clone(),
        ..Default::default()
    };
    let simulation = SimulateVerificationRequest {
        verification_session: id.clone(),
        ..Default::default()
    };
    let mut reports = running.reports(credential);
    let answers = vec![
        refusal(sessions.create_verification_session(document_request()).await),
        refusal(sessions.get_verification_session(get).await),
        refusal(sessions.update_verification_session(update).await),
        refusal(
            sessions
                .list_verification_sessions(ListVerificationSessionsRequest::default())
                .await,
        ),
        refusal(
            reports
                .list_verification_reports(ListVerificationReportsRequest::default())
                .await,
        ),
        refusal(
            sessions
                .cancel_verification_session(CancelVerificationSessionRequest {
                    verification_session: id.clone(),
                    idempotency_key: None,
                })
                .await,
        ),
        refusal(
            sessions
                .redact_verification_session(RedactVerificationSessionRequest {
                    verification_session: id.clone(),
                    idempotency_key: None,
                })
                .await,
        ),
        refusal(
            sessions
                .watch_verification_session(WatchVerificationSessionRequest {
                    verification_session: id,
                })
                .await,
        ),
        refusal(reports.get_verification_report(report).await),
        refusal(running.test_helpers(credential).simulate_verification(simulation).await),
    ];
    let services = [
        "VerificationSessionService",
        "VerificationReportService",
        "TestHelperService",
    ];
    let methods: usize = services.into_iter().map(methods_of).sum();
    assert_eq!(answers.len(), methods, "every one is here");
    answers
}

/// The answers of every method that is for backends with a restricted key.
pub(crate) async fn file_methods(
    running: &Running,
    credential: Option<&str>,
    session: &str,
    file: &str,
) -> Vec<(Code, Reason)> {
    let (verification_session, file) = (session.to_owned(), file.to_owned());
    let mut files = running.files(credential);
    let link = CreateFileLinkRequest {
        file: file.clone(),
        lifetime: None,
    };
    let answers = vec![
        refusal(files.get_file(GetFileRequest { file: file.clone() }).await),
        refusal(files.list_files(ListFilesRequest { verification_session }).await),
        refusal(files.create_file_link(link).await),
        refusal(files.download_file(DownloadFileRequest { file }).await),
    ];
    assert_eq!(answers.len(), methods_of("FileService"), "every one is here");
    answers
}

/// How many methods a public service has.
fn methods_of(service: &str) -> usize {
    let files = FileDescriptorSet::decode(proto::DESCRIPTOR_SET).expect("our own").file;
    let public = files.iter().filter(|file| file.package() == "bonafide.identity.v1");
    let mut services = public.flat_map(|file| &file.service);
    let found = services.find(|found| found.name() == service);
    found.expect("a service").method.len()
}

/// The answers of every method that is for persons.
async fn person_methods(running: &Running, credential: Option<&str>, session: &str) -> Vec<(Code, Reason)> {
    let mut capture = running.capture(credential);
    let upload = UploadImageRequest {
        verification_session: session.to_owned(),
        purpose: ImagePurpose::Selfie.into(),
        data: PICTURE.to_vec(),
        idempotency_key: None,
    };
    let submit = SubmitVerificationSessionRequest {
        verification_session: session.to_owned(),
        idempotency_key: None,
    };
    let leave = LeaveVerificationSessionRequest {
        verification_session: session.to_owned(),
        error: VerificationErrorCode::ConsentDeclined.into(),
        idempotency_key: None,
    };
    let answers = vec![
        refusal(capture.upload_image(upload).await),
        refusal(capture.submit_verification_session(submit).await),
        refusal(capture.leave_verification_session(leave).await),
    ];
    assert_eq!(answers.len(), methods_of("CaptureService"), "every one is here");
    answers
}

#[tokio::test]
async fn no_method_answers_without_a_known_credential() {
    let running = start().await;
    let session = id::format(Kind::VerificationSession, 7, 1);
    let forged = client_secret(&session, SystemTime::now() + Duration::from_secs(60)).replace("_secret_A", "_secret_B");
    let invalid = refused(Code::Unauthenticated, reason::CREDENTIAL_INVALID);
    for (credential, expected) in [
        (None, refused(Code::Unauthenticated, reason::CREDENTIAL_MISSING)),
        (Some("sk_live_not_one_of_the_keys_here0"), invalid),
        (Some("sk_test_not_one_of_the_keys_here0"), invalid),
        (Some("nonsense"), invalid),
        (Some(forged.as_str()), invalid),
    ] {
        let mut answers = backend_methods(&running, credential, &session).await;
        answers.extend(person_methods(&running, credential, &session).await);
        let file = id::format(Kind::File, 7, 1);
        answers.extend(file_methods(&running, credential, &session, &file).await);
        assert!(
            answers.iter().all(|answer| *answer == expected),
            "{credential:?}: {answers:?}"
        );
    }
    assert_eq!(running.store.read().calls, []);
}

#[tokio::test]
async fn a_client_secret_opens_nothing_that_is_for_backends() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    let secret = session.client_secret.as_deref();
    let mut answers = backend_methods(&running, secret, &session.id).await;
    let file = id::format(Kind::File, 7, 1);
    answers.extend(file_methods(&running, secret, &session.id, &file).await);
    let expected = refused(Code::PermissionDenied, reason::PERMISSION_MISSING);
    assert!(answers.iter().all(|answer| *answer == expected), "{answers:?}");
    assert_eq!(running.store.read().calls, [Call::Create]);
}

#[tokio::test]
async fn a_client_secret_opens_one_session_and_not_for_ever() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    let other = running.create(DocumentOptions::default()).await;
    let asked = running.store.read().calls.len();

    let expected = refused(Code::PermissionDenied, reason::CLIENT_SECRET_OTHER_SESSION);
    for answer in person_methods(&running, session.client_secret.as_deref(), &other.id).await {
        assert_eq!(answer, expected);
    }
    let expired = client_secret(&session.id, SystemTime::now() - Duration::from_secs(1));
    let expected = refused(Code::Unauthenticated, reason::CLIENT_SECRET_EXPIRED);
    for answer in person_methods(&running, Some(&expired), &session.id).await {
        assert_eq!(answer, expected);
    }
    assert_eq!(running.store.read().calls.len(), asked);

    // The same, still good, shows that nothing else was wrong with it.
    let good = client_secret(&session.id, SystemTime::now() + Duration::from_secs(60));
    let expected = refused(Code::FailedPrecondition, reason::IMAGE_MISSING);
    let submit = SubmitVerificationSessionRequest {
        verification_session: session.id,
        idempotency_key: None,
    };
    assert_eq!(
        refusal(running.capture(good.as_str()).submit_verification_session(submit).await),
        expected
    );
}

#[tokio::test]
async fn an_uploaded_pictures_id_is_for_restricted_keys() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    let secret = session.client_secret.as_deref().expect("requires input");
    for (credential, told) in [(secret, false), (SECRET_KEY, false), (RESTRICTED_KEY, true)] {
        let upload = UploadImageRequest {
            verification_session: session.id.clone(),
            purpose: ImagePurpose::Selfie.into(),
            data: PICTURE.to_vec(),
            idempotency_key: None,
        };
        let file = running
            .capture(credential)
            .upload_image(upload)
            .await
            .expect("stored")
            .into_inner();
        assert_eq!(file.size, PICTURE.len() as u64);
        assert_eq!(!file.id.is_empty(), told);
    }
}

#[tokio::test]
async fn another_accounts_session_an_unknown_and_a_malformed_one_look_alike() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    let unknown = id::format(Kind::VerificationSession, 7, 9999);
    let get = async |key: &str, id: &str| {
        let request = GetVerificationSessionRequest {
            verification_session: id.to_owned(),
            expand: Vec::new(),
        };
        running.sessions(key).get_verification_session(request).await
    };
    get(SECRET_KEY, &session.id).await.expect("its owner finds it");
    get(RESTRICTED_KEY, &session.id)
        .await
        .expect("with every key of the account");
    let other = get(OTHER_ACCOUNTS_KEY, &session.id).await.expect_err("another's");
    let unknown = get(SECRET_KEY, &unknown).await.expect_err("unknown");
    let asked = running.store.read().calls.len();
    for malformed in [
        "",
        "vs_",
        "vs_07",
        "42",
        "vs_99aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "vr_0700000000000000000000000000",
        "🪪",
    ] {
        let malformed = get(SECRET_KEY, malformed).await.expect_err("malformed");
        for status in [&other, &unknown, &malformed] {
            assert_eq!(status.code(), Code::NotFound);
            assert_eq!(status.message(), other.message());
            assert_eq!(status.details(), other.details());
        }
    }
    assert_eq!(
        running.store.read().calls.len(),
        asked,
        "malformed ids are not asked for"
    );
    let update = UpdateVerificationSessionRequest {
        verification_session: session.id.clone(),
        ..Default::default()
    };
    let updated = running
        .sessions(OTHER_ACCOUNTS_KEY)
        .update_verification_session(update)
        .await;
    assert_eq!(refusal(updated), refused(Code::NotFound, reason::SESSION_NOT_FOUND));
    let answers = person_methods(&running, Some(OTHER_ACCOUNTS_KEY), &session.id).await;
    assert!(
        answers
            .iter()
            .all(|answer| *answer == refused(Code::NotFound, reason::SESSION_NOT_FOUND))
    );
}

#[tokio::test]
async fn does_not_start_with_keys_that_cannot_be_meant() {
    let addresses = || {
        let address = "http://127.0.0.1:1".to_owned();
        Config {
            report_address: address.clone(),
            document_address: address.clone(),
            selfie_address: address,
            ..config()
        }
    };
    SessionSvc::bind(addresses()).await.expect("starts");
    let keys = |keys: &str| Config {
        api_keys: Secret::new(keys),
        ..addresses()
    };
    let signing = |key: &str| Config {
        client_secret_key: Secret::new(key),
        ..addresses()
    };
    for (config, words) in [
        (keys(""), "no API key is given"),
        (keys("acme=pk_live_0123456789abcdefghijklmn"), "is not of the form"),
        (keys("acme=sk_live_short"), "at least 24"),
        (keys(&format!("a={SECRET_KEY},b={SECRET_KEY}")), "the same as"),
        (signing("c2hvcnQ="), "at least 32 bytes"),
        (signing("%"), "not base64"),
        (
            Config {
                selfie_address: "no address".to_owned(),
                ..addresses()
            },
            "--selfie-address",
        ),
        (
            Config {
                lease: Duration::ZERO,
                ..addresses()
            },
            "--lease",
        ),
        (
            Config {
                lease: Duration::from_secs(3601),
                ..addresses()
            },
            "--lease",
        ),
        (
            Config {
                replica: "no name".to_owned(),
                ..addresses()
            },
            "--replica",
        ),
    ] {
        let error = SessionSvc::bind(config)
            .await
            .err()
            .expect("must be refused")
            .to_string();
        assert!(error.contains(words), "{error:?} lacks {words:?}");
    }
}

#[test]
fn a_configuration_does_not_show_its_keys() {
    let shown = format!("{:?}", config());
    assert!(!shown.contains("_live_") && !shown.contains("_test_"), "{shown}");
    assert!(!shown.contains("BwcH"), "{shown}");
}
