//! The embedded storage: one redb file, one process, nothing to install.
//!
//! Every step is one write transaction that is on disk when it is answered, so that a process killed at any moment finds
//! all of a step or none of it. redb locks its file: a second process is told that the first one has it.
//!
//! Jobs lie in `jobs` under their session. Those in the queue lie also in `due` under the moment from which they may be leased:
//! the moment of their submission, the end of their lease, or the end of the delay with which they were handed back. Those that
//! were set aside lie also in `dead_letters`.
//!
//! The partitions that ids carry mean nothing here but to whoever reads events or jobs partition by partition: a list of sessions is one
//! range of `lists`, in order already.

mod events;
mod index;
mod job;
mod queue;
mod steps;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use proto::id::Kind;
use redb::backends::InMemoryBackend;
use redb::{
    Database, DatabaseError, ReadOnlyTable, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    TableDefinition, WriteTransaction,
};

use self::job::JobRow;
use self::queue::Finished;
use super::{
    Changes, Clock, Commit, Committed, Created, DeadLetterReason, Deliveries, Depth, Job, JobStep, Lease, LeaseRequest,
    Leased, ListQuery, NewIdempotency, NewSession, Nonce, Storage, StorageError, StoredEvent, Versioned, millis,
    session_found, since_epoch,
};
use crate::id::Id;

/// Name of the file under the folder of data.
pub(crate) const DATABASE_FILE: &str = "state.redb";

/// Version of the tables below.
const SCHEMA: u64 = 5;

/// `schema` → [`SCHEMA`].
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Session → version, expiry in milliseconds (0: never), sealed record.
const SESSIONS: TableDefinition<'_, &str, (u64, u64, &[u8])> = TableDefinition::new("sessions");
/// List, status, time-ordered bits of a session's id, its partition; see [`index`].
const LISTS: TableDefinition<'_, index::Key, ()> = TableDefinition::new("lists");
/// Partition, expiry, session.
const SESSION_EXPIRIES: TableDefinition<'_, (u8, u64, &str), ()> = TableDefinition::new("session_expiries");
/// Report → sealed record.
const REPORTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("reports");
/// Session, attempt → sealed record of a finished attempt.
const ATTEMPTS: TableDefinition<'_, (&str, u32), &[u8]> = TableDefinition::new("attempts");
/// File → session.
const FILES: TableDefinition<'_, &str, &str> = TableDefinition::new("files");
/// Partition, position → event, sealed record.
const EVENTS: TableDefinition<'_, (u8, u64), (&str, &[u8])> = TableDefinition::new("events");
/// Partition → the last position that an event got.
const EVENT_COUNTERS: TableDefinition<'_, u8, u64> = TableDefinition::new("event_counters");
/// Hash of account and key, or of these and a session → expiry in milliseconds, sealed record or answer.
const IDEMPOTENCY: TableDefinition<'_, &[u8; 32], (u64, &[u8])> = TableDefinition::new("idempotency");
/// Expiry, hash of account and key: what to forget next.
const IDEMPOTENCY_EXPIRIES: TableDefinition<'_, (u64, &[u8; 32]), ()> = TableDefinition::new("idempotency_expiries");
/// Session → its job, see [`job::JobRow`].
const JOBS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("jobs");
/// Due, session: what to lease next.
const DUE: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("due");
/// Request of a lease that is held → session.
const LEASE_REQUESTS: TableDefinition<'_, &str, &str> = TableDefinition::new("lease_requests");
/// Partition, session of a job that was set aside.
const DEAD_LETTERS: TableDefinition<'_, (u8, &str), ()> = TableDefinition::new("dead_letters");

/// Why the database file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{0} is in use by another process: the embedded storage serves one process, use Redis for several")]
    InUse(PathBuf),
    /// It is of a version that this program does not know.
    #[error("{path} has schema version {found}, this program reads {SCHEMA}: use the program that wrote it")]
    Schema {
        /// The file.
        path: PathBuf,
        /// The version found in it.
        found: u64,
    },
    /// It cannot be read or written.
    #[error("{path} cannot be opened: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What redb said.
        source: Box<redb::Error>,
    },
}

/// A redb file.
#[derive(Clone)]
pub struct Embedded {
    database: Arc<Database>,
    changes: Changes,
    clock: Clock,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Embedded")
    }
}

