//! One session-svc in front of fakes, and clients for it.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use proto::document::v1::document_check_service_server::DocumentCheckServiceServer;
use proto::identity::v1::capture_service_client::CaptureServiceClient;
use proto::identity::v1::file_service_client::FileServiceClient;
use proto::identity::v1::test_helper_service_client::TestHelperServiceClient;
use proto::identity::v1::verification_report_service_client::VerificationReportServiceClient;
use proto::identity::v1::verification_session_service_client::VerificationSessionServiceClient;
use proto::identity::v1::{
    CreateVerificationSessionRequest, DocumentOptions, File, ImagePurpose, SubmitVerificationSessionRequest,
    UploadImageRequest, VerificationSession, VerificationSessionOptions, VerificationType,
};
use proto::reason::Reason;
use proto::selfie::v1::selfie_check_service_server::SelfieCheckServiceServer;
use proto::store::v1::store_service_server::StoreServiceServer;
use service_kit::client::ServiceChannel;
use service_kit::config::{Secret, ServeConfig};
use service_kit::service::Service as _;
use service_kit::serving::Services;
use service_kit::status;
use session_svc::config::Config;
use session_svc::server::SessionSvc;
use sha2::Sha256;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::fakes::{FakeDocument, FakeSelfie, FakeServer, FakeStore};

pub(crate) const SECRET_KEY: &str = "sk_live_0123456789abcdefghijklmn";
pub(crate) const RESTRICTED_KEY: &str = "rk_live_0123456789abcdefghijklmn";
pub(crate) const TEST_KEY: &str = "sk_test_0123456789abcdefghijklmn";
pub(crate) const RESTRICTED_TEST_KEY: &str = "rk_test_0123456789abcdefghijklmn";
pub(crate) const OTHER_ACCOUNTS_TEST_KEY: &str = "sk_test_of_another_account_00000";
pub(crate) const OTHER_ACCOUNTS_KEY: &str = "sk_live_of_another_account_00000";
pub(crate) const OTHER_ACCOUNTS_RESTRICTED_KEY: &str = "rk_live_of_another_account_00000";
const SIGNING_KEY: [u8; 32] = [7; 32];

/// The frame of a JPEG of 640×480 pixels, a scan of nothing and the end, all that anybody here looks at.
pub(crate) const PICTURE: &[u8] = b"\xFF\xD8\xFF\xC0\x00\x07\x08\x01\xE0\x02\x80\xFF\xDA\x00\x02\xFF\xD9";

pub(crate) struct Running {
    pub(crate) store: FakeStore,
    pub(crate) document: FakeDocument,
    pub(crate) selfie: FakeSelfie,
    pub(crate) store_server: FakeServer,
    pub(crate) shutdown: CancellationToken,
    pub(crate) server: JoinHandle<()>,
    pub(crate) address: String,
    _checks: [FakeServer; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub(crate) fn service_token() -> Secret {
    Secret::new("a service token for tests only")
}

/// Without addresses of other services.
pub(crate) fn config() -> Config {
    let keys = [
        ("acme", SECRET_KEY),
        ("acme", RESTRICTED_KEY),
        ("acme", TEST_KEY),
        ("acme", RESTRICTED_TEST_KEY),
        ("other", OTHER_ACCOUNTS_KEY),
        ("other", OTHER_ACCOUNTS_RESTRICTED_KEY),
        ("other", OTHER_ACCOUNTS_TEST_KEY),
    ];
    let keys = keys.map(|(account, key)| format!("{account}={key}")).join(",");
    Config {
        serve: ServeConfig {
            service_token: Some(service_token()),
            ..ServeConfig::default()
        },
        api_keys: Secret::new(keys),
        client_secret_key: Secret::new(STANDARD.encode(SIGNING_KEY)),
        ..Config::default()
    }
}

/// What the fake of report-svc answers.
pub(crate) fn store_services(store: &FakeStore) -> Services {
    let server = StoreServiceServer::new(store.clone());
    Services::new().with(server.max_decoding_message_size(proto::MAX_IMAGE_MESSAGE_BYTES))
}

/// Starts without workers.
pub(crate) async fn start() -> Running {
    start_with(Config {
        verification_workers: Some(0),
        ..config()
    })
    .await
}

/// Starts with fakes behind it.
pub(crate) async fn start_with(config: Config) -> Running {
    let (store, document, selfie) = (FakeStore::new(), FakeDocument::new(), FakeSelfie::new());
    let store_server = FakeServer::start(store_services(&store), &service_token()).await;
    let services = Services::new().with(DocumentCheckServiceServer::new(document.clone()));
    let document_server = FakeServer::start(services, &service_token()).await;
    let services = Services::new().with(SelfieCheckServiceServer::new(selfie.clone()));
    let selfie_server = FakeServer::start(services, &service_token()).await;
    let config = Config {
        report_address: store_server.address(),
        document_address: document_server.address(),
        selfie_address: selfie_server.address(),
        ..config
    };
    let service = SessionSvc::bind(config).await.expect("starts");
    let address = format!("http://{}", service.local_addr());
    let shutdown = CancellationToken::new();
    let serving = service.serve(shutdown.clone());
    let server = tokio::spawn(async move { serving.await.expect("serves until told to stop") });
    let checks = [document_server, selfie_server];
    Running {
        store,
        document,
        selfie,
        store_server,
        shutdown,
        server,
        address,
        _checks: checks,
    }
}

impl Running {
    fn channel(&self, credential: Option<&str>) -> ServiceChannel {
        ServiceChannel::new(&self.address, credential.map(Secret::new).as_ref()).expect("an address")
    }

    pub(crate) fn sessions<'a>(
        &self,
        credential: impl Into<Option<&'a str>>,
    ) -> VerificationSessionServiceClient<ServiceChannel> {
        VerificationSessionServiceClient::new(self.channel(credential.into()))
    }

    pub(crate) fn reports<'a>(
        &self,
        credential: impl Into<Option<&'a str>>,
    ) -> VerificationReportServiceClient<ServiceChannel> {
        VerificationReportServiceClient::new(self.channel(credential.into()))
    }

