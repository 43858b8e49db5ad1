//! How much of this replica one caller may take up.
//!
//! An upload holds up to 12 MiB for as long as it arrives, which may be a minute, and anybody with one client secret can start any
//! number of them. So the person's calls pass a [`Gate`] before their message is read: a few at once for each session, and a
//! limited number of uploads in all. Watches last for hours and are counted for each account.

use std::collections::HashMap;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

use crate::auth::Caller;
use crate::error::Error;

/// A person sends a document's two sides and a selfie.
const CALLS_PER_SESSION: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// Limits what goes on at once under each key. Clones share the counts.
#[derive(Clone)]
pub(crate) struct KeyedLimiter {
    limit: NonZeroUsize,
    counts: Arc<Mutex<HashMap<String, usize>>>,
}

/// Counts as one until it is dropped.
pub(crate) struct Permit {
    limiter: KeyedLimiter,
    key: String,
}

impl KeyedLimiter {
    pub(crate) fn new(limit: NonZeroUsize) -> Self {
        Self {
            limit,
            counts: Arc::default(),
        }
    }

    /// A permit for this key; `None` when all are taken.
    pub(crate) fn try_acquire(&self, key: &str) -> Option<Permit> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(key).copied().unwrap_or_default();
        if count >= self.limit.get() {
            return None;
        }
        counts.insert(key.to_owned(), count + 1);
        Some(Permit {
            limiter: self.clone(),
            key: key.to_owned(),
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.limiter.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.key);
            }
        }
    }
}

/// Stands between the interceptor that knows the caller and the service that reads the message.
#[derive(Clone)]
pub(crate) struct Gate<S> {
    inner: S,
    sessions: KeyedLimiter,
    uploads: Arc<Semaphore>,
}

/// What a call takes up while it runs.
type Admitted = (Option<Permit>, Option<OwnedSemaphorePermit>);

impl<S> Gate<S> {
    pub(crate) fn new(inner: S, uploads: NonZeroUsize) -> Self {
        Self {
            inner,
            sessions: KeyedLimiter::new(CALLS_PER_SESSION),
            uploads: Arc::new(Semaphore::new(uploads.get())),
        }
    }

    fn admit(&self, request: &Request<Body>) -> Result<Admitted, Error> {
        let session = match request.extensions().get::<Caller>() {
            Some(Caller::Person { session }) => {
                let permit = self.sessions.try_acquire(session);
                Some(permit.ok_or(Error::Busy("too many calls for this session"))?)
            }
            Some(Caller::Backend(_)) | None => None,
        };
        let upload = if request.uri().path().ends_with("/UploadImage") {
            let permit = Arc::clone(&self.uploads).try_acquire_owned();
            Some(permit.map_err(|_| Error::Busy("too many uploads"))?)
        } else {
            None
        };
        Ok((session, upload))
    }
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.admit(&request) {
            Ok(admitted) => {
                let answer = self.inner.call(request);
                Box::pin(async move {
                    let answer = answer.await;
                    drop(admitted);
                    answer
                })
            }
            Err(error) => Box::pin(std::future::ready(Ok(Status::from(error).into_http()))),
        }
    }
}

impl<S: NamedService> NamedService for Gate<S> {
    const NAME: &'static str = S::NAME;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_counted_by_key_and_come_back() {
        let limiter = KeyedLimiter::new(NonZeroUsize::new(2).expect("not zero"));
        let first = limiter.try_acquire("a").expect("free");
        let second = limiter.try_acquire("a").expect("free");
        assert!(limiter.try_acquire("a").is_none());
        let other = limiter.try_acquire("b").expect("another key");
        drop(first);
        let third = limiter.clone().try_acquire("a").expect("free again");
        assert!(limiter.try_acquire("a").is_none());
        drop((second, third, other));
        assert!(
            limiter.counts.lock().expect("no panic").is_empty(),
            "nobody is remembered"
        );
    }
}