impl Embedded {
    /// Opens or makes the file. Blocks for as long as a file needs that was not closed properly.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        let failed = |source: redb::Error| OpenError::File {
            path: path.to_owned(),
            source: Box::new(source),
        };
        let database = Database::create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(path.to_owned()),
            other => failed(other.into()),
        })?;
        match prepare(&database).map_err(failed)? {
            SCHEMA => Ok(Self::over(database, clock)),
            found => Err(OpenError::Schema {
                path: path.to_owned(),
                found,
            }),
        }
    }

    /// Kept in memory, for tests.
    pub fn in_memory(clock: Clock) -> Result<Self, StorageError> {
        let database = Database::builder()
            .create_with_backend(InMemoryBackend::new())
            .map_err(redb::Error::from)?;
        prepare(&database)?;
        Ok(Self::over(database, clock))
    }

    fn over(database: Database, clock: Clock) -> Self {
        Self {
            database: Arc::new(database),
            changes: Changes::new(),
            clock,
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.blocking(move |database| query(&database.begin_read()?)).await
    }

    /// Runs one write transaction; an error undoes all of it. The step is told the time at which its turn came, so that
    /// what it queues is due for every step that comes after.
    async fn write<T: Send + 'static>(
        &self,
        step: impl FnOnce(&WriteTransaction, u64) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StorageError> {
        let clock = Arc::clone(&self.clock);
        self.blocking(move |database| {
            let transaction = database.begin_write()?;
            let outcome = step(&transaction, now(&clock))?;
            transaction.commit()?;
            Ok(outcome)
        })
        .await
    }

    /// Files block: their work is done off the async runtime.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StorageError> {
        let database = Arc::clone(&self.database);
        let worked = tokio::task::spawn_blocking(move || work(&database)).await;
        Ok(worked.map_err(|_| StorageError::Closed)??)
    }
}

/// Makes the tables, so that every later transaction finds them, unless they are of another schema; answers its version.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let version = {
        let mut meta = transaction.open_table(META)?;
        let found = meta.get("schema")?.map(|version| version.value());
        match found {
            Some(version) => version,
            None => {
                meta.insert("schema", SCHEMA)?;
                SCHEMA
            }
        }
    };
    // Its tables may have other types.
    if version != SCHEMA {
        return Ok(version);
    }
    transaction.open_table(SESSIONS)?;
    transaction.open_table(LISTS)?;
    transaction.open_table(SESSION_EXPIRIES)?;
    transaction.open_table(REPORTS)?;
    transaction.open_table(ATTEMPTS)?;
    transaction.open_table(FILES)?;
    transaction.open_table(EVENTS)?;
    transaction.open_table(EVENT_COUNTERS)?;
    transaction.open_table(IDEMPOTENCY)?;
    transaction.open_table(IDEMPOTENCY_EXPIRIES)?;
    transaction.open_table(JOBS)?;
    transaction.open_table(DUE)?;
    transaction.open_table(LEASE_REQUESTS)?;
    transaction.open_table(DEAD_LETTERS)?;
    transaction.commit()?;
    Ok(version)
}

#[async_trait]
impl Storage for Embedded {
    async fn create(&self, new: NewSession) -> Result<Created, StorageError> {
        self.write(move |transaction, now| steps::create(transaction, &new, now))
            .await
    }

    async fn session(&self, id: &Id) -> Result<Option<Versioned>, StorageError> {
        let id = id.clone();
        self.read(move |transaction| get(&transaction.open_table(SESSIONS)?, &id))
            .await
    }

    async fn sessions(&self, ids: &[Id]) -> Result<Vec<Option<Versioned>>, StorageError> {
        let ids = ids.to_vec();
        self.read(move |transaction| {
            let sessions = transaction.open_table(SESSIONS)?;
            ids.iter().map(|id| get(&sessions, id)).collect()
        })
        .await
    }

    async fn list(&self, query: &ListQuery) -> Result<Vec<Id>, StorageError> {
        let query = query.clone();
        self.read(move |transaction| index::list(transaction, &query)).await
    }

    async fn expired(&self, partition: u8, until: SystemTime, limit: usize) -> Result<Vec<Id>, StorageError> {
        self.read(move |transaction| index::expired(transaction, partition, until, limit))
            .await
    }

