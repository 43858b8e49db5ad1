//! What operators do with jobs that were set aside.

use proto::id::{Kind as IdKind, PARTITIONS};
use tokio_util::sync::CancellationToken;

use super::Store;
use crate::error::Error;
use crate::id::Id;
use crate::seal::SealError;
use crate::storage::{DeadLetterReason, Job, JobState, JobStep};

/// Jobs read at once.
const PAGE: usize = 100;

impl Store {
    /// The dead-lettered jobs after a session, or from the first on: partition after partition, each by the time at which its
    /// sessions were created.
    pub async fn dead_letters(&self, after: Option<&str>, limit: usize) -> Result<Vec<Job>, Error> {
        let after = after.map(session_id).transpose()?;
        let first = after.as_ref().map_or(0, Id::partition);
        let mut letters = Vec::new();
        for partition in first..PARTITIONS {
            let after = after.as_ref().filter(|after| after.partition() == partition);
            let wanted = limit - letters.len();
            letters.extend(self.storage.dead_letters(partition, after, wanted).await?);
            if letters.len() == limit {
                break;
            }
        }
        Ok(letters)
    }

    /// The job of a session.
    pub async fn queued(&self, session: &str) -> Result<Job, Error> {
        self.storage.job(&session_id(session)?).await?.ok_or(Error::JobNotFound)
    }

    /// Queues a dead-lettered job as if it were new.
    pub async fn requeue(&self, session: &str, attempt: u32) -> Result<(), Error> {
        let session = session_id(session)?;
        if !self.storage.requeue(&session, attempt).await? {
            return Err(Error::JobNotFound);
        }
        tracing::info!(%session, attempt, "job queued again");
        Ok(())
    }

    /// Ends the attempt of a dead-lettered job: the person is asked to try again. A job whose session nobody can read is dropped, the
    /// record stays as it is; one that only lacks a master key is kept.
    pub async fn fail(&self, session: &str, attempt: u32) -> Result<(), Error> {
        let failed = self.update(session, None, |session| {
            if !session.is_processing(attempt)? {
                return Err(Error::JobNotFound);
            }
            self.fail_attempt(session, JobStep::FinishDeadLetter { attempt })
        });
        match failed.await {
            Ok(_) => {}
            Err(Error::LeaseLost) => return Err(Error::JobNotFound),
            Err(Error::Seal(SealError::UnknownKey(key))) => return Err(Error::MasterKeyMissing(key)),
            Err(Error::Seal(SealError::Damaged) | Error::Decode(_) | Error::Incomplete(_) | Error::SessionNotFound) => {
                if !self.storage.discard(&session_id(session)?, attempt).await? {
                    return Err(Error::JobNotFound);
                }
            }
            Err(error) => return Err(error),
        }
        tracing::info!(session, attempt, "dead-lettered job ended");
        Ok(())
    }

    /// Queues every job again that was set aside for a master key that is held now, or those that it comes to until `stop`; how many.
    pub async fn requeue_readable(&self, stop: &CancellationToken) -> Result<usize, Error> {
        let mut queued = 0;
        let mut after: Option<String> = None;
        while !stop.is_cancelled() {
            let letters = self.dead_letters(after.as_deref(), PAGE).await?;
            for letter in &letters {
                if let JobState::DeadLettered { reason, .. } = &letter.state
                    && let DeadLetterReason::MasterKeyMissing(key) = reason
                    && self.records.opens(key)
                    && self.storage.requeue(&letter.session, letter.attempt).await?
                {
                    queued += 1;
                }
            }
            match letters.last() {
                Some(last) if letters.len() == PAGE => after = Some(last.session.to_string()),
                _ => break,
            }
        }
        Ok(queued)
    }
}

fn session_id(session: &str) -> Result<Id, Error> {
    Id::parse(IdKind::VerificationSession, session).ok_or(Error::SessionNotFound)
}
