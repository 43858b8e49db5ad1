//! report-svc, as far as session-svc can tell.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::{Stream, stream};
use proto::id::{self, Kind};
use proto::identity::v1::{
    File, ImagePurpose, ListFilesResponse, ListVerificationReportsResponse, Redaction, SessionInsights,
    VerificationError, VerificationReport, VerificationSession, VerificationSessionStatus, VerifiedOutputs, redaction,
};
use proto::reason;
use proto::store::v1::store_service_server::StoreService;
use proto::store::v1::{
    CancelSessionRequest, CompleteVerificationRequest, CompleteVerificationResponse, CreateSessionRequest,
    ExtendLeaseRequest, ExtendLeaseResponse, GetFileRequest, GetImageRequest, GetImageResponse, GetReportRequest,
    GetSessionRequest, Job, LeaseJobRequest, LeaseJobResponse, LeaveSessionRequest, ListFilesRequest,
    ListReportsRequest, ListSessionsRequest, ListSessionsResponse, PutImageRequest, ReadFileRequest, ReadFileResponse,
    RedactSessionRequest, ReleaseJobRequest, ReleaseJobResponse, SimulateSessionRequest, StoredSession,
    SubmitSessionRequest, UpdateSessionRequest, WatchSessionRequest,
};
use service_kit::status::Problem;
use tokio::sync::{Semaphore, watch};
use tonic::{Request, Response, Status};
use tonic_types::PreconditionViolation;

/// What was asked, method by method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Create,
    Get,
    Update,
    List,
    Cancel,
    Redact,
    Watch,
    PutImage,
    GetImage,
    Submit,
    Leave,
    Lease,
    Extend,
    Release,
    Complete,
    GetReport,
    ListReports,
    Simulate,
    GetFile,
    ListFiles,
    ReadFile,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) sessions: HashMap<String, StoredSession>,
    pub(crate) images: HashMap<String, Vec<u8>>,
    /// Pictures are not stored before this has permits.
    pub(crate) storing: Option<Arc<Semaphore>>,
    pub(crate) reports: HashMap<String, (String, VerificationReport)>,
    pub(crate) waiting: VecDeque<Job>,
    pub(crate) leased: HashMap<String, Job>,
    /// What was asked for lists.
    pub(crate) lists: Vec<ListSessionsRequest>,
    pub(crate) report_lists: Vec<ListReportsRequest>,
    pub(crate) simulations: Vec<SimulateSessionRequest>,
    /// Names of the requests for jobs.
    pub(crate) lease_requests: Vec<String>,
    /// Delays of the jobs that were handed back, and whether they were excused; they are not given out again.
    pub(crate) released: Vec<(Duration, bool)>,
    pub(crate) completed: Vec<CompleteVerificationRequest>,
    /// Jobs that were leased to a request whose caller has not heard of it: it gets them when it asks again.
    pub(crate) unheard: HashMap<String, Job>,
    /// Every call in order, leases left out: workers ask for them all the time.
    pub(crate) calls: Vec<Call>,
    /// Under which idempotency key each call came that changes a session.
    pub(crate) keys: Vec<(Call, Option<String>)>,
    /// Subscriptions that are open now.
    pub(crate) watchers: usize,
    /// Subscriptions older than this end.
    streams_cut: u64,
    failures: HashMap<Call, VecDeque<Status>>,
    ids: u128,
}

#[derive(Clone)]
pub(crate) struct FakeStore {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
}

impl FakeStore {
    pub(crate) fn new() -> Self {
        Self {
            state: Arc::default(),
            changed: watch::Sender::new(0),
        }
    }

    pub(crate) fn read(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while locked")
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let value = change(&mut self.read());
        self.changed.send_modify(|changes| *changes += 1);
        value
    }

