//! Sealing: what is written to a storage cannot be read, changed or moved to another place there.
//!
//! Envelope encryption with XChaCha20-Poly1305 (its 192-bit nonces may be random). Every record has a data key of its own,
//! which a key-encryption key of the [`Keyring`] wraps; the id of that key is stored beside it. To rotate, a new key is put
//! first in the ring and the old one stays until nothing is sealed under it any more.
//!
//! ```text
//! format 1 │ length of key id │ key id │ nonce 24 │ wrapped data key 32+16 │ nonce 24 │ ciphertext n+16
//! ```
//!
//! The associated data says what the record is (kind and id), so that a record copied over another one does not open.

use std::fmt;

use base64::Engine as _;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize as _, Zeroizing};

use crate::reference::{Reference, Tagging};
use crate::storage::ReferenceTag;

const FORMAT: u8 = 1;
const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;
const TAG_LENGTH: usize = 16;
const LONGEST_KEY_ID: usize = 64;

/// What a sealed record is; bound to its ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A session's record.
    Session,
    /// A report's record.
    Report,
    /// What is kept of a finished attempt.
    Attempt,
    /// An event.
    Event,
    /// The copy of a session in an event.
    EventSession,
    /// What an idempotency key stands for.
    Idempotency,
    /// The answer kept under an idempotency key.
    Answer,
    /// A picture.
    Evidence,
}

/// Why something cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Sealed under a key that the ring does not hold.
    #[error("record is sealed under key {0:?}, which is not among the master keys")]
    UnknownKey(String),
    /// Not written by us, cut off, changed, or copied from elsewhere.
    #[error("record cannot be opened: it is damaged or not what it is said to be")]
    Damaged,
    /// The system gave no random numbers.
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
}

/// Why a list of master keys cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The list is empty.
    #[error("no master key is given: expected id:base64, the current key first")]
    Empty,
    /// An entry has no colon.
    #[error("master key {0} is not of the form id:base64")]
    Form(usize),
    /// An id that is empty, long or has odd characters.
    #[error("the id of master key {0} must be 1 to {LONGEST_KEY_ID} letters, digits, dots, dashes or underscores")]
    Id(usize),
    /// The key part is not base64, or not of 32 bytes.
    #[error("master key {0:?} must be 32 bytes in base64, e.g. from `openssl rand -base64 32`")]
    Length(String),
    /// Two keys with one id.
    #[error("master key {0:?} is given twice")]
    Twice(String),
    /// Two ids of one key: what is listed under the one would be listed under the other.
    #[error("master keys {0:?} and {1:?} are the same key")]
    Same(String, String),
}

/// A 256-bit key that shows as `***` and is wiped when dropped.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; KEY_LENGTH]>);

impl SecretKey {
    /// A new random key.
    pub fn random() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        getrandom::fill(bytes.as_mut_slice()).map_err(SealError::Random)?;
        Ok(Self(bytes))
    }

    /// A key from its 32 bytes; `None` for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// The key's bytes, to be stored inside something sealed.
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Seals under this key: nonce, then ciphertext.
    pub fn seal(&self, kind: Kind, id: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(SealError::Random)?;
        let payload = Payload {
            msg: plain,
            aad: &associated_data(kind, id),
        };
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Damaged)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`SecretKey::seal`] sealed for the same kind and id.
    pub fn open(&self, kind: Kind, id: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::Damaged)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &associated_data(kind, id),
        };
        let plain = self
            .cipher()
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SealError::Damaged)?;
        Ok(Zeroizing::new(plain))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The master keys: the first seals, all of them open.
#[derive(Clone)]
pub struct Keyring {
    current: MasterKey,
    older: Vec<MasterKey>,
}

#[derive(Clone)]
struct MasterKey {
    id: String,
    key: SecretKey,
    /// Ready to take what is to be tagged.
    tagging: Tagging,
}

impl Keyring {
    /// Reads `id:base64`, the current key first; entries are separated by commas or line breaks.
    pub fn parse(list: &str) -> Result<Self, KeyringError> {
        let entries = list.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        let mut keys: Vec<MasterKey> = Vec::new();
        for (index, entry) in entries.enumerate() {
            let key = MasterKey::parse(index + 1, entry)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(KeyringError::Twice(key.id));
            }
            if let Some(other) = keys.iter().find(|other| other.key.expose() == key.key.expose()) {
                return Err(KeyringError::Same(other.id.clone(), key.id));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(KeyringError::Empty);
        }
        let older = keys.split_off(1);
        let current = keys.pop().ok_or(KeyringError::Empty)?;
        Ok(Self { current, older })
    }

