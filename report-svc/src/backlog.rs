//! What report-svc tells of the work that waits: jobs, and what has expired.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::join;
use opentelemetry::KeyValue;
use service_kit::metrics;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::storage::Depth;
use crate::store::Store;

/// How often the queue is asked: somewhat more often than it is asked about.
const INTERVAL: Duration = Duration::from_secs(5);

/// What expired longer ago than this should be gone: the sweeper looks every few seconds.
const OVERDUE: Duration = Duration::from_secs(60);

/// Looks at the queue over and over until `stop`, for whoever asks how much work there is. Nothing is told while the storage does not
/// answer: an old number would look like a queue that stands still. Every replica tells of the same queue.
pub(crate) async fn observe(store: Store, stop: CancellationToken) {
    let latest = Arc::default();
    register(&latest);
    let mut times = interval(INTERVAL);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(times.tick()).await.is_some() {
        let asked = join(store.depth(), store.overdue(SystemTime::now() - OVERDUE));
        let Some((depth, overdue)) = stop.run_until_cancelled(asked).await else {
            break;
        };
        *lock(&latest) = Backlog {
            depth: depth.ok(),
            overdue: overdue.ok(),
        };
    }
    *lock(&latest) = Backlog::default();
}

/// As it was last heard.
#[derive(Clone, Copy, Default)]
struct Backlog {
    depth: Option<Depth>,
    /// Sessions of which something should be gone.
    overdue: Option<u64>,
}

fn register(latest: &Arc<Mutex<Backlog>>) {
    let meter = metrics::meter();
    let backlog = Arc::clone(latest);
    meter
        .u64_observable_gauge("bonafide.queue.jobs")
        .with_description("Jobs: due, not due (leased or resting) and dead-lettered")
        .with_unit("{job}")
        .with_callback(move |observer| {
            if let Some(depth) = lock(&backlog).depth {
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
    let backlog = Arc::clone(latest);
    meter
        .f64_observable_gauge("bonafide.queue.longest_due")
        .with_description("For how long the job that is longest due has been")
        .with_unit("s")
        .with_callback(move |observer| {
            if let Some(depth) = lock(&backlog).depth {
                observer.observe(depth.longest_due.as_secs_f64(), &[]);
            }
        })
        .build();
    let backlog = Arc::clone(latest);
    meter
        .u64_observable_gauge("bonafide.sessions.overdue")
        .with_description(
            "Sessions of which something has expired, or that are being redacted, and that the sweeper has not come to",
        )
        .with_unit("{session}")
        .with_callback(move |observer| {
            if let Some(overdue) = lock(&backlog).overdue {
                observer.observe(overdue, &[]);
            }
        })
        .build();
}

fn lock(latest: &Mutex<Backlog>) -> std::sync::MutexGuard<'_, Backlog> {
    latest.lock().unwrap_or_else(PoisonError::into_inner)
}
