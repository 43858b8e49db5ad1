//! The row of a job.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message as _;

use crate::id::Id;
use crate::storage::{Job, JobState, Nonce, note_unreadable_job};

/// A session's job, in the queue or set aside. Moments are milliseconds since 1970.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct JobRow {
    /// Which submission of the session.
    #[prost(uint32, tag = "1")]
    pub(super) attempt: u32,
    /// How many times it was leased.
    #[prost(uint32, tag = "2")]
    pub(super) delivery: u32,
    /// How many of these deliveries were excused.
    #[prost(uint32, tag = "3")]
    pub(super) excused: u32,
    /// From when on it may be leased; when it was set aside.
    #[prost(uint64, tag = "4")]
    pub(super) moment: u64,
    /// Its lease; empty when nobody has it.
    #[prost(string, tag = "5")]
    pub(super) nonce: String,
    /// The lease before, which was handed back or led to its being set aside: who says so again is answered as before.
    #[prost(string, tag = "6")]
    pub(super) given_back: String,
    /// Who has it.
    #[prost(string, tag = "7")]
    pub(super) worker: String,
    /// The request that led to the lease.
    #[prost(string, tag = "8")]
    pub(super) request_id: String,
    /// Why it was set aside; empty while it is in the queue.
    #[prost(string, tag = "9")]
    pub(super) dead_letter: String,
}

impl JobRow {
    /// A new one, to be leased from a moment on.
    pub(super) fn new(attempt: u32, due: u64) -> Self {
        Self {
            attempt,
            moment: due,
            ..Self::default()
        }
    }

    /// Reads a row; `None` for what we did not write.
    pub(super) fn read(row: &[u8]) -> Option<Self> {
        Self::decode(row).ok()
    }

    /// The row to be written.
    pub(super) fn written(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    /// Whether it is held under this lease of this attempt.
    pub(super) fn is_held(&self, attempt: u32, nonce: Nonce) -> bool {
        self.attempt == attempt && self.nonce == nonce.to_string()
    }

    /// Whether this lease of this attempt gave it back, and nobody did since.
    pub(super) fn was_given_back(&self, attempt: u32, nonce: Nonce) -> bool {
        self.attempt == attempt && self.given_back == nonce.to_string()
    }

    /// Whether it was set aside.
    pub(super) fn is_dead_letter(&self) -> bool {
        !self.dead_letter.is_empty()
    }

    /// A row as operators see it; `None`, and a line in the log, for what we did not write.
    pub(super) fn shown(session: Id, row: &[u8]) -> Option<Job> {
        let job = Self::read(row).and_then(|row| row.job(session.clone()));
        if job.is_none() {
            note_unreadable_job(session.as_str());
        }
        job
    }

    fn job(self, session: Id) -> Option<Job> {
        let moment = time(self.moment);
        let state = if self.is_dead_letter() {
            JobState::DeadLettered {
                since: moment,
                reason: self.dead_letter.parse().ok()?,
            }
        } else if self.nonce.is_empty() {
            JobState::Waiting { due: moment }
        } else {
            JobState::Leased {
                nonce: self.nonce.parse().ok()?,
                worker: self.worker,
                until: moment,
            }
        };
        Some(Job {
            session,
            attempt: self.attempt,
            delivery: self.delivery,
            excused: self.excused,
            state,
        })
    }
}

fn time(moment: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(moment)
}