    /// Waits until the state is as wanted.
    pub(crate) async fn until<T>(&self, wanted: impl Fn(&State) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(value) = wanted(&self.read()) {
                return value;
            }
            changed.changed().await.expect("the store is there");
        }
    }

    /// The next call of this kind is refused.
    pub(crate) fn fail(&self, call: Call, status: Status) {
        self.change(|state| state.failures.entry(call).or_default().push_back(status));
    }

    /// Ends every subscription in an orderly way, as a connection that gets old does.
    pub(crate) fn cut_streams(&self) {
        self.change(|state| state.streams_cut += 1);
    }

    /// Moves a session without any job.
    pub(crate) fn set_status(&self, id: &str, status: VerificationSessionStatus) {
        self.change(|state| {
            let stored = state.sessions.get_mut(id).expect("a session");
            stored.version += 1;
            stored.session.get_or_insert_default().set_status(status);
        });
    }

    /// Moves a session's redaction on.
    pub(crate) fn set_redaction(&self, id: &str, status: redaction::Status) {
        self.change(|state| {
            let stored = state.sessions.get_mut(id).expect("a session");
            stored.version += 1;
            stored.session.get_or_insert_default().redaction = Some(Redaction { status: status.into() });
            stored.is_final = status == redaction::Status::Redacted;
        });
    }

    /// Hands a session over to the workers.
    fn queue(&self, id: &str) {
        self.set_status(id, VerificationSessionStatus::Processing);
        self.change(|state| {
            let session = state.sessions[id].session.clone().expect("a session");
            state.waiting.push_back(Job {
                lease_token: format!("lease of {id}"),
                verification_session: id.to_owned(),
                attempt: 1,
                delivery: 1,
                excused: 0,
                options: session.options,
                files: session.insights.map(|insights| insights.files).unwrap_or_default(),
                trace_context: HashMap::new(),
                simulated: !session.livemode,
            });
        });
    }

    fn note(&self, call: Call) -> Result<(), Status> {
        self.change(|state| {
            if call != Call::Lease {
                state.calls.push(call);
            }
            state
                .failures
                .get_mut(&call)
                .and_then(VecDeque::pop_front)
                .map_or(Ok(()), Err)
        })
    }

    fn note_key(&self, call: Call, key: Option<&String>) {
        self.change(|state| state.keys.push((call, key.cloned())));
    }

    fn session(&self, id: &str, account: Option<&str>) -> Result<StoredSession, Status> {
        let stored = self.read().sessions.get(id).cloned();
        stored
            .filter(|stored| account.is_none_or(|account| account == stored.account))
            .ok_or_else(|| Problem::new(reason::SESSION_NOT_FOUND, "no such verification session").into())
    }

    /// A picture of whichever session has it.
    fn file(&self, id: &str, account: Option<&str>) -> Result<File, Status> {
        let state = self.read();
        let mut files = state.sessions.values().flat_map(files_of);
        files
            .find(|(owner, file)| file.id == id && account.is_none_or(|account| account == *owner))
            .map(|(_, file)| file)
            .ok_or_else(|| Problem::new(reason::FILE_NOT_FOUND, "no such file").into())
    }

    fn requiring_input(&self, id: &str, account: Option<&str>) -> Result<StoredSession, Status> {
        let stored = self.session(id, account)?;
        let status = stored
            .session
            .as_ref()
            .map(VerificationSession::status)
            .expect("a session");
        if status == VerificationSessionStatus::RequiresInput {
            return Ok(stored);
        }
        let problem = Problem::new(reason::SESSION_STATUS, "the session does not require input");
        let name = match status {
            VerificationSessionStatus::Processing => "processing",
            VerificationSessionStatus::Verified => "verified",
            _ => "canceled",
        };
        Err(problem.metadata("status", name).into())
    }
}

/// The account of a session, with each of its files.
fn files_of(stored: &StoredSession) -> impl Iterator<Item = (&str, File)> {
    let session = stored.session.as_ref().expect("a session");
    let files = session
        .insights
        .as_ref()
        .map_or([].as_slice(), |insights| &insights.files);
    files.iter().map(|file| {
        let file = File {
            verification_session: Some(session.id.clone()),
            ..file.clone()
        };
        (stored.account.as_str(), file)
    })
}

