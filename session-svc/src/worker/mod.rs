//! Workers: each leases one job after another from report-svc and drives its checks.
//!
//! ```text
//! lease ─▶ fetch pictures ─▶ document check ┬─▶ complete
//!   │                    └─▶ selfie check ──┘
//!   └─ meanwhile: the lease is extended; losing it, or being told to stop, ends the rest
//! ```
//!
//! A job ends in one of three ways: it is completed; it is handed back to be tried again, after a delay that grows with the number
//! of times it was tried; or its lease was lost, and then it is another worker's. A job that is handed back since this worker
//! stops or a service is away does not count as tried.

mod checks;
mod instruments;
mod lease;
mod retry_policy;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use proto::document::v1::DocumentPolicy;
use proto::document::v1::document_check_service_client::DocumentCheckServiceClient;
use proto::reason::Reason;
use proto::selfie::v1::selfie_check_service_client::SelfieCheckServiceClient;
use proto::store::v1::{ExtendLeaseRequest, Job, LeaseJobRequest, ReleaseJobRequest};
use service_kit::client::ServiceChannel;
use service_kit::{deadline, stage, status, telemetry};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::{Instrument as _, Span};

use self::checks::CheckError;
use self::instruments::Instruments;
use crate::Store;
use crate::backoff::Backoff;

/// How long report-svc holds a request for a job that is not there yet.
const LEASE_WAIT: Duration = Duration::from_secs(20);

/// How long report-svc has for everything else that a worker asks of it.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Delay of a job that is handed back for the first time; doubles each time.
const FIRST_DELAY: Duration = Duration::from_secs(5);
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// What a worker calls.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) store: Store,
    pub(crate) document: DocumentCheckServiceClient<ServiceChannel>,
    pub(crate) selfie: SelfieCheckServiceClient<ServiceChannel>,
    /// Goes with every document.
    pub(crate) policy: DocumentPolicy,
    /// Whether the faces that were compared are completed with.
    pub(crate) keeps_face_crops: bool,
}

/// What all workers of a replica share.
pub(crate) struct WorkerPool {
    services: Services,
    lease: Duration,
    /// How long a running job may go on after `stop`; then it is handed back.
    grace: Duration,
    stop: CancellationToken,
    /// Whether the last lease was answered, so that an outage is logged once.
    store_answers: AtomicBool,
    instruments: Instruments,
}

/// A request for a job, until it is answered.
struct LeaseRequest {
    /// No other has it.
    id: String,
    /// What it may have leased before its first failure is free again a lease later: then another one may be made, which may be answered
    /// where this one is not, since what is remembered of it lies in a part of the storage that is away.
    failing_since: Option<Instant>,
}

/// How one job went.
enum Outcome {
    Completed,
    /// Another worker may have it by now.
    LeaseLost,
    HandBack {
        delay: Duration,
        /// It was not the job's fault.
        excused: bool,
    },
}

impl WorkerPool {
    pub(crate) fn new(
        services: Services,
        lease: Duration,
        drain_timeout: Duration,
        stop: CancellationToken,
    ) -> Arc<Self> {
        // The rest of the time is for handing jobs back.
        let grace = drain_timeout.mul_f64(0.8);
        Arc::new(Self {
            services,
            lease,
            grace,
            stop,
            store_answers: AtomicBool::new(true),
            instruments: Instruments::new(),
        })
    }

    /// Runs this many workers until told to stop; ends when the last one has.
    pub(crate) async fn work(self: Arc<Self>, replica: &str, workers: usize) {
        self.instruments.workers(workers);
        let mut running = JoinSet::new();
        for index in 0..workers {
            let pool = Arc::clone(&self);
            let name = format!("{replica}/{index}");
            running.spawn(async move { pool.work_alone(&name).await });
        }
        running.join_all().await;
    }

    async fn work_alone(&self, name: &str) {
        let mut backoff = Backoff::new();
        // One that had no answer is asked again under its name: there may be a job with it.
        let mut unanswered: Option<LeaseRequest> = None;
        while !self.stop.is_cancelled() {
            let request = unanswered
                .take_if(|request| request.has_failed_for() < self.lease)
                .unwrap_or_else(LeaseRequest::new);
            let lease = stage::span("lease");
            let asked = self.lease_job(name, &request.id, LEASE_WAIT).instrument(lease.clone());
            let Some(leased) = self.stop.run_until_cancelled(asked).await else {
                unanswered = Some(request);
                break;
            };
            self.note_whether_store_answers(&leased);
            match leased {
                Ok(job) => {
                    backoff = Backoff::new();
                    if let Some(job) = job {
                        self.drive(job, &lease).await;
                    }
                }
                Err(status) => {
                    unanswered = Some(request.failed());
                    let _ = self.stop.run_until_cancelled(sleep(backoff.after(&status))).await;
                }
            }
        }
        if let Some(request) = unanswered {
            let _ = timeout(self.grace, self.hand_back_unanswered(name, &request.id)).await;
        }
    }

    async fn lease_job(&self, worker: &str, request_id: &str, wait: Duration) -> Result<Option<Job>, Status> {
        let request = LeaseJobRequest {
            worker: worker.to_owned(),
            lease: Some(duration(self.lease)),
            wait: Some(duration(wait)),
            request_id: request_id.to_owned(),
        };
        let mut store = self.services.store.clone();
        let answer = deadline::scope(Some(wait + STORE_TIMEOUT), store.lease_job(request)).await?;
        Ok(answer.into_inner().job)
    }

