//! The functions that follow a convolution.

use candle_core::{Result, Tensor};
use pulp::Simd;

/// A function applied to each value.
#[derive(Debug, Clone)]
pub enum Activation {
    /// x
    Identity,
    /// max(x, 0)
    Relu,
    /// max(x, 0) + slope · min(x, 0), with one slope per channel.
    PRelu(Tensor),
    /// x · Φ(x) with the normal distribution function Φ, by erf and not by tanh (Hendrycks and Gimpel 2016, "Gaussian Error
    /// Linear Units").
    Gelu,
    /// x · sigmoid(x)
    Silu,
    /// 1 / (1 + exp(−x))
    Sigmoid,
}

impl Activation {
    /// By candle's operators, for pictures with channels first.
    pub(super) fn plain(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Activation::Identity => Ok(x.clone()),
            Activation::Relu => x.relu(),
            Activation::PRelu(slopes) => {
                x.relu()? + x.minimum(0f32)?.broadcast_mul(&slopes.reshape((1, (), 1, 1))?)?
            }
            Activation::Gelu => x.gelu_erf(),
            Activation::Silu => x.silu(),
            Activation::Sigmoid => candle_nn::ops::sigmoid(x),
        }
    }

    /// The part that is linear on either side of zero: one slope per channel for what is below. 1 where there is none.
    pub(super) fn slopes(&self, channels: usize) -> Result<Vec<f32>> {
        match self {
            Activation::Relu => Ok(vec![0.0; channels]),
            Activation::PRelu(slopes) => slopes.flatten_all()?.to_vec1(),
            _ => Ok(vec![1.0; channels]),
        }
    }

    /// Whether of two values the larger one's result is never the smaller.
    pub(super) fn never_falls(&self) -> bool {
        let rises = |slopes: Vec<f32>| slopes.iter().all(|slope| *slope >= 0.0);
        self.smooth().is_none() && self.slopes(1).is_ok_and(rises)
    }

    /// The part that is left to do after the slopes.
    pub(super) fn smooth(&self) -> Option<Smooth> {
        match self {
            Activation::Gelu => Some(Smooth::Gelu),
            Activation::Silu => Some(Smooth::Silu),
            Activation::Sigmoid => Some(Smooth::Sigmoid),
            Activation::Identity | Activation::Relu | Activation::PRelu(_) => None,
        }
    }
}

/// A function that is a curve.
#[derive(Debug, Clone, Copy)]
pub(super) enum Smooth {
    Gelu,
    Silu,
    Sigmoid,
}

impl Smooth {
    #[inline(always)]
    pub(super) fn apply<S: Simd>(self, simd: S, values: &mut [f32]) {
        // One loop per function, each over vectors.
        match self {
            Smooth::Gelu => each(
                simd,
                values,
                #[inline(always)]
                |x| gelu(simd, x),
            ),
            Smooth::Silu => each(
                simd,
                values,
                #[inline(always)]
                |x| simd.mul_f32s(x, sigmoid(simd, x)),
            ),
            Smooth::Sigmoid => each(
                simd,
                values,
                #[inline(always)]
                |x| sigmoid(simd, x),
            ),
        }
    }
}

#[inline(always)]
fn each<S: Simd>(simd: S, values: &mut [f32], function: impl Fn(S::f32s) -> S::f32s) {
    let (vectors, rest) = S::as_mut_simd_f32s(values);
    for x in vectors {
        *x = function(*x);
    }
    if !rest.is_empty() {
        let y = function(simd.partial_load_f32s(rest));
        simd.partial_store_f32s(rest, y);
    }
}

/// erf(x) for `f32` as x·P(x²)/Q(x²) on [−4, 4], beyond which it is ±1 to the last bit. The coefficients are a minimax fit of
/// ours by iteratively reweighted least squares at 2,000 Chebyshev nodes: largest error 2.2e-8.
#[inline(always)]
fn erf<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
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
    let x = clamp(simd, x, 4.0);
    let t = simd.mul_f32s(x, x);
    simd.div_f32s(simd.mul_f32s(x, horner(simd, P, t)), horner(simd, Q, t))
}

