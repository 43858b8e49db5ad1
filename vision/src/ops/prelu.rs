//! Parametric rectified linear unit.

use candle_core::{CpuStorage, InplaceOp3, Layout, Result, Tensor, bail};

use super::epilogue::{for_each_plane, planes};
use super::phases::contiguous;

/// `max(y, 0) + slope * min(y, 0)` of `y = x + bias`, with one bias and one slope per channel (He et al. 2015, "Delving Deep into
/// Rectifiers"). Writes into `x`, which nothing else may use.
///
/// `x` is (batch, channels, height, width), `bias` and `slope` hold one value per channel, all `f32`.
///
/// # Errors
/// When the number of biases or slopes is not that of the channels, or the tensors are not `f32`.
pub(crate) fn bias_prelu(x: Tensor, bias: &Tensor, slope: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        let x = x.contiguous()?;
        x.inplace_op3(&bias.contiguous()?, &slope.contiguous()?, &BiasPRelu)?;
        return Ok(x);
    }
    let per_channel = |values: &Tensor| values.reshape((1, x.dim(1)?, 1, 1));
    let y = x.broadcast_add(&per_channel(bias)?)?;
    y.relu()? + y.minimum(0f32)?.broadcast_mul(&per_channel(slope)?)
}

struct BiasPRelu;

impl InplaceOp3 for BiasPRelu {
    fn name(&self) -> &'static str {
        "bias-prelu"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        lx: &Layout,
        bias: &CpuStorage,
        lb: &Layout,
        slope: &CpuStorage,
        ls: &Layout,
    ) -> Result<()> {
        let (x, channels, plane) = planes(x, lx)?;
        let (bias, slope) = (contiguous((bias, lb))?, contiguous((slope, ls))?);
        if bias.len() != channels || slope.len() != channels {
            bail!(
                "{channels} channels need as many biases and slopes, got {} and {}",
                bias.len(),
                slope.len()
            );
        }
        for_each_plane(
            x,
            plane,
            #[inline(always)]
            |i, values| {
                let (bias, slope) = (bias[i % channels], slope[i % channels]);
                for value in values {
                    let y = *value + bias;
                    *value = y.max(0.0) + slope * y.min(0.0);
                }
            },
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn equals_its_definition() -> Result<()> {
        for (n, c, h, w) in [(1, 1, 1, 1), (2, 3, 5, 7), (1, 70, 33, 31), (3, 2, 200, 190)] {
            let x = Tensor::randn(0f32, 1.0, (n, c, h, w), &Device::Cpu)?;
            let bias = Tensor::randn(0f32, 1.0, c, &Device::Cpu)?;
            let slope = Tensor::randn(0f32, 1.0, (c, 1, 1), &Device::Cpu)?;
            let y = x.broadcast_add(&bias.reshape((1, c, 1, 1))?)?;
            let expected = (y.relu()? + y.minimum(0f32)?.broadcast_mul(&slope)?)?;
            let got = bias_prelu(x, &bias, &slope)?;
            let worst = (got - expected)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
            assert!(worst < 1e-6, "differs by {worst}");
        }
        Ok(())
    }

    #[test]
    fn refuses_a_wrong_number_of_slopes() -> Result<()> {
        let zeros = |n: usize| Tensor::zeros(n, DType::F32, &Device::Cpu);
        let x = Tensor::zeros((1, 4, 5, 5), DType::F32, &Device::Cpu)?;
        assert!(bias_prelu(x.clone(), &zeros(4)?, &zeros(3)?).is_err());
        assert!(bias_prelu(x, &zeros(3)?, &zeros(4)?).is_err());
        Ok(())
    }
}
