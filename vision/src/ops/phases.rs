//! The layout and the inner loop that the direct convolutions share.

use std::ops::Range;

use candle_core::{CpuStorage, Layout, Result, bail};
use pulp::Simd;

/// Vectors of each filter's output that are summed up side by side: enough to hide the latency of an addition, and few enough
/// that those of [`FILTERS`] filters stay in 16 registers.
const VECTORS: usize = 4;

/// How many filters are best applied at once, so that a run of values that was read is used for all of them.
pub(super) const FILTERS: usize = 3;

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
    /// For filters over `channels` planes of the size `input`; sizes, strides and paddings are (vertical, horizontal), `padding` is
    /// before the first row and column, `padding_after` after the last.
    pub(super) fn new(
        channels: usize,
        input: (usize, usize),
        kernel: (usize, usize),
        stride: (usize, usize),
        padding: (usize, usize),
        padding_after: (usize, usize),
    ) -> Result<Self> {
        let padded = (
            input.0 + padding.0 + padding_after.0,
            input.1 + padding.1 + padding_after.1,
        );
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
        let reach = self.offsets.iter().max().copied().unwrap_or(0) + self.sums_len(self.out_h) + LARGEST_BLOCK;
        let channels_end = self
            .offsets
            .iter()
            .max()
            .map_or(0, |last| last / self.channel_len() + 1)
            * self.channel_len();
        vec![0.0; reach.max(channels_end)]
    }

    /// Room for some rows of some planes of the output before they are cut to its width.
    pub(super) fn sums(&self, planes: usize, rows: usize) -> Vec<f32> {
        vec![0.0; planes * self.sums_len(rows)]
    }

    fn sums_len(&self, rows: usize) -> usize {
        (rows * self.phase_w).next_multiple_of(LARGEST_BLOCK)
    }

    /// Length of the phases of one channel.
    pub(super) fn channel_len(&self) -> usize {
        self.stride.0 * self.stride.1 * self.phase_len
    }

    /// Writes one channel's plane into its phases, a part of [`Phases::channel_len`] values of the buffer.
    #[inline(always)]
    pub(super) fn split(&self, x: &[f32], phases: &mut [f32]) {
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

    /// Computes rows of `N` planes of the output from the phases of their inputs. `filters` holds for each tap the weights of the
    /// `N` filters, `out` the rows of one plane after those of the other.
    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "an inner loop and everything it reads and writes"
    )]
    pub(super) fn convolve<S: Simd, const N: usize>(
        &self,
        simd: S,
        buffer: &[f32],
        filters: &[[f32; N]],
        biases: [f32; N],
        rows: Range<usize>,
        sums: &mut [f32],
        out: &mut [f32],
    ) {
        let block = VECTORS * S::F32_LANES;
        let sums_len = self.sums_len(rows.len());
        for start in (0..sums_len).step_by(block) {
            let from = &buffer[rows.start * self.phase_w + start..];
            let mut acc = biases.map(|bias| [simd.splat_f32s(bias); VECTORS]);
            for (&offset, taps) in self.offsets.iter().zip(filters) {
                let run = S::as_simd_f32s(&from[offset..offset + block]).0;
                for (acc, &tap) in acc.iter_mut().zip(taps) {
                    let tap = simd.splat_f32s(tap);
                    for (acc, &run) in acc.iter_mut().zip(run) {
                        *acc = simd.mul_add_e_f32s(tap, run, *acc);
                    }
                }
            }
            for (acc, sums) in acc.iter().zip(sums.chunks_exact_mut(sums_len)) {
                S::as_mut_simd_f32s(&mut sums[start..start + block])
                    .0
                    .copy_from_slice(acc);
            }
        }
        for (out, sums) in out
            .chunks_exact_mut(rows.len() * self.out_w)
            .zip(sums.chunks_exact(sums_len))
        {
            for (row, sums) in out.chunks_exact_mut(self.out_w).zip(sums.chunks_exact(self.phase_w)) {
                row.copy_from_slice(&sums[..self.out_w]);
            }
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