#[inline(always)]
fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let erf = erf(simd, simd.mul_f32s(x, simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2)));
    let half = simd.mul_f32s(x, simd.splat_f32s(0.5));
    simd.mul_add_e_f32s(half, erf, half)
}

#[inline(always)]
fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// exp(x) to 3e-7 of its value; x is taken as if it lay within ±87, so that neither 0 nor infinity is reached.
///
/// exp(x) = 2ⁿ·exp(r) with r in ±ln(2)/2, where seven terms of the series are enough; n is rounded by adding a number so large
/// that no fraction is left, and its bits become the exponent.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const ROUND: f32 = 12_582_912.0;
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const SERIES: [f32; 7] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let x = clamp(simd, x, 87.0);
    let round = simd.splat_f32s(ROUND);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), round);
    let n = simd.sub_f32s(shifted, round);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2[0]), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2[1]), r);
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let power = simd.transmute_f32s_u32s(simd.add_u32s(exponent, simd.splat_u32s(1f32.to_bits())));
    simd.mul_f32s(power, horner(simd, SERIES, r))
}

#[inline(always)]
fn clamp<S: Simd>(simd: S, x: S::f32s, limit: f32) -> S::f32s {
    simd.max_f32s(simd.min_f32s(x, simd.splat_f32s(limit)), simd.splat_f32s(-limit))
}

/// The polynomial with these coefficients, that of the highest power first.
#[inline(always)]
fn horner<S: Simd, const N: usize>(simd: S, coefficients: [f32; N], x: S::f32s) -> S::f32s {
    let mut sum = simd.splat_f32s(0.0);
    for (at, coefficient) in coefficients.into_iter().enumerate() {
        let coefficient = simd.splat_f32s(coefficient);
        sum = if at == 0 {
            coefficient
        } else {
            simd.mul_add_e_f32s(sum, x, coefficient)
        };
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Apply<'a>(Smooth, &'a mut [f32]);

    impl WithSimd for Apply<'_> {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            self.0.apply(simd, self.1);
        }
    }

    /// −120 to 120, and what the function makes of each, on this machine's vectors and one by one.
    fn outputs(function: Smooth) -> impl Iterator<Item = (f64, [f32; 2])> {
        let x: Vec<f32> = (-120_000..=120_000).map(|i| i as f32 * 1e-3).collect();
        let (mut vectors, mut single) = (x.clone(), x.clone());
        Arch::new().dispatch(Apply(function, &mut vectors));
        Apply(function, &mut single).with_simd(pulp::Scalar);
        let both = vectors.into_iter().zip(single).map(<[f32; 2]>::from);
        x.into_iter().map(f64::from).zip(both)
    }

    #[test]
    fn sigmoids_are_those_of_the_standard_library() {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        for (x, got) in outputs(Smooth::Sigmoid) {
            for got in got {
                // Relative, since probabilities near 0 count too, as far as exp's bounds allow.
                let close = (f64::from(got) - sigmoid(x)).abs() < 1e-6 * sigmoid(x) + 1e-37;
                assert!(close, "sigmoid({x}) = {got}");
            }
        }
        for (x, got) in outputs(Smooth::Silu) {
            for got in got {
                assert!(
                    (f64::from(got) - x * sigmoid(x)).abs() < 1e-6 * x.abs().max(1.0),
                    "silu({x}) = {got}"
                );
            }
        }
    }

    #[test]
    fn gelu_is_candles() -> Result<()> {
        let (x, got): (Vec<f64>, Vec<_>) = outputs(Smooth::Gelu).unzip();
        let expected = Tensor::new(x.as_slice(), &candle_core::Device::Cpu)?
            .gelu_erf()?
            .to_vec1::<f64>()?;
        for ((x, got), expected) in x.into_iter().zip(got).zip(expected) {
            for got in got {
                assert!(
                    (f64::from(got) - expected).abs() <= 1e-6 * x.abs().max(1.0),
                    "gelu({x}) = {got}"
                );
            }
        }
        Ok(())
    }
}
