//! Latency of a page of 50 out of a million sessions, over gRPC, on both storages; and bytes per session in Redis.
//!
//! `BONAFIDE_REDIS_URL=redis://… cargo bench -p report-svc --bench listing` uses that Redis, which must be empty; without it only the
//! embedded storage is measured. `BONAFIDE_SESSIONS` is how many there are, more than 100,000. The embedded storage is
//! filled one flushed step after the other: `TMPDIR=/dev/shm` does that in minutes.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use proto::identity::v1::{
    CreateVerificationSessionRequest, ListVerificationSessionsRequest, VerificationSessionStatus,
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
use service_kit::config::Secret;
use service_kit::service::Service as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const ACCOUNT: &str = "acct_1";
/// Sessions of one reference, but for the first [`MEASURED`].
const PER_REFERENCE: usize = 100;
/// One session of so many is canceled.
const CANCELED: usize = 10;
/// Sessions of a redis-server whose memory is told: each has a reference of its own, which takes the most.
const MEASURED: usize = 100_000;
const BATCH: usize = 10_000;
const AT_ONCE: usize = 32;
const PAGES: usize = 2_000;
const PAGE: u32 = 50;

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
    let ids = fill(embedded, &keys, sessions, async |_| Ok(())).await?;
    println!(
        "embedded: {sessions} sessions in {} MB",
        std::fs::metadata(&file)?.len() / 1_000_000
    );
    measure("embedded", config.clone(), &ids).await?;

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
    let ids = fill(redis, &keys, sessions, told).await?;
    let config = Config {
        redis: RedisConfig {
            url: Some(Secret::new(address)),
            allow: vec![Risk::NoAof],
            ..RedisConfig::default()
        },
        ..config
    };
    measure("redis", config, &ids).await
}

/// Creates the sessions. Their events are dropped: they are another matter.
async fn fill(
    storage: Arc<dyn Storage>,
    keys: &Secret,
    sessions: usize,
    told: impl AsyncFn(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<String>> {
    let store = Store::new(
        storage,
        Evidence::in_memory(),
        Keyring::parse(keys.expose())?,
        Limits::default(),
    );
    let mut ids = Vec::with_capacity(sessions);
    while ids.len() < sessions {
        let mut creating = JoinSet::new();
        for worker in 0..AT_ONCE {
            let (store, begin) = (store.clone(), ids.len());
            creating.spawn(async move {
                let mut made = Vec::new();
                for number in (begin + worker..begin + BATCH).step_by(AT_ONCE) {
                    let request = CreateVerificationSessionRequest {
                        client_reference_id: Some(reference(number)),
                        ..CreateVerificationSessionRequest::default()
                    };
                    let id = store.create(ACCOUNT, true, request).await?.id.to_string();
                    if number % CANCELED == 0 {
                        store.cancel(&id, ACCOUNT).await?;
                    }
                    made.push(id);
                }
                anyhow::Ok(made)
            });
        }
        while let Some(made) = creating.join_next().await {
            ids.extend(made??);
        }
        store.trim_events(SystemTime::now(), &CancellationToken::new()).await?;
        told(ids.len()).await?;
    }
    Ok(ids)
}

fn reference(number: usize) -> String {
    match number.checked_sub(MEASURED) {
        None => format!("order {number}"),
        Some(number) => format!("customer {}", number / PER_REFERENCE),
    }
}

async fn measure(name: &str, config: Config, ids: &[String]) -> anyhow::Result<()> {
    let service = ReportSvc::bind(config).await?;
    let address = format!("http://{}", service.local_addr());
    let stop = CancellationToken::new();
    let served = tokio::spawn(service.serve(stop.clone()));
    let client = StoreServiceClient::new(ServiceChannel::new(&address, None)?);
    type Filter = fn(&mut ChaCha8Rng, &[String]) -> ListVerificationSessionsRequest;
    let filters: [(&str, Filter); 4] = [
        ("account", |random, ids| after_any(random, ids)),
        ("status requires_input", |random, ids| ListVerificationSessionsRequest {
            status: VerificationSessionStatus::RequiresInput.into(),
            ..after_any(random, ids)
        }),
        ("status canceled", |random, ids| ListVerificationSessionsRequest {
            status: VerificationSessionStatus::Canceled.into(),
            ..after_any(random, ids)
        }),
        ("reference", |random, ids| ListVerificationSessionsRequest {
            client_reference_id: Some(reference(random.random_range(MEASURED..ids.len()))),
            starting_after: None,
            ..after_any(random, ids)
        }),
    ];
    for (filter, request) in filters {
        for clients in [1, 8] {
            let mut random = ChaCha8Rng::seed_from_u64(1);
            let mut asking = JoinSet::new();
            for _ in 0..clients {
                let requests = (0..PAGES / clients).map(|_| ListSessionsRequest {
                    account: ACCOUNT.to_owned(),
                    request: Some(request(&mut random, ids)),
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
            took.sort();
            let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
            println!(
                "{name}, by {filter}, {clients} at once: p50 {:.2?}, p99 {:.2?}, max {:.2?}",
                at(0.5),
                at(0.99),
                at(1.0)
            );
        }
    }
    stop.cancel();
    served.await??;
    Ok(())
}

/// A page somewhere in the list.
fn after_any(random: &mut ChaCha8Rng, ids: &[String]) -> ListVerificationSessionsRequest {
    // Beyond the oldest thousandth, where pages end.
    let index = random.random_range(ids.len() / 1000..ids.len());
    ListVerificationSessionsRequest {
        limit: Some(PAGE),
        starting_after: Some(ids[index].clone()),
        ..ListVerificationSessionsRequest::default()
    }
}

async fn used_memory(address: &str) -> anyhow::Result<u64> {
    let mut connection = redis::Client::open(address)?.get_multiplexed_async_connection().await?;
    let info: redis::InfoDict = redis::cmd("INFO").query_async(&mut connection).await?;
    Ok(info.get("used_memory").unwrap_or(0))
}
