//! How far a long piece of work is.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many pictures, on standard error where that is a terminal.
pub(crate) fn bar(pictures: usize) -> ProgressBar {
    let bar = ProgressBar::new(pictures as u64);
    let template = "{bar:40} {pos}/{len} pictures, {per_sec}, {eta} left";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
