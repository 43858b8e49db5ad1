//! SFace: a MobileFaceNet-like embedding network (Zhong et al. 2021, "SFace: Sigmoid-Constrained Hypersphere Loss for Robust
//! Face Recognition"), 112×112 pixels to 128 numbers.
//!
//! Batch normalisation is folded into the convolutions, and into the final matrix on both of its sides, when weights are loaded.

use candle_core::{Result, Tensor};

use super::quantized::tensor;
use crate::models::{ModelError, Weights};
use crate::ops::{Filter, Layer, bias_prelu, depthwise_conv2d, direct_conv2d, pointwise_conv2d};

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

/// What batch normalisation does to each channel: `x * scale + shift`.
struct Normalisation {
    scale: Tensor,
    shift: Tensor,
}

impl Normalisation {
    fn load(weights: &Weights, name: &str, channels: usize, epsilon: f64) -> std::result::Result<Self, ModelError> {
        let get = |part: &str| weights.get(&format!("{name}_{part}"), channels);
        let (gamma, beta, mean, variance) = (get("gamma")?, get("beta")?, get("moving_mean")?, get("moving_var")?);
        let scale = (gamma / (variance + epsilon)?.sqrt()?)?;
        let shift = (beta - (mean * &scale)?)?;
        Ok(Self { scale, shift })
    }
}

/// A convolution with its normalisation folded in, and the slopes of the PReLU after it.
struct Convolution {
    weight: Tensor,
    bias: Tensor,
    slope: Tensor,
}

impl Convolution {
    fn load(
        weights: &Weights,
        name: &str,
        (outputs, inputs, side): (usize, usize, usize),
    ) -> std::result::Result<Self, ModelError> {
        let weight = tensor(weights, &format!("{name}_conv2d_weight"), (outputs, inputs, side, side))?;
        let norm = Normalisation::load(weights, &format!("{name}_batchnorm"), outputs, CONV_EPSILON)?;
        Ok(Self {
            weight: weight.broadcast_mul(&norm.scale.reshape((outputs, 1, 1, 1))?)?,
            bias: norm.shift,
            slope: weights.get(&format!("{name}_relu_gamma"), (outputs, 1, 1))?,
        })
    }

    fn depthwise(&self, x: &Tensor, stride: usize) -> Result<Tensor> {
        self.finish(depthwise_conv2d(x, &self.weight, None, (stride, stride), (1, 1))?)
    }

    fn pointwise(&self, x: &Tensor) -> Result<Tensor> {
        self.finish(pointwise_conv2d(x, &self.weight, None)?)
    }

    fn finish(&self, x: Tensor) -> Result<Tensor> {
        bias_prelu(x, &self.bias, &self.slope)
    }

    fn filter(&self) -> Filter<'_> {
        Filter {
            kernel: &self.weight,
            bias: &self.bias,
            slope: &self.slope,
        }
    }
}

/// The convolutions, as suits the device.
enum Convolutions {
    /// On a CPU, channels last: weights packed, a depthwise convolution and the pointwise one after it in one layer.
    Packed(Vec<Layer>),
    /// Elsewhere, channels first: the first one, and for each block a depthwise one, its stride, and a pointwise one.
    Plain(Convolution, Vec<(Convolution, usize, Convolution)>),
}

/// The network.
pub struct SFace {
    convolutions: Convolutions,
    /// (dimensions, values of the last picture in its layout), and what is added after it.
    head: (Tensor, Tensor),
}

impl SFace {
    /// Takes the network's tensors out of `weights`.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn load(weights: &Weights) -> std::result::Result<Self, ModelError> {
        let block = |(index, &(inputs, outputs, stride)): (usize, &(usize, usize, usize))| {
            let name = format!("conv_{}", index + 2);
            let filter = Convolution::load(weights, &format!("{name}_dw"), (inputs, 1, 3))?;
            let mix = Convolution::load(weights, &name, (outputs, inputs, 1))?;
            Ok::<_, ModelError>((filter, stride, mix))
        };
        let stem = Convolution::load(weights, "conv_1", (32, 3, 3))?;
        let blocks = BLOCKS.iter().enumerate().map(block);
        let (matrix, bias) = load_head(weights)?;
        if !matrix.device().is_cpu() {
            return Ok(Self {
                convolutions: Convolutions::Plain(stem, blocks.collect::<std::result::Result<_, _>>()?),
                head: (matrix, bias),
            });
        }
        let mut layers = vec![Layer::dense(&stem.filter(), 1)?];
        for block in blocks {
            let (filter, stride, mix) = block?;
            layers.push(Layer::separable(&filter.filter(), stride, &mix.filter())?);
        }
        let (channels, side) = LAST;
        let matrix = matrix
            .reshape((DIMENSIONS, channels, side * side))?
            .transpose(1, 2)?
            .reshape((DIMENSIONS, channels * side * side))?;
        Ok(Self {
            convolutions: Convolutions::Packed(layers),
            head: (matrix, bias),
        })
    }

    /// Embeds a batch of aligned faces: (batch, 3, 112, 112), red, green, blue, 0 to 255. Answers (batch, 128), not normalised.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward(&self, faces: &Tensor) -> Result<Tensor> {
        let x = ((faces - 127.5)? * (1.0 / 128.0))?;
        let x = match &self.convolutions {
            Convolutions::Packed(layers) => layers
                .iter()
                .try_fold(x.permute((0, 2, 3, 1))?, |x, layer| layer.forward(&x))?,
            Convolutions::Plain(stem, blocks) => {
                let x = stem.finish(direct_conv2d(&x, &stem.weight, 1, (1, 1))?)?;
                blocks.iter().try_fold(x, |x, (filter, stride, mix)| {
                    mix.pointwise(&filter.depthwise(&x, *stride)?)
                })?
            }
        };
        x.flatten_from(1)?
            .matmul(&self.head.0.t()?)?
            .broadcast_add(&self.head.1)
    }
}

/// The final matrix W with the normalisations before (s, t) and after (u, v) it:
/// u·(W·(s·x + t) + b) + v = (u·W·s)·x + u·(W·t + b) + v.
fn load_head(weights: &Weights) -> std::result::Result<(Tensor, Tensor), ModelError> {
    let (channels, side) = LAST;
    let pixels = side * side;
    let matrix = tensor(weights, "pre_fc1_weight", (DIMENSIONS, channels * pixels))?;
    let bias = tensor(weights, "pre_fc1_bias", DIMENSIONS)?;
    let before = Normalisation::load(weights, "bn1", channels, HEAD_EPSILON)?;
    let after = Normalisation::load(weights, "fc1", DIMENSIONS, HEAD_EPSILON)?;

    let matrix = matrix.reshape((DIMENSIONS, channels, pixels))?;
    let shifted = matrix
        .sum(2)?
        .matmul(&before.shift.reshape((channels, 1))?)?
        .reshape(DIMENSIONS)?;
    let bias = (((shifted + bias)? * &after.scale)? + after.shift)?;
    let matrix = matrix
        .broadcast_mul(&before.scale.reshape((1, channels, 1))?)?
        .broadcast_mul(&after.scale.reshape((DIMENSIONS, 1, 1))?)?
        .reshape((DIMENSIONS, channels * pixels))?;
    Ok((matrix, bias))
}
