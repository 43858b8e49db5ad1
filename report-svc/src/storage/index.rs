//! What sessions and reports are found by.
//!
//! Every session stands in the list of its account and status, and in those of its references and status where it has any. A list is
//! ordered by the time-ordered bits of its sessions' ids, so that any page of it is as quick to read as the first. Whoever asks for
//! every status gets the four lists merged: a session stands in exactly one of them at any time, and its place in the order never
//! changes. So a page that goes on after a session misses none that was there all along, and has none twice. Reports stand in lists of
//! the same kinds, with their type for a status.

use std::fmt;
use std::ops::Range;

use proto::id::Kind;
use proto::identity::v1::VerificationType;

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
    /// The references that its account gave it.
    pub references: Vec<ReferenceTag>,
    /// Where it stands.
    pub status: Status,
}

/// What a report is found by, from its step on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportEntry {
    /// The account that it belongs to.
    pub account: String,
    /// What was verified.
    pub r#type: VerificationType,
    /// Those of its session by which reports are found.
    pub references: Vec<ReferenceTag>,
}

/// What a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Sessions in a status.
    Sessions(Status),
    /// Reports of a type.
    Reports(VerificationType),
}

/// A change of what a session is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reindex {
    /// As of the version that the step expects.
    pub from: IndexEntry,
    /// As of the step.
    pub to: IndexEntry,
}

/// Whose sessions or reports are listed.
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

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Sessions in a status; in any when there is none.
    Sessions(Option<Status>),
    /// Reports of a type; of any when there is none.
    Reports(Option<VerificationType>),
}

/// The types that reports have; one that a later version made may be of a type that is unknown here.
const TYPES: [VerificationType; 4] = [
    VerificationType::Unspecified,
    VerificationType::Document,
    VerificationType::IdNumber,
    VerificationType::VerificationFlow,
];

/// Which sessions or reports are listed.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// Whose.
    pub scope: Scope,
    /// Which of theirs.
    pub listed: Listed,
    /// The time-ordered bits that their ids may have.
    pub between: Range<u128>,
    /// Where to begin.
    pub order: Order,
    /// How many at the most.
    pub limit: usize,
}

impl Listed {
    /// The lists that are read.
    pub(super) fn lists(self) -> Vec<List> {
        match self {
            Self::Sessions(Some(status)) => vec![List::Sessions(status)],
            Self::Sessions(None) => Status::ALL.map(List::Sessions).to_vec(),
            Self::Reports(Some(r#type)) => vec![List::Reports(r#type)],
            Self::Reports(None) => TYPES.map(List::Reports).to_vec(),
        }
    }

    /// What the ids are of that are found.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Sessions(_) => Kind::VerificationSession,
            Self::Reports(_) => Kind::VerificationReport,
        }
    }
}
