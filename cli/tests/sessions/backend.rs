//! session-svc and report-svc, and backends that call them by the command.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::Context as _;
use cli::api::Api;
use proto::identity::v1::{CreateVerificationSessionRequest, VerificationSession, VerificationType};
use report_svc::server::ReportSvc;
use serde_json::Value;
use service_kit::config::{Secret, ServeConfig};
use service_kit::service::Service as _;
use service_kit::serving::ServeError;
use service_kit::tls::ClientTls;
use session_svc::server::SessionSvc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Nobody listens there: nothing is checked.
const NOBODY: &str = "http://127.0.0.1:9";

/// The kinds of keys, of which the one account has one each.
const KINDS: [&str; 4] = ["sk_live", "rk_live", "sk_test", "rk_test"];

fn key(kind: &str) -> Secret {
    Secret::new(format!("{kind}_{}", "1".repeat(64)))
}

/// The two services that sessions need as long as nothing is checked.
pub(crate) struct Services {
    pub(crate) socket: SocketAddr,
    pub(crate) store_address: String,
    /// In the order in which they stop.
    running: [(CancellationToken, JoinHandle<Result<(), ServeError>>); 2],
}

impl Services {
    /// Starts both, with so many workers that lead sessions to their end.
    pub(crate) async fn start(data: &Path, verification_workers: usize) -> anyhow::Result<Self> {
        let [shutdown, stopped] = [(); 2].map(|()| CancellationToken::new());
        let report = ReportSvc::bind(report_svc::config::Config::embedded(data)).await?;
        let store_address = format!("http://{}", report.local_addr());
        let keys = KINDS.map(|kind| format!("acme={}", key(kind).expose()));
        let session = SessionSvc::bind(session_svc::config::Config {
            serve: ServeConfig {
                lame_duck: Duration::ZERO,
                ..ServeConfig::default()
            },
            api_keys: Secret::new(keys.join(",")),
            client_secret_key: Secret::new("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
            report_address: store_address.clone(),
            document_address: NOBODY.to_owned(),
            selfie_address: NOBODY.to_owned(),
            verification_workers: Some(verification_workers),
            ..Default::default()
        });
        let session = session.await?;
        Ok(Self {
            socket: session.local_addr(),
            store_address,
            running: [
                (shutdown.clone(), tokio::spawn(session.serve(shutdown))),
                (stopped.clone(), tokio::spawn(report.serve(stopped))),
            ],
        })
    }

    /// The backend with the account's key of this kind.
    pub(crate) fn backend(&self, kind: &str) -> Backend {
        Backend {
            address: format!("http://{}", self.socket),
            key: key(kind),
        }
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        for (stop, served) in self.running {
            stop.cancel();
            served.await.context("a service")??;
        }
        Ok(())
    }
}

/// A caller with a key.
pub(crate) struct Backend {
    pub(crate) address: String,
    key: Secret,
}

impl Backend {
    pub(crate) fn api(&self) -> anyhow::Result<Api> {
        Ok(Api::new(&self.address, &self.key, &ClientTls::default())?)
    }

    /// Opens a session for a document.
    pub(crate) async fn open(&self, request: CreateVerificationSessionRequest) -> anyhow::Result<VerificationSession> {
        let request = CreateVerificationSessionRequest {
            r#type: VerificationType::Document.into(),
            ..request
        };
        let opened = self.api()?.sessions().create_verification_session(request).await?;
        Ok(opened.into_inner())
    }

    pub(crate) async fn create(&self, reference: Option<String>) -> anyhow::Result<String> {
        let request = CreateVerificationSessionRequest {
            client_reference_id: reference,
            ..Default::default()
        };
        Ok(self.open(request).await?.id)
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bonafide"));
        command
            .args(arguments)
            .env("BONAFIDE_ADDRESS", &self.address)
            .env("BONAFIDE_API_KEY", self.key.expose());
        Ok(tokio::task::spawn_blocking(move || command.output()).await??)
    }

    /// What the command prints, which must succeed.
    pub(crate) async fn text(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(arguments).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{arguments:?}: {said}");
        Ok(String::from_utf8(output.stdout)?)
    }

    pub(crate) async fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let text = self.text(&[arguments, &["--format", "json"]].concat()).await?;
        Ok(serde_json::from_str(&text)?)
    }
}
