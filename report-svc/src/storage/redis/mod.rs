//! The Redis storage, for production: a single server, or a Cluster. Sentinel and TLS are not there yet.
//!
//! The key space is cut into partitions, each a hash tag; everything that one step changes lies in one of them, so that a
//! step is one Lua script (`*.lua` beside this file), called by its hash. How durable an answered step is, is Redis's own
//! setting: `appendonly yes` with `appendfsync always` loses nothing, `everysec` up to a second when the machine fails.
//!
//! Each partition's jobs are a stream with the consumer group `workers`. An entry leaves the stream with the step that
//! finishes it; `lease.lua` says how leases of any length come out of the stream's idle times.
//!
//! Scripts publish what changed. One connection per process listens, so that nobody polls for news; since a published
//! message may be lost, whoever must not miss a change looks again after a while.

mod connection;
mod keys;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use proto::id::{Kind, PARTITIONS};
use redis::streams::StreamRangeReply;
use redis::{AsyncCommands as _, Client, RedisError, Script, cmd};
use tokio_util::task::AbortOnDropHandle;

use self::connection::{Connection, listen};
use super::{
    Changes, Commit, Committed, Created, DeadLetter, JobStep, LONGEST_LEASE, Lease, NewSession, Storage, StorageError,
    StoredEvent, Versioned,
};
use crate::id::Id;

/// Stands in the place of a worker: holds what was handed back.
const NOBODY: &str = "nobody";

/// A worker that asked for nothing for so long is not coming back.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How often such workers are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// A Redis server or Cluster.
pub struct Redis {
    connection: Connection,
    changes: Changes,
    /// The partition that got work last.
    busy: Arc<AtomicU8>,
    create: Script,
    commit: Script,
    lease: Script,
    hold: Script,
    _listener: AbortOnDropHandle<()>,
    _forgetting: AbortOnDropHandle<()>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}

impl Redis {
    /// Connects to `redis://[user:password@]host:port[/db]`; several addresses, separated by commas, are the seeds of a
    /// Cluster.
    pub async fn connect(addresses: &str) -> Result<Self, RedisError> {
        let addresses: Vec<&str> = addresses.split(',').map(str::trim).collect();
        let clients = addresses
            .iter()
            .map(|address| Client::open(*address))
            .collect::<Result<Vec<_>, _>>()?;
        let connection = Connection::open(&addresses).await?;
        let changes = Changes::new();
        let busy = Arc::new(AtomicU8::new(0));
        let listener = tokio::spawn(listen(clients, changes.clone(), Arc::clone(&busy)));
        let forgetting = tokio::spawn(forget(connection.clone()));
        Ok(Self {
            connection,
            changes,
            busy,
            create: Script::new(include_str!("create.lua")),
            commit: Script::new(include_str!("commit.lua")),
            lease: Script::new(include_str!("lease.lua")),
            hold: Script::new(include_str!("hold.lua")),
            _listener: AbortOnDropHandle::new(listener),
            _forgetting: AbortOnDropHandle::new(forgetting),
        })
    }

    /// Forgets the workers that hold no job and have not asked for one for `idle`; answers how many, counted in each partition.
    pub async fn forget_workers(&self, idle: Duration) -> Result<usize, RedisError> {
        forget_workers(&mut self.connection.clone(), idle).await
    }

    async fn hold(&self, held: &Lease, time: Duration, consumer: &str, deliveries: u32) -> Result<bool, StorageError> {
        let held: u8 = self
            .hold
            .key(keys::session(&held.session))
            .key(keys::jobs(held.session.partition()))
            .arg(held.attempt)
            .arg(held.delivery)
            .arg(millis(LONGEST_LEASE))
            .arg(millis(time.min(LONGEST_LEASE)))
            .arg(consumer)
            .arg(NOBODY)
            .arg(keys::CHANGES)
            .arg(deliveries)
            .invoke_async(&mut self.connection.clone())
            .await?;
        Ok(held == 1)
    }
}

#[async_trait]
impl Storage for Redis {
    async fn create(&self, new: NewSession) -> Result<Created, StorageError> {
        let partition = new.id.partition();
        let (key, kept, lifetime) = match &new.idempotency {
            Some(new) => (
                keys::idempotency(partition, &new.key),
                new.record.as_slice(),
                new.lifetime,
            ),
            None => (keys::idempotency(partition, &[0; 32]), [].as_slice(), Duration::ZERO),
        };
        let existing: Option<Vec<u8>> = self
            .create
            .key(keys::session(&new.id))
            .key(keys::events(partition))
            .key(keys::event_counter(partition))
            .key(key)
            .arg(&new.record)
            .arg(new.event.id.as_str())
            .arg(&new.event.record)
            .arg(kept)
            .arg(millis(lifetime))
            .invoke_async(&mut self.connection.clone())
            .await?;
        Ok(existing.map_or(Created::New, Created::Existing))
    }

    async fn session(&self, id: &Id) -> Result<Option<Versioned>, StorageError> {
        let found: (Option<u64>, Option<Vec<u8>>) = self
            .connection
            .clone()
            .hmget(keys::session(id), &["version", "record"])
            .await?;
        Ok(match found {
            (Some(version), Some(record)) => Some(Versioned { version, record }),
            _ => None,
        })
    }

