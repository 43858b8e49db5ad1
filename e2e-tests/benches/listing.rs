//! Listing out of a million sessions of one account, on both storages: the latency of a page of 50 of report-svc; walks through all pages
//! by session-svc while 100 sessions a second are created, in which none that was there before may be missing or come twice; and bytes per
//! session in Redis.
//!
//! `BONAFIDE_REDIS_URL=redis://… cargo bench --workspace --bench listing` uses that Redis, which must be empty; without it only the
//! embedded storage is measured. `BONAFIDE_SESSIONS` is how many there are, more than 100,000. The embedded storage is
//! filled one flushed step after the other: `TMPDIR=/dev/shm` does that in minutes.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cli::api::Api;
use proto::identity::v1::{
    CreateVerificationSessionRequest, ListVerificationSessionsRequest, VerificationSessionStatus, VerificationType,
};
use proto::store::v1::ListSessionsRequest;
use proto::store::v1::store_service_client::StoreServiceClient;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use report_svc::config::{Config, RedisConfig};
use report_svc::evidence::Evidence;
use report_svc::limits::Limits;
use report_svc::seal::Keyring;
use report_svc::server::ReportSvc;
use report_svc::storage::Storage;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::{Redis, Risk};
use report_svc::store::Store;
use service_kit::client::ServiceChannel;
use service_kit::config::{Secret, ServeConfig};
use service_kit::service::Service as _;
use service_kit::tls::ClientTls;
use session_svc::server::SessionSvc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const ACCOUNT: &str = "acct_1";
/// Nobody listens there: nothing is checked.
const NOBODY: &str = "http://127.0.0.1:9";
/// Sessions of one reference, but for the first [`MEASURED`].
const PER_REFERENCE: usize = 100;
/// One session of so many is canceled.
const CANCELED: usize = 10;
/// Sessions of a redis-server whose memory is told: each has a reference of its own.
const MEASURED: usize = 100_000;
const BATCH: usize = 10_000;
const AT_ONCE: usize = 32;
const PAGES: usize = 2_000;
const PAGE: u32 = 50;
/// While all pages are read.
const CREATED_PER_SECOND: u32 = 100;

/// A session as filters see it.
struct Session {
    id: String,
    /// Its reference is that of this number.
    number: usize,
    canceled: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let sessions = std::env::var("BONAFIDE_SESSIONS").map_or(Ok(1_000_000), |count| count.parse())?;
    let keys = Secret::new(Keyring::generate("k1")?.as_str());
    let folder = tempfile::tempdir()?;
    let config = Config {
        master_keys: Some(keys.clone()),
        ..Config::embedded(folder.path())
    };
    let file = folder.path().join("state.redb");
    let embedded = Arc::new(Embedded::open(&file, Arc::new(SystemTime::now))?);
    let filled = fill(embedded, &keys, sessions, async |_| Ok(())).await?;
    println!(
        "embedded: {sessions} sessions in {} MB",
        std::fs::metadata(&file)?.len() / 1_000_000
    );
    measure("embedded", config.clone(), filled).await?;

    let Ok(address) = std::env::var("BONAFIDE_REDIS_URL") else {
        println!("redis: skipped, BONAFIDE_REDIS_URL is not set");
        return Ok(());
    };
    let before = used_memory(&address).await?;
    let redis = Arc::new(Redis::connect(&address).await?);
    let told = async |filled| {
        if filled == MEASURED {
            let used = used_memory(&address).await? - before;
            println!("redis: {} bytes per session of {filled}", used / filled as u64);
        }
        Ok(())
    };
    let filled = fill(redis, &keys, sessions, told).await?;
    let config = Config {
        redis: RedisConfig {
            url: Some(Secret::new(address)),
            allow: vec![Risk::NoAof],
            ..RedisConfig::default()
        },
        ..config
    };
    measure("redis", config, filled).await
}

