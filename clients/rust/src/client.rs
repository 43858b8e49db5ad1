//! One client for one credential.

use std::fmt;
use std::time::Duration;

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Uri};

use crate::call::{Calls, Credential};
use crate::v1::VerificationSession;
use crate::{Error, Files, Person, Reports, Sessions, TestHelpers, address};

/// Deadline of a call, and of one that carries a picture, where none is given.
pub(crate) const CALL: Duration = Duration::from_secs(10);
pub(crate) const TRANSFER: Duration = Duration::from_secs(60);

/// How long a watch goes on without an answer.
const RECONNECT: Duration = Duration::from_secs(5 * 60);

/// How long a connection may take to be opened.
const CONNECT: Duration = Duration::from_secs(3);

/// How often a connection that is waited on is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Calls a deployment with one API key. Connects with the first call; clones share the connection.
#[derive(Clone)]
pub struct Client {
    calls: Calls,
}

/// A client that is yet to be made; see [`Client::builder`].
pub struct Builder {
    address: String,
    api_key: String,
    ca: Option<Vec<u8>>,
    allow_plaintext: bool,
    deadline: Option<Duration>,
    reconnect_timeout: Duration,
}

impl Client {
    /// For the deployment at `address`, whose certificate the CAs of the system vouch for. Must be made inside a tokio runtime.
    ///
    /// # Errors
    /// When the address or the key cannot be one, or the key would cross the network readable.
    pub fn new(address: impl Into<String>, api_key: impl Into<String>) -> Result<Self, Error> {
        Self::builder(address, api_key).build()
    }

    /// The same with choices.
    pub fn builder(address: impl Into<String>, api_key: impl Into<String>) -> Builder {
        Builder {
            address: address.into(),
            api_key: api_key.into(),
            ca: None,
            allow_plaintext: false,
            deadline: None,
            reconnect_timeout: RECONNECT,
        }
    }

    /// The same client with another deadline for each call.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let mut client = self.clone();
        client.calls.deadline = Some(deadline);
        client
    }

    /// Calls about sessions.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions::new(self.calls.clone())
    }

    /// Calls about reports.
    #[must_use]
    pub fn reports(&self) -> Reports {
        Reports::new(self.calls.clone())
    }

    /// Calls about pictures; they need a restricted key.
    #[must_use]
    pub fn files(&self) -> Files {
        Files::new(self.calls.clone())
    }

    /// Calls of test mode; they need a test key.
    #[must_use]
    pub fn test_helpers(&self) -> TestHelpers {
        TestHelpers::new(self.calls.clone())
    }

    /// The person whose session this is: calls with its client secret.
    ///
    /// # Errors
    /// When the session has none, which is when it does not require input or comes from a list.
    pub fn person(&self, session: &VerificationSession) -> Result<Person, Error> {
        let secret = session.client_secret.as_deref();
        let secret = secret.ok_or_else(|| Error::invalid("the session has no client secret"))?;
        let calls = Calls {
            credential: Credential::new(secret)?,
            ..self.calls.clone()
        };
        Ok(Person::new(calls, session.id.clone()))
    }
}

impl Builder {
    /// Trusts the CAs of this PEM file instead of those of the system.
    #[must_use]
    pub fn ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }

    /// Allows `http` beyond this machine: credentials and pictures cross the network readable.
    #[must_use]
    pub fn allow_plaintext(mut self) -> Self {
        self.allow_plaintext = true;
        self
    }

    /// Deadline of each call, its retries among it: 10 seconds when not given, 60 for uploads and downloads.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How long a watch goes on without an answer while the deployment is away: 5 minutes when not given.
    #[must_use]
    pub fn reconnect_timeout(mut self, timeout: Duration) -> Self {
        self.reconnect_timeout = timeout;
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    /// When the address, the key or the CA cannot be one, or the key would cross the network readable.
    pub fn build(self) -> Result<Client, Error> {
        let address: Uri = address::parse(&self.address, self.allow_plaintext)?;
        let is_secure = address.scheme_str() == Some("https");
        let mut endpoint = Channel::builder(address)
            .user_agent(concat!("bonafide-client-rust/", env!("CARGO_PKG_VERSION")))
            .map_err(|_| Error::invalid("the name of this library is none"))?
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(KEEP_ALIVE);
        let tls = match self.ca {
            Some(_) if !is_secure => return Err(Error::invalid("a CA is for an address with https")),
            Some(pem) if !holds_certificate(&pem) => return Err(Error::invalid("the CA is no certificate in PEM")),
            Some(pem) => Some(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))),
            None => is_secure.then(|| ClientTlsConfig::new().with_native_roots()),
        };
        if let Some(tls) = tls {
            let configured = endpoint.tls_config(tls);
            endpoint = configured.map_err(|error| Error::invalid(format!("no CA can be used: {error}")))?;
        }
        Ok(Client {
            calls: Calls {
                channel: endpoint.connect_lazy(),
                credential: Credential::new(&self.api_key)?,
                deadline: self.deadline,
                reconnect_timeout: self.reconnect_timeout,
            },
        })
    }
}

fn holds_certificate(pem: &[u8]) -> bool {
    const BEGINS: &[u8] = b"-----BEGIN CERTIFICATE-----";
    pem.windows(BEGINS.len()).any(|window| window == BEGINS)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}
