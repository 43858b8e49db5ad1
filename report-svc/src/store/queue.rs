//! What operators do with jobs that were set aside.

use std::time::Duration;

use proto::id::{Kind as IdKind, PARTITIONS};
use tokio_util::sync::CancellationToken;

use super::{Change, Store, TRIES};
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::Status;
use crate::storage::{DeadLetterReason, Deliveries, Depth, Job, JobState, JobStep};

/// Jobs read at once.
const PAGE: usize = 100;

/// What becomes of a session that is being processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It has its job.
    Job(Job),
    /// Its job is gone or cannot be read: no worker gets it.
    Lost {
        /// The session.
        session: Id,
        /// Which submission of it.
        attempt: u32,
    },
}

/// How a dead-lettered job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// With its attempt.
    AttemptEnded,
    /// Alone: nobody can read the session.
    JobDropped,
}

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

    /// How much there is to do.
    pub async fn depth(&self) -> Result<Depth, Error> {
        Ok(self.storage.depth().await?)
    }

    /// The job of a session.
    pub async fn queued(&self, session: &str) -> Result<Queued, Error> {
        let id = session_id(session)?;
        if let Some(job) = self.storage.job(&id).await? {
            return Ok(Queued::Job(job));
        }
        let found = self.session(session, None).await.map_err(without_job)?;
        if found.state()?.status != Status::Processing {
            return Err(Error::JobNotFound);
        }
        Ok(Queued::Lost {
            session: id,
            attempt: found.attempts,
        })
    }

    /// Queues a job as if it were new that was dead-lettered, or that is gone while its attempt is being processed.
    pub async fn requeue(&self, session: &str, attempt: u32) -> Result<(), Error> {
        let id = session_id(session)?;
        for _ in 0..TRIES {
            // Read before the job is looked for: whoever gives the session a job meanwhile changes the version, and keeps his job.
            let found = self.session(session, None).await;
            if self.storage.requeue(&id, attempt, Deliveries::Forgotten).await? {
                tracing::info!(session, attempt, "job queued again");
                return Ok(());
            }
            let mut found = found.map_err(without_job)?;
            if !found.is_processing(attempt)? {
                return Err(Error::JobNotFound);
            }
            let change = Change {
                job: JobStep::Enqueue {
                    attempt,
                    delay: Duration::ZERO,
                },
                ..Change::of(None)
            };
            if self.commit(&mut found, change).await? {
                tracing::warn!(session, attempt, "the session had lost its job: it has a new one");
                return Ok(());
            }
        }
        Err(Error::Contended)
    }

    /// Ends the attempt of a dead-lettered job: the person is asked to try again. A job whose session nobody can read is dropped, the
    /// record stays as it is; one that only lacks a master key is kept.
    pub async fn fail(&self, session: &str, attempt: u32) -> Result<Failed, Error> {
        let failed = self.change(session, None, None, |session| {
            if !session.is_processing(attempt)? {
                return Err(Error::JobNotFound);
            }
            self.fail_attempt(session, JobStep::FinishDeadLetter { attempt })
        });
        let failed = match failed.await {
            Ok(_) => Failed::AttemptEnded,
            Err(Error::LeaseLost) => return Err(Error::JobNotFound),
            Err(error) if error.is_damage() || matches!(error, Error::SessionNotFound) => {
                if !self.storage.discard(&session_id(session)?, attempt).await? {
                    return Err(Error::JobNotFound);
                }
                Failed::JobDropped
            }
            Err(error) => return Err(error),
        };
        tracing::info!(session, attempt, ?failed, "dead-lettered job ended");
        Ok(failed)
    }

    /// Queues every job again that was set aside for a master key that is held now, or those that it comes to until `stop`; how many.
    /// While replicas lack the key, the job may be set aside again and again: that is excused, but not for ever.
    pub async fn requeue_readable(&self, stop: &CancellationToken) -> Result<usize, Error> {
        let mut queued = 0;
        let mut after: Option<String> = None;
        while !stop.is_cancelled() {
            let letters = self.dead_letters(after.as_deref(), PAGE).await?;
            for letter in &letters {
                if let JobState::DeadLettered { reason, .. } = &letter.state
                    && let DeadLetterReason::MasterKeyMissing(key) = reason
                    && self.records.opens(key)
                {
                    let excusable = self.is_excusable(&letter.session).await;
                    let deliveries = if excusable {
                        Deliveries::Excused
                    } else {
                        Deliveries::Kept
                    };
                    let requeued = self.storage.requeue(&letter.session, letter.attempt, deliveries);
                    queued += usize::from(requeued.await?);
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

/// A session that does not exist has no job.
fn without_job(error: Error) -> Error {
    match error {
        Error::SessionNotFound => Error::JobNotFound,
        other => other,
    }
}
