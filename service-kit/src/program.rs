//! What the `main` of a service does.

use std::error::Error;
use std::process::ExitCode;

use crate::config::TelemetryConfig;
use crate::telemetry::Telemetry;

/// Why a program ends early.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Runs a service to its end, with telemetry from before it starts until after it has ended. An error is one line on stderr, with
/// the service's name and its causes, and the exit code 1.
pub async fn run(
    service: &'static str,
    telemetry: &TelemetryConfig,
    serve: impl Future<Output = Result<(), Failure>>,
) -> ExitCode {
    let telemetry = match Telemetry::start(service, telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return failed(service, &error),
    };
    let outcome = serve.await;
    telemetry.shutdown();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(service, &*error),
    }
}

fn failed(service: &str, error: &dyn Error) -> ExitCode {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
    eprintln!("{service}: {error}{causes}");
    ExitCode::FAILURE
}
