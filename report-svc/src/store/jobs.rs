//! Giving work to workers.

use std::time::{Duration, SystemTime};

use prost_types::Timestamp;
use proto::store::v1::Job;

use super::{Change, Session, Store};
use crate::error::Error;
use crate::id::Id;
use crate::seal::SealError;
use crate::storage::{DeadLetterReason, JobStep, Lease, LeaseRequest, Leased};

/// How long after the submission a job may be handed back without being counted as tried. An outage of ours is not the person's
/// failure; but somebody waits for an answer, and what looks like an outage may be the work of this very job.
const EXCUSED: Duration = Duration::from_secs(3600);

impl Store {
    /// Leases the next job, if there is one. Jobs that were tried too often are given up on the way, and those that nobody can do
    /// are set aside.
    pub async fn lease(&self, request: &LeaseRequest) -> Result<Option<Job>, Error> {
        while let Some(leased) = self.storage.lease(request).await? {
            let (session, attempt, delivery) = (&leased.lease.session, leased.lease.attempt, leased.delivery);
            match self.job(&leased).await {
                Ok(Some(job)) => {
                    self.instruments.delivered(delivery);
                    return Ok(Some(job));
                }
                Ok(None) => {
                    tracing::error!(%session, attempt, delivery, "job given up");
                    self.give_up(leased.lease).await?;
                    self.instruments.gave_up();
                }
                Err(error) => {
                    let Some(reason) = dead_letter_reason(&error) else {
                        return Err(error);
                    };
                    tracing::error!(%session, attempt, %error, "job set aside: nobody can read its session");
                    if self.storage.dead_letter(&leased.lease, &reason).await? {
                        self.instruments.set_aside(&reason);
                    }
                }
            }
        }
        Ok(None)
    }

    /// What is to be done under a lease; `None` when it was tried too often, or is done.
    async fn job(&self, leased: &Leased) -> Result<Option<Job>, Error> {
        let session = self.session(leased.lease.session.as_str(), None).await?;
        let tries = leased.delivery.saturating_sub(leased.excused);
        let wanted = session.is_processing(leased.lease.attempt)? && tries <= self.limits.deliveries;
        Ok(wanted.then(|| job(&session, leased)))
    }

    /// Ends an attempt that was tried too often: the person is asked to try again.
    async fn give_up(&self, lease: Lease) -> Result<(), Error> {
        let (session, attempt) = (lease.session.clone(), lease.attempt);
        let given_up = self.change(session.as_str(), None, None, |session| {
            if session.is_processing(attempt)? {
                return self.fail_attempt(session, JobStep::Finish(lease.clone()));
            }
            Ok(Change {
                job: JobStep::Finish(lease.clone()),
                ..Change::of(None)
            })
        });
        match given_up.await {
            // Somebody else ended it.
            Ok(_) | Err(Error::LeaseLost) => Ok(()),
            Err(error) => Err(error),
        }
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
        let excused = excused && self.is_excusable(&lease.session).await;
        self.storage
            .release(&lease, delay, excused)
            .await?
            .then_some(())
            .ok_or(Error::LeaseLost)
    }

    /// Whether what keeps a session's job from its end may still pass without being counted. A session that cannot be read excuses
    /// nothing.
    pub(super) async fn is_excusable(&self, session: &Id) -> bool {
        let found = self.session(session.as_str(), None).await;
        found.is_ok_and(|found| is_excusable(found.submitted, SystemTime::now()))
    }
}

/// Whether what keeps a job from its end may still pass without being counted.
fn is_excusable(submitted: Option<Timestamp>, now: SystemTime) -> bool {
    let submitted = submitted.and_then(|submitted| SystemTime::try_from(submitted).ok());
    // A submission in the future is one by a clock that is ahead of ours.
    submitted.is_some_and(|submitted| now.duration_since(submitted).unwrap_or_default() < EXCUSED)
}

/// Why a job is set aside whose session could not be read; `None` for an error that trying again may end.
fn dead_letter_reason(error: &Error) -> Option<DeadLetterReason> {
    match error {
        Error::Seal(SealError::UnknownKey(key)) => Some(DeadLetterReason::MasterKeyMissing(key.clone())),
        Error::SessionNotFound => Some(DeadLetterReason::SessionMissing),
        damage if damage.is_damage() => Some(DeadLetterReason::SessionUnreadable),
        _ => None,
    }
}

/// A session's pictures and options cannot change while it is processing: they are those of the submission.
fn job(session: &Session, leased: &Leased) -> Job {
    Job {
        lease_token: leased.lease.to_string(),
        verification_session: session.id.to_string(),
        attempt: leased.lease.attempt,
        delivery: leased.delivery,
        excused: leased.excused,
        options: session.public.options.clone(),
        files: session.files(),
        trace_context: session.trace_context.clone(),
        simulated: !session.public.livemode,
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
