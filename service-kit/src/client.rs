//! Channels to other services. Calls are spread over the replicas of a service. Every call carries the trace context, the rest of the
//! caller's deadline and the service token.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, Uri};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::{BoxError, Service};
use tracing::{Instrument as _, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::config::Secret;
use crate::methods::{self, Methods};
use crate::replicas::{Name, Network, Replicas};
pub use crate::resend::Idempotent;
use crate::resend::Resend;
use crate::tls::{ClientTls, Connector, TlsError, without_brackets};
use crate::{deadline, metrics, propagation, status};

/// How long a connection may take to open.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a channel cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not an address such as `https://report-svc:50051`.
    #[error(
        "{0:?} is not an address such as http://127.0.0.1:50051 or https://report-svc:50051, or several separated by commas"
    )]
    Address(String),
    /// The credential would cross the network readable.
    #[error(
        "no credential is sent to {0} without TLS: use https://, or, where a mesh protects the network, set --allow-plaintext \
         (BONAFIDE_ALLOW_PLAINTEXT=true)"
    )]
    Plaintext(String),
    /// No protected channel can be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The token holds characters that no header can carry.
    #[error("the service token may hold visible ASCII characters only")]
    Token,
    /// The descriptors of our own methods could not be read.
    #[error("the methods are not known")]
    Methods(#[from] prost::DecodeError),
}

/// A channel to one service; hand it to a generated client's `new`. Connects when it is first used, and again after the other
/// side went away; calls that it has not seen are then sent again, and those that are safe to repeat. Each call goes to one of the
/// service's replicas: all addresses that its name has, asked for again every few seconds. Clones share the connections.
#[derive(Clone)]
pub struct ServiceChannel {
    channel: Resend,
    authorization: Option<HeaderValue>,
    methods: &'static Methods,
    duration: Histogram<f64>,
}

impl ServiceChannel {
    /// A channel to `addresses`, several of which are separated by commas: `http://host:port` on loopback, or `https://host:port` with a
    /// certificate of a CA that this system trusts.
    ///
    /// # Errors
    /// When there can be no such channel.
    pub fn new(addresses: &str, token: Option<&Secret>) -> Result<Self, ClientError> {
        Self::with_tls(addresses, token, &ClientTls::default())
    }

    /// The same with certificates of our own.
    ///
    /// # Errors
    /// When there can be no such channel.
    pub fn with_tls(addresses: &str, token: Option<&Secret>, tls: &ClientTls) -> Result<Self, ClientError> {
        let peer = |address: &str| Peer::new(address.trim(), token.is_some(), tls);
        let peers: Vec<Peer> = addresses.split(',').map(peer).collect::<Result<_, _>>()?;
        let names = peers.iter().map(|peer| peer.name.clone()).collect();
        let authorization = token
            .map(|token| {
                let mut value =
                    HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| ClientError::Token)?;
                value.set_sensitive(true);
                Ok::<_, ClientError>(value)
            })
            .transpose()?;
        let methods = Methods::ours()?;
        Ok(Self {
            channel: Resend::new(Replicas::new(names, Dns(peers)), methods),
            authorization,
            methods,
            // Name and attributes: OpenTelemetry semantic conventions for RPC metrics.
            duration: metrics::durations(
                "rpc.client.call.duration",
                "Calls of other services, all attempts together, streams to their beginning",
            ),
        })
    }

    /// Whether the service's own health check answers SERVING. For [`crate::health::Health::depends_on`].
    pub async fn serving(self) -> bool {
        use tonic_health::pb::health_check_response::ServingStatus;
        use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
        let mut client = HealthClient::new(self.channel);
        let answer = client.check(HealthCheckRequest::default()).await;
        answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }
}

/// Whose calls go where.
struct Peer {
    name: Name,
    /// What callers go by.
    origin: Uri,
    /// What protects connections: it knows whose certificate is to be seen.
    connector: Option<Connector>,
}

impl Peer {
    /// `http://host:port` or `https://host:port`.
    fn new(address: &str, with_credential: bool, tls: &ClientTls) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(address.to_owned());
        let origin: Uri = address.parse().map_err(|_| wrong())?;
        if !matches!(origin.path(), "" | "/") || origin.query().is_some() {
            return Err(wrong());
        }
        let host = origin.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let (connector, usual_port) = match origin.scheme_str() {
            Some("http") if with_credential && !tls.allows_plaintext(host) => {
                return Err(ClientError::Plaintext(address.to_owned()));
            }
            Some("http") => (None, 80),
            Some("https") => (Some(tls.connector(host)?), 443),
            _ => return Err(wrong()),
        };
        let name = Name {
            host: host.to_owned(),
            port: origin.port_u16().unwrap_or(usual_port),
        };
        Ok(Self {
            name,
            origin,
            connector,
        })
    }
}

/// Names are those of the system's resolver.
struct Dns(Vec<Peer>);

impl Network for Dns {
    fn resolve<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async {
            let host = without_brackets(&name.host);
            Ok(tokio::net::lookup_host((host, name.port)).await?.collect())
        })
    }

    fn channel(&self, name: &Name, address: SocketAddr) -> Channel {
        let peer = self.0.iter().find(|peer| peer.name == *name);
        // Plain to tonic: what protects the connection is the connector's business.
        let at = Uri::builder()
            .scheme("http")
            .authority(address.to_string())
            .path_and_query("/");
        let endpoint = Endpoint::from(at.build().unwrap_or_default())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_while_idle(true);
        let Some(peer) = peer else {
            return endpoint.connect_lazy();
        };
        let endpoint = endpoint.origin(peer.origin.clone());
        match &peer.connector {
            Some(connector) => endpoint.connect_with_connector_lazy(connector.clone()),
            None => endpoint.connect_lazy(),
        }
    }
}

impl fmt::Debug for ServiceChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceChannel").finish_non_exhaustive()
    }
}

impl Service<Request<Body>> for ServiceChannel {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let method = request.uri().path().trim_start_matches('/');
        let span = tracing::info_span!(
            "call",
            otel.name = method,
            otel.kind = "client",
            rpc.system.name = "grpc",
            rpc.method = method,
            rpc.response.status_code = Empty,
        );
        propagation::inject(&span.context(), request.headers_mut());
        if let Some(left) = deadline::remaining()
            && !request.headers().contains_key(deadline::HEADER)
            && let Ok(value) = HeaderValue::try_from(deadline::format(left))
        {
            request.headers_mut().insert(deadline::HEADER, value);
        }
        if let Some(authorization) = &self.authorization {
            request
                .headers_mut()
                .insert(http::header::AUTHORIZATION, authorization.clone());
        }
        let name = methods::name(self.methods.at(request.uri().path()));
        let response = self.channel.call(request);
        let (recorded, duration, started) = (span.clone(), self.duration.clone(), Instant::now());
        Box::pin(
            async move {
                let response = response.await.map_err(Status::from_error);
                let code = match &response {
                    Ok(response) => status::code(response.headers()),
                    Err(status) => status.code(),
                };
                let code = status::code_name(code);
                recorded.record("rpc.response.status_code", code);
                let attributes = [
                    KeyValue::new("rpc.system.name", "grpc"),
                    KeyValue::new("rpc.method", name),
                    KeyValue::new("rpc.response.status_code", code),
                ];
                duration.record(started.elapsed().as_secs_f64(), &attributes);
                Ok(response?)
            }
            .instrument(span),
        )
    }
}
