//! What time takes away.

use std::time::{Duration, SystemTime};

use proto::id::PARTITIONS;
use proto::identity::v1::{VerificationError, VerificationErrorCode};
use tokio_util::sync::CancellationToken;

use super::session::Expiry;
use super::{Change, Session, Store, TRIES};
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::Action;
use crate::storage::Nonce;

/// Events dropped, and sessions looked at, at once: a storage is not held up for longer than that takes.
const BATCH: usize = 200;

/// What may expire of one session at the same moment, one after the other.
const EXPIRIES: usize = 4;

/// Shown to the person.
const ABANDONED: &str = "The verification was not completed in time.";

impl Store {
    /// Whether this candidate leads in a role, for the next `term`.
    pub async fn leads(&self, role: &str, candidate: Nonce, term: Duration) -> Result<bool, Error> {
        Ok(self.storage.elect(role, candidate, term).await?)
    }

    /// Drops the events that were made before a moment, or those that it comes to until `stop`; how many.
    pub async fn trim_events(&self, before: SystemTime, stop: &CancellationToken) -> Result<usize, Error> {
        let mut dropped = 0;
        for partition in 0..PARTITIONS {
            while !stop.is_cancelled() {
                let batch = self.storage.trim_events(partition, before, BATCH).await?;
                dropped += batch;
                if batch < BATCH {
                    break;
                }
            }
        }
        Ok(dropped)
    }

    /// How many sessions there are of which something expired until a moment.
    pub async fn overdue(&self, now: SystemTime) -> Result<u64, Error> {
        let mut overdue = 0;
        for partition in 0..PARTITIONS {
            overdue += self.storage.count_expired(partition, now).await?;
        }
        Ok(overdue)
    }

    /// Does what time has come for until a moment, or what it comes to until `stop`; to how many sessions. What cannot be done to one holds
    /// up no other, and is tried again in the next sweep.
    pub async fn sweep(&self, now: SystemTime, stop: &CancellationToken) -> Result<usize, Error> {
        let mut swept = 0;
        for partition in 0..PARTITIONS {
            let mut all_done = true;
            while all_done && !stop.is_cancelled() {
                let expired = self.storage.expired(partition, now, BATCH).await?;
                // Those that are left stand before all others.
                all_done = expired.len() == BATCH;
                for session in expired {
                    match self.expire(&session, now).await {
                        Ok(()) => swept += 1,
                        Err(error @ (Error::Storage(_) | Error::Stopping)) => return Err(error),
                        Err(error) => {
                            tracing::error!(%session, %error, "what has expired of a session cannot be taken away");
                            all_done = false;
                            // Where files cannot be deleted, each try may take long.
                            if matches!(error, Error::Evidence(_)) {
                                break;
                            }
                        }
                    }
                    if stop.is_cancelled() {
                        break;
                    }
                }
            }
        }
        Ok(swept)
    }

    /// Does to one session what time has come for until a moment.
    pub async fn expire(&self, id: &Id, now: SystemTime) -> Result<(), Error> {
        let mut was_due = false;
        for _ in 0..EXPIRIES {
            let session = self.session(id.as_str(), None).await?;
            match self.expiry(&session)? {
                Some((moment, expiry)) if moment <= now => {
                    was_due = true;
                    match self.take_away(id.as_str(), expiry, now).await {
                        // Somebody changed it meanwhile: it is looked at again.
                        Ok(()) | Err(Error::Refused(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
                _ if was_due => break,
                // It is kept for longer than when it was written last: written anew, it expires then.
                _ => {
                    self.change(id.as_str(), None, |_| Ok(Change::of(None))).await?;
                    break;
                }
            }
        }
        Ok(())
    }

    fn expiry(&self, session: &Session) -> Result<Option<(SystemTime, Expiry)>, Error> {
        session.expiry(self.retention.of(&session.account))
    }

    async fn take_away(&self, id: &str, expiry: Expiry, now: SystemTime) -> Result<(), Error> {
        match expiry {
            Expiry::Discarded => self.delete_discarded(id).await.map(drop),
            Expiry::Waiting => self.abandon(id, now).await,
            Expiry::Images => self.discard_expired_images(id, now).await,
            Expiry::Session => {
                let still_due = |session: &Session| self.is_due(session, Expiry::Session, now);
                self.redact_if(id, None, still_due).await.map(drop)
            }
        }
    }

    /// Tells that nobody came. The person may still come.
    async fn abandon(&self, id: &str, now: SystemTime) -> Result<(), Error> {
        let abandoned = self.change(id, None, |session| {
            if !self.is_due(session, Expiry::Waiting, now)? {
                return Ok(None);
            }
            session.public.last_error = Some(VerificationError {
                code: VerificationErrorCode::Abandoned.into(),
                reason: ABANDONED.to_owned(),
            });
            Ok(Some(Change::of(session.apply(Action::Abandon)?)))
        });
        abandoned.await.map(drop)
    }

    async fn discard_expired_images(&self, id: &str, now: SystemTime) -> Result<(), Error> {
        for _ in 0..TRIES {
            let mut session = self.session(id, None).await?;
            if !self.is_due(&session, Expiry::Images, now)? {
                return Ok(());
            }
            let attempts = self.discard_images(&mut session).await?;
            let change = Change {
                attempts,
                ..Change::of(None)
            };
            if self.commit(&mut session, change).await? {
                return Ok(());
            }
        }
        Err(Error::Contended)
    }

    fn is_due(&self, session: &Session, expected: Expiry, now: SystemTime) -> Result<bool, Error> {
        let due = self.expiry(session)?;
        Ok(due.is_some_and(|(moment, expiry)| expiry == expected && moment <= now))
    }
}