    async fn move_expiry(&self, session: &Id, version: u64, to: Option<SystemTime>) -> Result<bool, StorageError> {
        let held = self
            .read({
                let session = session.clone();
                move |transaction| {
                    let found = transaction.open_table(SESSIONS)?.get(session.as_str())?;
                    Ok(found.map(|found| (found.value().0, found.value().1)))
                }
            })
            .await?;
        if held == Some((version, to.map_or(0, since_epoch))) {
            return Ok(true);
        }
        let session = session.clone();
        self.write(move |transaction, _| steps::move_expiry(transaction, &session, version, to))
            .await
    }

    async fn remember(&self, _: u8, new: NewIdempotency) -> Result<Option<Vec<u8>>, StorageError> {
        let kept = self
            .write({
                let new = new.clone();
                move |transaction, now| steps::remember(transaction, &new, now)
            })
            .await?;
        Ok(kept.filter(|kept| *kept != new.record))
    }

    async fn idempotency(&self, _: u8, key: &[u8; 32]) -> Result<Option<Vec<u8>>, StorageError> {
        let (key, now) = (*key, now(&self.clock));
        let found = self.read(move |transaction| {
            let found = transaction.open_table(IDEMPOTENCY)?.get(&key)?;
            Ok(found.map(|found| {
                let (expiry, record) = found.value();
                (expiry > now).then(|| record.to_vec())
            }))
        });
        match found.await? {
            Some(None) => {
                let forgetting = self.write(move |transaction, now| steps::forget(transaction, &key, now));
                forgetting.await.map(|()| None)
            }
            found => Ok(found.flatten()),
        }
    }

    async fn now(&self) -> Result<SystemTime, StorageError> {
        Ok((self.clock)())
    }

    async fn count_expired(&self, partition: u8, until: SystemTime) -> Result<u64, StorageError> {
        self.read(move |transaction| index::count_expired(transaction, partition, until))
            .await
    }

    /// One process has the file: it leads.
    async fn elect(&self, _: &str, _: Nonce, _: Duration) -> Result<bool, StorageError> {
        Ok(true)
    }

    async fn accounts(&self) -> Result<Vec<String>, StorageError> {
        self.read(index::accounts).await
    }

    async fn commit(&self, step: Commit) -> Result<Committed, StorageError> {
        let session = step.session.clone();
        let queued = matches!(step.job, JobStep::Enqueue { .. });
        let outcome = self
            .write(move |transaction, now| steps::commit(transaction, &step, now))
            .await?;
        if let Committed::Done(_) = outcome {
            self.changes.session_changed(session.as_str());
            if queued {
                self.changes.job_arrived();
            }
        }
        Ok(outcome)
    }

    async fn report(&self, id: &Id) -> Result<Option<Vec<u8>>, StorageError> {
        let id = id.clone();
        self.read(move |transaction| {
            let found = transaction.open_table(REPORTS)?.get(id.as_str())?;
            Ok(found.map(|found| found.value().to_vec()))
        })
        .await
    }

    async fn session_of_file(&self, file: &Id) -> Result<Option<Id>, StorageError> {
        let file = file.clone();
        let found = self
            .read(move |transaction| {
                let found = transaction.open_table(FILES)?.get(file.as_str())?;
                Ok(found.map(|found| found.value().to_owned()))
            })
            .await?;
        found.map(|session| session_found(&session)).transpose()
    }

    async fn attempt(&self, session: &Id, attempt: u32) -> Result<Option<Vec<u8>>, StorageError> {
        let session = session.clone();
        self.read(move |transaction| {
            let found = transaction.open_table(ATTEMPTS)?.get((session.as_str(), attempt))?;
            Ok(found.map(|found| found.value().to_vec()))
        })
        .await
    }

