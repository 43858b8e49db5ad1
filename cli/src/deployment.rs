//! All four services in one process, each on a loopback port of its own, talking gRPC as they would on four machines.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use doc_check_svc::server::DocCheckSvc;
use report_svc::config::{RedisConfig, RetentionConfig};
use report_svc::server::ReportSvc;
use selfie_svc::config::LivenessConfig;
use selfie_svc::server::SelfieSvc;
use service_kit::compute::Pool;
use service_kit::config::{ComputeConfig, ServeConfig};
use service_kit::service::{Bound, Service};
use service_kit::serving::ServeError;
use service_kit::tls::TlsConfig;
use session_svc::documents::DocumentConfig;
use session_svc::server::SessionSvc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vision::models::Model;

use crate::keys::Keys;

/// The networks that a deployment needs.
pub const MODELS: [Model; 4] = Model::REQUIRED;

/// Where a deployment on this machine is called, unless it was told otherwise.
pub const LOCAL: &str = "127.0.0.1:50051";

/// The one account of a deployment of this kind.
const ACCOUNT: &str = "default";

/// How long a service may take until it can be called.
const LONGEST_START: Duration = Duration::from_secs(10);

/// How to start a deployment.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where session-svc listens, the only service that others call.
    pub listen: SocketAddr,
    /// Where session-svc answers probes and scrapes, for the whole process; nowhere when not given.
    pub admin_listen: Option<SocketAddr>,
    /// Folder of the keys, the pictures and the embedded store.
    pub data: PathBuf,
    /// Where the state lies.
    pub redis: RedisConfig,
    /// For how long it is kept.
    pub retention: RetentionConfig,
    /// Folder of the networks; the user's cache folder when not given.
    pub models: Option<PathBuf>,
    /// Inference threads, which the two services that compute share.
    pub compute: ComputeConfig,
    /// How long a verification stays with a worker that died before another one gets it.
    pub lease: Duration,
    /// Whether the faces that were compared are kept as files.
    pub keep_face_crops: bool,
    /// Which documents are accepted.
    pub documents: DocumentConfig,
    /// What becomes of selfies where no presentation attack detection is installed.
    pub liveness: LivenessConfig,
    /// Certificates of session-svc. The others are called on loopback alone.
    pub tls: TlsConfig,
}

impl Options {
    /// On a free loopback port, with everything else at its default.
    pub fn in_folder(data: &Path) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin_listen: None,
            data: data.to_owned(),
            redis: RedisConfig::default(),
            retention: RetentionConfig::default(),
            models: None,
            compute: ComputeConfig::default(),
            lease: session_svc::config::Config::default().lease,
            keep_face_crops: false,
            documents: DocumentConfig::default(),
            liveness: LivenessConfig::default(),
            tls: TlsConfig::default(),
        }
    }
}

/// Four running services. Dropping it stops them without waiting; [`Deployment::shutdown`] lets them finish.
pub struct Deployment {
    address: String,
    admin: Option<SocketAddr>,
    report_address: String,
    keys: Keys,
    /// In the order in which they stop: callers before those they call.
    running: Vec<Running>,
}

struct Running {
    name: &'static str,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    url: String,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Running {
    /// Spawns a service; answers once it can be called, so that those that call it find it ready.
    async fn spawn<S: Service>(service: Bound<S>) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let ready = service.ready(LONGEST_START);
        let running = Self {
            name: S::NAME,
            address: service.local_addr(),
            admin: service.admin_addr(),
            url: service.url(),
            task: tokio::spawn(service.serve(stop.clone())),
            stop,
        };
        ready.await.map_err(not_started::<S>)?;
        Ok(running)
    }
}

/// Why a service is not running, with its name.
fn not_started<S: Service>(error: impl std::error::Error) -> anyhow::Error {
    anyhow!("{} did not start: {}", S::NAME, sentence(&error))
}

/// Binds and spawns a service.
async fn start<S: Service>(config: S::Config) -> anyhow::Result<Running> {
    let bound = S::bind(config).await.map_err(not_started::<S>)?;
    Running::spawn(bound).await
}

