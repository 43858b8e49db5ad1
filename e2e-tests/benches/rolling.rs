//! Every service is rolled under load: two replicas of each as processes, Redis, and callers that never pause. Then a replica with workers
//! is killed. Counts the calls that failed and the verifications that were lost; `make rolling`.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use cli::api::Api;
use cli::client::{Client, Submission};
use e2e_tests::pictures::Pictures;
use proto::identity::v1::DocumentOptions;
use service_kit::client::ServiceChannel;
use service_kit::config::Secret;
use service_kit::tls::ClientTls;
use tokio::task::JoinSet;
use vision::models::Sample;

const CALLS: usize = 10_000;
const VERIFICATIONS: usize = 200;

/// Callers that read and open sessions, and such that verify.
const CALLERS: usize = 4;
const VERIFIERS: usize = 3;

/// Verifications under way when a replica is killed.
const KILLED_UNDER: usize = 8;

const TOKEN: &str = "service_token_of_this_run_alone";
const API_KEY: &str = "rk_live_0123456789abcdefOfThisRunAlone";
/// Of 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// How long a replica may take to become ready.
const STARTS: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Some(pictures) = Pictures::open() else {
        return Ok(ExitCode::SUCCESS);
    };
    let submission = Submission {
        document: pictures.passport()?,
        selfie: Some(pictures.sample(Sample::Obama2)?),
        ..Submission::default()
    };
    let folder = tempfile::tempdir()?;
    let mut installation = Installation::start(folder.path()).await?;
    let client = Client::new(&installation.addresses("session-svc"), &Secret::new(API_KEY))?;
    let api = Api::new(
        &installation.addresses("session-svc"),
        &Secret::new(API_KEY),
        &ClientTls::default(),
    )?;
    client.verify(submission.clone()).await?;

    let seen = Arc::new(Seen::default());
    let mut load = JoinSet::new();
    for _ in 0..CALLERS {
        load.spawn(call(api.clone(), Arc::clone(&seen)));
    }
    for _ in 0..VERIFIERS {
        load.spawn(verify(client.clone(), submission.clone(), Arc::clone(&seen)));
    }
    let (started, mut rounds) = (Instant::now(), 0);
    while seen.calls.load(Ordering::Relaxed) < CALLS || seen.verified.load(Ordering::Relaxed) < VERIFICATIONS {
        installation.roll(&seen).await?;
        rounds += 1;
    }
    let rolled = started.elapsed();
    seen.stop.store(true, Ordering::Relaxed);
    load.join_all().await;
    seen.print(rounds, rolled);

    let longest = installation.kill(&client, &submission).await?;
    println!(
        "killed one of two replicas under {KILLED_UNDER} verifications: the last ended {:.1} s later",
        longest.as_secs_f64()
    );
    Ok(match seen.failures().is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// What callers saw.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    calls: AtomicUsize,
    verified: AtomicUsize,
    failures: Mutex<BTreeMap<String, usize>>,
    /// Milliseconds.
    times: Mutex<Vec<u128>>,
}

impl Seen {
    fn failed(&self, what: String) {
        *self.failures().entry(what).or_default() += 1;
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, usize>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print(&self, rounds: usize, time: Duration) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.sort_unstable();
        let at = |share: f64| {
            times
                .get((times.len() as f64 * share) as usize)
                .copied()
                .unwrap_or_default()
        };
        println!(
            "{rounds} rounds over 8 replicas in {} s: {} calls, median {} ms, 99 of 100 within {} ms, longest {} ms; {} verified",
            time.as_secs(),
            self.calls.load(Ordering::Relaxed),
            at(0.5),
            at(0.99),
            times.last().copied().unwrap_or_default(),
            self.verified.load(Ordering::Relaxed),
        );
        let failures = self.failures();
        println!("failed: {}", failures.values().sum::<usize>());
        for (what, times) in failures.iter() {
            println!("  {times} times: {what}");
        }
    }
}

