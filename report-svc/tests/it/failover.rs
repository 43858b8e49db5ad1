//! A master behind Sentinels dies, and its replica takes over.

use std::process::{Command, Stdio};
use std::time::Duration;

use report_svc::storage::Storage as _;
use report_svc::storage::redis::Redis;

use crate::certificates::Issued;
use crate::conformance::{finish, request, submit};
use crate::process::Running;
use crate::redis_server::{RedisServer, free_port};

const LEASE: Duration = Duration::from_secs(60);

/// A Sentinel with a folder of its own; stopped when dropped.
pub(crate) struct Sentinel {
    _process: Running,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl Sentinel {
    /// Starts one that calls the master `primary`, and takes it for dead after half a second. With TLS alone, if a certificate is given
    /// for it.
    pub(crate) fn start(master: &RedisServer, certificate: Option<&Issued>) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
        let config = folder.path().join("sentinel.conf");
        let listens = match certificate {
            None => format!("port {port}\n"),
            Some(certificate) => {
                let settings = certificate.settings(port).into_iter();
                settings.map(|(name, value)| format!("{name} {value}\n")).collect()
            }
        };
        let lines = format!(
            "{listens}bind 127.0.0.1\ndir {}\nsentinel monitor primary 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds primary 500\nsentinel failover-timeout primary 5000\n",
            folder.path().display(),
            master.port
        );
        std::fs::write(&config, lines).expect("written");
        let process = Command::new("redis-server")
            .arg(&config)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .spawn()
            .expect("installed");
        Self {
            _process: Running(process),
            port,
            _folder: folder,
        }
    }

    /// Waits until it knows the replica by which the master could be replaced.
    async fn knows_a_replica(&self) {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).expect("an address");
        let ready = async || {
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            let mut command = redis::cmd("SENTINEL");
            let replicas = command.arg("REPLICAS").arg("primary").query_async(&mut connection);
            let replicas: Vec<std::collections::HashMap<String, String>> = replicas.await.ok()?;
            let status = replicas.first()?.get("master-link-status")?;
            (status == "ok").then_some(())
        };
        while ready().await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_promoted_replica_goes_on_where_its_master_was() {
    let Some(master) = RedisServer::start().await else {
        return;
    };
    let of_master = master.port.to_string();
    let arguments = ["--appendonly", "yes", "--replicaof", "127.0.0.1", &of_master];
    let replica = RedisServer::start_with(&arguments).await.expect("installed");
    let sentinel = Sentinel::start(&master, None);
    sentinel.knows_a_replica().await;

    let address = format!("redis+sentinel://127.0.0.1:{}/primary", sentinel.port);
    let storage = Redis::connect(&address).await.expect("connects");
    storage.check(&[]).await.expect("fit to be used");
    let before = submit(&storage).await;
    while replica.command(&["DBSIZE"]).await != master.command(&["DBSIZE"]).await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(master);

    // Calls fail until the replica is promoted, and go on by themselves then.
    let (lease, mut failed) = (request(LEASE), 0);
    let leased = loop {
        match storage.lease(&lease).await {
            Ok(leased) => break leased.expect("what was replicated is there"),
            Err(_) => failed += 1,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(failed > 0, "nobody was there to answer");
    assert_eq!(leased.lease.session, before);
    finish(&storage, &leased.lease).await;

    // So does the news of what others do: the subscription is made anew, which counts as a change, and then hears.
    let other = Redis::connect(&address).await.expect("connects");
    let mut jobs = storage.changes().jobs();
    for _ in 0..2 {
        submit(&other).await;
        let changed = tokio::time::timeout(Duration::from_secs(10), jobs.changed()).await;
        changed.expect("told").expect("open");
    }
}
