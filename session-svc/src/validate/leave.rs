//! LeaveVerificationSession.

use proto::identity::v1::{LeaveVerificationSessionRequest, VerificationErrorCode as Code};
use service_kit::status::Violations;

use super::Fault;
use super::fields::check_idempotency_key;

/// Checks the whole request: the reason must be one that a person may give.
pub(crate) fn leave(request: &LeaveVerificationSessionRequest) -> Result<(), Fault> {
    super::session_id(&request.verification_session)?;
    let given = Code::try_from(request.error);
    let fits = matches!(given, Ok(Code::ConsentDeclined | Code::DeviceNotSupported));
    let mut violations = Violations::new();
    violations.require(fits, "error", "must be consent_declined or device_not_supported");
    check_idempotency_key(request.idempotency_key.as_deref(), &mut violations);
    violations.check().map_err(Fault::Fields)
}