/// Opens a session, reads it nine times, and so on.
async fn call(api: Api, seen: Arc<Seen>) {
    let mut session: Option<String> = None;
    while !seen.stop.load(Ordering::Relaxed) {
        for turn in 0..10 {
            let started = Instant::now();
            let outcome = match &session {
                Some(id) if turn > 0 => api.session(id, &[]).await.map(drop),
                _ => {
                    let created = api.create(DocumentOptions::default()).await;
                    created.map(|created| session = Some(created.id))
                }
            };
            seen.calls.fetch_add(1, Ordering::Relaxed);
            let mut times = seen.times.lock().unwrap_or_else(PoisonError::into_inner);
            times.push(started.elapsed().as_millis());
            drop(times);
            if let Err(status) = outcome {
                seen.failed(format!("{:?} {}", status.code(), status.message()));
            }
        }
        // Leaves most of two cores to the verifications.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn verify(client: Client, submission: Submission, seen: Arc<Seen>) {
    while !seen.stop.load(Ordering::Relaxed) {
        match client.verify(submission.clone()).await {
            Ok(outcome) if outcome.verified() => {
                seen.verified.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => seen.failed("not verified".to_owned()),
            Err(error) => seen.failed(format!("{error:#}")),
        }
    }
}

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One replica of a service.
struct Replica {
    service: &'static str,
    address: String,
    command: Command,
    process: Process,
}

impl Replica {
    /// Starts it and waits until it is ready.
    async fn start(service: &'static str, port: u16, settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let mut command = Command::new(programs()?.join(service));
        command
            .env("BONAFIDE_LISTEN", format!("127.0.0.1:{port}"))
            .env("BONAFIDE_SERVICE_TOKEN", TOKEN)
            .env("BONAFIDE_LOG", "warn")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null());
        let process = Process(command.spawn().with_context(|| format!("{service} does not start"))?);
        let mut replica = Self {
            service,
            address: format!("http://127.0.0.1:{port}"),
            command,
            process,
        };
        replica.ready().await?;
        Ok(replica)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while !ServiceChannel::new(&self.address, None)?.serving().await {
            if started.elapsed() > STARTS || self.process.0.try_wait()?.is_some() {
                bail!("{} does not become ready", self.service);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Ends it in order, and starts it again.
    async fn restart(&mut self) -> anyhow::Result<()> {
        let sent = Command::new("kill")
            .args(["-TERM", &self.process.0.id().to_string()])
            .status()?;
        anyhow::ensure!(sent.success(), "the signal was not sent");
        loop {
            match self.process.0.try_wait()? {
                Some(status) if status.success() => break,
                Some(status) => bail!("{} ended with {status}", self.service),
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        self.process = Process(self.command.spawn()?);
        self.ready().await
    }
}

/// All that runs. The order is that in which it was started.
struct Installation {
    replicas: Vec<Replica>,
    _redis: Process,
}

impl Installation {
    async fn start(folder: &Path) -> anyhow::Result<Self> {
        let ports = free_ports(9)?;
        let [redis, replicas @ ..] = ports.as_slice() else {
            bail!("no ports")
        };
        let redis_server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &redis.to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--dir"])
            .arg(folder)
            .stdout(Stdio::null())
            .spawn();
        let mut installation = Self {
            replicas: Vec::new(),
            _redis: Process(redis_server.context("redis-server is not installed")?),
        };
        let mut ports = replicas.iter().copied();
        for service in ["report-svc", "doc-check-svc", "selfie-svc", "session-svc"] {
            let settings = match service {
                "report-svc" => vec![
                    ("BONAFIDE_REDIS_URL", format!("redis://127.0.0.1:{redis}")),
                    ("BONAFIDE_DATA", folder.display().to_string()),
                    ("BONAFIDE_MASTER_KEYS", format!("k1:{KEY}")),
                ],
                "session-svc" => vec![
                    ("BONAFIDE_REPORT_ADDRESS", installation.addresses("report-svc")),
                    ("BONAFIDE_DOCUMENT_ADDRESS", installation.addresses("doc-check-svc")),
                    ("BONAFIDE_SELFIE_ADDRESS", installation.addresses("selfie-svc")),
                    ("BONAFIDE_API_KEYS", format!("account={API_KEY}")),
                    ("BONAFIDE_CLIENT_SECRET_KEY", KEY.to_owned()),
                    ("BONAFIDE_ALLOW_SPECIMENS", "true".to_owned()),
                ],
                _ => Vec::new(),
            };
            for port in ports.by_ref().take(2) {
                let replica = Replica::start(service, port, &settings).await?;
                installation.replicas.push(replica);
            }
        }
        Ok(installation)
    }

    /// Where a service's replicas listen.
    fn addresses(&self, service: &str) -> String {
        let replicas = self.replicas.iter().filter(|replica| replica.service == service);
        let addresses: Vec<_> = replicas.map(|replica| replica.address.as_str()).collect();
        addresses.join(",")
    }

    /// Restarts one replica after the other.
    async fn roll(&mut self, seen: &Seen) -> anyhow::Result<()> {
        for replica in &mut self.replicas {
            let started = Instant::now();
            replica.restart().await?;
            println!(
                "{} in {:.1} s: {} calls, {} verified, {} failed",
                replica.service,
                started.elapsed().as_secs_f64(),
                seen.calls.load(Ordering::Relaxed),
                seen.verified.load(Ordering::Relaxed),
                seen.failures().values().sum::<usize>(),
            );
        }
        Ok(())
    }

    /// Kills a replica whose workers have verifications; how long after that the last of these ends.
    async fn kill(mut self, client: &Client, submission: &Submission) -> anyhow::Result<Duration> {
        let mut sessions = Vec::new();
        for _ in 0..KILLED_UNDER {
            let session = client.open(submission).await?;
            client.person(&session)?.upload(submission.clone()).await?;
            sessions.push(session);
        }
        for session in &sessions {
            client.person(session)?.submit().await?;
        }
        drop(self.replicas.pop());
        let killed = Instant::now();
        for session in &sessions {
            let (session, _) = client.finished(&session.id).await?;
            let attempts = session.insights.as_ref().map(|insights| insights.attempts);
            anyhow::ensure!(attempts == Some(1), "one attempt each");
        }
        Ok(killed.elapsed())
    }
}

/// Ports that are free now.
fn free_ports(count: usize) -> std::io::Result<Vec<u16>> {
    let listeners: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()?;
    listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect()
}

/// The folder of the services' programs: that above this one's.
fn programs() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here
        .parent()
        .and_then(Path::parent)
        .context("cargo builds into a folder")?;
    Ok(folder.to_owned())
}
