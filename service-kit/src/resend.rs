//! Calls that no server has seen are sent again.
//!
//! A server ends its connections now and then ([`ServeConfig::max_connection_age`](crate::config::ServeConfig::max_connection_age)),
//! and a call that begins at that moment is refused unseen. gRPC wants clients to send it again by themselves ("transparent
//! retries"), whatever it does; tonic gives it back as an error.

use std::error::Error;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tonic::body::Body;
use tonic::transport::Channel;
use tower::{BoxError, Service, ServiceExt as _};

/// Attempts for each call, of which all but one were refused unseen.
const ATTEMPTS: usize = 5;

/// A channel for calls with one message each: those may be kept until they are answered.
#[derive(Clone, Debug)]
pub(crate) struct Resend(Channel);

impl Resend {
    pub(crate) fn new(channel: Channel) -> Self {
        Self(channel)
    }
}

impl Service<Request<Body>> for Resend {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that is ready.
        let later = self.0.clone();
        let mut channel = mem::replace(&mut self.0, later);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let message = body.collect().await?.to_bytes();
            let mut attempt = 1;
            loop {
                let body = Body::new(Full::new(message.clone()));
                match channel.call(Request::from_parts(head.clone(), body)).await {
                    Err(error) if attempt < ATTEMPTS && is_unseen(&error) => attempt += 1,
                    outcome => return Ok(outcome?),
                }
                tracing::debug!(attempt, "the connection ended before a call: it is sent again");
                channel.ready().await?;
            }
        })
    }
}

/// Whether the server has done nothing of the call: it never left, came after the last one that the server says it takes (RFC 9113,
/// 6.8), or was refused (8.7).
fn is_unseen(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && error.is_canceled()
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            let ended = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
            let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
            return error.is_remote() && (ended || refused);
        }
        cause = error.source();
    }
    false
}
