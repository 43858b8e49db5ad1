//! The process is killed (SIGKILL) between submit and completion and started again: every verification completes exactly once.
//!
//! Many sessions are submitted at once and the process is killed when the first submission is answered, so that some jobs are
//! running, some waiting, and some submissions on their way.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use cli::client::{Client, Submission};
use cli::keys::{Keys, read_key};
use proto::identity::v1::{VerificationReport, VerificationSession, VerificationSessionStatus};
use report_svc::evidence::Evidence;
use report_svc::limits::Limits as SessionLimits;
use report_svc::seal::Keyring;
use report_svc::storage::Storage;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::Redis as RedisStorage;
use report_svc::store::Store;
use service_kit::testing::skipped;
use tokio::task::JoinSet;

mod submission;

/// Sessions in flight: more than two cores finish before the signal arrives.
const SESSIONS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_completes_exactly_once_with_the_embedded_store() -> anyhow::Result<()> {
    let Some(submission) = submission::submission()? else {
        return Ok(());
    };
    let data = tempfile::tempdir()?;
    completes_exactly_once(data.path(), &[], submission).await?;
    let storage = Embedded::open(&data.path().join("state.redb"), Arc::new(SystemTime::now))?;
    events_of_one_attempt_each(data.path(), Arc::new(storage)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_completes_exactly_once_with_redis() -> anyhow::Result<()> {
    let Some(submission) = submission::submission()? else {
        return Ok(());
    };
    let data = tempfile::tempdir()?;
    let Some(redis) = Redis::start(data.path())? else {
        return Ok(());
    };
    completes_exactly_once(data.path(), &["--redis-url", &redis.url], submission).await?;
    let storage = RedisStorage::connect(&redis.url).await?;
    events_of_one_attempt_each(data.path(), Arc::new(storage)).await
}

async fn completes_exactly_once(data: &Path, arguments: &[&str], submission: Submission) -> anyhow::Result<()> {
    let mut up = Up::start(data, arguments)?;
    let client = up.client(data)?;
    let mut ids = Vec::new();
    let mut submitting = JoinSet::new();
    for _ in 0..SESSIONS {
        let session = client.open(&submission).await?;
        let person = client.person(&session)?;
        person.upload(submission.clone()).await?;
        ids.push(session.id);
        submitting.spawn(async move { person.submit().await });
    }
    let first = submitting.join_next().await.context("one was spawned")??;
    first.context("the first submission is answered")?;
    up.kill()?;
    // The others were answered before the signal or cut off by it; both may have happened.
    while submitting.join_next().await.is_some() {}

    let up = Up::start(data, arguments)?;
    let client = up.client(data)?;
    let mut finished = Vec::new();
    let mut interrupted = 0;
    for id in &ids {
        let session = client.session(id).await?;
        match session.status() {
            VerificationSessionStatus::Processing => interrupted += 1,
            // Cut off before it was stored: the session is as it was, and can be submitted.
            VerificationSessionStatus::RequiresInput => {
                assert_eq!(attempts(&session), 0);
                client.person(&session)?.submit().await?;
            }
            VerificationSessionStatus::Verified => {}
            other => bail!("a session is {other:?}"),
        }
        finished.push(client.finished(id).await?);
    }
    assert!(interrupted > 0, "the signal came too late to interrupt anything");
    finished.iter().for_each(once);

    // Nothing is left to be done a second time.
    drop(up);
    let up = Up::start(data, arguments)?;
    let client = up.client(data)?;
    for (session, report) in &finished {
        let (session_now, report_now) = client.finished(&session.id).await?;
        assert_eq!(report_now.id, report.id);
        assert_eq!(attempts(&session_now), 1);
    }
    up.stop()
}

fn once((session, report): &(VerificationSession, VerificationReport)) {
    assert_eq!(session.status(), VerificationSessionStatus::Verified);
    assert_eq!(attempts(session), 1);
    assert_eq!(report.insights.as_ref().map(|insights| insights.attempt), Some(1));
    assert_eq!(report.verification_session.as_ref(), Some(&session.id));
}

/// `created`, `processing` and `verified`, each once for every session, and nothing that was given up.
async fn events_of_one_attempt_each(data: &Path, storage: Arc<dyn Storage>) -> anyhow::Result<()> {
    let keys = Keyring::parse(Keys::open(data)?.master_key.expose())?;
    let store = Store::new(
        Arc::clone(&storage),
        Evidence::in_folder(&data.join("evidence"))?,
        keys,
        SessionLimits::default(),
    );
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for partition in 0..proto::id::PARTITIONS {
        for event in store.events(partition, 0, 10 * SESSIONS).await? {
            *counts.entry((event.verification_session, event.r#type)).or_default() += 1;
        }
        assert!(storage.dead_letters(partition, None, 1).await?.is_empty());
    }
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    for event in ["created", "processing", "verified"] {
        let told = counts
            .keys()
            .filter(|(_, name)| *name == format!("identity.verification_session.{event}"));
        assert_eq!(told.count(), SESSIONS, "{event}");
    }
    assert_eq!(counts.len(), 3 * SESSIONS);
    Ok(())
}

fn attempts(session: &VerificationSession) -> u32 {
    session.insights.as_ref().map_or(0, |insights| insights.attempts)
}

/// A running `bonafide up`; killed when dropped.
struct Up {
    process: Child,
    address: String,
}

impl Up {
    fn start(data: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_bonafide"))
            .args([
                "up",
                "--listen",
                "127.0.0.1:0",
                "--log",
                "warn",
                "--lease",
                "5s",
                "--allow-specimens",
                "--data",
            ])
            .arg(data)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("a pipe")?).lines();
        let mut address = String::new();
        loop {
            let line = lines.next().context("bonafide ended before it was ready")??;
            if let Some(found) = line.strip_prefix("listening on ") {
                address = found.to_owned();
            }
            if line == "ready" {
                return Ok(Self { process, address });
            }
        }
    }

    fn client(&self, data: &Path) -> anyhow::Result<Client> {
        Client::new(&self.address, &read_key(&Keys::restricted_api_key_file(data))?)
    }

    /// SIGKILL.
    fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// SIGTERM, and the exit code of an orderly end.
    fn stop(mut self) -> anyhow::Result<()> {
        let sent = Command::new("kill")
            .args(["-TERM", &self.process.id().to_string()])
            .status()?;
        assert!(sent.success());
        assert!(self.process.wait()?.success(), "ends in order");
        Ok(())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ = self.kill();
    }
}

/// A private redis-server that keeps every write; killed when dropped.
struct Redis {
    process: Child,
    url: String,
}

impl Redis {
    /// `None`, and a printed line, where there is no redis-server.
    fn start(data: &Path) -> anyhow::Result<Option<Self>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = data.join("redis");
        std::fs::create_dir(&folder)?;
        let spawned = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn();
        let mut process = match spawned {
            Ok(process) => process,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                skipped("redis-server is not installed");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let lines = BufReader::new(process.stdout.take().context("a pipe")?).lines();
        let redis = Self {
            process,
            url: format!("redis://127.0.0.1:{port}"),
        };
        for line in lines {
            if line?.contains("Ready to accept connections") {
                return Ok(Some(redis));
            }
        }
        bail!("redis-server ended before it was ready")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
