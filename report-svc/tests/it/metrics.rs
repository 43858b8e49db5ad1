//! What report-svc tells of Redis and of its queue in numbers. Tests beside these work at the same time: numbers grow by so much at least.

use std::sync::Arc;
use std::time::Duration;

use report_svc::evidence::Evidence;
use report_svc::limits::Limits;
use report_svc::storage::Storage as _;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::Redis;
use service_kit::testing::{Samples, scraped, tell_metrics};

use crate::clock::Hand;
use crate::conformance::request;
use crate::redis_server::RedisServer;
use crate::store::{create, put, store};

const LEASE: Duration = Duration::from_secs(60);

fn told() -> Samples {
    scraped().expect("what Prometheus reads")
}

const COMMANDS: &str = "db_client_operation_duration_seconds_count";

#[tokio::test]
async fn commands_and_errors_of_redis_are_counted() {
    tell_metrics();
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let redis = Redis::connect(&server.address).await.expect("connects");
    assert!(redis.healthy().await);
    let write = [("db_system_name", "redis"), ("db_operation_name", "SET")];
    assert!(told().sum(COMMANDS, &write) >= Some(1.0));

    // The first time a script is sent the server does not know it.
    redis.depth().await.expect("answers");
    let unknown = [("db_operation_name", "EVALSHA"), ("error_type", "NOSCRIPT")];
    assert!(told().sum(COMMANDS, &unknown) >= Some(1.0));

    // A server that is away is an error of its own.
    drop(server);
    assert!(!redis.healthy().await);
    let errors = told().values(COMMANDS, "error_type");
    assert!(errors.iter().any(|error| error != "NOSCRIPT"), "{errors:?}");
}

#[tokio::test]
async fn jobs_are_counted_until_they_are_given_up() {
    tell_metrics();
    let hand = Hand::new();
    let storage = Embedded::in_memory(hand.clock()).expect("opens");
    let store = store(Arc::new(storage), Evidence::in_memory());
    let session = create(&store).await;
    put(&store, &session, b"front").await;
    let submitted = store.submit(session.as_str(), None, Default::default()).await;
    submitted.expect("as it has a picture");

    let before = told();
    let deliveries = Limits::default().deliveries;
    for _ in 0..deliveries {
        assert!(store.lease(&request(LEASE)).await.expect("storage").is_some());
        hand.advance(LEASE);
    }
    assert!(store.lease(&request(LEASE)).await.expect("storage").is_none());

    let after = told();
    let failed = [
        ("outcome", "requires_input"),
        ("error_code", "document_unverified_other"),
    ];
    for (name, labels, more) in [
        ("bonafide_job_deliveries_total", &[("delivery", "first")][..], 1),
        (
            "bonafide_job_deliveries_total",
            &[("delivery", "repeated")],
            deliveries - 1,
        ),
        ("bonafide_job_given_up_total", &[], 1),
        ("bonafide_verification_duration_seconds_count", &failed, 1),
    ] {
        let number = |samples: &Samples| samples.sum(name, labels).unwrap_or(0.0);
        let grown = number(&after) - number(&before);
        assert!(grown >= f64::from(more), "{name} {labels:?}: {grown}");
    }
}
