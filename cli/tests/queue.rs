//! Operators bring a verification to its end that nobody could go on with.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use proto::id::Kind;
use proto::identity::v1::{CreateVerificationSessionRequest, ImagePurpose, VerificationSessionStatus as Status};
use proto::store::v1::store_service_client::StoreServiceClient;
use proto::store::v1::{
    CompleteVerificationRequest, CreateSessionRequest, GetSessionRequest, LeaseJobRequest, PutImageRequest,
    SubmitSessionRequest,
};
use report_svc::config::Config;
use report_svc::id::Id;
use report_svc::seal::Keyring;
use report_svc::server::ReportSvc;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::{Commit, Committed, JobStep, Storage as _};
use service_kit::client::ServiceChannel;
use service_kit::config::{Secret, ServeConfig};
use service_kit::service::Service as _;
use service_kit::serving::ServeError;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "a service token for tests only";

/// A report-svc, as a worker and as an operator see it. In a runtime of its own: with it everything that holds the database ends.
struct Running {
    runtime: Runtime,
    address: String,
    store: StoreServiceClient<ServiceChannel>,
    shutdown: CancellationToken,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    fn start(data: &Path, keys: &str) -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let inside = runtime.enter();
        let config = Config {
            serve: ServeConfig {
                service_token: Some(Secret::new(TOKEN)),
                ..ServeConfig::default()
            },
            master_keys: Some(Secret::new(keys)),
            ..Config::embedded(data)
        };
        let service = runtime.block_on(ReportSvc::bind(config))?;
        let address = format!("http://{}", service.local_addr());
        let shutdown = CancellationToken::new();
        let store = StoreServiceClient::new(ServiceChannel::new(&address, Some(&Secret::new(TOKEN)))?);
        let served = tokio::spawn(service.serve(shutdown.clone()));
        drop(inside);
        Ok(Self {
            store,
            served,
            address,
            shutdown,
            runtime,
        })
    }

    fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        Ok(self.runtime.block_on(self.served)??)
    }

    /// A session that waits for its checks.
    fn submitted(&self) -> anyhow::Result<String> {
        let creation = CreateSessionRequest {
            account: "acct_1".to_owned(),
            livemode: true,
            request: Some(CreateVerificationSessionRequest::default()),
        };
        let created = self
            .runtime
            .block_on(self.store.clone().create_session(creation))?
            .into_inner();
        let session = created.session.context("set")?.id;
        let front = PutImageRequest {
            verification_session: session.clone(),
            account: None,
            purpose: ImagePurpose::DocumentFront.into(),
            data: b"front".to_vec(),
            idempotency_key: None,
        };
        self.runtime.block_on(self.store.clone().put_image(front))?;
        let submission = SubmitSessionRequest {
            verification_session: session.clone(),
            account: None,
            idempotency_key: None,
        };
        self.runtime.block_on(self.store.clone().submit_session(submission))?;
        Ok(session)
    }

    /// What a worker does: leases the next job and completes it; the job's session, if there was one.
    fn work(&self, wait: Duration) -> anyhow::Result<Option<String>> {
        let request = LeaseJobRequest {
            worker: "worker".to_owned(),
            lease: Some(Duration::from_secs(60).try_into()?),
            wait: Some(wait.try_into()?),
            request_id: Id::new(Kind::File, 0).to_string(),
        };
        let Some(job) = self
            .runtime
            .block_on(self.store.clone().lease_job(request))?
            .into_inner()
            .job
        else {
            return Ok(None);
        };
        let completion = CompleteVerificationRequest {
            verification_session: job.verification_session.clone(),
            attempt: job.attempt,
            lease_token: job.lease_token,
            ..CompleteVerificationRequest::default()
        };
        let completed = self
            .runtime
            .block_on(self.store.clone().complete_verification(completion))?;
        anyhow::ensure!(completed.into_inner().completed_now);
        Ok(Some(job.verification_session))
    }

    fn status(&self, session: &str) -> anyhow::Result<Status> {
        let request = GetSessionRequest {
            verification_session: session.to_owned(),
            account: None,
            with_last_report: false,
        };
        let stored = self
            .runtime
            .block_on(self.store.clone().get_session(request))?
            .into_inner();
        Ok(stored.session.context("set")?.status())
    }

    /// Runs `bonafide queue`; what it printed.
    fn queue(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(arguments)?;
        let said = String::from_utf8(output.stderr)?;
        anyhow::ensure!(output.status.success(), "{arguments:?}: {said}");
        Ok(String::from_utf8(output.stdout)?)
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bonafide"));
        command
            .arg("queue")
            .args(arguments)
            .args(["--address", &self.address])
            .env("BONAFIDE_SERVICE_TOKEN", TOKEN);
        Ok(command.output()?)
    }
}

