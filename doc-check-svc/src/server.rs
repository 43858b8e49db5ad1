//! Starting doc-check-svc.

use std::net::SocketAddr;

use candle_core::Device;
use proto::document::v1::document_check_service_server::DocumentCheckServiceServer;
use service_kit::compute::Pool;
use service_kit::config::Door;
use service_kit::health::Health;
use service_kit::serving::{ServeError, Server};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use vision::VisionError;
use vision::device::{self, DeviceError};
use vision::models::{ModelError, ModelStore};

use crate::config::Config;
use crate::reader::DocumentReader;
use crate::service::Documents;

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The model store cannot be found.
    #[error(transparent)]
    Store(#[from] ModelError),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The networks could not be loaded.
    #[error(transparent)]
    Networks(#[from] VisionError),
    /// Worker threads could not be started.
    #[error("worker threads could not be started: {0}")]
    Workers(std::io::Error),
    /// The port could not be bound, or the configuration is wrong.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// A doc-check-svc that has loaded its networks and bound its port.
pub struct Service {
    server: Server,
    device: Device,
    documents: Documents,
}

impl Service {
    /// Validates, loads the networks and binds.
    ///
    /// # Errors
    /// [`StartError`] for the first step that fails.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        let pool = Pool::start("document", &config.compute).map_err(StartError::Workers)?;
        Self::bind_in(config, pool).await
    }

    /// The same with workers that others in this process give work, too.
    ///
    /// # Errors
    /// [`StartError`] for the first step that fails.
    pub async fn bind_in(config: Config, pool: Pool) -> Result<Self, StartError> {
        let server = Server::bind("doc-check-svc", Door::Internal, &config.serve).await?;
        let store = match config.models {
            Some(root) => ModelStore::open(root),
            None => ModelStore::open_default()?,
        };
        let device = device::open(config.compute.device.gpu())?;
        let reader = DocumentReader::load(&store, &device)?;
        tracing::info!(
            device = %config.compute.device,
            instructions = vision::ops::instruction_set(),
            workers = config.compute.workers(),
            threads_per_worker = config.compute.threads_per_worker(),
            "networks loaded"
        );
        Ok(Self {
            server,
            device,
            documents: Documents::new(reader, pool),
        })
    }

    /// The address that was bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// When the server ends early.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), ServeError> {
        let device = self.device;
        let health = Health::new().depends_on_blocking("device", move || device::answers(&device));
        let mut routes = Routes::builder();
        routes.add_service(
            DocumentCheckServiceServer::new(self.documents).max_decoding_message_size(proto::MAX_CHECK_MESSAGE_BYTES),
        );
        self.server.serve(routes, health, shutdown).await
    }
}