    async fn commit(&self, step: Commit) -> Result<Committed, StorageError> {
        let partition = step.session.partition();
        let (job, attempt) = match step.job {
            JobStep::Keep => ("keep", 0),
            JobStep::Enqueue { attempt } => ("enqueue", attempt),
            JobStep::Finish => ("finish", 0),
            JobStep::DeadLetter => ("dead_letter", 0),
        };
        let report_key = match &step.report {
            Some(report) => keys::report(&report.id),
            // Every key of a script must lie in one slot, the unused one too.
            None => keys::session(&step.session),
        };
        let version: u64 = self
            .commit
            .key(keys::session(&step.session))
            .key(keys::events(partition))
            .key(keys::event_counter(partition))
            .key(report_key)
            .key(keys::jobs(partition))
            .key(keys::dead_letters(partition))
            .arg(step.expected)
            .arg(&step.record)
            .arg(step.session.as_str())
            .arg(
                step.report
                    .as_ref()
                    .map_or([].as_slice(), |report| report.record.as_slice()),
            )
            .arg(step.event.as_ref().map_or("", |event| event.id.as_str()))
            .arg(
                step.event
                    .as_ref()
                    .map_or([].as_slice(), |event| event.record.as_slice()),
            )
            .arg(job)
            .arg(attempt)
            .arg(keys::CHANGES)
            .invoke_async(&mut self.connection.clone())
            .await?;
        Ok(match version {
            0 => Committed::Conflict,
            version => Committed::Done(version),
        })
    }

    async fn report(&self, id: &Id) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.connection.clone().get(keys::report(id)).await?)
    }

    async fn events(&self, partition: u8, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StorageError> {
        let first = format!("{}-0", after.saturating_add(1));
        let found: StreamRangeReply = self
            .connection
            .clone()
            .xrange_count(keys::events(partition), first, "+", limit)
            .await?;
        let event = |entry: redis::streams::StreamId| {
            let position = entry.id.split_once('-').and_then(|(position, _)| position.parse().ok());
            let id = entry.get::<String>("id").and_then(|id| Id::parse(Kind::Event, &id));
            let (position, id, record) = (position?, id?, entry.get("record")?);
            Some(StoredEvent { position, id, record })
        };
        found
            .ids
            .into_iter()
            .map(|entry| event(entry).ok_or(StorageError::Foreign("an event")))
            .collect()
    }

    async fn lease(&self, worker: &str, lease: Duration) -> Result<Option<Lease>, StorageError> {
        let busy = self.busy.load(Ordering::Relaxed);
        for offset in 0..PARTITIONS {
            let partition = (busy.wrapping_add(offset)) % PARTITIONS;
            let leased: Option<(String, u32, u32)> = self
                .lease
                .key(keys::jobs(partition))
                .arg(format!("worker:{worker}"))
                .arg(millis(LONGEST_LEASE))
                .arg(millis(lease.min(LONGEST_LEASE)))
                .invoke_async(&mut self.connection.clone())
                .await?;
            if let Some((session, attempt, delivery)) = leased {
                // The next call begins behind this partition, so that none is served before the others are looked at.
                self.busy
                    .store(partition.wrapping_add(1) % PARTITIONS, Ordering::Relaxed);
                let session = Id::parse(Kind::VerificationSession, &session);
                let session = session.ok_or(StorageError::Foreign("a job's session"))?;
                return Ok(Some(Lease {
                    session,
                    attempt,
                    delivery,
                }));
            }
        }
        Ok(None)
    }

    async fn extend(&self, held: &Lease, lease: Duration) -> Result<bool, StorageError> {
        self.hold(held, lease, "", held.delivery).await
    }

    async fn release(&self, held: &Lease, delay: Duration, excused: bool) -> Result<bool, StorageError> {
        let deliveries = held.delivery.saturating_sub(u32::from(excused));
        self.hold(held, delay, NOBODY, deliveries).await
    }

    async fn dead_letters(&self, partition: u8) -> Result<Vec<DeadLetter>, StorageError> {
        let found: StreamRangeReply = self
            .connection
            .clone()
            .xrange_all(keys::dead_letters(partition))
            .await?;
        let letter = |entry: redis::streams::StreamId| {
            let session = entry
                .get::<String>("session")
                .and_then(|id| Id::parse(Kind::VerificationSession, &id))?;
            Some(DeadLetter {
                session,
                attempt: entry.get("attempt")?,
            })
        };
        found
            .ids
            .into_iter()
            .map(|entry| letter(entry).ok_or(StorageError::Foreign("a dead letter")))
            .collect()
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }

    async fn healthy(&self) -> bool {
        cmd("PING")
            .query_async::<()>(&mut self.connection.clone())
            .await
            .is_ok()
    }
}

/// Forgets workers over and over.
async fn forget(mut connection: Connection) {
    let mut times = tokio::time::interval(FORGET_EVERY);
    loop {
        times.tick().await;
        match forget_workers(&mut connection, FORGOTTEN_AFTER).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "forgot workers that have gone"),
            Err(error) => tracing::warn!(%error, "workers that have gone could not be forgotten"),
        }
    }
}

async fn forget_workers(connection: &mut Connection, idle: Duration) -> Result<usize, RedisError> {
    let script = Script::new(include_str!("forget.lua"));
    let mut forgotten = 0;
    for partition in 0..PARTITIONS {
        let here: usize = script
            .key(keys::jobs(partition))
            .arg(millis(idle))
            .invoke_async(connection)
            .await?;
        forgotten += here;
    }
    Ok(forgotten)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
