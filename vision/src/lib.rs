//! Pictures and networks: decoding, geometry, and the face and text models in candle.
//!
//! Knows no gRPC and keeps no state: everything takes a picture and weights and answers a value. Callers decide how many
//! threads work on it by running it inside a rayon pool of their size.

pub mod device;
pub mod document;
pub mod error;
pub mod face;
pub mod geometry;
pub mod models;
pub mod net;
pub mod ops;
pub mod picture;
pub mod text;

pub use error::VisionError;