fn next_id(state: &mut State, kind: Kind) -> String {
    state.ids += 1;
    id::format(kind, 7, state.ids)
}

impl State {
    fn last_report(&self, stored: &StoredSession) -> Option<VerificationReport> {
        let id = stored.session.as_ref()?.last_verification_report.as_ref()?;
        Some(self.reports.get(id)?.1.clone())
    }
}

/// Counts a subscription for as long as it is open.
struct Watcher(FakeStore);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.change(|state| state.watchers -= 1);
    }
}

#[tonic::async_trait]
impl StoreService for FakeStore {
    async fn create_session(&self, request: Request<CreateSessionRequest>) -> Result<Response<StoredSession>, Status> {
        self.note(Call::Create)?;
        let CreateSessionRequest {
            account,
            livemode,
            request,
        } = request.into_inner();
        let request = request.expect("the backend's request");
        self.note_key(Call::Create, request.idempotency_key.as_ref());
        let stored = self.change(|state| {
            let session = VerificationSession {
                id: next_id(state, Kind::VerificationSession),
                livemode,
                metadata: request.metadata,
                options: request.options,
                r#type: request.r#type,
                status: VerificationSessionStatus::RequiresInput.into(),
                insights: Some(SessionInsights::default()),
                ..VerificationSession::default()
            };
            let stored = StoredSession {
                session: Some(session.clone()),
                account,
                version: 1,
                is_final: false,
                last_report: None,
            };
            state.sessions.insert(session.id, stored.clone());
            stored
        });
        Ok(Response::new(stored))
    }

    async fn get_session(&self, request: Request<GetSessionRequest>) -> Result<Response<StoredSession>, Status> {
        self.note(Call::Get)?;
        let request = request.into_inner();
        let mut stored = self.session(&request.verification_session, request.account.as_deref())?;
        if request.with_last_report {
            stored.last_report = self.read().last_report(&stored);
        }
        Ok(Response::new(stored))
    }

    async fn update_session(&self, request: Request<UpdateSessionRequest>) -> Result<Response<StoredSession>, Status> {
        self.note(Call::Update)?;
        let UpdateSessionRequest { account, request } = request.into_inner();
        let request = request.expect("the backend's request");
        self.note_key(Call::Update, request.idempotency_key.as_ref());
        let mut stored = self.requiring_input(&request.verification_session, Some(&account))?;
        stored.session.get_or_insert_default().metadata.extend(request.metadata);
        Ok(Response::new(stored))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        self.note(Call::List)?;
        let request = request.into_inner();
        self.change(|state| state.lists.push(request.clone()));
        let state = self.read();
        let mut sessions: Vec<_> = state.sessions.values().cloned().collect();
        sessions.retain(|stored| stored.account == request.account);
        sessions.sort_by_key(|stored| stored.session.as_ref().map(|session| session.id.clone()));
        for stored in sessions.iter_mut().filter(|_| request.with_last_report) {
            stored.last_report = state.last_report(stored);
        }
        Ok(Response::new(ListSessionsResponse {
            sessions,
            has_more: true,
        }))
    }

    async fn cancel_session(&self, request: Request<CancelSessionRequest>) -> Result<Response<StoredSession>, Status> {
        self.note(Call::Cancel)?;
        let request = request.into_inner();
        self.note_key(Call::Cancel, request.idempotency_key.as_ref());
        self.requiring_input(&request.verification_session, Some(&request.account))?;
        self.set_status(&request.verification_session, VerificationSessionStatus::Canceled);
        self.session(&request.verification_session, None).map(Response::new)
    }

