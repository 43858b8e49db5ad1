//! The lists of sessions and reports, and when sessions expire.

use std::ops::Range;
use std::time::SystemTime;

use proto::id::Kind;
use proto::identity::v1::VerificationType;
use redb::{AccessGuard, ReadTransaction, WriteTransaction};

use super::{LISTS, SESSION_EXPIRIES};
use crate::id::Id;
use crate::lifecycle::Status;
use crate::storage::{IndexEntry, List, ListQuery, Order, ReferenceTag, Scope, SealedReport, since_epoch};

/// Puts a session into the lists that it belongs into.
pub(super) fn enter(transaction: &WriteTransaction, session: &Id, entry: &IndexEntry) -> Result<(), redb::Error> {
    let owners = owners(&entry.account, &entry.references);
    put(transaction, session, List::Sessions(entry.status), owners)
}

/// Takes a session out of its lists.
pub(super) fn leave(transaction: &WriteTransaction, session: &Id, entry: &IndexEntry) -> Result<(), redb::Error> {
    let owners = owners(&entry.account, &entry.references);
    take_out(transaction, session, List::Sessions(entry.status), owners)
}

/// Takes a report out of the lists that it leaves, and puts it into those that it belongs into.
pub(super) fn move_report(transaction: &WriteTransaction, report: &SealedReport) -> Result<(), redb::Error> {
    let list = List::Reports(report.entry.r#type);
    let unlisted = report.unlisted.iter().map(|tag| of_reference(&tag.0));
    take_out(transaction, &report.id, list, unlisted)?;
    let owners = owners(&report.entry.account, &report.entry.references);
    put(transaction, &report.id, list, owners)
}

fn put(
    transaction: &WriteTransaction,
    id: &Id,
    list: List,
    owners: impl Iterator<Item = Vec<u8>>,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(LISTS)?;
    for owner in owners {
        table.insert((owner.as_slice(), code(list), id.unique(), id.partition()), ())?;
    }
    Ok(())
}

fn take_out(
    transaction: &WriteTransaction,
    id: &Id,
    list: List,
    owners: impl Iterator<Item = Vec<u8>>,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(LISTS)?;
    for owner in owners {
        table.remove((owner.as_slice(), code(list), id.unique(), id.partition()))?;
    }
    Ok(())
}

/// The sessions or reports of a list.
pub(super) fn list(transaction: &ReadTransaction, query: &ListQuery) -> Result<Vec<Id>, redb::Error> {
    if query.between.is_empty() {
        return Ok(Vec::new());
    }
    let table = transaction.open_table(LISTS)?;
    let owners = match &query.scope {
        Scope::Account(account) => vec![of_account(account)],
        Scope::References(tags) => tags.iter().map(|tag| of_reference(&tag.0)).collect(),
    };
    let mut found = Vec::new();
    for owner in &owners {
        for list in query.listed.lists().into_iter().map(code) {
            let key = |unique| (owner.as_slice(), list, unique, 0);
            let rows = table.range(key(query.between.start)..key(query.between.end))?;
            let place = |row: Result<(AccessGuard<'_, Key>, _), _>| {
                row.map(|(key, _)| {
                    let (_, _, unique, partition) = key.value();
                    (unique, partition)
                })
            };
            let rows: Result<Vec<_>, _> = match query.order {
                Order::NewestFirst => rows.rev().take(query.limit).map(place).collect(),
                Order::OldestFirst => rows.take(query.limit).map(place).collect(),
            };
            found.extend(rows?);
        }
    }
    found.sort_unstable();
    if query.order == Order::NewestFirst {
        found.reverse();
    }
    found.truncate(query.limit);
    let id = |(unique, partition)| Id::at(query.listed.kind(), partition, unique);
    Ok(found.into_iter().map(id).collect())
}

/// The accounts that have sessions or reports: one row is read of each.
pub(super) fn accounts(transaction: &ReadTransaction) -> Result<Vec<String>, redb::Error> {
    let table = transaction.open_table(LISTS)?;
    let (mut accounts, mut from, end) = (Vec::new(), of_account(""), [b'a' + 1]);
    while let Some(row) = table
        .range((from.as_slice(), 0, 0, 0)..(end.as_slice(), 0, 0, 0))?
        .next()
    {
        let (key, _) = row?;
        let (owner, ..) = key.value();
        accounts.extend(
            owner
                .get(1..)
                .and_then(|account| String::from_utf8(account.to_vec()).ok()),
        );
        // The next name that could be.
        from = [owner, &[0]].concat();
    }
    Ok(accounts)
}

/// The key of a row: whose list, which of theirs, time-ordered bits of the session or report, its partition.
pub(super) type Key = (&'static [u8], u8, u128, u8);

fn owners(account: &str, references: &[ReferenceTag]) -> impl Iterator<Item = Vec<u8>> {
    let references = references.iter().map(|tag| of_reference(&tag.0));
    std::iter::once(of_account(account)).chain(references)
}

fn of_account(account: &str) -> Vec<u8> {
    [b"a", account.as_bytes()].concat()
}

fn of_reference(tag: &[u8; 16]) -> Vec<u8> {
    [b"r", tag.as_slice()].concat()
}

/// Never changes: it is in the file.
fn code(list: List) -> u8 {
    match list {
        List::Sessions(Status::RequiresInput) => 0,
        List::Sessions(Status::Processing) => 1,
        List::Sessions(Status::Verified) => 2,
        List::Sessions(Status::Canceled) => 3,
        List::Reports(VerificationType::Unspecified) => 4,
        List::Reports(VerificationType::Document) => 5,
        List::Reports(VerificationType::IdNumber) => 6,
        List::Reports(VerificationType::VerificationFlow) => 7,
    }
}

/// Moves a session's expiry; 0 is never.
pub(super) fn expire(transaction: &WriteTransaction, session: &Id, old: u64, new: u64) -> Result<(), redb::Error> {
    if old == new {
        return Ok(());
    }
    let mut table = transaction.open_table(SESSION_EXPIRIES)?;
    let key = |moment| (session.partition(), moment, session.as_str());
    if old != 0 {
        table.remove(key(old))?;
    }
    if new != 0 {
        table.insert(key(new), ())?;
    }
    Ok(())
}

/// How many sessions of a partition expired until a moment.
pub(super) fn count_expired(
    transaction: &ReadTransaction,
    partition: u8,
    until: SystemTime,
) -> Result<u64, redb::Error> {
    let table = transaction.open_table(SESSION_EXPIRIES)?;
    let mut count = 0;
    for row in table.range(until_moment(partition, until))? {
        row?;
        count += 1;
    }
    Ok(count)
}

fn until_moment(partition: u8, until: SystemTime) -> Range<(u8, u64, &'static str)> {
    (partition, 0, "")..(partition, since_epoch(until).saturating_add(1), "")
}

/// A partition's sessions that expired until a moment.
pub(super) fn expired(
    transaction: &ReadTransaction,
    partition: u8,
    until: SystemTime,
    limit: usize,
) -> Result<Vec<Id>, redb::Error> {
    let table = transaction.open_table(SESSION_EXPIRIES)?;
    let mut found = Vec::new();
    for row in table.range(until_moment(partition, until))?.take(limit) {
        found.extend(Id::parse(Kind::VerificationSession, row?.0.value().2));
    }
    Ok(found)
}
