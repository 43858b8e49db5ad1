//! The layout and the inner loop that the direct convolutions share.

use candle_core::{CpuStorage, Layout, Result, bail};
use pulp::Simd;

/// Vectors that are summed up side by side: enough to hide the latency of an addition, few enough to stay in registers.
const VECTORS: usize = 4;

/// Values in [`VECTORS`] of the widest vectors there are.
const LARGEST_BLOCK: usize = VECTORS * 16;

/// How planes are laid out so that every tap of a filter reads one contiguous run.
///
/// A padded plane is split into its stride × stride phases (rows and columns of equal remainder), each stored whole. A tap
/// (ky, kx) then reads phase (ky mod stride, kx mod stride) from a fixed offset on, for all outputs of the plane in one run of
/// `out_h * phase_w` values; the few values at the end of each row that wrap around are dropped when the rows are copied out.
pub(super) struct Phases {
    in_w: usize,
    stride: (usize, usize),
    padding: (usize, usize),
    pub(super) out_h: usize,
    pub(super) out_w: usize,
    phase_w: usize,
    phase_len: usize,
    /// Where each tap starts reading, in the order of a filter: by channel, row, column.
    offsets: Vec<usize>,
}

impl Phases {
    /// For filters over `channels` planes of the size `input`; sizes, strides and paddings are (vertical, horizontal).
    pub(super) fn new(
        channels: usize,
        input: (usize, usize),
        kernel: (usize, usize),
        stride: (usize, usize),
        padding: (usize, usize),
    ) -> Result<Self> {
        let padded = (input.0 + 2 * padding.0, input.1 + 2 * padding.1);
        if stride.0 == 0 || stride.1 == 0 || kernel.0 == 0 || kernel.1 == 0 {
            bail!("convolution needs strides and kernels of at least 1, got {stride:?} and {kernel:?}");
        }
        if kernel.0 > padded.0 || kernel.1 > padded.1 {
            bail!("convolution: the kernel {kernel:?} is larger than the padded input {padded:?}");
        }
        let phase_w = padded.1.div_ceil(stride.1);
        let phase_len = padded.0.div_ceil(stride.0) * phase_w;
        let mut offsets = Vec::with_capacity(channels * kernel.0 * kernel.1);
        for channel in 0..channels {
            for ky in 0..kernel.0 {
                for kx in 0..kernel.1 {
                    let phase = (channel * stride.0 + ky % stride.0) * stride.1 + kx % stride.1;
                    offsets.push(phase * phase_len + (ky / stride.0) * phase_w + kx / stride.1);
                }
            }
        }
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

    /// Room for the phases of all channels, all zero: the borders are never written again.
    pub(super) fn buffer(&self) -> Vec<f32> {
        // The last block of the last tap may read past the last phase.
        let reach = self.offsets.iter().max().copied().unwrap_or(0) + self.sums_len();
        let channels_end = self
            .offsets
            .iter()
            .max()
            .map_or(0, |last| last / self.channel_len() + 1)
            * self.channel_len();
        vec![0.0; reach.max(channels_end)]
    }

    /// Room for the outputs of one plane before their rows are cut to the width of the output.
    pub(super) fn sums(&self) -> Vec<f32> {
        vec![0.0; self.sums_len()]
    }

    fn sums_len(&self) -> usize {
        (self.out_h * self.phase_w).next_multiple_of(LARGEST_BLOCK)
    }

    /// Length of the phases of one channel.
    fn channel_len(&self) -> usize {
        self.stride.0 * self.stride.1 * self.phase_len
    }

    /// Writes one channel's plane into its phases.
    #[inline(always)]
    pub(super) fn split(&self, channel: usize, x: &[f32], buffer: &mut [f32]) {
        let phases = &mut buffer[channel * self.channel_len()..];
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

    /// Computes one plane of the output from the phases of its inputs.
    #[inline(always)]
    pub(super) fn convolve<S: Simd>(
        &self,
        simd: S,
        buffer: &[f32],
        filter: &[f32],
        bias: f32,
        sums: &mut [f32],
        out: &mut [f32],
    ) {
        let block = VECTORS * S::F32_LANES;
        for (index, sums) in sums.chunks_exact_mut(block).enumerate() {
            let from = &buffer[index * block..];
            let mut acc = [simd.splat_f32s(bias); VECTORS];
            for (&offset, &tap) in self.offsets.iter().zip(filter) {
                let tap = simd.splat_f32s(tap);
                let run = S::as_simd_f32s(&from[offset..offset + block]).0;
                for (acc, &run) in acc.iter_mut().zip(run) {
                    *acc = simd.mul_add_e_f32s(tap, run, *acc);
                }
            }
            S::as_mut_simd_f32s(sums).0.copy_from_slice(&acc);
        }
        for (row, sums) in out.chunks_exact_mut(self.out_w).zip(sums.chunks_exact(self.phase_w)) {
            row.copy_from_slice(&sums[..self.out_w]);
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
