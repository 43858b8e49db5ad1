//! Leasing one job for each request.
//!
//! A job may lie in any partition, and a request has a key in one: the two cannot change in one step. So a call first claims a partition
//! and a nonce under the request's key (`claim.lua`), then leases there under that nonce (`lease.lua`). What the nonce came to is
//! decided once, in the partition, in the step that leases the job or finds none. A call that finds a claim of its request asks there
//! first (`resume.lua`): it gets the lease that there is; or decides that there will be none, before it claims for itself. Whoever dies
//! between any two steps leaves either nothing or a lease that the request sent again finds.

use std::time::Duration;

use futures_util::future::join_all;
use proto::id::{Kind, PARTITIONS};
use redis::{AsyncCommands as _, RedisError, RedisResult};

use super::{Redis, keys, unless_foreign};
use crate::id::Id;
use crate::storage::{LONGEST_LEASE, Lease, LeaseRequest, Leased, Nonce, StorageError, millis, note_foreign_entry};

/// A request for a lease is remembered for so long beyond the lease: longer than any call takes.
const REQUEST_MARGIN: Duration = Duration::from_secs(60);

/// A job as scripts answer it: its entry, attempt, delivery, and how many were excused.
type LeasedEntry = (String, u32, u32, u32);

/// Where a call looks for a job.
#[derive(Clone, Copy)]
struct Claim {
    partition: u8,
    nonce: Nonce,
}

/// What a claim came to.
enum Outcome {
    Leased(Leased),
    /// Nothing was due.
    Nothing,
    /// Another call of the request was faster: the answer is its own.
    Overtaken,
}

impl Redis {
    pub(super) async fn lease_job(&self, request: &LeaseRequest) -> Result<Option<Leased>, StorageError> {
        let key = keys::lease_request(&request.request_id);
        let mut latest: Option<String> = self.connection.clone().get(&key).await?;
        if let Some(leased) = self.resume(latest.as_deref(), request).await? {
            return Ok(Some(leased));
        }
        for partition in self.partitions_with_work().await? {
            let nonce = Nonce::random()?;
            let claim = Claim { partition, nonce };
            while let Some(other) = self.claim(&key, latest.as_deref(), claim, request).await? {
                if let Some(leased) = self.resume(Some(&other), request).await? {
                    return Ok(Some(leased));
                }
                latest = Some(other);
            }
            match self.lease_under(claim, request).await? {
                Outcome::Leased(leased) => return Ok(Some(leased)),
                Outcome::Nothing => latest = Some(claim.to_string()),
                Outcome::Overtaken => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The partitions that have a job to lease, the one whose job is longest due first. Asked all at once, and nothing is written:
    /// most calls find nothing.
    async fn partitions_with_work(&self) -> Result<Vec<u8>, RedisError> {
        let asked = (0..PARTITIONS).map(async |partition| {
            let mut due = self.scripts.due.key(keys::due(partition));
            let since = due.arg(self.now()).invoke_async(&mut self.connection.clone()).await;
            let since: Option<u64> = unless_foreign(partition, since)?.flatten();
            Ok::<_, RedisError>(since.map(|since| (since, partition)))
        });
        let (mut waiting, mut failed) = (Vec::new(), None);
        for answer in join_all(asked).await {
            match answer {
                Ok(since) => waiting.extend(since),
                Err(error) => failed = Some(error),
            }
        }
        // The jobs of a Cluster's other nodes do not wait for one that is away.
        if let (true, Some(error)) = (waiting.is_empty(), failed) {
            return Err(error);
        }
        waiting.sort_unstable();
        Ok(waiting.into_iter().map(|(_, partition)| partition).collect())
    }

    /// Makes a claim instead of the latest one of its request; or answers another that was made meanwhile.
    async fn claim(
        &self,
        key: &str,
        latest: Option<&str>,
        claim: Claim,
        request: &LeaseRequest,
    ) -> Result<Option<String>, RedisError> {
        self.scripts
            .claim
            .key(key)
            .arg(latest.unwrap_or(""))
            .arg(claim.to_string())
            .arg(remembered(request))
            .invoke_async(&mut self.connection.clone())
            .await
    }

    /// Leases a job under a claim.
    async fn lease_under(&self, claim: Claim, request: &LeaseRequest) -> Result<Outcome, StorageError> {
        let Claim { partition, nonce } = claim;
        let answer: RedisResult<Option<(Vec<String>, Option<LeasedEntry>)>> = self
            .scripts
            .lease
            .key(keys::due(partition))
            .key(keys::jobs(partition))
            .key(keys::lease(partition, nonce))
            .arg(nonce.to_string())
            .arg(&request.worker)
            .arg(millis(request.time.min(LONGEST_LEASE)))
            .arg(self.now())
            .arg(remembered(request))
            .invoke_async(&mut self.connection.clone())
            .await;
        let Some(answer) = unless_foreign(partition, answer)? else {
            return Ok(Outcome::Nothing);
        };
        let Some((foreign, entry)) = answer else {
            return Ok(Outcome::Overtaken);
        };
        foreign.iter().for_each(|entry| note_foreign_entry(entry));
        let Some(entry) = entry else {
            return Ok(Outcome::Nothing);
        };
        if let Some(leased) = leased(&entry, nonce) {
            return Ok(Outcome::Leased(leased));
        }
        note_foreign_entry(&entry.0);
        self.connection
            .clone()
            .zrem::<_, _, ()>(keys::due(partition), entry.0)
            .await?;
        Ok(Outcome::Nothing)
    }

    /// The lease that a claim came to, if it is still held: anew for all of its time. Afterwards it comes to nothing any more.
    async fn resume(&self, claim: Option<&str>, request: &LeaseRequest) -> Result<Option<Leased>, StorageError> {
        let Some(Claim { partition, nonce }) = claim.and_then(Claim::parse) else {
            return Ok(None);
        };
        let answer: RedisResult<Option<LeasedEntry>> = self
            .scripts
            .resume
            .key(keys::due(partition))
            .key(keys::jobs(partition))
            .key(keys::lease(partition, nonce))
            .arg(nonce.to_string())
            .arg(millis(request.time.min(LONGEST_LEASE)))
            .arg(self.now())
            .arg(remembered(request))
            .invoke_async(&mut self.connection.clone())
            .await;
        let entry = unless_foreign(partition, answer)?.flatten();
        Ok(entry.and_then(|entry| leased(&entry, nonce)))
    }
}

fn remembered(request: &LeaseRequest) -> u64 {
    millis(request.time.min(LONGEST_LEASE) + REQUEST_MARGIN)
}

/// A lease of a session's job; `None` for an entry that we did not write.
fn leased((entry, attempt, delivery, excused): &LeasedEntry, nonce: Nonce) -> Option<Leased> {
    let lease = Lease {
        session: Id::parse(Kind::VerificationSession, entry)?,
        attempt: *attempt,
        nonce,
    };
    Some(Leased {
        lease,
        delivery: *delivery,
        excused: *excused,
    })
}

impl Claim {
    fn parse(text: &str) -> Option<Self> {
        let (partition, nonce) = text.split_once('/')?;
        let partition = partition.parse().ok().filter(|partition| *partition < PARTITIONS)?;
        let nonce = nonce.parse().ok()?;
        Some(Self { partition, nonce })
    }
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.partition, self.nonce)
    }
}
