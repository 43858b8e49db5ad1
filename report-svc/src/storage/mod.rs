//! Storage: sealed bytes, compare-and-set, and a queue of work. Two implementations pass one conformance suite.
//!
//! What a session is and what may happen to it is decided above this trait; a storage only promises that
//!
//! * a step ([`Storage::create`], [`Storage::commit`]) happens as a whole or not at all, and is on disk when it is answered
//!   (with Redis, as far as its `appendfsync` says);
//! * of two steps that expect the same version one happens and the other is told of the conflict;
//! * a step that is sent again, as a client does that lost its connection, happens once and is answered as before;
//! * a session is in the lists that it belongs into, and in no other, from the step on that says so ([`IndexEntry`]), and is found by
//!   its files in the same way ([`FileEntries`]);
//! * a queued job is leased to one worker at a time, to another one when the lease ends, and to nobody after the step that
//!   finishes it;
//! * every step that touches a leased job names the lease, and does nothing when that is not the job's lease any more.

mod changes;
pub mod embedded;
mod index;
mod job;
mod lease;
pub mod redis;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use proto::id::Kind;

use crate::id::Id;

use job::{note_foreign_entry, note_unreadable_job};

pub use changes::{Changes, SessionChanges};
pub use index::{IndexEntry, List, ListQuery, Listed, Order, ReferenceTag, Reindex, ReportEntry, Scope};
pub use job::{DeadLetterReason, Job, JobState};
pub use lease::{Lease, LeaseRequest, Leased, Nonce, NotALease};

/// Longest lease, and longest delay of a job.
pub const LONGEST_LEASE: Duration = Duration::from_secs(3600);

/// Tells the time; tests bring their own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

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
    /// What it is found by.
    pub entry: ReportEntry,
    /// By which references it is found no more.
    pub unlisted: Vec<ReferenceTag>,
}

/// What is kept of an attempt.
#[derive(Clone, Debug)]
pub struct SealedAttempt {
    /// Which submission of the session.
    pub attempt: u32,
    /// Sealed `AttemptRecord`.
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
    /// What it is found by.
    pub entry: IndexEntry,
    /// When something of it expires, if ever.
    pub expires: Option<SystemTime>,
    /// Makes the creation happen once.
    pub idempotency: Option<NewIdempotency>,
}

/// What is kept under an idempotency key.
#[derive(Clone, Debug)]
pub struct NewIdempotency {
    /// Hash of account and key, and of the session where that is kept beside it. A session that is created lies in the partition of this
    /// hash, so that two creations with one key meet.
    pub key: [u8; 32],
    /// Sealed `IdempotencyRecord` or `AnswerRecord`.
    pub record: Vec<u8>,
    /// How long it is kept.
    pub lifetime: Duration,
}

/// What is to be kept under an idempotency key, for as long as what was kept before; nothing where that is there no more.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// Hash of account and key.
    pub key: [u8; 32],
    /// Sealed `IdempotencyRecord` that is to be replaced.
    pub before: Vec<u8>,
    /// Sealed `IdempotencyRecord`.
    pub record: Vec<u8>,
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
    /// Reports that are new, or replace what is kept of them.
    pub reports: Vec<SealedReport>,
    /// Attempts that ended, or of which something else is kept from now on.
    pub attempts: Vec<SealedAttempt>,
    /// What replaces the answer to the session's creation.
    pub idempotency: Option<Idempotency>,
    /// What is answered from now on when the call is sent again that the step is of.
    pub answer: Option<NewIdempotency>,
    /// The event that tells of it.
    pub event: Option<SealedEvent>,
    /// What it is found by, where that changes.
    pub reindex: Option<Reindex>,
    /// When something of it expires now, if ever.
    pub expires: Option<SystemTime>,
    /// Which files lead to it, where that changes.
    pub files: FileEntries,
    /// What happens to the session's job.
    pub job: JobStep,
}

/// What a step changes of the entries by which a session is found that a file belongs to. Files lie in their session's partition.
#[derive(Clone, Debug, Default)]
pub struct FileEntries {
    /// `file_…` that lead to the session from now on.
    pub added: Vec<Id>,
    /// Those that lead nowhere any more.
    pub removed: Vec<Id>,
}

/// What a step does to the session's job. A session has one job at the most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStep {
    /// Nothing.
    Keep,
    /// A job for this attempt is queued.
    Enqueue {
        /// Which submission it belongs to.
        attempt: u32,
        /// How long nobody may lease it; at most [`LONGEST_LEASE`].
        delay: Duration,
    },
    /// The job that is held under this lease is done and leaves the queue.
    Finish(Lease),
    /// The dead-lettered job of this attempt is done.
    FinishDeadLetter {
        /// Which submission it belongs to.
        attempt: u32,
    },
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It happened; the session's version now.
    Done(u64),
    /// Somebody else changed the session, or there is none. Nothing happened.
    Conflict,
    /// The job is not held under the step's lease, or not dead-lettered. Nothing happened.
    JobLost,
}

/// What a job that is queued again was delivered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliveries {
    /// Still counts.
    Kept,
    /// Still counts, without the last delivery: nobody was to blame but us.
    Excused,
    /// Counts no more: the job is as if it were new.
    Forgotten,
}

impl Deliveries {
    /// How many more of them are excused; `None` when none counts any more.
    pub(crate) fn excused(self) -> Option<u32> {
        match self {
            Self::Kept => Some(0),
            Self::Excused => Some(1),
            Self::Forgotten => None,
        }
    }
}

