//! What the `main` of a service does.

use std::error::Error;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use tokio::runtime::Runtime;

use crate::config::TelemetryConfig;
use crate::service::Service;
use crate::serving::shutdown_token;
use crate::telemetry::Telemetry;

/// The command line of a service.
#[derive(Debug, Parser)]
#[command(version)]
struct CommandLine<C: clap::Args> {
    #[command(flatten)]
    config: C,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

/// The command line of a service, with every setting that it takes.
pub fn command<S: Service>() -> clap::Command {
    CommandLine::<S::Config>::command().name(S::NAME).about(S::ABOUT)
}

/// Runs a service to its end, with telemetry from before it is opened until after it has ended. An error is one line on stderr, with
/// the service's name and its causes, and the exit code 1.
pub fn main<S: Service>() -> ExitCode {
    let arguments = command::<S>().get_matches();
    let outcome = match CommandLine::from_arg_matches(&arguments) {
        Ok(CommandLine { config, telemetry }) => run::<S>(config, &telemetry),
        Err(error) => error.exit(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = std::iter::successors(error.source(), |&cause| cause.source());
            let causes: String = causes.map(|cause| format!(": {cause}")).collect();
            // What others answered may have lines of its own.
            let line = format!("{}: {error}{causes}", S::NAME)
                .lines()
                .collect::<Vec<_>>()
                .join(" ");
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}

fn run<S: Service>(config: S::Config, telemetry: &TelemetryConfig) -> Result<(), Box<dyn Error>> {
    Runtime::new()?.block_on(async {
        let telemetry = Telemetry::start(S::NAME, telemetry)?;
        let served = async {
            S::bind(config).await?.serve(shutdown_token()).await?;
            Ok(())
        };
        let outcome = served.await;
        telemetry.shutdown();
        outcome
    })
}
