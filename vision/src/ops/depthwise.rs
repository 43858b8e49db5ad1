//! Depthwise convolution: each channel with a filter of its own.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::phases::{Phases, contiguous};

/// Convolves each channel of `x` with its own filter: `conv2d` with as many groups as channels.
///
/// `x` is (batch, channels, height, width), `weight` (channels, 1, kernel height, kernel width), `bias` (channels), all `f32`;
/// strides and paddings are (vertical, horizontal), padding is with zeros on both sides. The result is (batch, channels,
/// `(height + 2 * padding - kernel) / stride + 1`, likewise for the width).
///
/// On devices other than the CPU this is candle's grouped `conv2d`, which knows square strides and paddings only.
///
/// # Errors
/// When shapes do not fit each other, the kernel is larger than the padded picture, or the tensors are not `f32`.
pub fn depthwise_conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: (usize, usize),
    padding: (usize, usize),
) -> Result<Tensor> {
    if x.device().is_cpu() {
        let op = DepthwiseConv2d { stride, padding };
        let x = x.contiguous()?;
        let weight = weight.contiguous()?;
        return match bias {
            Some(bias) => x.apply_op3_no_bwd(&weight, &bias.contiguous()?, &op),
            None => x.apply_op2_no_bwd(&weight, &op),
        };
    }
    if stride.0 != stride.1 || padding.0 != padding.1 {
        bail!("depthwise_conv2d on this device needs square strides and paddings, got {stride:?} and {padding:?}");
    }
    let y = x.conv2d(weight, padding.0, stride.0, 1, x.dim(1)?)?;
    match bias {
        Some(bias) => y.broadcast_add(&bias.reshape((1, (), 1, 1))?),
        None => Ok(y),
    }
}

struct DepthwiseConv2d {
    stride: (usize, usize),
    padding: (usize, usize),
}

impl DepthwiseConv2d {
    fn forward(
        &self,
        x: (&CpuStorage, &Layout),
        weight: (&CpuStorage, &Layout),
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = x.1.shape().dims4()?;
        let (wc, one, kh, kw) = weight.1.shape().dims4()?;
        if wc != c || one != 1 {
            bail!(
                "depthwise_conv2d needs a weight of shape ({c}, 1, _, _), got {:?}",
                weight.1.shape()
            );
        }
        let phases = Phases::new(1, (h, w), (kh, kw), self.stride, self.padding, self.padding)?;
        let x = contiguous(x)?;
        let weight = contiguous(weight)?;
        let bias = bias.map(contiguous).transpose()?;
        if bias.is_some_and(|bias| bias.len() != c) {
            bail!("depthwise_conv2d needs a bias of {c} values");
        }

        let (in_plane, out_plane, taps) = (h * w, phases.out_h * phases.out_w, kh * kw);
        let mut out = vec![0f32; n * c * out_plane];
        if in_plane > 0 && c > 0 {
            let arch = Arch::new();
            // Small planes are handed out several at a time, so that a task outweighs its hand-over.
            let planes_per_task = (16_384 / out_plane).clamp(1, c);
            out.par_chunks_mut(out_plane * planes_per_task)
                .zip(x.par_chunks(in_plane * planes_per_task))
                .enumerate()
                .for_each_init(
                    || (phases.buffer(), phases.sums(1, phases.out_h)),
                    |(buffer, sums), (task, (out, x))| {
                        for (i, (out, x)) in out.chunks_mut(out_plane).zip(x.chunks(in_plane)).enumerate() {
                            let channel = (task * planes_per_task + i) % c;
                            let filter = &weight[channel * taps..(channel + 1) * taps];
                            let bias = bias.map_or(0.0, |bias| bias[channel]);
                            arch.dispatch(Plane {
                                phases: &phases,
                                buffer,
                                sums,
                                x,
                                filter,
                                bias,
                                out,
                            });
                        }
                    },
                );
        }
        Ok((CpuStorage::F32(out), Shape::from((n, c, phases.out_h, phases.out_w))))
    }
}

/// One plane to be convolved.
struct Plane<'a> {
    phases: &'a Phases,
    buffer: &'a mut [f32],
    sums: &'a mut [f32],
    x: &'a [f32],
    filter: &'a [f32],
    bias: f32,
    out: &'a mut [f32],
}

