//! The gRPC face of the store: checks requests, calls the store, waits for what was asked to be waited for.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use prost::Message;
use proto::identity::v1::{
    File, ListFilesResponse, ListVerificationReportsResponse, VerificationErrorCode, VerificationReport,
};
use proto::store::v1::store_service_server::StoreService;
use proto::store::v1::{
    CancelSessionRequest, CompleteVerificationRequest, CompleteVerificationResponse, CreateSessionRequest,
    ExtendLeaseRequest, ExtendLeaseResponse, GetFileRequest, GetImageRequest, GetImageResponse, GetReportRequest,
    GetSessionRequest, LeaseJobRequest, LeaseJobResponse, LeaveSessionRequest, ListFilesRequest, ListReportsRequest,
    ListSessionsRequest, ListSessionsResponse, PutImageRequest, ReadFileRequest, ReadFileResponse,
    RedactSessionRequest, ReleaseJobRequest, ReleaseJobResponse, SimulateSessionRequest, StoredSession,
    SubmitSessionRequest, UpdateSessionRequest, WatchSessionRequest,
};
use proto::{MAX_PAGE_BYTES, MAX_SIMULATED_DELAY};
use service_kit::deadline;
use service_kit::status::Violations;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use crate::assemble::Findings;
use crate::error::Error;
use crate::list_request;
use crate::storage::{LONGEST_LEASE, Lease, LeaseRequest};
use crate::store::{Caller, Cursor, Page, Session, Store};

/// How often a waiting call looks for itself: for leases that ended, delays that passed, and news that got lost.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How often a watched session is read without news of it.
const READ_AGAIN: Duration = Duration::from_secs(5);

/// Left of a caller's deadline when it is told that there is no job, so that a job is never leased to somebody who has gone.
const ANSWER_MARGIN: Duration = Duration::from_millis(100);

/// Longest name of a worker, and of a request.
const LONGEST_NAME: usize = 128;

/// Answers `StoreService`.
#[derive(Clone, Debug)]
pub struct StoreApi {
    store: Store,
    /// Whose turn it is to look for jobs.
    turn: Arc<Mutex<()>>,
    shutdown: CancellationToken,
}

impl StoreApi {
    /// Serves `store`; calls that wait end at `shutdown`.
    pub fn new(store: Store, shutdown: CancellationToken) -> Self {
        Self {
            store,
            turn: Arc::default(),
            shutdown,
        }
    }

    /// What session-svc gets of a session.
    async fn stored(&self, session: &Session, with_last_report: bool) -> Result<StoredSession, Error> {
        let mut stored = session.to_stored();
        if with_last_report {
            stored.last_report = self.store.last_report(session).await?;
        }
        Ok(stored)
    }

    /// Waits for a job until `until`.
    ///
    /// Calls that wait take turns: one of them looks for jobs while the others sleep, and hands over when it has found one. So
    /// idle workers cost what one of them costs, and a job wakes one of them.
    async fn wait_for_job(&self, request: &LeaseRequest, until: Instant) -> Result<LeaseJobResponse, Error> {
        if let Some(job) = self.store.lease(request).await? {
            return Ok(LeaseJobResponse { job: Some(job) });
        }
        let _turn = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return Ok(LeaseJobResponse { job: None }),
            () = tokio::time::sleep_until(until) => return Ok(LeaseJobResponse { job: None }),
            turn = self.turn.lock() => turn,
        };
        let mut arrivals = self.store.changes().jobs();
        loop {
            arrivals.mark_unchanged();
            if let Some(job) = self.store.lease(request).await? {
                return Ok(LeaseJobResponse { job: Some(job) });
            }
            let now = Instant::now();
            if now >= until {
                return Ok(LeaseJobResponse { job: None });
            }
            tokio::select! {
                _ = arrivals.changed() => {}
                () = tokio::time::sleep_until(until.min(now + LOOK_AGAIN)) => {}
                () = self.shutdown.cancelled() => return Ok(LeaseJobResponse { job: None }),
            }
        }
    }

    /// Sends a session whenever it has a version that was not sent, until it can change no more or nobody listens.
    async fn watch(
        &self,
        id: &str,
        account: &str,
        sender: &mpsc::Sender<Result<StoredSession, Status>>,
    ) -> Result<(), Error> {
        let mut changes = self.store.changes().session(id);
        let mut sent = 0;
        loop {
            let session = self.store.session(id, Some(account)).await?;
            if session.version > sent {
                sent = session.version;
                let stored = session.to_stored();
                let last = stored.is_final;
                if sender.send(Ok(stored)).await.is_err() || last {
                    return Ok(());
                }
            }
            tokio::select! {
                () = changes.changed() => {}
                () = tokio::time::sleep(READ_AGAIN) => {}
                () = sender.closed() => return Ok(()),
                () = self.shutdown.cancelled() => return Err(Error::Stopping),
            }
        }
    }
}

