//! Batch normalisation, which networks fold into their neighbours when weights are loaded.

use candle_core::{Result, Tensor};

/// What batch normalisation does to each channel: `x * scale + shift`.
pub(super) struct Normalisation {
    pub(super) scale: Tensor,
    pub(super) shift: Tensor,
}

/// The tensors of a batch normalisation, one number per channel each.
pub(super) struct Statistics {
    pub(super) gamma: Tensor,
    pub(super) beta: Tensor,
    pub(super) mean: Tensor,
    pub(super) variance: Tensor,
}

impl Statistics {
    /// As one multiplication and one addition.
    pub(super) fn fold(self, epsilon: f64) -> Result<Normalisation> {
        let scale = (self.gamma / (self.variance + epsilon)?.sqrt()?)?;
        let shift = (self.beta - (self.mean * &scale)?)?;
        Ok(Normalisation { scale, shift })
    }
}
