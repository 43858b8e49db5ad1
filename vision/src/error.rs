//! The one error type of inference.

/// Why a picture could not be looked at by a network.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    /// A tensor operation failed: wrong shape, or the device ran out of memory.
    #[error("inference failed")]
    Inference(#[from] candle_core::Error),
    /// Weights are missing or do not have the network's shape.
    #[error(transparent)]
    Model(#[from] crate::models::ModelError),
    /// The five landmarks of a face lie on one point, so that there is no way to turn it upright.
    #[error("the landmarks of the face lie on one point")]
    DegenerateLandmarks,
}
