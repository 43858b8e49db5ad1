//! What report-svc tells of its queue and of the verifications that end in it. How long and how often: never whose.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use proto::identity::v1::{VerificationErrorCode, VerificationSessionStatus};
use service_kit::metrics;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::storage::{DeadLetterReason, Depth};
use crate::store::{Session, Store};

/// How often the queue is looked at: somewhat more often than it is asked about.
const LOOK: Duration = Duration::from_secs(5);

/// What a store records.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    verifications: Histogram<f64>,
    deliveries: Counter<u64>,
    given_up: Counter<u64>,
    dead_lettered: Counter<u64>,
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
        };
        // From nothing on, so that the first of a kind is an increase.
        new.given_up.add(0, &[]);
        for first in [1, 2] {
            new.deliveries.add(0, &[delivery(first)]);
        }
        for reason in REASONS {
            new.dead_lettered.add(0, &[KeyValue::new("reason", reason)]);
        }
        new
    }

    /// An attempt has ended.
    pub(crate) fn verified(&self, session: &Session) {
        let submitted = session
            .submitted
            .and_then(|submitted| SystemTime::try_from(submitted).ok());
        let Some(submitted) = submitted else { return };
        let took = SystemTime::now().duration_since(submitted).unwrap_or_default();
        let verified = session.public.status() == VerificationSessionStatus::Verified;
        let mut attributes = vec![KeyValue::new(
            "outcome",
            if verified { "verified" } else { "requires_input" },
        )];
        if let (false, Some(error)) = (verified, &session.public.last_error) {
            attributes.push(KeyValue::new("error.code", code(error.code())));
        }
        self.verifications.record(took.as_secs_f64(), &attributes);
    }

    /// A worker has a job, for the so-manieth time.
    pub(crate) fn delivered(&self, number: u32) {
        self.deliveries.add(1, &[delivery(number)]);
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

/// Looks at the queue over and over until `stop`, for whoever asks how much work there is. Nothing is told while the storage does not
/// answer: an old number would look like a queue that stands still. Every replica tells of the same queue.
pub(crate) async fn observe_queue(store: Store, stop: CancellationToken) {
    let latest = Arc::new(Mutex::new(None));
    observe(&latest);
    let mut times = interval(LOOK);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(times.tick()).await.is_some() {
        let depth = stop.run_until_cancelled(store.depth()).await;
        *lock(&latest) = depth.and_then(Result::ok);
    }
    *lock(&latest) = None;
}

fn observe(latest: &Arc<Mutex<Option<Depth>>>) {
    let meter = metrics::meter();
    let depth = Arc::clone(latest);
    meter
        .u64_observable_gauge("bonafide.queue.jobs")
        .with_description("Jobs: due, not due (leased or resting) and dead-lettered")
        .with_unit("{job}")
        .with_callback(move |observer| {
            if let Some(depth) = *lock(&depth) {
                let states = [
                    ("due", depth.due),
                    ("not_due", depth.later),
                    ("dead_lettered", depth.dead_letters),
                ];
                for (state, jobs) in states {
                    observer.observe(jobs, &[KeyValue::new("state", state)]);
                }
            }
        })
        .build();
    let depth = Arc::clone(latest);
    meter
        .f64_observable_gauge("bonafide.queue.longest_due")
        .with_description("For how long the job that is longest due has been")
        .with_unit("s")
        .with_callback(move |observer| {
            if let Some(depth) = *lock(&depth) {
                observer.observe(depth.longest_due.as_secs_f64(), &[]);
            }
        })
        .build();
}

fn lock(latest: &Mutex<Option<Depth>>) -> std::sync::MutexGuard<'_, Option<Depth>> {
    latest.lock().unwrap_or_else(PoisonError::into_inner)
}
