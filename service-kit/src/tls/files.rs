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

/// The flags by which a side's files are named, for what is told of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Flags {
    /// Of the certificate that is shown.
    pub cert: &'static str,
    /// Of its key.
    pub key: &'static str,
    /// Of the CAs that are trusted.
    pub ca: &'static str,
}

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate without its key, or the other way round.
    #[error("{} and {} go together: name both files or none", .0.cert, .0.key)]
    Half(&'static Flags),
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
    #[error("the key in {} ({flag}) cannot be used: {cause}", file.display())]
    Key {
        /// The flag that names the file.
        flag: &'static str,
        /// The file.
        file: PathBuf,
        /// What rustls said.
        cause: rustls::Error,
    },
    /// Key and certificate are not a pair.
    #[error(
        "the key in {} ({}) does not belong to the certificate in {} ({}): name the two that were issued together",
        key.display(),
        flags.key,
        cert.display(),
        flags.cert
    )]
    OtherKey {
        /// The flags that name the files.
        flags: &'static Flags,
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

/// Makes it the choice of the process, for libraries that speak TLS by themselves. It is the same whoever chooses first.
pub fn choose_provider() {
    let _chosen = ring::default_provider().install_default();
}

/// The files of a certificate and its key.
#[derive(PartialEq, Eq)]
pub(super) struct Pair {
    flags: &'static Flags,
    cert: File,
    key: File,
}

impl Pair {
    pub(super) fn read(flags: &'static Flags, cert: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self {
            flags,
            cert: File::read(flags.cert, cert)?,
            key: File::read(flags.key, key)?,
        })
    }

    /// What is shown.
    pub(super) fn certified_key(&self) -> Result<CertifiedKey, TlsError> {
        let Self { flags, cert, key } = self;
        let private =
            PrivateKeyDer::from_pem_slice(&key.content).map_err(|_| key.is_not("a key without a passphrase"))?;
        CertifiedKey::from_der(cert.certificates()?, private, &provider()).map_err(|cause| match cause {
            rustls::Error::InconsistentKeys(_) => TlsError::OtherKey {
                flags,
                cert: cert.path.clone(),
                key: key.path.clone(),
            },
            rustls::Error::InvalidCertificate(_) => cert.is_not("a certificate"),
            cause => TlsError::Key {
                flag: flags.key,
                file: key.path.clone(),
                cause,
            },
        })
    }
}

/// What files hold, found to be what it should be, for a library that speaks TLS by itself.
pub struct Pem {
    /// CAs that are trusted.
    pub cas: Option<Vec<u8>>,
    /// A certificate and its key, to be shown.
    pub pair: Option<(Vec<u8>, Vec<u8>)>,
}

impl Pem {
    /// Reads the files that these flags name.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn read(
        flags: &'static Flags,
        cert: Option<&Path>,
        key: Option<&Path>,
        ca: Option<&Path>,
    ) -> Result<Self, TlsError> {
        let pair = match (cert, key) {
            (Some(cert), Some(key)) => Some(Pair::read(flags, cert, key)?),
            (None, None) => None,
            _ => return Err(TlsError::Half(flags)),
        };
        if let Some(pair) = &pair {
            pair.certified_key()?;
        }
        let ca = ca.map(|ca| File::read(flags.ca, ca)).transpose()?;
        if let Some(ca) = &ca {
            ca.roots()?;
        }
        Ok(Self {
            cas: ca.map(|ca| ca.content.to_vec()),
            pair: pair.map(|pair| (pair.cert.content.to_vec(), pair.key.content.to_vec())),
        })
    }
}

/// A file as it was when it was read.
#[derive(PartialEq, Eq)]
pub(super) struct File {
    flag: &'static str,
    path: PathBuf,
    content: Zeroizing<Vec<u8>>,
}

impl File {
    pub(super) fn read(flag: &'static str, path: &Path) -> Result<Self, TlsError> {
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

    /// The CAs that are trusted.
    pub(super) fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|_| self.is_not("certificates"))?;
        }
        Ok(roots)
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
