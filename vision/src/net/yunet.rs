//! YuNet: a face detector of 75,856 parameters (Wu, Peng, Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector").
//!
//! This is the network alone, from a picture tensor to the raw outputs of its three levels; [`crate::face`] turns them into
//! faces.

use candle_core::{Result, Tensor};

use super::quantized::tensor;
use crate::models::{ModelError, Weights};
use crate::ops::{Activation, bias_activation, depthwise_conv2d, direct_conv2d, pointwise_conv2d};

/// Sides of the input must be multiples of this.
pub const ALIGNMENT: u32 = 32;

/// A 1×1 convolution followed by a 3×3 depthwise one.
struct Separable {
    mix: (Tensor, Tensor),
    filter: (Tensor, Tensor),
}

impl Separable {
    /// `mix` and `filter` are the names of the weight and the bias of either convolution.
    fn load(
        weights: &Weights,
        mix: [&str; 2],
        filter: [&str; 2],
        (inputs, outputs): (usize, usize),
    ) -> std::result::Result<Self, ModelError> {
        Ok(Self {
            mix: (
                tensor(weights, mix[0], (outputs, inputs, 1, 1))?,
                tensor(weights, mix[1], outputs)?,
            ),
            filter: (
                tensor(weights, filter[0], (outputs, 1, 3, 3))?,
                tensor(weights, filter[1], outputs)?,
            ),
        })
    }

    fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let x = bias_activation(
            pointwise_conv2d(x, &self.mix.0, None)?,
            &self.mix.1,
            Activation::Identity,
        )?;
        let x = depthwise_conv2d(&x, &self.filter.0, None, (1, 1), (1, 1))?;
        bias_activation(x, &self.filter.1, activation)
    }
}

/// Takes the four heads of a level as one with their channels side by side: class, object, box, landmarks. Four products of a
/// few rows each would cost more than one.
fn load_heads(weights: &Weights, level: usize) -> std::result::Result<Separable, ModelError> {
    let head = |kind: &str, outputs| {
        let name = |part: &str| format!("bbox_head.multi_level_{kind}.{level}.{part}");
        Separable::load(
            weights,
            [&name("conv1.weight"), &name("conv1.bias")],
            [&name("conv2.weight"), &name("conv2.bias")],
            (64, outputs),
        )
    };
    let heads = [head("cls", 1)?, head("obj", 1)?, head("bbox", 4)?, head("kps", 10)?];
    let side_by_side = |part: fn(&Separable) -> &Tensor| Tensor::cat(&heads.each_ref().map(part), 0);
    Ok(Separable {
        mix: (side_by_side(|head| &head.mix.0)?, side_by_side(|head| &head.mix.1)?),
        filter: (
            side_by_side(|head| &head.filter.0)?,
            side_by_side(|head| &head.filter.1)?,
        ),
    })
}

/// What the network says about one grid of cells, `stride` pixels apart; all (batch, channels, rows, columns).
#[derive(Debug, Clone)]
pub struct Level {
    /// Pixels from one cell to the next: 8, 16 or 32.
    pub stride: u32,
    /// One channel, before the sigmoid: whether it is a face.
    pub class: Tensor,
    /// One channel, before the sigmoid: how well the box fits.
    pub object: Tensor,
    /// Four channels: centre x and y as offsets from the cell in strides, logarithms of width and height in strides.
    pub bbox: Tensor,
    /// Ten channels: x and y of five landmarks as offsets from the cell in strides.
    pub landmarks: Tensor,
}

/// The network.
pub struct YuNet {
    stem: (Tensor, Tensor),
    stem_unit: Separable,
    /// Two units in each of the five stages after the stem.
    stages: [[Separable; 2]; 5],
    /// From the coarsest level to the finest.
    laterals: [Separable; 3],
    /// From the finest level to the coarsest.
    heads: [Separable; 3],
}

