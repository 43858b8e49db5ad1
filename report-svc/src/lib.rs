//! The memory: session state, reports, evidence and the queue of work.

pub mod lifecycle;
pub mod seal;
