//! What follows a convolution: bias, activation and residual in one pass over its result, in place.

use candle_core::{CpuStorage, D, InplaceOp2, InplaceOp3, Layout, Result, Tensor, bail};
use pulp::Arch;
use rayon::prelude::*;

use super::phases::contiguous;

/// Values that one task works on at least, so that it outweighs its hand-over.
const TASK: usize = 32_768;

/// A function applied to each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x
    Identity,
    /// max(x, 0)
    Relu,
    /// x · Φ(x) with the normal distribution function Φ, by erf and not by tanh (Hendrycks and Gimpel 2016, "Gaussian Error
    /// Linear Units").
    Gelu,
}

/// `activation(x + bias)`, with one bias per channel. Writes into `x`, which nothing else may use.
///
/// `x` is (batch, channels, height, width), `bias` holds one value per channel, both `f32`. GELU's erf is a rational function
/// fitted to 2e-8, which `f32` arithmetic turns into an absolute error below 1e-6 times the value.
///
/// # Errors
/// When the number of biases is not that of the channels, or the tensors are not `f32`.
pub(crate) fn bias_activation(x: Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    if x.device().is_cpu() {
        let x = x.contiguous()?;
        x.inplace_op2(&bias.contiguous()?, &activation)?;
        return Ok(x);
    }
    let x = x.broadcast_add(&bias.reshape((1, (), 1, 1))?)?;
    match activation {
        Activation::Identity => Ok(x),
        Activation::Relu => x.relu(),
        Activation::Gelu => x.gelu_erf(),
    }
}

/// `x + bias + residual`, with one bias per channel. Writes into `x`, which nothing else may use.
///
/// `x` and `residual` are (batch, channels, height, width), `bias` holds one value per channel, all `f32`.
///
/// # Errors
/// When the shapes do not fit, or the tensors are not `f32`.
pub(crate) fn bias_residual(x: Tensor, bias: &Tensor, residual: &Tensor) -> Result<Tensor> {
    if x.shape() != residual.shape() {
        bail!("a residual of {:?} does not fit {:?}", residual.shape(), x.shape());
    }
    if x.device().is_cpu() {
        let x = x.contiguous()?;
        x.inplace_op3(&bias.contiguous()?, &residual.contiguous()?, &Residual)?;
        return Ok(x);
    }
    x.broadcast_add(&bias.reshape((1, (), 1, 1))?)? + residual
}

/// `x * factor`, with one factor per picture and channel. Writes into `x`, which nothing else may use.
///
/// `x` is (batch, channels, height, width), `factors` (batch, channels, 1, 1), both `f32`.
///
/// # Errors
/// When the number of factors does not fit, or the tensors are not `f32`.
pub(crate) fn scale_channels(x: Tensor, factors: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        let x = x.contiguous()?;
        x.inplace_op2(&factors.contiguous()?, &Scale)?;
        return Ok(x);
    }
    x.broadcast_mul(factors)
}

/// The mean of each channel of each picture: (batch, channels, height, width) to (batch, channels, 1, 1).
///
/// # Errors
/// When the tensor is not of four dimensions.
pub(crate) fn channel_means(x: &Tensor) -> Result<Tensor> {
    let (n, c, _, _) = x.dims4()?;
    x.flatten_from(2)?.mean(D::Minus1)?.reshape((n, c, 1, 1))
}

/// erf(x) for `f32` as x·P(x²)/Q(x²) on [−4, 4], beyond which it is ±1 to the last bit. The coefficients are a minimax fit of
/// ours by iteratively reweighted least squares at 2,000 Chebyshev nodes: largest error 2.2e-8.
#[inline(always)]
fn erf(x: f32) -> f32 {
    const P: [f32; 6] = [
        1.974_933_4e-6,
        2.880_216_3e-4,
        4.002_873e-3,
        5.346_509_6e-2,
        1.962_312_e-1,
        std::f32::consts::FRAC_2_SQRT_PI,
    ];
    const Q: [f32; 6] = [
        3.748_090_4e-5,
        1.216_167_8e-3,
        1.544_288_1e-2,
        1.164_690_5e-1,
        5.072_365_4e-1,
        1.0,
    ];
    let x = x.clamp(-4.0, 4.0);
    let t = x * x;
    let horner = |coefficients: [f32; 6]| {
        let [first, rest @ ..] = coefficients;
        rest.into_iter().fold(first, |sum, coefficient| sum * t + coefficient)
    };
    x * horner(P) / horner(Q)
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// Calls `work` for each plane of `x` with its number, several planes at a time on the rayon pool.
pub(super) fn for_each_plane(x: &mut [f32], plane: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if plane == 0 {
        return;
    }
    let arch = Arch::new();
    let planes_per_task = TASK.div_ceil(plane);
    x.par_chunks_mut(plane * planes_per_task)
        .enumerate()
        .for_each(|(task, planes)| {
            arch.dispatch(
                #[inline(always)]
                || {
                    for (i, values) in planes.chunks_mut(plane).enumerate() {
                        work(task * planes_per_task + i, values);
                    }
                },
            );
        });
}

/// The values of `x` to be written, and the size of a plane of its four dimensions.
pub(super) fn planes<'a>(x: &'a mut CpuStorage, layout: &Layout) -> Result<(&'a mut [f32], usize, usize)> {
    let (_, c, h, w) = layout.shape().dims4()?;
    let (CpuStorage::F32(values), Some((start, end))) = (x, layout.contiguous_offsets()) else {
        bail!("the operation needs contiguous f32 tensors");
    };
    Ok((&mut values[start..end], c, h * w))
}

