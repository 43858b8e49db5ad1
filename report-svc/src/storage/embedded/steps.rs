//! Creating and changing sessions, each inside one write transaction that its caller commits.

use redb::{ReadableTable as _, WriteTransaction};

use super::queue::{self, Finished};
use super::{ATTEMPTS, EVENTS, EXPIRIES, IDEMPOTENCY, REPORTS, SESSIONS, millis};
use crate::storage::{Commit, Committed, Created, JobStep, NewIdempotency, NewSession, SealedEvent};

/// Idempotency records forgotten at each creation: more than one, so that they never pile up.
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
    // The only part that can refuse comes first: a transaction without changes may be committed.
    match &step.job {
        JobStep::Keep => {}
        JobStep::Enqueue { attempt } => queue::enqueue(transaction, &step.session, *attempt, now)?,
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
    sessions.insert(session, (version, step.record.as_slice()))?;
    if let Some(report) = &step.report {
        transaction
            .open_table(REPORTS)?
            .insert(report.id.as_str(), report.record.as_slice())?;
        transaction
            .open_table(ATTEMPTS)?
            .insert((session, report.attempt), report.attempt_record.as_slice())?;
    }
    if let Some(event) = &step.event {
        append(transaction, event)?;
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
