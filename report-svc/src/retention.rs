//! What is removed when its time has passed.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// How often events are looked for that are too old. Where there are none, a look is one read in each partition.
const LOOK_FOR_OLD: Duration = Duration::from_secs(60);

/// Drops events that are older than `retention`, at once and over and over, until `stop`.
pub(crate) async fn trim_events(store: Store, retention: Duration, stop: CancellationToken) {
    let mut times = interval(LOOK_FOR_OLD);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(times.tick()).await.is_some() {
        match store.trim_events(retention, &stop).await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "events dropped that are past their retention"),
            Err(error) => tracing::warn!(%error, "old events could not be dropped"),
        }
    }
}