#[tonic::async_trait]
impl StoreService for StoreApi {
    async fn create_session(&self, request: Request<CreateSessionRequest>) -> Result<Response<StoredSession>, Status> {
        let CreateSessionRequest {
            account,
            livemode,
            request,
        } = request.into_inner();
        let request = given(&account, request)?;
        let session = self.store.create(&account, livemode, request).await?;
        Ok(Response::new(session.to_stored()))
    }

    async fn get_session(&self, request: Request<GetSessionRequest>) -> Result<Response<StoredSession>, Status> {
        let request = request.into_inner();
        let session = self
            .store
            .session(&request.verification_session, request.account.as_deref())
            .await?;
        Ok(Response::new(self.stored(&session, request.with_last_report).await?))
    }

    async fn update_session(&self, request: Request<UpdateSessionRequest>) -> Result<Response<StoredSession>, Status> {
        let UpdateSessionRequest { account, request } = request.into_inner();
        let request = given(&account, request)?;
        let session = self.store.update(&account, &request).await?;
        Ok(Response::new(session.to_stored()))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let ListSessionsRequest {
            account,
            request,
            with_last_report,
        } = request.into_inner();
        let request = given(&account, request)?;
        let (filter, cursor, limit) = list_request::sessions(account, request).map_err(Error::Invalid)?;
        let Page {
            items: sessions,
            has_more,
        } = self.store.list(&filter, &cursor, limit).await?;
        let stored = sessions.iter().map(|session| self.stored(session, with_last_report));
        let page = within_a_message(try_join_all(stored).await?, has_more, &cursor);
        Ok(Response::new(ListSessionsResponse {
            sessions: page.items,
            has_more: page.has_more,
        }))
    }

    async fn cancel_session(&self, request: Request<CancelSessionRequest>) -> Result<Response<StoredSession>, Status> {
        let request = request.into_inner();
        let caller = Caller::new(Some(&request.account), request.idempotency_key.as_deref());
        let session = self.store.cancel(&request.verification_session, caller).await?;
        Ok(Response::new(session.to_stored()))
    }

    async fn redact_session(&self, request: Request<RedactSessionRequest>) -> Result<Response<StoredSession>, Status> {
        let request = request.into_inner();
        let caller = Caller::new(Some(&request.account), request.idempotency_key.as_deref());
        let session = self.store.redact(&request.verification_session, caller).await?;
        // Nobody need wait for it: the sweeper comes to what is left.
        let (store, id) = (self.store.clone(), session.id.clone());
        let deleting = async move {
            if let Err(error) = store.delete_discarded(id.as_str()).await {
                tracing::warn!(session = %id, %error, "the files of a redacted session could not be deleted yet");
            }
        };
        tokio::spawn(deleting.in_current_span());
        Ok(Response::new(session.to_stored()))
    }

    type WatchSessionStream = ReceiverStream<Result<StoredSession, Status>>;

    async fn watch_session(
        &self,
        request: Request<WatchSessionRequest>,
    ) -> Result<Response<Self::WatchSessionStream>, Status> {
        let WatchSessionRequest {
            verification_session: id,
            account,
        } = request.into_inner();
        // A session that is not found is the call's error, not the stream's.
        self.store.session(&id, Some(&account)).await?;
        let (sender, receiver) = mpsc::channel(1);
        let api = self.clone();
        let watching = async move {
            if let Err(error) = api.watch(&id, &account, &sender).await {
                let _ = sender.send(Err(error.into())).await;
            }
        };
        tokio::spawn(watching.in_current_span());
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn put_image(&self, request: Request<PutImageRequest>) -> Result<Response<File>, Status> {
        let request = request.into_inner();
        let purpose = request.purpose();
        let mut violations = Violations::new();
        violations.require(purpose.is_uploaded(), "purpose", "must be one that is uploaded");
        violations.check().map_err(Error::Invalid)?;
        let store = self.store.clone();
        let putting = async move {
            let caller = Caller::new(request.account.as_deref(), request.idempotency_key.as_deref());
            let session = &request.verification_session;
            store.put_image(session, caller, purpose, request.data).await
        };
        // Brought to its end even when the caller leaves: half of it would be a file that no record names.
        let put = tokio::spawn(putting.in_current_span()).await;
        Ok(Response::new(put.map_err(ended)??))
    }

    async fn get_image(&self, request: Request<GetImageRequest>) -> Result<Response<GetImageResponse>, Status> {
        let request = request.into_inner();
        let data = self.store.image(&request.verification_session, &request.file).await?;
        Ok(Response::new(GetImageResponse { data }))
    }

    async fn submit_session(&self, request: Request<SubmitSessionRequest>) -> Result<Response<StoredSession>, Status> {
        let trace_context = trace_context(request.metadata());
        let request = request.into_inner();
        let caller = Caller::new(request.account.as_deref(), request.idempotency_key.as_deref());
        let session = &request.verification_session;
        let session = self.store.submit(session, caller, trace_context).await?;
        Ok(Response::new(session.to_stored()))
    }

    async fn leave_session(&self, request: Request<LeaveSessionRequest>) -> Result<Response<StoredSession>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::new();
        let fits = request.error().precedes_submission();
        violations.require(fits, "error", "must come before a submission");
        violations.check().map_err(Error::Invalid)?;
        let caller = Caller::new(request.account.as_deref(), request.idempotency_key.as_deref());
        let session = &request.verification_session;
        let session = self.store.leave(session, caller, request.error()).await?;
        Ok(Response::new(session.to_stored()))
    }

