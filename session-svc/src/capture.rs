//! What the person's device calls.

use proto::identity::v1::capture_service_server::CaptureService;
use proto::identity::v1::{
    File, LeaveVerificationSessionRequest, LeaveVerificationSessionResponse, SubmitVerificationSessionRequest,
    SubmitVerificationSessionResponse, UploadImageRequest,
};
use proto::store::v1::{LeaveSessionRequest, PutImageRequest, SubmitSessionRequest};
use tonic::{Request, Response, Status};

use crate::auth::Caller;
use crate::error::Error;
use crate::once::once;
use crate::{Store, present, validate};

pub(crate) struct Capture {
    store: Store,
}

impl Capture {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    async fn upload(&self, request: Request<UploadImageRequest>) -> Result<File, Error> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let session = request.verification_session.as_str();
        validate::session_id(session)?;
        let account = caller.account_for(session)?;
        validate::upload_image(&request)?;
        let request = PutImageRequest {
            account,
            purpose: request.purpose,
            verification_session: request.verification_session,
            data: request.data,
            idempotency_key: request.idempotency_key,
        };
        let request = once(request.idempotency_key.is_some(), request);
        let file = self.store.clone().put_image(request).await?.into_inner();
        Ok(present::file(file, &caller))
    }

    async fn submit(
        &self,
        request: Request<SubmitVerificationSessionRequest>,
    ) -> Result<SubmitVerificationSessionResponse, Error> {
        let caller = Caller::of(&request)?;
        let SubmitVerificationSessionRequest {
            verification_session,
            idempotency_key,
        } = request.into_inner();
        validate::call(&verification_session, idempotency_key.as_deref())?;
        let account = caller.account_for(&verification_session)?;
        let request = SubmitSessionRequest {
            verification_session,
            account,
            idempotency_key,
        };
        let request = once(request.idempotency_key.is_some(), request);
        let stored = self.store.clone().submit_session(request).await?.into_inner();
        let session = stored.session.ok_or(Error::Incomplete("session"))?;
        Ok(SubmitVerificationSessionResponse { status: session.status })
    }

    async fn leave(
        &self,
        request: Request<LeaveVerificationSessionRequest>,
    ) -> Result<LeaveVerificationSessionResponse, Error> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        validate::leave(&request)?;
        let LeaveVerificationSessionRequest {
            verification_session,
            error,
            idempotency_key,
        } = request;
        let account = caller.account_for(&verification_session)?;
        let request = LeaveSessionRequest {
            verification_session,
            account,
            error,
            idempotency_key,
        };
        let stored = self.store.clone().leave_session(request).await?.into_inner();
        let session = stored.session.ok_or(Error::Incomplete("session"))?;
        Ok(LeaveVerificationSessionResponse { status: session.status })
    }
}

#[tonic::async_trait]
impl CaptureService for Capture {
    async fn upload_image(&self, request: Request<UploadImageRequest>) -> Result<Response<File>, Status> {
        Ok(Response::new(self.upload(request).await?))
    }

    async fn submit_verification_session(
        &self,
        request: Request<SubmitVerificationSessionRequest>,
    ) -> Result<Response<SubmitVerificationSessionResponse>, Status> {
        Ok(Response::new(self.submit(request).await?))
    }

    async fn leave_verification_session(
        &self,
        request: Request<LeaveVerificationSessionRequest>,
    ) -> Result<Response<LeaveVerificationSessionResponse>, Status> {
        Ok(Response::new(self.leave(request).await?))
    }
}
