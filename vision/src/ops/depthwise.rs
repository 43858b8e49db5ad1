//! Depthwise convolution: each channel with a filter of its own.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use pulp::Arch;
use rayon::prelude::*;

/// Values of one accumulator block: a multiple of every vector width, small enough to stay in registers.
const LANES: usize = 32;

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
        let plan = Plan::new((h, w), (kh, kw), self.stride, self.padding)?;
        let x = contiguous(x)?;
        let weight = contiguous(weight)?;
        let bias = bias.map(contiguous).transpose()?;
        if let Some(bias) = bias
            && bias.len() != c
        {
            bail!("depthwise_conv2d needs a bias of {c} values, got {}", bias.len());
        }

        let (in_plane, out_plane, taps) = (h * w, plan.out_h * plan.out_w, kh * kw);
        let mut out = vec![0f32; n * c * out_plane];
        if out_plane > 0 && in_plane > 0 {
            let arch = Arch::new();
            // Small planes are handed out several at a time, so that a task outweighs its hand-over.
            let planes_per_task = (16_384 / out_plane).clamp(1, c);
            out.par_chunks_mut(out_plane * planes_per_task)
                .zip(x.par_chunks(in_plane * planes_per_task))
                .enumerate()
                .for_each_init(
                    || Scratch::new(&plan),
                    |scratch, (task, (out, x))| {
                        for (i, (out, x)) in out.chunks_mut(out_plane).zip(x.chunks(in_plane)).enumerate() {
                            let channel = (task * planes_per_task + i) % c;
                            let filter = &weight[channel * taps..(channel + 1) * taps];
                            let bias = bias.map_or(0.0, |b| b[channel]);
                            arch.dispatch(|| plan.convolve(scratch, x, filter, bias, out));
                        }
                    },
                );
        }
        Ok((CpuStorage::F32(out), Shape::from((n, c, plan.out_h, plan.out_w))))
    }
}

/// How one plane is laid out so that every tap of the filter reads a contiguous run.
///
/// The padded plane is split into its stride × stride phases (rows and columns of equal remainder), each stored whole. A tap
/// (ky, kx) then reads phase (ky mod stride, kx mod stride) from a fixed offset on, for all outputs of the plane in one run of
/// `out_h * phase_w` values; the few values at the end of each row that wrap around are dropped when the rows are copied out.
struct Plan {
    in_w: usize,
    stride: (usize, usize),
    padding: (usize, usize),
    out_h: usize,
    out_w: usize,
    phase_w: usize,
    phase_len: usize,
    /// Where each tap starts reading, in the order of the filter.
    offsets: Vec<usize>,
}

impl Plan {
    fn new(
        input: (usize, usize),
        kernel: (usize, usize),
        stride: (usize, usize),
        padding: (usize, usize),
    ) -> Result<Self> {
        let padded = (input.0 + 2 * padding.0, input.1 + 2 * padding.1);
        if stride.0 == 0 || stride.1 == 0 || kernel.0 == 0 || kernel.1 == 0 {
            bail!("depthwise_conv2d needs strides and kernels of at least 1, got {stride:?} and {kernel:?}");
        }
        if kernel.0 > padded.0 || kernel.1 > padded.1 {
            bail!("depthwise_conv2d: the kernel {kernel:?} is larger than the padded input {padded:?}");
        }
        let phase_w = padded.1.div_ceil(stride.1);
        let phase_len = padded.0.div_ceil(stride.0) * phase_w;
        let offsets = (0..kernel.0)
            .flat_map(|ky| (0..kernel.1).map(move |kx| (ky, kx)))
            .map(|(ky, kx)| {
                let phase = (ky % stride.0) * stride.1 + kx % stride.1;
                phase * phase_len + (ky / stride.0) * phase_w + kx / stride.1
            })
            .collect();
        Ok(Self {
            in_w: input.1,
            stride,
            padding,
            out_h: (padded.0 - kernel.0) / stride.0 + 1,
            out_w: (padded.1 - kernel.1) / stride.1 + 1,
            phase_w,
            phase_len,
            offsets,
        })
    }

    #[inline(always)]
    fn convolve(&self, scratch: &mut Scratch, x: &[f32], filter: &[f32], bias: f32, out: &mut [f32]) {
        self.split(x, &mut scratch.phases);
        for (block, acc_out) in scratch.sums.chunks_exact_mut(LANES).enumerate() {
            let mut acc = [bias; LANES];
            for (&offset, &tap) in self.offsets.iter().zip(filter) {
                let start = offset + block * LANES;
                let run = &scratch.phases[start..start + LANES];
                for (a, &v) in acc.iter_mut().zip(run) {
                    *a += tap * v;
                }
            }
            acc_out.copy_from_slice(&acc);
        }
        for (row, sums) in out
            .chunks_exact_mut(self.out_w)
            .zip(scratch.sums.chunks_exact(self.phase_w))
        {
            row.copy_from_slice(&sums[..self.out_w]);
        }
    }

    /// Writes the plane into its phases. The borders are zero from the start and are never written.
    #[inline(always)]
    fn split(&self, x: &[f32], phases: &mut [f32]) {
        let (sy, sx) = self.stride;
        for (y, row) in x.chunks_exact(self.in_w).enumerate() {
            let y = y + self.padding.0;
            let start = (y % sy) * sx * self.phase_len + (y / sy) * self.phase_w;
            if sx == 1 {
                let start = start + self.padding.1;
                phases[start..start + row.len()].copy_from_slice(row);
                continue;
            }
            for phase in 0..sx {
                // The first column of the row that falls into this phase.
                let first = (phase + sx - self.padding.1 % sx) % sx;
                let start = start + phase * self.phase_len + (first + self.padding.1) / sx;
                for (to, &from) in phases[start..].iter_mut().zip(row.iter().skip(first).step_by(sx)) {
                    *to = from;
                }
            }
        }
    }
}

/// What one task needs for a plane: the phases, and the sums before their rows are cut to the width of the output.
struct Scratch {
    phases: Vec<f32>,
    sums: Vec<f32>,
}

impl Scratch {
    fn new(plan: &Plan) -> Self {
        let sums = (plan.out_h * plan.phase_w).next_multiple_of(LANES);
        // The last block of the last tap may read past the last phase.
        let reach = plan.offsets.iter().max().copied().unwrap_or(0) + sums;
        let phases = (plan.stride.0 * plan.stride.1 * plan.phase_len).max(reach);
        Self {
            phases: vec![0.0; phases],
            sums: vec![0.0; sums],
        }
    }
}

/// The values of a contiguous `f32` tensor.
pub(super) fn contiguous<'a>((storage, layout): (&'a CpuStorage, &Layout)) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("the operation needs contiguous tensors");
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
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
