//! What the files hold.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, RootCertStore};
use zeroize::Zeroizing;

use super::TlsConfig;

const CERT: &str = "--tls-cert";
const KEY: &str = "--tls-key";
const CA: &str = "--tls-ca";

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate without its key, or the other way round.
    #[error("--tls-cert (BONAFIDE_TLS_CERT) and --tls-key (BONAFIDE_TLS_KEY) go together: name both files or none")]
    Half,
    /// An internal service that could not tell its callers from others.
    #[error("callers of this service show certificates: name the file of their CA with --tls-ca (BONAFIDE_TLS_CA)")]
    NoCa,
    /// The files would be looked at without a pause.
    #[error("--tls-reload must be greater than zero")]
    Reload,
    /// A file cannot be read.
    #[error("cannot read {} ({flag}): {cause}", file.display())]
    Read {
        /// The flag that names the file.
        flag: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file holds something else.
    #[error("{} ({flag}) does not hold {what} in PEM", file.display())]
    NotPem {
        /// The flag that names the file.
        flag: &'static str,
        /// The file.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A key of a kind that is not known.
    #[error("the key in {} (--tls-key) cannot be used: {cause}", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// What rustls said.
        cause: rustls::Error,
    },
    /// Key and certificate are not a pair.
    #[error(
        "the key in {} (--tls-key) does not belong to the certificate in {} (--tls-cert): name the two that were issued together",
        key.display(),
        cert.display()
    )]
    OtherKey {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// No certificate can name what is to be called.
    #[error("no certificate can be for {0:?}: call the service by a DNS name or an IP address")]
    Host(String),
    /// The cryptography cannot do what TLS needs.
    #[error("no TLS can be spoken: {0}")]
    Provider(rustls::Error),
    /// The CAs cannot be used to verify callers.
    #[error("callers cannot be verified against the CAs of --tls-ca: {0}")]
    Verifier(rustls::server::VerifierBuilderError),
}

/// What all cryptography here is done with. Named each time, so that no other library's choice matters.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// All files that a configuration names, as they were when they were read.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Files {
    identity: Option<(File, File)>,
    ca: Option<File>,
}

impl Files {
    pub(super) fn read(config: &TlsConfig) -> Result<Self, TlsError> {
        let identity = match (&config.cert, &config.key) {
            (Some(cert), Some(key)) => Some((File::read(CERT, cert)?, File::read(KEY, key)?)),
            (None, None) => None,
            _ => return Err(TlsError::Half),
        };
        let ca = config.ca.as_deref().map(|ca| File::read(CA, ca)).transpose()?;
        Ok(Self { identity, ca })
    }

    /// The certificate and its key.
    pub(super) fn identity(&self) -> Result<Option<CertifiedKey>, TlsError> {
        let Some((cert, key)) = &self.identity else {
            return Ok(None);
        };
        let private =
            PrivateKeyDer::from_pem_slice(&key.content).map_err(|_| key.is_not("a key without a passphrase"))?;
        match CertifiedKey::from_der(cert.certificates()?, private, &provider()) {
            Ok(identity) => Ok(Some(identity)),
            Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::OtherKey {
                cert: cert.path.clone(),
                key: key.path.clone(),
            }),
            Err(rustls::Error::InvalidCertificate(_)) => Err(cert.is_not("a certificate")),
            Err(cause) => Err(TlsError::Key {
                file: key.path.clone(),
                cause,
            }),
        }
    }

    /// The CAs that are trusted.
    pub(super) fn roots(&self) -> Result<Option<RootCertStore>, TlsError> {
        let Some(ca) = &self.ca else {
            return Ok(None);
        };
        let mut roots = RootCertStore::empty();
        for certificate in ca.certificates()? {
            roots.add(certificate).map_err(|_| ca.is_not("certificates"))?;
        }
        Ok(Some(roots))
    }
}

#[derive(PartialEq, Eq)]
struct File {
    flag: &'static str,
    path: PathBuf,
    content: Zeroizing<Vec<u8>>,
}

impl File {
    fn read(flag: &'static str, path: &Path) -> Result<Self, TlsError> {
        let content = fs::read(path).map_err(|cause| TlsError::Read {
            flag,
            file: path.to_owned(),
            cause,
        })?;
        Ok(Self {
            flag,
            path: path.to_owned(),
            content: Zeroizing::new(content),
        })
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates = CertificateDer::pem_slice_iter(&self.content).collect();
        match certificates {
            Ok(certificates) if !Vec::is_empty(&certificates) => Ok(certificates),
            _ => Err(self.is_not("a certificate")),
        }
    }

    fn is_not(&self, what: &'static str) -> TlsError {
        TlsError::NotPem {
            flag: self.flag,
            file: self.path.clone(),
            what,
        }
    }
}
