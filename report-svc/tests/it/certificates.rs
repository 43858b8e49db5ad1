//! A CA for tests, and what it issues.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use redis::{ClientTlsConfig, TlsCertificates};
use report_svc::storage::redis::RedisTlsConfig;
use tempfile::TempDir;

/// Names of a server on this machine.
pub(crate) const HERE: [&str; 2] = ["localhost", "127.0.0.1"];

/// A CA, and the folder of its certificate.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

/// Files of a certificate and its key, and of the CA that is trusted.
pub(crate) struct Issued {
    folder: TempDir,
    ca: PathBuf,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        // What has the name of its CA is signed by itself, to OpenSSL, with which Redis speaks TLS.
        params.distinguished_name.push(DnType::CommonName, "CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let ca = params.self_signed(&key).expect("signed").pem();
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("ca.pem"), ca).expect("written");
        Self {
            issuer: Issuer::new(params, key),
            folder,
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate with these names, whose holder trusts this CA.
    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names");
        let cert = params.signed_by(&key, &self.issuer).expect("signed");
        let folder = tempfile::tempdir().expect("a folder");
        for (file, content) in [("cert.pem", cert.pem()), ("key.pem", key.serialize_pem())] {
            fs::write(folder.path().join(file), content).expect("written");
        }
        Issued {
            folder,
            ca: self.file(),
        }
    }

    /// For who trusts this CA, and shows nothing.
    pub(crate) fn trusted(&self) -> RedisTlsConfig {
        RedisTlsConfig {
            ca: Some(self.file()),
            ..RedisTlsConfig::default()
        }
    }
}

impl Issued {
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// For who shows this certificate.
    pub(crate) fn shown(&self) -> RedisTlsConfig {
        RedisTlsConfig {
            ca: Some(self.ca.clone()),
            cert: Some(self.file("cert.pem")),
            key: Some(self.file("key.pem")),
        }
    }

    /// The same for the library.
    pub(crate) fn certificates(&self) -> TlsCertificates {
        let read = |path: &Path| fs::read(path).expect("written");
        TlsCertificates {
            client_tls: Some(ClientTlsConfig {
                client_cert: read(&self.file("cert.pem")),
                client_key: read(&self.file("key.pem")),
            }),
            root_cert: Some(read(&self.ca)),
        }
    }

    /// The settings of a redis-server, or Sentinel, that listens on this port with TLS alone, and asks for certificates.
    pub(crate) fn settings(&self, port: u16) -> [(&'static str, String); 7] {
        let file = |path: &Path| path.display().to_string();
        [
            ("port", "0".to_owned()),
            ("tls-port", port.to_string()),
            ("tls-ca-cert-file", file(&self.ca)),
            ("tls-cert-file", file(&self.file("cert.pem"))),
            ("tls-key-file", file(&self.file("key.pem"))),
            ("tls-replication", "yes".to_owned()),
            ("tls-cluster", "yes".to_owned()),
        ]
    }
}
