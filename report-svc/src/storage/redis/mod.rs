//! The Redis storage, for production: a single server, a master behind Sentinels, or a Cluster.
//!
//! The key space is cut into partitions, each a hash tag; everything that one step changes lies in one of them, so that a
//! step is one Lua script (`*.lua` beside this file), called by its hash.
//!
//! # What is kept
//!
//! How durable an answered step is, is the server's own setting. With `appendonly yes` and `appendfsync always` nothing that was answered
//! is lost when the process or the machine fails, with `everysec` about a second of it. [`Redis::check`] refuses a server that appends
//! to no file or evicts keys.
//!
//! Replicas are written to asynchronously: one that is promoted lacks what it had not received. What it has is the beginning of its
//! master's history, step by step and each of them whole, so that every partition is as it was a moment earlier: sessions, jobs,
//! reports, events and lists agree with each other. Steps that were answered since then are undone. A session may be in an earlier
//! status again, a report that was read be gone, and an attempt be made again under the job that came back; the positions of events
//! that were lost are given to others.
//!
//! `min-replicas-to-write` with `min-replicas-max-lag` bounds how much that is: a master without replicas takes no steps. `WAIT` and
//! `WAITAOF` are not sent. They answer for the connection that wrote, and block it: on a connection that all callers share, each would
//! wait for all; and when it was opened anew since the step, they answer for nothing. They undo nothing either: a step that no replica
//! confirmed in time has happened all the same.
//!
//! # Queue and news
//!
//! Each partition's queue is a sorted set of sessions by the moment from which their job may be leased, with the jobs in a hash
//! beside it (`queue.lua`). A request for a lease takes the job that is longest due, in whichever partition (`lease.rs`).
//!
//! Sessions are listed by sorted sets (see [`crate::storage::IndexEntry`]) of their ids, which sort by time within a partition; a page
//! of an account is merged from those of all partitions (`list.lua`, `list.rs`).
//!
//! Scripts publish what changed. One connection per process listens, so that nobody polls for news; since a published
//! message may be lost, whoever must not miss a change looks again after a while.

mod check;
mod connection;
mod keys;
mod lease;
mod list;
mod sentinel;
mod timeouts;
mod tls;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use proto::id::{Kind, PARTITIONS};
use redis::streams::StreamRangeReply;
use redis::{AsyncCommands as _, ErrorKind, RedisResult, Script, ScriptInvocation};
use tokio_util::task::AbortOnDropHandle;

pub use self::check::{CheckError, Finding, Risk};
pub use self::connection::Hook;
use self::connection::{Connection, listen};
pub use self::tls::{ConnectError, RedisTls, RedisTlsConfig};
use super::{
    Changes, Clock, Commit, Committed, Created, DeadLetterReason, Deliveries, Depth, Idempotency, Job, JobState,
    JobStep, LONGEST_LEASE, Lease, LeaseRequest, Leased, ListQuery, NewIdempotency, NewSession, Nonce, Reindex,
    SealedAttempt, Storage, StorageError, StoredEvent, Versioned, millis, note_unreadable_job, session_found,
    since_epoch,
};
use crate::id::{Id, first_at};

/// A Redis server or Cluster. Clones share its connections.
#[derive(Clone)]
pub struct Redis {
    connection: Connection,
    changes: Changes,
    /// Instead of the server's.
    clock: Option<Clock>,
    scripts: Arc<Scripts>,
    _listener: Arc<AbortOnDropHandle<()>>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}

/// One for each step.
struct Scripts {
    create: Script,
    commit: Script,
    depth: Script,
    due: Script,
    claim: Script,
    lease: Script,
    resume: Script,
    extend: Script,
    release: Script,
    dead_letter: Script,
    requeue: Script,
    discard: Script,
    show: Script,
    list: Script,
    trim: Script,
    elect: Script,
    move_expiry: Script,
}

