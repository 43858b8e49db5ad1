//! Pictures on their way to whoever reads them.
//!
//! A picture comes whole from report-svc, for none of it is known to be right before its end is. So each that is being sent is held in
//! memory, and whoever reads slowly, or not at all, must not keep it there: [`DownloadLimiter`] limits how many there are, and a task that hands
//! out copies of its parts lets go of the whole when the time is over, however little was read.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use service_kit::deadline;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::error::Error;
use crate::limits::{KeyedLimiter, Permit};

/// Bytes of one part.
const PART: usize = 64 * 1024;

/// How long a call waits for a permit.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// How many pictures are held at once, and for how long each. Clones share the permits.
#[derive(Clone)]
pub(crate) struct DownloadLimiter {
    permits: Arc<Semaphore>,
    /// Whoever waits takes up a request: so many do, and the rest is refused at once.
    waiting: Arc<Semaphore>,
    /// One account has, or waits for, all permits but one; of a single one it waits for itself.
    readers: KeyedLimiter,
    longest: Duration,
}

/// To hold one picture.
pub(super) struct DownloadPermit {
    permit: OwnedSemaphorePermit,
    /// What else is given back with it.
    readers: Vec<Permit>,
    ends: Instant,
}

/// The time was over before everything was read.
#[derive(Debug, thiserror::Error)]
#[error("the picture was not read in time")]
pub(super) struct Late;

impl DownloadLimiter {
    pub(crate) fn new(count: NonZeroUsize, longest: Duration) -> Self {
        let of_account = NonZeroUsize::new(count.get() - 1).map_or(TWO, |all_but_one| all_but_one.max(TWO));
        Self {
            permits: Arc::new(Semaphore::new(count.get())),
            waiting: Arc::new(Semaphore::new(count.get())),
            readers: KeyedLimiter::new(of_account),
            longest,
        }
    }

    /// A permit for this reader, once there is one. A picture has the rest of its request's time.
    pub(super) async fn acquire(&self, reader: &str) -> Result<DownloadPermit, Error> {
        let busy = || Error::Busy("too many downloads");
        let reader = self.readers.try_acquire(reader).ok_or_else(busy)?;
        let waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let longest = deadline::remaining().map_or(self.longest, |left| left.min(self.longest));
        let ends = Instant::now() + longest;
        let acquired = tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.permits).acquire_owned()).await;
        drop(waiting);
        let permit = acquired.ok().and_then(Result::ok).ok_or_else(busy)?;
        Ok(DownloadPermit {
            permit,
            readers: vec![reader],
            ends,
        })
    }
}

impl DownloadPermit {
    /// Keeps this, too, for as long as the picture is held.
    pub(super) fn held_by(mut self, reader: Permit) -> Self {
        self.readers.push(reader);
        self
    }

    /// The parts of a picture, or of a piece of one, one after the other.
    pub(super) fn send(self, picture: Bytes) -> impl Stream<Item = Result<Bytes, Late>> + Send {
        let Self { permit, readers, ends } = self;
        let (sender, receiver) = mpsc::channel(1);
        let length = picture.len();
        let hand_out = async move {
            for part in picture.chunks(PART) {
                // A slice of it would keep all of it in memory.
                if sender.send(Bytes::copy_from_slice(part)).await.is_err() {
                    return;
                }
            }
        };
        tokio::spawn(async move {
            // Whether or not that was all: what is missing is found out where it is missed.
            let _ = tokio::time::timeout_at(ends, hand_out).await;
            drop((permit, readers));
        });
        stream::unfold((receiver, length), async |(mut receiver, left)| {
            match receiver.recv().await {
                Some(part) => {
                    let left = left.saturating_sub(part.len());
                    Some((Ok(part), (receiver, left)))
                }
                None if left > 0 => Some((Err(Late), (receiver, 0))),
                None => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    const SECOND: Duration = Duration::from_secs(1);

    fn one_at_once() -> DownloadLimiter {
        DownloadLimiter::new(NonZeroUsize::MIN, SECOND)
    }

    fn picture() -> Bytes {
        (0..=u8::MAX).cycle().take(3 * PART + 1).collect()
    }

    #[tokio::test]
    async fn a_picture_arrives_in_parts() {
        let downloads = one_at_once();
        let mut parts = Box::pin(downloads.acquire("acme").await.expect("free").send(picture()));
        let mut arrived = Vec::new();
        while let Some(part) = parts.next().await {
            let part = part.expect("in time");
            assert!(part.len() <= PART);
            arrived.extend_from_slice(&part);
        }
        assert_eq!(arrived, picture());
        let _next = downloads.acquire("acme").await.expect("it is free again");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_keeps_nothing() {
        let downloads = one_at_once();
        let began = Instant::now();
        let mut parts = Box::pin(downloads.acquire("acme").await.expect("free").send(picture()));
        parts.next().await.expect("a part").expect("in time");
        let _next = downloads.acquire("other").await.expect("it is free again");
        assert_eq!(began.elapsed(), SECOND);
        // What was on its way arrives; then the end is told to be none.
        parts.next().await.expect("a part").expect("in time");
        assert!(parts.next().await.expect("an end").is_err());
        assert!(parts.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told() {
        let downloads = DownloadLimiter::new(NonZeroUsize::MIN, 60 * SECOND);
        let held = downloads.acquire("acme").await.expect("free");
        let began = Instant::now();
        let mut waiting = Box::pin(downloads.acquire("acme"));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        for reader in ["acme", "other"] {
            assert!(matches!(downloads.acquire(reader).await, Err(Error::Busy(_))));
        }
        assert_eq!(began.elapsed(), Duration::ZERO, "as many wait as there are permits");
        assert!(matches!(waiting.await, Err(Error::Busy(_))));
        assert_eq!(began.elapsed(), LONGEST_WAIT);
        let gone = held.send(picture());
        drop(gone);
        let _next = downloads.acquire("acme").await.expect("nobody reads any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_picture_has_the_time_of_its_request() {
        let downloads = DownloadLimiter::new(NonZeroUsize::MIN, 60 * SECOND);
        let began = Instant::now();
        let permit = deadline::scope(Some(2 * SECOND), downloads.acquire("acme")).await;
        assert!(permit.expect("free").ends <= began + 2 * SECOND);
    }
}
