//! Why a call could not be served. "The document has expired" is a result, not an error.

use std::time::Duration;

use proto::identity::v1::ImagePurpose;
use proto::reason;
use service_kit::status::Problem;
use tonic::Status;
use tonic_types::{FieldViolation, PreconditionViolation};

use crate::evidence::EvidenceError;
use crate::lifecycle::Refusal;
use crate::limits::ImageLimit;
use crate::seal::SealError;
use crate::storage::StorageError;

/// When to try again what a moment may have put right.
const SOON: Duration = Duration::from_secs(1);

/// Why a call could not be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of the request are wrong.
    #[error("the request has invalid fields")]
    Invalid(Problem),
    /// The picture has no bytes.
    #[error("the picture is empty")]
    ImageEmpty,
    /// The picture has too many bytes.
    #[error("the picture has {0} bytes, at most {limit} are accepted", limit = proto::MAX_IMAGE_BYTES)]
    ImageTooLarge(usize),
    /// No such session, or it belongs to another account.
    #[error("no such verification session")]
    SessionNotFound,
    /// No such report, or it belongs to another account.
    #[error("no such verification report")]
    ReportNotFound,
    /// The session holds no such picture.
    #[error("no such file")]
    FileNotFound,
    /// The session's state does not allow the call.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its outcome cannot be chosen.
    #[error("this is a live session: outcomes are chosen in test mode alone")]
    LiveMode,
    /// The session was submitted as often as is allowed.
    #[error("the session was submitted {0} times, which is as often as is allowed: open a new one")]
    AttemptsExhausted(u32),
    /// More pictures than are allowed.
    #[error("as many pictures were uploaded as are allowed: submit them, or open a new session")]
    ImagesExhausted(ImageLimit),
    /// Pictures that the options ask for were not uploaded.
    #[error("upload what is missing first: {}", names(.0).join(", "))]
    ImagesMissing(Vec<ImagePurpose>),
    /// The idempotency key belongs to another request.
    #[error(
        "the idempotency key was used before, for another call or with other parameters: use a new key for a new request"
    )]
    IdempotencyKeyReused,
    /// The lease ended, or another worker has the job.
    #[error("the lease was lost: another worker has the job, or it is done")]
    LeaseLost,
    /// The session has no job that the call could be about.
    #[error("the session has no such job in the queue or set aside")]
    JobNotFound,
    /// Others changed the session each time before we could.
    #[error("the session is being changed by others: try again")]
    Contended,
    /// The service is being stopped.
    #[error("the service is stopping: try again")]
    Stopping,
    /// The storage does not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The pictures' store does not answer.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A record does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A record opens but is not what it should be.
    #[error("a record cannot be decoded")]
    Decode(#[from] prost::DecodeError),
    /// A record lacks what every record has.
    #[error("a record has no {0}")]
    Incomplete(&'static str),
}

impl Error {
    /// Whether a record is there, but cannot be read.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.is_damage() || matches!(self, Self::Seal(SealError::UnknownKey(_)))
    }

    /// Whether there is no such record.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::SessionNotFound | Self::ReportNotFound)
    }

    /// Whether a record is damaged, or was not written by us: nobody will ever read it.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Seal(SealError::Damaged)
                | Self::Decode(_)
                | Self::Incomplete(_)
                | Self::Storage(StorageError::Foreign(_))
        )
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Invalid(problem) => problem,
            Error::ImageEmpty => Problem::new(reason::IMAGE_EMPTY, text).violations(on_data("must not be empty")),
            Error::ImageTooLarge(_) => Problem::new(reason::IMAGE_TOO_LARGE, text.clone()).violations(on_data(&text)),
            Error::SessionNotFound => Problem::new(reason::SESSION_NOT_FOUND, text),
            Error::ReportNotFound => Problem::new(reason::REPORT_NOT_FOUND, text),
            Error::FileNotFound => Problem::new(reason::FILE_NOT_FOUND, text),
            Error::Refused(refusal) => {
                let status = match refusal {
                    Refusal::Status(status) => status.name(),
                    Refusal::Redacted => "redacted",
                };
                Problem::new(reason::SESSION_STATUS, text).metadata("status", status)
            }
            Error::LiveMode => Problem::new(reason::LIVE_MODE, text),
            Error::AttemptsExhausted(_) => Problem::new(reason::ATTEMPTS_EXHAUSTED, text),
            Error::ImagesExhausted(limit) => {
                Problem::new(reason::IMAGES_EXHAUSTED, text).metadata("limit", limit.name())
            }
            Error::ImagesMissing(missing) => {
                let names = names(&missing);
                let violation = |name: &&str| {
                    PreconditionViolation::new(reason::IMAGE_MISSING.name(), *name, "must be uploaded first")
                };
                Problem::new(reason::IMAGE_MISSING, text)
                    .metadata("missing", names.join(","))
                    .preconditions(names.iter().map(violation).collect())
            }
            Error::IdempotencyKeyReused => {
                let field = FieldViolation::new(
                    "idempotency_key",
                    "was used before, for another call or with other parameters",
                );
                Problem::new(reason::IDEMPOTENCY_KEY_REUSED, text).violations(vec![field])
            }
            Error::LeaseLost => Problem::new(reason::LEASE_LOST, text),
            Error::JobNotFound => Problem::new(reason::JOB_NOT_FOUND, text),
            Error::Contended => Problem::new(reason::CONTENDED, text).retry_after(SOON),
            Error::Stopping => Problem::new(reason::UNAVAILABLE, text).retry_after(SOON),
            Error::Storage(StorageError::Redis(cause)) => unavailable("storage", &cause),
            Error::Storage(cause @ StorageError::Closed) => unavailable("storage", &cause),
            Error::Storage(
                cause @ (StorageError::Embedded(_) | StorageError::Foreign(_) | StorageError::Random(_)),
            ) => internal(&cause),
            Error::Evidence(cause @ (EvidenceError::Store(_) | EvidenceError::Closed)) => {
                unavailable("storage of pictures", &cause)
            }
            Error::Evidence(cause @ (EvidenceError::Missing(_) | EvidenceError::Url | EvidenceError::Seal(_))) => {
                internal(&cause)
            }
            Error::Seal(SealError::UnknownKey(_)) => Problem::new(reason::MASTER_KEY_MISSING, text),
            Error::Seal(cause @ (SealError::Damaged | SealError::Random(_))) => internal(&cause),
            Error::Decode(cause) => internal(&cause),
            Error::Incomplete(_) => internal(&error),
        }
        .into()
    }
}

/// The purpose's public name.
pub(crate) fn purpose_name(purpose: ImagePurpose) -> &'static str {
    match purpose {
        ImagePurpose::Unspecified => "unspecified",
        ImagePurpose::DocumentFront => "document_front",
        ImagePurpose::DocumentBack => "document_back",
        ImagePurpose::Selfie => "selfie",
        ImagePurpose::DocumentFace => "document_face",
        ImagePurpose::SelfieFace => "selfie_face",
    }
}

fn names(purposes: &[ImagePurpose]) -> Vec<&'static str> {
    purposes.iter().map(|purpose| purpose_name(*purpose)).collect()
}

fn on_data(description: &str) -> Vec<FieldViolation> {
    vec![FieldViolation::new("data", description)]
}

/// The cause is for the log alone.
fn unavailable(what: &str, cause: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::warn!(error = cause, "the {what} does not answer, or refuses");
    let problem = Problem::new(
        reason::UNAVAILABLE,
        format!("the {what} does not answer, or refuses: try again"),
    );
    problem.retry_after(SOON)
}

fn internal(cause: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::internal("the storage failed", cause)
}
