//! What time does by itself: sessions that nobody came to, what was kept for long enough, redactions that were begun, old events.

use std::time::{Duration, SystemTime};

use proto::id::PARTITIONS;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::storage::{Nonce, StorageError};
use crate::store::{Rescheduling, Store};

/// How often what has expired is looked for. Where there is nothing, a look is two reads in each partition: of sessions, and of the oldest
/// event.
const LOOK: Duration = Duration::from_secs(5);

/// How long one replica sweeps alone after it said so last: when it dies, another one goes on after that.
const TERM: Duration = Duration::from_secs(30);

/// How often it says so while it sweeps.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// For how long sessions are gone through after each look.
const RESCHEDULES: Duration = Duration::from_secs(2);

/// How long after that they are gone through again.
const RESCHEDULE_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// The name under which replicas agree on who sweeps.
const ROLE: &str = "sweeper";

/// Sweeps over and over until `stop`, while this replica is the one that does. Events are dropped that are older than `event_retention`.
pub(crate) async fn sweep(store: Store, event_retention: Duration, stop: CancellationToken) {
    let mut sweeper = Sweeper {
        store,
        event_retention,
        stop,
        candidate: None,
        led: None,
        rescheduling: Rescheduling::default(),
        reschedules: Instant::now(),
    };
    let mut times = interval(LOOK);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while sweeper.stop.run_until_cancelled(times.tick()).await.is_some() {
        if let Err(error) = sweeper.sweep().await {
            tracing::warn!(%error, "what has expired could not be swept");
        }
    }
}

struct Sweeper {
    store: Store,
    event_retention: Duration,
    stop: CancellationToken,
    /// Who this replica is, once it could be made.
    candidate: Option<Nonce>,
    /// When it was told last that it leads.
    led: Option<Instant>,
    /// How far sessions were gone through.
    rescheduling: Rescheduling,
    /// When that goes on.
    reschedules: Instant,
}

impl Sweeper {
    async fn sweep(&mut self) -> Result<(), Error> {
        self.led = None;
        if !self.leads().await? {
            return Ok(());
        }
        let now = self.store.now().await?;
        let swept = self.sessions(now).await;
        // One that fails holds up no other.
        for failed in [self.trim_events(now).await, self.reschedule().await] {
            if let Err(error) = failed {
                tracing::warn!(%error, "old events, or sessions under another retention, were not gone through");
            }
        }
        swept
    }

    async fn trim_events(&self, now: SystemTime) -> Result<(), Error> {
        let Some(before) = now.checked_sub(self.event_retention) else {
            return Ok(());
        };
        let dropped = self.store.trim_events(before, &self.stop).await?;
        if dropped > 0 {
            tracing::info!(dropped, "events dropped that are past their retention");
        }
        Ok(())
    }

    /// Goes through sessions for a while, for a retention that is other than when they changed.
    async fn reschedule(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        while self.reschedules <= Instant::now() && began.elapsed() < RESCHEDULES && !self.stop.is_cancelled() {
            if !self.leads().await? {
                break;
            }
            if !self.store.reschedule(&mut self.rescheduling).await? {
                self.rescheduling = Rescheduling::default();
                self.reschedules = Instant::now() + RESCHEDULE_AGAIN;
            }
        }
        Ok(())
    }

    /// Partitions take turns: a backlog of one holds up no other. One that does not answer is left to the next sweep.
    async fn sessions(&mut self, now: SystemTime) -> Result<(), Error> {
        let mut partitions: Vec<u8> = (0..PARTITIONS).collect();
        let (mut done, mut failed) = (0, None);
        while !partitions.is_empty() {
            let mut left = Vec::new();
            for partition in partitions {
                if self.stop.is_cancelled() || !self.leads().await? {
                    return Ok(());
                }
                match self.store.sweep(partition, now).await {
                    Ok(swept) => {
                        done += swept.done;
                        left.extend(swept.more.then_some(partition));
                    }
                    Err(error) => failed = Some(error),
                }
            }
            partitions = left;
        }
        if done > 0 {
            tracing::info!(sessions = done, "swept: something of them had expired");
        }
        failed.map_or(Ok(()), Err)
    }

    async fn leads(&mut self) -> Result<bool, Error> {
        if self.led.is_some_and(|led| led.elapsed() < SAY_AGAIN) {
            return Ok(true);
        }
        let candidate = match self.candidate {
            Some(candidate) => candidate,
            None => *self.candidate.insert(Nonce::random().map_err(StorageError::from)?),
        };
        let asked = Instant::now();
        let leads = self.store.leads(ROLE, candidate, TERM).await?;
        self.led = leads.then_some(asked);
        Ok(leads)
    }
}
