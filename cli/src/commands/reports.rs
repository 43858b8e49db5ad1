//! `bonafide reports`: the calls about reports, for backends.

use std::process::ExitCode;

use clap::Subcommand;
use proto::identity::v1::ListVerificationReportsRequest;

use super::backend::{Backend, Deployed, Format, PageArgs};
use crate::client::refusal;
use crate::render::{Style, json, text};
use crate::stdout::print;

/// Read verification reports
#[derive(Debug, clap::Args)]
pub struct Reports {
    #[command(flatten)]
    backend: Backend,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List reports, newest first
    List {
        /// Only those of this session
        #[arg(long, value_name = "SESSION")]
        session: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
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
        match self.action {
            Action::List { session, page } => list(&deployed, session, page, self.backend.format).await?,
            Action::Get { report } => {
                let read = deployed.api.report(&report).await;
                let report = read.map_err(|status| refusal(&deployed.address, "read the report", &status))?;
                match self.backend.format {
                    Format::Text => print(&text::report(&report, Style::of_stdout()))?,
                    Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&json::report(&report))?))?,
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(deployed: &Deployed, session: Option<String>, page: PageArgs, format: Format) -> anyhow::Result<()> {
    let request = ListVerificationReportsRequest {
        client_reference_id: page.reference.clone(),
        verification_session: session,
        created: Some(page.created()),
        ..Default::default()
    };
    let read = async |starting_after, limit| {
        let request = ListVerificationReportsRequest {
            starting_after,
            limit: Some(limit),
            ..request.clone()
        };
        let listed = deployed.api.list_reports(request).await;
        let listed = listed.map_err(|status| refusal(&deployed.address, "list the reports", &status))?;
        Ok((listed.data, listed.has_more))
    };
    page.print(format, read, |report| &report.id, text::reports, json::report)
        .await
}