impl Scripts {
    fn new() -> Self {
        let of_queue = |script: &str| Script::new(&[include_str!("queue.lua"), script].concat());
        let in_order = |script: &str| Script::new(&[include_str!("order.lua"), script].concat());
        Self {
            create: Script::new(include_str!("create.lua")),
            commit: of_queue(include_str!("commit.lua")),
            depth: of_queue(include_str!("depth.lua")),
            due: of_queue(include_str!("due.lua")),
            claim: Script::new(include_str!("claim.lua")),
            lease: of_queue(include_str!("lease.lua")),
            resume: of_queue(include_str!("resume.lua")),
            extend: of_queue(include_str!("extend.lua")),
            release: of_queue(include_str!("release.lua")),
            dead_letter: of_queue(include_str!("dead_letter.lua")),
            requeue: of_queue(include_str!("requeue.lua")),
            discard: of_queue(include_str!("discard.lua")),
            show: of_queue(include_str!("show.lua")),
            list: in_order(include_str!("list.lua")),
            trim: in_order(include_str!("trim.lua")),
            elect: Script::new(include_str!("elect.lua")),
            move_expiry: Script::new(include_str!("move_expiry.lua")),
        }
    }
}

impl Redis {
    /// Connects to `redis://[user:password@]host:port[/db]`; several addresses, separated by commas, are the seeds of a Cluster.
    /// `redis+sentinel://[user:password@]host:port,host:port/master[/db]` is the master that these Sentinels know by that name; theirs is
    /// a password of their own, `?sentinel_password=…`. With `rediss` for `redis` all of them are called over TLS, and vouched for by the
    /// CAs of the system.
    pub async fn connect(addresses: &str) -> Result<Self, ConnectError> {
        Self::connect_with(addresses, &RedisTls::default()).await
    }

    /// The same with CAs and a certificate of our own.
    pub async fn connect_with(addresses: &str, tls: &RedisTls) -> Result<Self, ConnectError> {
        let (connection, publishers) = Connection::open(addresses, tls).await?;
        let changes = Changes::new();
        let listener = tokio::spawn(listen(publishers, changes.clone()));
        Ok(Self {
            connection,
            changes,
            clock: None,
            scripts: Arc::new(Scripts::new()),
            _listener: Arc::new(AbortOnDropHandle::new(listener)),
        })
    }

    /// Times the queue by this clock instead of the server's, for tests.
    pub fn with_clock(self, clock: Clock) -> Self {
        Self {
            clock: Some(clock),
            ..self
        }
    }

    /// The same, with something to be awaited before each of its commands, for tests.
    pub fn hooked(&self, hook: Hook) -> Self {
        Self {
            connection: self.connection.hooked(hook),
            ..self.clone()
        }
    }

    /// The time as scripts take it.
    fn now(&self) -> String {
        self.clock
            .as_ref()
            .map_or(String::new(), |clock| since_epoch(clock()).to_string())
    }

