//! Connections that end under calls: at their age, or broken by the network.

use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use proto::document::v1::document_check_service_client::DocumentCheckServiceClient;
use proto::identity::v1::UploadImageRequest;
use proto::identity::v1::capture_service_client::CaptureServiceClient;
use service_kit::client::ServiceChannel;
use service_kit::config::ServeConfig;
use service_kit::tls::ClientTls;
use tonic::{Request, Status};

use crate::certificates::{Ca, Folder, VALID};
use crate::proxy::{self, Reset};
use crate::service::{Running, client, order, start};

const CALLERS: usize = 4;

/// Every connection takes calls for 20 ms.
async fn short_lived() -> Running {
    start(ServeConfig {
        max_connection_age: Duration::from_millis(20),
        ..ServeConfig::default()
    })
    .await
}

/// The network's address before a server: it resets its first connections at `resets`.
async fn behind_proxy<I>(running: &Running, resets: I) -> ServiceChannel
where
    I: IntoIterator<Item = Reset>,
    I::IntoIter: Send + 'static,
{
    let server: SocketAddr = running
        .address
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let address = proxy::start(server, resets).await;
    ServiceChannel::new(&format!("http://{address}"), None).expect("an address")
}

/// Makes `calls` calls from each of a few callers, without a pause; each may be made once only. Answers the outcome of each.
async fn upload(channel: ServiceChannel, calls: usize, bytes: usize) -> Vec<(String, Result<(), Status>)> {
    let callers = (0..CALLERS).map(|caller| {
        let mut client = CaptureServiceClient::new(channel.clone());
        tokio::spawn(async move {
            let mut outcomes = Vec::new();
            for call in 0..calls {
                let name = format!("{caller}, {call}");
                let request = UploadImageRequest {
                    verification_session: name.clone(),
                    data: vec![7; bytes],
                    ..UploadImageRequest::default()
                };
                let outcome = client.upload_image(request).await;
                outcomes.push((name, outcome.map(|_| ())));
            }
            outcomes
        })
    });
    let outcomes = join_all(callers).await;
    outcomes
        .into_iter()
        .flat_map(|outcomes| outcomes.expect("no panic"))
        .collect()
}

/// The same from one caller until told that it is enough.
pub(crate) async fn upload_until(
    channel: ServiceChannel,
    enough: Arc<AtomicBool>,
) -> Vec<(String, Result<(), Status>)> {
    let mut client = CaptureServiceClient::new(channel);
    let mut outcomes = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let name = outcomes.len().to_string();
        let request = UploadImageRequest {
            verification_session: name.clone(),
            data: vec![7; 10_000],
            ..UploadImageRequest::default()
        };
        let outcome = client.upload_image(request).await;
        outcomes.push((name, outcome.map(|_| ())));
    }
    outcomes
}

/// The same with calls that may be made again.
async fn check(channel: ServiceChannel, calls: usize, bytes: usize) -> Result<(), Status> {
    let mut large = order("answer");
    large.images[0].data = vec![7; bytes];
    let callers = (0..CALLERS).map(|_| {
        let mut client = DocumentCheckServiceClient::new(channel.clone());
        let large = large.clone();
        tokio::spawn(async move {
            for _ in 0..calls {
                client.check_document(large.clone()).await?;
            }
            Ok(())
        })
    });
    let outcomes = join_all(callers).await;
    outcomes.into_iter().try_for_each(|outcome| outcome.expect("no panic"))
}

#[tokio::test]
async fn a_call_outlives_the_age_of_its_connection() {
    let running = start(ServeConfig {
        max_connection_age: Duration::from_millis(100),
        request_timeout: Duration::from_millis(600),
        ..ServeConfig::default()
    })
    .await;
    let mut client = client(&running, None);
    // Both straddle an age; the second would still run when the age and the longest call after it are over.
    for _ in 0..2 {
        client.check_document(order("slow")).await.expect("nothing cuts it off");
    }
}

/// Of a thousand calls that come without a pause, some begin just when their connection ends.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_lost_when_connections_end() {
    let running = short_lived().await;
    let channel = ServiceChannel::new(&running.address, None).expect("an address");
    for (name, outcome) in upload(channel, 250, 100_000).await {
        outcome.expect("each call is answered");
        assert_eq!(running.uploads(&name), 1, "{name}");
    }
}

/// Each is longer than the age of its connection, and than what may be sent before the server reads.
#[tokio::test(flavor = "multi_thread")]
async fn no_large_call_is_lost_when_connections_end() {
    let running = short_lived().await;
    let channel = ServiceChannel::new(&running.address, None).expect("an address");
    for (name, outcome) in upload(channel, 10, 5_000_000).await {
        outcome.expect("each call is answered");
        assert_eq!(running.uploads(&name), 1, "{name}");
    }
}

