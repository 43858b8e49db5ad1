//! The one way to build a `tonic::Status`: a stable reason, and google.rpc details that say what to do.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use http::HeaderMap;
use proto::reason::Reason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};

/// How a call ended. A failed call's status stands in the headers; a call that answered a message has it in the trailers, as OK.
pub(crate) fn code(headers: &HeaderMap) -> Code {
    headers
        .get(Status::GRPC_STATUS)
        .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}

/// The name of a code, as the semantic conventions for gRPC have it (`rpc.response.status_code`).
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// An error on its way to the caller.
///
/// The message is for people and may change; `reason` (see [`proto::reason`]) and the details are for programs and do not.
/// Neither holds personal data or the text of an inner error.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    message: String,
    /// Boxed, so that results which hardly ever carry one stay small.
    details: Box<ErrorDetails>,
}

impl Problem {
    /// An error with a stable reason, whose code it has, and a message that says what to do.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason.name(), proto::reason::DOMAIN, HashMap::new());
        Self {
            code: reason.code(),
            message: message.into(),
            details: Box::new(details),
        }
    }

    /// A defect of ours. The cause is written to the log here, and the caller is told where it is.
    pub fn internal(what: &str, cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = cause, "{what}");
        Self::logged(what)
    }

    /// A defect of ours whose cause is in the log already.
    pub fn logged(what: &str) -> Self {
        let message = format!("{what}; the service's log has the cause");
        Self::new(proto::reason::INTERNAL, message)
    }

    /// INVALID_ARGUMENT with every violation found, so that one round trip shows all of them.
    pub fn invalid_fields(violations: Vec<FieldViolation>) -> Self {
        let names: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
        let message = format!("invalid fields: {}", names.join(", "));
        Self::new(proto::reason::INVALID_FIELDS, message).violations(violations)
    }

    /// Adds `BadRequest` violations.
    pub fn violations(mut self, violations: Vec<FieldViolation>) -> Self {
        self.details.set_bad_request(violations);
        self
    }

    /// Adds `PreconditionFailure` violations: what has to be done before the call can succeed.
    pub fn preconditions(mut self, violations: Vec<PreconditionViolation>) -> Self {
        self.details.set_precondition_failure(violations);
        self
    }

    /// Adds an entry to `ErrorInfo.metadata`.
    pub fn metadata(mut self, key: &str, value: impl Into<String>) -> Self {
        if let Some(info) = self.details.error_info() {
            let (reason, domain, mut metadata) = (info.reason.clone(), info.domain.clone(), info.metadata.clone());
            metadata.insert(key.to_owned(), value.into());
            self.details.set_error_info(reason, domain, metadata);
        }
        self
    }

    /// Adds `RetryInfo`: trying again after this long may help.
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.details.set_retry_info(Some(delay));
        self
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        Status::with_error_details(problem.code, problem.message, *problem.details)
    }
}

/// The stable reason that a status carries; `None` when it was not made by a Bonafide service, or by one that knows more reasons.
pub fn reason(status: &Status) -> Option<Reason> {
    let info = status.get_details_error_info()?;
    Reason::named(&info.reason).filter(|_| info.domain == proto::reason::DOMAIN)
}

/// How long the status asks to wait before trying again.
pub fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

/// Collects violations of a request's fields.
#[derive(Debug, Default)]
pub struct Violations(Vec<FieldViolation>);

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that `field` (a path such as `options.document.allowed_types`) is wrong, unless `holds`.
    pub fn require(&mut self, holds: bool, field: &str, description: &str) -> &mut Self {
        if !holds {
            self.0.push(FieldViolation::new(field, description));
        }
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All violations as one error; `Ok` when there are none.
    pub fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Problem::invalid_fields(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_arrives_with_its_code() {
        for expected in proto::reason::ALL {
            let status = Status::from(Problem::new(*expected, "why"));
            assert_eq!((status.code(), reason(&status)), (expected.code(), Some(*expected)));
        }
        let foreign = ErrorDetails::with_error_info("INTERNAL", "example.com", HashMap::new());
        assert_eq!(reason(&Status::with_error_details(Code::Internal, "", foreign)), None);
    }

    #[test]
    fn carries_every_detail() {
        let mut violations = Violations::new();
        violations
            .require(false, "id", "must be given")
            .require(true, "fine", "never seen")
            .require(false, "metadata", "at most 50 entries");
        let problem = violations
            .check()
            .expect_err("two violations")
            .metadata("status", "verified");
        let status = Status::from(problem.retry_after(Duration::from_secs(2)));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason(&status), Some(proto::reason::INVALID_FIELDS));
        assert_eq!(retry_after(&status), Some(Duration::from_secs(2)));
        let details = status.get_error_details();
        let fields: Vec<_> = details
            .bad_request()
            .expect("violations")
            .field_violations
            .iter()
            .map(|violation| violation.field.clone())
            .collect();
        assert_eq!(fields, ["id", "metadata"]);
        assert_eq!(details.error_info().expect("info").metadata["status"], "verified");
    }
}
