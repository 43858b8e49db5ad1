//! `bonafide reports`: the calls about reports, for backends.

use std::process::ExitCode;

use clap::Subcommand;

use super::backend::{Backend, Format};
use crate::client::refusal;
use crate::render::{Style, json, text};
use crate::stdout::print;

/// Read verification reports
#[derive(Debug, clap::Args)]
pub struct Reports {
    #[command(flatten)]
    backend: Backend,
    /// How to print it
    #[arg(long, default_value = "text", global = true)]
    format: Format,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read the report of one attempt
    Get {
        #[arg(value_name = "REPORT")]
        report: String,
    },
}

impl Reports {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let deployed = self.backend.open()?;
        let Action::Get { report } = self.action;
        let read = deployed.api.report(&report).await;
        let report = read.map_err(|status| refusal(&deployed.address, "read the report", &status))?;
        match self.format {
            Format::Text => print(&text::report(&report, Style::of_stdout()))?,
            Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&json::report(&report))?))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
