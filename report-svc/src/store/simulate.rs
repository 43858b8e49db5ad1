//! Test mode: choosing what a session comes to.
//!
//! A chosen outcome takes the way of every other one: a submission, a job, a worker, a completion. The choice lies in the session's record,
//! and is looked at when the job is completed. Live sessions have no choice, and are told so.

use std::collections::HashMap;
use std::time::Duration;

use proto::identity::v1::{VerificationError, VerificationErrorCode};

use super::{Caller, Once, Session, Store};
use crate::error::Error;

impl Store {
    /// Lets a session of test mode that requires input fail with this code, or be verified where it is unspecified: after `delay`, or at
    /// once where the code comes before a submission.
    pub async fn simulate(
        &self,
        session: &str,
        caller: impl Into<Caller<'_>>,
        code: VerificationErrorCode,
        delay: Duration,
        trace_context: HashMap<String, String>,
    ) -> Result<Session, Error> {
        let caller = caller.into();
        let delayed = delay.as_nanos().to_be_bytes();
        let parameters = [code.as_str_name().as_bytes(), &delayed];
        let once = Once::of(caller, "simulate", session, parameters);
        if code.precedes_submission() {
            // Chosen again, it makes no other event.
            let is_new = |session: &Session| {
                require_test_mode(session)?;
                let error = session.public.last_error.as_ref().map(VerificationError::code);
                Ok(error != Some(code))
            };
            return self.leave_if(session, caller.account, once, code, is_new).await;
        }
        let ready = |session: &mut Session| {
            require_test_mode(session)?;
            session.simulated_error = code;
            Ok(())
        };
        self.hand_over(session, caller.account, once, trace_context, delay, ready)
            .await
    }
}

fn require_test_mode(session: &Session) -> Result<(), Error> {
    if session.public.livemode {
        return Err(Error::LiveMode);
    }
    Ok(())
}
