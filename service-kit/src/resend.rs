//! Calls that a lost connection left without an answer are sent again, where that is safe.
//!
//! * A call that no server has seen, whatever it does. A server ends its connections now and then
//!   ([`ServeConfig::max_connection_age`](crate::config::ServeConfig::max_connection_age)), and a call that begins at that moment
//!   is refused unseen. gRPC wants clients to send it again by themselves ("transparent retries"); tonic gives it back as an error.
//! * A call that may have been seen, if doing it twice is doing it once: the contract says so of its method
//!   (`idempotency_level`), or its caller of this one request ([`Idempotent`]).
//!
//! Each attempt may go to another replica. An answer is an answer, whatever its status: what to do about it is the caller's business.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{ConnectError, Status, TimeoutExpired};
use tower::retry::backoff::{Backoff as _, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff as _};
use tower::retry::budget::{Budget as _, TpsBudget};
use tower::{BoxError, Service, ServiceExt as _};

use crate::deadline;
use crate::methods::Methods;
use crate::replicas::Replicas;

/// Among a request's extensions: it is safe to send again although its method in general is not, since it carries an idempotency
/// key.
#[derive(Clone, Copy, Debug)]
pub struct Idempotent;

/// Attempts for each call, not counting those that found their connection at its end.
const ATTEMPTS: usize = 5;

/// Connections that may end just before a call, and replicas that may not be reached while others can. Each costs a server no work and
/// the call no more than a new connection.
const ENDS: usize = 10;

/// A channel for calls with one message each: those may be kept until they are answered.
#[derive(Clone)]
pub(crate) struct Resend {
    replicas: Replicas,
    methods: &'static Methods,
    /// A service in trouble is not asked many times as often: all calls together get few attempts more than there are calls.
    budget: Arc<TpsBudget>,
}

impl Resend {
    pub(crate) fn new(replicas: Replicas, methods: &'static Methods) -> Self {
        Self {
            replicas,
            methods,
            budget: Arc::default(),
        }
    }
}

impl Service<Request<Body>> for Resend {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Which replica must be ready is not known before the call.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let replicas = self.replicas.clone();
        let budget = Arc::clone(&self.budget);
        let method = self.methods.at(request.uri().path());
        let idempotent =
            method.is_some_and(|method| method.idempotent) || request.extensions().get::<Idempotent>().is_some();
        let whole = idempotent && method.is_some_and(|method| !method.streams);
        let until = deadline::parse(request.headers()).and_then(|left| Instant::now().checked_add(left));
        let answered = async move {
            let (mut head, body) = request.into_parts();
            let message = body.collect().await?.to_bytes();
            let mut pauses = Pauses::new(budget, until);
            let mut ends = 0;
            loop {
                let body = Body::new(Full::new(message.clone()));
                let sent = Request::from_parts(head.clone(), body);
                let error = match attempt(&replicas, sent, whole).await {
                    Ok(response) => return Ok(response),
                    Err(error) => error,
                };
                let loss = Loss::of(&*error);
                let again = match loss {
                    Loss::Ended => {
                        ends += 1;
                        ends < ENDS
                    }
                    Loss::Refused if ends < ENDS && replicas.are_reachable() => {
                        ends += 1;
                        true
                    }
                    Loss::Refused => pauses.next().await,
                    Loss::Unknown => idempotent && pauses.next().await,
                };
                if !again {
                    return Err(error);
                }
                if let Some(until) = until {
                    let left = until.saturating_duration_since(Instant::now());
                    head.headers
                        .insert(deadline::HEADER, HeaderValue::try_from(deadline::format(left))?);
                }
                tracing::debug!(?loss, "a call got no answer: it is sent again");
            }
        };
        Box::pin(async move {
            let outcome = match until {
                Some(until) => timeout_at(until, answered)
                    .await
                    .unwrap_or_else(|elapsed| Err(elapsed.into())),
                None => answered.await,
            };
            outcome.map_err(|error| {
                if is_late(&*error) {
                    deadline::passed().into()
                } else {
                    error
                }
            })
        })
    }
}

/// The pauses before the attempts that are left for a call.
struct Pauses {
    left: usize,
    backoff: ExponentialBackoff,
    budget: Arc<TpsBudget>,
    until: Option<Instant>,
}

impl Pauses {
    /// For one call, which may be made `until` then.
    fn new(budget: Arc<TpsBudget>, until: Option<Instant>) -> Self {
        budget.deposit();
        Self {
            left: ATTEMPTS - 1,
            backoff: ExponentialBackoffMaker::default().make_backoff(),
            budget,
            until,
        }
    }

    /// Waits; false when there must be no other attempt.
    async fn next(&mut self) -> bool {
        let pause = self.backoff.next_backoff();
        let late = self.until.is_some_and(|until| pause.deadline() >= until);
        if self.left == 0 || late || !self.budget.withdraw() {
            return false;
        }
        self.left -= 1;
        pause.await;
        true
    }
}

/// Sends a call to a replica, and keeps in mind whether that could be reached.
async fn attempt(replicas: &Replicas, request: Request<Body>, whole: bool) -> Result<Response<Body>, BoxError> {
    let replica = replicas.pick().await?;
    let outcome = answer(replica.channel(), request, whole).await;
    match &outcome {
        Ok(_) => replica.was_reached(true),
        Err(error) if causes(&**error).any(|cause| cause.is::<ConnectError>()) => replica.was_reached(false),
        // A connection that broke says nothing of the next one.
        Err(_) => {}
    }
    outcome
}

/// The answer; the `whole` of it where a connection that ends halfway must not be the caller's trouble.
async fn answer(mut channel: Channel, request: Request<Body>, whole: bool) -> Result<Response<Body>, BoxError> {
    let response = channel.ready().await?.call(request).await?;
    if !whole {
        return Ok(response);
    }
    let (head, mut body) = response.into_parts();
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        frames.push(Ok::<_, Status>(frame?));
    }
    let body = Body::new(StreamBody::new(stream::iter(frames)));
    Ok(Response::from_parts(head, body))
}

/// What is known of a call without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// Its connection ended before it: it never left, or came after the last one that the server says it takes (RFC 9113, 6.8).
    Ended,
    /// There was no connection, or the server refused it without a look (RFC 9113, 8.7).
    Refused,
    /// The server may have seen it.
    Unknown,
}

/// Whether the deadline passed: here, or where the transport watches it. That would call it CANCELLED.
fn is_late(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.is::<TimeoutExpired>() || cause.is::<Elapsed>())
}

/// An error and what led to it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

impl Loss {
    fn of(error: &(dyn Error + 'static)) -> Self {
        for error in causes(error) {
            if error.is::<ConnectError>() {
                return Self::Refused;
            }
            if error.downcast_ref().is_some_and(hyper::Error::is_canceled) {
                return Self::Ended;
            }
            if let Some(error) = error.downcast_ref::<h2::Error>() {
                return match error.reason() {
                    Some(h2::Reason::NO_ERROR) if error.is_remote() && error.is_go_away() => Self::Ended,
                    Some(h2::Reason::REFUSED_STREAM) if error.is_remote() && error.is_reset() => Self::Refused,
                    _ => Self::Unknown,
                };
            }
        }
        Self::Unknown
    }
}