impl WithSimd for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let filter = self.filter.as_chunks::<1>().0;
        self.phases.split(self.x, self.buffer);
        self.phases.convolve(
            simd,
            self.buffer,
            filter,
            [self.bias],
            0..self.phases.out_h,
            self.sums,
            self.out,
        );
    }
}

impl CustomOp2 for DepthwiseConv2d {
    fn name(&self) -> &'static str {
        "depthwise-conv2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward((x, lx), (w, lw), None)
    }
}

impl CustomOp3 for DepthwiseConv2d {
    fn name(&self) -> &'static str {
        "depthwise-conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((x, lx), (w, lw), Some((b, lb)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};
    use proptest::prelude::*;

    /// candle's grouped convolution knows square strides and paddings only: pad first, then pick every stride-th output.
    fn reference(
        x: &Tensor,
        w: &Tensor,
        b: Option<&Tensor>,
        stride: (usize, usize),
        padding: (usize, usize),
    ) -> Result<Tensor> {
        let x = x
            .pad_with_zeros(2, padding.0, padding.0)?
            .pad_with_zeros(3, padding.1, padding.1)?;
        let y = x.conv2d(w, 0, 1, 1, x.dim(1)?)?;
        let (_, _, h, w) = y.dims4()?;
        let rows: Vec<u32> = (0..h as u32).step_by(stride.0).collect();
        let cols: Vec<u32> = (0..w as u32).step_by(stride.1).collect();
        let y = y
            .index_select(&Tensor::new(rows, &Device::Cpu)?, 2)?
            .index_select(&Tensor::new(cols, &Device::Cpu)?, 3)?;
        match b {
            Some(b) => y.broadcast_add(&b.reshape((1, (), 1, 1))?),
            None => Ok(y),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn equals_candles_grouped_convolution(
            n in 1usize..3, c in 1usize..7, h in 1usize..40, w in 1usize..40,
            kh in 1usize..8, kw in 1usize..8, sh in 1usize..4, sw in 1usize..4,
            ph in 0usize..4, pw in 0usize..4, with_bias: bool,
        ) {
            prop_assume!(kh <= h + 2 * ph && kw <= w + 2 * pw);
            let x = Tensor::randn(0f32, 1.0, (n, c, h, w), &Device::Cpu)?;
            let k = Tensor::randn(0f32, 1.0, (c, 1, kh, kw), &Device::Cpu)?;
            let b = Tensor::randn(0f32, 1.0, c, &Device::Cpu)?;
            let b = with_bias.then_some(&b);
            let expected = reference(&x, &k, b, (sh, sw), (ph, pw))?;
            let got = depthwise_conv2d(&x, &k, b, (sh, sw), (ph, pw))?;
            prop_assert_eq!(got.dims(), expected.dims());
            let worst = (got - expected)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
            prop_assert!(worst < 1e-4, "differs by {}", worst);
        }
    }

    #[test]
    fn takes_tensors_that_are_not_contiguous() -> Result<()> {
        let x = Tensor::randn(0f32, 1.0, (1, 9, 11, 4), &Device::Cpu)?.permute((0, 3, 1, 2))?;
        let k = Tensor::randn(0f32, 1.0, (1, 4, 3, 3), &Device::Cpu)?.transpose(0, 1)?;
        let expected = reference(&x.contiguous()?, &k.contiguous()?, None, (2, 2), (1, 1))?;
        let got = depthwise_conv2d(&x, &k, None, (2, 2), (1, 1))?;
        let worst = (got - expected)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
        assert!(worst < 1e-4);
        Ok(())
    }

    #[test]
    fn refuses_shapes_that_do_not_fit() -> Result<()> {
        let x = Tensor::zeros((1, 4, 5, 5), candle_core::DType::F32, &Device::Cpu)?;
        let k = Tensor::zeros((3, 1, 3, 3), candle_core::DType::F32, &Device::Cpu)?;
        assert!(depthwise_conv2d(&x, &k, None, (1, 1), (1, 1)).is_err());
        let k = Tensor::zeros((4, 1, 7, 7), candle_core::DType::F32, &Device::Cpu)?;
        assert!(depthwise_conv2d(&x, &k, None, (1, 1), (0, 0)).is_err());
        assert!(depthwise_conv2d(&x, &k, None, (0, 1), (3, 3)).is_err());
        let b = Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu)?;
        assert!(depthwise_conv2d(&x, &k, Some(&b), (1, 1), (3, 3)).is_err());
        Ok(())
    }
}
