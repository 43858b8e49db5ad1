//! The program `selfie-svc`.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_kit::program::main::<selfie_svc::server::SelfieSvc>()
}
