//! One verification, as a backend and a person do it: over gRPC, with an API key and a client secret.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use proto::identity::v1::{
    DocumentOptions, DocumentType, FileLink, ImagePurpose, VerificationReport, VerificationSession,
    VerificationSessionStatus,
};
use service_kit::config::Secret;
use service_kit::tls::{ClientTls, NoTls};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::api::Api;

/// How long the checks may take before we stop watching.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Keys with this prefix may read sensitive fields.
pub(crate) const RESTRICTED_KEY: &str = "rk_";

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
    tls: ClientTls,
    api: Api,
}

impl Client {
    /// For the deployment at `address` (`http://host:port`) on this machine, or one that the system's CAs vouch for. Connects with
    /// the first call; must be made inside a tokio runtime.
    pub fn new(address: &str, api_key: &Secret) -> anyhow::Result<Self> {
        Self::with_tls(address, api_key, ClientTls::default())
    }

    /// The same with certificates of our own.
    pub fn with_tls(address: &str, api_key: &Secret, tls: ClientTls) -> anyhow::Result<Self> {
        Ok(Self {
            address: address.to_owned(),
            sees_sensitive_fields: api_key.expose().starts_with(RESTRICTED_KEY),
            api: Api::new(address, api_key, &tls)?,
            tls,
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
        let created = self.api.create(document).await;
        created.map_err(|status| refusal(&self.address, "open a session", &status))
    }

    /// The person whose session this is: calls with nothing but the client secret.
    pub fn person(&self, session: &VerificationSession) -> anyhow::Result<Person> {
        let secret = session
            .client_secret
            .as_deref()
            .context("the session has no client secret")?;
        Ok(Person {
            address: self.address.clone(),
            session: session.id.clone(),
            api: Api::new(&self.address, &Secret::new(secret), &self.tls)?,
        })
    }

    /// Waits for the end of the checks; answers the session with what was verified, and the report.
    pub async fn finished(&self, id: &str) -> anyhow::Result<(VerificationSession, VerificationReport)> {
        tokio::time::timeout(LONGEST_WAIT, self.api.finished(id))
            .await
            .with_context(|| format!("the checks did not end within {} s", LONGEST_WAIT.as_secs()))?
            .map_err(|status| refusal(&self.address, "watch the session", &status))?;
        let session = self.session(id).await?;
        let report = self.report(&session).await?;
        Ok((session, report))
    }

    /// Reads a session with what was verified, as far as the key may see it.
    pub async fn session(&self, id: &str) -> anyhow::Result<VerificationSession> {
        let expand: &[&str] = if self.sees_sensitive_fields {
            &["verified_outputs", "verified_outputs.dob"]
        } else {
            &["verified_outputs"]
        };
        let read = self.api.session(id, expand).await;
        read.map_err(|status| refusal(&self.address, "read the session", &status))
    }

    /// Links to the pictures that the last attempt was decided by; none with a key that may not see them.
    pub async fn links(&self, session: &VerificationSession) -> anyhow::Result<Vec<(ImagePurpose, FileLink)>> {
        let mut links = Vec::new();
        if !self.sees_sensitive_fields {
            return Ok(links);
        }
        let refused = |status| refusal(&self.address, "link to the pictures", &status);
        let attempt = session.insights.as_ref().map(|insights| insights.attempts);
        for file in self.api.list_files(&session.id).await.map_err(refused)? {
            if attempt.is_some_and(|attempt| file.attempts.contains(&attempt)) {
                links.push((file.purpose(), self.api.link(&file.id).await.map_err(refused)?));
            }
        }
        Ok(links)
    }

    async fn report(&self, session: &VerificationSession) -> anyhow::Result<VerificationReport> {
        let id = session
            .last_verification_report
            .as_deref()
            .context("the session ended without a report")?;
        let read = self.api.report(id).await;
        read.map_err(|status| refusal(&self.address, "read the report", &status))
    }
}

/// A person with a client secret.
pub struct Person {
    address: String,
    session: String,
    api: Api,
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
            let uploaded = self.api.upload(&self.session, purpose, data).await;
            uploaded.map_err(|status| refusal(&self.address, what, &status))?;
        }
        Ok(())
    }

    /// Hands the session over to the checks.
    pub async fn submit(&self) -> anyhow::Result<()> {
        let submitted = self.api.submit(&self.session).await;
        submitted.map_err(|status| refusal(&self.address, "submit the session", &status))
    }
}

/// Says in one sentence what the server refused and why.
pub(crate) fn refusal(address: &str, what: &str, status: &Status) -> anyhow::Error {
    let details = status.get_error_details();
    let Some(info) = details.error_info() else {
        // Not from a Bonafide service: there is none at this address, or something stands between.
        let hint = if let Some(failure) = NoTls::of(status) {
            failure.to_string()
        } else if status.code() == Code::Unavailable {
            "nothing answers there; `bonafide up` starts a deployment".to_owned()
        } else if address.starts_with("http:") && std::error::Error::source(status).is_some() {
            format!("{}; a server with TLS is called at https://", status.message())
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