/// The same with a service that was opened in its own way.
async fn start_opened<S: Service>(opened: Result<S, S::Error>, config: &ServeConfig) -> anyhow::Result<Running> {
    let service = opened.map_err(not_started::<S>)?;
    let bound = Bound::around(service, config).await.map_err(not_started::<S>)?;
    Running::spawn(bound).await
}

impl Deployment {
    /// Starts all services; answers once each can be called.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let keys = Keys::open(&options.data)?;
        let inside = ServeConfig {
            service_token: Some(keys.service_token.clone()),
            ..ServeConfig::default()
        };
        let report = start::<ReportSvc>(report_svc::config::Config {
            serve: inside.clone(),
            redis: options.redis,
            retention: options.retention,
            master_keys: Some(keys.master_key.clone()),
            ..report_svc::config::Config::embedded(options.data)
        })
        .await?;
        let pool = Pool::start("compute", &options.compute).context("worker threads could not be started")?;
        let config = doc_check_svc::config::Config {
            serve: inside.clone(),
            compute: options.compute.clone(),
            models: options.models.clone(),
        };
        let document = start_opened(DocCheckSvc::open_in(config, pool.clone()), &inside).await?;
        let config = selfie_svc::config::Config {
            serve: inside.clone(),
            compute: options.compute,
            models: options.models,
            liveness: options.liveness,
            ..selfie_svc::config::Config::default()
        };
        let selfie = start_opened(SelfieSvc::open_in(config, pool), &inside).await?;
        let session = start::<SessionSvc>(session_svc::config::Config {
            serve: ServeConfig {
                listen: options.listen,
                admin_listen: options.admin_listen,
                tls: options.tls,
                ..inside
            },
            api_keys: keys.list(ACCOUNT),
            client_secret_key: keys.client_secret_key.clone(),
            lease: options.lease,
            keep_face_crops: options.keep_face_crops,
            documents: options.documents,
            report_address: report.url.clone(),
            document_address: document.url.clone(),
            selfie_address: selfie.url.clone(),
            ..session_svc::config::Config::default()
        })
        .await?;
        Ok(Self {
            address: session.url.clone(),
            admin: session.admin,
            report_address: report.url.clone(),
            keys,
            running: vec![session, document, selfie, report],
        })
    }

    /// Where backends and people call: `http://host:port`, with TLS `https://…`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where probes and scrapes are answered.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Where operators call, with the service token.
    pub fn report_address(&self) -> &str {
        &self.report_address
    }

    /// The keys that it was started with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Name and address of every service.
    pub fn services(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.running.iter().map(|service| (service.name, service.address))
    }

    /// Ends when a service has ended that nobody stopped, with the reason.
    pub async fn failed(&mut self) -> anyhow::Error {
        let tasks = self.running.iter_mut().map(|service| {
            let name = service.name;
            Box::pin(async move { (name, (&mut service.task).await) })
        });
        let ((name, ended), ..) = futures_util::future::select_all(tasks).await;
        match ended {
            Ok(Err(error)) => anyhow!("{name} ended: {}", sentence(&error)),
            Ok(Ok(())) => anyhow!("{name} ended though nobody stopped it"),
            Err(_panic) => anyhow!("{name} ended with a defect; its log has the cause"),
        }
    }

    /// Stops one service after the other, each once its running requests are done.
    pub async fn shutdown(mut self) -> anyhow::Result<()> {
        for service in &mut self.running {
            service.stop.cancel();
            // One that ended before has been told by `failed`.
            if service.task.is_finished() {
                continue;
            }
            let ended = (&mut service.task)
                .await
                .with_context(|| format!("{} ended with a defect", service.name))?;
            ended.map_err(|error| anyhow!("{} did not end in order: {}", service.name, sentence(&error)))?;
        }
        Ok(())
    }
}

/// An error with its causes in one line, each once: an error that shows its cause itself is not repeated.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !sentence.contains(&text) {
            sentence = format!("{sentence}: {text}");
        }
        cause = inner.source();
    }
    sentence
}

/// `bonafide` in the user's data directory (XDG Base Directory Specification); `None` where the environment names no home.
pub fn default_data_folder() -> Option<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = variable("XDG_DATA_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/share")))?;
    Some(data.join("bonafide"))
}
