//! A CA for tests, and what it issues.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use service_kit::tls::TlsConfig;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// Days from now for which a certificate is valid.
pub(crate) const VALID: Range<i64> = -1..1;
pub(crate) const EXPIRED: Range<i64> = -2..-1;
/// So near to its end that it should have been renewed.
pub(crate) const ENDING: Range<i64> = -9..1;
pub(crate) const NOT_YET_VALID: Range<i64> = 1..2;

/// Names of a service that is called on this machine.
pub(crate) const HERE: [&str; 3] = ["test-svc", "localhost", "127.0.0.1"];

pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key in PEM.
pub(crate) struct Issued {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = params(&[], VALID);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("signed").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    pub(crate) fn issue(&self, names: &[&str], days: Range<i64>) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let cert = params(names, days).signed_by(&key, &self.issuer).expect("signed");
        Issued {
            cert: cert.pem(),
            key: key.serialize_pem(),
        }
    }
}

fn params(names: &[&str], days: Range<i64>) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::new(names).expect("names");
    params.not_before = now + Duration::days(days.start);
    params.not_after = now + Duration::days(days.end);
    params
}

/// A folder with the files of one service.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new(cas: &[&Ca], issued: Option<&Issued>) -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        folder.trust(cas);
        if let Some(issued) = issued {
            folder.show(issued);
        }
        folder
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Changes a file as `kubectl` and others do: it is never there in part.
    pub(crate) fn replace(&self, name: &str, content: &str) {
        let new = self.file("new");
        fs::write(&new, content).expect("written");
        fs::rename(new, self.file(name)).expect("replaced");
    }

    pub(crate) fn trust(&self, cas: &[&Ca]) {
        let pems: String = cas.iter().map(|ca| ca.pem.as_str()).collect();
        self.replace("ca.pem", &pems);
    }

    pub(crate) fn show(&self, issued: &Issued) {
        self.replace("cert.pem", &issued.cert);
        self.replace("key.pem", &issued.key);
    }

    /// What names the files that are there.
    pub(crate) fn config(&self) -> TlsConfig {
        let there = |name: &str| Some(self.file(name)).filter(|file| Path::exists(file));
        TlsConfig {
            cert: there("cert.pem"),
            key: there("key.pem"),
            ca: there("ca.pem"),
            reload: std::time::Duration::from_millis(1),
            ..TlsConfig::default()
        }
    }
}
