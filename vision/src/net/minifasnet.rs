//! MiniFASNet: small networks that tell a living face from a picture of one, of the project Silent-Face-Anti-Spoofing (Minivision 2020).
//! MobileFaceNet (Chen et al. 2018) with most of its channels pruned, in version V1SE with squeeze and excitation (Hu et al. 2018) at
//! the end of each stage.
//!
//! Batch normalisation is folded into the convolutions when weights are loaded. Nothing after the last activation bends, so that the
//! last filters, both matrices and both normalisations are one matrix from 5×5 pixels to three classes.

use candle_core::{D, Result, Tensor};

use super::normalisation::{Normalisation, Statistics};
use crate::models::{ModelError, Weights};
use crate::ops::{Activation, Convolution, Layer, Precision, channel_means, recycle, scale_and_add};

/// Result of taking tensors out of weights.
type Loaded<T> = std::result::Result<T, ModelError>;

/// Width and height of the input in pixels.
pub const SIDE: u32 = 80;

/// Classes: which of them are which kind of attack the project does not say.
pub const CLASSES: usize = 3;

/// The class of living faces.
pub const BONA_FIDE: usize = 1;

/// Epsilon of every batch normalisation (PyTorch's default).
const EPSILON: f64 = 1e-5;

/// Depthwise convolutions on a CPU take multiples of so many channels: what pruning left is filled up with zeros.
const ALIGNMENT: usize = 16;

/// Channels of the first layers.
const STEM: usize = 32;

/// Channels and side of the picture before the final matrix, and the width of the space within it.
const LAST: (usize, usize, usize) = (512, 5, 128);

/// The two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// MiniFASNetV2.
    V2,
    /// MiniFASNetV1SE.
    V1Se,
}

/// The blocks between two changes of resolution.
struct Stage {
    /// Name of the block that halves the resolution, and of those after it.
    names: [&'static str; 2],
    /// Channels of its blocks.
    channels: usize,
    /// Channels inside the first block.
    entry: usize,
    /// Channels inside those after it, as pruning left them.
    inside: &'static [usize],
    /// Whether the last block has squeeze and excitation.
    gated: bool,
}

impl Variant {
    fn stages(self) -> [Stage; 3] {
        let inside: [&[usize]; 3] = match self {
            Variant::V2 => [&[13, 13, 13, 13], &[231, 52, 26, 77, 26, 26], &[26, 26]],
            Variant::V1Se => [&[13, 26, 13, 52], &[154, 52, 26, 52, 26, 26], &[26, 26]],
        };
        let [first, second, third] = inside;
        let stage = |names, channels, entry, inside| Stage {
            names,
            channels,
            entry,
            inside,
            gated: self == Variant::V1Se,
        };
        [
            stage(["conv_23", "conv_3"], 64, 103, first),
            stage(["conv_34", "conv_4"], 128, 231, second),
            stage(["conv_45", "conv_5"], 128, 308, third),
        ]
    }
}

/// Takes tensors out of weights.
#[derive(Clone, Copy)]
struct Loader<'a> {
    weights: &'a Weights,
    precision: Precision,
}

impl Loader<'_> {
    fn normalisation(&self, name: &str, channels: usize) -> Loaded<Normalisation> {
        let get = |part: &str| self.weights.get(&format!("module.{name}.{part}"), channels);
        let statistics = Statistics {
            gamma: get("weight")?,
            beta: get("bias")?,
            mean: get("running_mean")?,
            variance: get("running_var")?,
        };
        Ok(statistics.fold(EPSILON)?)
    }

    /// A kernel and a bias: the convolution and the normalisation of these names.
    fn folded(
        &self,
        convolution: &str,
        norm: &str,
        (outputs, inputs, side): (usize, usize, usize),
    ) -> Loaded<(Tensor, Tensor)> {
        let shape = (outputs, inputs, side, side);
        let kernel = self.weights.get(&format!("module.{convolution}.weight"), shape)?;
        let norm = self.normalisation(norm, outputs)?;
        let kernel = kernel.broadcast_mul(&norm.scale.reshape((outputs, 1, 1, 1))?)?;
        Ok((kernel, norm.shift))
    }

    /// A convolution with its normalisation. One with one channel in is depthwise.
    fn linear(&self, name: &str, shape: (usize, usize, usize), stride: usize) -> Loaded<Convolution> {
        let (kernel, bias) = self.folded(&format!("{name}.conv"), &format!("{name}.bn"), shape)?;
        Ok(Convolution {
            kernel,
            bias,
            depthwise: shape.1 == 1,
            stride: (stride, stride),
            activation: Activation::Identity,
            precision: self.precision,
        })
    }

    /// The same with the PReLU after it.
    fn bent(&self, name: &str, shape: (usize, usize, usize), stride: usize) -> Loaded<Convolution> {
        let slopes = self.weights.get(&format!("module.{name}.prelu.weight"), shape.0)?;
        Ok(Convolution {
            activation: Activation::PRelu(slopes),
            ..self.linear(name, shape, stride)?
        })
    }
}

