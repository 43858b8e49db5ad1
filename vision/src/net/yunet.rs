//! YuNet: a face detector of 75,856 parameters (Wu, Peng, Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector").
//!
//! This is the network alone, from a picture tensor to the raw outputs of its three levels; [`crate::face`] turns them into
//! faces.

use candle_core::{Result, Tensor};

use super::quantized::tensor;
use crate::models::{ModelError, Weights};
use crate::ops::{Activation, Convolution, Layer, Precision, Tiling, max_pool_2x2, scale_and_add};

/// Sides of the input must be multiples of this.
pub const ALIGNMENT: u32 = 32;

/// A 1×1 convolution followed by a 3×3 depthwise one, which an activation may follow.
struct Separable {
    pointwise: Convolution,
    filter: Convolution,
}

impl Separable {
    /// `pointwise` and `filter` are the names of the weight and the bias of either convolution.
    fn load(
        weights: &Weights,
        pointwise: [&str; 2],
        filter: [&str; 2],
        (inputs, outputs): (usize, usize),
        activation: Activation,
        precision: Precision,
    ) -> std::result::Result<Self, ModelError> {
        Ok(Self {
            pointwise: Convolution::pointwise(
                tensor(weights, pointwise[0], (outputs, inputs, 1, 1))?,
                tensor(weights, pointwise[1], outputs)?,
                Activation::Identity,
                precision,
            ),
            filter: Convolution {
                kernel: tensor(weights, filter[0], (outputs, 1, 3, 3))?,
                bias: tensor(weights, filter[1], outputs)?,
                depthwise: true,
                stride: (1, 1),
                activation,
                precision: Precision::Single,
            },
        })
    }
}

/// Takes the four heads of a level as one with their channels side by side: class, object, box, landmarks. Four products of a
/// few columns each would cost more than one.
fn load_heads(weights: &Weights, level: usize) -> std::result::Result<Separable, ModelError> {
    let head = |kind: &str, outputs| {
        let name = |part: &str| format!("bbox_head.multi_level_{kind}.{level}.{part}");
        Separable::load(
            weights,
            [&name("conv1.weight"), &name("conv1.bias")],
            [&name("conv2.weight"), &name("conv2.bias")],
            (64, outputs),
            Activation::Identity,
            Precision::Single,
        )
    };
    let heads = [head("cls", 1)?, head("obj", 1)?, head("bbox", 4)?, head("kps", 10)?];
    let side_by_side = |part: fn(&Separable) -> &Convolution| {
        let parts = heads.each_ref().map(part);
        Ok::<_, ModelError>(Convolution {
            kernel: Tensor::cat(&parts.map(|part| &part.kernel), 0)?,
            bias: Tensor::cat(&parts.map(|part| &part.bias), 0)?,
            ..parts[0].clone()
        })
    };
    Ok(Separable {
        pointwise: side_by_side(|head| &head.pointwise)?,
        filter: side_by_side(|head| &head.filter)?,
    })
}

/// What the network says about one grid of cells, `stride` pixels apart.
#[derive(Debug, Clone)]
pub struct Level {
    /// Pixels from one cell to the next: 8, 16 or 32.
    pub stride: u32,
    /// (batch, rows, columns, [`OUTPUTS`])
    pub outputs: Tensor,
}

/// Numbers for each cell of a grid: before the sigmoid, whether it is a face and how well the box fits; the centre of the box, x and
/// y, as offsets from the cell in strides; the logarithms of its width and height in strides; and x and y of five landmarks as
/// offsets from the cell in strides.
pub const OUTPUTS: usize = 16;

/// Units one after the other. A unit is a pointwise and a depthwise convolution: between two units, a depthwise one and the next
/// pointwise one are a layer.
fn chain(units: impl IntoIterator<Item = Separable>) -> Result<Tiling> {
    let mut layers = Vec::new();
    let mut before = vec![];
    for unit in units {
        before.push(unit.pointwise);
        layers.push(Layer::new(before)?);
        before = vec![unit.filter];
    }
    layers.push(Layer::new(before)?);
    Ok(Tiling::chain(layers))
}

/// The network.
pub struct YuNet {
    /// From the picture to an eighth of its size.
    fine: Tiling,
    /// The rest of the backbone, each after halving the size.
    middle: Tiling,
    coarse: Tiling,
    /// From the coarsest level to the finest but one.
    laterals: [Tiling; 2],
    /// From the finest level to the coarsest, that of the finest with its lateral.
    heads: [Tiling; 3],
}

