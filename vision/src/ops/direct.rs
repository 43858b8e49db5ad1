//! Dense convolution without rearranging its input into a matrix.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::phases::{FILTERS, Phases, contiguous};

/// Convolves all channels of `x` with every filter: candle's `conv2d`. Made for pictures with few channels, where candle's
/// rearrangement of the input costs more than the products.
///
/// `x` is (batch, channels in, height, width), `weight` (channels out, channels in, kernel height, kernel width), both `f32`.
/// `padding` is how many zeros stand before the first and after the last row and column.
///
/// # Errors
/// When shapes do not fit each other, the kernel is larger than the padded picture, or the tensors are not `f32`.
pub fn direct_conv2d(x: &Tensor, weight: &Tensor, stride: usize, padding: (usize, usize)) -> Result<Tensor> {
    if x.device().is_cpu() {
        let op = DirectConv2d { stride, padding };
        return x.contiguous()?.apply_op2_no_bwd(&weight.contiguous()?, &op);
    }
    let (before, after) = padding;
    x.pad_with_zeros(2, before, after)?
        .pad_with_zeros(3, before, after)?
        .conv2d(weight, 0, stride, 1, 1)
}

/// Values of a plane that are computed for all channels before the next ones are begun, so that what they are computed from stays
/// in the cache.
const BAND: usize = 1024;

struct DirectConv2d {
    stride: usize,
    padding: (usize, usize),
}

impl CustomOp2 for DirectConv2d {
    fn name(&self) -> &'static str {
        "direct-conv2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, weight: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c_in, h, w) = lx.shape().dims4()?;
        let (c_out, wc, kh, kw) = lw.shape().dims4()?;
        if wc != c_in {
            bail!(
                "direct_conv2d needs a weight of shape (_, {c_in}, _, _), got {:?}",
                lw.shape()
            );
        }
        let both = |value| (value, value);
        let (before, after) = self.padding;
        let phases = Phases::new(c_in, (h, w), (kh, kw), both(self.stride), both(before), both(after))?;
        let (x, weight) = (contiguous((x, lx))?, contiguous((weight, lw))?);

        let (in_plane, out_plane, taps) = (h * w, phases.out_h * phases.out_w, c_in * kh * kw);
        let mut out = vec![0f32; n * c_out * out_plane];
        if in_plane > 0 && c_in > 0 && c_out > 0 {
            let arch = Arch::new();
            let mut buffer = phases.buffer();
            let rows = BAND.div_ceil(phases.out_w);
            for (x, out) in x
                .chunks_exact(c_in * in_plane)
                .zip(out.chunks_exact_mut(c_out * out_plane))
            {
                buffer
                    .par_chunks_mut(phases.channel_len())
                    .zip(x.par_chunks(in_plane))
                    .for_each(|(buffer, plane)| phases.split(plane, buffer));
                let bands: Vec<Vec<f32>> = (0..phases.out_h)
                    .into_par_iter()
                    .step_by(rows)
                    .map(|first| {
                        arch.dispatch(Band {
                            phases: &phases,
                            buffer: &buffer,
                            weight,
                            taps,
                            rows: first..(first + rows).min(phases.out_h),
                        })
                    })
                    .collect();
                for (channel, out) in out.chunks_exact_mut(out_plane).enumerate() {
                    for (band, out) in bands.iter().zip(out.chunks_mut(rows * phases.out_w)) {
                        out.copy_from_slice(&band[channel * out.len()..(channel + 1) * out.len()]);
                    }
                }
            }
        }
        Ok((
            CpuStorage::F32(out),
            Shape::from((n, c_out, phases.out_h, phases.out_w)),
        ))
    }
}

/// Rows of the output to be computed, of all channels.
struct Band<'a> {
    phases: &'a Phases,
    buffer: &'a [f32],
    weight: &'a [f32],
    taps: usize,
    rows: Range<usize>,
}

impl WithSimd for Band<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let Band {
            phases,
            buffer,
            weight,
            taps,
            rows,
        } = self;
        let plane = rows.len() * phases.out_w;
        let mut sums = phases.sums(FILTERS, rows.len());
        let mut out = vec![0.0; weight.len() / taps * plane];
        for (filters, out) in weight.chunks(FILTERS * taps).zip(out.chunks_mut(FILTERS * plane)) {
            if filters.len() == FILTERS * taps {
                let filters: Vec<[f32; FILTERS]> = (0..taps)
                    .map(|tap| std::array::from_fn(|filter| filters[filter * taps + tap]))
                    .collect();
                phases.convolve(simd, buffer, &filters, [0.0; FILTERS], rows.clone(), &mut sums, out);
            } else {
                for (filter, out) in filters.chunks_exact(taps).zip(out.chunks_exact_mut(plane)) {
                    let filter = filter.as_chunks::<1>().0;
                    phases.convolve(simd, buffer, filter, [0.0], rows.clone(), &mut sums, out);
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn equals_candles_convolution(
            n in 1usize..3, c_in in 1usize..5, c_out in 1usize..9, h in 1usize..40, w in 1usize..40,
            k in 1usize..6, stride in 1usize..4, before in 0usize..3, after in 0usize..3,
        ) {
            prop_assume!(k <= h + before + after && k <= w + before + after);
            let x = Tensor::randn(0f32, 1.0, (n, c_in, h, w), &Device::Cpu)?;
            let weight = Tensor::randn(0f32, 1.0, (c_out, c_in, k, k), &Device::Cpu)?;
            let padded = x.pad_with_zeros(2, before, after)?.pad_with_zeros(3, before, after)?;
            let expected = padded.conv2d(&weight, 0, stride, 1, 1)?;
            let got = direct_conv2d(&x, &weight, stride, (before, after))?;
            prop_assert_eq!(got.dims(), expected.dims());
            let worst = (got - expected)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
            prop_assert!(worst < 1e-4, "differs by {}", worst);
        }
    }
}
