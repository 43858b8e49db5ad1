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
    let service = Service::bind(cli.config).await?;
    let outcome = service.serve(shutdown_token()).await;
    telemetry.shutdown();
    Ok(outcome?)
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
