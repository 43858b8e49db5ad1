//! Starting selfie-svc.

use std::net::SocketAddr;

use candle_core::Device;
use proto::face::v1::face_service_server::FaceServiceServer;
use proto::selfie::v1::selfie_check_service_server::SelfieCheckServiceServer;
use service_kit::compute::Pool;
use service_kit::config::Door;
use service_kit::health::Health;
use service_kit::serving::{ServeError, Server};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use vision::VisionError;
use vision::device::{self, DeviceError};
use vision::models::ModelError;

use crate::calibration::OutOfRange;
use crate::config::Config;
use crate::pipeline::{FacePipeline, open_store};
use crate::service::Selfie;

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The error rate asked for was not measured.
    #[error(transparent)]
    FalseMatchRate(#[from] OutOfRange),
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

/// A selfie-svc that has loaded its networks and bound its port.
pub struct Service {
    server: Server,
    device: Device,
    selfie: Selfie,
}

impl Service {
    /// Validates, loads the networks and binds.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        let pool = Pool::start("selfie", &config.compute).map_err(StartError::Workers)?;
        Self::bind_in(config, pool).await
    }

    /// The same with workers that others in this process give work, too.
    ///
    /// # Errors
    /// [`StartError`] for the first step that fails.
    pub async fn bind_in(config: Config, pool: Pool) -> Result<Self, StartError> {
        let point = config.operating_point()?;
        let server = Server::bind("selfie-svc", Door::Internal, &config.serve).await?;
        let store = open_store(config.models)?;
        let device = device::open(config.compute.device.gpu())?;
        let pipeline = FacePipeline::load(&store, &device)?;
        tracing::info!(
            device = %config.compute.device,
            instructions = vision::ops::instruction_set(),
            workers = config.compute.workers(),
            threads_per_worker = config.compute.threads_per_worker(),
            threshold = point.threshold,
            false_match_rate = point.false_match_rate,
            "networks loaded"
        );
        Ok(Self {
            server,
            device,
            selfie: Selfie::new(pipeline, point, pool),
        })
    }

    /// The address that was bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Serves until `shutdown`.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), ServeError> {
        let device = self.device;
        let health = Health::new().depends_on_blocking("device", move || device::answers(&device));
        let mut routes = Routes::builder();
        routes
            .add_service(
                SelfieCheckServiceServer::new(self.selfie.clone())
                    .max_decoding_message_size(proto::MAX_CHECK_MESSAGE_BYTES),
            )
            .add_service(FaceServiceServer::new(self.selfie).max_decoding_message_size(proto::MAX_CHECK_MESSAGE_BYTES));
        self.server.serve(routes, health, shutdown).await
    }
}
