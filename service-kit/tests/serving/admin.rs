//! The port for probes and metrics.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use proto::identity::v1::SubmitVerificationSessionRequest;
use proto::identity::v1::capture_service_client::CaptureServiceClient;
use service_kit::client::ServiceChannel;
use service_kit::config::ServeConfig;
use service_kit::health::Health;
use service_kit::serving::Server;
use service_kit::testing::{Samples, get};

use crate::service::{INTERNAL, Running, client, order, start, start_with};

fn with_admin() -> ServeConfig {
    ServeConfig {
        admin_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        ..ServeConfig::default()
    }
}

async fn asked(running: &Running, path: &str) -> (u16, String) {
    get(running.admin.expect("a port"), path).await.expect("an answer")
}

/// Waits for the first look at the dependencies, and for what is said from then on.
async fn ready_after(running: &Running, passing: &str) -> (u16, String) {
    loop {
        let (status, says) = asked(running, "/readyz").await;
        if says != passing {
            return (status, says);
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn probes_say_what_is_away() {
    let health = Health::new()
        .depends_on("store", || async { false })
        .uses("check", || async { true });
    let running = start_with(INTERNAL, with_admin(), health).await;
    let says = "not ready\nstore: does not answer\ncheck: answers\n";
    assert_eq!(ready_after(&running, "starting\n").await, (503, says.to_owned()));
    assert_eq!(asked(&running, "/livez").await.0, 200);

    let running = start(with_admin()).await;
    let says = "ready\nalways: answers\n";
    assert_eq!(ready_after(&running, "starting\n").await, (200, says.to_owned()));
}

#[tokio::test]
async fn probes_are_answered_before_anything_is_opened() {
    let server = Server::bind("test-svc", INTERNAL, &with_admin()).await;
    let admin = server.as_ref().expect("a free port").admin_addr().expect("a port");
    assert_eq!(get(admin, "/livez").await.expect("an answer").0, 200);
    assert_eq!(
        get(admin, "/readyz").await.expect("an answer"),
        (503, "starting\n".to_owned())
    );
}

#[tokio::test]
async fn probes_are_answered_in_the_lame_duck_time() {
    let running = start(ServeConfig {
        lame_duck: Duration::from_secs(3600),
        ..with_admin()
    })
    .await;
    running.shutdown.cancel();
    while asked(&running, "/readyz").await != (503, "stopping\n".to_owned()) {
        tokio::task::yield_now().await;
    }
    assert_eq!(asked(&running, "/livez").await.0, 200);
    running.server.abort();
}

#[tokio::test]
async fn probes_are_answered_while_calls_end() {
    let running = start(with_admin()).await;
    let mut hanging = client(&running, None);
    let hanging = tokio::spawn(async move { hanging.check_document(order("hang")).await });
    // Another call is behind it on the same server: it has begun.
    client(&running, None)
        .check_document(order("slow"))
        .await
        .expect("served");
    running.shutdown.cancel();
    // No call is taken any more.
    while client(&running, None).check_document(order("answer")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(asked(&running, "/readyz").await, (503, "stopping\n".to_owned()));
    assert_eq!(asked(&running, "/livez").await.0, 200);
    assert!(!hanging.is_finished() && !running.server.is_finished());
    hanging.abort();
}

#[tokio::test]
async fn calls_are_counted_on_both_sides() {
    let running = start(with_admin()).await;
    let channel = ServiceChannel::new(&running.address, None).expect("an address");
    let refused = CaptureServiceClient::new(channel)
        .submit_verification_session(SubmitVerificationSessionRequest::default())
        .await;
    refused.expect_err("no test needs it");
    let (status, text) = asked(&running, "/metrics").await;
    assert_eq!(status, 200);
    let samples = Samples::parse(&text).expect("what Prometheus reads");
    let labels = [
        ("rpc_system_name", "grpc"),
        (
            "rpc_method",
            "bonafide.identity.v1.CaptureService/SubmitVerificationSession",
        ),
        ("rpc_response_status_code", "UNIMPLEMENTED"),
    ];
    for side in ["server", "client"] {
        let name = format!("rpc_{side}_call_duration_seconds_count");
        assert_eq!(samples.sum(&name, &labels), Some(1.0), "{name}");
    }
    assert!(samples.sum("process_memory_usage_bytes", &[]) > Some(0.0));
}

#[tokio::test]
async fn a_port_in_use_has_its_own_message() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound");
    let config = ServeConfig {
        admin_listen: Some(address),
        ..ServeConfig::default()
    };
    let bound = Server::bind("test-svc", INTERNAL, &config);
    let message = bound.await.expect_err("taken").to_string();
    let expected = format!("cannot listen on {address} for probes and metrics (--admin-listen)");
    assert_eq!(message, expected);
}
