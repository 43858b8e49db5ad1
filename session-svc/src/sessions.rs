//! Sessions, for backends.

use std::sync::Arc;

use proto::identity::v1::verification_session_service_server::VerificationSessionService;
use proto::identity::v1::{
    CancelVerificationSessionRequest, CreateVerificationSessionRequest, GetVerificationSessionRequest,
    ListVerificationSessionsRequest, ListVerificationSessionsResponse, RedactVerificationSessionRequest,
    UpdateVerificationSessionRequest, VerificationSession, WatchVerificationSessionRequest,
};
use proto::store::v1::{
    CancelSessionRequest, CreateSessionRequest, GetSessionRequest, ListSessionsRequest, ListSessionsResponse,
    RedactSessionRequest, UpdateSessionRequest, WatchSessionRequest,
};
use service_kit::status::Violations;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::auth::{Backend, ClientSecrets};
use crate::error::Error;
use crate::limits::KeyedLimiter;
use crate::once::once;
use crate::present::{self, Expand};
use crate::watch::{self, Watch};
use crate::{Store, validate};

pub(crate) struct Sessions {
    store: Store,
    client_secrets: Arc<ClientSecrets>,
    /// Open watches of each account.
    watches: KeyedLimiter,
    shutdown: CancellationToken,
}

impl Sessions {
    pub(crate) fn new(
        store: Store,
        client_secrets: Arc<ClientSecrets>,
        watches: KeyedLimiter,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            store,
            client_secrets,
            watches,
            shutdown,
        }
    }

    async fn create(&self, request: Request<CreateVerificationSessionRequest>) -> Result<VerificationSession, Error> {
        let backend = Backend::of(&request)?;
        let request = request.into_inner();
        validate::create_session(&request)?;
        let has_key = request.idempotency_key.is_some();
        let request = CreateSessionRequest {
            account: backend.account.to_string(),
            livemode: backend.livemode,
            request: Some(request),
        };
        let request = once(has_key, request);
        let stored = self.store.clone().create_session(request).await?.into_inner();
        present::session(stored, &backend, Expand::default(), &self.client_secrets)
    }

    async fn get(&self, request: Request<GetVerificationSessionRequest>) -> Result<VerificationSession, Error> {
        let backend = Backend::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let expand = Expand::read(&request.expand, "", &mut violations);
        violations.check().map_err(Error::Fields)?;
        let expand = expand.allowed_for(&backend)?;
        validate::session_id(&request.verification_session)?;
        let request = GetSessionRequest {
            verification_session: request.verification_session,
            account: Some(backend.account.to_string()),
            with_last_report: expand.last_report,
        };
        let stored = self.store.clone().get_session(request).await?.into_inner();
        present::session(stored, &backend, expand, &self.client_secrets)
    }

    async fn update(&self, request: Request<UpdateVerificationSessionRequest>) -> Result<VerificationSession, Error> {
        let backend = Backend::of(&request)?;
        let request = request.into_inner();
        validate::update_session(&request)?;
        let has_key = request.idempotency_key.is_some();
        let request = UpdateSessionRequest {
            account: backend.account.to_string(),
            request: Some(request),
        };
        let request = once(has_key, request);
        let stored = self.store.clone().update_session(request).await?.into_inner();
        present::session(stored, &backend, Expand::default(), &self.client_secrets)
    }

    async fn list(
        &self,
        request: Request<ListVerificationSessionsRequest>,
    ) -> Result<ListVerificationSessionsResponse, Error> {
        let backend = Backend::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        validate::list_sessions(&request, &mut violations);
        let expand = Expand::read(&request.expand, "data.", &mut violations);
        violations.check().map_err(Error::Fields)?;
        let expand = expand.allowed_for(&backend)?;
        let request = ListSessionsRequest {
            account: backend.account.to_string(),
            request: Some(request),
            with_last_report: expand.last_report,
        };
        let ListSessionsResponse { sessions, has_more } = self.store.clone().list_sessions(request).await?.into_inner();
        let sessions = sessions.into_iter();
        let data = sessions.map(|stored| present::listed(stored, &backend, expand));
        Ok(ListVerificationSessionsResponse {
            data: data.collect::<Result<_, _>>()?,
            has_more,
        })
    }

    async fn cancel(&self, request: Request<CancelVerificationSessionRequest>) -> Result<VerificationSession, Error> {
        let backend = Backend::of(&request)?;
        let CancelVerificationSessionRequest {
            verification_session,
            idempotency_key,
        } = request.into_inner();
        validate::call(&verification_session, idempotency_key.as_deref())?;
        let request = CancelSessionRequest {
            verification_session,
            account: backend.account.to_string(),
            idempotency_key,
        };
        let request = once(request.idempotency_key.is_some(), request);
        let stored = self.store.clone().cancel_session(request).await?.into_inner();
        present::session(stored, &backend, Expand::default(), &self.client_secrets)
    }

    async fn redact(&self, request: Request<RedactVerificationSessionRequest>) -> Result<VerificationSession, Error> {
        let backend = Backend::of(&request)?;
        let RedactVerificationSessionRequest {
            verification_session,
            idempotency_key,
        } = request.into_inner();
        validate::call(&verification_session, idempotency_key.as_deref())?;
        let request = RedactSessionRequest {
            verification_session,
            account: backend.account.to_string(),
            idempotency_key,
        };
        let request = once(request.idempotency_key.is_some(), request);
        let stored = self.store.clone().redact_session(request).await?.into_inner();
        present::session(stored, &backend, Expand::default(), &self.client_secrets)
    }

    async fn watch(&self, request: Request<WatchVerificationSessionRequest>) -> Result<Watch, Error> {
        let backend = Backend::of(&request)?;
        let verification_session = request.into_inner().verification_session;
        validate::session_id(&verification_session)?;
        let request = WatchSessionRequest {
            verification_session,
            account: backend.account.to_string(),
        };
        let permit = self.watches.try_acquire(&backend.account);
        let permit = permit.ok_or(Error::Busy("the account watches too many sessions"))?;
        let client_secrets = Arc::clone(&self.client_secrets);
        let present = move |stored| present::session(stored, &backend, Expand::default(), &client_secrets);
        watch::open(self.store.clone(), request, present, permit, self.shutdown.clone()).await
    }
}

#[tonic::async_trait]
impl VerificationSessionService for Sessions {
    async fn create_verification_session(
        &self,
        request: Request<CreateVerificationSessionRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        Ok(Response::new(self.create(request).await?))
    }

    async fn get_verification_session(
        &self,
        request: Request<GetVerificationSessionRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        Ok(Response::new(self.get(request).await?))
    }

    async fn update_verification_session(
        &self,
        request: Request<UpdateVerificationSessionRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        Ok(Response::new(self.update(request).await?))
    }

    async fn list_verification_sessions(
        &self,
        request: Request<ListVerificationSessionsRequest>,
    ) -> Result<Response<ListVerificationSessionsResponse>, Status> {
        Ok(Response::new(self.list(request).await?))
    }

    async fn cancel_verification_session(
        &self,
        request: Request<CancelVerificationSessionRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        Ok(Response::new(self.cancel(request).await?))
    }

    async fn redact_verification_session(
        &self,
        request: Request<RedactVerificationSessionRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        Ok(Response::new(self.redact(request).await?))
    }

    type WatchVerificationSessionStream = Watch;

    async fn watch_verification_session(
        &self,
        request: Request<WatchVerificationSessionRequest>,
    ) -> Result<Response<Watch>, Status> {
        Ok(Response::new(self.watch(request).await?))
    }
}
