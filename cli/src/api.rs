//! The calls of one caller, with one credential: each gives its answer, or the status that refused it.

use std::time::Duration;

use proto::identity::v1::capture_service_client::CaptureServiceClient;
use proto::identity::v1::file_service_client::FileServiceClient;
use proto::identity::v1::test_helper_service_client::TestHelperServiceClient;
use proto::identity::v1::verification_report_service_client::VerificationReportServiceClient;
use proto::identity::v1::verification_session_service_client::VerificationSessionServiceClient;
use proto::identity::v1::{
    CancelVerificationSessionRequest, CreateFileLinkRequest, CreateVerificationSessionRequest, DocumentOptions,
    DownloadFileRequest, File, FileLink, GetFileRequest, GetVerificationReportRequest, GetVerificationSessionRequest,
    ImagePurpose, ListFilesRequest, ListVerificationReportsRequest, ListVerificationReportsResponse,
    ListVerificationSessionsRequest, ListVerificationSessionsResponse, RedactVerificationSessionRequest,
    SimulateVerificationRequest, SubmitVerificationSessionRequest, UpdateVerificationSessionRequest,
    UploadImageRequest, VerificationErrorCode, VerificationReport, VerificationSession, VerificationSessionOptions,
    VerificationSessionStatus, VerificationType, WatchVerificationSessionRequest,
};
use service_kit::client::{ClientError, ServiceChannel};
use service_kit::config::Secret;
use service_kit::status;
use service_kit::tls::ClientTls;
use tonic::{Code, Status};

/// The pause before a watch is taken up again that broke.
const WATCH_AGAIN: Duration = Duration::from_millis(100);

/// A caller with one credential: an API key or a client secret.
#[derive(Clone)]
pub struct Api {
    channel: ServiceChannel,
}

impl Api {
    /// Calls the deployment at `address` (`https://host:port`, or `http://…` on this machine) with this credential, trusting what
    /// `tls` does. Connects with the first call; must be made inside a tokio runtime.
    ///
    /// # Errors
    /// When the address or the credential cannot be one, or the credential would cross the network readable.
    pub fn new(address: &str, credential: &Secret, tls: &ClientTls) -> Result<Self, ClientError> {
        let channel = ServiceChannel::with_tls(address, Some(credential), tls)?;
        Ok(Self { channel })
    }

    /// The calls about sessions.
    pub fn sessions(&self) -> VerificationSessionServiceClient<ServiceChannel> {
        VerificationSessionServiceClient::new(self.channel.clone())
    }

    /// The calls about reports.
    pub fn reports(&self) -> VerificationReportServiceClient<ServiceChannel> {
        VerificationReportServiceClient::new(self.channel.clone())
    }

    /// The calls of test mode.
    pub fn test_helpers(&self) -> TestHelperServiceClient<ServiceChannel> {
        TestHelperServiceClient::new(self.channel.clone())
    }

    /// The calls about pictures that were collected.
    pub fn files(&self) -> FileServiceClient<ServiceChannel> {
        FileServiceClient::new(self.channel.clone())
    }

    /// The person's calls.
    pub fn capture(&self) -> CaptureServiceClient<ServiceChannel> {
        CaptureServiceClient::new(self.channel.clone())
    }

    /// Opens a session for a document.
    pub async fn create(&self, document: DocumentOptions) -> Result<VerificationSession, Status> {
        let request = CreateVerificationSessionRequest {
            r#type: VerificationType::Document.into(),
            options: Some(VerificationSessionOptions {
                document: Some(document),
                ..VerificationSessionOptions::default()
            }),
            ..CreateVerificationSessionRequest::default()
        };
        Ok(self.sessions().create_verification_session(request).await?.into_inner())
    }

    /// Reads a session, and what `expand` asks for.
    pub async fn session(&self, id: &str, expand: &[&str]) -> Result<VerificationSession, Status> {
        let request = GetVerificationSessionRequest {
            verification_session: id.to_owned(),
            expand: expand.iter().map(|part| (*part).to_owned()).collect(),
        };
        Ok(self.sessions().get_verification_session(request).await?.into_inner())
    }

    /// A page of sessions.
    pub async fn list(
        &self,
        request: ListVerificationSessionsRequest,
    ) -> Result<ListVerificationSessionsResponse, Status> {
        Ok(self.sessions().list_verification_sessions(request).await?.into_inner())
    }

    /// A page of reports.
    pub async fn list_reports(
        &self,
        request: ListVerificationReportsRequest,
    ) -> Result<ListVerificationReportsResponse, Status> {
        Ok(self.reports().list_verification_reports(request).await?.into_inner())
    }

    /// Sets parts of a session.
    pub async fn update(&self, request: UpdateVerificationSessionRequest) -> Result<VerificationSession, Status> {
        Ok(self.sessions().update_verification_session(request).await?.into_inner())
    }

