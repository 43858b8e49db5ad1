//! Serves a fake on a runtime of its own, so that it can be killed like a process: connections break, nothing is drained.

use std::net::SocketAddr;
use std::time::Duration;

use service_kit::config::{Exposure, Secret, ServeConfig};
use service_kit::health::Health;
use service_kit::serving::{Server, Services};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

pub(crate) struct FakeServer {
    runtime: Option<Runtime>,
    address: SocketAddr,
    token: Secret,
}

impl FakeServer {
    pub(crate) async fn start(services: Services, token: &Secret) -> Self {
        let mut server = Self {
            runtime: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: token.clone(),
        };
        server.start_again(services).await;
        server
    }

    /// On the same address.
    pub(crate) async fn start_again(&mut self, services: Services) {
        let config = ServeConfig {
            listen: self.address,
            service_token: Some(self.token.clone()),
            ..ServeConfig::default()
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let bound =
            runtime.spawn(async move { Server::bind("fake", Exposure::Internal(&["session-svc"]), &config).await });
        let server = bound.await.expect("no panic").expect("the port is free");
        self.address = server.local_addr();
        runtime.spawn(server.serve(services, Health::new(), CancellationToken::new()));
        self.runtime = Some(runtime);
    }

    /// Answers once its sockets are closed.
    pub(crate) async fn kill(&mut self) {
        let runtime = self.runtime.take().expect("alive");
        let killed = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(30)));
        killed.await.expect("no panic");
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
