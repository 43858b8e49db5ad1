//! Library part of the `bonafide` command.