/// One of three replicas ends in order, and one dies and leaves its address behind.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_lost_when_replicas_end() {
    let replicas = [
        start(ServeConfig::default()).await,
        start(ServeConfig::default()).await,
        start(ServeConfig::default()).await,
    ];
    // Bound, so that nobody else gets its port, and not listening.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let dead = socket.local_addr().expect("bound");
    let addresses = replicas.iter().map(|replica| replica.address.clone());
    let addresses: Vec<_> = addresses.chain([format!("http://{dead}")]).collect();
    let channel = ServiceChannel::new(&addresses.join(","), None).expect("addresses");
    let uploads = tokio::spawn(upload(channel, 250, 10_000));
    while replicas[0].total() < 20 {
        tokio::task::yield_now().await;
    }
    replicas[0].shutdown.cancel();
    for (name, outcome) in uploads.await.expect("no panic") {
        outcome.expect("each call is answered");
        let uploads = replicas.iter().map(|replica| replica.uploads(&name)).sum::<usize>();
        assert_eq!(uploads, 1, "{name}");
    }
    for replica in &replicas {
        assert!(replica.total() >= 20, "each takes its share");
    }
}

/// What lingers then is the socket under TLS.
#[tokio::test(flavor = "multi_thread")]
async fn no_large_call_is_lost_when_protected_connections_end() {
    let ca = Ca::new();
    let files = Folder::new(&[&ca], Some(&ca.issue(&["session-svc", "127.0.0.1"], VALID)));
    let running = start(ServeConfig {
        max_connection_age: Duration::from_millis(20),
        tls: files.config(),
        ..ServeConfig::default()
    })
    .await;
    let tls = ClientTls::open(&files.config()).expect("files that can be used");
    let channel = ServiceChannel::with_tls(&running.address, None, &tls).expect("an address");
    for (name, outcome) in upload(channel, 10, 5_000_000).await {
        outcome.expect("each call is answered");
        assert_eq!(running.uploads(&name), 1, "{name}");
    }
}

/// Fewer resets in a row than there are attempts: in the first request, between requests, in the first answer and in later ones.
const RESETS: [[Reset; 3]; 4] = [
    [Reset::Asked(40_000), Reset::Asked(100_000), Reset::Answered(400)],
    [Reset::Answered(100), Reset::Asked(777_777), Reset::Asked(10)],
    [Reset::Asked(250_000), Reset::Answered(1), Reset::Asked(555_555)],
    [Reset::Answered(300), Reset::Answered(600), Reset::Answered(200)],
];

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_network_loses_no_call_that_is_safe_to_repeat() {
    let rounds = RESETS.map(async |resets| {
        let running = start(ServeConfig::default()).await;
        let channel = behind_proxy(&running, resets).await;
        check(channel, 20, 100_000).await
    });
    for outcome in join_all(rounds).await {
        outcome.expect("each call is answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_network_makes_no_other_call_twice() {
    let rounds = RESETS.map(async |resets| {
        let running = start(ServeConfig::default()).await;
        let channel = behind_proxy(&running, resets).await;
        for (name, outcome) in upload(channel, 20, 100_000).await {
            match outcome {
                Ok(()) => assert_eq!(running.uploads(&name), 1, "{name}"),
                Err(_) => assert!(running.uploads(&name) <= 1, "{name}"),
            }
        }
    });
    join_all(rounds).await;
}

#[tokio::test]
async fn a_call_that_is_sent_again_has_less_time() {
    let running = start(ServeConfig::default()).await;
    let channel = behind_proxy(&running, [Reset::Asked(40_000)]).await;
    let mut asks = order("deadline");
    asks.images[0].data = vec![7; 100_000];
    let mut request = Request::new(asks);
    request.set_timeout(Duration::from_secs(7));
    let answer = DocumentCheckServiceClient::new(channel).check_document(request).await;
    let left = answer.expect_err("answers with what is left");
    let left: u64 = left.message().parse().expect("milliseconds");
    // 10 ms are kept for the answer, and the pause before the second attempt has at least 50.
    assert!(left <= 6_940, "{left}");
}

#[tokio::test]
async fn a_call_is_given_up_in_the_end() {
    let running = start(ServeConfig::default()).await;
    let channel = behind_proxy(&running, iter::repeat(Reset::Asked(40_000))).await;
    check(channel, 1, 100_000).await.expect_err("the network never holds");
}
