//! What a side shows to the other one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::files::{Flags, Pair, TlsError};
use super::reload::Reloading;
use super::{ClientCertConfig, TlsConfig};

/// What is shown to callers, and to those who are called where there is no other one for them.
pub(super) const SERVER: Flags = Flags {
    cert: "--tls-cert",
    key: "--tls-key",
    ca: "--tls-ca",
};

/// What is shown to those who are called.
const CLIENT: Flags = Flags {
    cert: "--tls-client-cert",
    key: "--tls-client-key",
    ca: "--tls-ca",
};

/// A certificate with its key, read again when its files change: connections that are opened after that show what they hold then.
/// Clones share it.
#[derive(Clone, Debug)]
pub struct Certificate {
    pair: Reloading<CertifiedKey>,
    flags: &'static Flags,
}

impl Certificate {
    /// What is shown to callers, if the files are named. Must be called inside a tokio runtime, in which they are read again.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn of_server(config: &TlsConfig) -> Result<Option<Self>, TlsError> {
        Self::open(&SERVER, &config.cert, &config.key, config.reload)
    }

    /// The same of what is shown to those who are called, where it is not what callers see.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn of_client(config: &ClientCertConfig, reload: Duration) -> Result<Option<Self>, TlsError> {
        Self::open(&CLIENT, &config.cert, &config.key, reload)
    }

    fn open(
        flags: &'static Flags,
        cert: &Option<PathBuf>,
        key: &Option<PathBuf>,
        reload: Duration,
    ) -> Result<Option<Self>, TlsError> {
        let (cert, key) = match (cert.clone(), key.clone()) {
            (Some(cert), Some(key)) => (cert, key),
            (None, None) => return Ok(None),
            _ => return Err(TlsError::Half(flags)),
        };
        let read = move || Pair::read(flags, &cert, &key);
        let pair = Reloading::open(reload, read, Pair::certified_key)?;
        Ok(Some(Self { pair, flags }))
    }

    /// What names its files.
    pub(super) fn flags(&self) -> &'static Flags {
        self.flags
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.now())
    }
}

impl ResolvesClientCert for Certificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.now())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
