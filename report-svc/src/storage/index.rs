//! What sessions are found by.
//!
//! Every session stands in the list of its account and status, and in that of its reference and status where it has one. A list is
//! ordered by the time-ordered bits of its sessions' ids, so that any page of it is as quick to read as the first. Whoever asks for
//! every status gets the four lists merged: a session stands in exactly one of them at any time, and its place in the order never
//! changes. So a page that goes on after a session misses none that was there all along, and has none twice.

use std::fmt;
use std::ops::Range;

use crate::lifecycle::Status;

/// Stands for the sessions of one account that carry one reference, and tells neither: see [`crate::seal::Keyring::reference_tag`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReferenceTag(pub [u8; 16]);

impl fmt::Display for ReferenceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ReferenceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a session is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The account that it belongs to.
    pub account: String,
    /// The reference that its account gave it.
    pub reference: Option<ReferenceTag>,
    /// Where it stands.
    pub status: Status,
}

/// A change of what a session is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reindex {
    /// As of the version that the step expects.
    pub from: IndexEntry,
    /// As of the step.
    pub to: IndexEntry,
}

/// Whose sessions are listed.
#[derive(Clone, Debug)]
pub enum Scope {
    /// All of an account.
    Account(String),
    /// Those with one of these tags: one reference has a tag under every master key.
    References(Vec<ReferenceTag>),
}

/// From which end a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the latest session on.
    NewestFirst,
    /// From the earliest session on.
    OldestFirst,
}

/// Which sessions are listed.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// Whose.
    pub scope: Scope,
    /// In which status; in any when there is none.
    pub status: Option<Status>,
    /// The time-ordered bits that their ids may have.
    pub between: Range<u128>,
    /// Where to begin.
    pub order: Order,
    /// How many at the most.
    pub limit: usize,
}

impl ListQuery {
    /// The statuses whose lists are read.
    pub(super) fn statuses(&self) -> Vec<Status> {
        self.status.map_or_else(|| Status::ALL.to_vec(), |status| vec![status])
    }
}
