//! A retention that was set or shortened, for sessions that change no more.
//!
//! A session stands among what expires from the step on that changed it, by the retention that the replica had. So all sessions are gone
//! through when a replica begins to sweep, and again each day: whatever retention they were changed by, they have the present one within
//! a day.

use std::time::SystemTime;

use futures_util::future::try_join_all;

use super::Store;
use super::session::Expiry;
use crate::error::Error;
use crate::id::Id;
use crate::storage::{ListQuery, Listed, Order, Scope, Versioned};

/// Sessions gone through at once.
const BATCH: usize = 200;

/// Sessions rescheduled at once: others write as well.
const AT_ONCE: usize = 8;

/// How far sessions were gone through.
#[derive(Debug, Default)]
pub struct Rescheduling {
    /// The accounts that are left, once it has begun.
    accounts: Option<Vec<String>>,
    /// From where on the last of them is.
    from: u128,
}

impl Store {
    /// Goes on with a number of sessions; whether there are more.
    pub async fn reschedule(&self, progress: &mut Rescheduling) -> Result<bool, Error> {
        // What is kept for longer than it was is looked at again when it would have expired.
        if self.retention.is_none() {
            return Ok(false);
        }
        let accounts = match &mut progress.accounts {
            Some(accounts) => accounts,
            accounts => accounts.insert(self.storage.accounts().await?),
        };
        let Some(account) = accounts.last() else {
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
        let found = self.storage.sessions(&ids).await?;
        let (mut moved, mut unreadable, mut first) = (Vec::new(), 0, None);
        for (id, found) in ids.iter().zip(found) {
            let Some(found) = found else { continue };
            match self.expiry_by_retention(id, &found) {
                Ok(Some(moment)) => moved.push((id, found.version, moment)),
                Ok(None) => {}
                Err(error) => {
                    unreadable += 1;
                    first.get_or_insert((id, error));
                }
            }
        }
        for moved in moved.chunks(AT_ONCE) {
            // Who changed one meanwhile rescheduled it.
            let moves = moved
                .iter()
                .map(|(id, version, moment)| self.storage.move_expiry(id, *version, Some(*moment)));
            try_join_all(moves).await?;
        }
        if let Some((session, error)) = first {
            tracing::error!(%session, %error, sessions = unreadable, "sessions that cannot be read have no retention yet");
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

    /// When something of a session expires that depends on the retention.
    fn expiry_by_retention(&self, id: &Id, found: &Versioned) -> Result<Option<SystemTime>, Error> {
        let session = self.open(id.clone(), found)?;
        Ok(match self.expiry(&session)? {
            Some((moment, Expiry::Images | Expiry::Session)) => Some(moment),
            _ => None,
        })
    }
}
