//! The queue of work, each step inside one write transaction that its caller commits.

use std::time::Duration;

use proto::id::Kind;
use redb::{ReadTransaction, ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};

use super::job::JobRow;
use super::{DEAD_LETTERS, DUE, JOBS, LEASE_REQUESTS, millis};
use crate::id::Id;
use crate::storage::{Deliveries, Depth, Job, Lease, LeaseRequest, Leased, Nonce, note_foreign_entry};

/// A job that is done.
pub(super) enum Finished<'a> {
    /// One that is held.
    Held(&'a Lease),
    /// One of this attempt that was set aside.
    DeadLetter(u32),
}

/// Queues a job that may be leased from a moment on.
pub(super) fn enqueue(transaction: &WriteTransaction, session: &Id, attempt: u32, due: u64) -> Result<(), redb::Error> {
    let old = get(transaction, session)?;
    put(transaction, session, old.as_ref(), &JobRow::new(attempt, due))
}

/// Whether [`lease`] would find a job.
pub(super) fn would_lease(transaction: &ReadTransaction, request_id: &str, now: u64) -> Result<bool, redb::Error> {
    let due = transaction.open_table(DUE)?;
    let waits = due.first()?.is_some_and(|(key, _)| key.value().0 <= now);
    Ok(waits || transaction.open_table(LEASE_REQUESTS)?.get(request_id)?.is_some())
}

/// How much there is to do. Takes a look at every job that is due.
pub(super) fn depth(transaction: &ReadTransaction, now: u64) -> Result<Depth, redb::Error> {
    let due = transaction.open_table(DUE)?;
    let longest_due = match due.first()? {
        Some((key, _)) => now.saturating_sub(key.value().0),
        None => 0,
    };
    let all = due.len()?;
    let due = due.range(..(now.saturating_add(1), ""))?.count() as u64;
    Ok(Depth {
        due,
        later: all.saturating_sub(due),
        dead_letters: transaction.open_table(DEAD_LETTERS)?.len()?,
        longest_due: Duration::from_millis(longest_due),
    })
}

/// Gives the job that is longest due, or the one that this very request got before and that is still held: anew for all of its time.
pub(super) fn lease(
    transaction: &WriteTransaction,
    request: &LeaseRequest,
    nonce: Nonce,
    now: u64,
) -> Result<Option<Leased>, redb::Error> {
    let given = transaction
        .open_table(LEASE_REQUESTS)?
        .get(request.request_id.as_str())?
        .map(|session| session.value().to_owned());
    if let Some(session) = given.and_then(|session| Id::parse(Kind::VerificationSession, &session))
        && let Some(old) = get(transaction, &session)?
        && let Ok(nonce) = old.nonce.parse()
    {
        let row = JobRow {
            moment: now.saturating_add(millis(request.time)),
            ..old.clone()
        };
        put(transaction, &session, Some(&old), &row)?;
        return Ok(Some(leased(session, &row, nonce)));
    }
    while let Some((moment, entry)) = first_due(transaction)?
        && moment <= now
    {
        let found = of_entry(transaction, &entry)?;
        if let Some((_, row)) = &found
            && (row.moment != moment || row.is_dead_letter())
        {
            // Of a row that could not be read when another one took its place.
            transaction.open_table(DUE)?.remove((moment, entry.as_str()))?;
            continue;
        }
        let Some((session, old)) = found else {
            // Not ours: out of the queue, so that nobody meets it again. Its row, if it has one, stays.
            note_foreign_entry(&entry);
            transaction.open_table(DUE)?.remove((moment, entry.as_str()))?;
            continue;
        };
        let row = JobRow {
            delivery: old.delivery.saturating_add(1),
            moment: now.saturating_add(millis(request.time)),
            nonce: nonce.to_string(),
            worker: request.worker.clone(),
            request_id: request.request_id.clone(),
            ..old.clone()
        };
        put(transaction, &session, Some(&old), &row)?;
        return Ok(Some(leased(session, &row, nonce)));
    }
    Ok(None)
}

fn leased(session: Id, row: &JobRow, nonce: Nonce) -> Leased {
    Leased {
        lease: Lease {
            session,
            attempt: row.attempt,
            nonce,
        },
        delivery: row.delivery,
        excused: row.excused,
    }
}

fn first_due(transaction: &WriteTransaction) -> Result<Option<(u64, String)>, redb::Error> {
    let due = transaction.open_table(DUE)?;
    let first = due.first()?.map(|(key, _)| {
        let (moment, session) = key.value();
        (moment, session.to_owned())
    });
    Ok(first)
}

/// Lets a lease end later; false when it is lost.
pub(super) fn extend(
    transaction: &WriteTransaction,
    held: &Lease,
    now: u64,
    time: Duration,
) -> Result<bool, redb::Error> {
    let Some(old) = get(transaction, &held.session)?.filter(|row| row.is_held(held.attempt, held.nonce)) else {
        return Ok(false);
    };
    let row = JobRow {
        moment: now.saturating_add(millis(time)),
        ..old.clone()
    };
    put(transaction, &held.session, Some(&old), &row)?;
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
    give_back(transaction, held, |old| JobRow {
        excused: old.excused.saturating_add(u32::from(excused)),
        moment: now.saturating_add(millis(delay)),
        ..old
    })
}

