//! The networks, one file each, and the plain candle forward pass.

mod blocks;
pub mod minifasnet;
mod normalisation;
pub mod ppocr_det;
pub mod ppocr_rec;
mod quantized;
pub mod sface;
pub mod yunet;
