//! Kernels that candle lacks or runs slowly on a CPU.
//!
//! Each one computes exactly what the plain candle expression named in its documentation computes, is checked against that
//! expression over odd shapes, and falls back to it on other devices. They are safe code over [`pulp`]'s
//! vectors, which picks the instruction set at run time. They work on the rayon pool that the caller runs in.

mod depthwise;
mod direct;
mod epilogue;
mod panels;
mod phases;
mod pointwise;
mod pool;
mod prelu;
mod separable;

pub use depthwise::depthwise_conv2d;
pub use direct::direct_conv2d;
pub use epilogue::Activation;
pub(crate) use epilogue::{bias_activation, bias_residual, channel_means, scale_channels};
pub use pointwise::pointwise_conv2d;
pub(crate) use pool::max_pool_2x2;
pub(crate) use prelu::bias_prelu;
pub(crate) use separable::{Filter, Layer};
