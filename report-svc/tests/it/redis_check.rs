//! Redis servers that may lose state.

use report_svc::config::{Config, RedisConfig};
use report_svc::seal::Keyring;
use report_svc::server::ReportSvc;
use report_svc::storage::redis::{CheckError, Redis, Risk};
use service_kit::config::Secret;
use service_kit::service::Service as _;

use crate::redis_server::{RedisServer, start_cluster};

/// The risks that are refused, and where they are.
async fn refused(addresses: &str, allowed: &[Risk]) -> Vec<(Option<String>, Risk)> {
    let redis = Redis::connect(addresses).await.expect("connects");
    match redis.check(allowed).await {
        Ok(()) => Vec::new(),
        Err(CheckError::Unsafe(findings)) => {
            let found = findings.into_iter().map(|finding| (finding.master, finding.risk));
            found.collect()
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_server_that_loses_state_is_refused_unless_that_is_allowed() {
    let Some(server) = RedisServer::start_with(&["--appendonly", "no"]).await else {
        return;
    };
    assert_eq!(refused(&server.address, &[]).await, [(None, Risk::NoAof)]);
    server
        .command(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"])
        .await;
    let both = [(None, Risk::Eviction), (None, Risk::NoAof)];
    assert_eq!(refused(&server.address, &[]).await, both);
    assert_eq!(refused(&server.address, &[Risk::NoAof]).await, both[..1]);
    assert_eq!(refused(&server.address, &[Risk::NoAof, Risk::Eviction]).await, []);

    // As the service starts.
    let data = tempfile::tempdir().expect("a folder");
    let keys = Keyring::generate("k1").expect("random numbers");
    let config = |allow| Config {
        redis: RedisConfig {
            url: Some(Secret::new(&server.address)),
            allow,
            ..RedisConfig::default()
        },
        master_keys: Some(Secret::new(keys.as_str())),
        ..Config::embedded(data.path())
    };
    let error = ReportSvc::bind(config(Vec::new()))
        .await
        .expect_err("refused")
        .to_string();
    for part in [
        "maxmemory-policy is volatile-lru",
        "appendonly is off",
        "--redis-allow no-aof",
    ] {
        assert!(error.contains(part), "{error}");
    }
    ReportSvc::bind(config(vec![Risk::NoAof, Risk::Eviction]))
        .await
        .expect("allowed");
}

#[tokio::test]
async fn a_server_that_forbids_config_is_checked_all_the_same() {
    let aof = ["--appendonly", "yes", "--rename-command", "CONFIG", ""];
    let Some(server) = RedisServer::start_with(&aof).await else {
        return;
    };
    assert_eq!(refused(&server.address, &[]).await, []);
    let Some(server) = RedisServer::start_with(&["--rename-command", "CONFIG", ""]).await else {
        return;
    };
    assert_eq!(refused(&server.address, &[]).await, [(None, Risk::NoAof)]);
}

#[tokio::test]
async fn a_server_that_forbids_info_cannot_be_checked() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    server.command(&["ACL", "SETUSER", "default", "-info"]).await;
    assert_eq!(refused(&server.address, &[]).await, [(None, Risk::Unchecked)]);
    assert_eq!(refused(&server.address, &[Risk::Unchecked]).await, []);
}

#[tokio::test]
async fn every_master_of_a_cluster_is_checked() {
    let Some(nodes) = start_cluster().await else { return };
    let addresses: Vec<_> = nodes.iter().map(|node| node.address.as_str()).collect();
    let addresses = addresses.join(",");
    let masters: Vec<_> = nodes
        .iter()
        .map(|node| node.address.trim_start_matches("redis://").to_owned())
        .collect();
    let mut all: Vec<_> = masters
        .iter()
        .map(|master| (Some(master.clone()), Risk::NoAof))
        .collect();
    let mut found = refused(&addresses, &[]).await;
    found.sort_by(|one, other| one.0.cmp(&other.0));
    all.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(found, all);
    for node in &nodes[..2] {
        node.command(&["CONFIG", "SET", "appendonly", "yes"]).await;
    }
    let third = (Some(masters[2].clone()), Risk::NoAof);
    assert_eq!(refused(&addresses, &[]).await, [third]);
    nodes[2].command(&["CONFIG", "SET", "appendonly", "yes"]).await;
    assert_eq!(refused(&addresses, &[]).await, []);
}
