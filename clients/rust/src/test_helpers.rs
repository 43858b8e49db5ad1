//! Calls of test mode.

use crate::Error;
use crate::call::Calls;
use crate::client::CALL;
use crate::idempotency::Keyed as _;
use crate::v1::test_helper_service_client::TestHelperServiceClient;
use crate::v1::{SimulateVerificationRequest, VerificationSession};

/// Calls of test mode, in which outcomes are chosen instead of found.
#[derive(Clone)]
pub struct TestHelpers {
    calls: Calls,
}

impl TestHelpers {
    pub(crate) fn new(calls: Calls) -> Self {
        Self { calls }
    }

    /// Chooses how a session of test mode ends, and submits it.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn simulate(&self, request: SimulateVerificationRequest) -> Result<VerificationSession, Error> {
        self.calls
            .unary(CALL, request.keyed(), |channel, request| async move {
                TestHelperServiceClient::new(channel)
                    .simulate_verification(request)
                    .await
            })
            .await
    }
}
