//! report-svc against both storages; Redis is a private one that the tests start.

mod conformance;
mod deployment;
mod embedded;
mod jobs;
mod life;
mod process;
mod redis_server;
mod refusals;
mod store;
