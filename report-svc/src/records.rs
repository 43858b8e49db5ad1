//! Sealed protobuf records.

use prost::Message;

use crate::error::Error;
use crate::seal::{Keyring, Kind};

/// Encodes and seals, opens and decodes.
#[derive(Clone, Debug)]
pub struct Records(Keyring);

impl Records {
    /// Seals under the current key of the ring.
    pub fn new(keyring: Keyring) -> Self {
        Self(keyring)
    }

    /// Seals a record of this kind and id.
    pub fn seal(&self, kind: Kind, id: &str, record: &impl Message) -> Result<Vec<u8>, Error> {
        let plain = zeroize::Zeroizing::new(record.encode_to_vec());
        Ok(self.0.seal(kind, id, &plain)?)
    }

    /// The master keys.
    pub fn keyring(&self) -> &Keyring {
        &self.0
    }

    /// Whether records can be opened that are sealed under this master key.
    pub fn opens(&self, key: &str) -> bool {
        self.0.holds(key)
    }

    /// Opens a record of this kind and id.
    pub fn open<M: Message + Default>(&self, kind: Kind, id: &str, sealed: &[u8]) -> Result<M, Error> {
        let plain = self.0.open(kind, id, sealed)?;
        Ok(M::decode(plain.as_slice())?)
    }
}
