//! Starting report-svc.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::store::v1::queue_service_server::QueueServiceServer;
use proto::store::v1::store_service_server::StoreServiceServer;
use service_kit::config::Door;
use service_kit::health::Health;
use service_kit::serving::{ServeError, Server};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::config::{Config, ConfigError};
use crate::evidence::{Evidence, EvidenceError};
use crate::queue_service::{QueueApi, requeue_readable};
use crate::retention::trim_events;
use crate::service::StoreApi;
use crate::storage::Storage;
use crate::storage::embedded::{Embedded, OpenError};
use crate::storage::redis::{CheckError, Redis};
use crate::store::Store;

/// Name of the database file under the folder of data.
pub(crate) const DATABASE_FILE: &str = "state.redb";

/// Name of the folder of pictures under the folder of data.
const EVIDENCE_FOLDER: &str = "evidence";

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port could not be bound, or the configuration is wrong.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The database file could not be opened.
    #[error(transparent)]
    Embedded(#[from] OpenError),
    /// Redis does not answer.
    #[error("redis does not answer: {0}")]
    Redis(#[from] redis::RedisError),
    /// Redis does not keep what it is given.
    #[error(transparent)]
    RedisCheck(#[from] CheckError),
    /// The folder of pictures cannot be used.
    #[error("the folder of pictures cannot be used: {0}")]
    Evidence(#[from] EvidenceError),
    /// The runtime is being stopped.
    #[error("the process is stopping")]
    Stopping,
}

/// A report-svc that has opened its storage and bound its port.
#[derive(Debug)]
pub struct Service {
    server: Server,
    store: Store,
    event_retention: Duration,
}

impl Service {
    /// Validates, binds, and opens the storage.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        config.serve.validate(Door::Internal).map_err(ServeError::from)?;
        let limits = config.limits()?;
        let keyring = config.keyring()?;
        let server = Server::bind("report-svc", Door::Internal, &config.serve).await?;
        let evidence = Evidence::in_folder(&config.data.join(EVIDENCE_FOLDER))?;
        let storage: Arc<dyn Storage> = match &config.redis_url {
            Some(addresses) => {
                let redis = Redis::connect(addresses.expose()).await?;
                redis.check(&config.redis_allow).await?;
                Arc::new(redis)
            }
            None => {
                let path = config.data.join(DATABASE_FILE);
                let opening = tokio::task::spawn_blocking(move || Embedded::open(&path, Arc::new(SystemTime::now)));
                Arc::new(opening.await.map_err(|_| StartError::Stopping)??)
            }
        };
        tracing::info!(storage = ?storage, "storage opened");
        Ok(Self {
            server,
            store: Store::new(storage, evidence, keyring, limits),
            event_retention: config.event_retention,
        })
    }

    /// The address that was bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Serves until `shutdown`.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), ServeError> {
        let store = self.store.clone();
        let health = Health::new().depends_on("storage", move || {
            let store = store.clone();
            async move { store.healthy().await }
        });
        // What runs beside the server must not outlive one that ends early, and is over when this is: the database is free then.
        let stop = shutdown.child_token();
        let requeueing = requeue_readable(self.store.clone(), stop.clone());
        let trimming = trim_events(self.store.clone(), self.event_retention, stop.clone());
        let queue = QueueServiceServer::new(QueueApi::new(self.store.clone()));
        let api = StoreApi::new(self.store, stop.clone());
        let mut routes = Routes::builder();
        routes
            .add_service(
                StoreServiceServer::new(api)
                    // Findings carry no pictures: one picture is the most that arrives.
                    .max_decoding_message_size(proto::MAX_IMAGE_MESSAGE_BYTES),
            )
            .add_service(queue);
        let served = async {
            let outcome = self.server.serve(routes, health, stop.clone()).await;
            stop.cancel();
            outcome
        };
        let (outcome, (), ()) = tokio::join!(served, requeueing, trimming);
        outcome
    }
}
