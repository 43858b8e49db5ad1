//! Plain HTTP on the port of the calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use service_kit::config::{Exposure, ServeConfig};
use service_kit::testing::get;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::certificates::{Ca, Folder, HERE, VALID};
use crate::service::{Running, client, order, start, start_as};

fn socket_address(running: &Running) -> SocketAddr {
    let (_, address) = running.address.split_once("://").expect("a scheme");
    address.parse().expect("an address")
}

async fn public(config: ServeConfig) -> Running {
    start_as(Exposure::Public, config).await
}

/// A request on a connection that stays open, and the status of its answer; none where the connection has ended.
async fn ask_on<IO: AsyncRead + AsyncWrite + Unpin>(socket: &mut IO, path: &str) -> Option<u16> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let mut body = vec![0; length.parse().ok()?];
    socket.read_exact(&mut body).await.ok()?;
    head.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn a_public_server_answers_beside_its_calls() {
    let running = public(ServeConfig::default()).await;
    let address = socket_address(&running);
    let mut client = client(&running, None);
    client.check_document(order("answer")).await.expect("a call");
    for (path, status, body) in [
        ("/orders/answer", 200, "answered\n"),
        ("/orders/answer?secret", 200, "answered\n"),
        ("/orders/panic", 500, "the request failed\n"),
        ("/orders/answer", 200, "answered\n"),
        ("/orders", 404, "not found\n"),
        ("/", 404, "not found\n"),
        (
            "/bonafide.document.v1.DocumentCheckService/CheckDocument",
            404,
            "not found\n",
        ),
    ] {
        let answer = get(address, path).await.expect("an answer");
        assert_eq!(answer, (status, body.to_owned()), "{path}");
    }
    client.check_document(order("answer")).await.expect("a call");
}

#[tokio::test]
async fn a_request_has_its_time_and_its_place() {
    let running = public(ServeConfig {
        max_requests: 1,
        request_timeout: Duration::from_millis(300),
        ..ServeConfig::default()
    })
    .await;
    let address = socket_address(&running);
    let hanging = tokio::spawn(get(address, "/orders/hang"));
    let refused = loop {
        match get(address, "/orders/answer").await.expect("an answer") {
            (200, _) => tokio::task::yield_now().await,
            refused => break refused,
        }
    };
    assert_eq!(refused, (503, "too many requests at once\n".to_owned()));
    let late = hanging.await.expect("no panic").expect("an answer");
    assert_eq!(late, (503, "the request took too long\n".to_owned()));
    assert_eq!(get(address, "/orders/answer").await.expect("an answer").0, 200);
}

#[tokio::test]
async fn a_connection_ends_at_its_age_and_when_the_server_stops() {
    let running = public(ServeConfig {
        max_connection_age: Duration::from_millis(100),
        ..ServeConfig::default()
    })
    .await;
    let mut socket = TcpStream::connect(socket_address(&running)).await.expect("listens");
    let mut answered = 0;
    while let Some(status) = ask_on(&mut socket, "/orders/answer").await {
        assert_eq!(status, 200);
        answered += 1;
    }
    assert!(answered > 1, "a connection is used again");
    // One that has not asked anything, and one that does.
    let _silent = TcpStream::connect(socket_address(&running)).await.expect("listens");
    let slow = tokio::spawn(get(socket_address(&running), "/orders/slow"));
    while running.orders() == answered {
        tokio::task::yield_now().await;
    }
    running.shutdown.cancel();
    assert_eq!(slow.await.expect("no panic").expect("an answer").0, 200);
    running.server.await.expect("no panic");
}

#[tokio::test]
async fn an_internal_server_takes_calls_alone() {
    let running = start(ServeConfig::default()).await;
    client(&running, None)
        .check_document(order("answer"))
        .await
        .expect("a call");
    let mut socket = TcpStream::connect(socket_address(&running)).await.expect("listens");
    assert_eq!(ask_on(&mut socket, "/orders/answer").await, None);
    assert_eq!(running.orders(), 0);
}

/// A protected connection that offers these protocols.
async fn protected(running: &Running, ca: &Ca, protocols: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(ca.pem().as_bytes()).expect("a certificate");
    roots.add(ca).expect("a CA");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let socket = TcpStream::connect(socket_address(running)).await?;
    let name = "localhost".try_into().expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

#[tokio::test]
async fn browsers_choose_their_version_of_http() {
    let ca = Ca::new();
    let folder = Folder::new(&[&ca], Some(&ca.issue(&HERE, VALID)));
    let with_tls = || ServeConfig {
        tls: folder.config(),
        ..ServeConfig::default()
    };
    let running = public(with_tls()).await;
    let http1: &[u8] = b"http/1.1";
    for protocols in [&[http1] as &[&[u8]], &[]] {
        let mut socket = protected(&running, &ca, protocols).await.expect("a connection");
        assert_eq!(socket.get_ref().1.alpn_protocol(), protocols.first().copied());
        assert_eq!(ask_on(&mut socket, "/orders/answer").await, Some(200));
    }
    let socket = protected(&running, &ca, &[http1, b"h2"]).await.expect("a connection");
    assert_eq!(
        socket.get_ref().1.alpn_protocol(),
        Some(b"h2".as_slice()),
        "the newer one, where both are offered"
    );

    let internal = start(with_tls()).await;
    assert!(protected(&internal, &ca, &[http1]).await.is_err(), "calls need HTTP/2");
}