    async fn redact_session(&self, request: Request<RedactSessionRequest>) -> Result<Response<StoredSession>, Status> {
        self.note(Call::Redact)?;
        let request = request.into_inner();
        self.note_key(Call::Redact, request.idempotency_key.as_ref());
        self.session(&request.verification_session, Some(&request.account))?;
        self.set_redaction(&request.verification_session, redaction::Status::Processing);
        self.session(&request.verification_session, None).map(Response::new)
    }

    type WatchSessionStream = Pin<Box<dyn Stream<Item = Result<StoredSession, Status>> + Send>>;

    async fn watch_session(
        &self,
        request: Request<WatchSessionRequest>,
    ) -> Result<Response<Self::WatchSessionStream>, Status> {
        self.note(Call::Watch)?;
        let WatchSessionRequest {
            verification_session: id,
            account,
        } = request.into_inner();
        self.session(&id, Some(&account))?;
        let cut = self.change(|state| {
            state.watchers += 1;
            state.streams_cut
        });
        let watcher = Watcher(self.clone());
        let stream = stream::unfold((watcher, 0), move |(watcher, sent)| {
            let id = id.clone();
            async move {
                let next = watcher
                    .0
                    .until(|state| {
                        let current = state.sessions.get(&id).expect("sessions stay");
                        let ended = state.streams_cut > cut;
                        (ended || current.version > sent).then(|| (!ended).then(|| current.clone()))
                    })
                    .await?;
                let version = next.version;
                Some((Ok(next), (watcher, version)))
            }
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn put_image(&self, request: Request<PutImageRequest>) -> Result<Response<File>, Status> {
        self.note(Call::PutImage)?;
        let PutImageRequest {
            verification_session: session,
            account,
            purpose,
            data,
            idempotency_key,
        } = request.into_inner();
        self.note_key(Call::PutImage, idempotency_key.as_ref());
        let storing = self.read().storing.clone();
        if let Some(storing) = storing {
            storing.acquire().await.expect("open").forget();
        }
        self.requiring_input(&session, account.as_deref())?;
        let file = self.change(|state| {
            let file = File {
                id: next_id(state, Kind::File),
                purpose,
                size: data.len() as u64,
                ..File::default()
            };
            state.images.insert(file.id.clone(), data);
            let stored = state.sessions.get_mut(&session).expect("a session");
            let insights = stored.session.get_or_insert_default().insights.get_or_insert_default();
            insights.files.retain(|old| old.purpose != purpose);
            insights.files.push(file.clone());
            stored.version += 1;
            file
        });
        Ok(Response::new(file))
    }

    async fn get_image(&self, request: Request<GetImageRequest>) -> Result<Response<GetImageResponse>, Status> {
        self.note(Call::GetImage)?;
        let data = self.read().images.get(&request.get_ref().file).cloned();
        let data = data.ok_or_else(|| Status::from(Problem::new(reason::FILE_NOT_FOUND, "no such file")))?;
        Ok(Response::new(GetImageResponse { data }))
    }

    async fn leave_session(&self, request: Request<LeaveSessionRequest>) -> Result<Response<StoredSession>, Status> {
        self.note(Call::Leave)?;
        let request = request.into_inner();
        self.note_key(Call::Leave, request.idempotency_key.as_ref());
        let mut stored = self.requiring_input(&request.verification_session, request.account.as_deref())?;
        stored.session.get_or_insert_default().last_error = Some(VerificationError {
            code: request.error,
            ..VerificationError::default()
        });
        self.change(|state| state.sessions.insert(request.verification_session, stored.clone()));
        Ok(Response::new(stored))
    }

    async fn submit_session(&self, request: Request<SubmitSessionRequest>) -> Result<Response<StoredSession>, Status> {
        self.note(Call::Submit)?;
        let SubmitSessionRequest {
            verification_session: id,
            account,
            idempotency_key,
        } = request.into_inner();
        self.note_key(Call::Submit, idempotency_key.as_ref());
        let stored = self.requiring_input(&id, account.as_deref())?;
        let session = stored.session.expect("a session");
        let files = session.insights.as_ref().map_or(&[][..], |insights| &insights.files);
        let document = session
            .options
            .as_ref()
            .and_then(|options| options.document.clone())
            .unwrap_or_default();
        let mut wanted = vec![ImagePurpose::DocumentFront];
        wanted.extend(document.require_matching_selfie.then_some(ImagePurpose::Selfie));
        wanted.retain(|purpose| session.livemode && files.iter().all(|file| file.purpose() != *purpose));
        if !wanted.is_empty() {
            let names: Vec<_> = wanted
                .iter()
                .map(|purpose| match purpose {
                    ImagePurpose::Selfie => "selfie",
                    _ => "document_front",
                })
                .collect();
            let missing = names
                .iter()
                .map(|name| PreconditionViolation::new(reason::IMAGE_MISSING.name(), *name, "must be uploaded first"));
            let problem = Problem::new(reason::IMAGE_MISSING, "pictures are missing")
                .metadata("missing", names.join(","))
                .preconditions(missing.collect());
            return Err(problem.into());
        }
        self.queue(&id);
        self.session(&id, None).map(Response::new)
    }

    async fn lease_job(&self, request: Request<LeaseJobRequest>) -> Result<Response<LeaseJobResponse>, Status> {
        let request = request.into_inner();
        let noted = self.note(Call::Lease);
        let leased_before = self.change(|state| {
            state.lease_requests.push(request.request_id.clone());
            state.unheard.remove(&request.request_id)
        });
        noted?;
        if let Some(job) = leased_before {
            return Ok(Response::new(LeaseJobResponse { job: Some(job) }));
        }
        let wait = request
            .wait
            .and_then(|wait| Duration::try_from(wait).ok())
            .expect("a wait");
        let mut changed = self.changed.subscribe();
        let job = tokio::time::timeout(wait, async {
            loop {
                let leased = {
                    let mut state = self.read();
                    let job = state.waiting.pop_front();
                    if let Some(job) = &job {
                        state.leased.insert(job.lease_token.clone(), job.clone());
                    }
                    job
                };
                if let Some(job) = leased {
                    return job;
                }
                changed.changed().await.expect("the store is there");
            }
        });
        Ok(Response::new(LeaseJobResponse { job: job.await.ok() }))
    }

    async fn extend_lease(
        &self,
        request: Request<ExtendLeaseRequest>,
    ) -> Result<Response<ExtendLeaseResponse>, Status> {
        self.note(Call::Extend)?;
        if self.read().leased.contains_key(&request.get_ref().lease_token) {
            return Ok(Response::new(ExtendLeaseResponse {}));
        }
        Err(Problem::new(reason::LEASE_LOST, "the lease ended").into())
    }

    async fn release_job(&self, request: Request<ReleaseJobRequest>) -> Result<Response<ReleaseJobResponse>, Status> {
        self.note(Call::Release)?;
        let ReleaseJobRequest {
            lease_token,
            delay,
            excused,
        } = request.into_inner();
        let delay = delay.and_then(|delay| Duration::try_from(delay).ok()).expect("a delay");
        self.change(|state| {
            state
                .leased
                .remove(&lease_token)
                .expect("only who holds a job hands it back");
            state.released.push((delay, excused));
        });
        Ok(Response::new(ReleaseJobResponse {}))
    }

    /// A failure that is planned happens after the change: the answer is what gets lost.
    async fn complete_verification(
        &self,
        request: Request<CompleteVerificationRequest>,
    ) -> Result<Response<CompleteVerificationResponse>, Status> {
        let request = request.into_inner();
        let current = self.session(&request.verification_session, None)?;
        let status = current.session.as_ref().map(VerificationSession::status);
        let completed_now = status == Some(VerificationSessionStatus::Processing);
        if completed_now && !self.read().leased.contains_key(&request.lease_token) {
            self.change(|state| state.calls.push(Call::Complete));
            return Err(Problem::new(reason::LEASE_LOST, "another worker has it").into());
        }
        if completed_now {
            self.change(|state| {
                let report = next_id(state, Kind::VerificationReport);
                let stored = state
                    .sessions
                    .get_mut(&request.verification_session)
                    .expect("a session");
                let session = stored.session.get_or_insert_default();
                session.last_verification_report = Some(report.clone());
                session.verified_outputs = Some(VerifiedOutputs::default());
                session.set_status(VerificationSessionStatus::Verified);
                stored.version += 1;
                let account = stored.account.clone();
                state.reports.insert(
                    report.clone(),
                    (
                        account,
                        VerificationReport {
                            id: report,
                            ..Default::default()
                        },
                    ),
                );
                state.leased.remove(&request.lease_token);
                state.completed.push(request.clone());
            });
        }
        self.note(Call::Complete)?;
        let session = self.session(&request.verification_session, None)?;
        Ok(Response::new(CompleteVerificationResponse {
            report: None,
            session: Some(session),
            completed_now,
        }))
    }

    async fn get_report(&self, request: Request<GetReportRequest>) -> Result<Response<VerificationReport>, Status> {
        self.note(Call::GetReport)?;
        let GetReportRequest {
            verification_report: id,
            account,
        } = request.into_inner();
        let held = self.read().reports.get(&id).cloned();
        held.filter(|(owner, _)| *owner == account)
            .map(|(_, report)| Response::new(report))
            .ok_or_else(|| Problem::new(reason::REPORT_NOT_FOUND, "no such verification report").into())
    }

    async fn list_reports(
        &self,
        request: Request<ListReportsRequest>,
    ) -> Result<Response<ListVerificationReportsResponse>, Status> {
        self.note(Call::ListReports)?;
        let request = request.into_inner();
        let account = request.account.clone();
        self.change(|state| state.report_lists.push(request));
        let state = self.read();
        let reports = state.reports.values().filter(|(owner, _)| *owner == account);
        Ok(Response::new(ListVerificationReportsResponse {
            data: reports.map(|(_, report)| report.clone()).collect(),
            has_more: false,
        }))
    }

    async fn simulate_session(
        &self,
        request: Request<SimulateSessionRequest>,
    ) -> Result<Response<StoredSession>, Status> {
        self.note(Call::Simulate)?;
        let given = request.into_inner();
        let request = given.request.clone().expect("the backend's request");
        self.note_key(Call::Simulate, request.idempotency_key.as_ref());
        self.requiring_input(&request.verification_session, Some(&given.account))?;
        self.change(|state| state.simulations.push(given));
        if !request.error().precedes_submission() {
            self.queue(&request.verification_session);
        }
        self.session(&request.verification_session, None).map(Response::new)
    }

    async fn get_file(&self, request: Request<GetFileRequest>) -> Result<Response<File>, Status> {
        self.note(Call::GetFile)?;
        let GetFileRequest { file, account } = request.into_inner();
        self.file(&file, Some(&account)).map(Response::new)
    }

    async fn list_files(&self, request: Request<ListFilesRequest>) -> Result<Response<ListFilesResponse>, Status> {
        self.note(Call::ListFiles)?;
        let ListFilesRequest {
            verification_session,
            account,
        } = request.into_inner();
        let stored = self.session(&verification_session, Some(&account))?;
        let data = files_of(&stored).map(|(_, file)| file).collect();
        Ok(Response::new(ListFilesResponse { data }))
    }

    async fn read_file(&self, request: Request<ReadFileRequest>) -> Result<Response<ReadFileResponse>, Status> {
        self.note(Call::ReadFile)?;
        let ReadFileRequest { file, account } = request.into_inner();
        let file = self.file(&file, account.as_deref())?;
        let data = self.read().images.get(&file.id).cloned().expect("kept with its file");
        Ok(Response::new(ReadFileResponse { file: Some(file), data }))
    }
}
