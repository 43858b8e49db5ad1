//! A running report-svc on either storage, and what tests ask of it.

use std::time::Duration;

use proto::document::v1::CheckDocumentResponse;
use proto::identity::v1::{
    CheckStatus, CreateVerificationSessionRequest, DocumentOptions, DocumentReport, ImagePurpose, SelfieReport,
    VerificationError, VerificationErrorCode, VerificationSession, VerificationSessionOptions,
    VerificationSessionStatus, VerificationType,
};
use proto::reason::Reason;
use proto::selfie::v1::CheckSelfieResponse;
use proto::store::v1::store_service_client::StoreServiceClient;
use proto::store::v1::{
    CancelSessionRequest, CompleteVerificationRequest, CreateSessionRequest, GetReportRequest, GetSessionRequest, Job,
    LeaseJobRequest, PutImageRequest, StoredSession, SubmitSessionRequest,
};
use report_svc::config::{Config, RedisConfig};
use report_svc::seal::Keyring;
use report_svc::server::ReportSvc;
use service_kit::client::ServiceChannel;
use service_kit::config::Secret;
use service_kit::service::Service as _;
use service_kit::serving::ServeError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::redis_server::RedisServer;

pub(crate) const ACCOUNT: &str = "acct_1";

pub(crate) type Client = StoreServiceClient<ServiceChannel>;

/// A report-svc that serves.
pub(crate) struct Deployment {
    pub(crate) client: Client,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<Result<(), ServeError>>,
}

/// Runs a test on the embedded storage and, where redis-server is installed, on Redis.
pub(crate) async fn on_both<F: Future<Output = ()>>(test: impl Fn(Deployment) -> F) {
    on(None, &test).await;
    if let Some(server) = RedisServer::start().await {
        on(Some(&server.address), &test).await;
    }
}

async fn on<F: Future<Output = ()>>(redis: Option<&String>, test: impl Fn(Deployment) -> F) {
    let data = tempfile::tempdir().expect("a folder");
    let keys = Keyring::generate("k1").expect("random numbers");
    let config = Config {
        redis: RedisConfig {
            url: redis.map(Secret::new),
            ..RedisConfig::default()
        },
        master_keys: Some(Secret::new(keys.as_str())),
        max_deliveries: 2.try_into().expect("not zero"),
        ..Config::embedded(data.path())
    };
    test(start(config).await).await;
}

pub(crate) async fn start(config: Config) -> Deployment {
    let service = ReportSvc::bind(config).await.expect("starts");
    let address = format!("http://{}", service.local_addr());
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(service.serve(shutdown.clone()));
    let channel = ServiceChannel::new(&address, None).expect("an address");
    let client = StoreServiceClient::new(channel).max_decoding_message_size(proto::MAX_IMAGE_MESSAGE_BYTES);
    Deployment {
        client,
        shutdown,
        served,
    }
}

pub(crate) fn creation(selfie: bool) -> CreateSessionRequest {
    let document = DocumentOptions {
        require_matching_selfie: selfie,
        ..DocumentOptions::default()
    };
    let options = VerificationSessionOptions {
        document: Some(document),
        ..Default::default()
    };
    CreateSessionRequest {
        account: ACCOUNT.to_owned(),
        livemode: true,
        request: Some(CreateVerificationSessionRequest {
            r#type: VerificationType::Document.into(),
            options: Some(options),
            client_reference_id: Some("order 12".to_owned()),
            ..Default::default()
        }),
    }
}

pub(crate) async fn create(client: &mut Client, selfie: bool) -> String {
    let stored = client
        .create_session(creation(selfie))
        .await
        .expect("created")
        .into_inner();
    public(&stored).id.clone()
}

pub(crate) async fn put(client: &mut Client, session: &str, purpose: ImagePurpose, data: &[u8]) -> String {
    client
        .put_image(image(session, purpose, data))
        .await
        .expect("stored")
        .into_inner()
        .id
}

