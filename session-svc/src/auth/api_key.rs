//! API keys of backends. Only their digests are kept.

use service_kit::config::Secret;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::Backend;

/// What a key begins with, whether it is for live mode, and whether it is restricted and reads sensitive fields.
const PREFIXES: [(&str, bool, bool); 4] = [
    ("sk_live_", true, false),
    ("rk_live_", true, true),
    ("sk_test_", false, false),
    ("rk_test_", false, true),
];

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
    #[error(
        "API key {0} is not of the form account=sk_live_…, account=rk_live_…, account=sk_test_… or account=rk_test_…"
    )]
    Form(usize),
    /// The account's name would not do for a name.
    #[error("the account of API key {0} must have 1 to {MAX_ACCOUNT_LENGTH} letters, digits, '_', '-' or '.'")]
    Account(usize),
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
        PREFIXES.iter().any(|(prefix, ..)| credential.starts_with(prefix))
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
    let (rest, livemode, reads_sensitive) = PREFIXES
        .iter()
        .find_map(|(prefix, livemode, restricted)| Some((key.strip_prefix(prefix)?, *livemode, *restricted)))
        .ok_or(ApiKeyError::Form(position))?;
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
        backend: Backend::new(account, livemode, reads_sensitive),
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
    fn an_accounts_test_mode_is_another_account() {
        let keys = parse(&format!(
            "acme=sk_live_{LONG},acme=sk_test_{LONG},acme=rk_test_{LONG},acme=rk_live_{LONG},acme.test=sk_live_{LONG}2"
        ))
        .expect("valid");
        let backend = |key: &str| {
            let backend = keys.verify(&format!("{key}{LONG}")).expect("known");
            (&*backend.account, backend.livemode, backend.reads_sensitive)
        };
        assert_eq!(backend("sk_live_"), ("acme", true, false));
        assert_eq!(backend("rk_live_"), ("acme", true, true));
        assert_eq!(backend("sk_test_"), ("acme/test", false, false));
        assert_eq!(backend("rk_test_"), ("acme/test", false, true));
        // Nobody can be given the name of another's test mode.
        assert_eq!(refusal(&format!("acme/test=sk_live_{LONG}")), ApiKeyError::Account(1));
    }

    #[test]
    fn refuses_lists_that_cannot_be_meant() {
        let good = format!("a=sk_live_{LONG}");
        assert_eq!(refusal(" , "), ApiKeyError::None);
        assert_eq!(refusal(&format!("{good},nonsense")), ApiKeyError::Form(2));
        assert_eq!(refusal(&format!("a=pk_live_{LONG}")), ApiKeyError::Form(1));
        assert_eq!(refusal(&format!("=sk_live_{LONG}")), ApiKeyError::Account(1));
        assert_eq!(refusal(&format!("a b=sk_live_{LONG}")), ApiKeyError::Account(1));
        assert_eq!(refusal(&format!("{good},b=pk_test_{LONG}")), ApiKeyError::Form(2));
        assert_eq!(refusal("a=rk_test_short"), ApiKeyError::Short(1));
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
