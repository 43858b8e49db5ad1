//! The other services, in memory.

mod checks;
mod server;
mod store;

pub(crate) use checks::{Answer, FakeDocument, FakeSelfie};
pub(crate) use server::FakeServer;
pub(crate) use store::{Call, FakeStore};
