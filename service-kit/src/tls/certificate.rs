//! What a side shows to the other one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::expiry::{Expiry, Validity};
use super::files::{Flags, Pair, TlsError};
use super::reload::Reloading;
use super::{ClientCertConfig, TlsConfig};

/// To whom a certificate is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// To callers, and to those who are called where there is no other one for them.
    Server,
    /// To those who are called.
    Client,
}

impl Role {
    /// What names its files.
    pub(super) fn flags(self) -> &'static Flags {
        match self {
            Self::Server => &Flags {
                cert: "--tls-cert",
                key: "--tls-key",
                ca: "--tls-ca",
            },
            Self::Client => &Flags {
                cert: "--tls-client-cert",
                key: "--tls-client-key",
                ca: "--tls-ca",
            },
        }
    }

    /// As metrics tell it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// A certificate with its key, read again when its files change: connections that are opened after that show what they hold then.
/// It is told when it expires. Clones share it.
#[derive(Clone, Debug)]
pub struct Certificate {
    shown: Reloading<Shown>,
    role: Role,
}

#[derive(Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    validity: Option<Validity>,
}

impl Certificate {
    /// What is shown to callers, if the files are named. Must be called inside a tokio runtime, in which they are read again.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn of_server(config: &TlsConfig) -> Result<Option<Self>, TlsError> {
        Self::open(Role::Server, &config.cert, &config.key, config.reload)
    }

    /// The same of what is shown to those who are called, where it is not what callers see.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn of_client(config: &ClientCertConfig, reload: Duration) -> Result<Option<Self>, TlsError> {
        Self::open(Role::Client, &config.cert, &config.key, reload)
    }

    fn open(
        role: Role,
        cert: &Option<PathBuf>,
        key: &Option<PathBuf>,
        reload: Duration,
    ) -> Result<Option<Self>, TlsError> {
        let (cert, key) = match (cert.clone(), key.clone()) {
            (Some(cert), Some(key)) => (cert, key),
            (None, None) => return Ok(None),
            _ => return Err(TlsError::Half(role.flags())),
        };
        let read = move || Pair::read(role.flags(), &cert, &key);
        let build = |pair: &Pair| {
            let key = pair.certified_key()?;
            // Those above it go by whom they are shown to, who may trust one of them whatever its date: a root signed by an older one.
            let validity = key.cert.first().and_then(Validity::of);
            Ok(Shown {
                key: key.into(),
                validity,
            })
        };
        let mut expiry = Expiry::new(role);
        let look = move |shown: &Shown| {
            if let Some(validity) = shown.validity {
                expiry.look(validity);
            }
        };
        let shown = Reloading::open(reload, read, build, look)?;
        Ok(Some(Self { shown, role }))
    }

    /// What names its files.
    pub(super) fn flags(&self) -> &'static Flags {
        self.role.flags()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.now().key))
    }
}

impl ResolvesClientCert for Certificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.now().key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
