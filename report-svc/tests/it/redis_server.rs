//! A private redis-server, and the Redis storage on it.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use report_svc::storage::Storage;
use report_svc::storage::redis::Redis;

use crate::conformance::{Subject, suite};

/// A redis-server on a free loopback port, with a folder of its own; stopped when dropped.
pub(crate) struct RedisServer {
    process: Child,
    pub(crate) address: String,
    _folder: tempfile::TempDir,
}

impl RedisServer {
    /// Starts one; `None`, and a line that says so, where redis-server is not installed.
    pub(crate) async fn start() -> Option<Self> {
        // Another process may take the port between finding and using it: then the next one is tried.
        for _ in 0..10 {
            let port = std::net::TcpListener::bind("127.0.0.1:0")
                .and_then(|free| free.local_addr())
                .expect("a free port")
                .port();
            let folder = tempfile::tempdir().expect("a folder");
            let started = Command::new("redis-server")
                .args([
                    "--port",
                    &port.to_string(),
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                ])
                .arg("--dir")
                .arg(folder.path())
                .stdout(Stdio::null())
                .spawn();
            let Ok(process) = started else {
                println!("skipped: redis-server is not installed");
                return None;
            };
            let mut server = Self {
                process,
                address: format!("redis://127.0.0.1:{port}"),
                _folder: folder,
            };
            if server.answers().await {
                return Some(server);
            }
        }
        panic!("redis-server does not start");
    }

    /// Waits until it answers; false when it ended instead.
    async fn answers(&mut self) -> bool {
        let client = redis::Client::open(self.address.as_str()).expect("an address");
        loop {
            if client.get_multiplexed_async_connection().await.is_ok() {
                return true;
            }
            if self.process.try_wait().expect("our child").is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct OnRedis(Arc<dyn Storage>);

#[async_trait::async_trait]
impl Subject for OnRedis {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.0)
    }

    async fn advance(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn does_what_every_storage_must() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let storage = Redis::connect(&server.address).await.expect("connects");
    suite(&OnRedis(Arc::new(storage))).await;
}

#[tokio::test]
async fn a_replica_hears_of_the_changes_of_another() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let [here, there] = [
        Redis::connect(&server.address).await,
        Redis::connect(&server.address).await,
    ]
    .map(|storage| Arc::new(storage.expect("connects")) as Arc<dyn Storage>);
    let mut jobs = there.changes().jobs();
    // The subscription itself counts as a change: after it, messages are heard.
    jobs.changed().await.expect("open");
    let id = crate::conformance::submit(here.as_ref()).await;
    tokio::time::timeout(Duration::from_secs(10), jobs.changed())
        .await
        .expect("told")
        .expect("open");
    let lease = there
        .lease("there", Duration::from_secs(60))
        .await
        .expect("storage")
        .expect("a job");
    assert_eq!(lease.session, id);
    assert_eq!(
        here.lease("here", Duration::from_secs(60)).await.expect("storage"),
        None
    );
}

#[tokio::test]
async fn an_address_where_nothing_listens_is_an_error() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a free port");
    assert!(Redis::connect(&format!("redis://{free}")).await.is_err());
    assert!(Redis::connect("not an address").await.is_err());
}