    /// One new random key named `id`, in the form that [`Keyring::parse`] reads.
    pub fn generate(id: &str) -> Result<Zeroizing<String>, SealError> {
        let key = SecretKey::random()?;
        let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(key.expose()));
        Ok(Zeroizing::new(format!("{id}:{}", encoded.as_str())))
    }

    /// Seals a record under a data key of its own.
    pub fn seal(&self, kind: Kind, id: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let data_key = SecretKey::random()?;
        let wrapped = self.current.key.seal(kind, id, data_key.expose())?;
        let sealed = data_key.seal(kind, id, plain)?;
        let key_id = self.current.id.as_bytes();
        // `LONGEST_KEY_ID` fits a byte; longer ids do not parse.
        let header = [FORMAT, key_id.len() as u8];
        Ok([header.as_slice(), key_id, &wrapped, &sealed].concat())
    }

    /// Opens a record of this kind and id.
    pub fn open(&self, kind: Kind, id: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (master, rest) = self.sealed_under(sealed)?;
        let (wrapped, sealed) = rest
            .split_at_checked(NONCE_LENGTH + KEY_LENGTH + TAG_LENGTH)
            .ok_or(SealError::Damaged)?;
        let data_key = master.key.open(kind, id, wrapped)?;
        let data_key = SecretKey::from_bytes(&data_key).ok_or(SealError::Damaged)?;
        data_key.open(kind, id, sealed)
    }

    /// What stands for an account's reference in the lists of sessions, under the current key. A session is listed under the key that its
    /// record is sealed under. None for no names.
    pub fn reference_tag(&self, account: &str, reference: Reference<'_>) -> Option<ReferenceTag> {
        self.current.tagging.tag(account, reference)
    }

    /// The tag under the key that a record is sealed under.
    pub fn reference_tag_beside(
        &self,
        sealed: &[u8],
        account: &str,
        reference: Reference<'_>,
    ) -> Result<Option<ReferenceTag>, SealError> {
        let (master, _) = self.sealed_under(sealed)?;
        Ok(master.tagging.tag(account, reference))
    }

    /// The tags under every key: whatever was sealed under one of them is found by these. None for no names.
    pub fn reference_tags(&self, account: &str, reference: Reference<'_>) -> Vec<ReferenceTag> {
        self.keys()
            .filter_map(|master| master.tagging.tag(account, reference))
            .collect()
    }

    /// Whether the ring has a key of this id.
    pub fn holds(&self, id: &str) -> bool {
        self.keys().any(|master| master.id == id)
    }

    /// The key that something is sealed under, and what follows its id.
    fn sealed_under<'a>(&self, sealed: &'a [u8]) -> Result<(&MasterKey, &'a [u8]), SealError> {
        let Some(([FORMAT, key_id_length], rest)) = sealed.split_first_chunk::<2>() else {
            return Err(SealError::Damaged);
        };
        let (key_id, rest) = rest
            .split_at_checked(usize::from(*key_id_length))
            .ok_or(SealError::Damaged)?;
        let master = self
            .keys()
            .find(|master| master.id.as_bytes() == key_id)
            .ok_or_else(|| SealError::UnknownKey(String::from_utf8_lossy(key_id).into_owned()))?;
        Ok((master, rest))
    }

    fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.keys().map(|master| (&master.id, &master.key)))
            .finish()
    }
}

impl MasterKey {
    /// `position` counts from 1 and names the entry in errors: the entry itself may be a key.
    fn parse(position: usize, entry: &str) -> Result<Self, KeyringError> {
        let (id, encoded) = entry.split_once(':').ok_or(KeyringError::Form(position))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if id.is_empty() || id.len() > LONGEST_KEY_ID || !id.bytes().all(plain) {
            return Err(KeyringError::Id(position));
        }
        let wrong = || KeyringError::Length(id.to_owned());
        let mut bytes = base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .map_err(|_| wrong())?;
        let key = SecretKey::from_bytes(&bytes);
        bytes.zeroize();
        let key = key.ok_or_else(wrong)?;
        Ok(Self {
            id: id.to_owned(),
            tagging: Tagging::new(&key),
            key,
        })
    }
}

