//! report-svc against both storages; Redis is a private one that the tests start.

mod bucket;
mod certificates;
mod clock;
mod conformance;
mod deployment;
mod embedded;
mod failover;
mod files;
mod ground;
mod hooked;
mod jobs;
mod life;
mod listing;
mod metrics;
mod once;
mod process;
mod recorded;
mod redaction;
mod redis_check;
mod redis_server;
mod redis_tls;
mod refusals;
mod schedules;
mod simulate;
mod store;
mod update;
