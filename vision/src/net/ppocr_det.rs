//! PP-OCRv6 small, text detection: where in a picture is text (PaddlePaddle, Apache-2.0; the head is that of Liao et al. 2020,
//! "Real-time Scene Text Detection with Differentiable Binarization").
//!
//! Four stages of the backbone, merged from coarse to fine (a feature pyramid with squeeze and excitation), then two transposed
//! convolutions back to the size of the picture.

use candle_core::{Result, Tensor};

use super::blocks::{Backbone, Convolution, Loaded, Loader, SqueezeExcite, StageLayout};
use crate::models::Weights;
use crate::ops::{Activation, bias_activation, pointwise_conv2d, scale_channels};

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

/// A 1×1 convolution whose result is weighted by 1 + squeeze and excitation.
struct Projection {
    kernel: Tensor,
    gate: SqueezeExcite,
}

impl Projection {
    fn load(loader: &mut Loader<'_>, number: usize, from: usize, to: usize) -> Loaded<Self> {
        Ok(Self {
            kernel: loader.kernel(number, (to, from, 1, 1))?,
            gate: SqueezeExcite::load(loader, number + 1, to, SLOPE)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = pointwise_conv2d(x, &self.kernel, None)?;
        let factors = (self.gate.factors(&x)? + 1.0)?;
        scale_channels(x, &factors)
    }
}

/// A transposed 2×2 convolution of stride 2: each place becomes four, so that it is a product per place.
struct Enlarge {
    /// (4 places × channels out, channels in, 1, 1)
    kernel: Tensor,
    /// (4 places × channels out)
    bias: Tensor,
}

impl Enlarge {
    fn load(loader: &mut Loader<'_>, name: &str, from: usize, to: usize) -> Loaded<Self> {
        let kernel = loader.weights.get(name, (from, to, 2, 2))?;
        Ok(Self {
            kernel: kernel
                .permute((2, 3, 1, 0))?
                .contiguous()?
                .reshape((4 * to, from, 1, 1))?,
            bias: loader.bias(to)?.repeat(4)?,
        })
    }

    /// (batch, channels in, height, width) to (batch × 4 places, channels out, height, width): the four places side by side are
    /// left as they are until the end, since everything in between looks at one place only.
    fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let (n, _, h, w) = x.dims4()?;
        let x = bias_activation(pointwise_conv2d(x, &self.kernel, None)?, &self.bias, activation)?;
        x.reshape((n * 4, (), h, w))
    }
}

/// The network.
pub struct PpOcrDet {
    backbone: Backbone,
    /// Coarse to fine.
    inward: Vec<Projection>,
    /// Coarse to fine: over places, then out.
    outward: Vec<(Convolution, Projection)>,
    merge: Convolution,
    enlarge: [Enlarge; 2],
}

impl PpOcrDet {
    /// Takes the network's tensors out of `weights`.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn load(weights: &Weights) -> Loaded<Self> {
        let mut loader = Loader::new(weights);
        Ok(Self {
            backbone: Backbone::load(&mut loader, STEM, &STAGES)?,
            inward: STAGES
                .iter()
                .rev()
                .zip(LEVELS)
                .map(|(stage, (inward, _, _))| Projection::load(&mut loader, inward, stage.channels, NECK))
                .collect::<Loaded<_>>()?,
            outward: LEVELS
                .iter()
                .map(|&(_, places, outward)| {
                    Ok((
                        loader.convolution(places, (NECK, 1, 7, 7))?,
                        Projection::load(&mut loader, outward, NECK, HEAD)?,
                    ))
                })
                .collect::<Loaded<_>>()?,
            merge: loader.convolution(170, (HEAD, 4 * HEAD, 3, 3))?,
            enlarge: [
                Enlarge::load(&mut loader, "auto.cast.95", HEAD, HEAD)?,
                Enlarge::load(&mut loader, "auto.cast.98", HEAD, 1)?,
            ],
        })
    }

    /// A picture (1, 3, height, width), both multiples of [`STRIDE`], blue, green, red, −1 to 1, to the probability that each
    /// pixel lies in the (shrunk) middle of a line of text: (height, width), 0 to 1.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward(&self, picture: &Tensor) -> Result<Tensor> {
        let (one, _, height, width) = picture.dims4()?;
        if one != 1 || height % STRIDE != 0 || width % STRIDE != 0 {
            candle_core::bail!(
                "text detection needs one picture with sides in multiples of {STRIDE}, got {one}x{height}x{width}"
            );
        }
        let stages = self.backbone.forward(picture)?;

        let mut levels: Vec<Tensor> = Vec::with_capacity(LEVELS.len());
        for (projection, stage) in self.inward.iter().zip(stages.iter().rev()) {
            let level = projection.forward(stage)?;
            levels.push(match levels.last() {
                Some(coarser) => (level + enlarge_nearest(coarser, 2)?)?,
                None => level,
            });
        }
        let parts = levels
            .iter()
            .zip(&self.outward)
            .zip([8, 4, 2, 1])
            .map(|((level, (places, projection)), factor)| {
                let part = projection.forward(&places.depthwise(level, (1, 1))?)?;
                enlarge_nearest(&part, factor)
            })
            .collect::<Result<Vec<_>>>()?;

        let x = self.merge.dense(&Tensor::cat(&parts, 1)?, 1, Activation::Relu)?;
        let [first, second] = &self.enlarge;
        let x = second.forward(&first.forward(&x, Activation::Relu)?, Activation::Identity)?;
        // (first's row, first's column, second's row, second's column, height, width), outermost place first.
        let x = x.reshape(&[2, 2, 2, 2, height / 4, width / 4][..])?;
        let x = x.permute([4, 0, 2, 5, 1, 3].as_slice())?.reshape((height, width))?;
        candle_nn::ops::sigmoid(&x)
    }
}

fn enlarge_nearest(x: &Tensor, factor: usize) -> Result<Tensor> {
    match factor {
        1 => Ok(x.clone()),
        _ => x.upsample_nearest2d(x.dim(2)? * factor, x.dim(3)? * factor),
    }
}
