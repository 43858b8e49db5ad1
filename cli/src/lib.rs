//! The parts of the `bonafide` command. A library, so that tests and benches can start a deployment and draw specimens too.

pub mod api;
pub mod attacks;
pub mod client;
pub mod commands;
pub mod dataset;
pub mod degrade;
pub mod deployment;
pub mod evaluate;
pub mod keys;
mod progress;
pub mod render;
pub mod specimen;
mod stdout;
