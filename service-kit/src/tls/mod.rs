//! TLS, by rustls: at the public service, and between services, where both sides show a certificate.
//!
//! ```text
//! backend, person ── TLS ──▶ session-svc ── mutual TLS ──▶ report-svc, doc-check-svc, selfie-svc
//! ```
//!
//! Who a service is stands in its certificate, as the first label of a DNS name: `session-svc.bonafide.svc` is `session-svc`. Each
//! internal service names those that may call it ([`Exposure`](crate::config::Exposure)). A caller without a certificate of our CA
//! gets no connection; one whose certificate names nobody who may call is answered with PERMISSION_DENIED and the reason
//! `CALLER_NOT_ALLOWED`, except by health checks and reflection.
//!
//! What a public CA vouches for is for callers from outside; what a service shows to the services that it calls can be another
//! certificate ([`ClientCertConfig`]).
//!
//! The files are looked at every few seconds. When they have changed, new connections use what they hold now, and those that are
//! open go on; files that cannot be used change nothing but the log. To replace a CA, put the new one beside the old one first. A
//! certificate that should have been renewed is told of, once a day.

mod certificate;
mod client;
mod expiry;
mod failure;
mod files;
mod identity;
mod reload;
mod server;

use std::path::PathBuf;
use std::time::Duration;

pub use certificate::Certificate;
pub use client::{ClientTls, NoTls, is_loopback};
pub(crate) use client::{Connector, without_brackets};
pub use failure::Cause;
pub use files::{Flags, Pem, TlsError, choose_provider};
pub(crate) use identity::Caller;
pub(crate) use server::Acceptor;

const DEFAULT_RELOAD: Duration = Duration::from_secs(10);

/// Certificates, in files.
#[derive(Clone, Debug, clap::Args)]
pub struct TlsConfig {
    /// PEM file of the certificate that is shown to the other side, and of those between it and its CA. With one, a service takes
    /// connections over TLS only.
    #[arg(
        id = "tls_cert",
        long = "tls-cert",
        env = "BONAFIDE_TLS_CERT",
        value_name = "FILE",
        global = true
    )]
    pub cert: Option<PathBuf>,
    /// PEM file of the certificate's key.
    #[arg(
        id = "tls_key",
        long = "tls-key",
        env = "BONAFIDE_TLS_KEY",
        value_name = "FILE",
        global = true
    )]
    pub key: Option<PathBuf>,
    /// PEM file of the CAs whose certificates other services show; without one, https addresses are verified against the CAs of the
    /// system.
    #[arg(
        id = "tls_ca",
        long = "tls-ca",
        env = "BONAFIDE_TLS_CA",
        value_name = "FILE",
        global = true
    )]
    pub ca: Option<PathBuf>,
    /// How often these files are looked at: those that have changed are read again.
    #[arg(id = "tls_reload", long = "tls-reload", env = "BONAFIDE_TLS_RELOAD", default_value = "10s",
          value_parser = humantime::parse_duration, value_name = "TIME", global = true)]
    pub reload: Duration,
    /// Let credentials and pictures cross the network readable: listen beyond loopback, and call there, without TLS.
    #[arg(long, env = "BONAFIDE_ALLOW_PLAINTEXT", global = true)]
    pub allow_plaintext: bool,
}

impl Default for TlsConfig {
    /// No TLS, on loopback alone.
    fn default() -> Self {
        Self {
            cert: None,
            key: None,
            ca: None,
            reload: DEFAULT_RELOAD,
            allow_plaintext: false,
        }
    }
}

/// The certificate that is shown to the services that are called, where it is another one than callers see.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ClientCertConfig {
    /// PEM file of the certificate that is shown to the other services, and of those between it and its CA; that of --tls-cert when
    /// not given. For a public service whose callers see the certificate of a public CA.
    #[arg(
        id = "tls_client_cert",
        long = "tls-client-cert",
        env = "BONAFIDE_TLS_CLIENT_CERT",
        value_name = "FILE"
    )]
    pub cert: Option<PathBuf>,
    /// PEM file of that certificate's key.
    #[arg(
        id = "tls_client_key",
        long = "tls-client-key",
        env = "BONAFIDE_TLS_CLIENT_KEY",
        value_name = "FILE"
    )]
    pub key: Option<PathBuf>,
}
