//! Wires configuration, telemetry and the server together.

use std::process::ExitCode;

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
async fn main() -> ExitCode {
    let Cli { config, telemetry } = Cli::parse();
    match run(config, &telemetry).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config, telemetry: &TelemetryConfig) -> anyhow::Result<()> {
    let telemetry = Telemetry::start("doc-check-svc", telemetry)?;
    let outcome = serve(config).await;
    telemetry.shutdown();
    outcome
}

async fn serve(config: Config) -> anyhow::Result<()> {
    Ok(Service::bind(config).await?.serve(shutdown_token()).await?)
}
