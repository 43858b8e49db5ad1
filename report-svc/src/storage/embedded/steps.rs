//! Creating and changing sessions, each inside one write transaction that its caller commits.

use std::time::SystemTime;

use redb::{ReadableTable as _, WriteTransaction};

use super::queue::{self, Finished};
use super::{ATTEMPTS, FILES, IDEMPOTENCY, IDEMPOTENCY_EXPIRIES, REPORTS, SESSIONS, events, index, millis};
use crate::id::Id;
use crate::storage::{
    Commit, Committed, Created, Idempotency, JobStep, NewIdempotency, NewSession, SealedAttempt, since_epoch,
};

/// Idempotency records forgotten whenever one is kept: more than one, so that they never pile up.
const FORGOTTEN_AT_ONCE: usize = 8;

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
    let expiry = new.expires.map_or(0, since_epoch);
    sessions.insert(new.id.as_str(), (1, expiry, new.record.as_slice()))?;
    index::enter(transaction, &new.id, &new.entry)?;
    index::expire(transaction, &new.id, 0, expiry)?;
    events::append(transaction, &new.event)?;
    Ok(Created::New)
}

/// Keeps another record under an idempotency key, for as long as the one before.
fn replace(transaction: &WriteTransaction, new: &Idempotency) -> Result<(), redb::Error> {
    let mut records = transaction.open_table(IDEMPOTENCY)?;
    let expiry = records.get(&new.key)?.and_then(|kept| {
        let (expiry, record) = kept.value();
        (record == new.before).then_some(expiry)
    });
    if let Some(expiry) = expiry {
        records.insert(&new.key, (expiry, new.record.as_slice()))?;
    }
    Ok(())
}

/// Moves a session's expiry, unless the session has another version.
pub(super) fn move_expiry(
    transaction: &WriteTransaction,
    session: &Id,
    version: u64,
    to: Option<SystemTime>,
) -> Result<bool, redb::Error> {
    let mut sessions = transaction.open_table(SESSIONS)?;
    let held = sessions.get(session.as_str())?.map(|found| {
        let (version, expiry, record) = found.value();
        (version, expiry, record.to_vec())
    });
    match held {
        Some((held, old, record)) if held == version => {
            let new = to.map_or(0, since_epoch);
            sessions.insert(session.as_str(), (version, new, record.as_slice()))?;
            index::expire(transaction, session, old, new)?;
            Ok(true)
        }
        // An entry is made with its session.
        _ => Ok(false),
    }
}

/// Keeps an idempotency record, or returns the one that is kept already.
pub(super) fn remember(
    transaction: &WriteTransaction,
    new: &NewIdempotency,
    now: u64,
) -> Result<Option<Vec<u8>>, redb::Error> {
    let kept = transaction.open_table(IDEMPOTENCY)?.get(&new.key)?.and_then(|kept| {
        let (expiry, record) = kept.value();
        (expiry > now).then(|| record.to_vec())
    });
    if kept.is_none() {
        keep(transaction, new, now)?;
    }
    Ok(kept)
}

/// Forgets what has expired under an idempotency key.
pub(super) fn forget(transaction: &WriteTransaction, key: &[u8; 32], now: u64) -> Result<(), redb::Error> {
    let mut records = transaction.open_table(IDEMPOTENCY)?;
    let expiry = records.get(key)?.map(|kept| kept.value().0);
    if let Some(expiry) = expiry.filter(|expiry| *expiry <= now) {
        records.remove(key)?;
        transaction.open_table(IDEMPOTENCY_EXPIRIES)?.remove((expiry, key))?;
    }
    Ok(())
}

/// Keeps an idempotency record, whatever was kept under its key before.
fn keep(transaction: &WriteTransaction, new: &NewIdempotency, now: u64) -> Result<(), redb::Error> {
    let mut records = transaction.open_table(IDEMPOTENCY)?;
    let mut expiries = transaction.open_table(IDEMPOTENCY_EXPIRIES)?;
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
    let expiry = now.saturating_add(millis(new.lifetime));
    let replaced = records.insert(&new.key, (expiry, new.record.as_slice()))?;
    if let Some(replaced) = replaced {
        let (expiry, _) = replaced.value();
        expiries.remove((expiry, &new.key))?;
    }
    expiries.insert((expiry, &new.key), ())?;
    Ok(())
}

pub(super) fn commit(transaction: &WriteTransaction, step: &Commit, now: u64) -> Result<Committed, redb::Error> {
    let session = step.session.as_str();
    let mut sessions = transaction.open_table(SESSIONS)?;
    let held = sessions.get(session)?.map(|found| {
        let (version, expiry, record) = found.value();
        (version, expiry, record == step.record)
    });
    let version = step.expected.saturating_add(1);
    let old_expiry = match held {
        Some((held, expiry, _)) if held == step.expected => expiry,
        Some((held, _, true)) if held == version => return Ok(Committed::Done(version)),
        _ => return Ok(Committed::Conflict),
    };
    // The only part that can refuse comes first: a transaction without changes may be committed.
    match &step.job {
        JobStep::Keep => {}
        JobStep::Enqueue { attempt, delay } => {
            let due = now.saturating_add(millis(*delay));
            queue::enqueue(transaction, &step.session, *attempt, due)?;
        }
        JobStep::Finish(held) => {
            if !queue::finish(transaction, &step.session, Finished::Held(held))? {
                return Ok(Committed::JobLost);
            }
        }
        JobStep::FinishDeadLetter { attempt } => {
            if !queue::finish(transaction, &step.session, Finished::DeadLetter(*attempt))? {
                return Ok(Committed::JobLost);
            }
        }
    }
    let expiry = step.expires.map_or(0, since_epoch);
    sessions.insert(session, (version, expiry, step.record.as_slice()))?;
    index::expire(transaction, &step.session, old_expiry, expiry)?;
    if let Some(reindex) = &step.reindex {
        index::leave(transaction, &step.session, &reindex.from)?;
        index::enter(transaction, &step.session, &reindex.to)?;
    }
    for SealedAttempt { attempt, record } in &step.attempts {
        transaction
            .open_table(ATTEMPTS)?
            .insert((session, *attempt), record.as_slice())?;
    }
    for report in &step.reports {
        transaction
            .open_table(REPORTS)?
            .insert(report.id.as_str(), report.record.as_slice())?;
        index::move_report(transaction, report)?;
    }
    if let Some(idempotency) = &step.idempotency {
        replace(transaction, idempotency)?;
    }
    if let Some(answer) = &step.answer {
        keep(transaction, answer, now)?;
    }
    let mut files = transaction.open_table(FILES)?;
    for file in &step.files.removed {
        files.remove(file.as_str())?;
    }
    for file in &step.files.added {
        files.insert(file.as_str(), session)?;
    }
    if let Some(event) = &step.event {
        events::append(transaction, event)?;
    }
    Ok(Committed::Done(version))
}
