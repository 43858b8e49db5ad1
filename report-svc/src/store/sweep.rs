//! What time takes away.

use std::time::{Duration, SystemTime};

use proto::id::PARTITIONS;
use tokio_util::sync::CancellationToken;

use super::Store;
use crate::error::Error;
use crate::id::Id;

/// Events dropped at once: a storage is not held up for longer than that takes.
const BATCH: usize = 200;

impl Store {
    /// Drops the events that are older than `retention`, or those that it comes to until `stop`; how many.
    pub async fn trim_events(&self, retention: Duration, stop: &CancellationToken) -> Result<usize, Error> {
        let before = SystemTime::now()
            .checked_sub(retention)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let mut dropped = 0;
        for partition in 0..PARTITIONS {
            while !stop.is_cancelled() {
                let batch = self.storage.trim_events(partition, before, BATCH).await?;
                dropped += batch;
                if batch < BATCH {
                    break;
                }
            }
        }
        Ok(dropped)
    }

    /// A partition's sessions that waited for a person in vain until now, those first that did so longest; `limit` at the most.
    /// Nothing sweeps them yet.
    pub async fn expired(&self, partition: u8, limit: usize) -> Result<Vec<Id>, Error> {
        Ok(self.storage.expired(partition, SystemTime::now(), limit).await?)
    }
}
