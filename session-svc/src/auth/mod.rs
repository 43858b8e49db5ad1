//! Who calls. Every public call passes one of the interceptors here before its method, and its body, is looked at; a file link, which is
//! opened over plain HTTP without a key, is a credential itself ([`FileLinks`]).
//!
//! ```text
//! authorization: Bearer sk_live_… | rk_live_…   a backend, of an account
//! authorization: Bearer sk_test_… | rk_test_…   the same, in test mode
//! authorization: Bearer vs_…_secret_…           a person, for one session
//! ```
//!
//! An account's test mode is an account of its own to report-svc: whatever is looked up, listed or created once per key, neither mode finds
//! the other's.

mod api_key;
mod client_secret;
mod file_link;

use std::sync::Arc;
use std::time::SystemTime;

use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use crate::error::Error;
pub use api_key::ApiKeyError;
pub(crate) use api_key::ApiKeys;
pub use client_secret::ClientSecretKeyError;
pub(crate) use client_secret::ClientSecrets;
pub(crate) use file_link::{FileLinks, LIVES as LINK_LIVES, ROUTE as LINK_ROUTE};

/// A backend that showed an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backend {
    /// Owns the sessions that it creates; sees no others. The one of the key's mode, as report-svc knows it.
    pub(crate) account: Arc<str>,
    /// Whether what it creates is checked for real.
    pub(crate) livemode: bool,
    /// Whether the key was a restricted one, which may also read sensitive fields.
    pub(crate) reads_sensitive: bool,
}

impl Backend {
    /// A backend of the account of this name, in the mode of its key.
    pub(crate) fn new(name: &str, livemode: bool, reads_sensitive: bool) -> Self {
        let mode = if livemode { "" } else { proto::TEST_MODE_SUFFIX };
        Self {
            account: Arc::from(format!("{name}{mode}")),
            livemode,
            reads_sensitive,
        }
    }

    /// The backend that makes this call, as [`backends_only`] found it.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        match Caller::of(request)? {
            Caller::Backend(backend) => Ok(backend),
            Caller::Person { .. } => Err(Error::BackendsOnly),
        }
    }
}

/// Whoever makes a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// With an API key.
    Backend(Backend),
    /// With a client secret.
    Person {
        /// The only session that the client secret opens.
        session: String,
    },
}

impl Caller {
    /// Who makes this call, as the interceptor found it.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        // Without an interceptor in front, a call has no credential that anybody looked at.
        request.extensions().get().cloned().ok_or(Error::CredentialMissing)
    }

    /// Whether sensitive fields may be shown: to a backend with a restricted key, and never to a person.
    pub(crate) fn reads_sensitive(&self) -> bool {
        match self {
            Self::Backend(backend) => backend.reads_sensitive,
            Self::Person { .. } => false,
        }
    }

    /// The account to name to the store when this caller acts on `session`; none for a person, whose client secret names the
    /// session itself.
    pub(crate) fn account_for(&self, session: &str) -> Result<Option<String>, Error> {
        match self {
            Self::Backend(backend) => Ok(Some(backend.account.to_string())),
            Self::Person { session: own } if own == session => Ok(None),
            Self::Person { .. } => Err(Error::ClientSecretOtherSession),
        }
    }
}

/// Knows all credentials.
pub(crate) struct Authenticator {
    api_keys: ApiKeys,
    client_secrets: ClientSecrets,
}

impl Authenticator {
    pub(crate) fn new(api_keys: ApiKeys, client_secrets: ClientSecrets) -> Self {
        Self {
            api_keys,
            client_secrets,
        }
    }

    fn authenticate(&self, metadata: &MetadataMap, now: SystemTime) -> Result<Caller, Error> {
        let header = metadata.get("authorization").ok_or(Error::CredentialMissing)?;
        let header = header.to_str().map_err(|_| Error::CredentialInvalid)?;
        // The scheme's name is not case-sensitive (RFC 9110, 11.1).
        let credential = match header.split_once(' ') {
            Some((scheme, credential)) if scheme.eq_ignore_ascii_case("bearer") => credential.trim(),
            _ => return Err(Error::CredentialMissing),
        };
        if ApiKeys::looks_like(credential) {
            let backend = self.api_keys.verify(credential).ok_or(Error::CredentialInvalid)?;
            return Ok(Caller::Backend(backend.clone()));
        }
        if ClientSecrets::looks_like(credential) {
            let session = self.client_secrets.verify(credential, now)?;
            return Ok(Caller::Person { session });
        }
        Err(Error::CredentialInvalid)
    }
}

/// An interceptor that lets backends and persons through.
pub(crate) fn backends_and_persons(
    authenticator: Arc<Authenticator>,
) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone {
    move |mut request| {
        let caller = authenticator.authenticate(request.metadata(), SystemTime::now())?;
        request.extensions_mut().insert(caller);
        Ok(request)
    }
}

/// An interceptor that lets backends through.
pub(crate) fn backends_only(
    authenticator: Arc<Authenticator>,
) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone {
    let anyone = backends_and_persons(authenticator);
    move |request| {
        let request = anyone(request)?;
        Backend::of(&request)?;
        Ok(request)
    }
}

/// An interceptor that lets backends through whose key is a restricted one.
pub(crate) fn restricted_only(
    authenticator: Arc<Authenticator>,
) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone {
    let backends = backends_only(authenticator);
    move |request| {
        let request = backends(request)?;
        if !Backend::of(&request)?.reads_sensitive {
            return Err(Error::SensitiveFiles.into());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::config::Secret;

    const KEY: &str = "sk_live_abcdefghijklmnopqrstuvwx";

    fn authenticate(header: &str) -> Result<Caller, Error> {
        let authenticator = Authenticator::new(
            ApiKeys::parse(&Secret::new(format!("acme={KEY}"))).expect("keys"),
            ClientSecrets::new(&Secret::new("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")).expect("a key"),
        );
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", header.parse().expect("a header"));
        authenticator.authenticate(&metadata, SystemTime::now())
    }

    #[test]
    fn reads_bearer_credentials_only() {
        for header in [format!("Bearer {KEY}"), format!("bearer  {KEY} ")] {
            let caller = authenticate(&header).expect("known");
            assert!(matches!(caller, Caller::Backend(backend) if &*backend.account == "acme"));
        }
        for header in ["", KEY, "Basic dXNlcjpwYXNz"] {
            assert!(
                matches!(authenticate(header), Err(Error::CredentialMissing)),
                "{header}"
            );
        }
        for header in [
            "Bearer ",
            "Bearer sk_test_abcdefghijklmnopqrstuvwx",
            "Bearer vs_07_secret_",
            "Bearer x",
        ] {
            assert!(
                matches!(authenticate(header), Err(Error::CredentialInvalid)),
                "{header}"
            );
        }
    }

    #[test]
    fn a_person_opens_one_session() {
        let person = Caller::Person {
            session: "vs_1".to_owned(),
        };
        assert_eq!(person.account_for("vs_1").expect("its own"), None);
        assert!(matches!(
            person.account_for("vs_2"),
            Err(Error::ClientSecretOtherSession)
        ));
    }
}
