//! API keys of backends. Only their digests are kept.

use std::sync::Arc;

use service_kit::config::Secret;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::Backend;

const SECRET_PREFIX: &str = "sk_live_";
const RESTRICTED_PREFIX: &str = "rk_live_";
const TEST_PREFIXES: [&str; 2] = ["sk_test_", "rk_test_"];

/// Characters that a key must have after its prefix: 24 of base 62 hold 142 bits.
const MIN_KEY_LENGTH: usize = 24;
const MAX_ACCOUNT_LENGTH: usize = 64;

/// Why a list of API keys cannot be used. Keys are named by their place in the list, counted from 1, and never shown.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ApiKeyError {
    /// Nobody could call.
    #[error("no API key is given: set --api-keys (BONAFIDE_API_KEYS) to account=sk_live_…")]
    None,
    /// Not an account, an equals sign and a key.
    #[error("API key {0} is not of the form account=sk_live_… or account=rk_live_…")]
    Form(usize),
    /// The account's name would not do for a name.
    #[error("the account of API key {0} must have 1 to {MAX_ACCOUNT_LENGTH} letters, digits, '_', '-' or '.'")]
    Account(usize),
    /// A key of test mode.
    #[error("API key {0} is a test key: test mode is not there yet, use sk_live_… or rk_live_…")]
    TestMode(usize),
    /// Short enough to be guessed.
    #[error("API key {0} must have at least {MIN_KEY_LENGTH} letters or digits after its prefix")]
    Short(usize),
    /// Characters that get lost in shells and headers.
    #[error("API key {0} may hold only letters, digits, '_' and '-'")]
    Characters(usize),
    /// It would be unclear whose key it is.
    #[error("API key {1} is the same as API key {0}")]
    Duplicate(usize, usize),
}

struct ApiKey {
    digest: [u8; 32],
    backend: Backend,
}

/// The API keys that are accepted.
pub(crate) struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    /// Reads `account=key` pairs separated by commas. An account may have several keys, so that one can be replaced.
    pub(crate) fn parse(list: &Secret) -> Result<Self, ApiKeyError> {
        let mut keys: Vec<ApiKey> = Vec::new();
        let pairs = list.expose().split(',').map(str::trim).filter(|pair| !pair.is_empty());
        for (pair, position) in pairs.zip(1..) {
            let key = parse_pair(pair, position)?;
            if let Some(earlier) = keys.iter().position(|other| other.digest == key.digest) {
                return Err(ApiKeyError::Duplicate(earlier + 1, position));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(ApiKeyError::None);
        }
        Ok(Self(keys))
    }

    /// Whether a credential claims to be an API key.
    pub(super) fn looks_like(credential: &str) -> bool {
        credential.starts_with(SECRET_PREFIX) || credential.starts_with(RESTRICTED_PREFIX)
    }

    /// Whose key this is. Takes the same time whichever key matches, or none.
    pub(super) fn verify(&self, presented: &str) -> Option<&Backend> {
        let presented = digest(presented);
        let mut found = u32::MAX;
        for (key, index) in self.0.iter().zip(0_u32..) {
            let same: Choice = key.digest.ct_eq(&presented);
            found.conditional_assign(&index, same);
        }
        Some(&self.0.get(usize::try_from(found).ok()?)?.backend)
    }
}

fn parse_pair(pair: &str, position: usize) -> Result<ApiKey, ApiKeyError> {
    let (account, key) = pair.split_once('=').ok_or(ApiKeyError::Form(position))?;
    let (account, key) = (account.trim(), key.trim());
    let named = |letter: u8| letter.is_ascii_alphanumeric() || b"_-.".contains(&letter);
    if account.is_empty() || account.len() > MAX_ACCOUNT_LENGTH || !account.bytes().all(named) {
        return Err(ApiKeyError::Account(position));
    }
    if TEST_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
        return Err(ApiKeyError::TestMode(position));
    }
    let (rest, reads_sensitive) = match (key.strip_prefix(SECRET_PREFIX), key.strip_prefix(RESTRICTED_PREFIX)) {
        (Some(rest), _) => (rest, false),
        (None, Some(rest)) => (rest, true),
        (None, None) => return Err(ApiKeyError::Form(position)),
    };
    if rest.len() < MIN_KEY_LENGTH {
        return Err(ApiKeyError::Short(position));
    }
    if !rest
        .bytes()
        .all(|letter| letter.is_ascii_alphanumeric() || b"_-".contains(&letter))
    {
        return Err(ApiKeyError::Characters(position));
    }
    Ok(ApiKey {
        digest: digest(key),
        backend: Backend {
            account: Arc::from(account),
            reads_sensitive,
        },
    })
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "abcdefghijklmnopqrstuvwxyz";

    fn parse(list: &str) -> Result<ApiKeys, ApiKeyError> {
        ApiKeys::parse(&Secret::new(list))
    }

    fn refusal(list: &str) -> ApiKeyError {
        parse(list).err().expect("must be refused")
    }

    #[test]
    fn knows_its_keys_and_no_others() {
        let keys = parse(&format!(
            "acme=sk_live_{LONG}, acme=rk_live_{LONG},\nother=sk_live_{LONG}2,"
        ))
        .expect("valid");
        let plain = keys.verify(&format!("sk_live_{LONG}")).expect("known");
        assert_eq!((&*plain.account, plain.reads_sensitive), ("acme", false));
        let restricted = keys.verify(&format!("rk_live_{LONG}")).expect("known");
        assert_eq!((&*restricted.account, restricted.reads_sensitive), ("acme", true));
        let other = keys.verify(&format!("sk_live_{LONG}2")).expect("known");
        assert_eq!(&*other.account, "other");
        for unknown in [
            "",
            "sk_live_",
            &format!("sk_live_{LONG}3"),
            &format!("acme=sk_live_{LONG}"),
        ] {
            assert!(keys.verify(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn refuses_lists_that_cannot_be_meant() {
        let good = format!("a=sk_live_{LONG}");
        assert_eq!(refusal(" , "), ApiKeyError::None);
        assert_eq!(refusal(&format!("{good},nonsense")), ApiKeyError::Form(2));
        assert_eq!(refusal(&format!("a=pk_live_{LONG}")), ApiKeyError::Form(1));
        assert_eq!(refusal(&format!("=sk_live_{LONG}")), ApiKeyError::Account(1));
        assert_eq!(refusal(&format!("a b=sk_live_{LONG}")), ApiKeyError::Account(1));
        assert_eq!(refusal(&format!("{good},b=rk_test_{LONG}")), ApiKeyError::TestMode(2));
        assert_eq!(refusal("a=sk_live_short"), ApiKeyError::Short(1));
        assert_eq!(refusal(&format!("a=sk_live_{LONG}é")), ApiKeyError::Characters(1));
        assert_eq!(
            refusal(&format!("{good},b=sk_live_{LONG}")),
            ApiKeyError::Duplicate(1, 2)
        );
    }

    #[test]
    fn a_refusal_does_not_show_the_key() {
        for list in ["a=sk_live_tooshort77", "a=sk_test_tooshort77", "tooshort77"] {
            assert!(!refusal(list).to_string().contains("tooshort77"));
        }
    }
}
