//! What operators see of the queue.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use proto::id::Kind;

use super::Nonce;
use crate::id::Id;

/// The job of a session that is being processed: each has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its session.
    pub session: Id,
    /// Which submission of the session.
    pub attempt: u32,
    /// How many times it was leased.
    pub delivery: u32,
    /// How many of these deliveries were excused.
    pub excused: u32,
    /// Where it is.
    pub state: JobState,
}

/// Where a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Waits for a worker.
    Waiting {
        /// From when on it may be leased.
        due: SystemTime,
    },
    /// With a worker.
    Leased {
        /// Which lease.
        nonce: Nonce,
        /// The worker's name.
        worker: String,
        /// When another worker may get it.
        until: SystemTime,
    },
    /// Set aside: no worker gets it before it is queued again.
    DeadLettered {
        /// When it was set aside.
        since: SystemTime,
        /// Why.
        reason: DeadLetterReason,
    },
}

/// Why no worker can do a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeadLetterReason {
    /// The session is sealed under a master key that the replica does not hold; the key's id.
    MasterKeyMissing(String),
    /// The session's record is damaged, or was not written by us.
    SessionUnreadable,
    /// There is no such session.
    SessionMissing,
}

const MASTER_KEY_MISSING: &str = "master_key_missing";
const SESSION_UNREADABLE: &str = "session_unreadable";
const SESSION_MISSING: &str = "session_missing";

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MasterKeyMissing(key) => write!(f, "{MASTER_KEY_MISSING}:{key}"),
            Self::SessionUnreadable => f.write_str(SESSION_UNREADABLE),
            Self::SessionMissing => f.write_str(SESSION_MISSING),
        }
    }
}

/// A text that is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAReason;

impl FromStr for DeadLetterReason {
    type Err = NotAReason;

    fn from_str(text: &str) -> Result<Self, NotAReason> {
        match text.split_once(':') {
            Some((MASTER_KEY_MISSING, key)) => Ok(Self::MasterKeyMissing(key.to_owned())),
            None if text == SESSION_UNREADABLE => Ok(Self::SessionUnreadable),
            None if text == SESSION_MISSING => Ok(Self::SessionMissing),
            _ => Err(NotAReason),
        }
    }
}

/// Says that an entry of the queue has no job that can be read, and was taken out. Its session, if it has one, lost its job.
pub(super) fn note_foreign_entry(entry: &str) {
    match Id::parse(Kind::VerificationSession, entry) {
        Some(session) => tracing::error!(%session, "the session's job cannot be read: it was taken out of the queue"),
        None => tracing::error!("an entry of the queue is of no session: it was taken out"),
    }
}

/// Says that a session's job cannot be read.
pub(super) fn note_unreadable_job(session: &str) {
    match Id::parse(Kind::VerificationSession, session) {
        Some(session) => tracing::error!(%session, "the session's job cannot be read"),
        None => tracing::error!("a job is of no session"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_survives_its_text_form() {
        for reason in [
            DeadLetterReason::MasterKeyMissing("2024:a".to_owned()),
            DeadLetterReason::SessionUnreadable,
            DeadLetterReason::SessionMissing,
        ] {
            assert_eq!(reason.to_string().parse(), Ok(reason));
        }
        for text in ["", "master_key_missing", "session_missing:x"] {
            assert_eq!(text.parse::<DeadLetterReason>(), Err(NotAReason), "{text}");
        }
    }
}
