//! Reads and judges identity documents.

pub mod mrz;
