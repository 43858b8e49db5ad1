//! What PP-OCRv6's detector and recogniser share: the backbone, a convolutional network of the LCNet family whose blocks mix
//! places by a depthwise and channels by a pair of pointwise convolutions (the shape of RepViT, Wang et al. 2023, with its
//! parallel branches already merged into one), and the way their tensors are named.

use candle_core::{Result, Tensor};

use crate::models::{ModelError, Weights};
use crate::ops::{
    Activation, bias_activation, bias_residual, channel_means, depthwise_conv2d, direct_conv2d, max_pool_2x2,
    pointwise_conv2d, scale_channels,
};

/// Result of taking tensors out of weights.
pub(super) type Loaded<T> = std::result::Result<T, ModelError>;

/// Takes tensors out of weights that Paddle's exporter named: convolutions by the number that the layer got when it was created,
/// their biases by their order in the graph.
pub(super) struct Loader<'a> {
    /// For tensors with names of another kind.
    pub(super) weights: &'a Weights,
    next_bias: usize,
}

impl<'a> Loader<'a> {
    /// A loader whose first bias is that of the first convolution of the graph.
    pub(super) fn new(weights: &'a Weights) -> Self {
        Self { weights, next_bias: 0 }
    }

    /// The kernel of convolution `number`: (channels out, channels in, height, width).
    pub(super) fn kernel(&self, number: usize, shape: (usize, usize, usize, usize)) -> Loaded<Tensor> {
        self.weights.get(&format!("conv2d_{number}.w_0"), shape)
    }

    /// The next bias in the order of the graph: (channels).
    pub(super) fn bias(&mut self, channels: usize) -> Loaded<Tensor> {
        let name = format!("p2o.pd_op.reshape.{}.0", self.next_bias);
        self.next_bias += 1;
        Ok(self.weights.get(&name, (1, channels, 1, 1))?.reshape(channels)?)
    }

    /// Convolution `number` with the next bias.
    pub(super) fn convolution(&mut self, number: usize, shape: (usize, usize, usize, usize)) -> Loaded<Convolution> {
        Ok(Convolution {
            kernel: self.kernel(number, shape)?,
            bias: self.bias(shape.0)?,
        })
    }
}

/// A kernel (channels out, channels in per group, height, width) and a bias (channels out).
pub(super) struct Convolution {
    pub(super) kernel: Tensor,
    pub(super) bias: Tensor,
}

impl Convolution {
    /// With all channels of the input, padded by one on all sides for a 3×3 kernel, or at the right and the bottom only for a
    /// 2×2 kernel (ONNX's `SAME_UPPER`).
    pub(super) fn dense(&self, x: &Tensor, stride: usize, activation: Activation) -> Result<Tensor> {
        let padding = match self.kernel.dim(2)? {
            2 => (0, 1),
            side => (side / 2, side / 2),
        };
        let y = direct_conv2d(x, &self.kernel, stride, padding)?;
        bias_activation(y, &self.bias, activation)
    }

    /// With one channel of the input each, padded so that a stride of 1 keeps the size.
    pub(super) fn depthwise(&self, x: &Tensor, stride: (usize, usize)) -> Result<Tensor> {
        let padding = (self.kernel.dim(2)? / 2, self.kernel.dim(3)? / 2);
        depthwise_conv2d(x, &self.kernel, Some(&self.bias), stride, padding)
    }

    /// A 1×1 kernel.
    pub(super) fn pointwise(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        bias_activation(pointwise_conv2d(x, &self.kernel, None)?, &self.bias, activation)
    }
}

/// Squeeze and excitation (Hu et al. 2018): a factor from 0 to 1 per channel, from the means of all channels.
pub(super) struct SqueezeExcite {
    squeeze: Convolution,
    excite: Convolution,
    slope: f64,
}

impl SqueezeExcite {
    /// Convolutions `number` and the next one, through a quarter of the channels; `slope` of the hard sigmoid differs between
    /// the parts of the networks.
    pub(super) fn load(loader: &mut Loader<'_>, number: usize, channels: usize, slope: f64) -> Loaded<Self> {
        Ok(Self {
            squeeze: loader.convolution(number, (channels / 4, channels, 1, 1))?,
            excite: loader.convolution(number + 1, (channels, channels / 4, 1, 1))?,
            slope,
        })
    }

    /// (batch, channels, height, width) to (batch, channels, 1, 1).
    pub(super) fn factors(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.squeeze.pointwise(&channel_means(x)?, Activation::Relu)?;
        let x = self.excite.pointwise(&x, Activation::Identity)?;
        ((x * self.slope)? + 0.5)?.clamp(0f32, 1f32)
    }
}

