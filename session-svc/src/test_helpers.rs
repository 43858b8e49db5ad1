//! Test mode, for backends.

use std::sync::Arc;

use proto::identity::v1::test_helper_service_server::TestHelperService;
use proto::identity::v1::{SimulateVerificationRequest, VerificationSession};
use proto::store::v1::SimulateSessionRequest;
use tonic::{Request, Response, Status};

use crate::auth::{Backend, ClientSecrets};
use crate::error::Error;
use crate::once::once;
use crate::present::{self, Expand};
use crate::{Store, validate};

pub(crate) struct TestHelpers {
    store: Store,
    client_secrets: Arc<ClientSecrets>,
}

impl TestHelpers {
    pub(crate) fn new(store: Store, client_secrets: Arc<ClientSecrets>) -> Self {
        Self { store, client_secrets }
    }

    async fn simulate(&self, request: Request<SimulateVerificationRequest>) -> Result<VerificationSession, Error> {
        let backend = Backend::of(&request)?;
        if backend.livemode {
            return Err(Error::LiveMode);
        }
        let request = request.into_inner();
        validate::simulate_verification(&request)?;
        let has_key = request.idempotency_key.is_some();
        let request = SimulateSessionRequest {
            account: backend.account.to_string(),
            request: Some(request),
        };
        let request = once(has_key, request);
        let stored = self.store.clone().simulate_session(request).await?.into_inner();
        present::session(stored, &backend, Expand::default(), &self.client_secrets)
    }
}

#[tonic::async_trait]
impl TestHelperService for TestHelpers {
    async fn simulate_verification(
        &self,
        request: Request<SimulateVerificationRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        Ok(Response::new(self.simulate(request).await?))
    }
}
