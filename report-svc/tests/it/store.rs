//! The store itself: what events tell, and what it does about a storage that loses answers or holds what cannot be read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::id::Kind;
use proto::identity::v1::{CreateVerificationSessionRequest, ImagePurpose, VerificationSessionStatus as Status};
use proto::store::v1::LeaseJobRequest;
use proto::store::v1::store_service_server::StoreService as _;
use report_svc::assemble::Findings;
use report_svc::error::Error;
use report_svc::evidence::Evidence;
use report_svc::id::Id;
use report_svc::seal::Keyring;
use report_svc::service::StoreApi;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::{
    Changes, Commit, Committed, Created, DeadLetter, JobStep, Lease, NewSession, SealedEvent, Storage, StorageError,
    StoredEvent, Versioned,
};
use report_svc::store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request};

use crate::deployment::{ACCOUNT, completion};

const MAX_DELIVERIES: u32 = 2;

fn embedded(folder: &Path) -> Embedded {
    Embedded::open(&folder.join("state.redb"), Arc::new(SystemTime::now)).expect("opens")
}

fn store(storage: Arc<dyn Storage>, evidence: Evidence) -> Store {
    let keyring = Keyring::parse(&Keyring::generate("k1").expect("random numbers")).expect("just made");
    Store::new(storage, evidence, keyring, MAX_DELIVERIES)
}

async fn create(store: &Store) -> Id {
    let request = CreateVerificationSessionRequest::default();
    store.create(ACCOUNT, false, request).await.expect("created").id
}

async fn put(store: &Store, session: &Id, picture: &[u8]) -> String {
    let put = store.put_image(session.as_str(), None, ImagePurpose::DocumentFront, picture.to_vec());
    put.await.expect("stored").id
}

#[tokio::test]
async fn events_tell_every_change_of_status_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(Arc::new(embedded(folder.path())), Evidence::in_memory());
    let session = create(&store).await;
    let id = session.as_str();
    store
        .put_image(id, None, ImagePurpose::DocumentFront, b"front".to_vec())
        .await
        .expect("stored");
    for attempt in 1..=2 {
        store.submit(id, None, Default::default()).await.expect("submitted");
        let answer = completion(id, attempt, None, None);
        let findings = match attempt {
            1 => Findings::default(),
            _ => Findings {
                document: answer.document,
                ..Findings::default()
            },
        };
        assert!(store.complete(id, attempt, findings).await.expect("done").completed_now);
    }

    let events = store.events(session.partition(), 0, 100).await.expect("storage");
    let told: Vec<_> = events
        .iter()
        .map(|(_, event)| {
            let session = event.session.as_ref().expect("set");
            assert_eq!((session.id.as_str(), event.account.as_str()), (id, ACCOUNT));
            assert_eq!(session.verified_outputs, None, "events are sent to whoever listens");
            (
                event.r#type.trim_start_matches("identity.verification_session."),
                session.status(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("created", Status::RequiresInput),
            ("processing", Status::Processing),
            ("requires_input", Status::RequiresInput),
            ("processing", Status::Processing),
            ("verified", Status::Verified),
        ]
    );
    assert!(
        events.windows(2).all(|pair| pair[0].1.id < pair[1].1.id),
        "ids are time-ordered"
    );
}

/// Can do a step and say that it did not, and counts how often it is asked for jobs.
#[derive(Debug)]
struct Observed {
    storage: Embedded,
    forgets: AtomicBool,
    leases: AtomicUsize,
}

impl Observed {
    fn new(folder: &Path) -> Arc<Self> {
        Arc::new(Self {
            storage: embedded(folder),
            forgets: AtomicBool::new(false),
            leases: AtomicUsize::new(0),
        })
    }
}

#[async_trait::async_trait]
impl Storage for Observed {
    async fn create(&self, new: NewSession) -> Result<Created, StorageError> {
        self.storage.create(new).await
    }

    async fn session(&self, id: &Id) -> Result<Option<Versioned>, StorageError> {
        self.storage.session(id).await
    }

    async fn commit(&self, step: Commit) -> Result<Committed, StorageError> {
        let outcome = self.storage.commit(step).await?;
        Ok(match self.forgets.swap(false, Ordering::SeqCst) {
            true => Committed::Conflict,
            false => outcome,
        })
    }

    async fn report(&self, id: &Id) -> Result<Option<Vec<u8>>, StorageError> {
        self.storage.report(id).await
    }

    async fn events(&self, partition: u8, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StorageError> {
        self.storage.events(partition, after, limit).await
    }

    async fn lease(&self, worker: &str, lease: Duration) -> Result<Option<Lease>, StorageError> {
        self.leases.fetch_add(1, Ordering::SeqCst);
        self.storage.lease(worker, lease).await
    }

    async fn extend(&self, held: &Lease, lease: Duration) -> Result<bool, StorageError> {
        self.storage.extend(held, lease).await
    }

    async fn release(&self, held: &Lease, delay: Duration, excused: bool) -> Result<bool, StorageError> {
        self.storage.release(held, delay, excused).await
    }

    async fn dead_letters(&self, partition: u8) -> Result<Vec<DeadLetter>, StorageError> {
        self.storage.dead_letters(partition).await
    }

    fn changes(&self) -> &Changes {
        self.storage.changes()
    }

    async fn healthy(&self) -> bool {
        self.storage.healthy().await
    }
}

#[tokio::test]
async fn a_picture_survives_a_step_that_was_taken_for_a_conflict() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = Observed::new(folder.path());
    let evidence = Evidence::in_folder(&folder.path().join("evidence")).expect("a store");
    let store = store(storage.clone(), evidence);
    let session = create(&store).await;
    put(&store, &session, b"blurred").await;
    storage.forgets.store(true, Ordering::SeqCst);
    let file = put(&store, &session, b"sharp").await;
    let kept = store.image(session.as_str(), &file).await.expect("kept");
    assert_eq!(kept, b"sharp");
    let files = std::fs::read_dir(
        folder
            .path()
            .join("evidence")
            .join(format!("p{:02}", session.partition())),
    );
    assert_eq!(
        files.expect("a folder").count(),
        1,
        "the picture that was replaced is gone"
    );
}

#[tokio::test]
async fn a_job_that_cannot_be_read_does_not_hold_up_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = Arc::new(AtomicU64::new(1_000_000));
    let clock = Arc::clone(&now);
    let clock = move || UNIX_EPOCH + Duration::from_millis(clock.load(Ordering::SeqCst));
    let storage = Embedded::open(&folder.path().join("state.redb"), Arc::new(clock)).expect("opens");
    let storage = Arc::new(storage);
    let store = store(storage.clone(), Evidence::in_memory());
    let damaged = Id::new(Kind::VerificationSession, 3);
    let record = || b"sealed by nobody".to_vec();
    let event = SealedEvent {
        id: Id::new(Kind::Event, 3),
        record: Vec::new(),
    };
    let new = NewSession {
        id: damaged.clone(),
        record: record(),
        event,
        idempotency: None,
    };
    storage.create(new).await.expect("storage");
    let submission = Commit {
        session: damaged.clone(),
        expected: 1,
        record: record(),
        report: None,
        event: None,
        job: JobStep::Enqueue { attempt: 1 },
    };
    storage.commit(submission).await.expect("storage");
    let session = create(&store).await;
    put(&store, &session, b"front").await;
    let id = session.as_str();
    now.fetch_add(1, Ordering::SeqCst);
    store.submit(id, None, Default::default()).await.expect("submitted");

    // The damaged one was queued first.
    let lease = Duration::from_secs(60);
    let job = store.lease("worker", lease).await.expect("goes on").expect("a job");
    assert_eq!(job.session, id);
    store.complete(id, 1, Findings::default()).await.expect("done");
    let set_aside = async || storage.dead_letters(3).await.expect("storage");
    for _ in 1..=MAX_DELIVERIES {
        assert_eq!(set_aside().await, []);
        now.fetch_add(60_000, Ordering::SeqCst);
        assert!(store.lease("worker", lease).await.expect("goes on").is_none());
    }
    assert_eq!(
        set_aside().await,
        [DeadLetter {
            session: damaged.clone(),
            attempt: 1
        }]
    );
    let found = storage.session(&damaged).await.expect("storage").expect("is there");
    assert_eq!(found.record, record(), "for whoever can read it");
}

