//! The person's calls.

use crate::Error;
use crate::call::Calls;
use crate::client::{CALL, TRANSFER};
use crate::idempotency::Keyed as _;
use crate::v1::capture_service_client::CaptureServiceClient;
use crate::v1::{
    File, ImagePurpose, LeaveVerificationSessionRequest, LeaveVerificationSessionResponse,
    SubmitVerificationSessionRequest, SubmitVerificationSessionResponse, UploadImageRequest, VerificationErrorCode,
};

/// Calls with the client secret of one session.
#[derive(Clone)]
pub struct Person {
    calls: Calls,
    session: String,
    idempotency_key: Option<String>,
}

impl Person {
    pub(crate) fn new(calls: Calls, session: String) -> Self {
        Self {
            calls,
            session,
            idempotency_key: None,
        }
    }

    /// The same person for one call that has this idempotency key instead of a random one.
    #[must_use]
    pub fn with_idempotency_key(&self, key: impl Into<String>) -> Self {
        Self {
            idempotency_key: Some(key.into()),
            ..self.clone()
        }
    }

    /// Uploads a picture: a JPEG, PNG or WebP file of up to 10 MiB. It replaces the one of the same purpose.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn upload(&self, purpose: ImagePurpose, picture: impl Into<Vec<u8>>) -> Result<File, Error> {
        let request = UploadImageRequest {
            verification_session: self.session.clone(),
            purpose: purpose.into(),
            data: picture.into(),
            idempotency_key: self.idempotency_key.clone(),
        };
        self.calls
            .unary(TRANSFER, request.keyed(), |channel, request| async move {
                CaptureServiceClient::new(channel).upload_image(request).await
            })
            .await
    }

    /// Hands the session over to the checks.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn submit(&self) -> Result<SubmitVerificationSessionResponse, Error> {
        let request = SubmitVerificationSessionRequest {
            verification_session: self.session.clone(),
            idempotency_key: self.idempotency_key.clone(),
        };
        self.calls
            .unary(CALL, request.keyed(), |channel, request| async move {
                CaptureServiceClient::new(channel)
                    .submit_verification_session(request)
                    .await
            })
            .await
    }

    /// Tells why the person leaves without submitting: `ConsentDeclined` or `DeviceNotSupported`.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn leave(&self, why: VerificationErrorCode) -> Result<LeaveVerificationSessionResponse, Error> {
        let request = LeaveVerificationSessionRequest {
            verification_session: self.session.clone(),
            error: why.into(),
            idempotency_key: self.idempotency_key.clone(),
        };
        self.calls
            .unary(CALL, request.keyed(), |channel, request| async move {
                CaptureServiceClient::new(channel)
                    .leave_verification_session(request)
                    .await
            })
            .await
    }
}
