//! Client secrets: what a person's device shows to upload pictures to one session and to submit it.
//!
//! `vs_…_secret_` and base64url of the expiry (seconds since 1970, 8 bytes, big endian) and of HMAC-SHA-256 over session id and
//! expiry. Nothing is stored: every replica that has the key verifies every client secret.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use proto::id::{self, Kind};
use service_kit::config::Secret;
use sha2::Sha256;

use crate::error::Error;

const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const MIN_KEY_BYTES: usize = 32;
const INFIX: &str = "_secret_";
const EXPIRY_BYTES: usize = 8;

/// Standard base64, as `openssl rand -base64 32` writes it, with or without padding.
const KEY_ENCODING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a signing key cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ClientSecretKeyError {
    /// Not base64.
    #[error("--client-secret-key (BONAFIDE_CLIENT_SECRET_KEY) is not base64: make one with `openssl rand -base64 32`")]
    Encoding,
    /// Short enough to be guessed.
    #[error(
        "--client-secret-key (BONAFIDE_CLIENT_SECRET_KEY) must hold at least {MIN_KEY_BYTES} bytes: make one with `openssl rand -base64 32`"
    )]
    Short,
}

/// Issues and verifies client secrets.
#[derive(Clone)]
pub(crate) struct ClientSecrets {
    keyed: Hmac<Sha256>,
}

impl ClientSecrets {
    /// Reads the signing key: base64 of at least 32 bytes.
    pub(crate) fn new(key: &Secret) -> Result<Self, ClientSecretKeyError> {
        let key = KEY_ENCODING
            .decode(key.expose().trim())
            .map_err(|_| ClientSecretKeyError::Encoding)?;
        if key.len() < MIN_KEY_BYTES {
            return Err(ClientSecretKeyError::Short);
        }
        let keyed = Hmac::new_from_slice(&key).map_err(|_| ClientSecretKeyError::Short)?;
        Ok(Self { keyed })
    }

    /// A client secret for this session, good for 24 hours from `now`.
    pub(crate) fn issue(&self, session: &str, now: SystemTime) -> String {
        let expiry = unix_seconds(now).saturating_add(LIFE.as_secs()).to_be_bytes();
        let tag = self.over(session, expiry).finalize().into_bytes();
        let signed = [expiry.as_slice(), tag.as_slice()].concat();
        format!("{session}{INFIX}{}", URL_SAFE_NO_PAD.encode(signed))
    }

    /// Whether a credential claims to be a client secret.
    pub(super) fn looks_like(credential: &str) -> bool {
        credential.contains(INFIX)
    }

    /// The session that a client secret belongs to. The signature is checked first: nobody learns anything from a forged expiry.
    pub(super) fn verify(&self, presented: &str, now: SystemTime) -> Result<String, Error> {
        let (session, signed) = presented.split_once(INFIX).ok_or(Error::CredentialInvalid)?;
        id::partition(Kind::VerificationSession, session).ok_or(Error::CredentialInvalid)?;
        let signed = URL_SAFE_NO_PAD.decode(signed).map_err(|_| Error::CredentialInvalid)?;
        let (expiry, tag) = signed
            .split_first_chunk::<EXPIRY_BYTES>()
            .ok_or(Error::CredentialInvalid)?;
        self.over(session, *expiry)
            .verify_slice(tag)
            .map_err(|_| Error::CredentialInvalid)?;
        if unix_seconds(now) >= u64::from_be_bytes(*expiry) {
            return Err(Error::ClientSecretExpired);
        }
        Ok(session.to_owned())
    }

    /// A key made from this one, for signatures of another purpose.
    pub(super) fn key_for(&self, purpose: &str) -> Result<Hmac<Sha256>, ClientSecretKeyError> {
        let key = self.keyed.clone().chain_update(purpose).finalize().into_bytes();
        Hmac::new_from_slice(&key).map_err(|_| ClientSecretKeyError::Short)
    }

    fn over(&self, session: &str, expiry: [u8; EXPIRY_BYTES]) -> Hmac<Sha256> {
        // The expiry has a fixed length, so no other pair gives the same bytes.
        self.keyed.clone().chain_update(session).chain_update(expiry)
    }
}

impl fmt::Debug for ClientSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secrets(key: &str) -> ClientSecrets {
        ClientSecrets::new(&Secret::new(key)).expect("a key")
    }

    fn ours() -> ClientSecrets {
        secrets("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
    }

    fn session() -> String {
        id::format(Kind::VerificationSession, 7, 42)
    }

    #[test]
    fn opens_its_session_for_24_hours() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let secret = ours().issue(&session(), now);
        assert!(secret.starts_with("vs_07") && secret.contains("_secret_"));
        let last = now + LIFE - Duration::from_secs(1);
        assert_eq!(ours().verify(&secret, last).expect("still good"), session());
        assert!(matches!(
            ours().verify(&secret, now + LIFE),
            Err(Error::ClientSecretExpired)
        ));
    }

    #[test]
    fn is_bound_to_key_session_and_expiry() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let secret = ours().issue(&session(), now);
        let other_key = secrets("ZZEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY");
        assert!(matches!(other_key.verify(&secret, now), Err(Error::CredentialInvalid)));
        let other_session = secret.replace(&session(), &id::format(Kind::VerificationSession, 7, 43));
        assert!(matches!(
            ours().verify(&other_session, now),
            Err(Error::CredentialInvalid)
        ));
        // A later expiry under the old signature.
        let (_, signed) = secret.split_once(INFIX).expect("a secret");
        let mut signed = URL_SAFE_NO_PAD.decode(signed).expect("base64");
        signed[EXPIRY_BYTES - 3] ^= 1;
        let longer = format!("{}{INFIX}{}", session(), URL_SAFE_NO_PAD.encode(signed));
        assert!(matches!(ours().verify(&longer, now), Err(Error::CredentialInvalid)));
    }

    #[test]
    fn refuses_weak_keys() {
        let refusal = |key: &str| ClientSecrets::new(&Secret::new(key)).err();
        assert_eq!(refusal(""), Some(ClientSecretKeyError::Short));
        assert_eq!(refusal("c2hvcnQ="), Some(ClientSecretKeyError::Short));
        assert_eq!(refusal("not base64!"), Some(ClientSecretKeyError::Encoding));
    }

    proptest! {
        #[test]
        fn never_accepts_what_it_did_not_issue(text in ".*", tail in "[A-Za-z0-9_-]{0,80}") {
            let now = SystemTime::UNIX_EPOCH;
            prop_assert!(ours().verify(&text, now).is_err());
            let forged = format!("{}{INFIX}{tail}", session());
            prop_assert!(ours().verify(&forged, now).is_err());
        }
    }
}