pub(crate) fn image(session: &str, purpose: ImagePurpose, data: &[u8]) -> PutImageRequest {
    PutImageRequest {
        verification_session: session.to_owned(),
        account: None,
        purpose: purpose.into(),
        data: data.to_vec(),
        idempotency_key: None,
    }
}

pub(crate) fn submission(session: &str) -> SubmitSessionRequest {
    SubmitSessionRequest {
        verification_session: session.to_owned(),
        account: Some(ACCOUNT.to_owned()),
        idempotency_key: None,
    }
}

/// A session that was submitted with a front.
pub(crate) async fn submitted(client: &mut Client) -> String {
    let session = create(client, false).await;
    put(client, &session, ImagePurpose::DocumentFront, b"front").await;
    client.submit_session(submission(&session)).await.expect("submitted");
    session
}

pub(crate) async fn get(client: &mut Client, session: &str) -> StoredSession {
    let request = GetSessionRequest {
        verification_session: session.to_owned(),
        account: Some(ACCOUNT.to_owned()),
        with_last_report: false,
    };
    client.get_session(request).await.expect("found").into_inner()
}

pub(crate) fn public(stored: &StoredSession) -> &VerificationSession {
    stored.session.as_ref().expect("always set")
}

pub(crate) fn status(stored: &StoredSession) -> VerificationSessionStatus {
    public(stored).status()
}

/// Leases a job, waiting for it for up to `wait`.
pub(crate) async fn lease(client: &mut Client, lease: Duration, wait: Duration) -> Option<Job> {
    let seconds = |duration: Duration| prost_types::Duration::try_from(duration).ok();
    let request = LeaseJobRequest {
        worker: "test".to_owned(),
        lease: seconds(lease),
        wait: seconds(wait),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    client.lease_job(request).await.expect("answers").into_inner().job
}

/// What the checks answer about a job: each passes, or fails with a code.
pub(crate) fn completion(
    job: &Job,
    document: Option<VerificationErrorCode>,
    selfie: Option<VerificationErrorCode>,
) -> CompleteVerificationRequest {
    let outcome = |code: Option<VerificationErrorCode>| match code {
        None => (CheckStatus::Verified.into(), None),
        Some(code) => {
            let error = VerificationError {
                code: code.into(),
                reason: "as planned".to_owned(),
            };
            (CheckStatus::Unverified.into(), Some(error))
        }
    };
    let (document_status, document_error) = outcome(document);
    let (selfie_status, selfie_error) = outcome(selfie);
    let document = DocumentReport {
        status: document_status,
        error: document_error,
        first_name: Some("ANNA MARIA".to_owned()),
        number: Some("L898902C3".to_owned()),
        ..DocumentReport::default()
    };
    let selfie = SelfieReport {
        status: selfie_status,
        error: selfie_error,
        ..SelfieReport::default()
    };
    CompleteVerificationRequest {
        verification_session: job.verification_session.clone(),
        attempt: job.attempt,
        lease_token: job.lease_token.clone(),
        document: Some(CheckDocumentResponse {
            document: Some(document),
            ..CheckDocumentResponse::default()
        }),
        selfie: Some(CheckSelfieResponse {
            selfie: Some(selfie),
            ..CheckSelfieResponse::default()
        }),
        timings: Vec::new(),
    }
}

/// The stable reason that a status carries.
pub(crate) fn reason_of(status: &Status) -> Reason {
    service_kit::status::reason(status).expect("a reason")
}

pub(crate) fn report_request(id: &str, account: &str) -> GetReportRequest {
    GetReportRequest {
        verification_report: id.to_owned(),
        account: account.to_owned(),
    }
}

pub(crate) fn cancellation(id: &str, account: &str) -> CancelSessionRequest {
    CancelSessionRequest {
        verification_session: id.to_owned(),
        account: account.to_owned(),
        idempotency_key: None,
    }
}
