//! `grpc.health.v1`: one entry per dependency, and one for the whole.
//!
//! The empty service name answers for the whole: SERVING while every dependency does. `grpc_health_probe -service=redis`
//! (or whatever the dependency is called) tells which one does not.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// How often dependencies are asked.
const INTERVAL: Duration = Duration::from_secs(5);

/// How long a dependency has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

type Answer = Pin<Box<dyn Future<Output = bool> + Send>>;

struct Dependency {
    name: &'static str,
    check: Arc<dyn Fn() -> Answer + Send + Sync>,
}

/// The health of one service.
pub struct Health {
    reporter: HealthReporter,
    dependencies: Vec<Dependency>,
}

impl Health {
    /// A service without dependencies: healthy while it runs.
    pub fn new() -> Self {
        Self {
            reporter: HealthReporter::new(),
            dependencies: Vec::new(),
        }
    }

    /// Adds a dependency; `check` answers whether it can be used now.
    pub fn depends_on<F>(mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.dependencies.push(Dependency {
            name,
            check: Arc::new(move || Box::pin(check())),
        });
        self
    }

    pub(crate) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Asks every dependency until `shutdown`, then reports NOT_SERVING so that no new request is sent here.
    pub(crate) async fn watch(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = ticks.tick() => self.ask().await,
            }
        }
        self.reporter.set_service_status("", ServingStatus::NotServing).await;
    }

    async fn ask(&self) {
        let mut whole = true;
        for dependency in &self.dependencies {
            let healthy = tokio::time::timeout(PATIENCE, (dependency.check)())
                .await
                .unwrap_or(false);
            if !healthy {
                tracing::warn!(dependency = dependency.name, "dependency does not answer");
            }
            whole &= healthy;
            self.reporter.set_service_status(dependency.name, status(healthy)).await;
        }
        self.reporter.set_service_status("", status(whole)).await;
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

fn status(healthy: bool) -> ServingStatus {
    if healthy {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
