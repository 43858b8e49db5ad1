//! Listing an account's sessions.

use std::ops::Range;

use super::{Session, Store};
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::Status;
use crate::storage::{ListQuery, Order, Scope};

/// Rounds in which a page is read: each goes on after the sessions that the one before had to leave out.
const ROUNDS: usize = 16;

/// Which sessions of an account.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Whose.
    pub account: String,
    /// Only those with this reference.
    pub client_reference_id: Option<String>,
    /// Only those in this status.
    pub status: Option<Status>,
    /// Only those whose ids have time-ordered bits between these.
    pub created: Range<u128>,
}

/// Where a page begins.
#[derive(Clone, Debug)]
pub enum Cursor {
    /// At the newest session.
    Newest,
    /// With what was created before this session.
    StartingAfter(Id),
    /// With what was created after this session: the page ends next to it.
    EndingBefore(Id),
}

/// A page of sessions, newest first.
pub struct Page {
    /// As many as were asked for, or all that there are; fewer where very many records in a row are damaged.
    pub sessions: Vec<Session>,
    /// Whether there are more on the far side of the page.
    pub has_more: bool,
}

impl Store {
    /// An account's sessions, `limit` at the most. A cursor of another account is not found. A session whose record is damaged is left
    /// out; one that lacks only its master key fails the page, for it will be in the list again.
    pub async fn list(&self, filter: &Filter, cursor: &Cursor, limit: usize) -> Result<Page, Error> {
        let scope = match &filter.client_reference_id {
            None => Scope::Account(filter.account.clone()),
            Some(reference) => {
                let tags = self.records.keyring().reference_tags(&filter.account, reference);
                Scope::References(tags)
            }
        };
        let (order, between) = match cursor {
            Cursor::Newest => (Order::NewestFirst, filter.created.clone()),
            Cursor::StartingAfter(session) => (Order::NewestFirst, before(&filter.created, session)),
            Cursor::EndingBefore(session) => (Order::OldestFirst, after(&filter.created, session)),
        };
        if let Cursor::StartingAfter(session) | Cursor::EndingBefore(session) = cursor {
            match self.session(session.as_str(), Some(&filter.account)).await {
                Ok(_) => {}
                // The id says where the page begins. Whose it is cannot be known, and the page shows nothing of it.
                Err(error) if error.is_unreadable() => {}
                Err(error) => return Err(error),
            }
        }
        let mut query = ListQuery {
            scope,
            status: filter.status,
            between,
            order,
            // One more tells whether there are more.
            limit: limit + 1,
        };
        let (mut sessions, mut damaged, mut is_whole) = (Vec::new(), Vec::new(), false);
        for _ in 0..ROUNDS {
            let ids = self.storage.list(&query).await?;
            let found = self.storage.sessions(&ids).await?;
            for (id, found) in ids.iter().zip(found) {
                let session = found.ok_or(Error::SessionNotFound);
                let opened = session.and_then(|found| self.open(id.clone(), &found));
                match opened.and_then(|session| Ok(is_wanted(&session, filter)?.then_some(session))) {
                    Ok(wanted) => sessions.extend(wanted),
                    Err(error) if error.is_damage() || matches!(error, Error::SessionNotFound) => {
                        damaged.push((id.clone(), error));
                    }
                    Err(error) => return Err(error),
                }
            }
            is_whole = ids.len() < query.limit;
            if is_whole || sessions.len() > limit {
                break;
            }
            if let Some(last) = ids.last() {
                query.between = match order {
                    Order::NewestFirst => before(&query.between, last),
                    Order::OldestFirst => after(&query.between, last),
                };
            }
        }
        if let Some((session, error)) = damaged.first() {
            tracing::error!(%session, %error, count = damaged.len(), "sessions are left out of a list: they cannot be read");
        }
        // Without a session there is nothing to go on after.
        if sessions.is_empty() && !is_whole {
            return Err(damaged.pop().map_or(Error::Contended, |(_, error)| error));
        }
        let has_more = sessions.len() > limit || !is_whole;
        sessions.truncate(limit);
        if order == Order::OldestFirst {
            sessions.reverse();
        }
        Ok(Page { sessions, has_more })
    }
}

/// Whether a session is still what was asked for: it may have changed since the list was read.
fn is_wanted(session: &Session, filter: &Filter) -> Result<bool, Error> {
    let status = session.state()?.status;
    let reference = &session.public.client_reference_id;
    Ok(session.account == filter.account
        && filter.status.is_none_or(|wanted| wanted == status)
        && (filter.client_reference_id.is_none() || filter.client_reference_id == *reference))
}

/// What of a range lies before a session.
fn before(range: &Range<u128>, session: &Id) -> Range<u128> {
    range.start..session.unique().min(range.end)
}

/// What of a range lies after a session.
fn after(range: &Range<u128>, session: &Id) -> Range<u128> {
    session.unique().saturating_add(1).max(range.start)..range.end
}
