//! Each partition's events, inside write transactions that their caller commits.

use std::time::SystemTime;

use proto::id::Kind;
use redb::{ReadableTable, WriteTransaction};

use super::{EVENT_COUNTERS, EVENTS};
use crate::id::{Id, first_at};
use crate::storage::{SealedEvent, since_epoch};

/// Appends an event; its position is one that no event had before, also when all of those are gone.
pub(super) fn append(transaction: &WriteTransaction, event: &SealedEvent) -> Result<(), redb::Error> {
    let partition = event.id.partition();
    let mut counters = transaction.open_table(EVENT_COUNTERS)?;
    let last = counters.get(partition)?.map_or(0, |last| last.value());
    let position = last.saturating_add(1);
    counters.insert(partition, position)?;
    transaction
        .open_table(EVENTS)?
        .insert((partition, position), (event.id.as_str(), event.record.as_slice()))?;
    Ok(())
}

/// The positions of the oldest events, `limit` at the most, up to the first one that was not made before a moment.
pub(super) fn old(
    events: &impl ReadableTable<(u8, u64), (&'static str, &'static [u8])>,
    partition: u8,
    before: SystemTime,
    limit: usize,
) -> Result<Vec<(u8, u64)>, redb::Error> {
    let first_kept = first_at(since_epoch(before));
    let mut old = Vec::new();
    for row in events.range((partition, 0)..=(partition, u64::MAX))?.take(limit) {
        let (key, value) = row?;
        if Id::parse(Kind::Event, value.value().0).is_some_and(|id| id.unique() >= first_kept) {
            break;
        }
        old.push(key.value());
    }
    Ok(old)
}

/// Drops them; how many.
pub(super) fn trim(
    transaction: &WriteTransaction,
    partition: u8,
    before: SystemTime,
    limit: usize,
) -> Result<usize, redb::Error> {
    let mut events = transaction.open_table(EVENTS)?;
    let old = old(&events, partition, before, limit)?;
    for key in &old {
        events.remove(*key)?;
    }
    Ok(old.len())
}
