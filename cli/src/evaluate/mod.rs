//! Measuring on pictures of one's own, over the same code as the services.

pub mod attacks;
pub mod documents;
pub mod faces;
mod interval;
mod output;
mod page;
pub(crate) mod pairs;
mod pictures;
mod tail;