/// Squeeze and excitation: a factor from 0 to 1 per channel, from the means of all channels.
struct SqueezeExcite {
    /// Matrices (from, to), and what is added after each.
    steps: [(Tensor, Tensor); 2],
}

impl SqueezeExcite {
    /// Through a quarter of the channels.
    fn load(loader: Loader<'_>, name: &str, channels: usize) -> Loaded<Self> {
        let step = |number: usize, from, to| {
            let names = [format!("{name}.fc{number}"), format!("{name}.bn{number}")];
            let (kernel, bias) = loader.folded(&names[0], &names[1], (to, from, 1))?;
            Ok::<_, ModelError>((kernel.reshape((to, from))?.t()?.contiguous()?, bias))
        };
        Ok(Self {
            steps: [step(1, channels, channels / 4)?, step(2, channels / 4, channels)?],
        })
    }

    /// (batch, height, width, channels) to (batch, channels).
    fn factors(&self, x: &Tensor) -> Result<Tensor> {
        let [(squeeze, a), (excite, b)] = &self.steps;
        let x = channel_means(x)?.matmul(squeeze)?.broadcast_add(a)?.relu()?;
        candle_nn::ops::sigmoid(&x.matmul(excite)?.broadcast_add(b)?)
    }
}

/// A 1×1 convolution to the channels inside, a depthwise one, and a 1×1 convolution back.
struct Block {
    widen: Layer,
    narrow: Layer,
    ending: Ending,
}

/// What becomes of a block's result.
enum Ending {
    /// It is as it is: the resolution has changed.
    Replaces,
    /// What the block got is added.
    Adds,
    /// The same, after each channel got its factor.
    AddsGated(SqueezeExcite),
}

/// A convolution with more channels of its result, which are zero.
fn widened(convolution: Convolution, added: usize) -> Result<Convolution> {
    let more = |tensor: Tensor| tensor.pad_with_zeros(0, 0, added)?.contiguous();
    Ok(Convolution {
        kernel: more(convolution.kernel)?,
        bias: more(convolution.bias)?,
        activation: match convolution.activation {
            Activation::PRelu(slopes) => Activation::PRelu(more(slopes)?),
            other => other,
        },
        ..convolution
    })
}

impl Block {
    fn load(loader: Loader<'_>, name: &str, channels: [usize; 3], stride: usize, ending: Ending) -> Loaded<Self> {
        let [from, inside, to] = channels;
        let widen = loader.bent(&format!("{name}.conv"), (inside, from, 1), 1)?;
        let filter = loader.bent(&format!("{name}.conv_dw"), (inside, 1, 3), stride)?;
        let mut project = loader.linear(&format!("{name}.project"), (to, inside, 1), 1)?;
        let added = inside.next_multiple_of(ALIGNMENT) - inside;
        let (widen, filter) = (widened(widen, added)?, widened(filter, added)?);
        project.kernel = project.kernel.pad_with_zeros(1, 0, added)?.contiguous()?;
        Ok(Self {
            widen: Layer::new(vec![widen])?,
            narrow: Layer::new(vec![filter, project])?,
            ending,
        })
    }

