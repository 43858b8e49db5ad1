//! The `bonafide` command.
fn main() {}
