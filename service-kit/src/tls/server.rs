//! The side that is called.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::TlsConfig;
use super::certificate::{Certificate, Role};
use super::client::ALPN;
use super::failure::{Cause, Told};
use super::files::{File, TlsError, provider};
use super::identity::{self, Caller};
use super::reload::Reloading;
use crate::config::Exposure;

/// HTTP/1.1, as ALPN has it (RFC 7301).
const HTTP1: &[u8] = b"http/1.1";

/// How long a handshake may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Does the handshakes of a service's callers.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor {
    service: &'static str,
    exposure: Exposure,
    certificate: Certificate,
    config: Reloading<ServerConfig>,
    told: Arc<Told>,
}

impl Acceptor {
    /// For a service that shows this certificate. Must be called inside a tokio runtime.
    pub(crate) fn new(
        service: &'static str,
        exposure: Exposure,
        certificate: Certificate,
        config: &TlsConfig,
    ) -> Result<Self, TlsError> {
        let config = match exposure {
            Exposure::Public => Reloading::fixed(public(certificate.clone())?),
            Exposure::Internal(_) => {
                let ca = config.ca.clone().ok_or(TlsError::NoCa)?;
                let certificate = certificate.clone();
                let build = move |ca: &File| internal(ca.roots()?, certificate.clone());
                Reloading::open(
                    config.reload,
                    move || File::read(Role::Server.flags().ca, &ca),
                    build,
                    |_| (),
                )?
            }
        };
        Ok(Self {
            service,
            exposure,
            certificate,
            config,
            told: Arc::default(),
        })
    }

    /// What callers see.
    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The connection, and who calls; `None`, and a line in the log, when there is none.
    pub(crate) async fn accept<IO>(&self, io: IO, from: Option<SocketAddr>) -> Option<(TlsStream<IO>, Caller)>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = TlsAcceptor::from(self.config.now()).accept(io);
        let (cause, error) = match tokio::time::timeout(LONGEST, handshake).await {
            Ok(Ok(stream)) => {
                let caller = self.caller(stream.get_ref().1.peer_certificates(), from);
                return Some((stream, caller));
            }
            // Probes of the port, and callers that went away, are told by nobody's log.
            Ok(Err(error)) => (Cause::of(&error)?, error.to_string()),
            Err(elapsed) => (Cause::Slow, elapsed.to_string()),
        };
        if self.told.is_due(cause) {
            let from = self.shown(from);
            tracing::warn!(
                service = self.service,
                from,
                error,
                "no connection with a caller: {}",
                cause.sentence(Role::Server.flags())
            );
        }
        None
    }

    fn caller(&self, certificates: Option<&[CertificateDer<'_>]>, from: Option<SocketAddr>) -> Caller {
        let Exposure::Internal(allowed) = self.exposure else {
            return Caller::Unidentified;
        };
        let names = certificates
            .and_then(<[_]>::first)
            .map(identity::names)
            .unwrap_or_default();
        if identity::is_allowed(&names, allowed) {
            return Caller::Allowed;
        }
        if self.told.is_due(Cause::NotAllowed) {
            let from = self.shown(from);
            tracing::warn!(
                service = self.service,
                from,
                ?names,
                ?allowed,
                "calls are refused: {}",
                Cause::NotAllowed.sentence(Role::Server.flags())
            );
        }
        Caller::NotAllowed
    }

    /// Where persons call from is personal.
    fn shown(&self, from: Option<SocketAddr>) -> Option<String> {
        match self.exposure {
            Exposure::Internal(_) => from.map(|from| from.to_string()),
            Exposure::Public => None,
        }
    }
}

/// Callers show no certificate: they are asked for other credentials. Browsers may speak HTTP/1.1.
fn public(certificate: Certificate) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?
        .with_no_client_auth();
    let mut config = builder.with_cert_resolver(Arc::new(certificate));
    config.alpn_protocols = vec![ALPN.to_vec(), HTTP1.to_vec()];
    Ok(config)
}

/// Callers show a certificate of one of these CAs.
fn internal(cas: RootCertStore, certificate: Certificate) -> Result<ServerConfig, TlsError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(cas.into(), provider())
        .build()
        .map_err(TlsError::Verifier)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(TlsError::Provider)?
        .with_client_cert_verifier(verifier);
    let mut config = builder.with_cert_resolver(Arc::new(certificate));
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Every connection shows its certificate: none is vouched for by an earlier one.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_never_ends_is_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, content: String| {
            let path = folder.path().join(name);
            fs::write(&path, content).expect("written");
            Some(path)
        };
        let issued = rcgen::generate_simple_self_signed(["test-svc".to_owned()]).expect("issued");
        let config = TlsConfig {
            cert: file("cert.pem", issued.cert.pem()),
            key: file("key.pem", issued.signing_key.serialize_pem()),
            ..TlsConfig::default()
        };
        let certificate = Certificate::of_server(&config).expect("files that can be used");
        let certificate = certificate.expect("files are named");
        let acceptor = Acceptor::new("test-svc", Exposure::Public, certificate, &config).expect("made");
        let (_silent, server) = tokio::io::duplex(1024);
        let begun = Instant::now();
        assert!(acceptor.accept(server, None).await.is_none());
        assert_eq!(begun.elapsed(), LONGEST);
    }
}
