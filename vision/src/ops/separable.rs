//! Layers over pictures whose channels lie next to each other, their weights packed once: (batch, height, width, channels).

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::panels::{Multiply, Panels};
use super::phases::contiguous;

/// Values of the intermediate rows that one task has at hand: they stay in the second level of the cache beside a panel.
const ROWS_AT_HAND: usize = 24 * 1024;

/// Channels come in whole vectors of every machine.
const CHANNELS: usize = 16;

/// A convolution's kernel as candle stores it, its bias and the slopes of the PReLU after it, one value per channel of the result.
pub(crate) struct Filter<'a> {
    /// (channels out, channels in per group, height, width)
    pub(crate) kernel: &'a Tensor,
    /// (channels out)
    pub(crate) bias: &'a Tensor,
    /// As many values.
    pub(crate) slope: &'a Tensor,
}

/// A 3×3 convolution over a picture padded by one with zeros, and the PReLU after it; then, for a depthwise one, a 1×1 convolution
/// with its PReLU, tile by tile while the first one's result is in the cache.
///
/// Equals `conv2d`, `broadcast_add` and PReLU, and again `conv2d` … of the picture with channels first. On the CPU only.
pub(crate) struct Layer {
    first: First,
    stride: usize,
    mix: Panels,
}

enum First {
    /// The values under the kernel become one row of a matrix product.
    Dense { channels: usize },
    /// Tap by tap: (9, channels), with biases and slopes.
    Depthwise {
        taps: Vec<f32>,
        bias: Vec<f32>,
        slope: Vec<f32>,
        zeros: Vec<f32>,
    },
}

impl Layer {
    /// A 3×3 convolution of all channels.
    pub(crate) fn dense(filter: &Filter<'_>, stride: usize) -> Result<Self> {
        let (columns, channels, 3, 3) = filter.kernel.dims4()? else {
            bail!("a kernel of 3×3 is needed, got {:?}", filter.kernel.shape());
        };
        let weight = filter.kernel.permute((0, 2, 3, 1))?.reshape((columns, 9 * channels))?;
        Ok(Self {
            first: First::Dense { channels },
            stride,
            mix: Panels::pack(&weight, filter.bias, Some(filter.slope))?,
        })
    }

    /// A depthwise 3×3 and a pointwise convolution.
    pub(crate) fn separable(depthwise: &Filter<'_>, stride: usize, pointwise: &Filter<'_>) -> Result<Self> {
        let (channels, 1, 3, 3) = depthwise.kernel.dims4()? else {
            bail!(
                "a depthwise kernel of 3×3 is needed, got {:?}",
                depthwise.kernel.shape()
            );
        };
        let (columns, inner, 1, 1) = pointwise.kernel.dims4()? else {
            bail!("a kernel of 1×1 is needed, got {:?}", pointwise.kernel.shape());
        };
        let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let (bias, slope) = (values(depthwise.bias)?, values(depthwise.slope)?);
        if channels % CHANNELS != 0 || inner != channels || bias.len() != channels || slope.len() != channels {
            bail!(
                "{channels} channels must be a multiple of {CHANNELS}, and those of the bias, slope and second kernel"
            );
        }
        Ok(Self {
            first: First::Depthwise {
                taps: values(&depthwise.kernel.reshape((channels, 9))?.t()?)?,
                bias,
                slope,
                zeros: vec![0.0; channels],
            },
            stride,
            mix: Panels::pack(
                &pointwise.kernel.reshape((columns, inner))?,
                pointwise.bias,
                Some(pointwise.slope),
            )?,
        })
    }

    /// (batch, height, width, channels in) to (batch, height / stride, width / stride, channels out), sizes rounded up.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op1_no_bwd(self)
    }

    fn channels(&self) -> usize {
        match &self.first {
            First::Dense { channels } => *channels,
            First::Depthwise { zeros, .. } => zeros.len(),
        }
    }
}

