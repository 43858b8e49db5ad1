//! Measuring on pictures of one's own, over the same code as the services.

pub mod documents;
pub mod faces;
mod output;
mod pairs;
mod pictures;
mod tail;
