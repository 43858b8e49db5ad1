//! The steps of the embedded storage, each inside one write transaction that its caller commits.

use std::time::Duration;

use redb::{ReadTransaction, ReadableTable as _, WriteTransaction};

use super::{DEAD, DUE, EVENTS, EXPIRIES, IDEMPOTENCY, JOBS, REPORTS, SESSIONS, millis};
use crate::storage::{Commit, Committed, Created, JobStep, Lease, NewIdempotency, NewSession, SealedEvent};

/// Idempotency records forgotten at each creation: more than one, so that they never pile up.
const FORGOTTEN_AT_ONCE: usize = 8;

/// Stands in the place of a worker's name.
const NOBODY: &str = "";

pub(super) fn create(transaction: &WriteTransaction, new: &NewSession, now: u64) -> Result<Created, redb::Error> {
    if let Some(idempotency) = &new.idempotency
        && let Some(existing) = remember(transaction, idempotency, now)?
    {
        return Ok(Created::Existing(existing));
    }
    let mut sessions = transaction.open_table(SESSIONS)?;
    if sessions.get(new.id.as_str())?.is_some() {
        return Ok(Created::New);
    }
    sessions.insert(new.id.as_str(), (1, new.record.as_slice()))?;
    append(transaction, &new.event)?;
    Ok(Created::New)
}

/// Keeps an idempotency record, or returns the one that is kept already.
fn remember(transaction: &WriteTransaction, new: &NewIdempotency, now: u64) -> Result<Option<Vec<u8>>, redb::Error> {
    let mut records = transaction.open_table(IDEMPOTENCY)?;
    let mut expiries = transaction.open_table(EXPIRIES)?;
    let mut expired = Vec::new();
    for row in expiries.range(..=(now, &[u8::MAX; 32]))?.take(FORGOTTEN_AT_ONCE) {
        let (row, _) = row?;
        let (expiry, key) = row.value();
        expired.push((expiry, *key));
    }
    for (expiry, key) in expired {
        expiries.remove((expiry, &key))?;
        records.remove(&key)?;
    }
    let kept = records.get(&new.key)?.map(|kept| {
        let (expiry, record) = kept.value();
        (expiry, record.to_vec())
    });
    match kept {
        Some((expiry, record)) if expiry > now => return Ok(Some(record)),
        Some((expiry, _)) => {
            expiries.remove((expiry, &new.key))?;
        }
        None => {}
    }
    let expiry = now.saturating_add(millis(new.lifetime));
    records.insert(&new.key, (expiry, new.record.as_slice()))?;
    expiries.insert((expiry, &new.key), ())?;
    Ok(None)
}

pub(super) fn commit(transaction: &WriteTransaction, step: &Commit, now: u64) -> Result<Committed, redb::Error> {
    let session = step.session.as_str();
    let mut sessions = transaction.open_table(SESSIONS)?;
    let held = sessions.get(session)?.map(|found| {
        let (version, record) = found.value();
        (version, record == step.record)
    });
    let version = step.expected.saturating_add(1);
    match held {
        Some((held, _)) if held == step.expected => {}
        Some((held, true)) if held == version => return Ok(Committed::Done(version)),
        _ => return Ok(Committed::Conflict),
    }
    sessions.insert(session, (version, step.record.as_slice()))?;
    if let Some(report) = &step.report {
        transaction
            .open_table(REPORTS)?
            .insert(report.id.as_str(), report.record.as_slice())?;
    }
    if let Some(event) = &step.event {
        append(transaction, event)?;
    }
    match step.job {
        JobStep::Keep => {}
        JobStep::Enqueue { attempt } => {
            transaction
                .open_table(JOBS)?
                .insert(session, (attempt, 0, now, NOBODY))?;
            transaction.open_table(DUE)?.insert((now, session), ())?;
        }
        JobStep::Finish => {
            remove_job(transaction, session)?;
        }
        JobStep::DeadLetter => {
            if let Some(attempt) = remove_job(transaction, session)? {
                let mut dead = transaction.open_table(DEAD)?;
                let partition = step.session.partition();
                let last = dead
                    .range((partition, 0)..=(partition, u64::MAX))?
                    .next_back()
                    .transpose()?;
                let position = last.map_or(1, |(key, _)| key.value().1.saturating_add(1));
                dead.insert((partition, position), (session, attempt))?;
            }
        }
    }
    Ok(Committed::Done(version))
}

