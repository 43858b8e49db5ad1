//! The program `doc-check-svc`.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_kit::program::main::<doc_check_svc::server::DocCheckSvc>()
}
