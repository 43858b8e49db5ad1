//! The memory: session state, reports, evidence and the queue of work.

pub mod assemble;
pub mod evidence;
pub mod id;
pub mod lifecycle;
pub mod seal;
pub mod storage;
