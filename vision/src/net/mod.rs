//! The networks, one file each, and the plain candle forward pass.

mod blocks;
mod quantized;
pub mod yunet;
pub mod sface;
pub mod ppocr_det;
pub mod ppocr_rec;
