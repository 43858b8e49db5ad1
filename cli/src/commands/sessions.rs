//! `bonafide sessions`: the calls about sessions, for backends.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use proto::identity::v1::{
    ListVerificationSessionsRequest, UpdateVerificationSessionRequest, VerificationErrorCode, VerificationSession,
    VerificationSessionStatus,
};

use super::backend::{Backend, Deployed, Format, PageArgs};
use crate::render::{Style, json, text};
use crate::stdout::{print, print_json};

/// List, read, change, cancel and redact verification sessions, and simulate verifications in test mode
#[derive(Debug, clap::Args)]
pub struct Sessions {
    #[command(flatten)]
    backend: Backend,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List sessions, newest first
    List(List),
    /// Read a session, its last report and what was verified, as far as the key may see them
    Get {
        #[arg(value_name = "SESSION")]
        session: String,
    },
    /// Set metadata of a session
    Update {
        #[command(flatten)]
        call: Call,
        /// An entry to set, or to remove where VALUE is empty; may be given several times
        #[arg(long, value_name = "KEY=VALUE", value_parser = entry, required = true)]
        metadata: Vec<(String, String)>,
    },
    /// Cancel a session that requires input. Irreversible
    Cancel {
        #[command(flatten)]
        call: Call,
    },
    /// Remove what is personal in a session, its reports, events and pictures. Irreversible
    Redact {
        #[command(flatten)]
        call: Call,
    },
    /// Choose how a session of test mode ends, and submit it; needs a test key, as --test has one
    Simulate {
        #[command(flatten)]
        call: Call,
        /// Code of the session's last_error, such as document_expired; it is verified without one
        #[arg(long, value_name = "CODE", value_parser = error_code)]
        error: Option<VerificationErrorCode>,
        /// How long the session is processing, up to 1h
        #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
        delay: Duration,
    },
}

/// A session that a call changes.
#[derive(Debug, clap::Args)]
struct Call {
    #[arg(value_name = "SESSION")]
    session: String,
    /// Lets the call happen once within 24 hours, however often it is sent
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only those in this status
    #[arg(long)]
    status: Option<Status>,
    /// Only those with this related_customer
    #[arg(long, value_name = "CUSTOMER")]
    customer: Option<String>,
    /// Only those with this related_customer_account
    #[arg(long, value_name = "ACCOUNT")]
    customer_account: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Status {
    RequiresInput,
    Processing,
    Verified,
    Canceled,
}

impl From<Status> for VerificationSessionStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::RequiresInput => Self::RequiresInput,
            Status::Processing => Self::Processing,
            Status::Verified => Self::Verified,
            Status::Canceled => Self::Canceled,
        }
    }
}

/// Reads a code as the API writes it.
fn error_code(given: &str) -> Result<VerificationErrorCode, String> {
    let codes = (1..).map_while(|number| VerificationErrorCode::try_from(number).ok());
    let codes: Vec<_> = codes.map(|code| (text::error_code(code), code)).collect();
    if let Some((_, code)) = codes.iter().find(|(name, _)| name == given) {
        return Ok(*code);
    }
    let names: Vec<_> = codes.into_iter().map(|(name, _)| name).collect();
    Err(format!("must be one of {}", names.join(", ")))
}

fn entry(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Sessions {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let deployed = self.backend.open()?;
        match self.action {
            Action::List(list) => list.run(&deployed, self.backend.format).await?,
            Action::Get { session } => {
                let sensitive: &[&str] = if deployed.reads_sensitive {
                    &["verified_outputs.dob", "verified_outputs.id_number"]
                } else {
                    &[]
                };
                let expand = [&["verified_outputs", "last_verification_report"], sensitive].concat();
                let read = deployed.api.session(&session, &expand).await;
                let session = deployed.answered("read the session", read)?;
                self.backend.format.print(&session)?;
            }
            Action::Update { call, metadata } => {
                let request = UpdateVerificationSessionRequest {
                    verification_session: call.session,
                    metadata: HashMap::from_iter(metadata),
                    idempotency_key: call.idempotency_key,
                    ..Default::default()
                };
                let updated = deployed.api.update(request).await;
                let session = deployed.answered("set the metadata", updated)?;
                self.backend.format.print(&session)?;
            }
            Action::Cancel { call } => {
                let canceled = deployed.api.cancel(&call.session, call.idempotency_key).await;
                let session = deployed.answered("cancel the session", canceled)?;
                self.backend.format.print(&session)?;
            }
            Action::Redact { call } => {
                let redacted = deployed.api.redact(&call.session, call.idempotency_key).await;
                let session = deployed.answered("redact the session", redacted)?;
                self.backend.format.print(&session)?;
            }
            Action::Simulate { call, error, delay } => {
                let error = error.unwrap_or_default();
                let simulated = deployed.api.simulate(&call.session, error, delay, call.idempotency_key);
                let simulated = simulated.await;
                let session = deployed.answered("choose the outcome", simulated)?;
                self.backend.format.print(&session)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Format {
    fn print(self, session: &VerificationSession) -> anyhow::Result<()> {
        match self {
            Self::Text => print(&text::session(session, Style::of_stdout())),
            Self::Json => print_json(&json::session(session)),
        }
    }
}

impl List {
    async fn run(self, deployed: &Deployed, format: Format) -> anyhow::Result<()> {
        let status = self.status.map_or(VerificationSessionStatus::Unspecified, Into::into);
        let request = ListVerificationSessionsRequest {
            client_reference_id: self.page.reference.clone(),
            related_customer: self.customer,
            related_customer_account: self.customer_account,
            status: status.into(),
            created: Some(self.page.created()),
            ..Default::default()
        };
        let read = async |starting_after, limit| {
            let request = ListVerificationSessionsRequest {
                starting_after,
                limit: Some(limit),
                ..request.clone()
            };
            let listed = deployed.api.list(request).await;
            let listed = deployed.answered("list the sessions", listed)?;
            Ok((listed.data, listed.has_more))
        };
        self.page
            .print(format, read, |session| &session.id, text::sessions, json::session)
            .await
    }
}