impl CustomOp1 for Layer {
    fn name(&self) -> &'static str {
        "channels-last-layer"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, height, width, channels) = layout.shape().dims4()?;
        if channels != self.channels() {
            bail!("a picture of {} channels is needed, got {channels}", self.channels());
        }
        let x = contiguous((x, layout))?;
        let (out_height, out_width) = (height.div_ceil(self.stride), width.div_ceil(self.stride));
        let (pixels, columns) = (n * out_height * out_width, self.mix.columns());
        let mut out = vec![0f32; pixels * columns];
        let at_hand = (ROWS_AT_HAND / self.mix.inner()).max(1);
        let per_task = pixels.div_ceil(rayon::current_num_threads()).clamp(1, at_hand);
        let arch = Arch::new();
        out.par_chunks_mut(per_task * columns).enumerate().for_each_init(
            || vec![0f32; per_task * self.mix.inner()],
            |rows, (task, out)| {
                let rows = &mut rows[..out.len() / columns * self.mix.inner()];
                let view = View {
                    x,
                    height,
                    width,
                    channels,
                };
                for (i, row) in rows.chunks_exact_mut(self.mix.inner()).enumerate() {
                    let pixel = task * per_task + i;
                    let (picture, row_of, column) = (
                        pixel / (out_height * out_width),
                        pixel / out_width % out_height,
                        pixel % out_width,
                    );
                    let around = view.around(picture, row_of * self.stride, column * self.stride);
                    match &self.first {
                        First::Dense { channels } => {
                            for (to, from) in row.chunks_exact_mut(*channels).zip(around) {
                                match from {
                                    Some(from) => to.copy_from_slice(from),
                                    None => to.fill(0.0),
                                }
                            }
                        }
                        First::Depthwise {
                            taps,
                            bias,
                            slope,
                            zeros,
                        } => arch.dispatch(Depthwise {
                            around: around.map(|pixel| pixel.unwrap_or(zeros)),
                            taps,
                            bias,
                            slope,
                            out: row,
                        }),
                    }
                }
                arch.dispatch(Multiply {
                    panels: &self.mix,
                    x: rows,
                    out,
                });
            },
        );
        Ok((CpuStorage::F32(out), Shape::from((n, out_height, out_width, columns))))
    }
}

/// Pictures to be convolved.
struct View<'a> {
    x: &'a [f32],
    height: usize,
    width: usize,
    channels: usize,
}

impl<'a> View<'a> {
    /// The channels of the nine pixels around (row, column), row by row; `None` beyond the edge.
    fn around(&self, picture: usize, row: usize, column: usize) -> [Option<&'a [f32]>; 9] {
        std::array::from_fn(|tap| {
            let row = (row + tap / 3).checked_sub(1).filter(|row| *row < self.height)?;
            let column = (column + tap % 3)
                .checked_sub(1)
                .filter(|column| *column < self.width)?;
            let start = ((picture * self.height + row) * self.width + column) * self.channels;
            self.x.get(start..start + self.channels)
        })
    }
}

