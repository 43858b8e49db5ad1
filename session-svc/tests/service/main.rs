//! session-svc in front of other services that are made of memory: real gRPC on loopback, and everything that can go wrong
//! behind it.

mod capture;
mod credentials;
mod fakes;
mod files;
mod harness;
mod idempotency;
mod links;
mod sessions;
mod test_mode;
mod told;
mod watch;
mod worker;