#[tokio::test]
async fn of_many_workers_that_wait_one_looks_for_jobs() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = Observed::new(folder.path());
    let store = store(storage.clone(), Evidence::in_memory());
    let session = create(&store).await;
    put(&store, &session, b"front").await;
    let api = StoreApi::new(store.clone(), CancellationToken::new());
    let mut waiting = JoinSet::new();
    for number in 0..20 {
        let api = api.clone();
        let minute = prost_types::Duration { seconds: 60, nanos: 0 };
        let request = LeaseJobRequest {
            worker: format!("worker/{number}"),
            lease: Some(minute),
            wait: Some(minute),
        };
        waiting.spawn(async move { api.lease_job(Request::new(request)).await });
    }
    // Each looked once by itself, and one has its turn.
    while storage.leases.load(Ordering::SeqCst) < 21 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = storage.leases.load(Ordering::SeqCst);
    store
        .submit(session.as_str(), None, Default::default())
        .await
        .expect("submitted");
    let leased = waiting
        .join_next()
        .await
        .expect("waits")
        .expect("no panic")
        .expect("answers");
    assert!(leased.into_inner().job.is_some());
    // It finds the job, and its successor looks. Who also looks since time has passed is one more.
    let looks = storage.leases.load(Ordering::SeqCst) - before;
    assert!(looks <= 5, "{looks}");
}

#[tokio::test]
async fn a_picture_whose_file_is_gone_is_not_asked_for_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let pictures = folder.path().join("evidence");
    let evidence = Evidence::in_folder(&pictures).expect("a store");
    let store = store(Arc::new(embedded(folder.path())), evidence);
    let session = create(&store).await;
    let file = put(&store, &session, b"front").await;
    std::fs::remove_dir_all(pictures.join(format!("p{:02}", session.partition()))).expect("removed");
    let error = store.image(session.as_str(), &file).await.expect_err("gone");
    assert!(matches!(error, Error::Evidence(_)), "{error}");
    assert_eq!(tonic::Status::from(error).code(), Code::Internal);
}
