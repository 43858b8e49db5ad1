//! PP-OCRv6 small, text recognition: which characters does a picture of one line show (PaddlePaddle, Apache-2.0; the neck is
//! that of Du et al. 2022, "SVTR: Scene Text Recognition with a Single Visual Model").
//!
//! The backbone reduces a line of 48 pixels' height to a row of places, two transformer blocks let them look at each other, and
//! a matrix gives every place a score for every character, to be decoded by connectionist temporal classification.

use candle_core::{Result, Tensor};
use candle_nn::{LayerNorm, Module};

use super::blocks::{Backbone, Loaded, Loader, StageLayout};
use crate::models::Weights;
use crate::ops::{Activation, Convolution, Layer, Precision};

/// Height of the input in pixels.
pub const HEIGHT: usize = 48;

/// Pixels of the input's width per place of the output.
pub const STRIDE: usize = 8;

/// Number of the stem's first convolution.
const STEM: usize = 68;

const STAGES: [StageLayout; 3] = [
    StageLayout {
        channels: 96,
        entry: None,
        blocks: &[(74, Some(7)), (78, None), (82, None)],
    },
    StageLayout {
        channels: 192,
        entry: Some((85, (2, 1))),
        blocks: &[
            (89, Some(24)),
            (93, None),
            (97, Some(34)),
            (101, None),
            (105, Some(44)),
            (109, None),
        ],
    },
    StageLayout {
        channels: 384,
        entry: Some((112, (2, 1))),
        blocks: &[(116, Some(57)), (120, None)],
    },
];

/// Channels of the backbone's result.
const BACKBONE: usize = 384;

/// Channels of the neck.
const NECK: usize = 120;

/// Channels of the neck's convolutions, filled up to whole vectors.
const FILLED: usize = 128;

/// Attention heads.
const HEADS: usize = 8;

/// Epsilon of the normalisations.
const EPSILON: f64 = 1e-5;

/// Epsilon of the last layer normalisation.
const LAST_EPSILON: f64 = 1e-6;

/// A convolution without bias, its batch normalisation folded in, and x · sigmoid(x). Channels beyond those of the network are
/// zero and stay so.
fn load_convolution(
    loader: &Loader<'_>,
    number: usize,
    norm: usize,
    shape: (usize, usize, usize, usize),
) -> Loaded<Layer> {
    let get = |part: &str| loader.weights.get(&format!("batch_norm2d_{norm}.{part}"), shape.0);
    let (gamma, beta, mean, variance) = (get("w_0")?, get("b_0")?, get("w_1")?, get("w_2")?);
    let scale = (gamma / (variance + EPSILON)?.sqrt()?)?;
    let kernel = loader.kernel(number, shape)?;
    let filled = |tensor: Tensor| tensor.pad_with_zeros(0, 0, FILLED - NECK);
    Ok(Layer::new(vec![Convolution {
        kernel: filled(kernel.broadcast_mul(&scale.reshape((shape.0, 1, 1, 1))?)?)?,
        bias: filled((beta - (mean * scale)?)?)?,
        depthwise: shape.1 == 1,
        stride: (1, 1),
        activation: Activation::Silu,
        precision: loader.precision,
    }])?)
}

/// Matrix `number` (from, to) and what is added after it, for each place, as a convolution.
fn load_linear(
    loader: &Loader<'_>,
    number: usize,
    (from, to): (usize, usize),
    activation: Activation,
) -> Loaded<Convolution> {
    let matrix = loader.weights.get(&format!("linear_{number}.w_0"), (from, to))?;
    let kernel = matrix.t()?.reshape((to, from, 1, 1))?;
    let bias = loader.weights.get(&format!("linear_{number}.b_0"), to)?;
    Ok(Convolution::pointwise(kernel, bias, activation, loader.precision))
}

/// (batch, places, from) to (batch, places, to).
fn per_place(layer: &Layer, x: &Tensor) -> Result<Tensor> {
    layer.forward(&x.unsqueeze(1)?)?.squeeze(1)
}

fn load_norm(loader: &Loader<'_>, number: usize, epsilon: f64) -> Loaded<LayerNorm> {
    let get = |number: usize| loader.weights.get(&format!("helper.reshape.{number}"), NECK);
    Ok(LayerNorm::new(get(2 * number)?, get(2 * number + 1)?, epsilon))
}

/// Self-attention over the places, then two matrices per place, each added to what it gets (Vaswani et al. 2017; normalised
/// before, not after).
struct Transformer {
    attention_norm: LayerNorm,
    qkv: Layer,
    projection: Layer,
    mlp_norm: LayerNorm,
    mlp: Layer,
}

impl Transformer {
    fn load(loader: &Loader<'_>, index: usize) -> Loaded<Self> {
        let linear = |at: usize, sizes, activation| load_linear(loader, 4 * index + at, sizes, activation);
        let (identity, silu) = (Activation::Identity, Activation::Silu);
        let widen = linear(2, (NECK, 2 * NECK), silu)?;
        let project = linear(3, (2 * NECK, NECK), identity.clone())?;
        Ok(Self {
            attention_norm: load_norm(loader, 2 * index, EPSILON)?,
            qkv: Layer::new(vec![linear(0, (NECK, 3 * NECK), identity.clone())?])?,
            projection: Layer::new(vec![linear(1, (NECK, NECK), identity)?])?,
            mlp_norm: load_norm(loader, 2 * index + 1, EPSILON)?,
            mlp: Layer::new(vec![widen, project])?,
        })
    }

