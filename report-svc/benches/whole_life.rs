//! Whole lives of sessions per second: create, one picture, submit, lease, complete, against the store itself (no gRPC).
//!
//! `BONAFIDE_REDIS_URL=redis://… cargo bench -p report-svc` measures that Redis beside the embedded storage. Use an empty one.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use proto::identity::v1::{CreateVerificationSessionRequest, ImagePurpose};
use report_svc::assemble::Findings;
use report_svc::evidence::Evidence;
use report_svc::limits::Limits;
use report_svc::seal::Keyring;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::Redis;
use report_svc::storage::{LeaseRequest, Storage};
use report_svc::store::Store;

const LASTS: Duration = Duration::from_secs(3);
const LEASE: Duration = Duration::from_secs(60);
/// About what a telephone makes of a document.
const PICTURE: usize = 300 * 1024;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let embedded = Embedded::open(&folder.path().join("state.redb"), Arc::new(SystemTime::now))?;
    measure("embedded", Arc::new(embedded), folder.path()).await?;
    match std::env::var("BONAFIDE_REDIS_URL") {
        Ok(address) => measure("redis", Arc::new(Redis::connect(&address).await?), folder.path()).await?,
        Err(_) => println!("redis: skipped, BONAFIDE_REDIS_URL is not set"),
    }
    Ok(())
}

async fn measure(name: &str, storage: Arc<dyn Storage>, folder: &std::path::Path) -> anyhow::Result<()> {
    for (pictures, size) in [("with a picture of 1 byte", 1), ("with a picture of 300 KiB", PICTURE)] {
        for clients in [1, 16] {
            let evidence = Evidence::in_folder(&folder.join("evidence"))?;
            let keyring = Keyring::parse(&Keyring::generate("k1")?)?;
            let store = Store::new(Arc::clone(&storage), evidence, keyring, Limits::default());
            let started = Instant::now();
            let lives: Vec<_> = (0..clients)
                .map(|_| tokio::spawn(live(store.clone(), size, started)))
                .collect();
            let mut count = 0;
            for life in lives {
                count += life.await??;
            }
            let rate = f64::from(count) / started.elapsed().as_secs_f64();
            println!("{name}, {pictures}, {clients} at once: {rate:.0} lives per second");
        }
    }
    Ok(())
}

/// Lives one life after another; how many there were.
async fn live(store: Store, picture: usize, started: Instant) -> anyhow::Result<u32> {
    let mut count = 0;
    while started.elapsed() < LASTS {
        let session = store
            .create("acct_1", true, CreateVerificationSessionRequest::default())
            .await?
            .id;
        let id = session.as_str();
        store
            .put_image(id, None, ImagePurpose::DocumentFront, vec![7; picture])
            .await?;
        store.submit(id, None, Default::default()).await?;
        let request = LeaseRequest {
            worker: "bench".to_owned(),
            request_id: uuid::Uuid::new_v4().to_string(),
            time: LEASE,
        };
        // Another client may have leased this one's job and not yet submitted its own.
        let job = loop {
            if let Some(job) = store.lease(&request).await? {
                break job;
            }
        };
        store.complete(&job.lease_token.parse()?, Findings::default()).await?;
        count += 1;
    }
    Ok(count)
}
