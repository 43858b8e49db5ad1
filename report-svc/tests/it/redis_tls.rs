//! Redis over TLS, which asks for our certificate unless a test says otherwise; and what is told where there can be none.

use std::time::Duration;

use report_svc::config::{Config, RedisConfig};
use report_svc::seal::Keyring;
use report_svc::server::ReportSvc;
use report_svc::storage::redis::{Redis, RedisTls, RedisTlsConfig, Risk};
use report_svc::storage::{Changes, Storage};
use service_kit::config::Secret;
use service_kit::service::Service as _;

use crate::certificates::{Ca, HERE};
use crate::conformance::{finish, request, submit, suite};
use crate::failover::Sentinel;
use crate::redis_server::{OnRedis, RedisServer, start_cluster_as};

const KEPT: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

async fn connect(address: &str, files: &RedisTlsConfig) -> Redis {
    let tls = RedisTls::read(files).expect("files that can be used");
    Redis::connect_with(address, &tls).await.expect("connects")
}

/// Does some of everything, and hears of it.
async fn works(storage: &Redis) {
    let changes: Changes = storage.changes().clone();
    let mut jobs = changes.jobs();
    // The first may come before the subscription, which counts as a change itself.
    for _ in 0..2 {
        submit(storage).await;
        jobs.changed().await.expect("open");
    }
    for _ in 0..18 {
        submit(storage).await;
    }
    for _ in 0..20 {
        let leased = storage.lease(&request(Duration::from_secs(60))).await.expect("storage");
        finish(storage, &leased.expect("queued").lease).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_protected_server_does_what_every_storage_must() {
    let ca = Ca::new();
    let of_server = ca.issue(&HERE);
    let Some(server) = RedisServer::start_as(Some(&of_server), &KEPT).await else {
        return;
    };
    let storage = connect(&server.address, &ca.issue(&["report-svc"]).shown()).await;
    storage.check(&[]).await.expect("fit to be used");
    suite(&OnRedis::over(storage)).await;
}

#[tokio::test]
async fn a_protected_cluster() {
    let ca = Ca::new();
    let of_nodes = ca.issue(&HERE);
    let Some(nodes) = start_cluster_as(Some(&of_nodes)).await else {
        return;
    };
    let addresses: Vec<_> = nodes.iter().map(|node| node.address.as_str()).collect();
    let storage = connect(&addresses.join(","), &ca.issue(&["report-svc"]).shown()).await;
    storage.check(&[Risk::NoAof]).await.expect("allowed");
    works(&storage).await;
}

#[tokio::test]
async fn a_protected_master_behind_protected_sentinels() {
    let ca = Ca::new();
    let of_servers = ca.issue(&HERE);
    let Some(master) = RedisServer::start_as(Some(&of_servers), &KEPT).await else {
        return;
    };
    let sentinel = Sentinel::start(&master, Some(&of_servers));
    let address = format!("rediss+sentinel://127.0.0.1:{}/primary", sentinel.port);
    let tls = RedisTls::read(&ca.issue(&["report-svc"]).shown()).expect("files that can be used");
    let storage = loop {
        // Until it answers.
        if let Ok(storage) = Redis::connect_with(&address, &tls).await {
            break storage;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    works(&storage).await;

    let stranger = RedisTls::read(&Ca::new().trusted()).expect("files that can be used");
    let refused = Redis::connect_with(&address, &stranger).await.map(drop);
    let told = refused.expect_err("of another CA").to_string();
    assert!(told.contains("of no CA that is trusted here"), "{told}");
}

#[tokio::test]
async fn a_master_whose_certificate_names_not_what_sentinels_know_it_by() {
    let ca = Ca::new();
    let (of_master, of_sentinel) = (ca.issue(&["localhost"]), ca.issue(&HERE));
    let Some(master) = RedisServer::start_as(Some(&of_master), &KEPT).await else {
        return;
    };
    // It knows it by its address.
    let sentinel = Sentinel::start(&master, Some(&of_sentinel));
    let address = format!("rediss+sentinel://127.0.0.1:{}/primary", sentinel.port);
    let tls = RedisTls::read(&ca.issue(&["report-svc"]).shown()).expect("files that can be used");
    let told = loop {
        let refused = Redis::connect_with(&address, &tls).await.map(drop);
        let told = refused.expect_err("another name").to_string();
        // Until the Sentinel answers.
        if told != "redis does not answer" {
            break told;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(told.contains("its certificate does not name what was called"), "{told}");
}

/// Why report-svc does not start with this Redis, in the words of its last line.
async fn refused(address: &str, tls: RedisTlsConfig) -> String {
    let data = tempfile::tempdir().expect("a folder");
    let keys = Keyring::generate("k1").expect("random numbers");
    let config = Config {
        redis: RedisConfig {
            url: Some(Secret::new(address)),
            tls,
            ..RedisConfig::default()
        },
        master_keys: Some(Secret::new(keys.as_str())),
        ..Config::embedded(data.path())
    };
    ReportSvc::bind(config).await.expect_err("no TLS").to_string()
}

#[tokio::test]
async fn what_is_the_matter_is_told_at_the_start() {
    let (ca, other) = (Ca::new(), Ca::new());
    let of_server = ca.issue(&HERE);
    let Some(server) = RedisServer::start_as(Some(&of_server), &KEPT).await else {
        return;
    };
    let named = ca.issue(&["localhost"]);
    let named = RedisServer::start_as(Some(&named), &KEPT).await.expect("installed");
    let by_address = named.address.replace("localhost", "127.0.0.1");
    let plain = RedisServer::start().await.expect("installed");
    let by_tls = plain.address.replace("redis://", "rediss://");
    let (us, stranger) = (ca.issue(&["report-svc"]), other.issue(&["report-svc"]));
    for (address, tls, told) in [
        (
            &server.address,
            other.trusted(),
            "no TLS with redis: its certificate is of no CA that is trusted here: name that CA's file with --redis-ca",
        ),
        (
            &server.address,
            RedisTlsConfig::default(),
            "no TLS with redis: its certificate is of no CA that is trusted here: name that CA's file with --redis-ca",
        ),
        (&server.address, ca.trusted(), "--redis-cert and --redis-key"),
        (
            &server.address,
            RedisTlsConfig {
                ca: us.shown().ca,
                ..stranger.shown()
            },
            "--redis-cert",
        ),
        (
            &by_address,
            us.shown(),
            "no TLS with redis: its certificate does not name what was called",
        ),
        (
            &by_tls,
            us.shown(),
            "rediss:// is for its tls-port, redis:// for its port",
        ),
        (
            &plain.address,
            us.shown(),
            "--redis-ca, --redis-cert and --redis-key are for a --redis-url that begins with rediss",
        ),
    ] {
        let says = refused(address, tls).await;
        println!("{says}");
        assert!(says.contains(told), "{says}");
    }
}

#[tokio::test]
async fn every_node_is_asked_what_is_the_matter() {
    let ca = Ca::new();
    let of_nodes = ca.issue(&HERE);
    let Some(nodes) = start_cluster_as(Some(&of_nodes)).await else {
        return;
    };
    let addresses: Vec<_> = nodes.iter().map(|node| node.address.as_str()).collect();
    let says = refused(&addresses.join(","), Ca::new().trusted()).await;
    assert!(says.contains("of no CA that is trusted here"), "{says}");
}

#[test]
fn files_that_cannot_be_used_are_told() {
    let issued = Ca::new().issue(&HERE);
    let good = issued.shown();
    let key = good.key.clone();
    let told = |files: RedisTlsConfig| RedisTls::read(&files).map(drop).expect_err("wrong").to_string();
    for (files, expected) in [
        (
            RedisTlsConfig {
                key: None,
                ..good.clone()
            },
            "--redis-cert and --redis-key go together",
        ),
        (
            RedisTlsConfig {
                ca: key,
                ..good.clone()
            },
            "(--redis-ca) does not hold a certificate in PEM",
        ),
        (
            RedisTlsConfig {
                ca: Some(issued.file("nowhere.pem")),
                ..good
            },
            "nowhere.pem (--redis-ca): No such file",
        ),
    ] {
        let says = told(files);
        assert!(says.contains(expected), "{says}");
    }
}