impl InplaceOp2 for Activation {
    fn name(&self) -> &'static str {
        "bias-activation"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, lx: &Layout, bias: &CpuStorage, lb: &Layout) -> Result<()> {
        let (x, channels, plane) = planes(x, lx)?;
        let bias = contiguous((bias, lb))?;
        if bias.len() != channels {
            bail!("{channels} channels need as many biases, got {}", bias.len());
        }
        // One loop per activation, so that each is vectorised.
        match self {
            Activation::Identity => for_each_plane(
                x,
                plane,
                #[inline(always)]
                |i, values| {
                    let bias = bias[i % channels];
                    values.iter_mut().for_each(|v| *v += bias);
                },
            ),
            Activation::Relu => for_each_plane(
                x,
                plane,
                #[inline(always)]
                |i, values| {
                    let bias = bias[i % channels];
                    values.iter_mut().for_each(|v| *v = (*v + bias).max(0.0));
                },
            ),
            Activation::Gelu => for_each_plane(
                x,
                plane,
                #[inline(always)]
                |i, values| {
                    let bias = bias[i % channels];
                    values.iter_mut().for_each(|v| *v = gelu(*v + bias));
                },
            ),
        }
        Ok(())
    }
}

struct Residual;

impl InplaceOp3 for Residual {
    fn name(&self) -> &'static str {
        "bias-residual"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        lx: &Layout,
        bias: &CpuStorage,
        lb: &Layout,
        residual: &CpuStorage,
        lr: &Layout,
    ) -> Result<()> {
        let (x, channels, plane) = planes(x, lx)?;
        let bias = contiguous((bias, lb))?;
        let residual = contiguous((residual, lr))?;
        if bias.len() != channels {
            bail!("{channels} channels need as many biases, got {}", bias.len());
        }
        for_each_plane(
            x,
            plane,
            #[inline(always)]
            |i, values| {
                let bias = bias[i % channels];
                let residual = &residual[i * plane..(i + 1) * plane];
                values.iter_mut().zip(residual).for_each(|(v, r)| *v += bias + r);
            },
        );
        Ok(())
    }
}

struct Scale;

impl InplaceOp2 for Scale {
    fn name(&self) -> &'static str {
        "scale-channels"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, lx: &Layout, factors: &CpuStorage, lf: &Layout) -> Result<()> {
        let (x, _, plane) = planes(x, lx)?;
        let factors = contiguous((factors, lf))?;
        if factors.len() * plane != x.len() {
            bail!(
                "{} factors do not fit {} values in planes of {plane}",
                factors.len(),
                x.len()
            );
        }
        for_each_plane(
            x,
            plane,
            #[inline(always)]
            |i, values| {
                let factor = factors[i];
                values.iter_mut().for_each(|v| *v *= factor);
            },
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    const SHAPES: [(usize, usize, usize, usize); 4] = [(1, 1, 1, 1), (2, 3, 5, 7), (1, 70, 33, 31), (3, 2, 200, 190)];

    fn worst(a: &Tensor, b: &Tensor) -> Result<f32> {
        (a - b)?.abs()?.flatten_all()?.max(0)?.to_scalar()
    }

    #[test]
    fn equals_the_plain_expressions() -> Result<()> {
        for shape in SHAPES {
            let (n, c, _, _) = shape;
            let x = Tensor::randn(0f32, 2.0, shape, &Device::Cpu)?;
            let bias = Tensor::randn(0f32, 1.0, c, &Device::Cpu)?;
            let biased = x.broadcast_add(&bias.reshape((1, c, 1, 1))?)?;
            let got = |activation| bias_activation(x.copy()?, &bias, activation);
            assert!(worst(&got(Activation::Identity)?, &biased)? < 1e-6);
            assert!(worst(&got(Activation::Relu)?, &biased.relu()?)? < 1e-6);
            assert!(worst(&got(Activation::Gelu)?, &biased.gelu_erf()?)? < 2e-6);

            let residual = Tensor::randn(0f32, 1.0, shape, &Device::Cpu)?;
            let got = bias_residual(x.copy()?, &bias, &residual)?;
            assert!(worst(&got, &(&biased + &residual)?)? < 2e-6);

            let factors = Tensor::randn(0f32, 1.0, (n, c, 1, 1), &Device::Cpu)?;
            let got = scale_channels(x.copy()?, &factors)?;
            assert!(worst(&got, &x.broadcast_mul(&factors)?)? < 1e-6);

            let got = channel_means(&x)?;
            assert!(worst(&got, &x.mean_keepdim((2, 3))?)? < 1e-5);
        }
        Ok(())
    }

    #[test]
    fn gelu_is_right_at_both_ends() -> Result<()> {
        let x: Vec<f32> = (-4000..=4000).map(|i| i as f32 / 400.0).collect();
        let x = Tensor::from_vec(x, (1, 1, 1, 8001), &Device::Cpu)?;
        let got = bias_activation(
            x.copy()?,
            &Tensor::zeros(1, DType::F32, &Device::Cpu)?,
            Activation::Gelu,
        )?;
        let expected = x.to_dtype(DType::F64)?.gelu_erf()?.to_dtype(DType::F32)?;
        assert!(worst(&got, &expected)? < 3e-6);
        Ok(())
    }

    #[test]
    fn refuses_shapes_that_do_not_fit() -> Result<()> {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
        let x = || zeros(&[2, 4, 5, 5]);
        assert!(bias_activation(x()?, &zeros(&[3])?, Activation::Relu).is_err());
        assert!(bias_residual(x()?, &zeros(&[4])?, &zeros(&[2, 4, 5, 4])?).is_err());
        assert!(scale_channels(x()?, &zeros(&[1, 4, 1, 1])?).is_err());
        Ok(())
    }
}
