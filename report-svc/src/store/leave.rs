//! Persons who leave without submitting, or do not come at all.

use proto::identity::v1::{VerificationError, VerificationErrorCode as Code};

use super::{Caller, Change, Once, Session, Store};
use crate::error::Error;
use crate::last_error::error_of;
use crate::lifecycle::Action;

impl Store {
    /// The session has this error, which comes before a submission, and goes on requiring input. What a person said first stands until they
    /// submit: nobody makes events without end.
    pub async fn leave(&self, session: &str, caller: impl Into<Caller<'_>>, code: Code) -> Result<Session, Error> {
        let caller = caller.into();
        let once = Once::of(caller, "leave", session, [code.as_str_name().as_bytes()]);
        let has_not_left = |session: &Session| {
            let said = session.public.last_error.as_ref().map(VerificationError::code);
            Ok(!matches!(said, Some(Code::ConsentDeclined | Code::DeviceNotSupported)))
        };
        self.leave_if(session, caller.account, once, code, has_not_left).await
    }

    /// The same where `wanted` says so.
    pub(super) async fn leave_if(
        &self,
        session: &str,
        account: Option<&str>,
        once: Option<Once>,
        code: Code,
        wanted: impl Fn(&Session) -> Result<bool, Error>,
    ) -> Result<Session, Error> {
        self.change(session, account, once, |session| {
            let event = session.apply(Action::Leave)?;
            if !wanted(session)? {
                return Ok(None);
            }
            session.public.last_error = error_of(code);
            Ok(Some(Change::of(event)))
        })
        .await
    }
}