fn append(transaction: &WriteTransaction, event: &SealedEvent) -> Result<(), redb::Error> {
    let mut events = transaction.open_table(EVENTS)?;
    let partition = event.id.partition();
    let last = events
        .range((partition, 0)..=(partition, u64::MAX))?
        .next_back()
        .transpose()?;
    let position = last.map_or(1, |(key, _)| key.value().1.saturating_add(1));
    events.insert((partition, position), (event.id.as_str(), event.record.as_slice()))?;
    Ok(())
}

/// Takes a session's job out of the queue; its attempt.
fn remove_job(transaction: &WriteTransaction, session: &str) -> Result<Option<u32>, redb::Error> {
    let removed = transaction.open_table(JOBS)?.remove(session)?.map(|job| {
        let (attempt, _, due, _) = job.value();
        (attempt, due)
    });
    let Some((attempt, due)) = removed else {
        return Ok(None);
    };
    transaction.open_table(DUE)?.remove((due, session))?;
    Ok(Some(attempt))
}

/// Whether [`lease`] would find a job.
pub(super) fn job_waits(transaction: &ReadTransaction, now: u64) -> Result<bool, redb::Error> {
    let due = transaction.open_table(DUE)?;
    Ok(due.first()?.is_some_and(|(key, _)| key.value().0 <= now))
}

/// Gives the job that is longest due to `worker`: session, attempt, delivery.
pub(super) fn lease(
    transaction: &WriteTransaction,
    worker: &str,
    now: u64,
    lease: Duration,
) -> Result<Option<(String, u32, u32)>, redb::Error> {
    let mut due = transaction.open_table(DUE)?;
    let first = due.first()?.map(|(key, _)| {
        let (moment, session) = key.value();
        (moment, session.to_owned())
    });
    let Some((moment, session)) = first.filter(|(moment, _)| *moment <= now) else {
        return Ok(None);
    };
    due.remove((moment, session.as_str()))?;
    let mut jobs = transaction.open_table(JOBS)?;
    let job = jobs.get(session.as_str())?.map(|job| (job.value().0, job.value().1));
    let Some((attempt, deliveries)) = job else {
        return Ok(None);
    };
    let delivery = deliveries.saturating_add(1);
    let until = now.saturating_add(millis(lease));
    due.insert((until, session.as_str()), ())?;
    jobs.insert(session.as_str(), (attempt, delivery, until, worker))?;
    Ok(Some((session, attempt, delivery)))
}

/// Lets a lease end later; false when it is lost.
pub(super) fn extend(
    transaction: &WriteTransaction,
    held: &Lease,
    now: u64,
    lease: Duration,
) -> Result<bool, redb::Error> {
    let Some((due, worker)) = holder(transaction, held, now)? else {
        return Ok(false);
    };
    reschedule(transaction, held, due, now.saturating_add(millis(lease)), &worker)?;
    Ok(true)
}

/// Takes a job from its worker; false when the lease was lost before.
pub(super) fn release(
    transaction: &WriteTransaction,
    held: &Lease,
    now: u64,
    delay: Duration,
    excused: bool,
) -> Result<bool, redb::Error> {
    let Some((due, _)) = holder(transaction, held, now)? else {
        return Ok(false);
    };
    let mut counted = held.clone();
    if excused {
        counted.delivery = counted.delivery.saturating_sub(1);
    }
    reschedule(transaction, &counted, due, now.saturating_add(millis(delay)), NOBODY)?;
    Ok(true)
}

/// End of the lease and name of the worker, while the job is held under this lease.
fn holder(transaction: &WriteTransaction, held: &Lease, now: u64) -> Result<Option<(u64, String)>, redb::Error> {
    let jobs = transaction.open_table(JOBS)?;
    let Some(job) = jobs.get(held.session.as_str())? else {
        return Ok(None);
    };
    let (attempt, delivery, due, worker) = job.value();
    let holds = (attempt, delivery) == (held.attempt, held.delivery) && due > now && worker != NOBODY;
    Ok(holds.then(|| (due, worker.to_owned())))
}

fn reschedule(
    transaction: &WriteTransaction,
    held: &Lease,
    from: u64,
    to: u64,
    worker: &str,
) -> Result<(), redb::Error> {
    let session = held.session.as_str();
    transaction
        .open_table(JOBS)?
        .insert(session, (held.attempt, held.delivery, to, worker))?;
    let mut due = transaction.open_table(DUE)?;
    due.remove((from, session))?;
    due.insert((to, session), ())?;
    Ok(())
}
