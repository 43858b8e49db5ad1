//! What PP-OCRv6's detector and recogniser share: the backbone, a convolutional network of the LCNet family whose blocks mix
//! places by a depthwise and channels by a pair of pointwise convolutions (the shape of RepViT, Wang et al. 2023, with its
//! parallel branches already fused into one), and the way their tensors are named.

use candle_core::{Result, Tensor};

use crate::models::{ModelError, Weights};
use crate::ops::{Activation, Convolution, Layer, Precision, Tiling, channel_means, recycle};

/// Result of taking tensors out of weights.
pub(super) type Loaded<T> = std::result::Result<T, ModelError>;

/// Takes tensors out of weights that Paddle's exporter named: convolutions by the number that the layer got when it was created,
/// their biases by their order in the graph.
pub(super) struct Loader<'a> {
    /// For tensors with names of another kind.
    pub(super) weights: &'a Weights,
    next_bias: usize,
    /// Of the convolutions' products.
    pub(super) precision: Precision,
}

impl<'a> Loader<'a> {
    /// A loader whose first bias is that of the first convolution of the graph.
    pub(super) fn new(weights: &'a Weights, precision: Precision) -> Self {
        Self {
            weights,
            next_bias: 0,
            precision,
        }
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

    /// Convolution `number` of all channels, with the next bias.
    pub(super) fn dense(
        &mut self,
        number: usize,
        shape: (usize, usize, usize, usize),
        stride: usize,
        activation: Activation,
    ) -> Loaded<Convolution> {
        Ok(Convolution {
            kernel: self.kernel(number, shape)?,
            bias: self.bias(shape.0)?,
            depthwise: false,
            stride: (stride, stride),
            activation,
            precision: self.precision,
        })
    }

    /// Convolution `number` with a 1×1 kernel, with the next bias.
    pub(super) fn pointwise(
        &mut self,
        number: usize,
        (from, to): (usize, usize),
        activation: Activation,
    ) -> Loaded<Convolution> {
        self.dense(number, (to, from, 1, 1), 1, activation)
    }

    /// Convolution `number` with one filter of this height and width per channel, with the next bias.
    pub(super) fn depthwise(
        &mut self,
        number: usize,
        channels: usize,
        (height, width): (usize, usize),
        stride: (usize, usize),
    ) -> Loaded<Convolution> {
        Ok(Convolution {
            kernel: self.kernel(number, (channels, 1, height, width))?,
            bias: self.bias(channels)?,
            depthwise: true,
            stride,
            activation: Activation::Identity,
            precision: self.precision,
        })
    }
}

/// Squeeze and excitation (Hu et al. 2018): a factor from 0 to 1 per channel, from the means of all channels.
pub(super) struct SqueezeExcite {
    squeeze: Linear,
    excite: Linear,
    slope: f64,
}

/// A matrix (from, to) and what is added after it (to).
struct Linear {
    matrix: Tensor,
    bias: Tensor,
}

impl Linear {
    fn load(loader: &mut Loader<'_>, number: usize, from: usize, to: usize) -> Loaded<Self> {
        Ok(Self {
            matrix: loader
                .kernel(number, (to, from, 1, 1))?
                .reshape((to, from))?
                .t()?
                .contiguous()?,
            bias: loader.bias(to)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.matrix)?.broadcast_add(&self.bias)
    }
}

impl SqueezeExcite {
    /// Convolutions `number` and the next one, through a quarter of the channels; `slope` of the hard sigmoid differs between
    /// the parts of the networks.
    pub(super) fn load(loader: &mut Loader<'_>, number: usize, channels: usize, slope: f64) -> Loaded<Self> {
        Ok(Self {
            squeeze: Linear::load(loader, number, channels, channels / 4)?,
            excite: Linear::load(loader, number + 1, channels / 4, channels)?,
            slope,
        })
    }

