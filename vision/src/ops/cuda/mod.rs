//! The layers on NVIDIA GPUs: kernels of our own around cuBLAS's matrix products.
//!
//! candle computes a depthwise convolution as a loop over its channels there, too, and everything after a convolution as operators
//! of their own. Here a layer is one kernel that gathers rows, and a product and a kernel for what follows it per convolution.
//! Everything on a device goes through that device's one stream, in order.
//!
//! The kernels are compiled when they are first used, by NVRTC, which candle links anyway: so the crate needs no build script and
//! no compiler for GPUs of its own, and one binary serves all GPUs. The tests compile the same source for the CPU, where it is
//! checked without a GPU.

// Kernels take addresses, and only their callers know what lies there.
#![allow(unsafe_code)]

mod arguments;
#[cfg(feature = "cuda")]
mod card;
#[cfg(test)]
mod emulated;
mod kernels;
mod layer;
mod machine;
mod pictures;
#[cfg(test)]
mod tests;

#[cfg(feature = "cuda")]
pub(crate) use card::open;
pub(super) use layer::Program;
pub(super) use pictures::{channel_means, max_pool_2x2, scale_and_add, sum_taps};
