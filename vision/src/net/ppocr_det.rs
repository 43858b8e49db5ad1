//! PP-OCRv6 small, text detection: where in a picture is text (PaddlePaddle, Apache-2.0; the head is that of Liao et al. 2020,
//! "Real-time Scene Text Detection with Differentiable Binarization").
//!
//! Four stages of the backbone, fused from coarse to fine (a feature pyramid with squeeze and excitation), then two transposed
//! convolutions back to the size of the picture.

use candle_core::{Result, Tensor};

use super::blocks::{Backbone, Loaded, Loader, SqueezeExcite, StageLayout};
use crate::models::Weights;
use crate::ops::{Activation, Convolution, Layer, Precision, recycle, scale_and_add, spread_4x4, sum_taps};

/// Width and height of the input are multiples of this.
pub const STRIDE: usize = 32;

/// Number of the stem's first convolution.
const STEM: usize = 112;

const STAGES: [StageLayout; 4] = [
    StageLayout {
        channels: 48,
        entry: None,
        blocks: &[(118, Some(7)), (122, None)],
    },
    StageLayout {
        channels: 96,
        entry: Some((125, (2, 2))),
        blocks: &[(129, Some(20)), (133, None)],
    },
    StageLayout {
        channels: 192,
        entry: Some((136, (2, 2))),
        blocks: &[(140, Some(33)), (144, None), (148, Some(43)), (152, None)],
    },
    StageLayout {
        channels: 384,
        entry: Some((155, (2, 2))),
        blocks: &[(159, Some(56)), (163, None)],
    },
];

/// Channels of the pyramid.
const NECK: usize = 96;

/// What each level of the pyramid hands to the head, and the channels of the head.
const HEAD: usize = NECK / 4;

/// Slope of the hard sigmoid in the pyramid.
const SLOPE: f64 = 0.2;

/// Numbers of the convolutions of the pyramid's levels, coarse to fine: into the pyramid, over places, out of it.
const LEVELS: [(usize, usize, usize); 4] = [(94, 169, 101), (84, 168, 91), (74, 167, 81), (64, 166, 71)];

/// Convolutions whose result is weighted by 1 + squeeze and excitation.
struct Projection {
    layer: Layer,
    gate: SqueezeExcite,
}

impl Projection {
    /// The pointwise convolution `number`, which has no bias, after those in `before`.
    fn load(
        loader: &mut Loader<'_>,
        mut before: Vec<Convolution>,
        number: usize,
        (from, to): (usize, usize),
    ) -> Loaded<Self> {
        let kernel = loader.kernel(number, (to, from, 1, 1))?;
        let none = Tensor::zeros(to, kernel.dtype(), kernel.device())?;
        before.push(Convolution::pointwise(
            kernel,
            none,
            Activation::Identity,
            loader.precision,
        ));
        Ok(Self {
            layer: Layer::new(before)?,
            gate: SqueezeExcite::load(loader, number + 1, to, SLOPE)?,
        })
    }

    /// The result, to which a picture of half its height and width is added.
    fn forward(&self, x: &Tensor, half: Option<&Tensor>) -> Result<Tensor> {
        let x = self.layer.forward(x)?;
        let factors = (self.gate.factors(&x)? + 1.0)?;
        scale_and_add(x, Some(&factors), half)
    }
}

/// A part of a 3×3 convolution, (channels out, channels in, 3, 3), as a 1×1 convolution with a channel per tap and channel out.
fn load_taps(kernel: &Tensor, precision: Precision) -> Loaded<Layer> {
    let (outputs, inputs, height, width) = kernel.dims4()?;
    let channels = height * width * outputs;
    let none = Tensor::zeros(channels, kernel.dtype(), kernel.device())?;
    let kernel = kernel.permute((2, 3, 0, 1))?.reshape((channels, inputs, 1, 1))?;
    let taps = Convolution::pointwise(kernel, none, Activation::Identity, precision);
    Ok(Layer::new(vec![taps])?)
}

/// A transposed 2×2 convolution of stride 2 as a 1×1 convolution: each place becomes four, side by side in its channels. They are
/// left there until the end, since everything in between looks at one place only.
fn enlarge(loader: &mut Loader<'_>, name: &str, (from, to): (usize, usize), activation: Activation) -> Loaded<Layer> {
    let kernel = loader.weights.get(name, (from, to, 2, 2))?;
    let kernel = kernel
        .permute((2, 3, 1, 0))?
        .contiguous()?
        .reshape((4 * to, from, 1, 1))?;
    let bias = loader.bias(to)?.repeat(4)?;
    let places = Convolution::pointwise(kernel, bias, activation, loader.precision);
    Ok(Layer::new(vec![places])?)
}