/// Takes a job from its worker and out of the queue; false when the lease was lost before.
pub(super) fn dead_letter(
    transaction: &WriteTransaction,
    held: &Lease,
    now: u64,
    reason: &str,
) -> Result<bool, redb::Error> {
    give_back(transaction, held, |old| JobRow {
        moment: now,
        dead_letter: reason.to_owned(),
        ..old
    })
}

/// Ends a lease before its job is done; whoever says so again changes nothing.
fn give_back(
    transaction: &WriteTransaction,
    held: &Lease,
    change: impl FnOnce(JobRow) -> JobRow,
) -> Result<bool, redb::Error> {
    let Some(old) = get(transaction, &held.session)? else {
        return Ok(false);
    };
    if !old.is_held(held.attempt, held.nonce) {
        return Ok(old.was_given_back(held.attempt, held.nonce));
    }
    let free = JobRow {
        nonce: String::new(),
        given_back: old.nonce.clone(),
        worker: String::new(),
        request_id: String::new(),
        ..old.clone()
    };
    put(transaction, &held.session, Some(&old), &change(free))?;
    Ok(true)
}

/// Queues a job that was set aside; false when there is none of this attempt.
pub(super) fn requeue(
    transaction: &WriteTransaction,
    session: &Id,
    attempt: u32,
    deliveries: Deliveries,
    now: u64,
) -> Result<bool, redb::Error> {
    let Some(old) = get(transaction, session)?.filter(|row| row.attempt == attempt) else {
        return Ok(false);
    };
    if old.is_dead_letter() {
        let mut row = JobRow::new(attempt, now);
        if let Some(excused) = deliveries.excused() {
            (row.delivery, row.excused) = (old.delivery, old.excused.saturating_add(excused));
        }
        put(transaction, session, Some(&old), &row)?;
    }
    Ok(true)
}

/// Removes a job that is done; false when it is not as it is said to be.
pub(super) fn finish(
    transaction: &WriteTransaction,
    session: &Id,
    finished: Finished<'_>,
) -> Result<bool, redb::Error> {
    let done = |row: &JobRow| match finished {
        Finished::Held(held) => held.session == *session && row.is_held(held.attempt, held.nonce),
        Finished::DeadLetter(attempt) => row.is_dead_letter() && row.attempt == attempt,
    };
    let Some(row) = get(transaction, session)?.filter(done) else {
        return Ok(false);
    };
    unindex(transaction, session, &row)?;
    transaction.open_table(JOBS)?.remove(session.as_str())?;
    Ok(true)
}

/// A partition's jobs that were set aside, without what we did not write.
pub(super) fn dead_letters(
    transaction: &ReadTransaction,
    partition: u8,
    after: Option<&Id>,
    limit: usize,
) -> Result<Vec<Job>, redb::Error> {
    let (letters, jobs) = (transaction.open_table(DEAD_LETTERS)?, transaction.open_table(JOBS)?);
    let after = after.map_or("", Id::as_str);
    let mut found = Vec::new();
    for letter in letters.range((partition, after)..(partition + 1, ""))? {
        let (key, _) = letter?;
        let session = key.value().1;
        if session == after {
            continue;
        }
        if found.len() == limit {
            break;
        }
        if let Some(session) = Id::parse(Kind::VerificationSession, session)
            && let Some(row) = jobs.get(session.as_str())?
        {
            found.extend(JobRow::shown(session, row.value()));
        }
    }
    Ok(found)
}

/// The job that an entry of the queue stands for; `None` for what we did not write.
fn of_entry(transaction: &WriteTransaction, entry: &str) -> Result<Option<(Id, JobRow)>, redb::Error> {
    let Some(session) = Id::parse(Kind::VerificationSession, entry) else {
        return Ok(None);
    };
    Ok(get(transaction, &session)?.map(|row| (session, row)))
}

fn get(transaction: &WriteTransaction, session: &Id) -> Result<Option<JobRow>, redb::Error> {
    let jobs = transaction.open_table(JOBS)?;
    let row = jobs.get(session.as_str())?;
    Ok(row.and_then(|row| JobRow::read(row.value())))
}

/// Writes a job's row and its place in the indexes, instead of the old one's.
fn put(transaction: &WriteTransaction, session: &Id, old: Option<&JobRow>, row: &JobRow) -> Result<(), redb::Error> {
    if let Some(old) = old {
        unindex(transaction, session, old)?;
    }
    transaction
        .open_table(JOBS)?
        .insert(session.as_str(), row.written().as_slice())?;
    if row.is_dead_letter() {
        let mut letters = transaction.open_table(DEAD_LETTERS)?;
        letters.insert((session.partition(), session.as_str()), ())?;
        return Ok(());
    }
    transaction
        .open_table(DUE)?
        .insert((row.moment, session.as_str()), ())?;
    if !row.request_id.is_empty() {
        let mut requests = transaction.open_table(LEASE_REQUESTS)?;
        requests.insert(row.request_id.as_str(), session.as_str())?;
    }
    Ok(())
}

fn unindex(transaction: &WriteTransaction, session: &Id, row: &JobRow) -> Result<(), redb::Error> {
    if row.is_dead_letter() {
        let mut letters = transaction.open_table(DEAD_LETTERS)?;
        letters.remove((session.partition(), session.as_str()))?;
        return Ok(());
    }
    transaction.open_table(DUE)?.remove((row.moment, session.as_str()))?;
    if !row.request_id.is_empty() {
        transaction
            .open_table(LEASE_REQUESTS)?
            .remove(row.request_id.as_str())?;
    }
    Ok(())
}
