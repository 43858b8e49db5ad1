//! What a service is: how it is opened, what it answers, and how it ends.
//!
//! ```text
//! bind ─▶ open ─▶ serve ─▶ asked to stop: NOT_SERVING ─▶ lame duck ─▶ GOAWAY, running calls end ─▶ telemetry is sent
//! ```

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::{Exposure, ServeConfig};
use crate::health::Health;
use crate::readiness::NotReady;
use crate::serving::{ServeError, Server, Services};
use crate::tls::Certificate;

/// A service of Bonafide's.
pub trait Service: Sized + Send + 'static {
    /// Its name, as its program and its telemetry have it.
    const NAME: &'static str;

    /// What it is for, in a sentence.
    const ABOUT: &'static str;

    /// Who may call it.
    const EXPOSURE: Exposure;

    /// Everything that can be set.
    type Config: clap::Args + AsRef<ServeConfig> + Send;

    /// Why it cannot be opened.
    type Error: Error + Send + Sync + 'static;

    /// Validates the configuration and opens what the service works with. `certificate` is what its callers see, if they speak TLS
    /// with it: a service that calls others may show it to them, too.
    fn open(
        config: Self::Config,
        certificate: Option<Certificate>,
    ) -> impl Future<Output = Result<Self, Self::Error>> + Send;

    /// What it depends on.
    fn health(&self) -> Health;

    /// What it answers. Calls that wait, and streams without an end, end at `stop`.
    fn services(&self, stop: &CancellationToken) -> Services;

    /// What it does beside answering calls, until `stop`.
    fn run(self, stop: CancellationToken) -> impl Future<Output = ()> + Send {
        async move { stop.cancelled().await }
    }

    /// Binds the port, then opens the service.
    fn bind(config: Self::Config) -> impl Future<Output = Result<Bound<Self>, StartError<Self::Error>>> + Send {
        async {
            let server = Server::bind(Self::NAME, Self::EXPOSURE, config.as_ref()).await?;
            let service = Self::open(config, server.certificate())
                .await
                .map_err(StartError::Open)?;
            Ok(Bound { server, service })
        }
    }
}

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError<E: Error + 'static> {
    /// The port could not be bound, or its configuration is wrong.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The service itself could not be opened.
    #[error(transparent)]
    Open(E),
}

/// A service that was opened and has bound its port, so that its address is known before anything depends on it.
#[derive(Debug)]
pub struct Bound<S> {
    server: Server,
    service: S,
}

impl<S: Service> Bound<S> {
    /// A service that was opened otherwise, on a port of its own.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn around(service: S, config: &ServeConfig) -> Result<Self, ServeError> {
        let server = Server::bind(S::NAME, S::EXPOSURE, config).await?;
        Ok(Self { server, service })
    }

    /// The address that was bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// The address for probes and metrics that was bound, if any.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.server.admin_addr()
    }

    /// The same as callers on this machine have it: `http://127.0.0.1:50051`, with TLS `https://…`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Ends once it is served and can be called, its dependencies answering; or when it has ended.
    ///
    /// # Errors
    /// When that takes longer.
    pub fn ready(&self, within: Duration) -> impl Future<Output = Result<(), NotReady>> + Send + use<S> {
        self.server.ready(within)
    }

    /// Serves until `shutdown`, then lets everything finish that has begun.
    ///
    /// # Errors
    /// When the server ends early.
    pub async fn serve(mut self, shutdown: CancellationToken) -> Result<(), ServeError> {
        let stop = CancellationToken::new();
        // Probes and metrics to the very end, which is that of the work beside the server.
        let _admin = self.server.take_admin();
        let (health, services) = (self.service.health(), self.service.services(&stop));
        let served = async {
            let outcome = self.server.serve_until(services, health, shutdown, stop.clone()).await;
            // What runs beside the server must not outlive one that ends early.
            stop.cancel();
            outcome
        };
        let (outcome, ()) = tokio::join!(served, self.service.run(stop.clone()));
        outcome
    }
}
