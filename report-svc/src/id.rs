//! Identifiers that are known to be well-formed, with the partition and the time that they carry.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::id::{Kind, PARTITIONS};

/// A well-formed identifier of a known kind.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id {
    text: String,
    partition: u8,
    unique: u128,
}

/// Bits below the milliseconds of a UUID version 7.
const BELOW_MILLIS: u32 = 80;

/// The least that the time-ordered bits can be of an identifier that was made at this millisecond since 1970. Times that no identifier
/// can carry come after all of them.
pub fn first_at(millis: u64) -> u128 {
    u128::from(millis).saturating_mul(1 << BELOW_MILLIS)
}

impl Id {
    /// A new identifier in `partition`; identifiers of one process sort by the time they were made.
    pub fn new(kind: Kind, partition: u8) -> Self {
        Self::at(kind, partition, uuid::Uuid::now_v7().as_u128())
    }

    /// The identifier of this partition with these time-ordered bits.
    pub fn at(kind: Kind, partition: u8, unique: u128) -> Self {
        let partition = partition % PARTITIONS;
        Self {
            text: proto::id::format(kind, partition, unique),
            partition,
            unique,
        }
    }

    /// Reads an identifier of this kind; `None` for anything else.
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        let (partition, unique) = proto::id::parse(kind, text)?;
        Some(Self {
            text: text.to_owned(),
            partition,
            unique,
        })
    }

    /// The identifier as users see it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The storage partition, below [`PARTITIONS`].
    pub fn partition(&self) -> u8 {
        self.partition
    }

    /// The time-ordered bits: identifiers of one kind are ordered by them, across partitions. No two have the same.
    pub fn unique(&self) -> u128 {
        self.unique
    }

    /// When it was made, to the millisecond.
    pub fn made(&self) -> SystemTime {
        let millis = u64::try_from(self.unique >> BELOW_MILLIS).unwrap_or(u64::MAX);
        UNIX_EPOCH + Duration::from_millis(millis)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_when_it_was_made() {
        let before = SystemTime::now();
        let [one, other] = [0, 1].map(|partition| Id::new(Kind::Event, partition));
        let after = SystemTime::now();
        let millisecond = Duration::from_millis(1);
        assert!(before <= one.made() + millisecond && other.made() <= after);
        assert!(one.unique() < other.unique(), "whatever the partition");
        let millis = one.made().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
        assert!((first_at(millis)..first_at(millis + 1)).contains(&one.unique()));
    }
}
