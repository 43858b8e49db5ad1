//! Wires configuration, telemetry and the server together.

use clap::Parser;
use doc_check_svc::{config::Config, server::Service};
use service_kit::config::TelemetryConfig;
use service_kit::serving::shutdown_token;
use service_kit::telemetry::Telemetry;

/// Reads and judges identity documents.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let telemetry = Telemetry::start("doc-check-svc", &cli.telemetry)?;
    let service = Service::bind(cli.config).await?;
    let outcome = service.serve(shutdown_token()).await;
    telemetry.shutdown();
    Ok(outcome?)
}
