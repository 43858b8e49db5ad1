//! Starts all four services for real and tests them together.
//!
//! The library holds what the tests share: [`pictures`] to submit, and a [`stage`] on which all services play with their
//! telemetry in memory. What needs networks is skipped, with a line that says so, where they were not fetched (or fails, see
//! [`service_kit::testing`]).

pub mod pictures;
pub mod stage;