/// Writes another record over a session's; the one that was there.
fn overwrite(data: &Path, session: &str, record: &[u8]) -> anyhow::Result<Vec<u8>> {
    let runtime = Runtime::new()?;
    let storage = Embedded::open(&data.join("state.redb"), Arc::new(SystemTime::now))?;
    let session = Id::parse(Kind::VerificationSession, session).context("an id")?;
    let found = runtime.block_on(storage.session(&session))?.context("is there")?;
    let step = Commit {
        session,
        expected: found.version,
        record: record.to_vec(),
        reports: Vec::new(),
        attempts: Vec::new(),
        idempotency: None,
        answer: None,
        files: Default::default(),
        event: None,
        reindex: None,
        expires: None,
        job: JobStep::Keep,
    };
    anyhow::ensure!(matches!(runtime.block_on(storage.commit(step))?, Committed::Done(_)));
    Ok(found.record)
}

fn key(id: &str) -> anyhow::Result<String> {
    Ok(Keyring::generate(id)?.to_string())
}

#[test]
fn requeue_brings_a_dead_lettered_verification_to_its_end() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let keys = key("k1")?;
    let running = Running::start(data.path(), &keys)?;
    let session = running.submitted()?;
    let other = running.submitted()?;
    assert_eq!(running.queue(&["list"])?, "");
    assert!(running.queue(&["show", &session])?.contains("  waiting, due "));
    running.stop()?;
    // The disk fails.
    let record = overwrite(data.path(), &session, b"nothing that anybody wrote")?;
    overwrite(data.path(), &other, b"nothing that anybody wrote")?;

    let running = Running::start(data.path(), &keys)?;
    assert_eq!(running.work(Duration::ZERO)?, None);
    let listed = running.queue(&["list"])?;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let shown = running.queue(&["show", &session])?;
    assert!(listed.contains(&shown), "{listed}");
    assert!(
        shown.starts_with(&format!("{session}  attempt 1  delivery 1  dead-lettered 2"))
            && shown.ends_with("Z: the session's record is damaged\n"),
        "{shown}"
    );
    // The other one's record is lost for good.
    assert_eq!(
        running.queue(&["fail", &other])?,
        format!("{other}  job dropped: the session cannot be read and is as it was\n")
    );
    assert_eq!(running.queue(&["list"])?, shown);
    running.stop()?;
    // The record comes back from a backup.
    overwrite(data.path(), &session, &record)?;

    let running = Running::start(data.path(), &keys)?;
    assert_eq!(running.work(Duration::ZERO)?, None, "it was set aside");
    assert_eq!(running.status(&session)?, Status::Processing);
    assert_eq!(
        running.queue(&["requeue", &session])?,
        format!("{session}  queued again\n")
    );
    assert_eq!(
        running.queue(&["requeue", &session])?,
        format!("{session}  waits in the queue: nothing was changed\n")
    );
    assert_eq!(running.work(Duration::ZERO)?.as_ref(), Some(&session));
    assert_eq!(running.status(&session)?, Status::RequiresInput);
    assert_eq!(running.queue(&["list"])?, "");
    let waiting = running.submitted()?;
    // What fails holds up nothing.
    let output = running.run(&["requeue", &session, &waiting])?;
    assert!(String::from_utf8(output.stdout)?.starts_with(&format!("{waiting}  waits")));
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("could not find the job") && said.contains("(JOB_NOT_FOUND)"),
        "{said}"
    );
    running.stop()
}

#[test]
fn a_verification_without_its_master_key_goes_on_when_the_key_is_back() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let [old, new] = [key("old")?, key("new")?];
    // Something that the new key opens: with keys that open nothing no service starts.
    let running = Running::start(data.path(), &new)?;
    let finished = running.submitted()?;
    assert_eq!(running.work(Duration::ZERO)?.as_ref(), Some(&finished));
    running.stop()?;

    let running = Running::start(data.path(), &format!("{old},{new}"))?;
    let session = running.submitted()?;
    running.stop()?;

    let running = Running::start(data.path(), &new)?;
    assert_eq!(running.work(Duration::ZERO)?, None);
    let listed = running.queue(&["list"])?;
    assert!(listed.ends_with(": master key \"old\" is missing\n"), "{listed}");
    let output = running.run(&["fail", &session])?;
    let said = String::from_utf8(output.stderr)?;
    assert!(said.contains("(MASTER_KEY_MISSING)"), "{said}");
    running.stop()?;

    let running = Running::start(data.path(), &format!("{new},{old}"))?;
    assert_eq!(running.work(Duration::from_secs(30))?.as_ref(), Some(&session));
    assert_eq!(running.status(&session)?, Status::RequiresInput);
    running.stop()
}

#[test]
fn only_who_has_the_service_token_sees_the_queue() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let running = Running::start(data.path(), &key("k1")?)?;
    let file = data.path().join("token");
    std::fs::write(&file, "another token of the same length\n")?;
    let file = file.to_str().context("a path")?;
    let output = running.run(&["list", "--service-token-file", file])?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("(CREDENTIAL_INVALID)"), "{said}");
    running.stop()
}
