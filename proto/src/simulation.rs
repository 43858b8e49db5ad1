//! What both sides know of outcomes that are chosen in test mode.

use crate::identity::v1::VerificationErrorCode;

impl VerificationErrorCode {
    /// Whether a session has this error before anything was submitted: it ends no attempt.
    pub fn precedes_submission(self) -> bool {
        matches!(self, Self::Abandoned | Self::ConsentDeclined | Self::DeviceNotSupported)
    }
}
