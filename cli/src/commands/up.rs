//! `bonafide up`: all four services in one process, staying up.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use report_svc::config::{RedisConfig, RetentionConfig};
use selfie_svc::config::LivenessConfig;
use service_kit::config::{ComputeConfig, ServeConfig};
use service_kit::service::Service as _;
use service_kit::serving::shutdown_signal;
use service_kit::tls::TlsConfig;
use session_svc::documents::DocumentConfig;
use session_svc::server::SessionSvc;
use vision::models::{Console, ModelStore};

use crate::deployment::{self, Deployment, LOCAL, Options};
use crate::keys::Keys;
use crate::stdout::print;

/// Start all services in this process and stay up
#[derive(Debug, clap::Args)]
pub struct Up {
    /// Address that backends and people call; port 0 takes a free one
    #[arg(
        long,
        env = "BONAFIDE_LISTEN",
        default_value = LOCAL,
        value_name = "ADDR"
    )]
    listen: SocketAddr,
    /// Address for probes and metrics over plain HTTP: /livez, /readyz and /metrics; off without one
    #[arg(long, env = "BONAFIDE_ADMIN_LISTEN", value_name = "ADDR")]
    admin_listen: Option<SocketAddr>,
    /// Folder of the store, the pictures and the keys [default: bonafide in the user's data directory]
    #[arg(long, env = "BONAFIDE_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    redis: RedisConfig,
    #[command(flatten)]
    retention: RetentionConfig,
    /// How long a verification that was interrupted by the end of the process waits before it is taken up again
    #[arg(long, env = "BONAFIDE_LEASE", default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    lease: Duration,
    /// Keep the faces that were compared, of the portrait and of the selfie, as files beside the pictures that were uploaded, and for as
    /// long as these: see --retention
    #[arg(long, env = "BONAFIDE_KEEP_FACE_CROPS", value_parser = clap::builder::BoolishValueParser::new())]
    keep_face_crops: bool,
    #[command(flatten)]
    documents: DocumentConfig,
    #[command(flatten)]
    liveness: LivenessConfig,
    /// Of the address that backends and people call.
    #[command(flatten)]
    tls: TlsConfig,
    #[command(flatten)]
    compute: ComputeConfig,
}

impl Up {
    /// Runs until SIGTERM or Ctrl-C.
    pub async fn run(self, store: &ModelStore) -> anyhow::Result<ExitCode> {
        let data = self
            .data
            .or_else(deployment::default_data_folder)
            .context("no folder for data: name one with --data or set HOME")?;
        // Told before anything is fetched or loaded.
        let serve = ServeConfig {
            listen: self.listen,
            tls: self.tls,
            ..ServeConfig::default()
        };
        serve.validate(SessionSvc::EXPOSURE)?;
        let probe = TcpListener::bind(self.listen);
        drop(probe.with_context(|| format!("cannot listen on {}", self.listen))?);
        store.ensure(&deployment::MODELS, &Console::default())?;
        let options = Options {
            listen: self.listen,
            admin_listen: self.admin_listen,
            redis: self.redis,
            retention: self.retention,
            compute: self.compute,
            lease: self.lease,
            keep_face_crops: self.keep_face_crops,
            documents: self.documents,
            liveness: self.liveness,
            tls: serve.tls,
            models: Some(store.root().to_owned()),
            ..Options::in_folder(&data)
        };
        let mut deployment = Deployment::start(options).await?;
        print(&format!(
            "listening on {}\nreport-svc, for `bonafide queue`, on {}\nAPI key in {}\nAPI key that also reads sensitive fields in \
             {}\nthe same for test mode in {}\nand {}\nready\n",
            deployment.address(),
            deployment.report_address(),
            Keys::api_key_file(&data).display(),
            Keys::restricted_api_key_file(&data).display(),
            Keys::test_api_key_file(&data).display(),
            Keys::restricted_test_api_key_file(&data).display(),
        ))?;
        let failure = tokio::select! {
            () = shutdown_signal() => None,
            failure = deployment.failed() => Some(failure),
        };
        let stopped = deployment.shutdown().await;
        match failure {
            Some(failure) => Err(failure),
            None => stopped.map(|()| ExitCode::SUCCESS),
        }
    }
}
