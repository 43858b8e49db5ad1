//! A retention that was set or shortened, for sessions that change no more.
//!
//! A session stands among what expires from the step on that changed it, by the retention of then. Where the retention is another one now,
//! all sessions are gone through, and a mark says so. A replica that starts with another retention puts a token of its own in the place of
//! the mark: it may change sessions before one of its kind leads. Who goes through sessions leaves the mark only where its token still
//! stands.

use std::time::SystemTime;

use futures_util::future::try_join_all;

use super::Store;
use super::session::Expiry;
use crate::error::Error;
use crate::id::Id;
use crate::seal::SealError;
use crate::storage::{ListQuery, Listed, Order, Scope, StorageError, Versioned};

/// Sessions gone through at once.
const BATCH: usize = 200;

/// Under what the mark is kept.
const MARK: &str = "retention";

/// How far sessions were gone through.
#[derive(Debug)]
pub struct Rescheduling {
    /// Stands for the mark until it is left.
    token: u64,
    /// The accounts that are left, once it has begun.
    accounts: Option<Vec<String>>,
    /// From where on the last of them is.
    from: u128,
    /// Whether some could not be read for want of a master key: they are gone through again when it may be there.
    lacks_key: bool,
    is_second: bool,
}

/// How far that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescheduled {
    /// There are more sessions.
    Partly,
    /// All were gone through. They are to be once more, when no replica is left that may have another retention.
    Once,
    /// All were gone through again.
    Twice,
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
        let mut token = [0; 8];
        getrandom::fill(&mut token).map_err(StorageError::from)?;
        let token = u64::from_be_bytes(token);
        self.storage.set_mark(MARK, token).await?;
        Ok(Some(Rescheduling {
            token,
            accounts: None,
            from: 0,
            lacks_key: false,
            is_second: false,
        }))
    }

    /// Goes on with a number of sessions.
    pub async fn reschedule(&self, progress: &mut Rescheduling) -> Result<Rescheduled, Error> {
        let accounts = match &mut progress.accounts {
            Some(accounts) => accounts,
            accounts => accounts.insert(self.storage.accounts().await?),
        };
        let Some(account) = accounts.last() else {
            return self.ended(progress).await;
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
        let (mut moves, mut unreadable, mut first) = (Vec::new(), 0, None);
        for (id, found) in ids.iter().zip(found) {
            let Some(found) = found else { continue };
            match self.expiry_by_retention(id, &found) {
                Ok(Some(moment)) => moves.push(self.storage.move_expiry(id, found.version, Some(moment))),
                Ok(None) => {}
                Err(error) => {
                    progress.lacks_key |= matches!(error, Error::Seal(SealError::UnknownKey(_)));
                    unreadable += 1;
                    first.get_or_insert((id, error));
                }
            }
        }
        // Who changed one meanwhile rescheduled it.
        try_join_all(moves).await?;
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
        Ok(Rescheduled::Partly)
    }

    /// All were gone through: twice, since others may have had the retention of before the first time.
    async fn ended(&self, progress: &mut Rescheduling) -> Result<Rescheduled, Error> {
        if !progress.is_second {
            progress.is_second = true;
            progress.accounts = None;
            progress.lacks_key = false;
            return Ok(Rescheduled::Once);
        }
        if !progress.lacks_key && self.storage.mark(MARK).await? == Some(progress.token) {
            self.storage.set_mark(MARK, self.retention.mark()).await?;
        }
        Ok(Rescheduled::Twice)
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
