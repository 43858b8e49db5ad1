//! Starting doc-check-svc.

use candle_core::Device;
use proto::document::v1::document_check_service_server::DocumentCheckServiceServer;
use service_kit::compute::Pool;
use service_kit::config::Exposure;
use service_kit::health::Health;
use service_kit::metrics;
use service_kit::service::Service;
use service_kit::serving::Services;
use service_kit::tls::Certificate;
use tokio_util::sync::CancellationToken;
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
}

/// A doc-check-svc that has loaded its networks.
pub struct DocCheckSvc {
    device: Device,
    documents: Documents,
}

impl DocCheckSvc {
    /// Loads the networks; the work is done by `pool`, which others in this process may share.
    ///
    /// # Errors
    /// [`StartError`] for the first step that fails.
    pub fn open_in(config: Config, pool: Pool) -> Result<Self, StartError> {
        let store = ModelStore::open_at(config.models)?;
        let device = device::open(config.compute.device.gpu())?;
        let reader = DocumentReader::load(&store, &device)?;
        metrics::models(reader.models(), config.compute.device);
        tracing::info!(
            device = %config.compute.device,
            instructions = vision::ops::instruction_set(),
            workers = config.compute.workers(),
            threads_per_worker = config.compute.threads_per_worker(),
            "networks loaded"
        );
        Ok(Self {
            device,
            documents: Documents::new(reader, pool),
        })
    }
}

impl Service for DocCheckSvc {
    const NAME: &'static str = "doc-check-svc";
    const ABOUT: &'static str = "Reads and evaluates identity documents";
    const EXPOSURE: Exposure = Exposure::Internal(&["session-svc"]);
    type Config = Config;
    type Error = StartError;

    async fn open(config: Config, _: Option<Certificate>) -> Result<Self, StartError> {
        let pool = Pool::start("document", &config.compute).map_err(StartError::Workers)?;
        Self::open_in(config, pool)
    }

    fn health(&self) -> Health {
        let device = self.device.clone();
        Health::new().depends_on_blocking("device", move || device::answers(&device))
    }

    fn services(&self, _: &CancellationToken) -> Services {
        let server = DocumentCheckServiceServer::new(self.documents.clone());
        Services::new().with(server.max_decoding_message_size(proto::MAX_CHECK_MESSAGE_BYTES))
    }
}
