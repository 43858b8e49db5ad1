//! A real server on loopback, with services that do what each test needs.

mod admin;
mod certificates;
mod connections;
mod log;
mod plain_http;
mod proxy;
mod service;
mod tls;

use std::time::Duration;

use http::uri::PathAndQuery;
use proto::document::v1::document_check_service_client::DocumentCheckServiceClient;
use proto::reason;
use service_kit::client::ServiceChannel;
use service_kit::config::{Secret, ServeConfig};
use service_kit::testing::listed_services;
use service_kit::{deadline, status};
use tonic::client::Grpc;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use service::{client, order, start};

const TOKEN: &str = "a token of more than 24 characters";

#[tokio::test]
async fn a_panic_is_an_error_of_that_call_alone() {
    let running = start(ServeConfig::default()).await;
    let mut client = client(&running, None);
    let error = client.check_document(order("panic")).await.expect_err("panicked");
    assert_eq!(error.code(), Code::Internal);
    assert_eq!(status::reason(&error), Some(reason::INTERNAL));
    client
        .check_document(order("answer"))
        .await
        .expect("the service goes on");
}

#[tokio::test]
async fn what_the_transport_refuses_has_a_reason_too() {
    let running = start(ServeConfig::default()).await;
    let channel = ServiceChannel::new(&running.address, None).expect("an address");
    let call = async |path: &'static str, bytes: Vec<u8>| {
        let mut client = Grpc::new(channel.clone());
        client.ready().await.expect("connects with the call");
        let codec = ProstCodec::<Vec<u8>, ()>::default();
        let refused = client
            .unary(Request::new(bytes), PathAndQuery::from_static(path), codec)
            .await;
        let status = refused.expect_err("no call");
        (status.code(), status::reason(&status))
    };
    let check = "/bonafide.document.v1.DocumentCheckService/CheckDocument";
    assert_eq!(
        call(check, vec![0; 5 << 20]).await,
        (Code::OutOfRange, Some(reason::MESSAGE_TOO_LARGE))
    );
    // Where a picture stands in the message.
    assert_eq!(
        call(check, vec![0xff; 8]).await,
        (Code::InvalidArgument, Some(reason::MESSAGE_MALFORMED))
    );
    for path in [
        "/bonafide.document.v1.DocumentCheckService/Forge",
        "/bonafide.forgery.v1.ForgeryService/Forge",
    ] {
        assert_eq!(
            call(path, Vec::new()).await,
            (Code::Unimplemented, Some(reason::UNIMPLEMENTED))
        );
    }
}

#[tokio::test]
async fn a_deadline_is_honoured_and_known_to_the_service() {
    let running = start(ServeConfig::default()).await;
    let mut client = client(&running, None);

    let mut request = Request::new(order("deadline"));
    request.set_timeout(Duration::from_secs(7));
    let error = client
        .check_document(request)
        .await
        .expect_err("answers with what is left");
    let left: u64 = error.message().parse().expect("milliseconds");
    assert!((5_000..=7_000).contains(&left), "{left}");

    // A server that says nothing: the transport would call it CANCELLED.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", silent.local_addr().expect("bound"));
    let channel = ServiceChannel::new(&address, None).expect("an address");
    let mut request = Request::new(order("answer"));
    request.set_timeout(Duration::from_millis(30));
    let error = DocumentCheckServiceClient::new(channel)
        .check_document(request)
        .await
        .expect_err("late");
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(status::reason(&error), Some(reason::DEADLINE));

    // Inside another request, what is left of that one's deadline is passed on without anybody doing something for it.
    let outer = Duration::from_millis(300);
    let error = deadline::scope(Some(outer), client.check_document(order("hang")))
        .await
        .expect_err("late");
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(status::reason(&error), Some(reason::DEADLINE));
}

#[tokio::test]
async fn more_requests_than_allowed_are_refused_with_a_delay() {
    let running = start(ServeConfig {
        max_requests: 1,
        ..ServeConfig::default()
    })
    .await;
    let mut client = client(&running, None);
    let mut hanging = client.clone();
    let hanging = tokio::spawn(async move { hanging.check_document(order("hang")).await });
    let refused = loop {
        match client.check_document(order("answer")).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(status::reason(&refused), Some(reason::OVERLOADED));
    assert!(status::retry_after(&refused).is_some());
    hanging.abort();
}

#[tokio::test]
async fn an_internal_service_answers_to_the_token_only() {
    let running = start(ServeConfig {
        service_token: Some(Secret::new(TOKEN)),
        ..ServeConfig::default()
    })
    .await;
    let missing = client(&running, None)
        .check_document(order("answer"))
        .await
        .expect_err("no token");
    assert_eq!(missing.code(), Code::Unauthenticated);
    assert_eq!(status::reason(&missing), Some(reason::CREDENTIAL_MISSING));
    let wrong = client(&running, Some("another token of that length"))
        .check_document(order("answer"))
        .await;
    assert_eq!(
        status::reason(&wrong.expect_err("wrong token")),
        Some(reason::CREDENTIAL_INVALID)
    );
    client(&running, Some(TOKEN))
        .check_document(order("answer"))
        .await
        .expect("the right token");
}

#[tokio::test]
async fn tells_its_health_without_a_token_and_stops_when_told() {
    let running = start(ServeConfig {
        service_token: Some(Secret::new(TOKEN)),
        ..ServeConfig::default()
    })
    .await;
    let channel = ServiceChannel::new(&running.address, None).expect("an address");
    // Once its dependencies have answered.
    while !channel.clone().serving().await {
        tokio::task::yield_now().await;
    }
    running.shutdown.cancel();
    running.server.await.expect("no panic");
    assert!(!channel.serving().await);
}

#[tokio::test]
async fn reflection_lists_what_is_served() {
    let running = start(ServeConfig::default()).await;
    let channel = ServiceChannel::new(&running.address, None).expect("an address");
    let listed = listed_services(channel).await.expect("answers");
    assert_eq!(
        listed,
        [
            "bonafide.document.v1.DocumentCheckService",
            "bonafide.identity.v1.CaptureService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
        ]
    );
}

#[tokio::test]
async fn calls_are_taken_in_the_lame_duck_time() {
    let running = start(ServeConfig {
        lame_duck: Duration::from_secs(3600),
        ..ServeConfig::default()
    })
    .await;
    let old = client(&running, None);
    old.clone().check_document(order("answer")).await.expect("served");
    running.shutdown.cancel();
    let fresh = || ServiceChannel::new(&running.address, None).expect("an address");
    while fresh().serving().await {
        tokio::task::yield_now().await;
    }
    for mut client in [old, DocumentCheckServiceClient::new(fresh())] {
        client.check_document(order("answer")).await.expect("still served");
    }
    running.server.abort();
}

#[tokio::test]
async fn a_watch_of_the_health_does_not_hold_up_the_end() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let running = start(ServeConfig {
        drain_timeout: Duration::from_secs(3600),
        ..ServeConfig::default()
    })
    .await;
    let channel = ServiceChannel::new(&running.address, None).expect("an address");
    let watched = HealthClient::new(channel).watch(HealthCheckRequest::default()).await;
    let mut watched = watched.expect("the whole is known").into_inner();
    let mut last = watched.message().await.expect("served").expect("a status").status();
    running.shutdown.cancel();
    while let Some(status) = watched.message().await.expect("ends in order") {
        last = status.status();
    }
    assert_eq!(last, tonic_health::pb::health_check_response::ServingStatus::NotServing);
    running.server.await.expect("no panic");
}