    async fn lease_job(&self, request: Request<LeaseJobRequest>) -> Result<Response<LeaseJobResponse>, Status> {
        let LeaseJobRequest {
            worker,
            lease,
            wait,
            request_id,
        } = request.into_inner();
        let (lease, wait) = (duration(lease), duration(wait));
        let mut violations = Violations::new();
        violations
            .require(is_name(&worker), "worker", "must be 1 to 128 visible ASCII characters")
            .require(
                is_name(&request_id),
                "request_id",
                "must be 1 to 128 visible ASCII characters",
            )
            .require(is_lease(lease), "lease", "must be more than 0 s and at most 1 h")
            .require(wait.is_some(), "wait", "must be 0 s or more");
        violations.check().map_err(Error::Invalid)?;
        let request = LeaseRequest {
            worker,
            request_id,
            time: lease.unwrap_or_default(),
        };
        let wait = wait.unwrap_or_default();
        let longest = deadline::remaining().map_or(wait, |left| wait.min(left.saturating_sub(ANSWER_MARGIN)));
        let answer = self.wait_for_job(&request, Instant::now() + longest).await?;
        Ok(Response::new(answer))
    }

    async fn extend_lease(
        &self,
        request: Request<ExtendLeaseRequest>,
    ) -> Result<Response<ExtendLeaseResponse>, Status> {
        let ExtendLeaseRequest { lease_token, lease } = request.into_inner();
        let lease = duration(lease);
        let mut violations = Violations::new();
        violations.require(is_lease(lease), "lease", "must be more than 0 s and at most 1 h");
        violations.check().map_err(Error::Invalid)?;
        self.store.extend(&lease_token, lease.unwrap_or_default()).await?;
        Ok(Response::new(ExtendLeaseResponse {}))
    }

    async fn release_job(&self, request: Request<ReleaseJobRequest>) -> Result<Response<ReleaseJobResponse>, Status> {
        let ReleaseJobRequest {
            lease_token,
            delay,
            excused,
        } = request.into_inner();
        let delay = duration(delay);
        let mut violations = Violations::new();
        let fits = delay.is_some_and(|delay| delay <= LONGEST_LEASE);
        violations.require(fits, "delay", "must be 0 s to 1 h");
        violations.check().map_err(Error::Invalid)?;
        self.store
            .release(&lease_token, delay.unwrap_or_default(), excused)
            .await?;
        Ok(Response::new(ReleaseJobResponse {}))
    }

    async fn complete_verification(
        &self,
        request: Request<CompleteVerificationRequest>,
    ) -> Result<Response<CompleteVerificationResponse>, Status> {
        let CompleteVerificationRequest {
            verification_session,
            attempt,
            lease_token,
            document,
            selfie,
            timings,
        } = request.into_inner();
        let lease: Lease = lease_token.parse().map_err(Error::from)?;
        let agrees = lease.session.as_str() == verification_session && lease.attempt == attempt;
        let mut violations = Violations::new();
        violations.require(agrees, "lease_token", "must be that of this session and attempt");
        violations.check().map_err(Error::Invalid)?;
        let findings = Findings {
            document,
            selfie,
            timings,
        };
        let store = self.store.clone();
        let completing = async move { store.complete(&lease, findings).await };
        // Brought to its end even when the caller leaves, as an upload is.
        let completed = tokio::spawn(completing.in_current_span()).await;
        let completion = completed.map_err(ended)??;
        Ok(Response::new(CompleteVerificationResponse {
            report: Some(completion.report),
            session: Some(completion.session.to_stored()),
            completed_now: completion.completed_now,
        }))
    }

