//! What the answers of other services mean: to our callers, and to our workers.

use std::error::Error as _;
use std::time::Duration;

use proto::reason::{self, Reason};
use service_kit::deadline;
use service_kit::status::{self, Problem};
use tonic::{Code, Status};

/// How soon to try again when the other service did not say.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Whether trying again, unchanged, may help.
pub(crate) fn is_transient(status: &Status) -> bool {
    // A status with a source was made here, by our own transport: the other side did not answer at all.
    status.source().is_some()
        || match status.code() {
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Cancelled | Code::Aborted => {
                true
            }
            Code::Ok
            | Code::Unknown
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss
            | Code::Unauthenticated => false,
        }
}

/// What our caller gets to see of report-svc's refusal: all of it where it is about the caller's request, nothing of it where it
/// is about us. That is logged here, once.
pub(crate) fn for_caller(status: Status) -> Status {
    if status.source().is_some() {
        log(&status);
        return unavailable(&status);
    }
    // Report-svc's keys are our business.
    if status::reason(&status) == Some(reason::MASTER_KEY_MISSING) {
        log(&status);
        return Problem::logged("the request failed").into();
    }
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::ResourceExhausted => without_metadata(&status),
        Code::Unavailable => {
            log(&status);
            unavailable(&status)
        }
        // Calls on a caller's behalf carry the caller's deadline, and nobody but the caller cancels them.
        Code::DeadlineExceeded | Code::Cancelled => deadline::passed(),
        // A wrong service token is our fault: the caller's own credential was good.
        Code::Unauthenticated
        | Code::PermissionDenied
        | Code::Ok
        | Code::Unknown
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => {
            log(&status);
            Problem::logged("the request failed").into()
        }
    }
}

fn unavailable(status: &Status) -> Status {
    let delay = status::retry_after(status).unwrap_or(RETRY_AFTER);
    Problem::new(
        reason::UNAVAILABLE,
        "a service that this call needs does not answer: try again",
    )
    .retry_after(delay)
    .into()
}

/// Code, message and details: headers of a hop behind us are nobody's business in front of us.
fn without_metadata(status: &Status) -> Status {
    Status::with_details(status.code(), status.message(), status.details().to_vec().into())
}

fn log(status: &Status) {
    tracing::warn!(
        code = status.code() as i32,
        reason = status::reason(status).map(Reason::name),
        error = status.message(),
        "report-svc could not serve a call"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::sync::Arc;
    use tonic_types::{ErrorDetails, StatusExt as _};

    fn seen(code: Code) -> Status {
        let details = ErrorDetails::with_error_info(reason::SESSION_STATUS.name(), reason::DOMAIN, HashMap::new());
        for_caller(Status::with_error_details(code, "as report-svc says", details))
    }

    #[test]
    fn what_is_the_callers_business_passes_with_its_details() {
        for code in [
            Code::NotFound,
            Code::FailedPrecondition,
            Code::InvalidArgument,
            Code::AlreadyExists,
            Code::Aborted,
        ] {
            let status = seen(code);
            assert_eq!((status.code(), status.message()), (code, "as report-svc says"));
            assert_eq!(status::reason(&status), Some(reason::SESSION_STATUS));
        }
    }

    #[test]
    fn what_is_not_is_hidden() {
        for code in [
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::Internal,
            Code::Unknown,
            Code::Unimplemented,
        ] {
            let status = seen(code);
            assert_eq!(status.code(), Code::Internal);
            assert_eq!(status::reason(&status), Some(reason::INTERNAL));
            assert!(!status.message().contains("report-svc"));
        }
    }

    #[test]
    fn a_missing_master_key_is_hidden() {
        let missing = Problem::new(reason::MASTER_KEY_MISSING, "report-svc lacks k1");
        let status = for_caller(missing.into());
        assert_eq!(status.code(), Code::Internal);
        assert_eq!(status::reason(&status), Some(reason::INTERNAL));
        assert!(!status.message().contains("k1"));
    }

    #[test]
    fn a_broken_transport_is_unavailable_whatever_its_code() {
        let mut status = Status::unknown("h2 protocol error");
        status.set_source(Arc::new(std::io::Error::other("connection reset")));
        assert!(is_transient(&status));
        let status = for_caller(status);
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status::reason(&status), Some(reason::UNAVAILABLE));
        assert_eq!(status::retry_after(&status), Some(RETRY_AFTER));
    }
}
