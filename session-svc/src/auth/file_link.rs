//! File links: addresses at which one picture can be read without a key, for a short time.
//!
//! `/v1/files/FILE/contents?expires=…&signature=…`: the last millisecond since 1970 at which it answers, and base64url of HMAC-SHA-256
//! over file and expiry, under a key of this purpose that is made from the one that signs client secrets. Nothing is stored: every
//! replica that has the key answers every link. A file never changes its account, which the signature therefore need not name.
//!
//! Whoever has a link reads the picture until it ends. That it be read once only would need a memory that all replicas share.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use proto::id::{self, Kind};
use sha2::Sha256;

use super::client_secret::{ClientSecretKeyError, ClientSecrets};

/// The path of a link, with this for its file: so telemetry has it.
pub(crate) const ROUTE: &str = "/v1/files/{file}/contents";
const FILE: &str = "{file}";

const EXPIRES: &str = "expires=";
const SIGNATURE: &str = "&signature=";

/// What a link may live.
pub(crate) const LIVES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(30);

/// How far the clocks of two replicas may be apart. A link that ends later than it may is refused: clocks are set back, too.
const SKEW: Duration = Duration::from_secs(5);

/// What no other signature under the same key is over: client secrets begin with the id of a session.
const PURPOSE: &str = "bonafide file links 1";

/// Issues and verifies file links.
pub(crate) struct FileLinks {
    keyed: Hmac<Sha256>,
}

impl FileLinks {
    pub(crate) fn new(client_secrets: &ClientSecrets) -> Result<Self, ClientSecretKeyError> {
        let keyed = client_secrets.key_for(PURPOSE)?;
        Ok(Self { keyed })
    }

    /// Path and query of a link that answers up to this moment, to the millisecond.
    pub(crate) fn issue(&self, file: &str, expires: SystemTime) -> String {
        let expires = millis(expires);
        let tag = self.over(file, expires).finalize().into_bytes();
        let signature = URL_SAFE_NO_PAD.encode(tag);
        let path = ROUTE.replace(FILE, file);
        format!("{path}?{EXPIRES}{expires}{SIGNATURE}{signature}")
    }

    /// The file that a link opens now. Path and query must be as they were issued, to the letter.
    pub(crate) fn verify<'a>(&self, path: &'a str, query: &str, now: SystemTime) -> Option<&'a str> {
        let (before, after) = ROUTE.split_once(FILE)?;
        let file = path.strip_prefix(before)?.strip_suffix(after)?;
        id::partition(Kind::File, file)?;
        let (digits, signature) = query.strip_prefix(EXPIRES)?.split_once(SIGNATURE)?;
        let expires: u64 = digits.parse().ok()?;
        // There is one way to write a number.
        if expires.to_string() != digits {
            return None;
        }
        let tag = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.over(file, expires).verify_slice(&tag).ok()?;
        let now = millis(now);
        let latest = now.saturating_add(millis_of(*LIVES.end() + SKEW));
        (now..=latest).contains(&expires).then_some(file)
    }

    fn over(&self, file: &str, expires: u64) -> Hmac<Sha256> {
        // Both have a fixed length, so no other pair gives the same bytes.
        self.keyed
            .clone()
            .chain_update(file)
            .chain_update(expires.to_be_bytes())
    }
}

fn millis(time: SystemTime) -> u64 {
    millis_of(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn millis_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use service_kit::config::Secret;

    const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    fn links(key: &str) -> FileLinks {
        let client_secrets = ClientSecrets::new(&Secret::new(key)).expect("a key");
        FileLinks::new(&client_secrets).expect("the same key")
    }

    fn file() -> String {
        id::format(Kind::File, 7, 42)
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123)
    }

    fn opens(link: &str, now: SystemTime) -> bool {
        let Some((path, query)) = link.split_once('?') else {
            return false;
        };
        links(KEY).verify(path, query, now).is_some()
    }

    #[test]
    fn opens_its_file_for_30_seconds() {
        let link = links(KEY).issue(&file(), now() + *LIVES.end());
        let (path, query) = link.split_once('?').expect("a query");
        assert_eq!(links(KEY).verify(path, query, now()), Some(file().as_str()));
        assert!(opens(&link, now() + Duration::from_secs(30)));
        assert!(!opens(&link, now() + Duration::from_millis(30_001)));
        assert!(!opens(&link, now() + Duration::from_secs(31)));
    }

    #[test]
    fn ends_when_it_would_live_longer_than_it_may() {
        let link = links(KEY).issue(&file(), now() + *LIVES.end());
        assert!(opens(&link, now() - SKEW), "a replica's clock is behind");
        assert!(!opens(&link, now() - SKEW - Duration::from_millis(1)));
    }

    #[test]
    fn every_byte_counts() {
        let link = links(KEY).issue(&file(), now() + Duration::from_secs(9));
        assert!(opens(&link, now()));
        for at in 0..link.len() {
            for bit in 0..7 {
                let mut changed = link.clone().into_bytes();
                changed[at] ^= 1 << bit;
                let changed = String::from_utf8(changed).expect("ASCII");
                assert!(!opens(&changed, now()), "byte {at}, bit {bit}");
            }
            assert!(!opens(&link[..at], now()), "cut off at {at}");
        }
        for more in ["0", "=", "&", "&signature=", "#", "%20"] {
            assert!(!opens(&format!("{link}{more}"), now()), "{more}");
        }
        for spelled in ["expires=0", "expires=+", "expires=%31", "&expires=", "Expires="] {
            assert!(!opens(&link.replacen(EXPIRES, spelled, 1), now()), "{spelled}");
        }
    }

    #[test]
    fn is_bound_to_key_file_and_purpose() {
        let link = links(KEY).issue(&file(), now());
        let (path, query) = link.split_once('?').expect("a query");
        let other_key = links("ZZEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY");
        assert_eq!(other_key.verify(path, query, now()), None);
        let other_file = path.replace(&file(), &id::format(Kind::File, 7, 43));
        assert_eq!(links(KEY).verify(&other_file, query, now()), None);
        // Signed as a client secret is.
        let client_secrets = ClientSecrets::new(&Secret::new(KEY)).expect("a key");
        let secret = client_secrets.issue(&file(), now());
        let (_, signed) = secret.rsplit_once('_').expect("a secret");
        let bytes = URL_SAFE_NO_PAD.decode(signed).expect("base64");
        let (expiry, tag) = bytes.split_first_chunk::<8>().expect("an expiry");
        let seconds = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::from_be_bytes(*expiry));
        let query = format!(
            "{EXPIRES}{}{SIGNATURE}{}",
            u64::from_be_bytes(*expiry),
            URL_SAFE_NO_PAD.encode(tag)
        );
        assert_eq!(links(KEY).verify(path, &query, seconds), None);
    }

    proptest! {
        #[test]
        fn never_accepts_what_it_did_not_issue(path in ".*", query in ".*", tail in "[A-Za-z0-9_-]{43}") {
            let at = SystemTime::UNIX_EPOCH;
            prop_assert!(links(KEY).verify(&path, &query, at).is_none());
            let path = ROUTE.replace(FILE, &file());
            let query = format!("{EXPIRES}1{SIGNATURE}{tail}");
            prop_assert!(links(KEY).verify(&path, &query, at).is_none());
        }
    }
}
