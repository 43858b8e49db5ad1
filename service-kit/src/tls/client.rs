//! The side that calls.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::client::{ClientConfig, Resumption};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tower::{BoxError, Service};

use super::TlsConfig;
use super::failure::{Cause, Told};
use super::files::{Files, TlsError, provider};
use super::reload::Reloading;
use crate::client::CONNECT_TIMEOUT;

/// HTTP/2, as ALPN has it (RFC 7301).
pub(super) const ALPN: &[u8] = b"h2";

/// What channels to other services show and trust, and whether they may do without. The default shows nothing, trusts the CAs of the
/// system, and carries no credential beyond loopback unprotected. Clones share the files.
#[derive(Clone, Debug, Default)]
pub struct ClientTls {
    config: Option<Reloading<ClientConfig>>,
    allow_plaintext: bool,
}

impl ClientTls {
    /// Reads the files that `config` names. Must be called inside a tokio runtime, in which they are read again when they change.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn open(config: &TlsConfig) -> Result<Self, TlsError> {
        let files = [&config.cert, &config.key, &config.ca];
        let named = files.iter().any(|file| file.is_some());
        Ok(Self {
            config: named.then(|| Reloading::open(config, client_config)).transpose()?,
            allow_plaintext: config.allow_plaintext,
        })
    }

    /// Whether a credential may be sent to `host` as it is.
    pub(crate) fn allows_plaintext(&self, host: &str) -> bool {
        self.allow_plaintext || is_loopback(host)
    }

    /// Opens connections to any address of `host`, whose certificate must name it.
    pub(crate) fn connector(&self, host: &str) -> Result<Connector, TlsError> {
        let config = match &self.config {
            Some(config) => config.clone(),
            None => Reloading::fixed(client_config(&Files::default())?),
        };
        let name = ServerName::try_from(without_brackets(host)).map_err(|_| TlsError::Host(host.to_owned()))?;
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Ok(Connector {
            http,
            config,
            server: Server {
                name: name.to_owned(),
                told: Arc::default(),
            },
        })
    }
}

fn client_config(files: &Files) -> Result<ClientConfig, TlsError> {
    let roots = files.roots()?.map_or_else(system_roots, Ok)?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?
        .with_root_certificates(roots);
    let mut config = match files.identity()? {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Connections are few and long; each is verified anew.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(TlsError::NoSystemRoots);
    }
    Ok(roots)
}

fn is_loopback(host: &str) -> bool {
    let address = without_brackets(host).parse::<IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

/// IPv6 addresses stand in brackets where a port may follow (RFC 3986, 3.2.2).
fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// No connection to a server that was reached.
#[derive(Debug, thiserror::Error)]
#[error("no TLS with {server}: {cause} ({error})")]
struct NoTls {
    server: String,
    cause: Cause,
    error: String,
}

/// Opens protected connections to one service.
#[derive(Clone)]
pub(crate) struct Connector {
    http: HttpConnector,
    config: Reloading<ClientConfig>,
    server: Server,
}

/// Whom we call, and what was told of it.
#[derive(Clone)]
struct Server {
    name: ServerName<'static>,
    told: Arc<Told>,
}

impl Server {
    /// An error that says what to do, which the log says as well.
    fn explained(&self, error: io::Error) -> io::Error {
        match Cause::of(&error) {
            Some(cause) => self.failed(cause, &error),
            None => error,
        }
    }

    fn failed(&self, cause: Cause, error: &io::Error) -> io::Error {
        let failure = NoTls {
            server: self.name.to_str().into_owned(),
            cause,
            error: error.to_string(),
        };
        if self.told.is_due(cause) {
            tracing::warn!("{failure}");
        }
        io::Error::new(error.kind(), failure)
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let (connecting, server) = (self.http.call(address), self.server.clone());
        let config = self.config.clone();
        Box::pin(async move {
            let socket = connecting.await?.into_inner();
            let handshake = TlsConnector::from(config.now()).connect(server.name.clone(), socket);
            let stream = handshake.await.map_err(|error| server.explained(error))?;
            if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
                let error = io::Error::new(io::ErrorKind::InvalidData, "another protocol, or none");
                return Err(server.failed(Cause::NotHttp2, &error).into());
            }
            Ok(TokioIo::new(Connection { stream, server }))
        })
    }
}

/// A protected connection. With TLS 1.3 a server looks at our certificate when the handshake is over for us: what it says of it
/// comes with the first bytes that are read.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    server: Server,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        read.map_err(|error| self.server.explained(error))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_an_address_or_its_usual_name() {
        for host in ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "report-svc",
            "localhost.example.com",
            "127.0.0.1.example.com",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