    async fn list_reports(
        &self,
        request: Request<ListReportsRequest>,
    ) -> Result<Response<ListVerificationReportsResponse>, Status> {
        let ListReportsRequest { account, request } = request.into_inner();
        let request = given(&account, request)?;
        let (filter, cursor, limit) = list_request::reports(account, request).map_err(Error::Invalid)?;
        let Page { items, has_more } = self.store.list_reports(&filter, &cursor, limit).await?;
        let page = within_a_message(items, has_more, &cursor);
        Ok(Response::new(ListVerificationReportsResponse {
            data: page.items,
            has_more: page.has_more,
        }))
    }

    async fn get_report(&self, request: Request<GetReportRequest>) -> Result<Response<VerificationReport>, Status> {
        let request = request.into_inner();
        Ok(Response::new(
            self.store
                .report(&request.verification_report, &request.account)
                .await?,
        ))
    }

    async fn simulate_session(
        &self,
        request: Request<SimulateSessionRequest>,
    ) -> Result<Response<StoredSession>, Status> {
        let trace_context = trace_context(request.metadata());
        let SimulateSessionRequest { account, request } = request.into_inner();
        let request = given(&account, request)?;
        let delay = duration(request.delay);
        let mut violations = Violations::new();
        let fits = delay.is_some_and(|delay| delay <= MAX_SIMULATED_DELAY);
        violations.require(fits, "delay", "must be 0 s to 1 h").require(
            VerificationErrorCode::try_from(request.error).is_ok(),
            "error",
            "must be a code",
        );
        violations.check().map_err(Error::Invalid)?;
        let caller = Caller::new(Some(&account), request.idempotency_key.as_deref());
        let (session, delay) = (&request.verification_session, delay.unwrap_or_default());
        let session = self
            .store
            .simulate(session, caller, request.error(), delay, trace_context)
            .await?;
        Ok(Response::new(session.to_stored()))
    }

    async fn get_file(&self, request: Request<GetFileRequest>) -> Result<Response<File>, Status> {
        let request = request.into_inner();
        Ok(Response::new(self.store.file(&request.file, &request.account).await?))
    }

    async fn list_files(&self, request: Request<ListFilesRequest>) -> Result<Response<ListFilesResponse>, Status> {
        let request = request.into_inner();
        let data = self
            .store
            .files(&request.verification_session, &request.account)
            .await?;
        Ok(Response::new(ListFilesResponse { data }))
    }

    async fn read_file(&self, request: Request<ReadFileRequest>) -> Result<Response<ReadFileResponse>, Status> {
        let request = request.into_inner();
        let (file, data) = self.store.read_file(&request.file, request.account.as_deref()).await?;
        Ok(Response::new(ReadFileResponse { file: Some(file), data }))
    }
}

/// A task of ours that did not end: it goes on panicking here, where panics are answered.
fn ended(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Error::Stopping,
    }
}

/// What a backend sent, which comes with its account.
fn given<T>(account: &str, request: Option<T>) -> Result<T, Error> {
    let mut violations = Violations::new();
    violations
        .require(!account.is_empty(), "account", "must be given")
        .require(request.is_some(), "request", "must be given");
    violations.check().map_err(Error::Invalid)?;
    request.ok_or(Error::Incomplete("request"))
}

/// As much of a page, from where it was read on, as clients take in one message: one item at the least.
fn within_a_message<T: Message>(mut items: Vec<T>, has_more: bool, cursor: &Cursor) -> Page<T> {
    let is_read_backwards = matches!(cursor, Cursor::EndingBefore(_));
    if is_read_backwards {
        items.reverse();
    }
    let mut bytes = 0;
    let fits = |item: &T| {
        bytes += item.encoded_len();
        bytes <= MAX_PAGE_BYTES
    };
    let fitting = items.iter().map(fits).take_while(|fits| *fits).count().max(1);
    let has_more = has_more || fitting < items.len();
    items.truncate(fitting);
    if is_read_backwards {
        items.reverse();
    }
    Page { items, has_more }
}

/// The caller's place in its trace, for the job that the submission leads to.
fn trace_context(metadata: &MetadataMap) -> HashMap<String, String> {
    ["traceparent", "tracestate"]
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), metadata.get(key)?.to_str().ok()?.to_owned())))
        .collect()
}

/// An absent duration is zero; a negative one is none.
fn duration(duration: Option<prost_types::Duration>) -> Option<Duration> {
    duration.unwrap_or_default().try_into().ok()
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_lease(lease: Option<Duration>) -> bool {
    lease.is_some_and(|lease| !lease.is_zero() && lease <= LONGEST_LEASE)
}