/// The first layers: four times smaller, from the picture's 3 channels to `2 * width`.
struct Stem {
    first: Convolution,
    /// A branch of two 2×2 convolutions beside a maximum over 2×2.
    branch: [Convolution; 2],
    merge: Convolution,
    last: Convolution,
}

impl Stem {
    fn load(loader: &mut Loader<'_>, number: usize, width: usize) -> Loaded<Self> {
        Ok(Self {
            first: loader.convolution(number, (width, 3, 3, 3))?,
            branch: [
                loader.convolution(number + 1, (width / 2, width, 2, 2))?,
                loader.convolution(number + 2, (width, width / 2, 2, 2))?,
            ],
            merge: loader.convolution(number + 3, (width, 2 * width, 3, 3))?,
            last: loader.convolution(number + 4, (2 * width, width, 1, 1))?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.first.dense(x, 2, Activation::Relu)?;
        let [one, two] = &self.branch;
        let branch = two.dense(&one.dense(&x, 1, Activation::Relu)?, 1, Activation::Relu)?;
        let pooled = max_pool_2x2(&x)?;
        let x = self
            .merge
            .dense(&Tensor::cat(&[&pooled, &branch], 1)?, 2, Activation::Relu)?;
        self.last.pointwise(&x, Activation::Relu)
    }
}

/// A depthwise convolution over places, then a pair of pointwise convolutions over channels.
struct Block {
    places: Convolution,
    stride: (usize, usize),
    gate: Option<SqueezeExcite>,
    /// To twice the incoming channels and on.
    channels: [Convolution; 2],
    /// Whether the pair adds to what it gets. It does not where it changes the number of channels.
    residual: bool,
}

impl Block {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = self.places.depthwise(x, self.stride)?;
        if let Some(gate) = &self.gate {
            let factors = gate.factors(&x)?;
            x = scale_channels(x, &factors)?;
        }
        let [widen, narrow] = &self.channels;
        let y = widen.pointwise(&x, Activation::Gelu)?;
        if self.residual {
            bias_residual(pointwise_conv2d(&y, &narrow.kernel, None)?, &narrow.bias, &x)
        } else {
            narrow.pointwise(&y, Activation::Identity)
        }
    }
}

/// Where the tensors of a stage are: the blocks between two changes of resolution.
pub(super) struct StageLayout {
    /// Channels of its blocks.
    pub(super) channels: usize,
    /// Number of the first convolution of the block that leads into the stage, and its stride; none for the first stage.
    pub(super) entry: Option<(usize, (usize, usize))>,
    /// For each block the number of its first convolution, and of the squeeze and excitation where it has one.
    pub(super) blocks: &'static [(usize, Option<usize>)],
}

/// The backbone: a stem and stages.
pub(super) struct Backbone {
    stem: Stem,
    stages: Vec<Vec<Block>>,
}

impl Backbone {
    /// The convolutions of the stem are numbered from `stem` on.
    pub(super) fn load(loader: &mut Loader<'_>, stem: usize, stages: &[StageLayout]) -> Loaded<Self> {
        let mut channels = stages.first().map_or(0, |stage| stage.channels);
        let stem = Stem::load(loader, stem, channels / 2)?;
        let stages = stages
            .iter()
            .map(|layout| {
                let mut blocks = Vec::new();
                if let Some((number, stride)) = layout.entry {
                    blocks.push(load_block(loader, number, (channels, layout.channels), stride, None)?);
                    channels = layout.channels;
                }
                for &(number, gate) in layout.blocks {
                    blocks.push(load_block(loader, number, (channels, channels), (1, 1), gate)?);
                }
                Ok(blocks)
            })
            .collect::<Loaded<_>>()?;
        Ok(Self { stem, stages })
    }

    /// A picture (batch, 3, height, width) to the results of all stages.
    pub(super) fn forward(&self, picture: &Tensor) -> Result<Vec<Tensor>> {
        let mut x = self.stem.forward(picture)?;
        self.stages
            .iter()
            .map(|blocks| {
                for block in blocks {
                    x = block.forward(&x)?;
                }
                Ok(x.clone())
            })
            .collect()
    }
}

fn load_block(
    loader: &mut Loader<'_>,
    number: usize,
    (from, to): (usize, usize),
    stride: (usize, usize),
    gate: Option<usize>,
) -> Loaded<Block> {
    Ok(Block {
        places: loader.convolution(number, (from, 1, 3, 3))?,
        stride,
        gate: gate
            .map(|number| SqueezeExcite::load(loader, number, from, 1.0 / 6.0))
            .transpose()?,
        channels: [
            loader.convolution(number + 1, (2 * from, from, 1, 1))?,
            loader.convolution(number + 2, (to, 2 * from, 1, 1))?,
        ],
        residual: from == to,
    })
}
