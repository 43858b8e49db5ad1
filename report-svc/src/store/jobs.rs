//! Giving work to workers.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;
use proto::store::v1::Job;

use super::{Session, Store};
use crate::error::Error;
use crate::storage::{Commit, JobStep, Lease};

/// How long after the submission a job may be handed back without being counted as tried. An outage of ours is not the person's
/// failure; but somebody waits for an answer, and what looks like an outage may be the work of this very job.
const EXCUSED: Duration = Duration::from_secs(3600);

impl Store {
    /// Leases the next job, if there is one. Jobs that were leased too often are given up on the way.
    pub async fn lease(&self, worker: &str, time: Duration) -> Result<Option<Job>, Error> {
        while let Some(lease) = self.storage.lease(worker, time).await? {
            let (session, attempt, delivery) = (&lease.session, lease.attempt, lease.delivery);
            match self.job(&lease).await {
                Ok(Some(job)) => return Ok(Some(job)),
                Ok(None) => {
                    tracing::error!(%session, attempt, delivery, "job given up");
                    self.give_up(&lease).await?;
                }
                // Nobody can do this job, and other jobs wait behind it. It comes again, in case a master key is brought back.
                Err(error @ (Error::Seal(_) | Error::Decode(_) | Error::Incomplete(_) | Error::SessionNotFound)) => {
                    tracing::error!(%session, attempt, delivery, %error, "the session of a job cannot be read");
                    if delivery > self.max_deliveries {
                        self.set_aside(&lease).await?;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// What is to be done under a lease; `None` when it was tried too often, or is done.
    async fn job(&self, lease: &Lease) -> Result<Option<Job>, Error> {
        let session = self.session(lease.session.as_str(), None).await?;
        let wanted = session.is_processing(lease.attempt)? && lease.delivery <= self.max_deliveries;
        Ok(wanted.then(|| job(&session, lease)))
    }

    /// Takes a job out of the queue whose session cannot be read. The record stays as it is.
    async fn set_aside(&self, lease: &Lease) -> Result<(), Error> {
        let Some(found) = self.storage.session(&lease.session).await? else {
            return Ok(());
        };
        let step = Commit {
            session: lease.session.clone(),
            expected: found.version,
            record: found.record,
            report: None,
            event: None,
            job: JobStep::DeadLetter,
        };
        // After a conflict it is leased again, and tried again.
        self.storage.commit(step).await?;
        Ok(())
    }

    /// Keeps a job for another `time` from now.
    pub async fn extend(&self, token: &str, time: Duration) -> Result<(), Error> {
        let lease: Lease = token.parse()?;
        self.storage
            .extend(&lease, time)
            .await?
            .then_some(())
            .ok_or(Error::LeaseLost)
    }

    /// Hands a job back, to be tried again after `delay`. When it is `excused`, it does not count as tried, for a while after its
    /// submission.
    pub async fn release(&self, token: &str, delay: Duration, excused: bool) -> Result<(), Error> {
        let lease: Lease = token.parse()?;
        let excused = excused && {
            let session = self.session(lease.session.as_str(), None).await?;
            is_excusable(session.submitted, SystemTime::now())
        };
        self.storage
            .release(&lease, delay, excused)
            .await?
            .then_some(())
            .ok_or(Error::LeaseLost)
    }
}

/// Whether what keeps a job from its end may still pass without being counted.
fn is_excusable(submitted: Option<Timestamp>, now: SystemTime) -> bool {
    let submitted = submitted.and_then(|submitted| SystemTime::try_from(submitted).ok());
    // A submission in the future is one by a clock that is ahead of ours.
    submitted.is_some_and(|submitted| now.duration_since(submitted).unwrap_or_default() < EXCUSED)
}

/// A session's pictures and options cannot change while it is processing: they are those of the submission.
fn job(session: &Session, lease: &Lease) -> Job {
    Job {
        lease_token: lease.to_string(),
        session: session.id.to_string(),
        attempt: lease.attempt,
        delivery: lease.delivery,
        options: session.public.options.clone(),
        files: session.files(),
        trace_context: session.trace_context.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_ever() {
        let now = SystemTime::now();
        let before = |time: Duration| Some((now - time).into());
        assert!(is_excusable(before(Duration::ZERO), now));
        assert!(is_excusable(before(EXCUSED - Duration::from_secs(1)), now));
        assert!(is_excusable(Some((now + EXCUSED).into()), now));
        assert!(!is_excusable(before(EXCUSED), now));
        assert!(!is_excusable(None, now));
    }
}
