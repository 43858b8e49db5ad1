//! Pointwise (1×1) convolution.

use candle_core::{Result, Tensor};

/// Mixes channels at every position: `conv2d` with a 1×1 kernel, as one matrix product per picture.
///
/// `x` is (batch, channels in, height, width), `weight` (channels out, channels in, 1, 1), `bias` (channels out). candle's own
/// `conv2d` copies input and output element by element first, which costs more than the product itself on a CPU.
///
/// # Errors
/// When the shapes do not fit each other.
pub fn pointwise_conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (n, c_in, h, w) = x.dims4()?;
    let c_out = weight.dim(0)?;
    let weight = weight.reshape((c_out, c_in))?;
    let y = if n == 1 {
        weight.matmul(&x.reshape((c_in, h * w))?)?
    } else {
        weight.broadcast_left(n)?.matmul(&x.reshape((n, c_in, h * w))?)?
    };
    let y = y.reshape((n, c_out, h, w))?;
    match bias {
        Some(bias) => y.broadcast_add(&bias.reshape((1, c_out, 1, 1))?),
        None => Ok(y),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn equals_candles_convolution(n in 1usize..4, c_in in 1usize..20, c_out in 1usize..20, h in 1usize..12, w in 1usize..12) {
            let x = Tensor::randn(0f32, 1.0, (n, c_in, h, w), &Device::Cpu)?;
            let k = Tensor::randn(0f32, 1.0, (c_out, c_in, 1, 1), &Device::Cpu)?;
            let b = Tensor::randn(0f32, 1.0, c_out, &Device::Cpu)?;
            let expected = x.conv2d(&k, 0, 1, 1, 1)?.broadcast_add(&b.reshape((1, c_out, 1, 1))?)?;
            let got = pointwise_conv2d(&x, &k, Some(&b))?;
            let worst = (got - expected)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
            prop_assert!(worst < 1e-4, "differs by {}", worst);
        }
    }

    #[test]
    fn refuses_a_weight_for_other_channels() -> Result<()> {
        let x = Tensor::zeros((1, 4, 5, 5), candle_core::DType::F32, &Device::Cpu)?;
        let k = Tensor::zeros((8, 3, 1, 1), candle_core::DType::F32, &Device::Cpu)?;
        assert!(pointwise_conv2d(&x, &k, None).is_err());
        Ok(())
    }
}
