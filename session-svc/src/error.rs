//! Why a call cannot be served, and how the caller learns of it.

use std::time::Duration;

use proto::reason;
use service_kit::status::Problem;
use tonic::Status;
use tonic_types::FieldViolation;

use crate::upstream;
use crate::validate::{Fault, ImageFault};

/// Why a call cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No bearer credential.
    #[error("send `authorization: Bearer …` with an API key, or with the session's client secret to upload and submit")]
    CredentialMissing,
    /// Neither a known API key nor a client secret of ours.
    #[error("the API key or client secret is not known here")]
    CredentialInvalid,
    /// Older than 24 hours.
    #[error("the client secret has expired: the backend can retrieve the session to get a fresh one")]
    ClientSecretExpired,
    /// A client secret opens one session.
    #[error("the client secret belongs to another session")]
    ClientSecretOtherSession,
    /// A client secret where only an API key will do.
    #[error("this call is for backends: use an API key instead of a client secret")]
    BackendsOnly,
    /// `expand` asked for a sensitive field.
    #[error("sensitive fields need a restricted API key (rk_live_…, rk_test_…)")]
    SensitiveFields,
    /// A live key where only a test key will do.
    #[error("outcomes are chosen in test mode alone: use a test key (sk_test_…, rk_test_…)")]
    LiveMode,
    /// Pictures are sensitive.
    #[error("pictures need a restricted API key (rk_live_…, rk_test_…)")]
    SensitiveFiles,
    /// Unknown, malformed or somebody else's.
    #[error("no such verification session")]
    SessionNotFound,
    /// Unknown, malformed or somebody else's.
    #[error("no such verification report")]
    ReportNotFound,
    /// Unknown, malformed or somebody else's.
    #[error("no such file")]
    FileNotFound,
    /// Neither the configuration nor the call says at which address this service is called.
    #[error("links to pictures are not made here: --public-url (BONAFIDE_PUBLIC_URL) is not set")]
    NoAddress,
    /// Everything that is wrong with a request's fields.
    #[error("fields of the request are wrong")]
    Fields(Problem),
    /// A picture that is refused before it is stored.
    #[error(transparent)]
    Image(ImageFault),
    /// What report-svc answered, or that it did not.
    #[error("report-svc refused or did not answer")]
    Store(#[from] Status),
    /// report-svc broke the contract.
    #[error("report-svc answered without {0}")]
    Incomplete(&'static str),
    /// Somebody takes up as much of this replica as is allowed.
    #[error("{0} at once: try again")]
    Busy(&'static str),
    /// This replica is being stopped.
    #[error("this replica is stopping: watch again")]
    Stopping,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::SessionId => Self::SessionNotFound,
            Fault::ReportId => Self::ReportNotFound,
            Fault::FileId => Self::FileNotFound,
            Fault::Fields(problem) => Self::Fields(problem),
            Fault::Image(fault) => Self::Image(fault),
        }
    }
}

impl From<ImageFault> for Problem {
    fn from(fault: ImageFault) -> Self {
        let reason = match fault {
            ImageFault::Empty => reason::IMAGE_EMPTY,
            ImageFault::TooLarge => reason::IMAGE_TOO_LARGE,
            ImageFault::Format | ImageFault::Heic | ImageFault::Avif => reason::IMAGE_FORMAT,
            ImageFault::Damaged => reason::IMAGE_DAMAGED,
            ImageFault::Dimensions => reason::IMAGE_DIMENSIONS,
        };
        let violation = FieldViolation::new("data", fault.to_string());
        Self::new(reason, fault.to_string()).violations(vec![violation])
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let problem = |reason| Problem::new(reason, message);
        match error {
            Error::CredentialMissing => problem(reason::CREDENTIAL_MISSING),
            Error::CredentialInvalid => problem(reason::CREDENTIAL_INVALID),
            Error::ClientSecretExpired => problem(reason::CLIENT_SECRET_EXPIRED),
            Error::ClientSecretOtherSession => problem(reason::CLIENT_SECRET_OTHER_SESSION),
            Error::BackendsOnly | Error::SensitiveFields | Error::SensitiveFiles => problem(reason::PERMISSION_MISSING),
            Error::LiveMode => problem(reason::LIVE_MODE),
            Error::SessionNotFound => problem(reason::SESSION_NOT_FOUND),
            Error::ReportNotFound => problem(reason::REPORT_NOT_FOUND),
            Error::FileNotFound => problem(reason::FILE_NOT_FOUND),
            Error::NoAddress => {
                tracing::error!("a file link has no address to begin with: set --public-url (BONAFIDE_PUBLIC_URL)");
                problem(reason::PUBLIC_URL_MISSING)
            }
            Error::Fields(problem) => problem,
            Error::Image(fault) => fault.into(),
            Error::Store(status) => return upstream::for_caller(status),
            Error::Incomplete(what) => {
                tracing::error!(what, "report-svc answered less than its contract says");
                Problem::logged("the request failed")
            }
            Error::Busy(_) => problem(reason::OVERLOADED).retry_after(Duration::from_secs(1)),
            Error::Stopping => problem(reason::UNAVAILABLE).retry_after(Duration::from_millis(100)),
        }
        .into()
    }
}
