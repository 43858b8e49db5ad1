//! A retention that was set or shortened, for sessions that change no more.
//!
//! A session stands among what expires from the step on that changed it, by the retention of then. Where the retention is another one now,
//! all sessions are gone through once, and a mark says so. Every replica takes the mark away that starts with another retention: it may
//! change sessions before one of its kind leads.

use super::session::Expiry;
use super::{Session, Store};
use crate::error::Error;
use crate::id::Id;
use crate::storage::{ListQuery, Listed, Order, Scope};

/// Sessions gone through at once.
const BATCH: usize = 200;

/// Under what the mark is kept.
const MARK: &str = "retention";

/// Where none is.
const UNMARKED: u64 = 0;

/// How far sessions were gone through.
#[derive(Debug, Default)]
pub struct Rescheduling {
    /// The accounts that are left, once it has begun.
    accounts: Option<Vec<String>>,
    /// From where on the last of them is.
    from: u128,
}

impl Store {
    /// What is to be gone through before the retention holds for all sessions, if anything is.
    pub async fn rescheduling(&self) -> Result<Option<Rescheduling>, Error> {
        let mark = self.retention.mark();
        if self.storage.mark(MARK).await? == Some(mark) {
            return Ok(None);
        }
        // What is kept for longer than it was is looked at again when it would have expired.
        if self.retention.is_none() {
            self.storage.set_mark(MARK, mark).await?;
            return Ok(None);
        }
        self.storage.set_mark(MARK, UNMARKED).await?;
        Ok(Some(Rescheduling::default()))
    }

    /// Goes on with a number of sessions; whether there are more.
    pub async fn reschedule(&self, progress: &mut Rescheduling) -> Result<bool, Error> {
        let mark = self.retention.mark();
        let accounts = match &mut progress.accounts {
            Some(accounts) => accounts,
            // Another replica was faster.
            None if self.storage.mark(MARK).await? == Some(mark) => return Ok(false),
            accounts => accounts.insert(self.storage.accounts().await?),
        };
        let Some(account) = accounts.last() else {
            self.storage.set_mark(MARK, mark).await?;
            return Ok(false);
        };
        let query = ListQuery {
            scope: Scope::Account(account.clone()),
            listed: Listed::Sessions(None),
            between: progress.from..u128::MAX,
            order: Order::OldestFirst,
            limit: BATCH,
        };
        let ids = self.storage.list(&query).await?;
        let (mut unreadable, mut first) = (0, None);
        for (id, found) in ids.iter().zip(self.storage.sessions(&ids).await?) {
            let Some(found) = found else { continue };
            match self.open(id.clone(), &found) {
                Ok(session) => self.reschedule_one(id, &session).await?,
                Err(error) => {
                    unreadable += 1;
                    first.get_or_insert((id, error));
                }
            }
        }
        if let Some((session, error)) = first {
            tracing::error!(%session, %error, sessions = unreadable, "sessions that cannot be read have no retention");
        }
        match ids.last() {
            Some(id) if ids.len() == BATCH => progress.from = id.unique() + 1,
            _ => {
                accounts.pop();
                progress.from = 0;
            }
        }
        Ok(true)
    }

    async fn reschedule_one(&self, id: &Id, session: &Session) -> Result<(), Error> {
        // Nothing else depends on the retention. Who changes the session meanwhile reschedules it.
        if let Some((moment, Expiry::Images | Expiry::Session)) = self.expiry(session)? {
            self.storage.move_expiry(id, session.version, Some(moment)).await?;
        }
        Ok(())
    }
}