/// Creates the sessions. Their events are dropped: they are another matter.
async fn fill(
    storage: Arc<dyn Storage>,
    keys: &Secret,
    sessions: usize,
    told: impl AsyncFn(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Session>> {
    let store = Store::new(
        storage,
        Evidence::in_memory(),
        Keyring::parse(keys.expose())?,
        Limits::default(),
    );
    let mut filled = Vec::with_capacity(sessions);
    while filled.len() < sessions {
        let mut creating = JoinSet::new();
        for worker in 0..AT_ONCE {
            let (store, begin) = (store.clone(), filled.len());
            creating.spawn(async move {
                let mut made = Vec::new();
                for number in (begin + worker..begin + BATCH).step_by(AT_ONCE) {
                    let request = CreateVerificationSessionRequest {
                        client_reference_id: Some(reference(number)),
                        ..CreateVerificationSessionRequest::default()
                    };
                    let id = store.create(ACCOUNT, true, request).await?.id.to_string();
                    let canceled = number % CANCELED == 0;
                    if canceled {
                        store.cancel(&id, ACCOUNT).await?;
                    }
                    made.push(Session { id, number, canceled });
                }
                anyhow::Ok(made)
            });
        }
        while let Some(made) = creating.join_next().await {
            filled.extend(made??);
        }
        store.trim_events(SystemTime::now(), &CancellationToken::new()).await?;
        told(filled.len()).await?;
    }
    Ok(filled)
}

fn reference(number: usize) -> String {
    match number.checked_sub(MEASURED) {
        None => format!("order {number}"),
        Some(number) => format!("customer {}", number / PER_REFERENCE),
    }
}

async fn measure(name: &str, config: Config, sessions: Vec<Session>) -> anyhow::Result<()> {
    let [shutdown, stop] = [(); 2].map(|()| CancellationToken::new());
    let report = ReportSvc::bind(config).await?;
    let report_address = format!("http://{}", report.local_addr());
    let key = Secret::new(format!("sk_live_{}", "1".repeat(64)));
    let session = SessionSvc::bind(session_svc::config::Config {
        serve: ServeConfig {
            lame_duck: Duration::ZERO,
            ..ServeConfig::default()
        },
        api_keys: Secret::new(format!("{ACCOUNT}={}", key.expose())),
        client_secret_key: Secret::new("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        report_address: report_address.clone(),
        document_address: NOBODY.to_owned(),
        selfie_address: NOBODY.to_owned(),
        ..Default::default()
    });
    let session = session.await?;
    let backend = Api::new(&format!("http://{}", session.local_addr()), &key, &ClientTls::default())?;
    let served = tokio::spawn(session.serve(shutdown.clone()));
    let stored = tokio::spawn(report.serve(stop.clone()));
    pages(name, &report_address, &sessions).await?;
    walks(name, &backend, sessions).await?;
    shutdown.cancel();
    served.await??;
    stop.cancel();
    stored.await??;
    Ok(())
}

/// Pages anywhere, of report-svc.
async fn pages(name: &str, address: &str, sessions: &[Session]) -> anyhow::Result<()> {
    let client = StoreServiceClient::new(ServiceChannel::new(address, None)?);
    type Filter = fn(&mut ChaCha8Rng, &[Session]) -> ListVerificationSessionsRequest;
    let filters: [(&str, Filter); 4] = [
        ("account", |random, sessions| after_any(random, sessions)),
        ("status requires_input", |random, sessions| {
            ListVerificationSessionsRequest {
                status: VerificationSessionStatus::RequiresInput.into(),
                ..after_any(random, sessions)
            }
        }),
        ("status canceled", |random, sessions| ListVerificationSessionsRequest {
            status: VerificationSessionStatus::Canceled.into(),
            ..after_any(random, sessions)
        }),
        ("reference", |random, sessions| ListVerificationSessionsRequest {
            client_reference_id: Some(reference(random.random_range(MEASURED..sessions.len()))),
            starting_after: None,
            ..after_any(random, sessions)
        }),
    ];
    for (filter, request) in filters {
        for clients in [1, 8] {
            let mut random = ChaCha8Rng::seed_from_u64(1);
            let mut asking = JoinSet::new();
            for _ in 0..clients {
                let requests = (0..PAGES / clients).map(|_| ListSessionsRequest {
                    account: ACCOUNT.to_owned(),
                    request: Some(request(&mut random, sessions)),
                    with_last_report: false,
                });
                let requests: Vec<_> = requests.collect();
                let mut client = client.clone();
                asking.spawn(async move {
                    let mut took = Vec::new();
                    for request in requests {
                        let begun = Instant::now();
                        let page = client.list_sessions(request).await?.into_inner();
                        took.push(begun.elapsed());
                        anyhow::ensure!(!page.sessions.is_empty(), "an empty page");
                    }
                    anyhow::Ok(took)
                });
            }
            let mut took = Vec::new();
            while let Some(times) = asking.join_next().await {
                took.extend(times??);
            }
            let [median, most, longest] = quantiles(took);
            println!("{name}, by {filter}, {clients} at once: p50 {median:.2?}, p99 {most:.2?}, max {longest:.2?}");
        }
    }
    Ok(())
}

/// All pages of each filter, of session-svc.
async fn walks(name: &str, backend: &Api, mut sessions: Vec<Session>) -> anyhow::Result<()> {
    let numbers = MEASURED..sessions.len();
    let all = ListVerificationSessionsRequest {
        limit: Some(PAGE),
        ..ListVerificationSessionsRequest::default()
    };
    let of_status = |status: VerificationSessionStatus| ListVerificationSessionsRequest {
        status: status.into(),
        ..all.clone()
    };
    let of_reference = |number| ListVerificationSessionsRequest {
        client_reference_id: Some(reference(number)),
        ..all.clone()
    };
    type Filter = fn(&Session) -> bool;
    let filters: [(&str, Vec<ListVerificationSessionsRequest>, Filter); 4] = [
        ("account", vec![all.clone()], |_| true),
        (
            "status requires_input",
            vec![of_status(VerificationSessionStatus::RequiresInput)],
            |session| !session.canceled,
        ),
        (
            "status canceled",
            vec![of_status(VerificationSessionStatus::Canceled)],
            |session| session.canceled,
        ),
        (
            "reference, one after the other",
            numbers.clone().step_by(PER_REFERENCE).map(of_reference).collect(),
            |session| session.number >= MEASURED,
        ),
    ];
    println!("| storage | sessions by | of them | pages | created meanwhile | p50 | p99 | max |");
    println!("|---|---|---|---|---|---|---|---|");
    for (filter, lists, lets_through) in filters {
        let expected = sessions.iter().filter(|session| lets_through(session));
        let mut times: HashMap<&str, u32> = expected.map(|session| (session.id.as_str(), 0)).collect();
        let stop = CancellationToken::new();
        let creating = tokio::spawn(create(backend.clone(), numbers.clone(), stop.clone()));
        let (mut took, mut others) = (Vec::new(), HashSet::new());
        let begun = Instant::now();
        for list in lists {
            let mut after = None;
            loop {
                let request = ListVerificationSessionsRequest {
                    starting_after: after,
                    ..list.clone()
                };
                let begun = Instant::now();
                let page = backend.list(request).await?;
                took.push(begun.elapsed());
                after = page.data.last().map(|session| session.id.clone());
                for session in page.data {
                    match times.get_mut(session.id.as_str()) {
                        Some(times) => *times += 1,
                        None => {
                            anyhow::ensure!(others.insert(session.id), "one that was created meanwhile comes twice")
                        }
                    }
                }
                if !page.has_more {
                    break;
                }
            }
        }
        let lasted = begun.elapsed().as_secs_f64();
        stop.cancel();
        let created = creating.await??;
        let missing = times.values().filter(|times| **times == 0).count();
        let repeated = times.values().filter(|times| **times > 1).count();
        for session in created.iter().filter(|session| lets_through(session)) {
            others.remove(&session.id);
        }
        anyhow::ensure!(
            missing + repeated + others.len() == 0,
            "{name}, by {filter}: {missing} are missing, {repeated} come twice, {} should not be there",
            others.len()
        );
        let (of_them, pages) = (times.len(), took.len());
        let [median, most, longest] = quantiles(took);
        let (count, rate) = (created.len(), created.len() as f64 / lasted);
        println!(
            "| {name} | {filter} | {of_them} | {pages} | {count}, {rate:.0} a second | {median:.2?} | {most:.2?} | {longest:.2?} |"
        );
        sessions.extend(created);
    }
    println!("each session that was there before was in one page");
    Ok(())
}

/// Creates sessions at a steady rate, with references that there are, until it is told to stop.
async fn create(backend: Api, numbers: Range<usize>, stop: CancellationToken) -> anyhow::Result<Vec<Session>> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / CREATED_PER_SECOND);
    let mut creating = JoinSet::new();
    while !stop.is_cancelled() {
        ticks.tick().await;
        let (number, backend) = (random.random_range(numbers.clone()), backend.clone());
        creating.spawn(async move {
            let request = CreateVerificationSessionRequest {
                r#type: VerificationType::Document.into(),
                client_reference_id: Some(reference(number)),
                ..CreateVerificationSessionRequest::default()
            };
            let created = backend.sessions().create_verification_session(request).await?;
            anyhow::Ok(Session {
                id: created.into_inner().id,
                number,
                canceled: false,
            })
        });
    }
    creating.join_all().await.into_iter().collect()
}

/// The median, what 99 of 100 are not over, and the longest.
fn quantiles(mut took: Vec<Duration>) -> [Duration; 3] {
    took.sort();
    [0.5, 0.99, 1.0].map(|share| took[((took.len() - 1) as f64 * share) as usize])
}

/// A page somewhere in the list.
fn after_any(random: &mut ChaCha8Rng, sessions: &[Session]) -> ListVerificationSessionsRequest {
    // Beyond the batch that was created first, where pages end.
    let index = random.random_range(BATCH..sessions.len());
    ListVerificationSessionsRequest {
        limit: Some(PAGE),
        starting_after: Some(sessions[index].id.clone()),
        ..ListVerificationSessionsRequest::default()
    }
}

async fn used_memory(address: &str) -> anyhow::Result<u64> {
    let mut connection = redis::Client::open(address)?.get_multiplexed_async_connection().await?;
    let info: redis::InfoDict = redis::cmd("INFO").query_async(&mut connection).await?;
    Ok(info.get("used_memory").unwrap_or(0))
}
