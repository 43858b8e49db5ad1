//! Wires configuration, telemetry and the server together.

use clap::Parser;
use service_kit::config::TelemetryConfig;
use service_kit::serving::shutdown_token;
use service_kit::telemetry::Telemetry;
use session_svc::{config::Config, server::Service};

/// The public door: verification sessions, capture, reports, and the workers that drive the checks.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let telemetry = Telemetry::start("session-svc", &cli.telemetry)?;
    let outcome = serve(cli.config).await;
    telemetry.shutdown();
    outcome
}

async fn serve(config: Config) -> anyhow::Result<()> {
    Ok(Service::bind(config).await?.serve(shutdown_token()).await?)
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("session-svc: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
