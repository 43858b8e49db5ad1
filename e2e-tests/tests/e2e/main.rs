//! All four services, in one process, over real gRPC on loopback.

mod bad_input;
mod metrics;
mod observability;
mod outcomes;
mod privacy;
mod redaction;
mod reflection;
mod test_mode;
mod traces;
