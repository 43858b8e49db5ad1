//! The `bonafide` command: identity verification on your own machines.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cli::commands::attacks::WriteAttacks;
use cli::commands::certs::Certs;
use cli::commands::configuration::Configuration;
use cli::commands::demo::Demo;
use cli::commands::evaluate::Evaluate;
use cli::commands::files::Files;
use cli::commands::models::{ModelDirectory, Models};
use cli::commands::queue::Queue;
use cli::commands::reports::Reports;
use cli::commands::sessions::Sessions;
use cli::commands::specimen::DrawSpecimen;
use cli::commands::up::Up;
use cli::commands::verify::Verify;
use service_kit::config::TelemetryConfig;
use service_kit::telemetry::Telemetry;

/// The command could not do its work. What it found out has other codes.
const COULD_NOT_RUN: u8 = 2;

/// Identity verification on your own machines
#[derive(Parser)]
#[command(name = "bonafide", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    directory: ModelDirectory,
    /// Which log lines are written, e.g. `info,session_svc=debug` [default: info for `up`, otherwise warn]
    #[arg(long, env = "BONAFIDE_LOG", global = true, value_name = "FILTER")]
    log: Option<String>,
    /// OTLP endpoint (gRPC) for traces and metrics, e.g. http://localhost:4317; off without one
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", global = true, value_name = "URL")]
    otlp_endpoint: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    Demo(Demo),
    Up(Up),
    Verify(Verify),
    Sessions(Sessions),
    Reports(Reports),
    Files(Files),
    Certs(Certs),
    Evaluate(Evaluate),
    Attacks(WriteAttacks),
    Models(Models),
    Queue(Queue),
    Specimen(DrawSpecimen),
    Configuration(Configuration),
}

impl Cli {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let log = self.log.unwrap_or_else(|| match self.command {
            Command::Up(_) => "info".to_owned(),
            // A command that can call nobody says why by itself.
            _ => "warn,service_kit::tls::client=off".to_owned(),
        });
        let telemetry = Telemetry::start(
            "bonafide",
            &TelemetryConfig {
                otlp_endpoint: self.otlp_endpoint,
                log,
            },
        )?;
        let store = self.directory.open()?;
        let outcome = match self.command {
            Command::Demo(demo) => demo.run(&store).await,
            Command::Up(up) => up.run(&store).await,
            Command::Verify(verify) => verify.run(&store).await,
            Command::Sessions(sessions) => sessions.run().await,
            Command::Reports(reports) => reports.run().await,
            Command::Files(files) => files.run().await,
            Command::Certs(certs) => certs.run(),
            Command::Evaluate(evaluate) => evaluate.run(&store).await,
            Command::Attacks(attacks) => attacks.run(&store),
            Command::Models(models) => models.run(&store),
            Command::Queue(queue) => queue.run().await,
            Command::Specimen(specimen) => specimen.run(&store),
            Command::Configuration(configuration) => configuration.run(),
        };
        telemetry.shutdown();
        outcome
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(cli.run()));
    outcome.unwrap_or_else(|error| {
        eprintln!("bonafide: {error:#}");
        ExitCode::from(COULD_NOT_RUN)
    })
}
