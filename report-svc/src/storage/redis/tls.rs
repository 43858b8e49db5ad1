//! TLS with Redis. The library speaks it; here is what it trusts and shows, and what is told when there can be none.

use std::borrow::Cow;
use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use redis::{Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates};
use service_kit::tls::{Cause, Flags, Pem, TlsError, choose_provider};

use super::timeouts::{config, tcp_settings};

const FLAGS: Flags = Flags {
    cert: "--redis-cert",
    key: "--redis-key",
    ca: "--redis-ca",
};

/// Certificates, in files. Read once, when the service starts.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RedisTlsConfig {
    /// PEM file of the CAs that vouch for a Redis with rediss://, its Sentinels among it; those of the system when not given. Read
    /// when the service starts, as are the other two.
    #[arg(id = "redis_ca", long = "redis-ca", env = "BONAFIDE_REDIS_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// PEM file of the certificate that is shown to a Redis that asks for one, and of those between it and its CA.
    #[arg(
        id = "redis_cert",
        long = "redis-cert",
        env = "BONAFIDE_REDIS_CERT",
        value_name = "FILE"
    )]
    pub cert: Option<PathBuf>,
    /// PEM file of the certificate's key.
    #[arg(
        id = "redis_key",
        long = "redis-key",
        env = "BONAFIDE_REDIS_KEY",
        value_name = "FILE"
    )]
    pub key: Option<PathBuf>,
}

/// What is trusted and shown. The default trusts the CAs of the system and shows nothing.
#[derive(Clone, Debug, Default)]
pub struct RedisTls(Option<TlsCertificates>);

impl RedisTls {
    /// Reads the files.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn read(config: &RedisTlsConfig) -> Result<Self, TlsError> {
        let RedisTlsConfig { ca, cert, key } = config;
        let Pem { cas, pair } = Pem::read(&FLAGS, cert.as_deref(), key.as_deref(), ca.as_deref())?;
        if cas.is_none() && pair.is_none() {
            return Ok(Self::default());
        }
        let client_tls = pair.map(|(client_cert, client_key)| ClientTlsConfig {
            client_cert,
            client_key,
        });
        Ok(Self(Some(TlsCertificates {
            client_tls,
            root_cert: cas,
        })))
    }

    /// What the library takes for TLS, if that is not its default.
    pub(super) fn certificates(&self) -> Option<TlsCertificates> {
        self.0.clone()
    }

    /// A client of one server, over TLS if its address says so.
    ///
    /// # Errors
    /// When it cannot be an address, or there are certificates and it says no TLS.
    pub(super) fn client(&self, address: impl IntoConnectionInfo) -> Result<Client, ConnectError> {
        let address = address.into_connection_info()?.set_tcp_settings(tcp_settings());
        let is_protected = is_protected(&address);
        if is_protected {
            // The library asks for it.
            choose_provider();
        }
        Ok(match self.certificates() {
            Some(_) if !is_protected => return Err(ConnectError::Unprotected),
            Some(certificates) => Client::build_with_tls(address, certificates)?,
            None => Client::open(address)?,
        })
    }
}

fn is_protected(address: &ConnectionInfo) -> bool {
    matches!(address.addr(), ConnectionAddr::TcpTls { .. })
}

/// Why there is no connection to Redis.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It does not answer, or not as it should.
    #[error("redis does not answer")]
    Redis(#[from] RedisError),
    /// It was reached, and TLS does not come about.
    #[error("no TLS with redis: {why}")]
    Tls {
        /// What is the matter and what to do about it.
        why: Cow<'static, str>,
        /// What the library said.
        source: RedisError,
    },
    /// Files for TLS, and an address without it.
    #[error(
        "--redis-ca, --redis-cert and --redis-key are for a --redis-url that begins with rediss: this one is without TLS"
    )]
    Unprotected,
}

impl ConnectError {
    /// Why none of these servers could be used: what is the matter with the TLS of one of them, if that is it.
    pub(super) async fn explained(error: RedisError, servers: &[Client]) -> Self {
        let protected = servers
            .iter()
            .filter(|server| is_protected(server.get_connection_info()));
        // Of several servers the library tells only that there is none.
        for server in protected {
            if let Err(error) = server.get_multiplexed_async_connection_with_config(&config()).await
                && let Some(why) = why(&error)
            {
                return Self::Tls { why, source: error };
            }
        }
        Self::Redis(error)
    }
}

/// What is the matter with TLS, if that is to blame.
fn why(error: &RedisError) -> Option<Cow<'static, str>> {
    // The library shares its causes.
    let shared = error
        .source()?
        .downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?;
    let error = shared.downcast_ref::<io::Error>()?;
    if let Some(cause) = Cause::of(error) {
        return Some(match cause {
            Cause::NotTls => "it does not speak TLS on this port: rediss:// is for its tls-port, redis:// for its port".into(),
            Cause::OursUnknownCa => {
                "it does not know the CA of our certificate: name that CA in its tls-ca-cert-file, or have the one of --redis-cert \
                 issued by a CA that it knows"
                    .into()
            }
            cause => cause.sentence(&FLAGS),
        });
    }
    match error.kind() {
        // A server without TLS waits for the end of a command. One that misses a certificate may hang up before that is read.
        io::ErrorKind::TimedOut => Some(
            "it does not answer in time: is it a server with TLS? rediss:// is for its tls-port, redis:// for its port"
                .into(),
        ),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            Some("it hangs up: does it ask for a certificate? Name one with --redis-cert and --redis-key".into())
        }
        _ => None,
    }
}