    pub(crate) fn test_helpers<'a>(
        &self,
        credential: impl Into<Option<&'a str>>,
    ) -> TestHelperServiceClient<ServiceChannel> {
        TestHelperServiceClient::new(self.channel(credential.into()))
    }

    pub(crate) fn capture<'a>(&self, credential: impl Into<Option<&'a str>>) -> CaptureServiceClient<ServiceChannel> {
        CaptureServiceClient::new(self.channel(credential.into()))
    }

    pub(crate) fn files<'a>(&self, credential: impl Into<Option<&'a str>>) -> FileServiceClient<ServiceChannel> {
        FileServiceClient::new(self.channel(credential.into()))
    }

    /// A new session of `acme`.
    pub(crate) async fn create(&self, document: DocumentOptions) -> VerificationSession {
        let options = VerificationSessionOptions {
            document: Some(document),
            ..Default::default()
        };
        let request = CreateVerificationSessionRequest {
            options: Some(options),
            ..document_request()
        };
        self.sessions(SECRET_KEY)
            .create_verification_session(request)
            .await
            .expect("created")
            .into_inner()
    }

    /// As the person, with the session's client secret.
    pub(crate) async fn upload(
        &self,
        session: &VerificationSession,
        purpose: ImagePurpose,
        data: &[u8],
    ) -> Result<File, Status> {
        let request = UploadImageRequest {
            verification_session: session.id.clone(),
            purpose: purpose.into(),
            data: data.to_vec(),
            idempotency_key: None,
        };
        let answer = self
            .capture(session.client_secret.as_deref())
            .upload_image(request)
            .await?;
        Ok(answer.into_inner())
    }

    /// As the person.
    pub(crate) async fn submit(&self, session: &VerificationSession) -> Result<(), Status> {
        let request = SubmitVerificationSessionRequest {
            verification_session: session.id.clone(),
            idempotency_key: None,
        };
        let mut capture = self.capture(session.client_secret.as_deref());
        capture.submit_verification_session(request).await.map(drop)
    }

    /// A session with a document, and a selfie if it must match, handed to the workers.
    pub(crate) async fn submitted(&self, document: DocumentOptions) -> VerificationSession {
        let wants_selfie = document.require_matching_selfie;
        let session = self.create(document).await;
        self.upload(&session, ImagePurpose::DocumentFront, PICTURE)
            .await
            .expect("stored");
        if wants_selfie {
            self.upload(&session, ImagePurpose::Selfie, PICTURE)
                .await
                .expect("stored");
        }
        self.submit(&session).await.expect("submitted");
        session
    }
}

pub(crate) fn document_request() -> CreateVerificationSessionRequest {
    CreateVerificationSessionRequest {
        r#type: VerificationType::Document.into(),
        ..Default::default()
    }
}

/// A client secret made by hand, as its documentation says.
pub(crate) fn client_secret(session: &str, expiry: SystemTime) -> String {
    let expiry = expiry
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
        .to_be_bytes();
    let keyed = Hmac::<Sha256>::new_from_slice(&SIGNING_KEY).expect("a key of any length");
    let tag = keyed.chain_update(session).chain_update(expiry).finalize().into_bytes();
    format!(
        "{session}_secret_{}",
        URL_SAFE_NO_PAD.encode([&expiry[..], &tag[..]].concat())
    )
}

/// Path and query of a file link made by hand, as its documentation says.
pub(crate) fn file_link(file: &str, expires: SystemTime) -> String {
    let expires = expires
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_millis() as u64;
    let sign = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    let key = sign(&SIGNING_KEY)
        .chain_update("bonafide file links 1")
        .finalize()
        .into_bytes();
    let keyed = sign(&key).chain_update(file).chain_update(expires.to_be_bytes());
    let signature = URL_SAFE_NO_PAD.encode(keyed.finalize().into_bytes());
    format!("/v1/files/{file}/contents?expires={expires}&signature={signature}")
}

/// Code and reason of a refusal.
pub(crate) fn refusal<T>(answer: Result<T, Status>) -> (Code, Reason) {
    let status = answer.err().expect("must be refused");
    (status.code(), status::reason(&status).expect("a reason"))
}

pub(crate) fn refused(code: Code, reason: Reason) -> (Code, Reason) {
    (code, reason)
}

/// Fails a test that waits for something that never comes.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("within 30 s")
}