    /// Cancels a session.
    pub async fn cancel(&self, id: &str, idempotency_key: Option<String>) -> Result<VerificationSession, Status> {
        let request = CancelVerificationSessionRequest {
            verification_session: id.to_owned(),
            idempotency_key,
        };
        Ok(self.sessions().cancel_verification_session(request).await?.into_inner())
    }

    /// Redacts a session.
    pub async fn redact(&self, id: &str, idempotency_key: Option<String>) -> Result<VerificationSession, Status> {
        let request = RedactVerificationSessionRequest {
            verification_session: id.to_owned(),
            idempotency_key,
        };
        Ok(self.sessions().redact_verification_session(request).await?.into_inner())
    }

    /// Lets a session of test mode fail with this code, or be verified where it is unspecified, after `delay`.
    pub async fn simulate(
        &self,
        id: &str,
        error: VerificationErrorCode,
        delay: Duration,
        idempotency_key: Option<String>,
    ) -> Result<VerificationSession, Status> {
        let delay = delay
            .try_into()
            .map_err(|_| Status::invalid_argument("the delay is too long"))?;
        let request = SimulateVerificationRequest {
            verification_session: id.to_owned(),
            error: error.into(),
            delay: Some(delay),
            idempotency_key,
        };
        Ok(self.test_helpers().simulate_verification(request).await?.into_inner())
    }

    /// Reads a report.
    pub async fn report(&self, id: &str) -> Result<VerificationReport, Status> {
        let request = GetVerificationReportRequest {
            verification_report: id.to_owned(),
        };
        Ok(self.reports().get_verification_report(request).await?.into_inner())
    }

    /// What is known of a picture.
    pub async fn file(&self, id: &str) -> Result<File, Status> {
        let request = GetFileRequest { file: id.to_owned() };
        Ok(self.files().get_file(request).await?.into_inner())
    }

    /// The pictures of a session.
    pub async fn list_files(&self, session: &str) -> Result<Vec<File>, Status> {
        let request = ListFilesRequest {
            verification_session: session.to_owned(),
        };
        Ok(self.files().list_files(request).await?.into_inner().data)
    }

    /// A picture as it was uploaded.
    pub async fn download(&self, id: &str) -> Result<Vec<u8>, Status> {
        let request = DownloadFileRequest { file: id.to_owned() };
        let mut parts = self.files().download_file(request).await?.into_inner();
        let (mut size, mut picture) = (0, Vec::new());
        while let Some(part) = parts.message().await? {
            size += part.file.map_or(0, |file| file.size);
            picture.extend_from_slice(&part.data);
        }
        if picture.len() as u64 != size {
            return Err(Status::data_loss("the picture did not arrive whole: try again"));
        }
        Ok(picture)
    }

    /// An address at which a picture can be read without a key for 30 seconds.
    pub async fn link(&self, id: &str) -> Result<FileLink, Status> {
        let request = CreateFileLinkRequest {
            file: id.to_owned(),
            lifetime: None,
        };
        Ok(self.files().create_file_link(request).await?.into_inner())
    }

    /// Uploads a picture.
    pub async fn upload(&self, session: &str, purpose: ImagePurpose, data: Vec<u8>) -> Result<(), Status> {
        let request = UploadImageRequest {
            verification_session: session.to_owned(),
            purpose: purpose.into(),
            data,
            idempotency_key: None,
        };
        self.capture().upload_image(request).await.map(drop)
    }

    /// Submits a session.
    pub async fn submit(&self, session: &str) -> Result<(), Status> {
        let request = SubmitVerificationSessionRequest {
            verification_session: session.to_owned(),
            idempotency_key: None,
        };
        self.capture().submit_verification_session(request).await.map(drop)
    }

    /// Watches a session until its checks have ended. A watch that breaks is taken up again.
    pub async fn finished(&self, session: &str) -> Result<VerificationSession, Status> {
        loop {
            let request = WatchVerificationSessionRequest {
                verification_session: session.to_owned(),
            };
            let mut changes = self.sessions().watch_verification_session(request).await?.into_inner();
            let pause = loop {
                match changes.message().await {
                    Ok(Some(session)) if session.status() == VerificationSessionStatus::Processing => {}
                    Ok(Some(session)) => return Ok(session),
                    // The connection has reached its age.
                    Ok(None) => break Duration::ZERO,
                    Err(status) if is_broken(&status) => break status::retry_after(&status).unwrap_or(WATCH_AGAIN),
                    Err(status) => return Err(status),
                }
            };
            tokio::time::sleep(pause).await;
        }
    }
}

/// Whether a stream ended by what happened to the connection or the replica rather than to the session.
fn is_broken(status: &Status) -> bool {
    // A status with a source was made on this side, of a transport's error.
    std::error::Error::source(status).is_some() || status.code() == Code::Unavailable
}
