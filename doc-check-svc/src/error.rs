//! Why a call could not be served. "The document has expired" is a result, not an error, and so is a picture that cannot be read.

use service_kit::compute::ComputeError;
use service_kit::status::Problem;
use tonic::Status;
use tonic_types::FieldViolation;
use vision::VisionError;

use crate::reader::ReadError;

/// Why a call could not be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is wrong.
    #[error("invalid fields")]
    Invalid(Vec<FieldViolation>),
    /// The caller left before the work was done; nobody reads this.
    #[error("the caller left")]
    Abandoned,
    /// The worker threads could not take or finish the work.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// A network failed.
    #[error(transparent)]
    Vision(#[from] VisionError),
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Abandoned => Self::Abandoned,
            ReadError::Vision(error) => Self::Vision(error),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(violations) => Problem::invalid_fields(violations).into(),
            Error::Abandoned => Problem::new(proto::reason::CANCELLED, "the caller left").into(),
            Error::Compute(error) => error.into(),
            Error::Vision(cause) => Problem::internal("a network failed", &cause).into(),
        }
    }
}