/// The network.
pub struct PpOcrDet {
    backbone: Backbone,
    /// Coarse to fine.
    inward: Vec<Projection>,
    /// Coarse to fine.
    outward: Vec<Projection>,
    /// One 3×3 convolution over the channels of all levels in the finest one's size, in parts: for each level but the finest the
    /// products with its taps.
    taps: Vec<Layer>,
    fuse: Layer,
    enlarge: [Layer; 2],
}

impl PpOcrDet {
    /// Takes the network's tensors out of `weights`; the products are made with `precision`.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn load(weights: &Weights, precision: Precision) -> Loaded<Self> {
        let mut loader = Loader::new(weights, precision);
        let backbone = Backbone::load(&mut loader, STEM, &STAGES)?;
        let inward = STAGES
            .iter()
            .rev()
            .zip(LEVELS)
            .map(|(stage, (inward, _, _))| Projection::load(&mut loader, vec![], inward, (stage.channels, NECK)))
            .collect::<Loaded<_>>()?;
        let outward = LEVELS
            .iter()
            .map(|&(_, places, outward)| {
                let places = loader.depthwise(places, NECK, (7, 7), (1, 1))?;
                Projection::load(&mut loader, vec![places], outward, (NECK, HEAD))
            })
            .collect::<Loaded<_>>()?;
        let fuse = loader.dense(170, (HEAD, 4 * HEAD, 3, 3), 1, Activation::Relu)?;
        let parts = fuse.kernel.chunk(4, 1)?;
        Ok(Self {
            backbone,
            inward,
            outward,
            taps: parts
                .iter()
                .take(3)
                .map(|part| load_taps(part, precision))
                .collect::<Loaded<_>>()?,
            fuse: Layer::new(vec![Convolution {
                kernel: parts[3].contiguous()?,
                ..fuse
            }])?,
            enlarge: [
                enlarge(&mut loader, "auto.cast.95", (HEAD, HEAD), Activation::Relu)?,
                enlarge(&mut loader, "auto.cast.98", (HEAD, 1), Activation::Sigmoid)?,
            ],
        })
    }

    /// A picture (1, height, width, 3), both multiples of [`STRIDE`], blue, green, red, −1 to 1, to the probability that each
    /// pixel lies in the (shrunk) middle of a line of text: (height, width), 0 to 1.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward(&self, picture: &Tensor) -> Result<Tensor> {
        let (one, height, width, _) = picture.dims4()?;
        if one != 1 || height % STRIDE != 0 || width % STRIDE != 0 {
            candle_core::bail!(
                "text detection needs one picture with sides in multiples of {STRIDE}, got {one}x{height}x{width}"
            );
        }
        let stages = self.backbone.forward(picture)?;

        let mut levels: Vec<Tensor> = Vec::with_capacity(LEVELS.len());
        for (projection, stage) in self.inward.iter().zip(stages.iter().rev()) {
            levels.push(projection.forward(stage, levels.last())?);
        }
        let outward = |(level, projection): (&Tensor, &Projection)| projection.forward(level, None);
        let mut parts = levels
            .iter()
            .zip(&self.outward)
            .map(outward)
            .collect::<Result<Vec<_>>>()?;
        stages.into_iter().chain(levels).for_each(recycle);
        let Some(finest) = parts.pop() else {
            candle_core::bail!("the pyramid has no levels");
        };
        let taps = parts.into_iter().zip(&self.taps).map(|(part, taps)| taps.consume(part));
        let taps = taps.collect::<Result<Vec<_>>>()?;
        let coarser = sum_taps(&taps.iter().zip([8, 4, 2]).collect::<Vec<_>>())?;
        taps.into_iter().for_each(recycle);

        let [first, second] = &self.enlarge;
        let x = first.consume(self.fuse.consume_add(finest, coarser)?)?;
        let x = second.consume(x.reshape((1, height / 4, width, HEAD))?)?;
        // What the second one made of each of the first one's four places is side by side.
        spread_4x4(&x.reshape((1, height / 4, width / 4, 16))?)?.squeeze(0)
    }
}
