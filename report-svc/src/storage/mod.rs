//! Storage: sealed bytes, compare-and-set, and a queue of work. Two implementations pass one conformance suite.
//!
//! What a session is and what may happen to it is decided above this trait; a storage only promises that
//!
//! * a step ([`Storage::create`], [`Storage::commit`]) happens as a whole or not at all, and is on disk when it is answered
//!   (with Redis, as far as its `appendfsync` says);
//! * of two steps that expect the same version one happens and the other is told of the conflict;
//! * a step that is sent again, as a client does that lost its connection, happens once and is answered as before;
//! * a queued job is leased to one worker at a time, to another one when the lease ends, and to nobody after the step that
//!   finishes it.

mod changes;
pub mod embedded;
pub mod redis;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use proto::id::Kind;

use crate::id::Id;

pub use changes::{Changes, SessionChanges};

/// Longest lease, and longest delay of a job that is handed back.
pub const LONGEST_LEASE: Duration = Duration::from_secs(3600);

/// An event's identifier and sealed record.
#[derive(Clone, Debug)]
pub struct SealedEvent {
    /// `evt_…`, in the session's partition.
    pub id: Id,
    /// Sealed `EventRecord`.
    pub record: Vec<u8>,
}

/// A report's identifier and sealed record.
#[derive(Clone, Debug)]
pub struct SealedReport {
    /// `vr_…`, in the session's partition.
    pub id: Id,
    /// Sealed `ReportRecord`.
    pub record: Vec<u8>,
}

/// A session that is to exist.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// `vs_…`.
    pub id: Id,
    /// Sealed `SessionRecord`; becomes version 1.
    pub record: Vec<u8>,
    /// The event that tells of it.
    pub event: SealedEvent,
    /// Makes the creation happen once.
    pub idempotency: Option<NewIdempotency>,
}

/// What is kept under an idempotency key.
#[derive(Clone, Debug)]
pub struct NewIdempotency {
    /// Hash of account and key. The session lies in the partition of this hash, so that two creations with one key meet.
    pub key: [u8; 32],
    /// Sealed `IdempotencyRecord`.
    pub record: Vec<u8>,
    /// How long it is kept.
    pub lifetime: Duration,
}

/// What a creation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The session exists now, as version 1.
    New,
    /// The idempotency key was used before; its sealed record. Nothing was created.
    Existing(Vec<u8>),
}

/// A sealed record and the version that a change must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// Grows with every change, from 1.
    pub version: u64,
    /// Sealed `SessionRecord`.
    pub record: Vec<u8>,
}

/// One atomic step of an existing session.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The session.
    pub session: Id,
    /// The version that was read; another one is a conflict.
    pub expected: u64,
    /// The sealed session afterwards.
    pub record: Vec<u8>,
    /// A report that was made.
    pub report: Option<SealedReport>,
    /// The event that tells of it.
    pub event: Option<SealedEvent>,
    /// What happens to the session's job.
    pub job: JobStep,
}

/// What a step does to the session's job. A session has one job at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStep {
    /// Nothing.
    Keep,
    /// A job for this attempt is queued.
    Enqueue {
        /// Which submission it belongs to.
        attempt: u32,
    },
    /// The job is done and leaves the queue.
    Finish,
    /// The job leaves the queue for the list that operators look at.
    DeadLetter,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It happened; the session's version now.
    Done(u64),
    /// Somebody else changed the session, or there is none. Nothing happened.
    Conflict,
}

/// A job that is one worker's for a while. Its text form is the lease token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The session to check.
    pub session: Id,
    /// Which submission of the session.
    pub attempt: u32,
    /// How many times the job was leased, this time included and excused times left out.
    pub delivery: u32,
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.session, self.attempt, self.delivery)
    }
}

/// A text that is no lease token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a lease token")]
pub struct NotALease;

impl FromStr for Lease {
    type Err = NotALease;

    fn from_str(token: &str) -> Result<Self, NotALease> {
        let mut parts = token.split('/');
        let mut next = || parts.next().ok_or(NotALease);
        let session = Id::parse(Kind::VerificationSession, next()?).ok_or(NotALease)?;
        let attempt = next()?.parse().map_err(|_| NotALease)?;
        let delivery = next()?.parse().map_err(|_| NotALease)?;
        match parts.next() {
            None => Ok(Self {
                session,
                attempt,
                delivery,
            }),
            Some(_) => Err(NotALease),
        }
    }
}

/// An event as its reader gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Position in the partition: events are read in the order in which their steps happened.
    pub position: u64,
    /// `evt_…`.
    pub id: Id,
    /// Sealed `EventRecord`.
    pub record: Vec<u8>,
}

/// A job that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its session.
    pub session: Id,
    /// Which submission of the session.
    pub attempt: u32,
}

/// Why a storage could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Redis does not answer or refuses.
    #[error("redis: {0}")]
    Redis(#[from] ::redis::RedisError),
    /// The database file cannot be read or written.
    #[error("database file: {0}")]
    Embedded(#[from] redb::Error),
    /// What is stored was not written by us.
    #[error("the storage holds something that is not ours: {0}")]
    Foreign(&'static str),
    /// The process is stopping.
    #[error("the storage was closed")]
    Closed,
}

/// The one interface to what is remembered.
#[async_trait]
pub trait Storage: fmt::Debug + Send + Sync + 'static {
    /// Creates a session with its event, or tells what its idempotency key stands for.
    async fn create(&self, new: NewSession) -> Result<Created, StorageError>;

    /// Reads a session.
    async fn session(&self, id: &Id) -> Result<Option<Versioned>, StorageError>;

    /// Changes a session that still has the expected version; all of the step or none of it.
    async fn commit(&self, step: Commit) -> Result<Committed, StorageError>;

    /// Reads a report.
    async fn report(&self, id: &Id) -> Result<Option<Vec<u8>>, StorageError>;

    /// Reads a partition's events after a position (0 for all), oldest first.
    async fn events(&self, partition: u8, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StorageError>;

    /// Leases a job that is new, was handed back, or whose lease ended. Does not wait.
    /// `lease` is at most [`LONGEST_LEASE`]; `worker` is for operators.
    async fn lease(&self, worker: &str, lease: Duration) -> Result<Option<Lease>, StorageError>;

    /// Keeps a job for another `lease` from now; false when the lease was lost.
    async fn extend(&self, held: &Lease, lease: Duration) -> Result<bool, StorageError>;

    /// Hands a job back, to be leased again after `delay`, at most [`LONGEST_LEASE`]; false when the lease was lost. When it is
    /// `excused`, the next lease has the number of this one.
    async fn release(&self, held: &Lease, delay: Duration, excused: bool) -> Result<bool, StorageError>;

    /// A partition's jobs that were given up, oldest first.
    async fn dead_letters(&self, partition: u8) -> Result<Vec<DeadLetter>, StorageError>;

    /// Tells of new work and changed sessions, within milliseconds and mostly without fail: who must not miss a change
    /// looks again after a while.
    fn changes(&self) -> &Changes;

    /// Whether the storage answers now.
    async fn healthy(&self) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_survives_its_text_form() {
        let lease = Lease {
            session: Id::new(Kind::VerificationSession, 7),
            attempt: 2,
            delivery: u32::MAX,
        };
        assert_eq!(lease.to_string().parse(), Ok(lease.clone()));
        for token in [
            "",
            "/",
            "vs_07/1/1",
            &format!("{lease}/1"),
            &format!("{}/1", lease.session),
        ] {
            assert_eq!(token.parse::<Lease>(), Err(NotALease), "{token}");
        }
    }
}
