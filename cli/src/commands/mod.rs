//! The subcommands of `bonafide`, one file each.

use std::io::Write as _;

use anyhow::Context as _;

pub mod certs;
pub mod configuration;
pub mod demo;
pub mod evaluate;
pub mod models;
pub mod queue;
pub mod specimen;
pub mod up;
pub mod verify;

/// Writes to standard output; a reader who has gone is an error, not a panic.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}
