//! The port for whoever runs a service, over plain HTTP beside gRPC:
//!
//! * `/livez`: 200 while the process can answer, whatever it depends on. Kubernetes restarts what does not answer here.
//! * `/readyz`: 200 while calls should be sent, else 503; one line for each dependency says which is away.
//! * `/metrics`: [`crate::metrics`] for Prometheus.
//!
//! Off unless an address is configured. It answers from before a service is opened until after its last call has ended. Nothing that it
//! tells is personal or secret, and it takes no credentials: keep it inside the cluster.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::metrics::{self, Format};
use crate::readiness::Readiness;

/// Connections at once: one scrape and a few probes, and whoever looks by hand.
const MOST_CONNECTIONS: usize = 32;

/// How long one request may take, from the connection to the end of the answer.
const LONGEST_REQUEST: Duration = Duration::from_secs(10);

/// Pause after a connection could not be accepted, as when the process has no file descriptors left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A port that answers until it is dropped.
#[derive(Debug)]
pub(crate) struct Admin {
    address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl Admin {
    /// Binds and answers, as `readiness` says.
    pub(crate) async fn start(address: SocketAddr, readiness: watch::Receiver<Readiness>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            address: listener.local_addr()?,
            _serving: AbortOnDropHandle::new(tokio::spawn(serve(listener, readiness))),
        })
    }

    /// The address that was bound.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: TcpListener, readiness: watch::Receiver<Readiness>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((socket, _)) => {
                    let answering = answer_on(socket, readiness.clone());
                    connections.spawn(tokio::time::timeout(LONGEST_REQUEST, answering));
                }
                Err(error) => {
                    tracing::warn!(%error, "the port for probes and metrics takes no connection");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

/// Answers one request: whoever asks every few seconds needs no connection in between.
async fn answer_on(socket: TcpStream, readiness: watch::Receiver<Readiness>) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(
            request.method(),
            request.uri().path(),
            request.headers(),
            &readiness.borrow(),
        );
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(socket), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a probe or a scrape ended early");
    }
}

fn answer(method: &Method, path: &str, headers: &HeaderMap, readiness: &Readiness) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    if ![Method::GET, Method::HEAD].contains(method) {
        let mut refusal = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET or HEAD\n".to_owned());
        refusal
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    match path {
        "/livez" => response(StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/readyz" if readiness.is_ready() => response(StatusCode::OK, TEXT, readiness.to_string()),
        "/readyz" => response(StatusCode::SERVICE_UNAVAILABLE, TEXT, readiness.to_string()),
        "/metrics" => {
            let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
            let format = Format::accepted(accepted.unwrap_or_default());
            response(StatusCode::OK, format.content_type(), metrics::render(format))
        }
        _ => response(StatusCode::NOT_FOUND, TEXT, "/livez, /readyz or /metrics\n".to_owned()),
    }
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: Method, path: &str, readiness: &Readiness) -> u16 {
        answer(&method, path, &HeaderMap::new(), readiness).status().as_u16()
    }

    #[test]
    fn liveness_depends_on_nothing() {
        for readiness in [Readiness::Starting, Readiness::Asked(Vec::new()), Readiness::Stopping] {
            assert_eq!(status(Method::GET, "/livez", &readiness), 200);
            let expected = if readiness.is_ready() { 200 } else { 503 };
            assert_eq!(status(Method::GET, "/readyz", &readiness), expected);
        }
    }

    #[test]
    fn nothing_else_is_there() {
        let ready = Readiness::Asked(Vec::new());
        assert_eq!(status(Method::GET, "/", &ready), 404);
        assert_eq!(status(Method::POST, "/livez", &ready), 405);
        assert_eq!(status(Method::HEAD, "/metrics", &ready), 200);
    }
}
