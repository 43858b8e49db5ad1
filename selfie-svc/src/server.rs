//! Starting selfie-svc.

use candle_core::Device;
use proto::face::v1::face_service_server::FaceServiceServer;
use proto::selfie::v1::selfie_check_service_server::SelfieCheckServiceServer;
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

use crate::calibration::OutOfRange;
use crate::config::Config;
use crate::pipeline::FacePipeline;
use crate::presentation::{Detection, Unchecked};
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
}

/// A selfie-svc that has loaded its networks.
pub struct SelfieSvc {
    device: Device,
    selfie: Selfie,
}

impl SelfieSvc {
    /// Loads the networks; the work is done by `pool`, which others in this process may share.
    ///
    /// # Errors
    /// [`StartError`] for the first step that fails.
    pub fn open_in(config: Config, pool: Pool) -> Result<Self, StartError> {
        let point = config.operating_point()?;
        let store = ModelStore::open_at(config.models)?;
        let device = device::open(config.compute.device.gpu())?;
        let pipeline = FacePipeline::load(&store, &device)?;
        let attacks = Detection::load(&store, &device, config.liveness.unchecked())?;
        metrics::models(&[pipeline.models(), attacks.models()].concat(), config.compute.device);
        if let Detection::NotInstalled(Unchecked::Refused) = attacks {
            tracing::warn!(
                "presentation attack detection is required and not installed: every selfie is refused until its weights are there \
                 (bonafide models fetch --from DIR) and this service is started again"
            );
        }
        tracing::info!(
            device = %config.compute.device,
            instructions = vision::ops::instruction_set(),
            workers = config.compute.workers(),
            threads_per_worker = config.compute.threads_per_worker(),
            threshold = point.threshold,
            false_match_rate = point.false_match_rate,
            presentation_attack_detection = matches!(attacks, Detection::Installed(_)),
            "networks loaded"
        );
        Ok(Self {
            device,
            selfie: Selfie::new(pipeline, attacks, point, pool),
        })
    }
}

impl Service for SelfieSvc {
    const NAME: &'static str = "selfie-svc";
    const ABOUT: &'static str = "Finds, aligns, embeds and compares faces; evaluates the selfie";
    const EXPOSURE: Exposure = Exposure::Internal(&["session-svc"]);
    type Config = Config;
    type Error = StartError;

    async fn open(config: Config, _: Option<Certificate>) -> Result<Self, StartError> {
        let pool = Pool::start("selfie", &config.compute).map_err(StartError::Workers)?;
        Self::open_in(config, pool)
    }

    fn health(&self) -> Health {
        let device = self.device.clone();
        Health::new().depends_on_blocking("device", move || device::answers(&device))
    }

    fn services(&self, _: &CancellationToken) -> Services {
        let most = proto::MAX_CHECK_MESSAGE_BYTES;
        Services::new()
            .with(SelfieCheckServiceServer::new(self.selfie.clone()).max_decoding_message_size(most))
            .with(FaceServiceServer::new(self.selfie.clone()).max_decoding_message_size(most))
    }
}
