//! Channels to other services. Every call carries the trace context, the rest of the caller's deadline and the service token.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, Response, Uri};
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::{BoxError, Service};
use tracing::{Instrument as _, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::config::Secret;
use crate::methods::Methods;
use crate::resend::Resend;
use crate::tls::{ClientTls, Connector, TlsError};
use crate::{deadline, propagation};

/// How long a connection may take to open.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a channel cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not an address such as `https://report-svc:50051`.
    #[error("{0:?} is not an address such as http://127.0.0.1:50051 or https://report-svc:50051")]
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

/// Among a request's extensions: it is safe to send again although its method in general is not, since it carries an idempotency
/// key.
#[derive(Clone, Copy, Debug)]
pub struct Idempotent;

/// A channel to one service; hand it to a generated client's `new`. Connects when it is first used, and again after the other
/// side went away; calls that it has not seen are then sent again, and those that are safe to repeat. Clones share the
/// connection.
#[derive(Clone, Debug)]
pub struct ServiceChannel {
    channel: Resend,
    authorization: Option<HeaderValue>,
}

impl ServiceChannel {
    /// A channel to `address`: `http://host:port` on loopback, or `https://host:port` with a certificate of a CA that this system
    /// trusts.
    ///
    /// # Errors
    /// When there can be no such channel.
    pub fn new(address: &str, token: Option<&Secret>) -> Result<Self, ClientError> {
        Self::with_tls(address, token, &ClientTls::default())
    }

    /// The same with certificates of our own.
    ///
    /// # Errors
    /// When there can be no such channel.
    pub fn with_tls(address: &str, token: Option<&Secret>, tls: &ClientTls) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(address.to_owned());
        let origin: Uri = address.parse().map_err(|_| wrong())?;
        let host = origin.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let (connector, usual_port) = match origin.scheme_str() {
            Some("http") if token.is_some() && !tls.allows_plaintext(host) => {
                return Err(ClientError::Plaintext(address.to_owned()));
            }
            Some("http") => (None, 80),
            Some("https") => (Some(tls.connector(host)?), 443),
            _ => return Err(wrong()),
        };
        let port = origin.port_u16().unwrap_or(usual_port);
        let channel = channel(&origin, &format!("{host}:{port}"), connector).map_err(|_| wrong())?;
        let authorization = token
            .map(|token| {
                let mut value =
                    HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| ClientError::Token)?;
                value.set_sensitive(true);
                Ok::<_, ClientError>(value)
            })
            .transpose()?;
        Ok(Self {
            channel: Resend::new(channel, Methods::ours()?),
            authorization,
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

/// Calls to `origin` over connections to `at` (`host:port`), one of its addresses; protected by `connector`, which knows whose
/// certificate is to be seen.
fn channel(origin: &Uri, at: &str, connector: Option<Connector>) -> Result<Channel, tonic::transport::Error> {
    // Plain to tonic: what protects the connection is the connector's business.
    let endpoint = Endpoint::from_shared(format!("http://{at}"))?
        .origin(origin.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_while_idle(true);
    Ok(match connector {
        Some(connector) => endpoint.connect_with_connector_lazy(connector),
        None => endpoint.connect_lazy(),
    })
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
        let response = self.channel.call(request);
        let recorded = span.clone();
        Box::pin(
            async move {
                let response = response.await?;
                let code = response
                    .headers()
                    .get("grpc-status")
                    .map_or(tonic::Code::Ok, |value| tonic::Code::from_bytes(value.as_bytes()));
                recorded.record("rpc.response.status_code", code as i32);
                Ok(response)
            }
            .instrument(span),
        )
    }
}
