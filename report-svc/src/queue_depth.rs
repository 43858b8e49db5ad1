//! What report-svc tells of its queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use service_kit::metrics;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::storage::Depth;
use crate::store::Store;

/// How often the queue is asked: somewhat more often than it is asked about.
const INTERVAL: Duration = Duration::from_secs(5);

/// Looks at the queue over and over until `stop`, for whoever asks how much work there is. Nothing is told while the storage does not
/// answer: an old number would look like a queue that stands still. Every replica tells of the same queue.
pub(crate) async fn observe(store: Store, stop: CancellationToken) {
    let latest = Arc::new(Mutex::new(None));
    register(&latest);
    let mut times = interval(INTERVAL);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(times.tick()).await.is_some() {
        let depth = stop.run_until_cancelled(store.depth()).await;
        *lock(&latest) = depth.and_then(Result::ok);
    }
    *lock(&latest) = None;
}

fn register(latest: &Arc<Mutex<Option<Depth>>>) {
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
