//! Kernels that candle lacks or runs slowly on a CPU.
//!
//! Each one computes exactly what the plain candle expression named in its documentation computes, is checked against that
//! expression over odd shapes, and falls back to it on other devices. They are written as plain loops that the compiler
//! vectorises; [`pulp`] picks the instruction set at run time. They work on the rayon pool that the caller runs in.

mod depthwise;
mod pointwise;
mod prelu;

pub use depthwise::depthwise_conv2d;
pub use pointwise::pointwise_conv2d;
pub use prelu::prelu;
