//! The program `session-svc`.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_kit::program::main::<session_svc::server::SessionSvc>()
}
