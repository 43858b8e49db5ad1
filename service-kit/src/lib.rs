//! What every Bonafide service does alike.
//!
//! A service implements [`service::Service`]; its `main.rs` calls [`program::main`]. The rest of this crate is what both need:
//!
//! * [`config`]: what every service can be set to.
//! * [`serving`]: a bound port, and what happens around every request.
//! * [`status`]: the one way to build a `tonic::Status` with google.rpc details.
//! * [`client`]: channels to other services that carry trace context, deadline and service token on every hop.
//! * [`compute`]: worker threads for inference, outside the async runtime, behind a bounded queue.
//! * [`health`]: one `grpc.health.v1` entry per dependency, and those that probes ask for.
//! * [`metrics`]: one set of instruments, scraped over HTTP and pushed over OTLP.
//! * [`insights`]: what checks tell about themselves.
//! * [`deadline`]: how long the caller of the current request still waits.
//! * [`program`]: from the command line to the exit code.
//! * [`private`]: files of keys.
//! * [`stage`]: the steps of a verification in traces, metrics and insights.
//! * [`tls`]: who is at the other end, and that nobody listens.
//! * [`threads`]: threads that compute one thing together.

mod admin;
pub mod client;
pub mod compute;
pub mod config;
pub mod deadline;
pub mod health;
pub mod insights;
mod methods;
pub mod metrics;
pub mod private;
pub mod program;
mod propagation;
pub mod readiness;
mod replicas;
mod resend;
pub mod service;
pub mod serving;
pub mod stage;
pub mod status;
pub mod telemetry;
pub mod testing;
pub mod threads;
pub mod tls;
