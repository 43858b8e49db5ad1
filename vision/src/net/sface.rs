//! SFace: a MobileFaceNet-like embedding network (Zhong et al. 2021, "SFace: Sigmoid-Constrained Hypersphere Loss for Robust
//! Face Recognition"), 112×112 pixels to 128 numbers.
//!
//! Batch normalisation is folded into the convolutions, and into the final matrix on both of its sides, when weights are loaded.

use candle_core::{Result, Tensor};

use super::normalisation::{Normalisation, Statistics};
use super::quantized::tensor;
use crate::models::{ModelError, Weights};
use crate::ops::{Activation, Convolution, Layer, Precision};

/// Width and height of the input in pixels.
pub const SIDE: u32 = 112;

/// Numbers in an embedding.
pub const DIMENSIONS: usize = 128;

/// Epsilon of the batch normalisation after convolutions.
const CONV_EPSILON: f64 = 1e-3;

/// Epsilon of the batch normalisation before and after the final matrix.
const HEAD_EPSILON: f64 = 2e-5;

/// Input and output channels and the stride of the depthwise convolution, of blocks 2 to 14.
const BLOCKS: [(usize, usize, usize); 13] = [
    (32, 64, 1),
    (64, 128, 2),
    (128, 128, 1),
    (128, 256, 2),
    (256, 256, 1),
    (256, 512, 2),
    (512, 512, 1),
    (512, 512, 1),
    (512, 512, 1),
    (512, 512, 1),
    (512, 512, 1),
    (512, 1024, 2),
    (1024, 1024, 1),
];

/// Channels and side of the picture before the final matrix.
const LAST: (usize, usize) = (1024, 7);

/// The batch normalisation `name`.
fn load_normalisation(
    weights: &Weights,
    name: &str,
    channels: usize,
    epsilon: f64,
) -> std::result::Result<Normalisation, ModelError> {
    let get = |part: &str| weights.get(&format!("{name}_{part}"), channels);
    let statistics = Statistics {
        gamma: get("gamma")?,
        beta: get("beta")?,
        mean: get("moving_mean")?,
        variance: get("moving_var")?,
    };
    Ok(statistics.fold(epsilon)?)
}

/// A convolution with its normalisation folded in, and the PReLU after it. One with one channel in is depthwise.
fn load_convolution(
    weights: &Weights,
    name: &str,
    (outputs, inputs, side): (usize, usize, usize),
    stride: usize,
    precision: Precision,
) -> std::result::Result<Convolution, ModelError> {
    let kernel = tensor(weights, &format!("{name}_conv2d_weight"), (outputs, inputs, side, side))?;
    let norm = load_normalisation(weights, &format!("{name}_batchnorm"), outputs, CONV_EPSILON)?;
    Ok(Convolution {
        kernel: kernel.broadcast_mul(&norm.scale.reshape((outputs, 1, 1, 1))?)?,
        bias: norm.shift,
        depthwise: inputs == 1,
        stride: (stride, stride),
        activation: Activation::PRelu(weights.get(&format!("{name}_relu_gamma"), (outputs, 1, 1))?),
        precision,
    })
}

/// The network.
pub struct SFace {
    /// The first convolution, then a depthwise and a pointwise one each.
    layers: Vec<Layer>,
    /// From the last picture to the dimensions.
    head: Layer,
}

impl SFace {
    /// Takes the network's tensors out of `weights`; the products are made with `precision`.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn load(weights: &Weights, precision: Precision) -> std::result::Result<Self, ModelError> {
        let mut layers = vec![Layer::new(vec![load_convolution(
            weights,
            "conv_1",
            (32, 3, 3),
            1,
            precision,
        )?])?];
        for (index, &(inputs, outputs, stride)) in BLOCKS.iter().enumerate() {
            let name = format!("conv_{}", index + 2);
            layers.push(Layer::new(vec![
                load_convolution(weights, &format!("{name}_dw"), (inputs, 1, 3), stride, precision)?,
                load_convolution(weights, &name, (outputs, inputs, 1), 1, precision)?,
            ])?);
        }
        Ok(Self {
            layers,
            head: Layer::new(vec![load_head(weights, precision)?])?,
        })
    }

    /// Embeds a batch of aligned faces: (batch, 112, 112, 3), red, green, blue, 0 to 255. Answers (batch, 128), not normalised.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward(&self, faces: &Tensor) -> Result<Tensor> {
        let x = ((faces - 127.5)? * (1.0 / 128.0))?;
        let x = self.layers.iter().try_fold(x, |x, layer| layer.consume(x))?;
        let x = x.reshape((x.dim(0)?, 1, 1, ()))?;
        self.head.consume(x)?.flatten_from(1)
    }
}

/// The final matrix W with the normalisations before (s, t) and after (u, v) it:
/// u·(W·(s·x + t) + b) + v = (u·W·s)·x + u·(W·t + b) + v. The model file's picture has its channels first.
fn load_head(weights: &Weights, precision: Precision) -> std::result::Result<Convolution, ModelError> {
    let (channels, side) = LAST;
    let pixels = side * side;
    let matrix = tensor(weights, "pre_fc1_weight", (DIMENSIONS, channels * pixels))?;
    let bias = tensor(weights, "pre_fc1_bias", DIMENSIONS)?;
    let before = load_normalisation(weights, "bn1", channels, HEAD_EPSILON)?;
    let after = load_normalisation(weights, "fc1", DIMENSIONS, HEAD_EPSILON)?;

    let matrix = matrix.reshape((DIMENSIONS, channels, pixels))?;
    let shifted = matrix
        .sum(2)?
        .matmul(&before.shift.reshape((channels, 1))?)?
        .reshape(DIMENSIONS)?;
    let bias = (((shifted + bias)? * &after.scale)? + after.shift)?;
    let matrix = matrix
        .broadcast_mul(&before.scale.reshape((1, channels, 1))?)?
        .broadcast_mul(&after.scale.reshape((DIMENSIONS, 1, 1))?)?
        .transpose(1, 2)?
        .reshape((DIMENSIONS, pixels * channels, 1, 1))?;
    Ok(Convolution::pointwise(matrix, bias, Activation::Identity, precision))
}
