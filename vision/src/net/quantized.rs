//! Weights by their name in the network, whether the model file quantized them or not.

use candle_core::{Shape, Tensor};

use crate::models::{ModelError, Weights};

/// The tensor that the graph calls `name`. Block-quantized files put a `DequantizeLinear` and, for filters, a `Reshape` between
/// the stored tensor and its use, each with a suffix of its own; tensors too small for a block stay as they are.
pub(super) fn tensor(weights: &Weights, name: &str, shape: impl Into<Shape>) -> Result<Tensor, ModelError> {
    let shape = shape.into();
    for suffix in ["_reshaped", "_dequantized"] {
        match weights.get(&format!("{name}{suffix}"), shape.clone()) {
            Err(ModelError::MissingTensor { .. }) => {}
            found => return found,
        }
    }
    weights.get(name, shape)
}
