//! Relays the changes of one session from report-svc to a backend.
//!
//! report-svc closes streams when connections get old and when it is replaced; the backend must not notice. The relay subscribes
//! again, and leaves out what it has relayed before: versions only grow. It keeps no task of its own, so when the backend goes the
//! subscription goes with it.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, stream};
use proto::identity::v1::VerificationSession;
use proto::store::v1::{StoredSession, WatchSessionRequest};
use service_kit::deadline;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::backoff::Backoff;
use crate::error::Error;
use crate::limits::Permit;
use crate::{Store, upstream};

/// How long a subscription may be lost before the backend is told.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// How long report-svc has to answer a subscription.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The stream that a backend reads.
pub(crate) type Watch = Pin<Box<dyn Stream<Item = Result<VerificationSession, Status>> + Send>>;

/// Subscribes; an unknown session is an error here already, not the stream's first item.
pub(crate) async fn open<P>(
    mut store: Store,
    request: WatchSessionRequest,
    present: P,
    permit: Permit,
    shutdown: CancellationToken,
) -> Result<Watch, Error>
where
    P: Fn(StoredSession) -> Result<VerificationSession, Error> + Send + 'static,
{
    let subscription = store.watch_session(request.clone()).await?.into_inner();
    let relay = Relay {
        store,
        request,
        subscription,
        relayed: None,
        ended: false,
        shutdown,
        _permit: permit,
    };
    Ok(Box::pin(stream::unfold(
        (relay, present),
        async |(mut relay, present)| {
            let item = relay.next().await?.and_then(&present).map_err(Status::from);
            relay.ended |= item.is_err();
            Some((item, (relay, present)))
        },
    )))
}

struct Relay {
    store: Store,
    request: WatchSessionRequest,
    subscription: Streaming<StoredSession>,
    /// The last version that was relayed.
    relayed: Option<u64>,
    ended: bool,
    shutdown: CancellationToken,
    /// The account's, for as long as the backend reads.
    _permit: Permit,
}

impl Relay {
    /// The next item; `None` after the last.
    async fn next(&mut self) -> Option<Result<StoredSession, Error>> {
        if self.ended {
            return None;
        }
        let shutdown = self.shutdown.clone();
        let item = tokio::select! {
            biased;
            () = shutdown.cancelled() => Err(Error::Stopping),
            changed = self.change() => changed,
        };
        self.ended = item.as_ref().is_ok_and(|stored| stored.is_final);
        Some(item)
    }

    /// The session after its next change.
    async fn change(&mut self) -> Result<StoredSession, Error> {
        let mut backoff = Backoff::new();
        loop {
            let lost = match self.subscription.message().await {
                Ok(Some(stored)) if self.relayed < Some(stored.version) => {
                    self.relayed = Some(stored.version);
                    return Ok(stored);
                }
                Ok(Some(_)) => continue,
                Ok(None) => Status::unavailable("the stream ended"),
                Err(status) if upstream::is_transient(&status) => status,
                Err(status) => return Err(status.into()),
            };
            self.subscription = self.subscribe_again(lost, &mut backoff).await?;
        }
    }

    async fn subscribe_again(
        &mut self,
        mut lost: Status,
        backoff: &mut Backoff,
    ) -> Result<Streaming<StoredSession>, Error> {
        let until = Instant::now() + GIVE_UP_AFTER;
        loop {
            // Even after an orderly end: report-svc may be ending streams as fast as we open them.
            tokio::time::sleep(backoff.after(&lost)).await;
            let subscribed = deadline::scope(Some(SUBSCRIBE_TIMEOUT), self.store.watch_session(self.request.clone()));
            match subscribed.await {
                Ok(subscription) => return Ok(subscription.into_inner()),
                Err(status) if upstream::is_transient(&status) && Instant::now() < until => lost = status,
                Err(status) => return Err(status.into()),
            }
        }
    }
}
