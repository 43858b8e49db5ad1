//! Backends list, read, change and cancel sessions by the command.

use std::process::{Command, Output};
use std::time::Duration;

use anyhow::Context as _;
use cli::api::Api;
use proto::identity::v1::{CreateVerificationSessionRequest, VerificationType};
use report_svc::server::ReportSvc;
use serde_json::Value;
use service_kit::config::{Secret, ServeConfig};
use service_kit::service::Service as _;
use service_kit::tls::ClientTls;
use session_svc::server::SessionSvc;
use tokio_util::sync::CancellationToken;

/// Nobody listens there: no session is submitted.
const NOBODY: &str = "http://127.0.0.1:9";

/// Of the account's key.
struct Backend {
    address: String,
    key: Secret,
}

impl Backend {
    async fn create(&self, reference: Option<String>) -> anyhow::Result<String> {
        let request = CreateVerificationSessionRequest {
            r#type: VerificationType::Document.into(),
            client_reference_id: reference,
            ..Default::default()
        };
        let api = Api::new(&self.address, &self.key, &ClientTls::default())?;
        Ok(api
            .sessions()
            .create_verification_session(request)
            .await?
            .into_inner()
            .id)
    }

    async fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bonafide"));
        command
            .args(arguments)
            .env("BONAFIDE_ADDRESS", &self.address)
            .env("BONAFIDE_API_KEY", self.key.expose());
        Ok(tokio::task::spawn_blocking(move || command.output()).await??)
    }

    /// What the command prints, which must succeed.
    async fn text(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(arguments).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{arguments:?}: {said}");
        Ok(String::from_utf8(output.stdout)?)
    }

    async fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let text = self.text(&[arguments, &["--format", "json"]].concat()).await?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// The first word of each line.
fn ids(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_listed_read_changed_and_canceled() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let [shutdown, stopped] = [(); 2].map(|()| CancellationToken::new());
    let report = ReportSvc::bind(report_svc::config::Config::embedded(data.path())).await?;
    let key = Secret::new(format!("sk_live_{}", "1".repeat(64)));
    let session = SessionSvc::bind(session_svc::config::Config {
        serve: ServeConfig {
            lame_duck: Duration::ZERO,
            ..ServeConfig::default()
        },
        api_keys: Secret::new(format!("acme={}", key.expose())),
        client_secret_key: Secret::new("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        report_address: format!("http://{}", report.local_addr()),
        document_address: NOBODY.to_owned(),
        selfie_address: NOBODY.to_owned(),
        verification_workers: Some(0),
        ..Default::default()
    });
    let session = session.await?;
    let address = format!("http://{}", session.local_addr());
    let stored = tokio::spawn(report.serve(stopped.clone()));
    let served = tokio::spawn(session.serve(shutdown.clone()));
    let backend = Backend { address, key };

    // More than one page of the API.
    let mut created = Vec::new();
    for number in 0..103 {
        let reference = (number % 50 == 0).then(|| "anna".to_owned());
        created.push(backend.create(reference).await?);
    }
    created.reverse();
    assert_eq!(ids(&backend.text(&["sessions", "list"]).await?), created[..10]);
    assert_eq!(
        ids(&backend.text(&["sessions", "list", "--limit", "102"]).await?),
        created[..102]
    );
    let referenced = backend.text(&["sessions", "list", "--reference", "anna"]).await?;
    assert_eq!(ids(&referenced), [&created[2], &created[52], &created[102]]);
    let after = ["sessions", "list", "--limit", "1000", "--starting-after", &created[2]];
    let rest = backend.json(&after).await?;
    assert_eq!(rest["data"].as_array().map(Vec::len), Some(100));
    assert_eq!(
        (&rest["object"], &rest["has_more"]),
        (&Value::from("list"), &Value::from(false))
    );
    assert_eq!(
        rest["data"][0]["client_secret"]
            .as_str()
            .map(|secret| secret.starts_with(&created[3])),
        Some(true)
    );

    let id = created[0].as_str();
    let updated = backend
        .json(&[
            "sessions",
            "update",
            id,
            "--metadata",
            "order=7",
            "--metadata",
            "shop=a=b",
        ])
        .await?;
    assert_eq!(updated["metadata"], serde_json::json!({ "order": "7", "shop": "a=b" }));
    let canceled = backend.text(&["sessions", "cancel", id]).await?;
    assert!(
        canceled.contains("canceled") && canceled.contains("order=7"),
        "{canceled}"
    );
    assert_eq!(backend.json(&["sessions", "get", id]).await?["status"], "canceled");
    assert_eq!(
        ids(&backend.text(&["sessions", "list", "--status", "canceled"]).await?),
        [id]
    );
    assert_eq!(
        backend
            .text(&["sessions", "list", "--until", "2026-01-01T00:00:00Z"])
            .await?,
        ""
    );

    for (arguments, expected) in [
        (["sessions", "cancel", id], "(SESSION_STATUS)"),
        (["sessions", "get", "vs_1"], "(SESSION_NOT_FOUND)"),
        (["reports", "get", "vr_1"], "(REPORT_NOT_FOUND)"),
    ] {
        let output = backend.run(&arguments).await?;
        let said = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            said.contains(expected) && said.trim_end().lines().count() == 1,
            "{said}"
        );
    }
    assert_eq!(backend.text(&["reports", "list", "--session", id]).await?, "");
    let reports = backend.json(&["reports", "list"]).await?;
    assert_eq!(
        reports,
        serde_json::json!({ "object": "list", "data": [], "has_more": false })
    );
    shutdown.cancel();
    served.await.context("session-svc")??;
    stopped.cancel();
    stored.await.context("report-svc")??;
    Ok(())
}