    fn note_whether_store_answers<T>(&self, leased: &Result<T, Status>) {
        let answered_before = self.store_answers.swap(leased.is_ok(), Ordering::Relaxed);
        match leased {
            Ok(_) if !answered_before => tracing::info!("report-svc answers again: workers go on"),
            Err(status) if answered_before => tracing::warn!(
                code = status.code() as i32,
                reason = status::reason(status).map(Reason::name),
                error = status.message(),
                "report-svc gives no jobs: workers wait until it does"
            ),
            Ok(_) | Err(_) => {}
        }
    }

    /// Takes one job to its end, as part of the trace that its submission began.
    async fn drive(&self, job: Job, lease: &Span) {
        let span = tracing::info_span!(
            "verification",
            otel.kind = "consumer",
            session = job.verification_session,
            attempt = job.attempt,
            delivery = job.delivery,
        );
        telemetry::continue_trace(&span, &job.trace_context);
        telemetry::link(&span, lease);
        async {
            self.instruments.begin();
            let outcome = self.outcome(&job).await;
            self.instruments.end(&outcome);
            match outcome {
                Outcome::Completed => {}
                Outcome::LeaseLost => tracing::warn!("the lease was lost: the job is another worker's"),
                Outcome::HandBack { delay, excused } => self.hand_back(&job, delay, excused).await,
            }
        }
        .instrument(span)
        .await;
    }

    async fn outcome(&self, job: &Job) -> Outcome {
        let verified = AssertUnwindSafe(self.services.verify(job)).catch_unwind();
        let stopped = async {
            self.stop.cancelled().await;
            sleep(self.grace).await;
        };
        tokio::select! {
            biased;
            verified = verified => match verified {
                Ok(Ok(completed_now)) => {
                    tracing::info!(completed_now, "verification completed");
                    Outcome::Completed
                }
                Ok(Err(CheckError::LeaseLost)) => Outcome::LeaseLost,
                Ok(Err(error)) => {
                    error.log();
                    Outcome::HandBack {
                        delay: delay_after(tries(job)),
                        excused: error.is_outage(),
                    }
                }
                Err(_panic) => {
                    tracing::error!("a worker panicked");
                    Outcome::HandBack {
                        delay: delay_after(tries(job)),
                        excused: false,
                    }
                }
            },
            () = self.keep_lease(&job.lease_token) => Outcome::LeaseLost,
            () = stopped => {
                tracing::info!("stopping before the verification was done: another worker gets it");
                Outcome::HandBack {
                    delay: Duration::ZERO,
                    excused: true,
                }
            }
        }
    }

    /// Ends when the lease is lost.
    async fn keep_lease(&self, lease_token: &str) {
        lease::keep(self.lease, async || {
            let request = ExtendLeaseRequest {
                lease_token: lease_token.to_owned(),
                lease: Some(duration(self.lease)),
            };
            self.services.store.clone().extend_lease(request).await.map(drop)
        })
        .await;
    }

    /// Hands back the job of a request whose answer was not waited for to the end: asked once more, it is the same one.
    async fn hand_back_unanswered(&self, worker: &str, request_id: &str) {
        if let Ok(Some(job)) = self.lease_job(worker, request_id, Duration::ZERO).await {
            self.hand_back(&job, Duration::ZERO, true).await;
        }
    }

    /// If this fails, the job is leased to another worker when the lease ends.
    async fn hand_back(&self, job: &Job, delay: Duration, excused: bool) {
        let request = ReleaseJobRequest {
            lease_token: job.lease_token.clone(),
            delay: Some(duration(delay)),
            excused,
        };
        let mut store = self.services.store.clone();
        match deadline::scope(Some(STORE_TIMEOUT), store.release_job(request)).await {
            Ok(_) => tracing::info!(delay_s = delay.as_secs(), excused, "job handed back"),
            Err(status) => tracing::warn!(
                code = status.code() as i32,
                reason = status::reason(&status).map(Reason::name),
                "the job could not be handed back: it is free when its lease ends"
            ),
        }
    }
}

impl LeaseRequest {
    fn new() -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            failing_since: None,
        }
    }

    fn failed(mut self) -> Self {
        self.failing_since.get_or_insert_with(Instant::now);
        self
    }

    fn has_failed_for(&self) -> Duration {
        self.failing_since.map(|since| since.elapsed()).unwrap_or_default()
    }
}

/// How many times a job was tried, this time included.
fn tries(job: &Job) -> u32 {
    job.delivery.saturating_sub(job.excused)
}

/// How long a job rests after it was tried this many times.
fn delay_after(tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(16);
    (FIRST_DELAY * 2_u32.pow(doublings)).min(LONGEST_DELAY)
}

/// All durations here are far below the limits of the format.
fn duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(duration).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_longer_each_time() {
        let delays: Vec<u64> = [0, 1, 2, 3, 7, 8, u32::MAX]
            .map(|tries| delay_after(tries).as_secs())
            .into();
        assert_eq!(delays, [5, 5, 10, 20, 300, 300, 300]);
    }
}
