//! A store over each storage, with replicas that are disturbed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

use futures_util::future::pending;
use report_svc::evidence::Evidence;
use report_svc::limits::Limits;
use report_svc::seal::Keyring;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::Redis;
use report_svc::storage::{Committed, Storage, StorageError};
use report_svc::store::Store;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::hooked::{Hook, Hooked, Sent, Step};
use crate::redis_server::RedisServer;

/// A store, what is under it, and the keys and files that it has.
pub(crate) struct Ground {
    pub(crate) storage: Arc<dyn Storage>,
    /// As an operator writes it.
    pub(crate) list: Zeroizing<String>,
    pub(crate) keys: Keyring,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Ground {
    pub(crate) fn new(storage: Arc<dyn Storage>) -> Self {
        let list = Keyring::generate("k1").expect("random numbers");
        let keys = Keyring::parse(&list).expect("just made");
        let folder = tempfile::tempdir().expect("a folder");
        let store = store_over(Arc::clone(&storage), folder.path(), &keys);
        Self {
            storage,
            list,
            keys,
            folder,
            store,
        }
    }

    /// Another replica, whose steps at the storage pass `hook`.
    pub(crate) fn replica(&self, hook: impl Hook) -> Store {
        let storage = Hooked {
            storage: Arc::clone(&self.storage),
            hook,
        };
        store_over(Arc::new(storage), self.folder.path(), &self.keys)
    }

    /// A replica that dies at a step, and whoever is told of it.
    pub(crate) fn dying(&self, steps: usize) -> (Store, Arc<Notify>) {
        let died = Arc::new(Notify::new());
        let hook = DiesAt {
            steps: AtomicUsize::new(steps),
            died: Arc::clone(&died),
        };
        (self.replica(hook), died)
    }

    /// A replica that is told of something else at its first commit, though that happened.
    pub(crate) fn losing(&self, told: Lost) -> Store {
        let lost = AtomicBool::new(false);
        self.replica(LosesAnAnswer { told, lost })
    }

    /// Files of pictures.
    pub(crate) fn files(&self) -> usize {
        let folders = std::fs::read_dir(self.folder.path()).expect("a folder");
        let folders = folders
            .map(|folder| folder.expect("an entry").path())
            .filter(|path| path.is_dir());
        folders
            .map(|folder| std::fs::read_dir(folder).expect("a folder").count())
            .sum()
    }
}

pub(crate) fn store_over(storage: Arc<dyn Storage>, folder: &Path, keys: &Keyring) -> Store {
    let evidence = Evidence::in_folder(folder).expect("a store");
    Store::new(storage, evidence, keys.clone(), Limits::default())
}

pub(crate) async fn on_each(test: impl AsyncFn(Ground)) {
    let embedded = Embedded::in_memory(Arc::new(SystemTime::now)).expect("opens");
    test(Ground::new(Arc::new(embedded))).await;
    if let Some(server) = RedisServer::start().await {
        let redis = Redis::connect(&server.address).await.expect("connects");
        test(Ground::new(Arc::new(redis))).await;
    }
}

/// Dies at a step: it and all after it never happen.
#[derive(Debug)]
struct DiesAt {
    steps: AtomicUsize,
    died: Arc<Notify>,
}

#[async_trait::async_trait]
impl Hook for DiesAt {
    async fn before(&self, _: Step) -> Sent {
        if self.steps.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.died.notify_one();
            pending::<()>().await;
        }
        Sent::Once
    }
}

/// What is told of the first commit, which happened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lost {
    Conflict,
    Error,
}

#[derive(Debug)]
struct LosesAnAnswer {
    told: Lost,
    lost: AtomicBool,
}

#[async_trait::async_trait]
impl Hook for LosesAnAnswer {
    async fn before(&self, _: Step) -> Sent {
        Sent::Once
    }

    fn answered(&self, outcome: Committed) -> Result<Committed, StorageError> {
        match (self.lost.swap(true, Ordering::SeqCst), self.told) {
            (true, _) => Ok(outcome),
            (false, Lost::Conflict) => Ok(Committed::Conflict),
            (false, Lost::Error) => Err(StorageError::Closed),
        }
    }
}