/// One pixel of a depthwise convolution.
struct Depthwise<'a> {
    around: [&'a [f32]; 9],
    taps: &'a [f32],
    bias: &'a [f32],
    slope: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Depthwise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.bias.len();
        let around = self.around.map(|pixel| S::as_simd_f32s(&pixel[..channels]).0);
        let taps: [&[S::f32s]; 9] =
            std::array::from_fn(|tap| S::as_simd_f32s(&self.taps[tap * channels..(tap + 1) * channels]).0);
        let (bias, slope) = (S::as_simd_f32s(self.bias).0, S::as_simd_f32s(&self.slope[..channels]).0);
        let zero = simd.splat_f32s(0.0);
        for (at, out) in S::as_mut_simd_f32s(&mut self.out[..channels]).0.iter_mut().enumerate() {
            let mut sum = bias[at];
            for (pixel, tap) in around.iter().zip(taps) {
                sum = simd.mul_add_e_f32s(pixel[at], tap[at], sum);
            }
            *out = simd.mul_add_e_f32s(slope[at], simd.min_f32s(sum, zero), simd.max_f32s(sum, zero));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use proptest::prelude::*;

    struct Convolution {
        kernel: Tensor,
        bias: Tensor,
        slope: Tensor,
    }

    impl Convolution {
        fn random(kernel: (usize, usize, usize, usize)) -> Result<Self> {
            Ok(Self {
                kernel: Tensor::randn(0f32, 1.0, kernel, &Device::Cpu)?,
                bias: Tensor::randn(0f32, 1.0, kernel.0, &Device::Cpu)?,
                slope: Tensor::randn(0f32, 1.0, kernel.0, &Device::Cpu)?,
            })
        }

        fn filter(&self) -> Filter<'_> {
            Filter {
                kernel: &self.kernel,
                bias: &self.bias,
                slope: &self.slope,
            }
        }

        /// candle's own operators, channels first.
        fn plain(&self, x: &Tensor, stride: usize) -> Result<Tensor> {
            let groups = x.dim(1)? / self.kernel.dim(1)?;
            let y = x.conv2d(&self.kernel, self.kernel.dim(2)? / 2, stride, 1, groups)?;
            let y = y.broadcast_add(&self.bias.reshape((1, (), 1, 1))?)?;
            y.relu()? + y.minimum(0f32)?.broadcast_mul(&self.slope.reshape((1, (), 1, 1))?)?
        }
    }

    fn largest_difference(left: &Tensor, right: &Tensor) -> Result<f32> {
        assert_eq!(left.dims(), right.dims());
        (left - right)?.abs()?.flatten_all()?.max(0)?.to_scalar()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_separable_layer_equals_candles_convolutions(
            n in 1usize..3, blocks in 1usize..4, columns in 1usize..70, h in 1usize..20, w in 1usize..20, stride in 1usize..3,
        ) {
            let channels = CHANNELS * blocks;
            let x = Tensor::randn(0f32, 1.0, (n, channels, h, w), &Device::Cpu)?;
            let depthwise = Convolution::random((channels, 1, 3, 3))?;
            let pointwise = Convolution::random((columns, channels, 1, 1))?;
            let expected = pointwise.plain(&depthwise.plain(&x, stride)?, 1)?;
            let layer = Layer::separable(&depthwise.filter(), stride, &pointwise.filter())?;
            let got = layer.forward(&x.permute((0, 2, 3, 1))?)?.permute((0, 3, 1, 2))?;
            // Sums of up to 48 products of values around 3, in another order.
            prop_assert!(largest_difference(&got, &expected)? < 1e-3);
        }

        #[test]
        fn a_dense_layer_equals_candles_convolution(
            n in 1usize..3, channels in 1usize..5, columns in 1usize..70, h in 1usize..20, w in 1usize..20, stride in 1usize..3,
        ) {
            let x = Tensor::randn(0f32, 1.0, (n, channels, h, w), &Device::Cpu)?;
            let convolution = Convolution::random((columns, channels, 3, 3))?;
            let layer = Layer::dense(&convolution.filter(), stride)?;
            let got = layer.forward(&x.permute((0, 2, 3, 1))?)?.permute((0, 3, 1, 2))?;
            prop_assert!(largest_difference(&got, &convolution.plain(&x, stride)?)? < 1e-3);
        }
    }

    #[test]
    fn refuses_what_does_not_fit() -> Result<()> {
        let narrow = Convolution::random((8, 1, 3, 3))?;
        let depthwise = Convolution::random((16, 1, 3, 3))?;
        let pointwise = Convolution::random((4, 16, 1, 1))?;
        assert!(Layer::separable(&narrow.filter(), 1, &pointwise.filter()).is_err());
        assert!(Layer::separable(&depthwise.filter(), 1, &depthwise.filter()).is_err());
        assert!(Layer::dense(&depthwise.filter(), 1).is_ok());
        assert!(Layer::dense(&pointwise.filter(), 1).is_err());
        let layer = Layer::separable(&depthwise.filter(), 1, &pointwise.filter())?;
        let wrong = Tensor::zeros((1, 5, 5, 32), candle_core::DType::F32, &Device::Cpu)?;
        assert!(layer.forward(&wrong).is_err());
        Ok(())
    }
}
