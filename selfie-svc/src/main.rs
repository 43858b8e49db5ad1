//! Wires configuration, telemetry and the server together.

use std::process::ExitCode;

use clap::Parser;
use selfie_svc::{config::Config, server::Service};
use service_kit::config::TelemetryConfig;
use service_kit::program;
use service_kit::serving::shutdown_token;

/// Finds, aligns, embeds and compares faces; judges the selfie.
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
    let serve = async { Ok(Service::bind(config).await?.serve(shutdown_token()).await?) };
    program::run("selfie-svc", &telemetry, serve).await
}
