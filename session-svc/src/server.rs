//! Starting session-svc.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use proto::document::v1::document_check_service_client::DocumentCheckServiceClient;
use proto::identity::v1::capture_service_server::CaptureServiceServer;
use proto::identity::v1::file_service_server::FileServiceServer;
use proto::identity::v1::test_helper_service_server::TestHelperServiceServer;
use proto::identity::v1::verification_report_service_server::VerificationReportServiceServer;
use proto::identity::v1::verification_session_service_server::VerificationSessionServiceServer;
use proto::selfie::v1::selfie_check_service_client::SelfieCheckServiceClient;
use service_kit::client::{ClientError, ServiceChannel};
use service_kit::config::Exposure;
use service_kit::health::Health;
use service_kit::service::Service;
use service_kit::serving::Services;
use service_kit::tls::{Certificate, ClientTls, TlsError};
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;

use crate::Store;
use crate::auth::{
    self, ApiKeyError, ApiKeys, Authenticator, ClientSecretKeyError, ClientSecrets, FileLinks, LINK_ROUTE,
};
use crate::capture::Capture;
use crate::config::Config;
use crate::files::{DownloadLimiter, Files, LinkedFiles, NotesAddress};
use crate::limits::{Gate, KeyedLimiter};
use crate::reports::Reports;
use crate::sessions::Sessions;
use crate::test_helpers::TestHelpers;
use crate::worker::{self, WorkerPool};

/// Largest message with a picture that is read at all. Somewhat larger than what is accepted, so that a camera's 11 MiB picture is
/// answered with our own error; anything larger is refused by its length, unread.
const MAX_UPLOAD_MESSAGE_BYTES: usize = proto::MAX_IMAGE_BYTES + 2 * 1024 * 1024;

/// Largest message without a picture: 50 entries of metadata of 540 four-byte characters, and space for the rest.
const MAX_PLAIN_MESSAGE_BYTES: usize = 256 * 1024;

/// Shorter ones would end while they are taken; report-svc gives no longer ones.
const LEASES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);

