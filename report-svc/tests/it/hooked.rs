//! A storage with something done at each of its steps. Those that change something can be sent twice.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use report_svc::id::Id;
use report_svc::storage::{
    Changes, Commit, Committed, Created, DeadLetterReason, Deliveries, Depth, Job, Lease, LeaseRequest, Leased,
    ListQuery, NewIdempotency, NewSession, Nonce, Storage, StorageError, StoredEvent, Versioned,
};

/// A method of [`Storage`] that reads or changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Create,
    Session,
    Sessions,
    List,
    Expired,
    MoveExpiry,
    Remember,
    Idempotency,
    Commit,
    Report,
    SessionOfFile,
    Attempt,
    Events,
    TrimEvents,
    Lease,
    Extend,
    Release,
    DeadLetter,
    Requeue,
    Discard,
    Job,
    DeadLetters,
}

/// How often a step reaches the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Once,
    /// Its first answer was lost.
    Twice,
}

/// What is done.
#[async_trait::async_trait]
pub(crate) trait Hook: fmt::Debug + Send + Sync + 'static {
    /// Before a step.
    async fn before(&self, step: Step) -> Sent;

    /// What the caller is told that a commit came to.
    fn answered(&self, outcome: Committed) -> Result<Committed, StorageError> {
        Ok(outcome)
    }
}

#[derive(Debug)]
pub(crate) struct Hooked<H> {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) hook: H,
}

#[async_trait::async_trait]
impl<H: Hook> Storage for Hooked<H> {
    async fn create(&self, new: NewSession) -> Result<Created, StorageError> {
        if self.hook.before(Step::Create).await == Sent::Twice {
            self.storage.create(new.clone()).await?;
        }
        self.storage.create(new).await
    }

    async fn session(&self, id: &Id) -> Result<Option<Versioned>, StorageError> {
        self.hook.before(Step::Session).await;
        self.storage.session(id).await
    }

    async fn sessions(&self, ids: &[Id]) -> Result<Vec<Option<Versioned>>, StorageError> {
        self.hook.before(Step::Sessions).await;
        self.storage.sessions(ids).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Vec<Id>, StorageError> {
        self.hook.before(Step::List).await;
        self.storage.list(query).await
    }

    async fn expired(&self, partition: u8, until: SystemTime, limit: usize) -> Result<Vec<Id>, StorageError> {
        self.hook.before(Step::Expired).await;
        self.storage.expired(partition, until, limit).await
    }

    async fn count_expired(&self, partition: u8, until: SystemTime) -> Result<u64, StorageError> {
        self.hook.before(Step::Expired).await;
        self.storage.count_expired(partition, until).await
    }

    async fn move_expiry(&self, session: &Id, version: u64, to: Option<SystemTime>) -> Result<bool, StorageError> {
        if self.hook.before(Step::MoveExpiry).await == Sent::Twice {
            self.storage.move_expiry(session, version, to).await?;
        }
        self.storage.move_expiry(session, version, to).await
    }

    async fn remember(&self, partition: u8, new: NewIdempotency) -> Result<Option<Vec<u8>>, StorageError> {
        if self.hook.before(Step::Remember).await == Sent::Twice {
            self.storage.remember(partition, new.clone()).await?;
        }
        self.storage.remember(partition, new).await
    }

    async fn idempotency(&self, partition: u8, key: &[u8; 32]) -> Result<Option<Vec<u8>>, StorageError> {
        self.hook.before(Step::Idempotency).await;
        self.storage.idempotency(partition, key).await
    }

    async fn now(&self) -> Result<SystemTime, StorageError> {
        self.storage.now().await
    }

    async fn elect(&self, role: &str, candidate: Nonce, term: Duration) -> Result<bool, StorageError> {
        self.storage.elect(role, candidate, term).await
    }

    async fn accounts(&self) -> Result<Vec<String>, StorageError> {
        self.storage.accounts().await
    }

    async fn commit(&self, step: Commit) -> Result<Committed, StorageError> {
        if self.hook.before(Step::Commit).await == Sent::Twice {
            self.storage.commit(step.clone()).await?;
        }
        self.hook.answered(self.storage.commit(step).await?)
    }

    async fn report(&self, id: &Id) -> Result<Option<Vec<u8>>, StorageError> {
        self.hook.before(Step::Report).await;
        self.storage.report(id).await
    }

    async fn session_of_file(&self, file: &Id) -> Result<Option<Id>, StorageError> {
        self.hook.before(Step::SessionOfFile).await;
        self.storage.session_of_file(file).await
    }

    async fn attempt(&self, session: &Id, attempt: u32) -> Result<Option<Vec<u8>>, StorageError> {
        self.hook.before(Step::Attempt).await;
        self.storage.attempt(session, attempt).await
    }

    async fn events(&self, partition: u8, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StorageError> {
        self.hook.before(Step::Events).await;
        self.storage.events(partition, after, limit).await
    }

    async fn trim_events(&self, partition: u8, before: SystemTime, limit: usize) -> Result<usize, StorageError> {
        if self.hook.before(Step::TrimEvents).await == Sent::Twice {
            self.storage.trim_events(partition, before, limit).await?;
        }
        self.storage.trim_events(partition, before, limit).await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Option<Leased>, StorageError> {
        if self.hook.before(Step::Lease).await == Sent::Twice {
            self.storage.lease(request).await?;
        }
        self.storage.lease(request).await
    }

    async fn extend(&self, held: &Lease, time: Duration) -> Result<bool, StorageError> {
        if self.hook.before(Step::Extend).await == Sent::Twice {
            self.storage.extend(held, time).await?;
        }
        self.storage.extend(held, time).await
    }

    async fn release(&self, held: &Lease, delay: Duration, excused: bool) -> Result<bool, StorageError> {
        if self.hook.before(Step::Release).await == Sent::Twice {
            self.storage.release(held, delay, excused).await?;
        }
        self.storage.release(held, delay, excused).await
    }

    async fn dead_letter(&self, held: &Lease, reason: &DeadLetterReason) -> Result<bool, StorageError> {
        if self.hook.before(Step::DeadLetter).await == Sent::Twice {
            self.storage.dead_letter(held, reason).await?;
        }
        self.storage.dead_letter(held, reason).await
    }

    async fn requeue(&self, session: &Id, attempt: u32, deliveries: Deliveries) -> Result<bool, StorageError> {
        if self.hook.before(Step::Requeue).await == Sent::Twice {
            self.storage.requeue(session, attempt, deliveries).await?;
        }
        self.storage.requeue(session, attempt, deliveries).await
    }

    async fn discard(&self, session: &Id, attempt: u32) -> Result<bool, StorageError> {
        if self.hook.before(Step::Discard).await == Sent::Twice {
            self.storage.discard(session, attempt).await?;
        }
        self.storage.discard(session, attempt).await
    }

    async fn job(&self, session: &Id) -> Result<Option<Job>, StorageError> {
        self.hook.before(Step::Job).await;
        self.storage.job(session).await
    }

    async fn dead_letters(&self, partition: u8, after: Option<&Id>, limit: usize) -> Result<Vec<Job>, StorageError> {
        self.hook.before(Step::DeadLetters).await;
        self.storage.dead_letters(partition, after, limit).await
    }

    async fn depth(&self) -> Result<Depth, StorageError> {
        self.storage.depth().await
    }

    fn changes(&self) -> &Changes {
        self.storage.changes()
    }

    async fn healthy(&self) -> bool {
        self.storage.healthy().await
    }
}