    /// (batch, places, channels) to the same.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = (x + self.attend(&self.attention_norm.forward(x)?)?)?;
        &x + per_place(&self.mlp, &self.mlp_norm.forward(&x)?)?
    }

    fn attend(&self, x: &Tensor) -> Result<Tensor> {
        let (n, places, _) = x.dims3()?;
        let width = NECK / HEADS;
        // (query | key | value, batch, head, place, width)
        let qkv = per_place(&self.qkv, x)?.reshape((n, places, 3, HEADS, width))?;
        let qkv = qkv.permute((2, 0, 3, 1, 4))?.contiguous()?;
        let (query, key, value) = (qkv.get(0)?, qkv.get(1)?, qkv.get(2)?);
        let scores = (query.matmul(&key.t()?)? * (width as f64).powf(-0.5))?;
        let attended = candle_nn::ops::softmax_last_dim(&scores)?.matmul(&value)?;
        let attended = attended.transpose(1, 2)?.reshape((n, places, NECK))?;
        per_place(&self.projection, &attended)
    }
}

/// The last matrix: a score for each class at each place. Class 0 is "no character" (CTC's blank).
pub struct CtcHead {
    matrix: Convolution,
    layer: Layer,
}

impl CtcHead {
    fn new(matrix: Convolution) -> Result<Self> {
        Ok(Self {
            layer: Layer::new(vec![matrix.clone()])?,
            matrix,
        })
    }

    /// The head for some of the classes only, in the order given.
    ///
    /// # Errors
    /// When there is no such class.
    pub fn select(&self, classes: &[u32]) -> Result<CtcHead> {
        let classes = Tensor::new(classes, self.matrix.bias.device())?;
        CtcHead::new(Convolution {
            kernel: self.matrix.kernel.index_select(&classes, 0)?,
            bias: self.matrix.bias.index_select(&classes, 0)?,
            ..self.matrix.clone()
        })
    }

    /// Features (batch, places, 120) to scores (batch, places, classes), to be understood through a softmax.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward(&self, features: &Tensor) -> Result<Tensor> {
        per_place(&self.layer, features)
    }
}

/// The network without its head.
pub struct PpOcrRec {
    backbone: Backbone,
    bypass: Layer,
    inward: Layer,
    neighbours: Layer,
    transformers: [Transformer; 2],
    last_norm: LayerNorm,
}

impl PpOcrRec {
    /// Takes the network's tensors out of `weights`, with the head for `classes` classes; the products are
    /// made with `precision`.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn load(weights: &Weights, classes: usize, precision: Precision) -> Loaded<(Self, CtcHead)> {
        let mut loader = Loader::new(weights, precision);
        let network = Self {
            backbone: Backbone::load(&mut loader, STEM, &STAGES)?,
            bypass: load_convolution(&loader, 67, 57, (NECK, BACKBONE, 1, 1))?,
            inward: load_convolution(&loader, 65, 55, (NECK, BACKBONE, 1, 1))?,
            neighbours: load_convolution(&loader, 66, 56, (NECK, 1, 1, 7))?,
            transformers: [Transformer::load(&loader, 0)?, Transformer::load(&loader, 1)?],
            last_norm: load_norm(&loader, 4, LAST_EPSILON)?,
        };
        // In single precision whatever the rest has: characters that look alike differ little.
        let head = Convolution {
            precision: Precision::Single,
            ..load_linear(&loader, 8, (NECK, classes), Activation::Identity)?
        };
        Ok((network, CtcHead::new(head)?))
    }

    /// Lines (batch, 48, width, 3), blue, green, red, −1 to 1, to features (batch, places, 120), with one place per 8 pixels of
    /// width.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward(&self, lines: &Tensor) -> Result<Tensor> {
        let stages = self.backbone.forward(lines)?;
        let Some(x) = stages.last() else {
            candle_core::bail!("the backbone has no stages");
        };
        // Three rows are left of 48; their mean, and that of each two columns: (batch, 1, places, channels).
        let (n, height, width, channels) = x.dims4()?;
        let x = x.reshape((n, height, width / 2, 2 * channels))?;
        let mut sum = x.narrow(1, 0, 1)?;
        for row in 1..height {
            sum = (sum + x.narrow(1, row, 1)?)?;
        }
        let x = sum.narrow(3, 0, channels)? + sum.narrow(3, channels, channels)?;
        let x = (x? * (0.5 / height as f64))?;
        let network = |x: &Tensor| x.squeeze(1)?.narrow(2, 0, NECK)?.contiguous();
        let bypass = network(&self.bypass.forward(&x)?)?;
        let x = self.inward.forward(&x)?;
        let mut x = network(&(&x + self.neighbours.forward(&x)?)?)?;
        for transformer in &self.transformers {
            x = transformer.forward(&x)?;
        }
        self.last_norm.forward(&x)? + bypass
    }
}
