//! Giving work to workers.

use std::time::Duration;

use proto::store::v1::Job;

use super::{Session, Store};
use crate::error::Error;
use crate::storage::Lease;

impl Store {
    /// Leases the next job, if there is one. Jobs that were leased too often are given up on the way.
    pub async fn lease(&self, worker: &str, time: Duration) -> Result<Option<Job>, Error> {
        while let Some(lease) = self.storage.lease(worker, time).await? {
            let session = self.session(lease.session.as_str(), None).await?;
            if lease.delivery <= self.max_deliveries && session.is_processing(lease.attempt)? {
                return Ok(Some(job(&session, &lease)));
            }
            tracing::error!(session = %lease.session, attempt = lease.attempt, delivery = lease.delivery, "job given up");
            self.give_up(&lease).await?;
        }
        Ok(None)
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

    /// Hands a job back, to be tried again after `delay`.
    pub async fn release(&self, token: &str, delay: Duration) -> Result<(), Error> {
        let lease: Lease = token.parse()?;
        self.storage
            .release(&lease, delay)
            .await?
            .then_some(())
            .ok_or(Error::LeaseLost)
    }
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
