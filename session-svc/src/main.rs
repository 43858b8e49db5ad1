//! Wires configuration, telemetry and the server together.
fn main() {}
