//! What happens around every request before a route sees it. What is no call but plain HTTP goes a way of its own ([`Http`]).

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use prost::DecodeError;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::aging::aging;
use super::plain_http::{Http, Route};
use super::transport::with_reason;
use crate::config::{Exposure, Secret, ServeConfig};
use crate::methods::{self, Method, Methods};
use crate::status::{self, Problem, code_name};
use crate::tls::Caller;
use crate::{deadline, metrics, propagation};

/// Taken off a caller's deadline, so that our answer is on its way before the transport's own timer fires and hides it behind
/// a plain CANCELLED.
const ANSWER_MARGIN: Duration = Duration::from_millis(10);

/// Services that anyone may ask, and that are not worth a span: probes call them every few seconds.
const UNGUARDED: [&str; 2] = ["/grpc.health.v1.", "/grpc.reflection."];

#[derive(Clone)]
pub(super) struct GuardLayer {
    shared: Arc<Shared>,
}

struct Shared {
    service: &'static str,
    token: Option<Secret>,
    permits: Arc<Semaphore>,
    timeout: Duration,
    age: Duration,
    exposure: Exposure,
    methods: &'static Methods,
    duration: Histogram<f64>,
    /// Of a public server.
    http: Option<Arc<Http>>,
}

impl GuardLayer {
    pub(super) fn new(
        service: &'static str,
        exposure: Exposure,
        config: &ServeConfig,
        http: Vec<Route>,
    ) -> Result<Self, DecodeError> {
        Ok(Self {
            shared: Arc::new(Shared {
                service,
                token: match exposure {
                    Exposure::Internal(_) => config.service_token.clone(),
                    Exposure::Public => None,
                },
                permits: Arc::new(Semaphore::new(config.max_requests)),
                timeout: config.request_timeout,
                age: config.max_connection_age,
                exposure,
                methods: Methods::ours()?,
                // Name and attributes: OpenTelemetry semantic conventions for RPC metrics.
                duration: metrics::durations(
                    "rpc.server.call.duration",
                    "Calls that were answered, streams to their beginning",
                ),
                http: match exposure {
                    Exposure::Internal(_) => None,
                    Exposure::Public => Some(Arc::new(Http::new(service, http, config.request_timeout))),
                },
            }),
        })
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard {
            inner,
            shared: Arc::clone(&self.shared),
        }
    }
}

#[derive(Clone)]
pub(super) struct Guard<S> {
    inner: S,
    shared: Arc<Shared>,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S, E> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = E> + Clone + Send + 'static,
    S::Future: Send + 'static,
    E: From<Infallible> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = E;
    type Future = Answer<E>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Answer<E> {
        // The clone that was polled ready must be the one that is called.
        let unready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, unready);
        let shared = Arc::clone(&self.shared);
        if let Some(http) = shared.http.clone().filter(|http| http.takes(&request)) {
            return Box::pin(async move { Ok(http.answer(request, &shared.permits).await) });
        }
        if UNGUARDED.iter().any(|prefix| request.uri().path().starts_with(prefix)) {
            return Box::pin(inner.call(request));
        }
        let method = shared.methods.at(request.uri().path());
        let span = shared.span(methods::name(method), request.headers());
        let answer = async move {
            let started = Instant::now();
            let response = shared.guarded(request, |request| inner.call(request)).await?;
            let code = status::code(response.headers());
            shared.record(method, code, started.elapsed());
            let streams = code == Code::Ok && method.is_some_and(|method| method.streams);
            Ok(if streams { aging(response, shared.age) } else { response })
        };
        Box::pin(answer.instrument(span))
    }
}

impl Shared {
    fn span(&self, method: &str, headers: &HeaderMap) -> Span {
        let span = tracing::info_span!(
            "request",
            otel.name = method,
            otel.kind = "server",
            otel.status_code = Empty,
            service = self.service,
            rpc.system.name = "grpc",
            rpc.method = method,
            rpc.response.status_code = Empty,
        );
        let caller = propagation::extract(headers);
        let caller = match self.exposure {
            Exposure::Internal(_) => caller,
            Exposure::Public => propagation::recorded(&caller),
        };
        // Fails only where no OpenTelemetry layer is installed, and then there is nothing to link.
        let _ = span.set_parent(caller);
        span
    }

    async fn guarded<E, F>(
        &self,
        request: Request<Body>,
        call: impl FnOnce(Request<Body>) -> F,
    ) -> Result<Response<Body>, E>
    where
        F: Future<Output = Result<Response<Body>, E>>,
    {
        let admitted = self.admit(request.extensions().get());
        if let Err(problem) = admitted.and_then(|()| self.authenticate(request.headers())) {
            return Ok(refuse(problem));
        }
        let Ok(_permit) = self.permits.try_acquire() else {
            let problem = Problem::new(proto::reason::OVERLOADED, "too many requests at once");
            return Ok(refuse(problem.retry_after(Duration::from_secs(1))));
        };
        let asked = deadline::parse(request.headers()).unwrap_or(self.timeout);
        let left = asked.min(self.timeout).saturating_sub(ANSWER_MARGIN);
        if left.is_zero() {
            // A timer of ours would take as long as the transport's.
            return Ok(deadline::passed().into_http());
        }
        let served = AssertUnwindSafe(deadline::scope(Some(left), call(request))).catch_unwind();
        match tokio::time::timeout(left, served).await {
            Ok(Ok(response)) => response.map(with_reason),
            Ok(Err(_panic)) => {
                tracing::error!("a request panicked");
                Ok(refuse(Problem::logged("the request failed")))
            }
            Err(_elapsed) => Ok(deadline::passed().into_http()),
        }
    }

    fn admit(&self, caller: Option<&Caller>) -> Result<(), Problem> {
        match (self.exposure, caller) {
            (Exposure::Public, _) | (Exposure::Internal(_), Some(Caller::Allowed | Caller::Unidentified)) => Ok(()),
            (Exposure::Internal(allowed), Some(Caller::NotAllowed) | None) => Err(Problem::new(
                proto::reason::CALLER_NOT_ALLOWED,
                format!(
                    "the certificate of this connection names none of those who may call {}: {}",
                    self.service,
                    allowed.join(", ")
                ),
            )),
        }
    }

    fn authenticate(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let Some(presented) = headers
            .get(http::header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        else {
            return Err(Problem::new(
                proto::reason::CREDENTIAL_MISSING,
                "this service answers other services only: send the service token as a bearer credential",
            ));
        };
        if presented.ct_eq(token.expose().as_bytes()).into() {
            return Ok(());
        }
        Err(Problem::new(
            proto::reason::CREDENTIAL_INVALID,
            "the service token is not the one that this service was started with",
        ))
    }

    fn record(&self, method: Option<&'static Method>, code: Code, elapsed: Duration) {
        let span = Span::current();
        let name = code_name(code);
        span.record("rpc.response.status_code", name);
        // Only faults of ours mark a span as failed (semantic conventions for gRPC server spans).
        if matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        ) {
            span.record("otel.status_code", "ERROR");
            // Whoever can reach us can ask for what does not exist, as often as they like.
            if code != Code::Unimplemented {
                tracing::warn!(rpc.response.status_code = name, "request failed");
            }
        }
        self.duration.record(
            elapsed.as_secs_f64(),
            &[
                KeyValue::new("rpc.system.name", "grpc"),
                KeyValue::new("rpc.method", methods::name(method)),
                KeyValue::new("rpc.response.status_code", name),
            ],
        );
    }
}

fn refuse(problem: Problem) -> Response<Body> {
    Status::from(problem).into_http()
}
