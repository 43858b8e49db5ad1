//! Kernels that candle lacks or runs slowly on a CPU, for pictures whose channels lie next to each other: (batch, height, width,
//! channels).
//!
//! Each one computes exactly what the expression by candle's operators beside it computes, is checked against that expression over
//! odd shapes, and falls back to it on other devices, save for GPUs of NVIDIA, which have kernels of their own (feature `cuda`).
//! They are safe code over [`pulp`]'s vectors, which picks the instruction set at run time, save for the products of quantized
//! factors, which pulp does not know, and for GPUs. They work on the rayon pool that the caller runs in.
//!
//! Pictures and weights are numbers. What is none (NaN) may become one on its way.

mod activation;
mod buffers;
mod convolution;
#[cfg(any(test, feature = "cuda"))]
mod cuda;
mod depthwise;
mod elementwise;
mod layer;
mod packed;
mod panels;
mod patches;
mod plain;
#[cfg(target_arch = "x86_64")]
mod quantized;
mod rows;
#[cfg(test)]
mod samples;
mod tiling;
mod view;

pub use activation::Activation;
pub(crate) use buffers::recycle;
pub use convolution::{Convolution, Precision};
#[cfg(feature = "cuda")]
pub(crate) use cuda::open as open_gpu;
pub(crate) use elementwise::{channel_means, max_pool_2x2, scale_and_add, spread_4x4, sum_taps};
pub(crate) use layer::Layer;
pub(crate) use tiling::Tiling;

/// The instructions that the kernels use on this machine, in words.
#[must_use]
pub fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if rows::lanes() == 16 {
        match (
            quantized::is_able::<quantized::Half>(),
            quantized::is_able::<quantized::Byte>(),
        ) {
            (true, true) => return "AVX-512 with BF16 and VNNI",
            (true, false) => return "AVX-512 with BF16",
            (false, true) => return "AVX-512 with VNNI",
            (false, false) => {}
        }
    }
    match rows::lanes() {
        16 => "AVX-512",
        8 => "AVX2 with FMA",
        4 => "vectors of 128 bits",
        _ => "no vectors",
    }
}
