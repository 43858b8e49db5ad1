//! `bonafide reports`: the calls about reports, for backends.

use std::process::ExitCode;

use clap::Subcommand;
use proto::identity::v1::ListVerificationReportsRequest;

use super::backend::{Backend, Deployed, Format, PageArgs};
use crate::render::{Style, json, text};
use crate::stdout::{print, print_json};

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
                let report = deployed.answered("read the report", read)?;
                match self.backend.format {
                    Format::Text => print(&text::report(&report, Style::of_stdout()))?,
                    Format::Json => print_json(&json::report(&report))?,
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
        let listed = deployed.answered("list the reports", listed)?;
        Ok((listed.data, listed.has_more))
    };
    page.print(format, read, |report| &report.id, text::reports, json::report)
        .await
}