    /// (batch, height, width, channels) to (batch, channels).
    pub(super) fn factors(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.squeeze.forward(&channel_means(x)?)?.relu()?;
        ((self.excite.forward(&x)? * self.slope)? + 0.5)?.clamp(0f32, 1f32)
    }
}

/// The first layers: four times smaller, from the picture's 3 channels to `2 * width`. A branch of two 2×2 convolutions lies beside
/// a maximum over 2×2, and one convolution over the channels of both fuses them, in two parts.
fn load_stem(loader: &mut Loader<'_>, number: usize, width: usize) -> Loaded<Tiling> {
    let relu = Activation::Relu;
    let mut dense =
        |at: usize, from, to, side, stride| loader.dense(number + at, (to, from, side, side), stride, relu.clone());
    let first = dense(0, 3, width, 3, 2)?;
    let branch = [dense(1, width, width / 2, 2, 1)?, dense(2, width / 2, width, 2, 1)?];
    let fuse = dense(3, 2 * width, width, 3, 2)?;
    let last = dense(4, width, 2 * width, 1, 1)?;
    let part = |first| Ok::<_, ModelError>(fuse.kernel.narrow(1, first, width)?.contiguous()?);
    let pooled = Convolution {
        kernel: part(0)?,
        bias: fuse.bias.zeros_like()?,
        activation: Activation::Identity,
        ..fuse.clone()
    };
    let branched = Convolution {
        kernel: part(width)?,
        ..fuse.clone()
    };

    let mut tiling = Tiling::default();
    let first = tiling.layer(Layer::new(vec![first])?, Tiling::PICTURE);
    let mut beside = first;
    for convolution in branch {
        beside = tiling.layer(Layer::new(vec![convolution])?, beside);
    }
    let maximum = tiling.maximum(first);
    let maximum = tiling.layer(Layer::new(vec![pooled])?, maximum);
    tiling.layer_add(Layer::new(vec![branched, last])?, beside, maximum);
    Ok(tiling)
}

/// A depthwise convolution over places, then a pair of pointwise convolutions over channels, to twice as many and back. The pair
/// adds to what it gets, save where it changes the number of channels.
enum Block {
    Whole(Layer),
    /// The pair gets its channels weighted, for which all places must be known.
    Gated {
        places: Layer,
        gate: SqueezeExcite,
        channels: Layer,
    },
}

impl Block {
    fn load(
        loader: &mut Loader<'_>,
        number: usize,
        (from, to): (usize, usize),
        stride: (usize, usize),
        gate: Option<usize>,
    ) -> Loaded<Self> {
        let places = loader.depthwise(number, from, (3, 3), stride)?;
        let gate = gate
            .map(|number| SqueezeExcite::load(loader, number, from, 1.0 / 6.0))
            .transpose()?;
        let widen = loader.pointwise(number + 1, (from, 2 * from), Activation::Gelu)?;
        let project = loader.pointwise(number + 2, (2 * from, to), Activation::Identity)?;
        Ok(match gate {
            None if from == to => Block::Whole(Layer::residual(vec![places, widen, project])?),
            None => Block::Whole(Layer::new(vec![places, widen, project])?),
            Some(gate) => Block::Gated {
                places: Layer::new(vec![places])?,
                gate,
                channels: Layer::residual(vec![widen, project])?,
            },
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Block::Whole(layer) => layer.forward(x),
            Block::Gated { places, gate, channels } => {
                let x = places.forward(x)?;
                let y = channels.forward_scaled(&x, &gate.factors(&x)?)?;
                recycle(x);
                Ok(y)
            }
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
    stem: Tiling,
    stages: Vec<Vec<Block>>,
}

impl Backbone {
    /// The convolutions of the stem are numbered from `stem` on.
    pub(super) fn load(loader: &mut Loader<'_>, stem: usize, stages: &[StageLayout]) -> Loaded<Self> {
        let mut channels = stages.first().map_or(0, |stage| stage.channels);
        let stem = load_stem(loader, stem, channels / 2)?;
        let stages = stages
            .iter()
            .map(|layout| {
                let mut blocks = Vec::new();
                if let Some((number, stride)) = layout.entry {
                    blocks.push(Block::load(loader, number, (channels, layout.channels), stride, None)?);
                    channels = layout.channels;
                }
                for &(number, gate) in layout.blocks {
                    blocks.push(Block::load(loader, number, (channels, channels), (1, 1), gate)?);
                }
                Ok(blocks)
            })
            .collect::<Loaded<_>>()?;
        Ok(Self { stem, stages })
    }

    /// A picture (batch, height, width, 3) to the results of all stages.
    pub(super) fn forward(&self, picture: &Tensor) -> Result<Vec<Tensor>> {
        let mut results = Vec::with_capacity(self.stages.len());
        let mut x = self.stem.forward(picture)?;
        for blocks in &self.stages {
            // The result of the stage before is kept.
            let mut kept = !results.is_empty();
            for block in blocks {
                let y = block.forward(&x)?;
                let done = std::mem::replace(&mut x, y);
                if !std::mem::take(&mut kept) {
                    recycle(done);
                }
            }
            results.push(x.clone());
        }
        Ok(results)
    }
}
