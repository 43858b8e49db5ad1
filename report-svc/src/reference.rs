//! What stands for a backend's own names of things in the lists of its sessions.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::seal::SecretKey;
use crate::storage::ReferenceTag;

/// Block of SHA-256, bytes.
const BLOCK: usize = 64;

/// What the keys are derived for, by which of the names there are: see [`Reference::kind`].
const PURPOSES: [&[u8]; 7] = [
    b"bonafide.v1\0reference",
    b"bonafide.v1\0customer",
    b"bonafide.v1\0customer and reference",
    b"bonafide.v1\0customer account",
    b"bonafide.v1\0customer account and reference",
    b"bonafide.v1\0customer account and customer",
    b"bonafide.v1\0customer account, customer and reference",
];

/// A backend's own names, by which it finds its sessions. What a list asks for together has a tag of its own, so that it is as quick to
/// read as one that asks for less.
#[derive(Clone, Copy, Default)]
pub struct Reference<'a> {
    /// `client_reference_id`.
    pub client: Option<&'a str>,
    /// `related_customer`.
    pub customer: Option<&'a str>,
    /// `related_customer_account`.
    pub customer_account: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// A `client_reference_id` alone.
    pub fn client(reference: &'a str) -> Self {
        Self {
            client: Some(reference),
            ..Self::default()
        }
    }

    /// Whether it is a `client_reference_id` alone.
    pub fn is_client_alone(&self) -> bool {
        self.kind() == 1
    }

    /// Whatever of it a list may ask for: every name alone, and those together.
    pub fn parts(self) -> impl Iterator<Item = Self> {
        let all = self.kind();
        let part = move |kind: usize| Self {
            client: self.client.filter(|_| kind & 1 != 0),
            customer: self.customer.filter(|_| kind & 2 != 0),
            customer_account: self.customer_account.filter(|_| kind & 4 != 0),
        };
        (1..=all).filter(move |kind| all & kind == *kind).map(part)
    }

    /// Which names there are; 0 where there is none.
    fn kind(&self) -> usize {
        let bit = |name: Option<&str>, bit| name.map_or(0, |_| bit);
        bit(self.client, 1) | bit(self.customer, 2) | bit(self.customer_account, 4)
    }
}

/// A key for each kind of reference, ready to take what is to be tagged.
///
/// A reference may be personal data, and few people may have one that is likely: a plain digest could be guessed. So a tag is an HMAC
/// under a key that is derived from a master key.
#[derive(Clone)]
pub(crate) struct Tagging([Hmac<Sha256>; PURPOSES.len()]);

impl Tagging {
    pub(crate) fn new(master: &SecretKey) -> Self {
        Self(PURPOSES.map(|purpose| keyed(derived(master, purpose).as_slice())))
    }

    /// None for no names.
    pub(crate) fn tag(&self, account: &str, reference: Reference<'_>) -> Option<ReferenceTag> {
        let mut tag = self.0.get(reference.kind().checked_sub(1)?)?.clone();
        let names = [reference.customer_account, reference.customer, reference.client];
        let mut parts: Vec<_> = std::iter::once(account).chain(names.into_iter().flatten()).collect();
        let last = parts.pop()?;
        for part in parts {
            tag.update(&(part.len() as u64).to_be_bytes());
            tag.update(part.as_bytes());
        }
        tag.update(last.as_bytes());
        let digest = tag.finalize().into_bytes();
        digest.first_chunk().copied().map(ReferenceTag)
    }
}

/// A key that is derived from a uniformly random one: HKDF-Expand of RFC 5869 for one block.
fn derived(key: &SecretKey, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let block = keyed(key.expose()).chain_update(purpose).chain_update([1]);
    Zeroizing::new(block.finalize().into_bytes().into())
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // A key that is shorter than the hash's block stands before zeros.
    let mut block = Zeroizing::new([0; BLOCK]);
    for (byte, of_key) in block.iter_mut().zip(key) {
        *byte = *of_key;
    }
    Hmac::new(&(*block).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn tagging() -> Tagging {
        Tagging::new(&SecretKey::from_bytes(&[7; 32]).expect("a key"))
    }

    /// HMAC-SHA-256 under HMAC-SHA-256(key, "bonafide.v1" 0 "reference" 1), by Python's `hmac`.
    #[test]
    fn a_tag_is_what_it_is_said_to_be() {
        let tag = tagging().tag("acct_1", Reference::client("order 12")).expect("a name");
        assert_eq!(tag.to_string(), "119a61730164f54f2a3b95f0ad516ca4");
        assert_eq!(tagging().tag("acct_1", Reference::default()), None);
    }

    #[test]
    fn each_kind_each_account_and_each_name_has_a_tag_of_its_own() {
        let all = |name| Reference {
            client: Some(name),
            customer: Some(name),
            customer_account: Some(name),
        };
        let parts = ["anna", "ann", "a"].map(|name| all(name).parts().collect::<Vec<_>>());
        let tags: BTreeSet<_> = ["acct_1", "acct_", "acct_1a"]
            .iter()
            .flat_map(|account| parts.iter().flatten().map(|part| (*account, *part)))
            .map(|(account, part)| tagging().tag(account, part).expect("a name").0)
            .collect();
        assert_eq!(tags.len(), 3 * 3 * 7);
        let split = |customer, client| {
            let both = Reference {
                customer: Some(customer),
                ..Reference::client(client)
            };
            tagging().tag("acct_1", both)
        };
        assert_ne!(split("anna", "1"), split("ann", "a1"));
    }

    #[test]
    fn a_part_has_only_what_is_there() {
        let given = Reference {
            customer_account: Some("x"),
            ..Reference::client("y")
        };
        let parts: Vec<_> = given.parts().map(|part| part.kind()).collect();
        assert_eq!(parts, [1, 4, 5]);
        assert_eq!(Reference::default().parts().count(), 0);
    }
}