impl YuNet {
    /// Takes the network's tensors out of `weights`. Its products are made with `precision`, but for those of the heads: what they
    /// give are coordinates, and halves there cost as many errors as all the others together.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn load(weights: &Weights, precision: Precision) -> std::result::Result<Self, ModelError> {
        // The depthwise filters were renamed to numbers when their batch normalisation was folded in.
        let unit = |name: &str, filter: usize, channels| {
            Separable::load(
                weights,
                [&format!("{name}.conv1.weight"), &format!("{name}.conv1.bias")],
                [&filter.to_string(), &(filter + 1).to_string()],
                channels,
                Activation::Relu,
                precision,
            )
        };
        let stage = |stage: usize, filter: usize, channels: [usize; 3]| {
            let unit = |at: usize, channels| {
                unit(
                    &format!("backbone.model{stage}.conv{at}"),
                    filter + 3 * (at - 1),
                    channels,
                )
            };
            Ok::<_, ModelError>([
                unit(1, (channels[0], channels[1]))?,
                unit(2, (channels[1], channels[2]))?,
            ])
        };
        let lateral = |level: usize, filter| unit(&format!("neck.lateral_convs.{level}"), filter, (64, 64));

        let stem = Convolution {
            // The model file wants blue first.
            kernel: tensor(weights, "420", (16, 3, 3, 3))?.flip(&[1])?,
            bias: tensor(weights, "421", 16)?,
            depthwise: false,
            stride: (2, 2),
            activation: Activation::Relu,
            precision: Precision::Single,
        };
        let stem_unit = unit("backbone.model0.conv2", 423, (16, 16))?;
        let [a, b] = stage(1, 426, [16, 16, 32])?;
        let [c, d] = stage(2, 432, [32, 32, 64])?;
        let [e, f] = stage(3, 438, [64, 64, 64])?;
        let [g, h] = stage(4, 444, [64, 64, 64])?;
        let [i, j] = stage(5, 450, [64, 64, 64])?;
        let fine = [
            Layer::new(vec![stem, stem_unit.pointwise])?,
            Layer::pooled(vec![stem_unit.filter, a.pointwise])?,
            Layer::new(vec![a.filter, b.pointwise])?,
            Layer::new(vec![b.filter, c.pointwise])?,
            Layer::new(vec![c.filter, d.pointwise])?,
            Layer::pooled(vec![d.filter, e.pointwise])?,
            Layer::new(vec![e.filter, f.pointwise])?,
            Layer::new(vec![f.filter])?,
        ];
        Ok(Self {
            fine: Tiling::chain(fine),
            middle: chain([g, h])?,
            coarse: chain([i, j])?,
            laterals: [chain([lateral(2, 456)?])?, chain([lateral(1, 459)?])?],
            heads: [
                chain([lateral(0, 462)?, load_heads(weights, 0)?])?,
                chain([load_heads(weights, 1)?])?,
                chain([load_heads(weights, 2)?])?,
            ],
        })
    }

    /// Looks at a batch of pictures: (batch, height, width, 3), red, green, blue, bytes or numbers from 0 to 255, sides multiples of
    /// [`ALIGNMENT`]. Answers the levels of strides 8, 16 and 32.
    ///
    /// # Errors
    /// When the input has another shape.
    pub fn forward(&self, pictures: &Tensor) -> Result<[Level; 3]> {
        let c3 = self.fine.forward(pictures)?;
        let c4 = self.middle.consume(max_pool_2x2(&c3, 2)?)?;
        let c5 = self.coarse.consume(max_pool_2x2(&c4, 2)?)?;

        let [p5, p4] = &self.laterals;
        let p5 = p5.consume(c5)?;
        let p4 = p4.consume(scale_and_add(c4, None, Some(&p5))?)?;
        let p3 = scale_and_add(c3, None, Some(&p4))?;

        let [fine, middle, coarse] = &self.heads;
        let level = |heads: &Tiling, x, stride| {
            let outputs = heads.consume(x)?;
            Ok::<_, candle_core::Error>(Level { stride, outputs })
        };
        Ok([level(fine, p3, 8)?, level(middle, p4, 16)?, level(coarse, p5, 32)?])
    }
}
