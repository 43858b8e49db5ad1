//! SimulateVerification: all violations at once.

use std::time::Duration;

use proto::MAX_SIMULATED_DELAY;
use proto::identity::v1::{SimulateVerificationRequest, VerificationErrorCode};
use service_kit::status::Violations;

use super::Fault;
use super::fields::check_idempotency_key;

/// Checks the whole request.
pub(crate) fn simulate_verification(request: &SimulateVerificationRequest) -> Result<(), Fault> {
    super::session_id(&request.verification_session)?;
    let mut violations = Violations::new();
    let code = VerificationErrorCode::try_from(request.error).ok();
    // A negative one is none.
    let delay: Option<Duration> = request.delay.unwrap_or_default().try_into().ok();
    let is_at_once = delay.is_none_or(|delay| delay.is_zero());
    violations
        .require(code.is_some(), "error", "must be a code of an error")
        .require(
            delay.is_some_and(|delay| delay <= MAX_SIMULATED_DELAY),
            "delay",
            "must be 0 s to 1 h",
        )
        .require(
            is_at_once || !code.is_some_and(VerificationErrorCode::precedes_submission),
            "delay",
            "must not be given with an error that comes before a submission",
        );
    check_idempotency_key(request.idempotency_key.as_deref(), &mut violations);
    violations.check().map_err(Fault::Fields)
}
