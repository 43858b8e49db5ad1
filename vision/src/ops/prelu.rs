//! Parametric rectified linear unit.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use pulp::Arch;
use rayon::prelude::*;

use super::depthwise::contiguous;

/// `max(x, 0) + slope * min(x, 0)` with one slope per channel (He et al. 2015, "Delving Deep into Rectifiers"), in one pass.
///
/// `x` is (batch, channels, height, width), `slope` holds one value per channel, both `f32`.
///
/// # Errors
/// When the number of slopes is not that of the channels, or the tensors are not `f32`.
pub fn prelu(x: &Tensor, slope: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op2_no_bwd(&slope.contiguous()?, &PRelu);
    }
    let slope = slope.reshape((1, x.dim(1)?, 1, 1))?;
    x.relu()? + x.minimum(0f32)?.broadcast_mul(&slope)
}

struct PRelu;

impl CustomOp2 for PRelu {
    fn name(&self) -> &'static str {
        "prelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, slope: &CpuStorage, ls: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, c, h, w) = lx.shape().dims4()?;
        let x = contiguous((x, lx))?;
        let slope = contiguous((slope, ls))?;
        if slope.len() != c {
            bail!("prelu needs {c} slopes, got {}", slope.len());
        }
        let plane = h * w;
        let mut out = vec![0f32; x.len()];
        if plane > 0 {
            let arch = Arch::new();
            let planes_per_task = (65_536 / plane).clamp(1, c);
            out.par_chunks_mut(plane * planes_per_task)
                .zip(x.par_chunks(plane * planes_per_task))
                .enumerate()
                .for_each(|(task, (out, x))| {
                    arch.dispatch(|| {
                        for (i, (out, x)) in out.chunks_mut(plane).zip(x.chunks(plane)).enumerate() {
                            let slope = slope[(task * planes_per_task + i) % c];
                            for (o, &v) in out.iter_mut().zip(x) {
                                *o = v.max(0.0) + slope * v.min(0.0);
                            }
                        }
                    });
                });
        }
        Ok((CpuStorage::F32(out), lx.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn equals_its_definition() -> Result<()> {
        for (n, c, h, w) in [(1, 1, 1, 1), (2, 3, 5, 7), (1, 70, 33, 31), (3, 2, 200, 190)] {
            let x = Tensor::randn(0f32, 1.0, (n, c, h, w), &Device::Cpu)?;
            let slope = Tensor::randn(0f32, 1.0, (c, 1, 1), &Device::Cpu)?;
            let expected = (x.relu()? + x.minimum(0f32)?.broadcast_mul(&slope)?)?;
            let got = prelu(&x, &slope)?;
            let worst = (got - expected)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
            assert!(worst < 1e-6, "differs by {worst}");
        }
        Ok(())
    }

    #[test]
    fn refuses_a_wrong_number_of_slopes() -> Result<()> {
        let x = Tensor::zeros((1, 4, 5, 5), candle_core::DType::F32, &Device::Cpu)?;
        assert!(prelu(&x, &Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu)?).is_err());
        Ok(())
    }
}
