//! One verification, as a backend and a person do it: over gRPC, with an API key and a client secret.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use proto::identity::v1::capture_service_client::CaptureServiceClient;
use proto::identity::v1::verification_report_service_client::VerificationReportServiceClient;
use proto::identity::v1::verification_session_service_client::VerificationSessionServiceClient;
use proto::identity::v1::{
    CreateVerificationSessionRequest, DocumentOptions, DocumentType, GetVerificationReportRequest,
    GetVerificationSessionRequest, ImagePurpose, SubmitVerificationSessionRequest, UploadImageRequest,
    VerificationReport, VerificationSession, VerificationSessionOptions, VerificationSessionStatus, VerificationType,
    WatchVerificationSessionRequest,
};
use service_kit::client::ServiceChannel;
use service_kit::config::Secret;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// How long the checks may take before we stop watching.
const PATIENCE: Duration = Duration::from_secs(120);

/// Keys with this prefix may read sensitive fields.
const RESTRICTED_KEY: &str = "rk_";

/// What is to be verified. The pictures are files as a camera wrote them.
#[derive(Clone, Default)]
pub struct Submission {
    /// The side with the portrait.
    pub document: Vec<u8>,
    /// The other side of a card.
    pub document_back: Option<Vec<u8>>,
    /// The person's face; asks for a matching selfie.
    pub selfie: Option<Vec<u8>>,
    /// Types that are accepted; all when empty.
    pub allowed_types: Vec<DocumentType>,
}

/// A finished verification.
pub struct Outcome {
    /// The session after the attempt.
    pub session: VerificationSession,
    /// The attempt's report.
    pub report: VerificationReport,
    /// From the first call to the report.
    pub elapsed: Duration,
}

impl Outcome {
    /// Whether every check passed.
    pub fn verified(&self) -> bool {
        self.session.status() == VerificationSessionStatus::Verified
    }
}

/// A backend that calls a deployment.
#[derive(Clone)]
pub struct Client {
    address: String,
    sees_sensitive_fields: bool,
    sessions: VerificationSessionServiceClient<ServiceChannel>,
    reports: VerificationReportServiceClient<ServiceChannel>,
}

impl Client {
    /// For the deployment at `address` (`http://host:port`). Connects with the first call; must be made inside a
    /// tokio runtime.
    pub fn new(address: &str, api_key: &Secret) -> anyhow::Result<Self> {
        let channel = ServiceChannel::new(address, Some(api_key))?;
        Ok(Self {
            address: address.to_owned(),
            sees_sensitive_fields: api_key.expose().starts_with(RESTRICTED_KEY),
            sessions: VerificationSessionServiceClient::new(channel.clone()),
            reports: VerificationReportServiceClient::new(channel),
        })
    }

    /// Opens a session, submits the pictures and waits for the report.
    pub async fn verify(&self, submission: Submission) -> anyhow::Result<Outcome> {
        let started = Instant::now();
        let session = self.open(&submission).await?;
        let person = self.person(&session)?;
        person.upload(submission).await?;
        person.submit().await?;
        let (session, report) = self.finished(&session.id).await?;
        Ok(Outcome {
            session,
            report,
            elapsed: started.elapsed(),
        })
    }

