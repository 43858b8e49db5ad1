//! What a public server answers over plain HTTP, on the port of its gRPC services and in either version of HTTP: what browsers open.
//!
//! The rules for calls hold: so many requests at once, so much time for each, and a panic ends one request alone. The path and the query
//! are told to nobody, for they may be a credential: telemetry knows a request by its route and its method (OpenTelemetry semantic
//! conventions for HTTP).

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use tokio::sync::Semaphore;
use tonic::body::Body;
use tracing::{Instrument as _, Span, field::Empty};

use crate::{deadline, metrics};

type Handler = dyn Fn(Request<Body>) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> + Send + Sync;

/// Requests that are answered alike.
pub(super) struct Route {
    /// As telemetry has it: `/v1/files/{file}/contents`.
    name: &'static str,
    /// What their paths begin with: the name up to its first variable.
    prefix: &'static str,
    handler: Box<Handler>,
}

impl Route {
    pub(super) fn new<F>(name: &'static str, handler: impl Fn(Request<Body>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self {
            name,
            prefix: name.split('{').next().unwrap_or(name),
            handler: Box::new(move |request| Box::pin(handler(request))),
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All routes of a server.
pub(super) struct Http {
    service: &'static str,
    routes: Vec<Route>,
    timeout: Duration,
    duration: Histogram<f64>,
}

impl Http {
    pub(super) fn new(service: &'static str, routes: Vec<Route>, timeout: Duration) -> Self {
        Self {
            service,
            routes,
            timeout,
            // Name and attributes: OpenTelemetry semantic conventions for HTTP metrics.
            duration: metrics::durations(
                "http.server.request.duration",
                "Requests over plain HTTP, to the beginning of the answer",
            ),
        }
    }

    /// Whether a request is no call: gRPC needs HTTP/2, POST and a type of its own.
    pub(super) fn takes(&self, request: &Request<Body>) -> bool {
        let is_grpc = |value: &HeaderValue| value.as_bytes().starts_with(b"application/grpc");
        request.version() < Version::HTTP_2
            || (request.method() != Method::POST && !request.headers().get(CONTENT_TYPE).is_some_and(is_grpc))
            || self.route(request).is_some()
    }

    fn route(&self, request: &Request<Body>) -> Option<&Route> {
        let path = request.uri().path();
        self.routes.iter().find(|route| path.starts_with(route.prefix))
    }

    /// Answers a request, of which there may be as many at once as `permits` has.
    pub(super) async fn answer(&self, request: Request<Body>, permits: &Semaphore) -> Response<Body> {
        let started = Instant::now();
        let is_head = request.method() == Method::HEAD;
        let (method, route) = (method(request.method()), self.route(&request));
        let name = route.map(|route| route.name);
        let span = self.span(method, name);
        let response = async {
            let response = match route {
                Some(route) => self.handled(route, request, permits).await,
                None => plain(StatusCode::NOT_FOUND, "not found\n"),
            };
            Self::note(response.status());
            response
        };
        let mut response = response.instrument(span).await;
        // HTTP/2 sends one that is there, which clients take for a fault.
        if is_head {
            *response.body_mut() = Body::empty();
        }
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.response.status_code", i64::from(response.status().as_u16())),
        ];
        attributes.extend(name.map(|name| KeyValue::new("http.route", name)));
        self.duration.record(started.elapsed().as_secs_f64(), &attributes);
        response
    }

    async fn handled(&self, route: &Route, request: Request<Body>, permits: &Semaphore) -> Response<Body> {
        let Ok(_permit) = permits.try_acquire() else {
            return again("too many requests at once\n");
        };
        let handled = deadline::scope(Some(self.timeout), (route.handler)(request));
        match tokio::time::timeout(self.timeout, AssertUnwindSafe(handled).catch_unwind()).await {
            Ok(Ok(response)) => response,
            Ok(Err(_panic)) => {
                tracing::error!("a request panicked");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "the request failed\n")
            }
            Err(_elapsed) => again("the request took too long\n"),
        }
    }

    fn span(&self, method: &'static str, route: Option<&'static str>) -> Span {
        let name = match route {
            Some(route) => format!("{method} {route}"),
            None => method.to_owned(),
        };
        tracing::info_span!(
            "request",
            otel.name = name,
            otel.kind = "server",
            otel.status_code = Empty,
            service = self.service,
            http.request.method = method,
            http.route = route,
            http.response.status_code = Empty,
        )
    }

    /// Only faults of ours mark a span as failed.
    fn note(status: StatusCode) {
        let span = Span::current();
        span.record("http.response.status_code", status.as_u16());
        // What is refused for want of space is no fault, and would fill a log when there is least to spare.
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            span.record("otel.status_code", "ERROR");
            tracing::warn!(http.response.status_code = status.as_u16(), "request failed");
        }
    }
}

/// Anyone can make up a method, which must not become a name in telemetry.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

/// A sentence, which nobody keeps.
pub fn plain(status: StatusCode, sentence: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::new(http_body_util::Full::from(sentence)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What may pass by itself.
pub fn again(sentence: &'static str) -> Response<Body> {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, sentence);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
