//! The side that calls.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::iter;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::{ClientConfig, Resumption};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, RootCertStore};
use tonic::Status;
use tower::{BoxError, Service};

use super::TlsConfig;
use super::certificate::{Certificate, Role};
use super::failure::{Cause, Told};
use super::files::{File, Flags, TlsError, provider};
use super::reload::Reloading;
use crate::client::CONNECT_TIMEOUT;

/// HTTP/2, as ALPN has it (RFC 7301).
pub(super) const ALPN: &[u8] = b"h2";

/// With TLS 1.3 a server looks at our certificate when the handshake is over for us, and tells what it thinks of it where its first
/// bytes should be. Servers of HTTP/2 begin to speak at once (RFC 9113, 3.4); for one that does not, we wait for so long.
const VERDICT: Duration = Duration::from_millis(300);

/// What channels to other services show and trust, and whether they may do without. The default shows nothing, trusts the CAs of the
/// system, and carries no credential beyond loopback unprotected. Clones share the files.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Option<Reloading<ClientConfig>>,
    flags: &'static Flags,
    allow_plaintext: bool,
}

impl Default for ClientTls {
    fn default() -> Self {
        Self {
            config: None,
            flags: Role::Server.flags(),
            allow_plaintext: false,
        }
    }
}

impl ClientTls {
    /// Reads the files that `config` names. Must be called inside a tokio runtime, in which they are read again when they change.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn open(config: &TlsConfig) -> Result<Self, TlsError> {
        Self::showing(Certificate::of_server(config)?, config)
    }

    /// The same, showing this certificate instead of that of `config`.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn showing(certificate: Option<Certificate>, config: &TlsConfig) -> Result<Self, TlsError> {
        let flags = certificate.as_ref().map_or(Role::Server.flags(), Certificate::flags);
        let client = match (config.ca.clone(), certificate) {
            (Some(ca), certificate) => {
                let build = move |ca: &File| client_config(ca.roots()?.into(), certificate.clone());
                let opened = Reloading::open(config.reload, move || File::read(flags.ca, &ca), build, |_| ())?;
                Some(opened)
            }
            (None, Some(certificate)) => Some(Reloading::fixed(client_config(system_cas(), Some(certificate))?)),
            (None, None) => None,
        };
        Ok(Self {
            config: client,
            flags,
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
            None => Reloading::fixed(client_config(system_cas(), None)?),
        };
        let name = ServerName::try_from(without_brackets(host)).map_err(|_| TlsError::Host(host.to_owned()))?;
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Ok(Connector {
            http,
            protection: Arc::new(Protection {
                config,
                server: name.to_owned(),
                flags: self.flags,
                told: Told::default(),
            }),
        })
    }
}

fn client_config(cas: Arc<RootCertStore>, certificate: Option<Certificate>) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?
        .with_root_certificates(cas);
    let mut config = match certificate {
        Some(certificate) => builder.with_client_cert_resolver(Arc::new(certificate)),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Connections are few and long; each is verified anew.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The CAs of the system, read once. A system without them trusts nobody.
fn system_cas() -> Arc<RootCertStore> {
    static CAS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.into()
    });
    Arc::clone(&CAS)
}

/// Whether what is sent to this host stays on its machine: an address, in brackets or not, or the usual name.
pub fn is_loopback(host: &str) -> bool {
    let address = without_brackets(host).parse::<IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

/// IPv6 addresses stand in brackets where a port may follow (RFC 3986, 3.2.2).
pub(crate) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// Why a server that was reached got no call.
#[derive(Debug, thiserror::Error)]
#[error("no TLS with {server}: {} ({error})", cause.sentence(flags))]
pub struct NoTls {
    server: String,
    cause: Cause,
    flags: &'static Flags,
    error: String,
}

impl NoTls {
    /// What was the matter with TLS, if it was TLS that kept a call from its server.
    pub fn of(status: &Status) -> Option<&Self> {
        let causes = iter::successors(status.source(), |&cause| cause.source());
        causes.filter_map(|cause| cause.downcast_ref()).next()
    }
}

/// Opens protected connections to one service.
#[derive(Clone)]
pub(crate) struct Connector {
    http: HttpConnector,
    protection: Arc<Protection>,
}

struct Protection {
    config: Reloading<ClientConfig>,
    server: ServerName<'static>,
    flags: &'static Flags,
    told: Told,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let (connecting, protection) = (self.http.call(address), Arc::clone(&self.protection));
        Box::pin(async move {
            let socket = connecting.await?.into_inner();
            let stream = protection.handshake(socket).await;
            stream.map(TokioIo::new).map_err(|error| protection.explained(error))
        })
    }
}

impl Protection {
    async fn handshake(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(self.config.now());
        let mut stream = connector.connect(self.server.clone(), socket).await?;
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(io::Error::other(rustls::Error::NoApplicationProtocol));
        }
        // What is read stays to be read.
        if let Ok(begun) = tokio::time::timeout(VERDICT, stream.fill_buf()).await
            && begun?.is_empty()
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(stream)
    }

    /// An error that says what to do, which the log says as well.
    fn explained(&self, error: io::Error) -> BoxError {
        let Some(cause) = Cause::of(&error) else {
            return error.into();
        };
        let failure = NoTls {
            server: self.server.to_str().into_owned(),
            cause,
            flags: self.flags,
            error: error.to_string(),
        };
        if self.told.is_due(cause) {
            tracing::warn!("{failure}");
        }
        failure.into()
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