const MAX_REPLICA_LENGTH: usize = 100;

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The API keys are wrong.
    #[error(transparent)]
    ApiKeys(#[from] ApiKeyError),
    /// The key that signs client secrets is wrong.
    #[error(transparent)]
    ClientSecretKey(#[from] ClientSecretKeyError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Another service cannot be called.
    #[error("{flag}: {source}")]
    Address {
        /// The flag that names the service.
        flag: &'static str,
        /// What is wrong with it.
        source: ClientError,
    },
    /// A lease that cannot work.
    #[error("--lease must be 100ms to 1h")]
    Lease,
    /// A name that the queue cannot hold.
    #[error("--replica (HOSTNAME) must have 1 to {MAX_REPLICA_LENGTH} visible ASCII characters")]
    Replica,
}

/// A session-svc whose configuration is valid.
pub struct SessionSvc {
    config: Config,
    authenticator: Arc<Authenticator>,
    client_secrets: Arc<ClientSecrets>,
    file_links: Arc<FileLinks>,
    report: ServiceChannel,
    document: ServiceChannel,
    selfie: ServiceChannel,
}

impl SessionSvc {
    fn store(&self) -> Store {
        Store::new(self.report.clone()).max_decoding_message_size(proto::MAX_IMAGE_MESSAGE_BYTES)
    }
}

impl Service for SessionSvc {
    const NAME: &'static str = "session-svc";
    const ABOUT: &'static str =
        "The public API: verification sessions, capture, reports; and the workers that drive the checks";
    const EXPOSURE: Exposure = Exposure::Public;
    type Config = Config;
    type Error = StartError;

    /// The other services need not be there yet.
    async fn open(config: Config, certificate: Option<Certificate>) -> Result<Self, StartError> {
        let client_secrets = ClientSecrets::new(&config.client_secret_key)?;
        let authenticator = Authenticator::new(ApiKeys::parse(&config.api_keys)?, client_secrets.clone());
        if !LEASES.contains(&config.lease) {
            return Err(StartError::Lease);
        }
        let visible = config.replica.bytes().all(|letter| letter.is_ascii_graphic());
        if !visible || !(1..=MAX_REPLICA_LENGTH).contains(&config.replica.len()) {
            return Err(StartError::Replica);
        }
        if config.documents.allow_specimens {
            tracing::info!("specimens and documents of fictional states are verified, too (--allow-specimens)");
        }
        let tls = &config.serve.tls;
        let certificate = Certificate::of_client(&config.client_cert, tls.reload)?.or(certificate);
        let tls = ClientTls::showing(certificate, tls)?;
        let channel = |flag, address: &str| {
            ServiceChannel::with_tls(address, config.serve.service_token.as_ref(), &tls)
                .map_err(|source| StartError::Address { flag, source })
        };
        Ok(Self {
            report: channel("--report-address", &config.report_address)?,
            document: channel("--document-address", &config.document_address)?,
            selfie: channel("--selfie-address", &config.selfie_address)?,
            authenticator: Arc::new(authenticator),
            file_links: Arc::new(FileLinks::new(&client_secrets)?),
            client_secrets: Arc::new(client_secrets),
            config,
        })
    }

    fn health(&self) -> Health {
        let (report, document, selfie) = (self.report.clone(), self.document.clone(), self.selfie.clone());
        Health::new()
            .depends_on("report-svc", move || report.clone().serving())
            .uses("doc-check-svc", move || document.clone().serving())
            .uses("selfie-svc", move || selfie.clone().serving())
    }

    fn services(&self, stop: &CancellationToken) -> Services {
        let store = self.store();
        let watches = KeyedLimiter::new(self.config.max_watches);
        let sessions = Sessions::new(store.clone(), Arc::clone(&self.client_secrets), watches, stop.clone());
        let sessions =
            VerificationSessionServiceServer::new(sessions).max_decoding_message_size(MAX_PLAIN_MESSAGE_BYTES);
        let reports = VerificationReportServiceServer::new(Reports::new(store.clone()))
            .max_decoding_message_size(MAX_PLAIN_MESSAGE_BYTES);
        let test_helpers = TestHelpers::new(store.clone(), Arc::clone(&self.client_secrets));
        let test_helpers =
            TestHelperServiceServer::new(test_helpers).max_decoding_message_size(MAX_PLAIN_MESSAGE_BYTES);
        let capture =
            CaptureServiceServer::new(Capture::new(store.clone())).max_decoding_message_size(MAX_UPLOAD_MESSAGE_BYTES);
        // Well before the stream ends by its age: that would be in order, as if there were no more.
        let longest = self.config.serve.max_connection_age / 2;
        let downloads = DownloadLimiter::new(self.config.max_downloads, longest);
        let files = Files::new(
            store.clone(),
            Arc::clone(&self.file_links),
            downloads.clone(),
            self.config.public_url.clone(),
        );
        let files = FileServiceServer::new(files).max_decoding_message_size(MAX_PLAIN_MESSAGE_BYTES);
        let linked = LinkedFiles::new(store, Arc::clone(&self.file_links), downloads);
        let tls = self.config.serve.tls.cert.is_some();
        let restricted = auth::restricted_only(Arc::clone(&self.authenticator));
        let backends = auth::backends_only(Arc::clone(&self.authenticator));
        let everyone = auth::backends_and_persons(Arc::clone(&self.authenticator));
        Services::new()
            .with(InterceptedService::new(sessions, backends.clone()))
            .with(InterceptedService::new(reports, backends.clone()))
            .with(InterceptedService::new(test_helpers, backends))
            .with(InterceptedService::new(
                Gate::new(capture, self.config.max_uploads),
                everyone,
            ))
            .with(NotesAddress::new(InterceptedService::new(files, restricted), tls))
            .with_http(LINK_ROUTE, move |request| linked.clone().answer(request))
    }

    /// Drives verifications.
    async fn run(self, stop: CancellationToken) {
        let services = worker::Services {
            store: self.store(),
            document: DocumentCheckServiceClient::new(self.document),
            selfie: SelfieCheckServiceClient::new(self.selfie),
            policy: self.config.documents.policy(),
            keeps_face_crops: self.config.keep_face_crops,
        };
        let pool = WorkerPool::new(services, self.config.lease, self.config.serve.drain_timeout, stop);
        pool.work(&self.config.replica, self.config.verification_workers())
            .await;
    }
}
