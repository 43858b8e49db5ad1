//! report-svc against both storages; Redis is a private one that the tests start.

mod clock;
mod conformance;
mod deployment;
mod embedded;
mod hooked;
mod jobs;
mod life;
mod listing;
mod metrics;
mod process;
mod redis_check;
mod redis_server;
mod refusals;
mod schedules;
mod store;
