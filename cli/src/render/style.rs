//! Colours, where there is somebody to see them.

use std::io::IsTerminal as _;

/// How to mark words in text.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    coloured: bool,
}

impl Style {
    /// No marks: for files and pipes.
    pub const PLAIN: Self = Self { coloured: false };

    /// Colours when standard output is a terminal and `NO_COLOR` (no-color.org) is not set.
    pub fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            coloured: std::io::stdout().is_terminal() && !refused,
        }
    }

    /// For what went well.
    pub(super) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// For what did not.
    pub(super) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// For what a reader may skip.
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// For headings.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.coloured {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
