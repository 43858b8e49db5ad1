//! `bonafide queue`: jobs that no worker can do, for operators.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use proto::store::v1::queue_service_client::QueueServiceClient;
use proto::store::v1::queued_job::State;
use proto::store::v1::{
    DeadLetterReason, DeadLetteredJob, FailJobRequest, GetQueuedJobRequest, ListDeadLettersRequest, QueuedJob,
    RequeueJobRequest,
};
use service_kit::client::ServiceChannel;
use service_kit::config::Secret;
use service_kit::tls::{ClientTls, TlsConfig};

use crate::client::{refusal, with_scheme};
use crate::deployment;
use crate::keys::{self, Keys};
use crate::render::text::time;
use crate::stdout::print;

/// See and end what no worker can do
#[derive(Debug, clap::Args)]
pub struct Queue {
    /// Address of report-svc, e.g. http://127.0.0.1:50052; `bonafide up` prints it
    #[arg(long, env = "BONAFIDE_REPORT_ADDRESS", value_name = "URL", global = true)]
    address: Option<String>,
    /// File with the service token [default: $BONAFIDE_SERVICE_TOKEN, else that of `bonafide up` on this machine]
    #[arg(long, value_name = "FILE", global = true)]
    service_token_file: Option<PathBuf>,
    /// For an address with https.
    #[command(flatten)]
    tls: TlsConfig,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the dead-lettered jobs, those of the oldest sessions of each partition first
    List,
    /// Show a session's job
    Show {
        #[arg(value_name = "SESSION")]
        session: String,
    },
    /// Queue dead-lettered jobs again, as if they were new
    Requeue {
        #[arg(value_name = "SESSION", required = true)]
        sessions: Vec<String>,
    },
    /// End the attempts of dead-lettered jobs: the person is asked to try again
    Fail {
        #[arg(value_name = "SESSION", required = true)]
        sessions: Vec<String>,
    },
}

/// Calls report-svc.
struct Client {
    address: String,
    queue: QueueServiceClient<ServiceChannel>,
}

impl Queue {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let address = self
            .address
            .context("name report-svc with --address or BONAFIDE_REPORT_ADDRESS")?;
        let address = with_scheme(&address);
        let token = service_token(self.service_token_file.as_deref())?;
        let channel = ServiceChannel::with_tls(&address, token.as_ref(), &ClientTls::open(&self.tls)?)?;
        let mut client = Client {
            queue: QueueServiceClient::new(channel),
            address,
        };
        match self.action {
            Action::List => client.list().await?,
            Action::Show { session } => print(&line(&client.job(session).await?))?,
            Action::Requeue { sessions } => return each(sessions, async |session| client.requeue(session).await).await,
            Action::Fail { sessions } => return each(sessions, async |session| client.fail(session).await).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Client {
    /// Prints page after page.
    async fn list(&mut self) -> anyhow::Result<()> {
        let mut request = ListDeadLettersRequest::default();
        loop {
            let page = self.queue.list_dead_letters(request.clone()).await;
            let page = page
                .map_err(|status| refusal(&self.address, "list the jobs", &status))?
                .into_inner();
            print(&page.jobs.iter().map(line).collect::<String>())?;
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            request.page_token = page.next_page_token;
        }
    }

    async fn job(&mut self, session: String) -> anyhow::Result<QueuedJob> {
        let found = self
            .queue
            .get_queued_job(GetQueuedJobRequest {
                verification_session: session,
            })
            .await;
        Ok(found
            .map_err(|status| refusal(&self.address, "find the job", &status))?
            .into_inner())
    }

    /// Queues a session's job again; what became of it.
    async fn requeue(&mut self, session: String) -> anyhow::Result<&'static str> {
        let QueuedJob {
            verification_session,
            attempt,
            state,
            ..
        } = self.job(session).await?;
        match state {
            Some(State::Waiting(_)) => return Ok("waits in the queue: nothing was changed"),
            Some(State::Leased(_)) => return Ok("is with a worker: nothing was changed"),
            Some(State::DeadLettered(_) | State::Lost(_)) | None => {}
        }
        let queued = self
            .queue
            .requeue_job(RequeueJobRequest {
                verification_session,
                attempt,
            })
            .await;
        queued.map_err(|status| refusal(&self.address, "queue the job", &status))?;
        Ok("queued again")
    }

    /// Ends the attempt of a session's job; what became of it.
    async fn fail(&mut self, session: String) -> anyhow::Result<&'static str> {
        let QueuedJob {
            verification_session,
            attempt,
            ..
        } = self.job(session).await?;
        let failed = self
            .queue
            .fail_job(FailJobRequest {
                verification_session,
                attempt,
            })
            .await;
        let failed = failed.map_err(|status| refusal(&self.address, "end the attempt", &status))?;
        Ok(if failed.into_inner().attempt_ended {
            "attempt ended"
        } else {
            "job dropped: the session cannot be read and is as it was"
        })
    }
}

/// Does something to every session and prints what came of it; one that fails keeps none of the others from their turn.
async fn each(
    sessions: Vec<String>,
    mut act: impl AsyncFnMut(String) -> anyhow::Result<&'static str>,
) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for session in sessions {
        match act(session.clone()).await {
            Ok(outcome) => print(&format!("{session}  {outcome}\n"))?,
            Err(error) => {
                code = ExitCode::from(2);
                eprintln!("{session}  {error:#}");
            }
        }
    }
    Ok(code)
}

/// From the file named, else from the environment, else that of a deployment of this user on this machine; a report-svc on loopback
/// may have none.
fn service_token(file: Option<&Path>) -> anyhow::Result<Option<Secret>> {
    let local = deployment::default_data_folder().map(|data| Keys::service_token_file(&data));
    keys::chosen(file, "BONAFIDE_SERVICE_TOKEN", local.as_deref())
}

/// A job in one line.
fn line(job: &QueuedJob) -> String {
    let state = match &job.state {
        Some(State::Waiting(waiting)) => format!("waiting, due {}", time(waiting.due)),
        Some(State::Leased(leased)) => format!("leased by {} until {}", leased.worker, time(leased.until)),
        Some(State::DeadLettered(letter)) => format!("dead-lettered {}: {}", time(letter.since), reason(letter)),
        Some(State::Lost(_)) => "lost: no worker gets it before it is queued again".to_owned(),
        None => "in a state that this program does not know".to_owned(),
    };
    let QueuedJob {
        verification_session: session,
        attempt,
        delivery,
        ..
    } = job;
    format!("{session}  attempt {attempt}  delivery {delivery}  {state}\n")
}

fn reason(letter: &DeadLetteredJob) -> String {
    match letter.reason() {
        DeadLetterReason::MasterKeyMissing => format!("master key {:?} is missing", letter.master_key),
        DeadLetterReason::SessionUnreadable => "the session's record is damaged".to_owned(),
        DeadLetterReason::SessionMissing => "there is no such session".to_owned(),
        DeadLetterReason::Unspecified => "for a reason that this program does not know".to_owned(),
    }
}
