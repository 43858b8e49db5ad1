//! Keys of calls that change something: what is sent again under one has one effect and one answer.

use uuid::Uuid;

use crate::v1::{
    CancelVerificationSessionRequest, CreateVerificationSessionRequest, LeaveVerificationSessionRequest,
    RedactVerificationSessionRequest, SimulateVerificationRequest, SubmitVerificationSessionRequest,
    UpdateVerificationSessionRequest, UploadImageRequest,
};

/// A request that has such a key.
pub(crate) trait Keyed: Sized {
    /// Its key.
    fn key(&mut self) -> &mut Option<String>;

    /// With a key of its own, where the caller gave none.
    fn keyed(mut self) -> Self {
        self.key().get_or_insert_with(|| Uuid::new_v4().to_string());
        self
    }
}

macro_rules! keyed {
    ($($request:ty),+ $(,)?) => {
        $(impl Keyed for $request {
            fn key(&mut self) -> &mut Option<String> {
                &mut self.idempotency_key
            }
        })+
    };
}

keyed!(
    CreateVerificationSessionRequest,
    UpdateVerificationSessionRequest,
    CancelVerificationSessionRequest,
    RedactVerificationSessionRequest,
    SimulateVerificationRequest,
    UploadImageRequest,
    SubmitVerificationSessionRequest,
    LeaveVerificationSessionRequest,
);
