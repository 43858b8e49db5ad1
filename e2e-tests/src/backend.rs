//! Single calls, for tests of what each one answers.

use proto::identity::v1::capture_service_client::CaptureServiceClient;
use proto::identity::v1::verification_report_service_client::VerificationReportServiceClient;
use proto::identity::v1::verification_session_service_client::VerificationSessionServiceClient;
use proto::identity::v1::{
    CreateVerificationSessionRequest, DocumentOptions, GetVerificationSessionRequest, ImagePurpose,
    SubmitVerificationSessionRequest, UploadImageRequest, VerificationSession, VerificationSessionOptions,
    VerificationSessionStatus, VerificationType, WatchVerificationSessionRequest,
};
use service_kit::client::ServiceChannel;
use service_kit::config::Secret;
use tonic::{Code, Status};

/// A caller with one credential: an API key or a client secret.
#[derive(Clone)]
pub struct Backend {
    channel: ServiceChannel,
}

impl Backend {
    /// Calls the deployment at `address` with this credential.
    pub fn new(address: &str, credential: &str) -> Self {
        let channel = ServiceChannel::new(address, Some(&Secret::new(credential))).expect("an address and a key");
        Self { channel }
    }

    /// The calls about sessions.
    pub fn sessions(&self) -> VerificationSessionServiceClient<ServiceChannel> {
        VerificationSessionServiceClient::new(self.channel.clone())
    }

    /// The calls about reports.
    pub fn reports(&self) -> VerificationReportServiceClient<ServiceChannel> {
        VerificationReportServiceClient::new(self.channel.clone())
    }

    /// The person's calls.
    pub fn capture(&self) -> CaptureServiceClient<ServiceChannel> {
        CaptureServiceClient::new(self.channel.clone())
    }

    /// Opens a session for a document, with or without a selfie.
    pub async fn create(&self, selfie: bool) -> Result<VerificationSession, Status> {
        let document = DocumentOptions {
            require_matching_selfie: selfie,
            ..DocumentOptions::default()
        };
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

    /// Reads a session.
    pub async fn session(&self, id: &str) -> Result<VerificationSession, Status> {
        let request = GetVerificationSessionRequest {
            verification_session: id.to_owned(),
            expand: vec![],
        };
        Ok(self.sessions().get_verification_session(request).await?.into_inner())
    }

    /// Uploads a picture.
    pub async fn upload(&self, session: &str, purpose: ImagePurpose, data: Vec<u8>) -> Result<(), Status> {
        let request = UploadImageRequest {
            verification_session: session.to_owned(),
            purpose: purpose.into(),
            data,
        };
        self.capture().upload_image(request).await.map(|_| ())
    }

    /// Submits a session.
    pub async fn submit(&self, session: &str) -> Result<(), Status> {
        let request = SubmitVerificationSessionRequest {
            verification_session: session.to_owned(),
        };
        self.capture().submit_verification_session(request).await.map(|_| ())
    }

    /// Watches a session until the checks have ended.
    pub async fn finished(&self, session: &str) -> Result<VerificationSession, Status> {
        let request = WatchVerificationSessionRequest {
            verification_session: session.to_owned(),
        };
        let mut changes = self.sessions().watch_verification_session(request).await?.into_inner();
        while let Some(session) = changes.message().await? {
            if session.status() != VerificationSessionStatus::Processing {
                return Ok(session);
            }
        }
        Err(Status::new(Code::Aborted, "the stream ended before the checks did"))
    }
}
