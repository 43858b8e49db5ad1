//! LeaveVerificationSession.

use proto::identity::v1::VerificationErrorCode as Code;
use service_kit::status::Violations;

use super::Fault;

/// Checks the reason for which a person leaves: one that they may give.
pub(crate) fn leave(error: i32) -> Result<(), Fault> {
    let given = Code::try_from(error);
    let fits = matches!(given, Ok(Code::ConsentDeclined | Code::DeviceNotSupported));
    let mut violations = Violations::new();
    violations.require(fits, "error", "must be consent_declined or device_not_supported");
    violations.check().map_err(Fault::Fields)
}
