//! A convolution with its activation, as a model has it.

use candle_core::{Device, Result, Tensor, bail};

use super::activation::Activation;

/// A convolution as a model file describes it. The picture is padded with zeros such that a stride of 1 keeps its size; where the
/// kernel's size is even, there is more padding after the picture than before it (ONNX's `SAME_UPPER`).
#[derive(Debug, Clone)]
pub struct Convolution {
    /// (channels out, channels in, height, width), or (channels, 1, height, width) for a depthwise convolution.
    pub kernel: Tensor,
    /// (channels out)
    pub bias: Tensor,
    /// Whether each channel has a filter of its own and sees no other.
    pub depthwise: bool,
    /// Down and to the right.
    pub stride: (usize, usize),
    /// What comes after it.
    pub activation: Activation,
    /// With what its products are made.
    pub precision: Precision,
}

/// The precision of the factors in a convolution's products; their sums are `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// `f32`
    #[default]
    Single,
    /// bfloat16, 8 bits of which are the fraction, for 1×1 convolutions on a GPU, and on a CPU with instructions for it
    /// (AVX512-BF16). `f32` elsewhere.
    Half,
    /// Whole numbers of 8 bits, -127 to 127, times one step per pixel and one per channel of the result, which follow from the
    /// largest values; for 1×1 convolutions on a CPU with instructions for it (AVX512-VNNI). As [`Precision::Half`] elsewhere.
    Byte,
}

impl Convolution {
    /// A 1×1 convolution of stride 1; `kernel` is (channels out, channels in, 1, 1).
    pub fn pointwise(kernel: Tensor, bias: Tensor, activation: Activation, precision: Precision) -> Self {
        Self {
            kernel,
            bias,
            depthwise: false,
            stride: (1, 1),
            activation,
            precision,
        }
    }

    /// Whether it is one of 1×1 pixels and stride 1.
    pub(super) fn is_pointwise(&self) -> bool {
        let size = self.kernel.dims().get(2..);
        !self.depthwise && self.stride == (1, 1) && size == Some(&[1, 1])
    }

    /// Whether the activation of the maximum of pixels is the maximum of their activations.
    pub(super) fn is_pooled_first(&self) -> bool {
        self.stride == (1, 1) && self.activation.never_falls()
    }

    pub(super) fn check(&self, device: &Device) -> Result<()> {
        let (columns, channels, height, width) = self.kernel.dims4()?;
        if self.depthwise && channels != 1 {
            bail!("a depthwise kernel has one channel in, got {:?}", self.kernel.shape());
        }
        if height * width * self.stride.0 * self.stride.1 == 0 {
            bail!("a kernel and its stride are not empty, got {:?}", self.kernel.shape());
        }
        let slopes = self.activation.slopes(columns)?.len();
        if self.bias.elem_count() != columns || slopes != columns {
            bail!("{columns} channels must be those of biases and slopes");
        }
        if !self.kernel.device().same_device(device) || !self.bias.device().same_device(device) {
            bail!("the weights of a layer are on one device");
        }
        Ok(())
    }

    /// By candle's operators, with channels first. `base` is added before the activation.
    pub(super) fn plain(&self, x: &Tensor, base: Option<&Tensor>) -> Result<Tensor> {
        let (_, _, height, width) = self.kernel.dims4()?;
        let x = x
            .pad_with_zeros(2, (height - 1) / 2, height / 2)?
            .pad_with_zeros(3, (width - 1) / 2, width / 2)?;
        let groups = if self.depthwise { x.dim(1)? } else { 1 };
        // candle's strides are the same in both directions.
        let stride = self.stride.0.min(self.stride.1);
        let mut y = x.conv2d(&self.kernel, 0, stride, 1, groups)?;
        for (dim, step) in [(2, self.stride.0 / stride), (3, self.stride.1 / stride)] {
            if step > 1 {
                let kept: Vec<u32> = (0..y.dim(dim)? as u32).step_by(step).collect();
                y = y.index_select(&Tensor::new(kept, y.device())?, dim)?;
            }
        }
        y = y.broadcast_add(&self.bias.reshape((1, (), 1, 1))?)?;
        if let Some(base) = base {
            y = (y + base)?;
        }
        self.activation.plain(&y)
    }
}