    async fn events(&self, partition: u8, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StorageError> {
        let first = (partition, after.saturating_add(1));
        let rows = self
            .read(move |transaction| {
                let events = transaction.open_table(EVENTS)?;
                let rows = events.range(first..=(partition, u64::MAX))?.take(limit).map(|row| {
                    let (key, value) = row?;
                    let (id, record) = value.value();
                    Ok((key.value().1, id.to_owned(), record.to_vec()))
                });
                rows.collect::<Result<Vec<_>, redb::Error>>()
            })
            .await?;
        rows.into_iter()
            .map(|(position, id, record)| {
                let id = Id::parse(Kind::Event, &id).ok_or(StorageError::Foreign("an event's id"))?;
                Ok(StoredEvent { position, id, record })
            })
            .collect()
    }

    async fn trim_events(&self, partition: u8, before: SystemTime, limit: usize) -> Result<usize, StorageError> {
        // Most calls find nothing: only one that does pays for a write.
        let old = self
            .read(move |transaction| events::old(&transaction.open_table(EVENTS)?, partition, before, 1))
            .await?;
        if old.is_empty() {
            return Ok(0);
        }
        self.write(move |transaction, _| events::trim(transaction, partition, before, limit))
            .await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Option<Leased>, StorageError> {
        // Most calls find nothing: only one that does pays for a write.
        let (now, request_id) = (now(&self.clock), request.request_id.clone());
        let found = self
            .read(move |transaction| queue::would_lease(transaction, &request_id, now))
            .await?;
        if !found {
            return Ok(None);
        }
        let (request, nonce) = (request.clone(), Nonce::random()?);
        self.write(move |transaction, now| queue::lease(transaction, &request, nonce, now))
            .await
    }

    async fn extend(&self, held: &Lease, time: Duration) -> Result<bool, StorageError> {
        let held = held.clone();
        self.write(move |transaction, now| queue::extend(transaction, &held, now, time))
            .await
    }

    async fn release(&self, held: &Lease, delay: Duration, excused: bool) -> Result<bool, StorageError> {
        let held = held.clone();
        let released = self
            .write(move |transaction, now| queue::release(transaction, &held, now, delay, excused))
            .await?;
        if released {
            self.changes.job_arrived();
        }
        Ok(released)
    }

    async fn dead_letter(&self, held: &Lease, reason: &DeadLetterReason) -> Result<bool, StorageError> {
        let (held, reason) = (held.clone(), reason.to_string());
        self.write(move |transaction, now| queue::dead_letter(transaction, &held, now, &reason))
            .await
    }

    async fn requeue(&self, session: &Id, attempt: u32, deliveries: Deliveries) -> Result<bool, StorageError> {
        let session = session.clone();
        let queued = self
            .write(move |transaction, now| queue::requeue(transaction, &session, attempt, deliveries, now))
            .await?;
        if queued {
            self.changes.job_arrived();
        }
        Ok(queued)
    }

    async fn discard(&self, session: &Id, attempt: u32) -> Result<bool, StorageError> {
        let session = session.clone();
        self.write(move |transaction, _| queue::finish(transaction, &session, Finished::DeadLetter(attempt)))
            .await
    }

    async fn job(&self, session: &Id) -> Result<Option<Job>, StorageError> {
        let id = session.clone();
        let row = self
            .read(move |transaction| {
                let row = transaction.open_table(JOBS)?.get(id.as_str())?;
                Ok(row.map(|row| row.value().to_vec()))
            })
            .await?;
        Ok(row.and_then(|row| JobRow::shown(session.clone(), &row)))
    }

    async fn dead_letters(&self, partition: u8, after: Option<&Id>, limit: usize) -> Result<Vec<Job>, StorageError> {
        let after = after.cloned();
        self.read(move |transaction| queue::dead_letters(transaction, partition, after.as_ref(), limit))
            .await
    }

    async fn depth(&self) -> Result<Depth, StorageError> {
        let now = now(&self.clock);
        self.read(move |transaction| queue::depth(transaction, now)).await
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }

    async fn healthy(&self) -> bool {
        self.read(|_| Ok(())).await.is_ok()
    }
}

/// A session's row.
fn get(
    sessions: &ReadOnlyTable<&'static str, (u64, u64, &'static [u8])>,
    id: &Id,
) -> Result<Option<Versioned>, redb::Error> {
    let found = sessions.get(id.as_str())?;
    Ok(found.map(|found| {
        let (version, _, record) = found.value();
        Versioned {
            version,
            record: record.to_vec(),
        }
    }))
}

/// Milliseconds since 1970.
fn now(clock: &Clock) -> u64 {
    since_epoch(clock())
}