/// Unambiguous: no name of a kind contains a zero byte.
fn associated_data(kind: Kind, id: &str) -> Vec<u8> {
    let kind: &[u8] = match kind {
        Kind::Session => b"session",
        Kind::Attempt => b"attempt",
        Kind::Report => b"report",
        Kind::Event => b"event",
        Kind::EventSession => b"event session",
        Kind::Idempotency => b"idempotency",
        Kind::Answer => b"answer",
        Kind::Evidence => b"evidence",
    };
    [b"bonafide.v1\0", kind, b"\0", id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring(ids: &[&str]) -> (Keyring, String) {
        let list: Vec<String> = ids
            .iter()
            .map(|id| Keyring::generate(id).expect("random numbers").to_string())
            .collect();
        let list = list.join(",");
        (Keyring::parse(&list).expect("just made"), list)
    }

    proptest! {
        #[test]
        fn opens_what_it_sealed(plain: Vec<u8>, id in "[a-z_0-9]{0,40}") {
            let (ring, _) = ring(&["k1"]);
            let sealed = ring.seal(Kind::Session, &id, &plain).expect("seals");
            let opened = ring.open(Kind::Session, &id, &sealed).expect("opens");
            prop_assert_eq!(opened.as_slice(), plain);
        }

        #[test]
        fn any_changed_byte_is_noticed(position: prop::sample::Index, change in 1_u8..) {
            let (ring, _) = ring(&["k1"]);
            let mut sealed = ring.seal(Kind::Report, "vr_1", b"name").expect("seals");
            let position = position.index(sealed.len());
            sealed[position] ^= change;
            prop_assert!(ring.open(Kind::Report, "vr_1", &sealed).is_err());
        }

        #[test]
        fn rubbish_does_not_open(sealed: Vec<u8>) {
            let (ring, _) = ring(&["k1"]);
            prop_assert!(ring.open(Kind::Event, "evt_1", &sealed).is_err());
        }
    }

    #[test]
    fn is_bound_to_what_it_is() {
        let (ring, _) = ring(&["k1"]);
        let sealed = ring.seal(Kind::Session, "vs_1", b"name").expect("seals");
        assert!(matches!(
            ring.open(Kind::Session, "vs_2", &sealed),
            Err(SealError::Damaged)
        ));
        assert!(matches!(
            ring.open(Kind::Report, "vs_1", &sealed),
            Err(SealError::Damaged)
        ));
        for length in 0..sealed.len() {
            assert!(ring.open(Kind::Session, "vs_1", &sealed[..length]).is_err());
        }
        assert!(!sealed.windows(4).any(|window| window == b"name"));
        let again = ring.seal(Kind::Session, "vs_1", b"name").expect("seals");
        assert_ne!(sealed, again, "every record has a key and nonces of its own");
    }

    #[test]
    fn tags_references_and_tells_nothing_of_them() {
        let (old, old_list) = ring(&["old"]);
        let (new, new_list) = ring(&["new"]);
        let both = Keyring::parse(&format!("{new_list},{old_list}")).expect("two keys");
        let anna = Reference::client("anna@example.org");
        let tag = |ring: &Keyring| ring.reference_tag("acct_1", anna);
        assert_eq!(tag(&both), tag(&new));
        assert_ne!(tag(&both), tag(&old), "whoever has no key cannot try references");
        assert_eq!(
            both.reference_tags("acct_1", anna),
            [tag(&new), tag(&old)].map(|tag| tag.expect("a name"))
        );
        let sealed = old.seal(Kind::Session, "vs_1", b"name").expect("seals");
        let beside = both.reference_tag_beside(&sealed, "acct_1", anna);
        assert_eq!(beside.expect("holds it"), tag(&old));
        assert!(new.reference_tag_beside(&sealed, "acct_1", anna).is_err());
    }

    #[test]
    fn rotates() {
        let (old, old_list) = ring(&["old"]);
        let sealed = old.seal(Kind::Session, "vs_1", b"name").expect("seals");
        let (new, new_list) = ring(&["new"]);
        let error = new
            .open(Kind::Session, "vs_1", &sealed)
            .expect_err("the old key is gone");
        assert!(matches!(error, SealError::UnknownKey(id) if id == "old"));
        let both = Keyring::parse(&format!("{new_list}\n{old_list}\n")).expect("two keys");
        assert_eq!(
            both.open(Kind::Session, "vs_1", &sealed).expect("opens").as_slice(),
            b"name"
        );
        let sealed = both.seal(Kind::Session, "vs_1", b"name").expect("seals");
        assert!(
            new.open(Kind::Session, "vs_1", &sealed).is_ok(),
            "sealed under the first key"
        );
    }

    #[test]
    fn says_what_is_wrong_with_a_list_and_never_shows_a_key() {
        let good = Keyring::generate("k1").expect("random numbers");
        let cases = [
            ("".to_owned(), KeyringError::Empty),
            (" , ,\n".to_owned(), KeyringError::Empty),
            ("c2VjcmV0".to_owned(), KeyringError::Form(1)),
            (format!("{},:abc", *good), KeyringError::Id(2)),
            ("a b:c2VjcmV0".to_owned(), KeyringError::Id(1)),
            ("k2:c2VjcmV0".to_owned(), KeyringError::Length("k2".to_owned())),
            ("k2:?".to_owned(), KeyringError::Length("k2".to_owned())),
            (format!("{},{}", *good, *good), KeyringError::Twice("k1".to_owned())),
        ];
        for (list, expected) in cases {
            let error = Keyring::parse(&list).expect_err("wrong");
            assert!(!error.to_string().contains("c2VjcmV0"));
            assert_eq!(error, expected, "{list}");
        }
        let ring = Keyring::parse(&good).expect("good");
        assert_eq!(format!("{ring:?}"), r#"{"k1": ***}"#);
    }
}
