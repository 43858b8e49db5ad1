//! Streams that end with the age of their connection.
//!
//! A connection that has reached its age is closed once its last call is over, which a stream without an end would put off for
//! ever. Such a stream ends in order, as if there were nothing more to tell; whoever wants more asks again, over a new connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;

/// Ends a stream of answers after `age`, between two messages.
pub(super) fn aging(response: Response<Body>, age: Duration) -> Response<Body> {
    response.map(|body| {
        Body::new(Aging {
            body,
            end: Box::pin(tokio::time::sleep(age)),
            ended: false,
        })
    })
}

struct Aging {
    body: Body,
    end: Pin<Box<Sleep>>,
    ended: bool,
}

impl http_body::Body for Aging {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        ready!(self.end.as_mut().poll(context));
        self.ended = true;
        // Code 0 is OK.
        let trailers = HeaderMap::from_iter([(Status::GRPC_STATUS, HeaderValue::from_static("0"))]);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use http_body::Body as _;

    use super::*;

    /// A stream that has nothing to tell, and no end.
    struct Endless;

    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_stream_without_an_end_ends_in_order() {
        let response = Response::new(Body::new(Endless));
        let mut body = aging(response, Duration::from_millis(1)).into_body();
        let last = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let trailers = last.expect("a frame").expect("no error").into_trailers();
        assert_eq!(trailers.expect("the end")["grpc-status"], "0");
        assert!(
            poll_fn(|context| Pin::new(&mut body).poll_frame(context))
                .await
                .is_none()
        );
    }
}