    /// A script of a session's partition on its queue, with the session as its first argument.
    fn on_job<'a>(&self, script: &'a Script, session: &Id) -> ScriptInvocation<'a> {
        let partition = session.partition();
        let mut invocation = script.key(keys::due(partition));
        invocation
            .key(keys::jobs(partition))
            .key(keys::dead_letters(partition))
            .arg(session.as_str());
        invocation
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
            .scripts
            .create
            .key(keys::session(&new.id))
            .key(keys::events(partition))
            .key(keys::event_counter(partition))
            .key(key)
            .key(keys::expiries(partition))
            .key(keys::accounts(partition))
            .key(keys::lists(partition, &new.entry))
            .arg(&new.record)
            .arg(new.event.id.as_str())
            .arg(&new.event.record)
            .arg(kept)
            .arg(millis(lifetime))
            .arg(new.id.as_str())
            .arg(moment(new.expires))
            .arg(&new.entry.account)
            .invoke_async(&mut self.connection.clone())
            .await?;
        Ok(existing.map_or(Created::New, Created::Existing))
    }

    async fn session(&self, id: &Id) -> Result<Option<Versioned>, StorageError> {
        let foreign = || StorageError::Foreign("a session");
        let found: RedisResult<(Option<Vec<u8>>, Option<Vec<u8>>)> = self
            .connection
            .clone()
            .hmget(keys::session(id), &["version", "record"])
            .await;
        match found {
            Ok((Some(version), Some(record))) => {
                let version = std::str::from_utf8(&version).ok().and_then(|text| text.parse().ok());
                Ok(Some(Versioned {
                    version: version.ok_or_else(foreign)?,
                    record,
                }))
            }
            Ok(_) => Ok(None),
            Err(error) => Err(foreign_or(error, "a session")),
        }
    }

    async fn sessions(&self, ids: &[Id]) -> Result<Vec<Option<Versioned>>, StorageError> {
        // Commands that are sent at once travel together.
        let reads = ids.iter().map(async |id| match self.session(id).await {
            Err(StorageError::Foreign(_)) => Ok(None),
            read => read,
        });
        try_join_all(reads).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Vec<Id>, StorageError> {
        Ok(list::list(&self.scripts.list, &self.connection, query).await?)
    }

    async fn expired(&self, partition: u8, until: SystemTime, limit: usize) -> Result<Vec<Id>, StorageError> {
        let entries: Vec<String> = self
            .connection
            .clone()
            .zrangebyscore_limit(keys::expiries(partition), "-inf", since_epoch(until), 0, limit as isize)
            .await?;
        let mut expired = Vec::new();
        for entry in entries {
            match Id::parse(Kind::VerificationSession, &entry) {
                Some(session) => expired.push(session),
                None => {
                    // Nobody else would ever take it away.
                    tracing::error!("an entry among what expires is of no session: it was taken out");
                    let mut connection = self.connection.clone();
                    let _: () = connection.zrem(keys::expiries(partition), &entry).await?;
                }
            }
        }
        Ok(expired)
    }

    async fn move_expiry(&self, session: &Id, version: u64, to: Option<SystemTime>) -> Result<bool, StorageError> {
        let mut script = self.scripts.move_expiry.key(keys::session(session));
        script
            .key(keys::expiries(session.partition()))
            .arg(session.as_str())
            .arg(version)
            .arg(moment(to));
        Ok(script.invoke_async(&mut self.connection.clone()).await?)
    }

    async fn remember(&self, partition: u8, new: NewIdempotency) -> Result<Option<Vec<u8>>, StorageError> {
        let key = keys::idempotency(partition, &new.key);
        let mut command = redis::cmd("SET");
        command.arg(&key).arg(&new.record).arg("NX").arg("GET").arg("PX");
        let kept: Option<Vec<u8>> = command
            .arg(millis(new.lifetime))
            .query_async(&mut self.connection.clone())
            .await?;
        // Sent again, it finds what it set.
        Ok(kept.filter(|kept| *kept != new.record))
    }

    async fn idempotency(&self, partition: u8, key: &[u8; 32]) -> Result<Option<Vec<u8>>, StorageError> {
        let mut connection = self.connection.clone();
        Ok(connection.get(keys::idempotency(partition, key)).await?)
    }

    async fn now(&self) -> Result<SystemTime, StorageError> {
        if let Some(clock) = &self.clock {
            return Ok(clock());
        }
        let mut connection = self.connection.clone();
        let (seconds, micros): (u64, u32) = redis::cmd("TIME").query_async(&mut connection).await?;
        Ok(UNIX_EPOCH + Duration::new(seconds, micros * 1000))
    }

    async fn count_expired(&self, partition: u8, until: SystemTime) -> Result<u64, StorageError> {
        let mut connection = self.connection.clone();
        Ok(connection
            .zcount(keys::expiries(partition), "-inf", since_epoch(until))
            .await?)
    }

    async fn elect(&self, role: &str, candidate: Nonce, term: Duration) -> Result<bool, StorageError> {
        let mut script = self.scripts.elect.key(keys::leader(role));
        script.arg(candidate.to_string()).arg(millis(term));
        Ok(script.invoke_async(&mut self.connection.clone()).await?)
    }

    async fn accounts(&self) -> Result<Vec<String>, StorageError> {
        let members = (0..PARTITIONS).map(async |partition| {
            let mut connection = self.connection.clone();
            connection
                .smembers::<_, BTreeSet<String>>(keys::accounts(partition))
                .await
        });
        let accounts: BTreeSet<String> = try_join_all(members).await?.into_iter().flatten().collect();
        Ok(accounts.into_iter().collect())
    }

    async fn commit(&self, step: Commit) -> Result<Committed, StorageError> {
        let partition = step.session.partition();
        let (job, attempt, nonce_or_delay) = match &step.job {
            JobStep::Keep => ("keep", 0, String::new()),
            JobStep::Enqueue { attempt, delay } => ("enqueue", *attempt, millis(*delay).to_string()),
            JobStep::Finish(held) if held.session != step.session => return Ok(Committed::JobLost),
            JobStep::Finish(held) => ("finish", held.attempt, held.nonce.to_string()),
            JobStep::FinishDeadLetter { attempt } => ("finish_dead_letter", *attempt, String::new()),
        };
        let (left, entered) = match &step.reindex {
            Some(Reindex { from, to }) => (keys::lists(partition, from), keys::lists(partition, to)),
            None => Default::default(),
        };
        let (idempotency_key, idempotency_record, idempotency_before) = match &step.idempotency {
            Some(Idempotency { key, before, record }) => (*key, record.as_slice(), before.as_slice()),
            None => Default::default(),
        };
        let (answer_key, answer, answer_lifetime) = match &step.answer {
            Some(answer) => (answer.key, answer.record.as_slice(), answer.lifetime),
            None => Default::default(),
        };
        let mut script = self.scripts.commit.prepare_invoke();
        script
            .key(keys::session(&step.session))
            .key(keys::events(partition))
            .key(keys::event_counter(partition))
            // Every key of a script must lie in one slot, one that is not used too.
            .key(keys::idempotency(partition, &idempotency_key))
            .key(keys::due(partition))
            .key(keys::jobs(partition))
            .key(keys::dead_letters(partition))
            .key(keys::expiries(partition))
            .key(keys::idempotency(partition, &answer_key))
            .key(&left)
            .key(&entered)
            .arg(step.expected)
            .arg(&step.record)
            .arg(step.session.as_str())
            .arg(idempotency_record)
            .arg(step.event.as_ref().map_or("", |event| event.id.as_str()))
            .arg(
                step.event
                    .as_ref()
                    .map_or([].as_slice(), |event| event.record.as_slice()),
            )
            .arg(job)
            .arg(attempt)
            .arg(nonce_or_delay)
            .arg(self.now())
            .arg(keys::CHANGES)
            .arg(moment(step.expires))
            .arg(left.len())
            .arg(entered.len())
            .arg(step.attempts.len())
            .arg(step.reports.len())
            .arg(idempotency_before)
            .arg(step.files.removed.len())
            .arg(answer)
            .arg(millis(answer_lifetime));
        for SealedAttempt { attempt, record } in &step.attempts {
            script.arg(*attempt).arg(record);
        }
        for report in &step.reports {
            let (left, entered) = keys::report_lists(partition, report);
            script
                .key(keys::report(&report.id))
                .key(&left)
                .key(&entered)
                .arg(report.id.as_str())
                .arg(&report.record)
                .arg(left.len())
                .arg(entered.len());
        }
        for file in step.files.removed.iter().chain(&step.files.added) {
            script.key(keys::file(file));
        }
        let version: i64 = script.invoke_async(&mut self.connection.clone()).await?;
        Ok(match u64::try_from(version) {
            Err(_) => Committed::JobLost,
            Ok(0) => Committed::Conflict,
            Ok(version) => Committed::Done(version),
        })
    }

    async fn report(&self, id: &Id) -> Result<Option<Vec<u8>>, StorageError> {
        let found = self.connection.clone().get(keys::report(id)).await;
        found.map_err(|error| foreign_or(error, "a report"))
    }

    async fn session_of_file(&self, file: &Id) -> Result<Option<Id>, StorageError> {
        let found: Option<String> = self.connection.clone().get(keys::file(file)).await?;
        found.map(|session| session_found(&session)).transpose()
    }

    async fn attempt(&self, session: &Id, attempt: u32) -> Result<Option<Vec<u8>>, StorageError> {
        let field = format!("attempt:{attempt}");
        let found = self.connection.clone().hget(keys::session(session), field).await;
        found.map_err(|error| foreign_or(error, "a session"))
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

    async fn trim_events(&self, partition: u8, before: SystemTime, limit: usize) -> Result<usize, StorageError> {
        let first_kept = Id::at(Kind::Event, partition, first_at(since_epoch(before)));
        Ok(self
            .scripts
            .trim
            .key(keys::events(partition))
            .arg(first_kept.as_str())
            .arg(limit)
            .invoke_async(&mut self.connection.clone())
            .await?)
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Option<Leased>, StorageError> {
        self.lease_job(request).await
    }

    async fn extend(&self, held: &Lease, time: Duration) -> Result<bool, StorageError> {
        Ok(self
            .on_job(&self.scripts.extend, &held.session)
            .arg(held.attempt)
            .arg(held.nonce.to_string())
            .arg(millis(time.min(LONGEST_LEASE)))
            .arg(self.now())
            .invoke_async(&mut self.connection.clone())
            .await?)
    }

    async fn release(&self, held: &Lease, delay: Duration, excused: bool) -> Result<bool, StorageError> {
        Ok(self
            .on_job(&self.scripts.release, &held.session)
            .arg(held.attempt)
            .arg(held.nonce.to_string())
            .arg(millis(delay.min(LONGEST_LEASE)))
            .arg(u8::from(excused))
            .arg(self.now())
            .arg(keys::CHANGES)
            .invoke_async(&mut self.connection.clone())
            .await?)
    }

    async fn dead_letter(&self, held: &Lease, reason: &DeadLetterReason) -> Result<bool, StorageError> {
        Ok(self
            .on_job(&self.scripts.dead_letter, &held.session)
            .arg(held.attempt)
            .arg(held.nonce.to_string())
            .arg(reason.to_string())
            .arg(self.now())
            .invoke_async(&mut self.connection.clone())
            .await?)
    }

    async fn requeue(&self, session: &Id, attempt: u32, deliveries: Deliveries) -> Result<bool, StorageError> {
        Ok(self
            .on_job(&self.scripts.requeue, session)
            .arg(attempt)
            .arg(
                deliveries
                    .excused()
                    .map_or_else(String::new, |excused| excused.to_string()),
            )
            .arg(self.now())
            .arg(keys::CHANGES)
            .invoke_async(&mut self.connection.clone())
            .await?)
    }

    async fn discard(&self, session: &Id, attempt: u32) -> Result<bool, StorageError> {
        Ok(self
            .on_job(&self.scripts.discard, session)
            .arg(attempt)
            .invoke_async(&mut self.connection.clone())
            .await?)
    }

    async fn job(&self, session: &Id) -> Result<Option<Job>, StorageError> {
        let rows: Vec<Vec<String>> = self
            .on_job(&self.scripts.show, session)
            .invoke_async(&mut self.connection.clone())
            .await?;
        Ok(rows.first().and_then(|row| shown(row)))
    }

    async fn dead_letters(&self, partition: u8, after: Option<&Id>, limit: usize) -> Result<Vec<Job>, StorageError> {
        let mut letters = Vec::new();
        let mut after = after.map_or("", Id::as_str).to_owned();
        loop {
            let wanted = limit - letters.len();
            let rows: Vec<Vec<String>> = self
                .scripts
                .show
                .key(keys::due(partition))
                .key(keys::jobs(partition))
                .key(keys::dead_letters(partition))
                .arg("")
                .arg(&after)
                .arg(wanted)
                .invoke_async(&mut self.connection.clone())
                .await?;
            letters.extend(rows.iter().filter_map(|row| shown(row)));
            match rows.last().and_then(|row| row.first()) {
                Some(last) if rows.len() == wanted && letters.len() < limit => after.clone_from(last),
                _ => return Ok(letters),
            }
        }
    }

    async fn depth(&self) -> Result<Depth, StorageError> {
        let asked = (0..PARTITIONS).map(async |partition| {
            let mut script = self.scripts.depth.key(keys::due(partition));
            script.key(keys::dead_letters(partition)).arg(self.now());
            let depth: RedisResult<(u64, u64, u64, u64)> = script.invoke_async(&mut self.connection.clone()).await;
            unless_foreign(partition, depth)
        });
        let partitions = try_join_all(asked).await?;
        Ok(partitions.into_iter().flatten().fold(Depth::default(), |whole, part| {
            let (due, later, dead_letters, longest_due) = part;
            Depth {
                due: whole.due + due,
                later: whole.later + later,
                dead_letters: whole.dead_letters + dead_letters,
                longest_due: whole.longest_due.max(Duration::from_millis(longest_due)),
            }
        }))
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }

    async fn healthy(&self) -> bool {
        // A replica, and a server whose disk is full, answers but takes no writes.
        let written: RedisResult<()> = self.connection.clone().set(keys::HEALTH, "").await;
        match written {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "redis takes no writes");
                false
            }
        }
    }
}

