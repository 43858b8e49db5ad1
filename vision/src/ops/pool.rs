//! Pooling.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::phases::contiguous;

/// The maximum of each pixel and its neighbours to the right, below, and below to the right, as far as there are any: candle's
/// `max_pool2d_with_stride(2, 1)` of the picture with its last column and row repeated (ONNX's `MaxPool` with `SAME_UPPER`).
///
/// `x` is (batch, channels, height, width), `f32`; the result has the same shape.
///
/// # Errors
/// When the tensor is not of four dimensions or not `f32`.
pub(crate) fn max_pool_2x2(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op1_no_bwd(&MaxPool);
    }
    x.pad_with_same(2, 0, 1)?
        .pad_with_same(3, 0, 1)?
        .max_pool2d_with_stride(2, 1)
}

struct MaxPool;

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool-2x2"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, _, h, w) = layout.shape().dims4()?;
        let x = contiguous((x, layout))?;
        let mut out = vec![0f32; x.len()];
        if h * w > 0 {
            out.par_chunks_mut(h * w).zip(x.par_chunks(h * w)).for_each(|(out, x)| {
                for (y, out) in out.chunks_exact_mut(w).enumerate() {
                    let row = &x[y * w..(y + 1) * w];
                    let below = if y + 1 < h { &x[(y + 1) * w..(y + 2) * w] } else { row };
                    let last = w - 1;
                    for (i, out) in out[..last].iter_mut().enumerate() {
                        *out = row[i].max(row[i + 1]).max(below[i].max(below[i + 1]));
                    }
                    out[last] = row[last].max(below[last]);
                }
            });
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn equals_candles_pooling_of_the_padded_picture() -> Result<()> {
        for shape in [(1, 1, 1, 1), (2, 3, 5, 7), (1, 4, 1, 9), (1, 2, 33, 1), (1, 24, 40, 61)] {
            let x = Tensor::randn(0f32, 1.0, shape, &Device::Cpu)?;
            let padded = x.pad_with_same(2, 0, 1)?.pad_with_same(3, 0, 1)?;
            let expected = padded.max_pool2d_with_stride(2, 1)?;
            let worst = (max_pool_2x2(&x)? - expected)?
                .abs()?
                .flatten_all()?
                .max(0)?
                .to_scalar::<f32>()?;
            assert_eq!(worst, 0.0);
        }
        Ok(())
    }
}
