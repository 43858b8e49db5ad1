//! What the tests of layers work on.

use std::cell::RefCell;
use std::f32::consts::TAU;

use candle_core::{DType, Device, Result, Shape, Tensor};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Activation, Convolution, Precision};

/// What is allowed beside another order of sums and other approximations of exp and erf.
pub(in crate::ops) const TOLERANCE: f32 = 1e-4;

thread_local! {
    // Each test has a thread of its own, and with it the same numbers each time; candle's cannot be seeded on CPUs.
    static RANDOM: RefCell<ChaCha8Rng> = RefCell::new(ChaCha8Rng::seed_from_u64(1));
}

/// Normally distributed numbers (Box and Muller).
pub(in crate::ops) fn randn(shape: impl Into<Shape>) -> Result<Tensor> {
    let shape = shape.into();
    let normal = |random: &mut ChaCha8Rng| {
        let (radius, angle) = (1.0 - random.random::<f32>(), random.random::<f32>());
        (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
    };
    let numbers = RANDOM.with_borrow_mut(|random| (0..shape.elem_count()).map(|_| normal(random)).collect());
    Tensor::from_vec::<_, f32>(numbers, shape, &Device::Cpu)
}

/// What bfloat16 keeps of each value.
pub(in crate::ops) fn halved(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(DType::BF16)?.to_dtype(DType::F32)
}

pub(in crate::ops) fn largest_difference(left: &Tensor, right: &Tensor) -> Result<f32> {
    let (left, right) = (left.to_device(&Device::Cpu)?, right.to_device(&Device::Cpu)?);
    assert_eq!(left.dims(), right.dims());
    let differences = (left - right)?.abs()?.flatten_all()?.to_vec1::<f32>()?;
    // What is not a number is as far away as can be.
    let far = |difference: f32| if difference.is_nan() { f32::INFINITY } else { difference };
    Ok(differences.into_iter().map(far).fold(0.0, f32::max))
}

/// A convolution with all kinds of activations in turn.
pub(in crate::ops) fn convolution(
    kernel: (usize, usize, usize, usize),
    depthwise: bool,
    stride: (usize, usize),
    activation: usize,
) -> Result<Convolution> {
    // Sums of about one, whatever the number of products.
    let scale = 1.0 / ((kernel.1 * kernel.2 * kernel.3) as f64).sqrt();
    Ok(Convolution {
        kernel: (randn(kernel)? * scale)?,
        bias: randn(kernel.0)?,
        depthwise,
        stride,
        activation: match activation % 6 {
            0 => Activation::Identity,
            1 => Activation::Relu,
            2 => Activation::PRelu(randn(kernel.0)?),
            3 => Activation::Gelu,
            4 => Activation::Silu,
            _ => Activation::Sigmoid,
        },
        precision: Precision::Single,
    })
}

pub(in crate::ops) fn pointwise(from: usize, to: usize, activation: usize) -> Result<Convolution> {
    convolution((to, from, 1, 1), false, (1, 1), activation)
}

/// With an activation that never falls, as pooling asks.
pub(in crate::ops) fn growing(convolution: Convolution) -> Result<Convolution> {
    Ok(match &convolution.activation {
        Activation::PRelu(slopes) => Convolution {
            activation: Activation::PRelu(slopes.abs()?),
            ..convolution
        },
        _ => convolution,
    })
}
