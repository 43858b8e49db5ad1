//! The program `report-svc`.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_kit::program::main::<report_svc::server::ReportSvc>()
}