impl YuNet {
    /// Takes the network's tensors out of `weights`.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn load(weights: &Weights) -> std::result::Result<Self, ModelError> {
        // The depthwise filters were renamed to numbers when their batch normalisation was folded in.
        let unit = |name: &str, filter: usize, channels| {
            Separable::load(
                weights,
                [&format!("{name}.conv1.weight"), &format!("{name}.conv1.bias")],
                [&filter.to_string(), &(filter + 1).to_string()],
                channels,
            )
        };
        let stage = |stage: usize, filter: usize, channels: [usize; 3]| {
            Ok::<_, ModelError>([
                unit(
                    &format!("backbone.model{stage}.conv1"),
                    filter,
                    (channels[0], channels[1]),
                )?,
                unit(
                    &format!("backbone.model{stage}.conv2"),
                    filter + 3,
                    (channels[1], channels[2]),
                )?,
            ])
        };
        let lateral = |level: usize, filter| unit(&format!("neck.lateral_convs.{level}"), filter, (64, 64));
        Ok(Self {
            stem: (tensor(weights, "420", (16, 3, 3, 3))?, tensor(weights, "421", 16)?),
            stem_unit: unit("backbone.model0.conv2", 423, (16, 16))?,
            stages: [
                stage(1, 426, [16, 16, 32])?,
                stage(2, 432, [32, 32, 64])?,
                stage(3, 438, [64, 64, 64])?,
                stage(4, 444, [64, 64, 64])?,
                stage(5, 450, [64, 64, 64])?,
            ],
            laterals: [lateral(2, 456)?, lateral(1, 459)?, lateral(0, 462)?],
            heads: [
                load_heads(weights, 0)?,
                load_heads(weights, 1)?,
                load_heads(weights, 2)?,
            ],
        })
    }

    /// Looks at a batch of pictures: (batch, 3, height, width), blue, green, red, 0 to 255, sides multiples of [`ALIGNMENT`].
    /// Answers the levels of strides 8, 16 and 32.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward(&self, pictures: &Tensor) -> Result<[Level; 3]> {
        let stage = |x: &Tensor, at: usize| {
            let [first, second] = &self.stages[at];
            second.forward(&first.forward(x, Activation::Relu)?, Activation::Relu)
        };
        let x = bias_activation(
            direct_conv2d(pictures, &self.stem.0, 2, (1, 1))?,
            &self.stem.1,
            Activation::Relu,
        )?;
        let x = self.stem_unit.forward(&x, Activation::Relu)?.max_pool2d(2)?;
        let x = stage(&stage(&x, 0)?, 1)?.max_pool2d(2)?;
        let c3 = stage(&x, 2)?;
        let c4 = stage(&c3.max_pool2d(2)?, 3)?;
        let c5 = stage(&c4.max_pool2d(2)?, 4)?;

        let lateral = |x: &Tensor, at: usize| self.laterals[at].forward(x, Activation::Relu);
        let p5 = lateral(&c5, 0)?;
        let p4 = lateral(&(&c4 + double(&p5)?)?, 1)?;
        let p3 = lateral(&(&c3 + double(&p4)?)?, 2)?;

        let [fine, middle, coarse] = &self.heads;
        Ok([level(fine, &p3, 8)?, level(middle, &p4, 16)?, level(coarse, &p5, 32)?])
    }
}

fn level(heads: &Separable, x: &Tensor, stride: u32) -> Result<Level> {
    let outputs = heads.forward(x, Activation::Identity)?;
    Ok(Level {
        stride,
        class: outputs.narrow(1, 0, 1)?,
        object: outputs.narrow(1, 1, 1)?,
        bbox: outputs.narrow(1, 2, 4)?,
        landmarks: outputs.narrow(1, 6, 10)?,
    })
}

/// Twice the height and width, each value repeated.
fn double(x: &Tensor) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    x.upsample_nearest2d(2 * h, 2 * w)
}