    /// Opens a session that asks for what the submission holds.
    pub async fn open(&self, submission: &Submission) -> anyhow::Result<VerificationSession> {
        let document = DocumentOptions {
            allowed_types: submission.allowed_types.iter().map(|kind| (*kind).into()).collect(),
            require_matching_selfie: submission.selfie.is_some(),
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
        let created = self.sessions.clone().create_verification_session(request).await;
        Ok(created
            .map_err(|status| refusal(&self.address, "open a session", &status))?
            .into_inner())
    }

    /// The person whose session this is: calls with nothing but the client secret.
    pub fn person(&self, session: &VerificationSession) -> anyhow::Result<Person> {
        let secret = session
            .client_secret
            .as_deref()
            .context("the session has no client secret")?;
        let channel = ServiceChannel::new(&self.address, Some(&Secret::new(secret)))?;
        Ok(Person {
            address: self.address.clone(),
            session: session.id.clone(),
            capture: CaptureServiceClient::new(channel),
        })
    }

    /// Waits for the end of the checks; answers the session with what was verified, and the report.
    pub async fn finished(&self, id: &str) -> anyhow::Result<(VerificationSession, VerificationReport)> {
        tokio::time::timeout(PATIENCE, self.watch(id))
            .await
            .with_context(|| format!("the checks did not end within {} s", PATIENCE.as_secs()))??;
        let session = self.session(id).await?;
        let report = self.report(&session).await?;
        Ok((session, report))
    }

    /// Watches the session until the checks have ended.
    async fn watch(&self, id: &str) -> anyhow::Result<()> {
        let refusal = |status| refusal(&self.address, "watch the session", &status);
        let mut sessions = self.sessions.clone();
        loop {
            let request = WatchVerificationSessionRequest {
                verification_session: id.to_owned(),
            };
            let mut changes = sessions
                .watch_verification_session(request)
                .await
                .map_err(refusal)?
                .into_inner();
            while let Some(session) = changes.message().await.map_err(refusal)? {
                if session.status() != VerificationSessionStatus::Processing {
                    return Ok(());
                }
            }
            // The server closed an old connection: watch on over a new one.
        }
    }

    /// Reads a session with what was verified, as far as the key may see it.
    pub async fn session(&self, id: &str) -> anyhow::Result<VerificationSession> {
        let mut expand = vec!["verified_outputs".to_owned()];
        if self.sees_sensitive_fields {
            expand.push("verified_outputs.dob".to_owned());
        }
        let request = GetVerificationSessionRequest {
            verification_session: id.to_owned(),
            expand,
        };
        let read = self.sessions.clone().get_verification_session(request).await;
        Ok(read
            .map_err(|status| refusal(&self.address, "read the session", &status))?
            .into_inner())
    }

    async fn report(&self, session: &VerificationSession) -> anyhow::Result<VerificationReport> {
        let verification_report = session
            .last_verification_report
            .clone()
            .context("the session ended without a report")?;
        let read = self
            .reports
            .clone()
            .get_verification_report(GetVerificationReportRequest { verification_report })
            .await;
        Ok(read
            .map_err(|status| refusal(&self.address, "read the report", &status))?
            .into_inner())
    }
}

/// A person with a client secret.
pub struct Person {
    address: String,
    session: String,
    capture: CaptureServiceClient<ServiceChannel>,
}

impl Person {
    /// Uploads the submission's pictures.
    pub async fn upload(&self, submission: Submission) -> anyhow::Result<()> {
        let pictures = [
            (
                ImagePurpose::DocumentFront,
                "upload the document's picture",
                Some(submission.document),
            ),
            (
                ImagePurpose::DocumentBack,
                "upload the picture of the document's back",
                submission.document_back,
            ),
            (ImagePurpose::Selfie, "upload the selfie", submission.selfie),
        ];
        for (purpose, what, data) in pictures {
            let Some(data) = data else { continue };
            let request = UploadImageRequest {
                verification_session: self.session.clone(),
                purpose: purpose.into(),
                data,
            };
            let uploaded = self.capture.clone().upload_image(request).await;
            uploaded.map_err(|status| refusal(&self.address, what, &status))?;
        }
        Ok(())
    }

    /// Hands the session over to the checks.
    pub async fn submit(&self) -> anyhow::Result<()> {
        let request = SubmitVerificationSessionRequest {
            verification_session: self.session.clone(),
        };
        let submitted = self.capture.clone().submit_verification_session(request).await;
        submitted.map_err(|status| refusal(&self.address, "submit the session", &status))?;
        Ok(())
    }
}

/// Says in one sentence what the server refused and why.
pub(crate) fn refusal(address: &str, what: &str, status: &Status) -> anyhow::Error {
    let details = status.get_error_details();
    let Some(info) = details.error_info() else {
        // Not from a Bonafide service: there is none at this address, or something stands between.
        let hint = if status.code() == Code::Unavailable {
            "nothing answers there; `bonafide up` starts a deployment".to_owned()
        } else {
            format!("{}: {}", status.code(), status.message())
        };
        return anyhow!("could not {what} at {}: {hint}", address);
    };
    let mut sentence = format!("could not {what}: {} ({})", status.message(), info.reason);
    if let Some(request) = details.bad_request() {
        for violation in &request.field_violations {
            let _ = write!(sentence, "; {}: {}", violation.field, violation.description);
        }
    }
    anyhow!(sentence)
}

/// Reads a picture file. One that no server would take is refused before it is sent.
pub fn read_picture(path: &Path) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read {}", path.display());
    let size = std::fs::metadata(path).with_context(context)?.len();
    if size > proto::MAX_IMAGE_BYTES as u64 {
        bail!(
            "{} has more than the {} MiB that are allowed",
            path.display(),
            proto::MAX_IMAGE_BYTES >> 20
        );
    }
    std::fs::read(path).with_context(context)
}

/// An address may be given without its scheme.
pub(crate) fn with_scheme(address: &str) -> String {
    if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    }
}
