//! Why a call could not be served. "The face does not match" is a result, not an error.

use proto::reason::Reason;
use service_kit::compute::ComputeError;
use service_kit::status::Problem;
use tonic::Status;
use vision::VisionError;
use vision::picture::{DecodeError, EncodeError};

/// Why a call could not be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A required field is empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A picture of a `FaceService` call cannot be used.
    #[error("{field} cannot be used: {source}")]
    Picture {
        /// The request's field.
        field: &'static str,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A picture of a `CompareFaces` call shows no face.
    #[error("{0} shows no face")]
    NoFace(&'static str),
    /// The caller left before the work was done; nobody reads this.
    #[error("the caller left")]
    Abandoned,
    /// The worker threads could not take or finish the work.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// A network failed.
    #[error(transparent)]
    Vision(#[from] VisionError),
    /// A face crop could not be written.
    #[error(transparent)]
    Crop(#[from] EncodeError),
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Missing(field) => {
                Problem::invalid_fields(vec![tonic_types::FieldViolation::new(field, "must be given")]).into()
            }
            Error::Picture { field, source } => Problem::new(picture_reason(&source), text)
                .violations(vec![tonic_types::FieldViolation::new(field, source.to_string())])
                .into(),
            Error::NoFace(field) => Problem::new(proto::reason::FACE_NOT_FOUND, text)
                .violations(vec![tonic_types::FieldViolation::new(field, "must show a face")])
                .into(),
            Error::Abandoned => Problem::new(proto::reason::CANCELLED, text).into(),
            Error::Compute(error) => error.into(),
            Error::Vision(cause) => Problem::internal("a network failed", &cause).into(),
            Error::Crop(cause) => Problem::internal("a face crop could not be written", &cause).into(),
        }
    }
}

fn picture_reason(error: &DecodeError) -> Reason {
    use proto::reason::{IMAGE_DAMAGED, IMAGE_DIMENSIONS, IMAGE_EMPTY, IMAGE_FORMAT, IMAGE_TOO_LARGE};
    match error {
        DecodeError::Empty => IMAGE_EMPTY,
        DecodeError::TooLarge { .. } => IMAGE_TOO_LARGE,
        DecodeError::UnsupportedFormat | DecodeError::UnsupportedFeature => IMAGE_FORMAT,
        DecodeError::TooManyPixels { .. } | DecodeError::TooMuchMemory | DecodeError::TooSmall { .. } => {
            IMAGE_DIMENSIONS
        }
        DecodeError::Truncated | DecodeError::Corrupt => IMAGE_DAMAGED,
    }
}
