//! Pictures on their way to whoever reads them.
//!
//! A picture comes whole from report-svc, for none of it is known to be right before its end is. So each that is being sent is held in
//! memory, and whoever reads slowly, or not at all, must not keep it there: [`Places`] limits how many there are, and a task that hands
//! out copies of its parts lets go of the whole when the time is over, however little was read.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use service_kit::deadline;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::error::Error;

/// Bytes of one part.
const PART: usize = 64 * 1024;

/// How long a call waits for a place.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How many pictures are held at once, and for how long each. Clones share the places.
#[derive(Clone)]
pub(crate) struct Places {
    places: Arc<Semaphore>,
    longest: Duration,
}

/// One of these, for one picture.
pub(super) struct Place {
    permit: OwnedSemaphorePermit,
    longest: Duration,
}

/// The time was over before everything was read.
#[derive(Debug, thiserror::Error)]
#[error("the picture was not read in time")]
pub(super) struct Late;

impl Places {
    pub(crate) fn new(count: NonZeroUsize, longest: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(count.get())),
            longest,
        }
    }

    /// A place, once there is one. A picture has the rest of its request's time.
    pub(super) async fn place(&self) -> Result<Place, Error> {
        let place = tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.places).acquire_owned()).await;
        let permit = place.ok().and_then(Result::ok);
        Ok(Place {
            permit: permit.ok_or(Error::Busy("too many downloads"))?,
            longest: deadline::remaining().map_or(self.longest, |left| left.min(self.longest)),
        })
    }
}

impl Place {
    /// The parts of a picture, or of a piece of one, one after the other.
    pub(super) fn send(self, picture: Bytes) -> impl Stream<Item = Result<Bytes, Late>> + Send {
        let Self { permit, longest } = self;
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
            let _ = tokio::time::timeout(longest, hand_out).await;
            drop(permit);
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
    use tokio::time::Instant;

    const SECOND: Duration = Duration::from_secs(1);

    fn one_place() -> Places {
        Places::new(NonZeroUsize::MIN, SECOND)
    }

    fn picture() -> Bytes {
        (0..=u8::MAX).cycle().take(3 * PART + 1).collect()
    }

    #[tokio::test]
    async fn a_picture_arrives_in_parts() {
        let places = one_place();
        let mut parts = Box::pin(places.place().await.expect("free").send(picture()));
        let mut arrived = Vec::new();
        while let Some(part) = parts.next().await {
            let part = part.expect("in time");
            assert!(part.len() <= PART);
            arrived.extend_from_slice(&part);
        }
        assert_eq!(arrived, picture());
        let _next = places.place().await.expect("the place is free again");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_keeps_nothing() {
        let places = one_place();
        let began = Instant::now();
        let mut parts = Box::pin(places.place().await.expect("free").send(picture()));
        parts.next().await.expect("a part").expect("in time");
        let _next = places.place().await.expect("the place is free again");
        assert_eq!(began.elapsed(), SECOND);
        // What was on its way arrives; then the end is told to be none.
        parts.next().await.expect("a part").expect("in time");
        assert!(parts.next().await.expect("an end").is_err());
        assert!(parts.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told() {
        let places = Places::new(NonZeroUsize::MIN, 60 * SECOND);
        let held = places.place().await.expect("free");
        let began = Instant::now();
        assert!(matches!(places.place().await, Err(Error::Busy(_))));
        assert_eq!(began.elapsed(), LONGEST_WAIT);
        let gone = held.send(picture());
        drop(gone);
        let _next = places.place().await.expect("nobody reads any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_picture_has_the_time_of_its_request() {
        let places = Places::new(NonZeroUsize::MIN, 60 * SECOND);
        let place = deadline::scope(Some(2 * SECOND), places.place()).await;
        assert!(place.expect("free").longest <= 2 * SECOND);
    }
}
