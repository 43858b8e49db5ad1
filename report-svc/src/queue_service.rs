//! The gRPC face of the queue, for operators.

use std::time::Duration;

use proto::id::Kind as IdKind;
use proto::store::v1::queue_service_server::QueueService;
use proto::store::v1::queued_job::State;
use proto::store::v1::{
    DeadLetterReason as PublicReason, DeadLetteredJob, FailJobRequest, FailJobResponse, GetQueuedJobRequest, LeasedJob,
    ListDeadLettersRequest, ListDeadLettersResponse, LostJob, QueuedJob, RequeueJobRequest, RequeueJobResponse,
    WaitingJob,
};
use service_kit::status::Violations;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::id::Id;
use crate::storage::{DeadLetterReason, Job, JobState};
use crate::store::{Failed, Queued, Store};

const DEFAULT_PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

/// How often jobs are looked for whose master key has come back. Keys come with a replica's start; but another one that lacks them may
/// still set jobs aside.
const LOOK_FOR_READABLE: Duration = Duration::from_secs(30);

/// Answers `QueueService`.
#[derive(Clone, Debug)]
pub struct QueueApi {
    store: Store,
}

impl QueueApi {
    /// Serves the queue of `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

/// Queues jobs again whose master key has come back, at once and over and over, until `stop`.
pub(crate) async fn requeue_readable(store: Store, stop: CancellationToken) {
    let mut times = interval(LOOK_FOR_READABLE);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(times.tick()).await.is_some() {
        match store.requeue_readable(&stop).await {
            Ok(0) => {}
            Ok(queued) => tracing::info!(queued, "jobs are queued again: their master key is back"),
            Err(error) => tracing::warn!(%error, "dead-lettered jobs could not be looked through"),
        }
    }
}

#[tonic::async_trait]
impl QueueService for QueueApi {
    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        let ListDeadLettersRequest { page_size, page_token } = request.into_inner();
        let after = Some(page_token).filter(|token| !token.is_empty());
        let known = after
            .as_ref()
            .is_none_or(|token| Id::parse(IdKind::VerificationSession, token).is_some());
        let mut violations = Violations::new();
        violations
            .require(page_size <= LARGEST_PAGE, "page_size", "must be at most 1000")
            .require(known, "page_token", "must be that of an answer");
        violations.check().map_err(Error::Invalid)?;
        let size = if page_size == 0 { DEFAULT_PAGE } else { page_size } as usize;
        // One more tells whether there is another page.
        let mut jobs = self.store.dead_letters(after.as_deref(), size + 1).await?;
        let more = jobs.len() > size;
        jobs.truncate(size);
        let last = jobs.last().filter(|_| more);
        let next_page_token = last.map(|job| job.session.to_string()).unwrap_or_default();
        Ok(Response::new(ListDeadLettersResponse {
            jobs: jobs.into_iter().map(public).collect(),
            next_page_token,
        }))
    }

    async fn get_queued_job(&self, request: Request<GetQueuedJobRequest>) -> Result<Response<QueuedJob>, Status> {
        let job = match self.store.queued(&request.into_inner().verification_session).await? {
            Queued::Job(job) => public(job),
            Queued::Lost { session, attempt } => QueuedJob {
                verification_session: session.to_string(),
                attempt,
                state: Some(State::Lost(LostJob {})),
                ..QueuedJob::default()
            },
        };
        Ok(Response::new(job))
    }

    async fn requeue_job(&self, request: Request<RequeueJobRequest>) -> Result<Response<RequeueJobResponse>, Status> {
        let request = request.into_inner();
        self.store
            .requeue(&request.verification_session, request.attempt)
            .await?;
        Ok(Response::new(RequeueJobResponse {}))
    }

    async fn fail_job(&self, request: Request<FailJobRequest>) -> Result<Response<FailJobResponse>, Status> {
        let request = request.into_inner();
        let attempt_ended =
            self.store.fail(&request.verification_session, request.attempt).await? == Failed::AttemptEnded;
        Ok(Response::new(FailJobResponse { attempt_ended }))
    }
}

fn public(job: Job) -> QueuedJob {
    let state = match job.state {
        JobState::Waiting { due } => State::Waiting(WaitingJob { due: Some(due.into()) }),
        JobState::Leased { worker, until, .. } => State::Leased(LeasedJob {
            worker,
            until: Some(until.into()),
        }),
        JobState::DeadLettered { since, reason } => {
            let (reason, master_key) = match reason {
                DeadLetterReason::MasterKeyMissing(key) => (PublicReason::MasterKeyMissing, key),
                DeadLetterReason::SessionUnreadable => (PublicReason::SessionUnreadable, String::new()),
                DeadLetterReason::SessionMissing => (PublicReason::SessionMissing, String::new()),
            };
            State::DeadLettered(DeadLetteredJob {
                since: Some(since.into()),
                reason: reason.into(),
                master_key,
            })
        }
    };
    QueuedJob {
        verification_session: job.session.to_string(),
        attempt: job.attempt,
        delivery: job.delivery,
        excused: job.excused,
        state: Some(state),
    }
}
