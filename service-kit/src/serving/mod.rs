//! Serving gRPC: bind first, then serve until told to stop, then drain.
//!
//! ```text
//! request ─▶ span, deadline, permit, service token, panic guard (serving::layer) ─▶ routes
//! ```
//!
//! Every server carries `grpc.health.v1` and reflection beside its own routes.

mod aging;
mod layer;
mod lingering;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tonic::service::RoutesBuilder;
use tonic::transport::server::TcpIncoming;

use crate::config::{ConfigError, Door, ServeConfig};
use crate::health::Health;
use layer::GuardLayer;
use lingering::Lingering;

/// Why a server could not start or ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The descriptors for reflection could not be read.
    #[error("reflection cannot be offered")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The descriptors of our own methods could not be read.
    #[error("the methods are not known")]
    Methods(#[from] prost::DecodeError),
    /// The server failed while it ran.
    #[error("the server ended early")]
    Transport(#[from] tonic::transport::Error),
}

/// A bound socket that does not serve yet, so that its address is known before anything depends on it.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    door: Door,
    config: ServeConfig,
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Checks the configuration and binds. `name` is the service's (`report-svc`), as telemetry shows it.
    pub async fn bind(name: &'static str, door: Door, config: &ServeConfig) -> Result<Self, ServeError> {
        config.validate(door)?;
        let bind = |source| ServeError::Bind {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        if !address.ip().is_loopback() {
            tracing::warn!(service = name, %address, "listening beyond loopback without TLS: put a proxy with TLS before it");
        }
        Ok(Self {
            name,
            door,
            config: config.clone(),
            listener,
            address,
        })
    }

    /// The address that was bound; differs from the configured one when that asked for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves `routes` until `shutdown`, then refuses new work and waits for running requests, at most
    /// [`ServeConfig::drain_timeout`].
    pub async fn serve(
        self,
        mut routes: RoutesBuilder,
        health: Health,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        routes.add_service(health.service());
        routes.add_service(reflection);

        let guard = GuardLayer::new(self.name, self.door, &self.config)?;
        let lingering = Lingering::new();
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true)).map({
            let lingering = lingering.clone();
            move |socket| socket.map(|socket| lingering.connection(socket))
        });
        let server = tonic::transport::Server::builder()
            .layer(guard)
            // No grace: with one, tonic drops the connection and the calls on it instead of letting them end. They do end: calls by
            // `request_timeout`, streams by their own age.
            .max_connection_age(self.config.max_connection_age)
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .add_routes(routes.routes())
            .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());
        let served = async {
            server.await?;
            lingering.ended().await;
            Ok(())
        };
        tracing::info!(service = self.name, address = %self.address, "serving");

        let watching = tokio::spawn(health.watch(shutdown.clone()));
        let drained = async {
            shutdown.cancelled().await;
            tokio::time::sleep(self.config.drain_timeout).await;
        };
        let outcome = tokio::select! {
            outcome = served => outcome,
            () = drained => {
                tracing::warn!(service = self.name, "requests were still running when the drain time ended");
                Ok(())
            }
        };
        watching.abort();
        tracing::info!(service = self.name, "stopped");
        outcome
    }
}

/// Ends when the process is asked to: SIGTERM or Ctrl-C.
pub async fn shutdown_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be watched");
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = interrupt.await;
    }
}

/// A token that is cancelled by [`shutdown_signal`].
pub fn shutdown_token() -> CancellationToken {
    let token = CancellationToken::new();
    let canceled = token.clone();
    tokio::spawn(async move {
        shutdown_signal().await;
        tracing::info!("asked to stop: finishing running requests");
        canceled.cancel();
    });
    token
}
