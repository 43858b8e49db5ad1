//! Merging the partitions' lists.
//!
//! A session or report may lie in any partition, so a page has about as many of each: so many are read of each, all at once, and of one that
//! turns out to have more, more.

use std::collections::VecDeque;

use futures_util::future::try_join_all;
use proto::id::{self, PARTITIONS};
use redis::{RedisError, Script};

use super::connection::Connection;
use super::keys;
use crate::id::Id;
use crate::storage::{ListQuery, Order, Scope};

/// What one partition has of a list.
struct Run {
    partition: u8,
    /// Read, and not in the page yet.
    read: VecDeque<Id>,
    /// Where to read on, as in ZRANGE BYLEX; `None` when all was read.
    rest: Option<String>,
}

/// Reads a page.
pub(super) async fn list(script: &Script, connection: &Connection, query: &ListQuery) -> Result<Vec<Id>, RedisError> {
    let chunk = query.limit.min(2 * query.limit / usize::from(PARTITIONS) + 8);
    let mut runs: Vec<Run> = (0..PARTITIONS).map(|partition| Run::new(partition, query)).collect();
    let mut page = Vec::new();
    while page.len() < query.limit {
        while runs.iter().any(Run::is_short) {
            let short = runs.iter_mut().filter(|run| run.is_short());
            try_join_all(short.map(|run| run.read_on(script, connection, query, chunk))).await?;
        }
        let next = |run: &&mut Run| run.read.front().map(Id::unique);
        let filled = runs.iter_mut().filter(|run| !run.read.is_empty());
        let first = match query.order {
            Order::NewestFirst => filled.max_by_key(next),
            Order::OldestFirst => filled.min_by_key(next),
        };
        match first.and_then(|run| run.read.pop_front()) {
            Some(id) => page.push(id),
            None => break,
        }
    }
    Ok(page)
}

impl Run {
    fn new(partition: u8, query: &ListQuery) -> Self {
        let (begin, _) = bounds(partition, query);
        Self {
            partition,
            read: VecDeque::new(),
            rest: (!query.between.is_empty()).then_some(begin),
        }
    }

    /// Whether what comes next of this partition is not known.
    fn is_short(&self) -> bool {
        self.read.is_empty() && self.rest.is_some()
    }

    async fn read_on(
        &mut self,
        script: &Script,
        connection: &Connection,
        query: &ListQuery,
        chunk: usize,
    ) -> Result<(), RedisError> {
        let (_, end) = bounds(self.partition, query);
        let mut invocation = script.prepare_invoke();
        for list in query.listed.lists() {
            match &query.scope {
                Scope::Account(account) => {
                    invocation.key(keys::by_account(self.partition, list, account));
                }
                Scope::References(tags) => {
                    for tag in tags {
                        invocation.key(keys::by_reference(self.partition, list, *tag));
                    }
                }
            }
        }
        let entries: Vec<String> = invocation
            .arg(self.rest.take())
            .arg(end)
            .arg(match query.order {
                Order::NewestFirst => "newest",
                Order::OldestFirst => "oldest",
            })
            .arg(chunk)
            .invoke_async(&mut connection.clone())
            .await?;
        if entries.len() == chunk {
            self.rest = entries.last().map(|last| format!("({last}"));
        }
        let ids = entries.iter().filter_map(|entry| Id::parse(query.listed.kind(), entry));
        self.read.extend(ids.filter(|id| id.partition() == self.partition));
        Ok(())
    }
}

/// Where a partition's part of a list begins and ends, as in ZRANGE BYLEX.
fn bounds(partition: u8, query: &ListQuery) -> (String, String) {
    let id = |unique| id::format(query.listed.kind(), partition, unique);
    let first = format!("[{}", id(query.between.start));
    let beyond = format!("({}", id(query.between.end));
    match query.order {
        Order::NewestFirst => (beyond, first),
        Order::OldestFirst => (first, beyond),
    }
}
