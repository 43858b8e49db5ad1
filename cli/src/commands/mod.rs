//! The subcommands of `bonafide`, one file each.

pub mod attacks;
mod backend;
pub mod certs;
pub mod configuration;
pub mod demo;
pub mod evaluate;
pub mod files;
pub mod models;
pub mod queue;
pub mod reports;
pub mod sessions;
pub mod specimen;
pub mod up;
pub mod verify;
