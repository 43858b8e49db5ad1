//! The memory: session state, reports, evidence and the queue of work
