//! Decides whether the selfie shows the person of the document's portrait.
//!
//! [`pipeline`] turns pictures into faces with embeddings (detect, align, embed, measure), [`rules`] turns those into the
//! outcome of the check, with the limits of `requirements`, [`presentation`] tells attacks where its networks are installed,
//! [`calibration`] knows what a similarity is worth in error rates, and [`server`] puts all of it behind gRPC, faces alone as well.
//! Nothing is kept between calls.

pub mod calibration;
pub mod checker;
pub mod config;
pub mod error;
mod faces;
mod message;
pub mod pipeline;
pub mod presentation;
mod requirements;
pub mod rules;
pub mod server;
mod service;
