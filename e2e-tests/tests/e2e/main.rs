//! All four services, in one process, over real gRPC on loopback.

mod bad_input;
mod outcomes;
mod privacy;
mod reflection;
mod traces;
