//! What time takes away.

use std::time::{Duration, SystemTime};

use proto::id::PARTITIONS;
use proto::identity::v1::VerificationErrorCode;
use tokio_util::sync::CancellationToken;

use super::session::Expiry;
use super::{Change, Session, Store, TRIES};
use crate::error::Error;
use crate::id::Id;
use crate::storage::Nonce;

/// Events dropped, and sessions looked at, at once: a storage is not held up for longer than that takes.
const BATCH: usize = 200;

/// What may expire of one session at the same moment, one after the other: the waiting, its pictures, their files, all of it, its files.
const EXPIRIES: usize = 5;

/// When a session is looked at again that cannot be read.
const UNREADABLE_AGAIN: Duration = Duration::from_secs(3600);

/// When one is whose files cannot be deleted.
const FILES_AGAIN: Duration = Duration::from_secs(60);

/// What a look at a partition came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Swept {
    /// Sessions to which was done what time had come for.
    pub done: usize,
    /// Those to which it could not be done, and that are looked at later.
    pub postponed: usize,
    /// Whether there may be more.
    pub more: bool,
}

impl Store {
    /// Whether this candidate leads in a role, for the next `term`.
    pub async fn leads(&self, role: &str, candidate: Nonce, term: Duration) -> Result<bool, Error> {
        Ok(self.storage.elect(role, candidate, term).await?)
    }

    /// The time that all replicas agree on.
    pub async fn now(&self) -> Result<SystemTime, Error> {
        Ok(self.storage.now().await?)
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

    /// Does what time has come for until a moment to a number of a partition's sessions. One to which it cannot be done holds up no
    /// other.
    ///
    /// # Errors
    /// When the storage does not answer.
    pub async fn sweep(&self, partition: u8, now: SystemTime) -> Result<Swept, Error> {
        let expired = self.storage.expired(partition, now, BATCH).await?;
        let mut swept = Swept::default();
        let (mut first, mut deletes_files) = (None, true);
        for session in &expired {
            let error = match self.expire(session, now, deletes_files).await {
                Ok(()) => {
                    swept.done += 1;
                    continue;
                }
                // Others changed it each time: it is looked at again.
                Err(Error::Contended) => continue,
                Err(error) => error,
            };
            let again = match &error {
                // Each try may take long.
                Error::Evidence(_) => {
                    deletes_files = false;
                    FILES_AGAIN
                }
                Error::Stopping => return Err(error),
                Error::Storage(_) if !error.is_damage() => return Err(error),
                _ => UNREADABLE_AGAIN,
            };
            self.postpone(session, now + again).await?;
            swept.postponed += 1;
            first.get_or_insert((session, error));
        }
        if let Some((session, error)) = first {
            let sessions = swept.postponed;
            self.instruments.not_swept(sessions);
            tracing::error!(%session, %error, sessions, "what has expired of sessions cannot be taken away: it is tried later");
        }
        swept.more = expired.len() == BATCH && swept.done + swept.postponed > 0;
        Ok(swept)
    }

    /// Does to one session what time has come for until a moment.
    pub async fn expire(&self, id: &Id, now: SystemTime, deletes_files: bool) -> Result<(), Error> {
        let mut was_due = false;
        for _ in 0..EXPIRIES {
            let session = self.session(id.as_str(), None).await?;
            let expiry = self.expiry(&session)?;
            match expiry {
                Some((_, Expiry::Discarded)) if !deletes_files => {
                    self.storage
                        .move_expiry(id, session.version, Some(now + FILES_AGAIN))
                        .await?;
                    break;
                }
                // Files of what is discarded go at once, even of what was only after the look that `now` is of.
                Some((moment, expiry)) if moment <= now || expiry == Expiry::Discarded => {
                    was_due = true;
                    match self.take_away(id.as_str(), expiry, now).await {
                        // Somebody changed it meanwhile: it is looked at again.
                        Ok(()) | Err(Error::Refused(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
                _ if was_due => break,
                // It is kept for longer than when it was written last.
                later => {
                    let to = later.map(|(moment, _)| moment);
                    self.storage.move_expiry(id, session.version, to).await?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Looks at a session later that cannot be read, or whose files cannot be deleted, and never again at one that is not there.
    async fn postpone(&self, id: &Id, to: SystemTime) -> Result<(), Error> {
        let (version, to) = match self.storage.session(id).await.map_err(Error::from) {
            Ok(Some(found)) => (found.version, Some(to)),
            Ok(None) => (0, None),
            Err(error) if error.is_damage() => (0, None),
            Err(error) => return Err(error),
        };
        self.storage.move_expiry(id, version, to).await?;
        Ok(())
    }

    pub(super) fn expiry(&self, session: &Session) -> Result<Option<(SystemTime, Expiry)>, Error> {
        session.expiry(self.retention.of(&session.account), &self.limits)
    }

    async fn take_away(&self, id: &str, expiry: Expiry, now: SystemTime) -> Result<(), Error> {
        match expiry {
            Expiry::Discarded => self.delete_discarded(id).await.map(drop),
            // The person may still come.
            Expiry::Waiting => {
                let still_due = |session: &Session| self.is_due(session, Expiry::Waiting, now);
                let abandoned = self.leave_if(id, None, None, VerificationErrorCode::Abandoned, still_due);
                abandoned.await.map(drop)
            }
            Expiry::Images => self.discard_expired_images(id, now).await,
            Expiry::Session => {
                let still_due = |session: &Session| self.is_due(session, Expiry::Session, now);
                self.redact_if(id, None, None, still_due).await.map(drop)
            }
        }
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
                files: session.discarded_files(),
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
