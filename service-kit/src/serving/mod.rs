//! Serving gRPC: bind first, then serve until asked to stop, then drain.
//!
//! ```text
//! request ─▶ span, deadline, permit, service token, panic guard (serving::layer) ─▶ routes
//!         └▶ of a public server: plain HTTP (serving::plain_http)
//! ```
//!
//! Every server carries `grpc.health.v1` and reflection beside its own services. A public one speaks HTTP/1.1 as well, for browsers: what
//! comes over it is never a call.
//!
//! The end has three parts. Health checks answer NOT_SERVING at once, so that whoever balances load sends new calls elsewhere; those
//! that still come are served for [`ServeConfig::lame_duck`]. Then connections take no more calls (GOAWAY), and those that run may
//! end. What is still running after [`ServeConfig::drain_timeout`] is dropped.

mod aging;
mod incoming;
mod layer;
mod lingering;
pub mod plain_http;
mod services;
mod transport;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::config::{ConfigError, Exposure, ServeConfig};
use crate::health::Health;
use crate::readiness::{self, NotReady, Readiness};
use crate::tls::{Acceptor, Certificate, TlsError};
use incoming::Incoming;
use layer::GuardLayer;
use lingering::Lingering;
pub use services::Services;

/// Why a server could not start or ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The same of the port for probes and metrics.
    #[error("cannot listen on {address} for probes and metrics (--admin-listen)")]
    BindAdmin {
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
    exposure: Exposure,
    config: ServeConfig,
    acceptor: Option<Acceptor>,
    listener: TcpListener,
    address: SocketAddr,
    readiness: watch::Sender<Readiness>,
    admin: Option<Admin>,
}

impl Server {
    /// Checks the configuration and binds; probes are answered from now on. `name` is the service's (`report-svc`), as telemetry shows it.
    pub async fn bind(name: &'static str, exposure: Exposure, config: &ServeConfig) -> Result<Self, ServeError> {
        config.validate(exposure)?;
        let certificate = Certificate::of_server(&config.tls)?;
        let acceptor = certificate
            .map(|certificate| Acceptor::new(name, exposure, certificate, &config.tls))
            .transpose()?;
        let bind = |source| ServeError::Bind {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let (readiness, told) = watch::channel(Readiness::Starting);
        let admin = match config.admin_listen {
            None => None,
            Some(address) => {
                let started = Admin::start(address, told).await;
                let admin = started.map_err(|source| ServeError::BindAdmin { address, source })?;
                tracing::info!(service = name, address = %admin.local_addr(), "answering probes and scrapes");
                Some(admin)
            }
        };
        Ok(Self {
            name,
            exposure,
            config: config.clone(),
            acceptor,
            listener,
            address,
            readiness,
            admin,
        })
    }

    /// The address that was bound; differs from the configured one when that asked for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address for probes and metrics that was bound, if any.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::local_addr)
    }

    /// What it shows to its callers, if it speaks TLS.
    pub(crate) fn certificate(&self) -> Option<Certificate> {
        self.acceptor.as_ref().map(Acceptor::certificate).cloned()
    }

    /// Takes what answers probes, which does so until it is dropped.
    pub(crate) fn take_admin(&mut self) -> Option<Admin> {
        self.admin.take()
    }

    /// The same as callers on this machine have it: `http://127.0.0.1:50051`, with TLS `https://…`.
    pub fn url(&self) -> String {
        let scheme = if self.acceptor.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Ends once it serves and its dependencies answer, or when it has ended.
    ///
    /// # Errors
    /// When that takes longer.
    pub fn ready(&self, within: Duration) -> impl Future<Output = Result<(), NotReady>> + Send + use<> {
        readiness::ready(self.readiness.subscribe(), within)
    }

    /// Serves until `shutdown`, and ends in order.
    ///
    /// # Errors
    /// When the server cannot start, or ends early.
    pub async fn serve(
        self,
        services: Services,
        health: Health,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        self.serve_until(services, health, shutdown, CancellationToken::new())
            .await
    }

    /// The same; cancels `stop` when no more calls are taken.
    pub(crate) async fn serve_until(
        self,
        services: Services,
        health: Health,
        shutdown: CancellationToken,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        let (routes, http) = services.routes(health.service().await)?;
        let guard = GuardLayer::new(self.name, self.exposure, &self.config, http)?;
        let lingering = Lingering::new();
        let tls = self.acceptor.is_some();
        let incoming = Incoming::new(self.listener, lingering.clone(), self.acceptor);
        let server = tonic::transport::Server::builder()
            .layer(guard)
            .accept_http1(self.exposure == Exposure::Public)
            // No grace: with one, tonic drops the connection and the calls on it instead of letting them end. They do end: calls by
            // `request_timeout`, streams by their own age.
            .max_connection_age(self.config.max_connection_age)
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
        let served = async {
            server.await?;
            lingering.ended().await;
            Ok(())
        };
        tracing::info!(service = self.name, address = %self.address, tls, "serving");

        let leaving = tokio::spawn(leave(
            self.name,
            health,
            self.readiness,
            shutdown,
            self.config.lame_duck,
            stop.clone(),
        ));
        let drained = async {
            stop.cancelled().await;
            tokio::time::sleep(self.config.drain_timeout).await;
        };
        let outcome = tokio::select! {
            outcome = served => outcome,
            () = drained => {
                tracing::warn!(service = self.name, "requests were still running when the drain time ended");
                Ok(())
            }
        };
        leaving.abort();
        tracing::info!(service = self.name, "stopped");
        outcome
    }
}

/// Watches over the service's health until it is asked to stop; tells that it must not be called any more; and cancels `stop` when
/// those who call it have had the time to learn of it.
async fn leave(
    service: &'static str,
    mut health: Health,
    readiness: watch::Sender<Readiness>,
    shutdown: CancellationToken,
    lame_duck: Duration,
    stop: CancellationToken,
) {
    health.watch(service, &shutdown, &readiness).await;
    tokio::time::sleep(lame_duck).await;
    stop.cancel();
    health.end_watches().await;
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

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn readiness() -> watch::Sender<Readiness> {
        watch::channel(Readiness::Starting).0
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_taken_for_the_lame_duck_time() {
        let lame_duck = Duration::from_secs(5);
        let (shutdown, stop) = (CancellationToken::new(), CancellationToken::new());
        let health = Health::new().depends_on("store", || async { true });
        let reported = health.reported();
        let leaving = tokio::spawn(leave(
            "test-svc",
            health,
            readiness(),
            shutdown.clone(),
            lame_duck,
            stop.clone(),
        ));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(
            (reported.serving("").await, reported.serving("store").await),
            (true, true)
        );

        let asked = Instant::now();
        shutdown.cancel();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(
            (reported.serving("").await, reported.serving("store").await),
            (false, false)
        );
        tokio::time::sleep(lame_duck - Duration::from_millis(2)).await;
        assert!(!stop.is_cancelled());
        assert_eq!(
            (reported.serving("").await, reported.serving("store").await),
            (false, false)
        );
        stop.cancelled().await;
        assert_eq!(asked.elapsed(), lame_duck);
        leaving.await.expect("no panic");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_lame_duck_time_no_time_is_lost() {
        let (shutdown, stop) = (CancellationToken::new(), CancellationToken::new());
        let asked = Instant::now();
        shutdown.cancel();
        leave(
            "test-svc",
            Health::new(),
            readiness(),
            shutdown,
            Duration::ZERO,
            stop.clone(),
        )
        .await;
        assert!(stop.is_cancelled() && asked.elapsed() <= Duration::from_millis(1));
    }
}
