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

/// One request after the other on one connection; answers the status of each, for as long as there is one.
async fn ask_on<IO: AsyncRead + AsyncWrite + Unpin>(socket: &mut IO, path: &str) -> Option<u16> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    // Each has a body that ends like this.
    while !answer.ends_with(b"\n\r\n") && !answer.ends_with(b".\n") {
        answer.push(socket.read_u8().await.ok()?);
        if answer.ends_with(b"\r\n\r\n") && answer.windows(17).any(|head| head.eq_ignore_ascii_case(b"content-length: 0")) {
            break;
        }
    }
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}
