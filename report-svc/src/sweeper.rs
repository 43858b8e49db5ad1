//! What time does by itself: sessions that nobody came to, what was kept for long enough, redactions that were begun, old events.

use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::storage::{Nonce, StorageError};
use crate::store::Store;

/// How often what has expired is looked for. Where there is nothing, a look is one read in each partition.
const LOOK: Duration = Duration::from_secs(5);

/// How long one replica sweeps alone after it said so last: when it dies, another one goes on after that.
const TERM: Duration = Duration::from_secs(30);

/// The name under which replicas agree on who sweeps.
const ROLE: &str = "sweeper";

/// Sweeps over and over until `stop`, while this replica is the one that does. Events are dropped that are older than `event_retention`.
pub(crate) async fn sweep(store: Store, event_retention: Duration, stop: CancellationToken) {
    let mut times = interval(LOOK);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut candidate = None;
    while stop.run_until_cancelled(times.tick()).await.is_some() {
        if let Err(error) = sweep_once(&store, &mut candidate, event_retention, &stop).await {
            tracing::warn!(%error, "what has expired could not be swept");
        }
    }
}

async fn sweep_once(
    store: &Store,
    candidate: &mut Option<Nonce>,
    event_retention: Duration,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let candidate = match candidate {
        Some(candidate) => *candidate,
        None => *candidate.insert(Nonce::random().map_err(StorageError::from)?),
    };
    if !store.leads(ROLE, candidate, TERM).await? {
        return Ok(());
    }
    let now = SystemTime::now();
    let swept = store.sweep(now, stop).await?;
    if swept > 0 {
        tracing::info!(swept, "sessions swept of which something had expired");
    }
    let dropped = store.trim_events(now - event_retention, stop).await?;
    if dropped > 0 {
        tracing::info!(dropped, "events dropped that are past their retention");
    }
    Ok(())
}