/// What a script made of a partition's queue; `None`, and a line in the log, where it stumbled over what is not ours: that holds up
/// nobody else's jobs.
fn unless_foreign<T>(partition: u8, answer: RedisResult<T>) -> RedisResult<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.code(), Some("ERR" | "WRONGTYPE")) || error.kind() == ErrorKind::Parse => {
            tracing::error!(partition, %error, "the partition's queue holds something that is not ours: its jobs wait");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A job as `show.lua` answers it; `None`, and a line in the log, for what we did not write.
fn shown(row: &[String]) -> Option<Job> {
    let job = job_of(row);
    if job.is_none() {
        note_unreadable_job(row.first().map_or("", String::as_str));
    }
    job
}

fn job_of(row: &[String]) -> Option<Job> {
    let (session, rest) = row.split_first()?;
    let [attempt, delivery, excused, state, moment, rest @ ..] = rest else {
        return None;
    };
    let moment = UNIX_EPOCH + Duration::from_millis(moment.parse().ok()?);
    let state = match (state.as_str(), rest) {
        ("waiting", []) => JobState::Waiting { due: moment },
        ("leased", [nonce, worker]) => JobState::Leased {
            nonce: nonce.parse().ok()?,
            worker: worker.clone(),
            until: moment,
        },
        ("dead_letter", [reason]) => JobState::DeadLettered {
            since: moment,
            reason: reason.parse().ok()?,
        },
        _ => return None,
    };
    Some(Job {
        session: Id::parse(Kind::VerificationSession, session)?,
        attempt: attempt.parse().ok()?,
        delivery: delivery.parse().ok()?,
        excused: excused.parse().ok()?,
        state,
    })
}

/// A key that holds something of another type was not written by us.
fn foreign_or(error: redis::RedisError, what: &'static str) -> StorageError {
    match error.code() {
        Some("WRONGTYPE") => StorageError::Foreign(what),
        _ => error.into(),
    }
}

/// Milliseconds since 1970 as scripts take them; nothing for never.
fn moment(time: Option<SystemTime>) -> String {
    time.map_or(String::new(), |time| since_epoch(time).to_string())
}
