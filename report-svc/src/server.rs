//! Starting report-svc.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::store::v1::queue_service_server::QueueServiceServer;
use proto::store::v1::store_service_server::StoreServiceServer;
use service_kit::config::Exposure;
use service_kit::health::Health;
use service_kit::service::Service;
use service_kit::serving::Services;
use service_kit::tls::{Certificate, TlsError};
use tokio_util::sync::CancellationToken;

use crate::backlog;
use crate::config::{Config, ConfigError, RetentionConfig};
use crate::error::Error;
use crate::evidence::{Evidence, EvidenceError};
use crate::queue_service::{QueueApi, requeue_readable};
use crate::retention::RetentionPolicy;
use crate::service::StoreApi;
use crate::storage::Storage;
use crate::storage::embedded::{DATABASE_FILE, Embedded, OpenError};
use crate::storage::redis::{CheckError, ConnectError, Redis, RedisTls};
use crate::store::Store;
use crate::sweeper;

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database file could not be opened.
    #[error(transparent)]
    Embedded(#[from] OpenError),
    /// The files for TLS with Redis cannot be used.
    #[error(transparent)]
    RedisTls(#[from] TlsError),
    /// Redis cannot be reached.
    #[error(transparent)]
    Redis(#[from] ConnectError),
    /// Redis does not keep what it is given.
    #[error(transparent)]
    RedisCheck(#[from] CheckError),
    /// The folder or bucket of pictures cannot be used.
    #[error("pictures cannot be kept")]
    Evidence(#[from] EvidenceError),
    /// The master keys are not those under which the records are sealed.
    #[error("the master keys open nothing of what is stored: give those that it was sealed under")]
    MasterKeys(#[source] Error),
    /// The runtime is being stopped.
    #[error("the process is stopping")]
    Stopping,
}

/// A report-svc that has opened its storage.
#[derive(Debug)]
pub struct ReportSvc {
    store: Store,
    event_retention: Duration,
}

impl Service for ReportSvc {
    const NAME: &'static str = "report-svc";
    const ABOUT: &'static str = "The memory: session state, reports, evidence and the queue of work";
    const EXPOSURE: Exposure = Exposure::Internal(&["session-svc", "bonafide"]);
    type Config = Config;
    type Error = StartError;

    async fn open(config: Config, _: Option<Certificate>) -> Result<Self, StartError> {
        let limits = config.limits()?;
        let keyring = config.keyring()?;
        let evidence = Evidence::open(config.evidence()?).await?;
        let storage: Arc<dyn Storage> = match &config.redis.url {
            Some(addresses) => {
                let tls = RedisTls::read(&config.redis.tls)?;
                let redis = Redis::connect_with(addresses.expose(), &tls).await?;
                redis.check(&config.redis.allow).await?;
                Arc::new(redis)
            }
            None => {
                let path = config.folder_of_state()?.join(DATABASE_FILE);
                let opening = tokio::task::spawn_blocking(move || Embedded::open(&path, Arc::new(SystemTime::now)));
                Arc::new(opening.await.map_err(|_| StartError::Stopping)??)
            }
        };
        tracing::info!(storage = ?storage, "storage opened");
        let RetentionConfig {
            event_retention,
            retention: rules,
        } = &config.retention;
        let retention = RetentionPolicy::new(rules);
        if !retention.is_none() {
            tracing::info!(?retention, "what is personal is not kept for longer than this");
        }
        let store = Store::new(storage, evidence, keyring, limits).with_retention(retention);
        store.keys_fit().await.map_err(StartError::MasterKeys)?;
        Ok(Self {
            store,
            event_retention: *event_retention,
        })
    }

    fn health(&self) -> Health {
        let (storage, evidence) = (self.store.clone(), self.store.clone());
        Health::new()
            .depends_on("storage", move || {
                let store = storage.clone();
                async move { store.storage_is_healthy().await }
            })
            .depends_on("pictures", move || {
                let store = evidence.clone();
                async move { store.evidence_is_healthy().await }
            })
    }

    fn services(&self, stop: &CancellationToken) -> Services {
        let api = StoreServiceServer::new(StoreApi::new(self.store.clone(), stop.clone()));
        Services::new()
            // Face crops are small: one picture that is uploaded is the most that arrives.
            .with(api.max_decoding_message_size(proto::MAX_IMAGE_MESSAGE_BYTES))
            .with(QueueServiceServer::new(QueueApi::new(self.store.clone())))
    }

    /// Is over when the service is: the database is free then.
    async fn run(self, stop: CancellationToken) {
        let observing = backlog::observe(self.store.clone(), stop.clone());
        let requeueing = requeue_readable(self.store.clone(), stop.clone());
        let sweeping = sweeper::sweep(self.store, self.event_retention, stop);
        tokio::join!(observing, requeueing, sweeping);
    }
}
