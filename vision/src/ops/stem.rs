//! The first convolution of a network: from a picture's few channels to many.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::phases::{Phases, contiguous};

/// Convolves all channels of `x` with every filter: candle's `conv2d`. Made for few input channels, where candle's
/// rearrangement of the input costs more than the products; with many, a matrix product is faster.
///
/// `x` is (batch, channels in, height, width), `weight` (channels out, channels in, kernel height, kernel width),
/// both `f32`; stride and padding are the same in both directions.
///
/// # Errors
/// When shapes do not fit each other, the kernel is larger than the padded picture, or the tensors are not `f32`.
pub fn stem_conv2d(x: &Tensor, weight: &Tensor, stride: usize, padding: usize) -> Result<Tensor> {
    if x.device().is_cpu() {
        let op = StemConv2d { stride, padding };
        return x.contiguous()?.apply_op2_no_bwd(&weight.contiguous()?, &op);
    }
    x.conv2d(weight, padding, stride, 1, 1)
}

struct StemConv2d {
    stride: usize,
    padding: usize,
}

impl CustomOp2 for StemConv2d {
    fn name(&self) -> &'static str {
        "stem-conv2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, weight: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c_in, h, w) = lx.shape().dims4()?;
        let (c_out, wc, kh, kw) = lw.shape().dims4()?;
        if wc != c_in {
            bail!(
                "stem_conv2d needs a weight of shape (_, {c_in}, _, _), got {:?}",
                lw.shape()
            );
        }
        let both = |value| (value, value);
        let phases = Phases::new(c_in, (h, w), (kh, kw), both(self.stride), both(self.padding))?;
        let (x, weight) = (contiguous((x, lx))?, contiguous((weight, lw))?);

        let (in_plane, out_plane, taps) = (h * w, phases.out_h * phases.out_w, c_in * kh * kw);
        let mut out = vec![0f32; n * c_out * out_plane];
        if in_plane > 0 && c_in > 0 && c_out > 0 {
            let arch = Arch::new();
            let mut buffer = phases.buffer();
            for (x, out) in x
                .chunks_exact(c_in * in_plane)
                .zip(out.chunks_exact_mut(c_out * out_plane))
            {
                for (channel, plane) in x.chunks_exact(in_plane).enumerate() {
                    phases.split(channel, plane, &mut buffer);
                }
                out.par_chunks_mut(out_plane)
                    .zip(weight.par_chunks(taps))
                    .for_each_init(
                        || phases.sums(),
                        |sums, (out, filter)| {
                            arch.dispatch(Plane {
                                phases: &phases,
                                buffer: &buffer,
                                sums,
                                filter,
                                out,
                            });
                        },
                    );
            }
        }
        Ok((
            CpuStorage::F32(out),
            Shape::from((n, c_out, phases.out_h, phases.out_w)),
        ))
    }
}

/// One plane of the output to be computed.
struct Plane<'a> {
    phases: &'a Phases,
    buffer: &'a [f32],
    sums: &'a mut [f32],
    filter: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.phases
            .convolve(simd, self.buffer, self.filter, 0.0, self.sums, self.out);
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
            k in 1usize..6, stride in 1usize..4, padding in 0usize..3,
        ) {
            prop_assume!(k <= h + 2 * padding && k <= w + 2 * padding);
            let x = Tensor::randn(0f32, 1.0, (n, c_in, h, w), &Device::Cpu)?;
            let weight = Tensor::randn(0f32, 1.0, (c_out, c_in, k, k), &Device::Cpu)?;
            let expected = x.conv2d(&weight, padding, stride, 1, 1)?;
            let got = stem_conv2d(&x, &weight, stride, padding)?;
            prop_assert_eq!(got.dims(), expected.dims());
            let worst = (got - expected)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
            prop_assert!(worst < 1e-4, "differs by {}", worst);
        }
    }
}
