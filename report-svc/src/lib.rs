//! The memory: session state, reports, evidence and the queue of work. The only service that talks to Redis.
//!
//! ```text
//! service, queue_service (gRPC) ─▶ store (sessions, images, jobs, completion) ─▶ storage (sealed bytes, compare-and-set, queue)
//!                     │ lifecycle, assemble: pure decisions          ├ embedded: one redb file
//!                     │ records, seal: envelope encryption           └ redis: server or Cluster
//!                     └ evidence: pictures, each under a key of its own
//! ```
//!
//! Only sealed bytes and identifiers reach a storage; only identifiers reach a log.

pub mod assemble;
mod backlog;
pub mod config;
pub mod error;
pub mod evidence;
pub mod id;
mod instruments;
pub mod last_error;
pub mod lifecycle;
pub mod limits;
mod list_request;
pub mod master_key;
pub mod queue_service;
pub mod records;
pub mod redaction;
pub mod reference;
pub mod retention;
pub mod seal;
pub mod server;
pub mod service;
pub mod simulation;
pub mod storage;
pub mod store;
mod sweeper;
