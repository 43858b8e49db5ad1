//! What report-svc tells of the jobs and verifications that end in it. How long and how often: never whose.

use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use prost_types::Timestamp;
use proto::identity::v1::{VerificationErrorCode, VerificationSession, VerificationSessionStatus};
use service_kit::metrics;

use crate::storage::DeadLetterReason;

/// What a store records.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    verifications: Histogram<f64>,
    deliveries: Counter<u64>,
    given_up: Counter<u64>,
    dead_lettered: Counter<u64>,
    sweep_failures: Counter<u64>,
}

impl Instruments {
    pub(crate) fn new() -> Self {
        let meter = metrics::meter();
        let jobs = |name, description| {
            let counter = meter.u64_counter(name).with_description(description);
            counter.with_unit("{job}").build()
        };
        let new = Self {
            verifications: metrics::long_durations("bonafide.verification.duration", "From a submission to its report"),
            deliveries: jobs(
                "bonafide.job.deliveries",
                "Jobs leased to workers, the first time or again",
            ),
            given_up: jobs(
                "bonafide.job.given_up",
                "Jobs that ended since they were tried too often",
            ),
            dead_lettered: jobs(
                "bonafide.job.dead_lettered",
                "Jobs set aside, since nobody can read their session",
            ),
            sweep_failures: meter
                .u64_counter("bonafide.sweep.failures")
                .with_description(
                    "Sessions of which something should be gone that could not be taken away, at each try",
                )
                .with_unit("{session}")
                .build(),
        };
        // From nothing on, so that the first of a kind is an increase.
        new.given_up.add(0, &[]);
        new.sweep_failures.add(0, &[]);
        for first in [1, 2] {
            new.deliveries.add(0, &[delivery(first)]);
        }
        for reason in REASONS {
            new.dead_lettered.add(0, &[KeyValue::new("reason", reason)]);
        }
        new
    }

    /// An attempt has ended that was `submitted` then. In test mode it took as long as somebody chose, which tells nothing of us.
    pub(crate) fn verified(&self, submitted: Option<Timestamp>, session: &VerificationSession) {
        if !session.livemode {
            return;
        }
        let submitted = submitted.and_then(|submitted| SystemTime::try_from(submitted).ok());
        let Some(submitted) = submitted else { return };
        let took = SystemTime::now().duration_since(submitted).unwrap_or_default();
        let verified = session.status() == VerificationSessionStatus::Verified;
        let mut attributes = vec![KeyValue::new(
            "outcome",
            if verified { "verified" } else { "requires_input" },
        )];
        if let (false, Some(error)) = (verified, &session.last_error) {
            attributes.push(KeyValue::new("error.code", code(error.code())));
        }
        self.verifications.record(took.as_secs_f64(), &attributes);
    }

    /// A worker has a job, for the so-manieth time.
    pub(crate) fn delivered(&self, number: u32) {
        self.deliveries.add(1, &[delivery(number)]);
    }

    /// What has expired of so many sessions could not be taken away.
    pub(crate) fn not_swept(&self, sessions: usize) {
        self.sweep_failures.add(sessions as u64, &[]);
    }

    /// A job was tried too often.
    pub(crate) fn gave_up(&self) {
        self.given_up.add(1, &[]);
    }

    /// A job was set aside.
    pub(crate) fn set_aside(&self, reason: &DeadLetterReason) {
        let [key_missing, unreadable, missing] = REASONS;
        let reason = match reason {
            DeadLetterReason::MasterKeyMissing(_) => key_missing,
            DeadLetterReason::SessionUnreadable => unreadable,
            DeadLetterReason::SessionMissing => missing,
        };
        self.dead_lettered.add(1, &[KeyValue::new("reason", reason)]);
    }
}

const REASONS: [&str; 3] = ["master_key_missing", "session_unreadable", "session_missing"];

fn delivery(number: u32) -> KeyValue {
    KeyValue::new("delivery", if number <= 1 { "first" } else { "repeated" })
}

/// A code as the identity API writes it: `document_expired`.
fn code(code: VerificationErrorCode) -> String {
    let name = code.as_str_name();
    name.strip_prefix("VERIFICATION_ERROR_CODE_")
        .unwrap_or(name)
        .to_ascii_lowercase()
}
