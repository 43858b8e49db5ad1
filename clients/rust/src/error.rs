//! Why a call failed.

use std::collections::HashMap;
use std::time::Duration;
use std::{error, fmt, iter};

use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt as _;

use crate::call::Credential;

/// Whose reasons are ours.
const DOMAIN: &str = "bonafide.identity";

/// A field of the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where, such as `options.document.allowed_types[0]`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// A call that was refused or lost. Holds no credential and nothing personal.
#[derive(Clone)]
pub struct Error(Box<Parts>);

#[derive(Clone)]
struct Parts {
    code: Code,
    message: String,
    reason: Option<String>,
    metadata: HashMap<String, String>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
}

impl Error {
    fn new(code: Code, message: String) -> Self {
        Self(Box::new(Parts {
            code,
            message,
            reason: None,
            metadata: HashMap::new(),
            violations: Vec::new(),
            retry_after: None,
        }))
    }

    /// Of an argument of this library.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message.into())
    }

    /// No answer came in time.
    pub(crate) fn late(deadline: Duration) -> Self {
        Self::new(Code::DeadlineExceeded, format!("no answer within {deadline:?}"))
    }

    /// A server ended a stream without a word.
    pub(crate) fn silent() -> Self {
        Self::new(
            Code::Unavailable,
            "the server ended the watch without an answer".to_owned(),
        )
    }

    /// What did not arrive whole.
    pub(crate) fn incomplete(message: &str) -> Self {
        Self::new(Code::DataLoss, message.to_owned())
    }

    /// The status code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The stable reason, such as `SESSION_STATUS`; `None` where no service of Bonafide answered.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// For people; may change.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What comes with the reason, such as the session's `status`.
    #[must_use]
    pub fn metadata(&self) -> &HashMap<String, String> {
        &self.0.metadata
    }

    /// Every field that is wrong.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// How long to wait before trying again, where the server says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may succeed soon, and a repetition under the same idempotency key does nothing twice.
    pub(crate) fn may_pass(&self) -> bool {
        self.0.code == Code::Unavailable || matches!(self.reason(), Some("CONTENDED" | "OVERLOADED"))
    }

    /// Whether it tells of a stream that was cut off, by what happened to the connection or the replica and not to the session.
    pub(crate) fn is_cut_off(&self) -> bool {
        match self.0.code {
            Code::DeadlineExceeded => true,
            // What libraries and gateways call it: a service gives a reason.
            Code::Cancelled | Code::Unknown | Code::Internal => self.reason().is_none(),
            _ => self.may_pass(),
        }
    }
}

impl Error {
    /// What a call ended with that had this credential.
    pub(crate) fn of(status: &Status, credential: &Credential) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == DOMAIN);
        let violations = details.bad_request().map(|request| &request.field_violations);
        let causes = || iter::successors(error::Error::source(status), |cause| cause.source());
        // A status with a cause was made here: no server answered. Tonic calls a lost connection UNKNOWN, INTERNAL or CANCELLED, and an
        // expired timer CANCELLED.
        let code = if causes().any(|cause| cause.is::<TimeoutExpired>()) {
            Code::DeadlineExceeded
        } else if causes().next().is_some() {
            Code::Unavailable
        } else {
            status.code()
        };
        // Its words on a lost connection stop at "transport error"; what lies below says why.
        let mut message = status.message().to_owned();
        for cause in causes().skip(1) {
            message = format!("{message}: {cause}");
        }
        Self(Box::new(Parts {
            code,
            message: credential.hide(&message),
            reason: info.map(|info| info.reason.clone()),
            metadata: info
                .into_iter()
                .flat_map(|info| &info.metadata)
                .map(|(key, value)| (key.clone(), credential.hide(value)))
                .collect(),
            violations: violations
                .into_iter()
                .flatten()
                .map(|violation| Violation {
                    field: violation.field.clone(),
                    description: credential.hide(&violation.description),
                })
                .collect(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts {
            code,
            message,
            reason,
            violations,
            ..
        } = &*self.0;
        match reason {
            Some(reason) => write!(f, "{message} ({reason})")?,
            None if message.is_empty() => write!(f, "{code}")?,
            None => write!(f, "{message}")?,
        }
        for Violation { field, description } in violations {
            write!(f, "; {field}: {description}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.code)
    }
}

impl error::Error for Error {}