/// How many jobs there are, and for how long they have been waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Those that a worker may lease now.
    pub due: u64,
    /// Those that are leased, rest after they were handed back, or were queued for later.
    pub later: u64,
    /// Those that were set aside.
    pub dead_letters: u64,
    /// For how long the one that is longest due has been.
    pub longest_due: Duration,
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
    /// The system gave no random numbers.
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
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

    /// Reads many sessions, in the order of the ids; `None`, too, for what we did not write.
    async fn sessions(&self, ids: &[Id]) -> Result<Vec<Option<Versioned>>, StorageError>;

    /// The sessions of a list, in the order asked for.
    async fn list(&self, query: &ListQuery) -> Result<Vec<Id>, StorageError>;

    /// A partition's sessions of which something expired until a moment, those first of which it expired first.
    async fn expired(&self, partition: u8, until: SystemTime, limit: usize) -> Result<Vec<Id>, StorageError>;

    /// Moves the moment at which something of a session expires, unless the session has another version; 0 is that of one that is not
    /// there. Changes nothing else; whether it did.
    async fn move_expiry(&self, session: &Id, version: u64, to: Option<SystemTime>) -> Result<bool, StorageError>;

    /// How many such sessions a partition has.
    async fn count_expired(&self, partition: u8, until: SystemTime) -> Result<u64, StorageError>;

    /// Whether this candidate leads in a role: the first that asks does, and nobody else until `term` after it asked last. What is done
    /// by a leader must be right when two do it: one that was held up does not notice that its term is over.
    async fn elect(&self, role: &str, candidate: Nonce, term: Duration) -> Result<bool, StorageError>;

    /// The accounts that have sessions.
    async fn accounts(&self) -> Result<Vec<String>, StorageError>;

    /// Changes a session that still has the expected version; all of the step or none of it.
    async fn commit(&self, step: Commit) -> Result<Committed, StorageError>;

    /// Keeps something under an idempotency key in a partition, or answers what is kept there already and is other.
    async fn remember(&self, partition: u8, new: NewIdempotency) -> Result<Option<Vec<u8>>, StorageError>;

    /// What is kept under an idempotency key in a partition. What has expired is gone.
    async fn idempotency(&self, partition: u8, key: &[u8; 32]) -> Result<Option<Vec<u8>>, StorageError>;

    /// The time that all replicas agree on.
    async fn now(&self) -> Result<SystemTime, StorageError>;

    /// Reads a report.
    async fn report(&self, id: &Id) -> Result<Option<Vec<u8>>, StorageError>;

    /// The session that a file leads to.
    async fn session_of_file(&self, file: &Id) -> Result<Option<Id>, StorageError>;

    /// Reads what is kept of a finished attempt.
    async fn attempt(&self, session: &Id, attempt: u32) -> Result<Option<Vec<u8>>, StorageError>;

    /// Reads a partition's events after a position (0 for all), oldest first.
    async fn events(&self, partition: u8, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StorageError>;

    /// Drops a partition's oldest events that were made before a moment, `limit` at the most; how many. Positions go on counting, and
    /// who reads on after one that was dropped gets what is left.
    async fn trim_events(&self, partition: u8, before: SystemTime, limit: usize) -> Result<usize, StorageError>;

    /// Leases a job that is new, was handed back, or whose lease lapsed. Does not wait.
    async fn lease(&self, request: &LeaseRequest) -> Result<Option<Leased>, StorageError>;

    /// Keeps a job for another `time` from now; false when the lease was lost.
    async fn extend(&self, held: &Lease, time: Duration) -> Result<bool, StorageError>;

    /// Hands a job back, to be leased again after `delay`, at most [`LONGEST_LEASE`]; false when the lease was lost otherwise.
    async fn release(&self, held: &Lease, delay: Duration, excused: bool) -> Result<bool, StorageError>;

    /// Sets a job aside that nobody can do; false when the lease was lost otherwise.
    async fn dead_letter(&self, held: &Lease, reason: &DeadLetterReason) -> Result<bool, StorageError>;

    /// Queues a dead-lettered job; true, too, when the attempt's job is in the queue already.
    async fn requeue(&self, session: &Id, attempt: u32, deliveries: Deliveries) -> Result<bool, StorageError>;

    /// Drops a dead-lettered job whose session nobody can read; false when there is none.
    async fn discard(&self, session: &Id, attempt: u32) -> Result<bool, StorageError>;

    /// A session's job; `None`, too, for one that cannot be read.
    async fn job(&self, session: &Id) -> Result<Option<Job>, StorageError>;

    /// A partition's dead-lettered jobs, ordered by session, which is by the time of its creation; those after a session, or from
    /// the first one on. Those that cannot be read are left out: fewer than `limit` means that there are no more.
    async fn dead_letters(&self, partition: u8, after: Option<&Id>, limit: usize) -> Result<Vec<Job>, StorageError>;

    /// How much there is to do.
    async fn depth(&self) -> Result<Depth, StorageError>;

    /// Tells of new work and changed sessions, within milliseconds and mostly without fail: who must not miss a change
    /// looks again after a while.
    fn changes(&self) -> &Changes;

    /// Whether the storage answers now.
    async fn healthy(&self) -> bool;
}

/// The session that is named where a file leads.
fn session_found(session: &str) -> Result<Id, StorageError> {
    Id::parse(Kind::VerificationSession, session).ok_or(StorageError::Foreign("the session of a file"))
}

/// Milliseconds since 1970.
fn since_epoch(time: SystemTime) -> u64 {
    millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
