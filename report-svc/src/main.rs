//! Wires configuration, telemetry and the server together.

use clap::Parser;
use report_svc::{config::Config, server::Service};
use service_kit::config::TelemetryConfig;
use service_kit::serving::shutdown_token;
use service_kit::telemetry::Telemetry;

/// The memory: session state, reports, evidence and the queue of work.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let telemetry = Telemetry::start("report-svc", &cli.telemetry)?;
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
            eprintln!("report-svc: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
