//! Identifiers that are known to be well-formed, with the partition they carry.

use std::fmt;

use proto::id::{Kind, PARTITIONS};

/// A well-formed identifier of a known kind.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id {
    text: String,
    partition: u8,
}

impl Id {
    /// A new identifier in `partition`; identifiers of one process sort by the time they were made.
    pub fn new(kind: Kind, partition: u8) -> Self {
        let partition = partition % PARTITIONS;
        Self {
            text: proto::id::format(kind, partition, uuid::Uuid::now_v7().as_u128()),
            partition,
        }
    }

    /// Reads an identifier of this kind; `None` for anything else.
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        let partition = proto::id::partition(kind, text)?;
        Some(Self {
            text: text.to_owned(),
            partition,
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