    fn forward(&self, x: Tensor) -> Result<Tensor> {
        let inside = self.widen.forward(&x)?;
        match &self.ending {
            Ending::Replaces => {
                recycle(x);
                self.narrow.consume(inside)
            }
            Ending::Adds => self.narrow.consume_add(inside, x),
            Ending::AddsGated(gate) => {
                let y = self.narrow.consume(inside)?;
                let factors = gate.factors(&y)?;
                let sum = (scale_and_add(y, Some(&factors), None)? + &x)?;
                recycle(x);
                Ok(sum)
            }
        }
    }
}

/// The network.
pub struct MiniFasNet {
    stem: Vec<Layer>,
    blocks: Vec<Block>,
    /// To the last activation.
    last: Layer,
    /// From there to the classes.
    head: Layer,
}

impl MiniFasNet {
    /// Takes the network's tensors out of `weights`; the products are made with `precision`.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn load(variant: Variant, weights: &Weights, precision: Precision) -> Loaded<Self> {
        let loader = Loader { weights, precision };
        let mut blocks = Vec::new();
        let mut from = STEM;
        for stage in variant.stages() {
            let [entry, rest] = stage.names;
            let to = stage.channels;
            let channels = [from, stage.entry, to];
            blocks.push(Block::load(loader, entry, channels, 2, Ending::Replaces)?);
            for (index, &inside) in stage.inside.iter().enumerate() {
                let name = format!("{rest}.model.{index}");
                let ending = if stage.gated && index + 1 == stage.inside.len() {
                    Ending::AddsGated(SqueezeExcite::load(loader, &format!("{name}.se_module"), to)?)
                } else {
                    Ending::Adds
                };
                blocks.push(Block::load(loader, &name, [to, inside, to], 1, ending)?);
            }
            from = to;
        }
        Ok(Self {
            stem: vec![
                Layer::new(vec![loader.bent("conv1", (STEM, 3, 3), 2)?])?,
                Layer::new(vec![loader.bent("conv2_dw", (STEM, 1, 3), 1)?])?,
            ],
            blocks,
            last: Layer::new(vec![loader.bent("conv_6_sep", (LAST.0, from, 1), 1)?])?,
            head: Layer::new(vec![load_head(loader)?])?,
        })
    }

    /// Classifies a batch of crops: (batch, 80, 80, 3), blue, green, red, 0 to 255. Answers the classes' probabilities: (batch, 3).
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward(&self, crops: &Tensor) -> Result<Tensor> {
        let mut x = crops.clone();
        for layer in &self.stem {
            x = layer.forward(&x)?;
        }
        for block in &self.blocks {
            x = block.forward(x)?;
        }
        let x = self.last.consume(x)?;
        let x = x.reshape((x.dim(0)?, 1, 1, ()))?;
        candle_nn::ops::softmax(&self.head.consume(x)?.flatten_from(1)?, D::Minus1)
    }
}

/// Filters F over all pixels with their normalisation (s, t), a matrix L with its normalisation (u, v), and a matrix P:
/// P·(u·L·(s·F·x + t) + v) = (P·u·L)·s·F·x + P·(u·(L·t) + v).
fn load_head(loader: Loader<'_>) -> Loaded<Convolution> {
    let (channels, side, width) = LAST;
    let pixels = side * side;
    let get = |name: &str, shape| loader.weights.get(name, shape);
    let (filters, shift) = loader.folded("conv_6_dw.conv", "conv_6_dw.bn", (channels, 1, side))?;
    let linear = get("module.linear.weight", (width, channels))?;
    let norm = loader.normalisation("bn", width)?;
    let classes = get("module.prob.weight", (CLASSES, width))?;

    let inner = linear.matmul(&shift.reshape((channels, 1))?)?.reshape(width)?;
    let inner = ((inner * &norm.scale)? + norm.shift)?;
    let bias = classes.matmul(&inner.reshape((width, 1))?)?.reshape(CLASSES)?;
    let matrix = classes
        .broadcast_mul(&norm.scale.reshape((1, width))?)?
        .matmul(&linear)?;
    let filters = filters.reshape((1, channels, pixels))?.transpose(1, 2)?;
    let kernel = matrix
        .reshape((CLASSES, 1, channels))?
        .broadcast_mul(&filters)?
        .reshape((CLASSES, pixels * channels, 1, 1))?;
    Ok(Convolution::pointwise(
        kernel,
        bias,
        Activation::Identity,
        loader.precision,
    ))
}
