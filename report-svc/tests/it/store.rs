//! The store itself: what events tell, and what it does about a storage that loses answers or holds what cannot be read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use proto::id::Kind;
use proto::identity::v1::{CreateVerificationSessionRequest, ImagePurpose, VerificationSessionStatus as Status};
use proto::store::v1::LeaseJobRequest;
use proto::store::v1::store_service_server::StoreService as _;
use report_svc::assemble::Findings;
use report_svc::error::Error;
use report_svc::evidence::Evidence;
use report_svc::id::Id;
use report_svc::lifecycle::Status as LifecycleStatus;
use report_svc::limits::{ImageLimit, Limits};
use report_svc::seal::{Keyring, SealError};
use report_svc::service::StoreApi;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::{
    Commit, Committed, DeadLetterReason, FileEntries, Job, JobState, Lease, NewSession, SealedEvent, Storage,
    StorageError,
};
use report_svc::store::{Failed, Queued, Store};
use service_kit::deadline;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request};

use crate::clock::Hand;
use crate::conformance::{enqueue, entry, request};
use crate::deployment::{ACCOUNT, completion};
use crate::hooked::{Hook, Hooked, Sent, Step};

const LEASE: Duration = Duration::from_secs(60);

fn embedded(folder: &Path) -> Embedded {
    Embedded::open(&folder.join("state.redb"), Arc::new(SystemTime::now)).expect("opens")
}

pub(crate) fn store(storage: Arc<dyn Storage>, evidence: Evidence) -> Store {
    let keyring = Keyring::parse(&Keyring::generate("k1").expect("random numbers")).expect("just made");
    Store::new(storage, evidence, keyring, Limits::default())
}

pub(crate) async fn create(store: &Store) -> Id {
    let request = CreateVerificationSessionRequest::default();
    store.create(ACCOUNT, true, request).await.expect("created").id
}

pub(crate) async fn put(store: &Store, session: &Id, picture: &[u8]) -> String {
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
        let job = store.lease(&request(LEASE)).await.expect("storage").expect("queued");
        let answer = completion(&job, None, None);
        let findings = match attempt {
            1 => Findings::default(),
            _ => Findings {
                document: answer.document,
                ..Findings::default()
            },
        };
        let lease = job.lease_token.parse().expect("a lease");
        assert!(store.complete(&lease, findings).await.expect("done").completed_now);
    }

    let events = store.events(session.partition(), 0, 100).await.expect("storage");
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let session = event.session.as_ref().expect("can be read");
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
        events.windows(2).all(|pair| pair[0].id < pair[1].id),
        "ids are time-ordered"
    );
}

/// Can say of a step that happened that it did not, and counts how often the storage is asked for jobs.
#[derive(Debug, Default)]
struct Observed {
    forgets: AtomicBool,
    leases: AtomicUsize,
}

#[async_trait::async_trait]
impl Hook for Observed {
    async fn before(&self, step: Step) -> Sent {
        if step == Step::Lease {
            self.leases.fetch_add(1, Ordering::SeqCst);
        }
        Sent::Once
    }

    fn answered(&self, outcome: Committed) -> Result<Committed, StorageError> {
        Ok(match self.forgets.swap(false, Ordering::SeqCst) {
            true => Committed::Conflict,
            false => outcome,
        })
    }
}

fn observed(folder: &Path) -> Arc<Hooked<Observed>> {
    Arc::new(Hooked {
        storage: Arc::new(embedded(folder)),
        hook: Observed::default(),
    })
}

#[tokio::test]
async fn a_picture_survives_a_step_that_was_taken_for_a_conflict() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = observed(folder.path());
    let evidence = Evidence::in_folder(&folder.path().join("evidence")).expect("a store");
    let store = store(storage.clone(), evidence);
    let session = create(&store).await;
    put(&store, &session, b"blurred").await;
    storage.hook.forgets.store(true, Ordering::SeqCst);
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

/// What somebody else does.
#[derive(Debug)]
enum Other {
    EndsTheAttempt,
    Uploads(Id),
}

/// Loses the answer of one commit; by the time that the session is read again, somebody else has done something.
#[derive(Debug)]
struct Overtaken {
    by: Other,
    through: Store,
    forgets: AtomicBool,
    works: AtomicBool,
}

/// Makes stores with the same keys and the same pictures.
fn alike() -> impl Fn(Arc<dyn Storage>) -> Store {
    let keys = Keyring::generate("k1").expect("random numbers");
    let evidence = Evidence::in_memory();
    move |storage| {
        let keyring = Keyring::parse(&keys).expect("just made");
        Store::new(storage, evidence.clone(), keyring, Limits::default())
    }
}

/// A store whose next commit is overtaken so.
fn overtaken(storage: Arc<dyn Storage>, over: impl Fn(Arc<dyn Storage>) -> Store, by: Other) -> Store {
    let hook = Overtaken {
        by,
        through: over(storage.clone()),
        forgets: AtomicBool::new(true),
        works: AtomicBool::new(false),
    };
    over(Arc::new(Hooked { storage, hook }))
}

#[async_trait::async_trait]
impl Hook for Overtaken {
    async fn before(&self, step: Step) -> Sent {
        if step == Step::Session && self.works.swap(false, Ordering::SeqCst) {
            match &self.by {
                Other::EndsTheAttempt => {
                    let job = self.through.lease(&request(LEASE)).await.expect("storage");
                    let lease = job.expect("queued").lease_token.parse().expect("a lease");
                    let completed = self.through.complete(&lease, Findings::default()).await;
                    completed.expect("failed");
                }
                Other::Uploads(session) => {
                    put(&self.through, session, b"another").await;
                }
            }
        }
        Sent::Once
    }

    fn answered(&self, outcome: Committed) -> Result<Committed, StorageError> {
        Ok(match self.forgets.swap(false, Ordering::SeqCst) {
            true => {
                self.works.store(true, Ordering::SeqCst);
                Committed::Conflict
            }
            false => outcome,
        })
    }
}

#[tokio::test]
async fn a_submission_that_was_taken_for_a_conflict_is_submitted() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = observed(folder.path());
    let store = store(storage.clone(), Evidence::in_memory());
    let session = create(&store).await;
    put(&store, &session, b"front").await;
    storage.hook.forgets.store(true, Ordering::SeqCst);
    let submitted = store.submit(session.as_str(), None, Default::default()).await;
    let submitted = submitted.expect("as it was submitted");
    assert_eq!((submitted.attempts, submitted.public.status()), (1, Status::Processing));
}

#[tokio::test]
async fn a_submission_whose_answer_was_lost_is_not_made_again_after_its_attempt() {
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens"));
    let over = alike();
    let plain = over(storage.clone());
    let session = create(&plain).await;
    put(&plain, &session, b"front").await;
    let overtaken = overtaken(storage, &over, Other::EndsTheAttempt);
    let answer = overtaken.submit(session.as_str(), None, Default::default()).await;
    let submitted = answer.expect("as it was submitted");
    assert_eq!(submitted.attempts, 1, "the person asked for one attempt");
    assert!(plain.lease(&request(LEASE)).await.expect("storage").is_none());
}

#[tokio::test]
async fn an_upload_whose_answer_was_lost_is_not_made_again_over_a_later_one() {
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens"));
    let over = alike();
    let plain = over(storage.clone());
    let session = create(&plain).await;
    let overtaken = overtaken(storage, &over, Other::Uploads(session.clone()));
    let front = b"front".to_vec();
    let answer = overtaken
        .put_image(session.as_str(), None, ImagePurpose::DocumentFront, front)
        .await;
    assert!(matches!(answer, Err(Error::Contended)), "{answer:?}");
    // The picture that the session has can be opened.
    let held = plain.session(session.as_str(), None).await.expect("found").files();
    let kept = plain.image(session.as_str(), &held[0].id).await.expect("is kept");
    assert_eq!(kept, b"another");
}

/// A job of a session whose record nobody can read.
async fn damaged(storage: &dyn Storage) -> Id {
    let session = Id::new(Kind::VerificationSession, 3);
    let new = NewSession {
        id: session.clone(),
        record: DAMAGED.to_vec(),
        event: SealedEvent {
            id: Id::new(Kind::Event, 3),
            record: Vec::new(),
        },
        entry: entry(LifecycleStatus::RequiresInput),
        expires: None,
        idempotency: None,
    };
    storage.create(new).await.expect("storage");
    let submission = Commit {
        session: session.clone(),
        expected: 1,
        record: DAMAGED.to_vec(),
        reports: Vec::new(),
        attempts: Vec::new(),
        idempotency: None,
        answer: None,
        event: None,
        reindex: None,
        expires: None,
        files: FileEntries::default(),
        job: enqueue(1),
    };
    storage.commit(submission).await.expect("storage");
    session
}

const DAMAGED: &[u8] = b"sealed by nobody";

/// A session with a front, submitted.
pub(crate) async fn submitted(store: &Store) -> Id {
    let session = create(store).await;
    put(store, &session, b"front").await;
    let submitted = store.submit(session.as_str(), None, Default::default()).await;
    submitted.expect("submitted");
    session
}

#[tokio::test]
async fn a_job_that_cannot_be_read_is_set_aside_once() {
    let hand = Hand::new();
    let storage = Arc::new(Embedded::in_memory(hand.clock()).expect("opens"));
    let store = store(storage.clone(), Evidence::in_memory());
    let damaged = damaged(storage.as_ref()).await;
    hand.advance(Duration::from_millis(1));
    let session = submitted(&store).await;

    // The damaged one was queued first.
    let job = store.lease(&request(LEASE)).await.expect("goes on").expect("a job");
    assert_eq!(job.verification_session, session.as_str());
    let lease = job.lease_token.parse().expect("a lease");
    store.complete(&lease, Findings::default()).await.expect("done");
    let letters = async || store.dead_letters(None, 10).await.expect("storage");
    let letter = letters().await.remove(0);
    let since = hand.now();
    let reason = DeadLetterReason::SessionUnreadable;
    assert_eq!((&letter.session, letter.attempt, letter.delivery), (&damaged, 1, 1));
    assert_eq!(letter.state, JobState::DeadLettered { since, reason });
    hand.advance(LEASE * 100);
    assert!(store.lease(&request(LEASE)).await.expect("goes on").is_none());
    assert_eq!(letters().await, [letter]);
    let found = storage.session(&damaged).await.expect("storage").expect("is there");
    assert_eq!(found.record, DAMAGED, "for whoever can read it");

    // No key brings it back; it can be dropped.
    assert_eq!(
        store
            .requeue_readable(&CancellationToken::new())
            .await
            .expect("storage"),
        0
    );
    let error = store.fail(damaged.as_str(), 2).await.expect_err("no such attempt");
    assert!(matches!(error, Error::JobNotFound), "{error}");
    let failed = store.fail(damaged.as_str(), 1).await.expect("dropped");
    assert_eq!(failed, Failed::JobDropped);
    assert_eq!(letters().await, []);
}

#[tokio::test]
async fn master_keys_that_open_nothing_are_found() {
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens"));
    let [old, new, impostor] =
        ["old", "new", "old"].map(|id| Keyring::generate(id).expect("random numbers").to_string());
    let with = |keys: &str| {
        let keyring = Keyring::parse(keys).expect("just made");
        Store::new(storage.clone(), Evidence::in_memory(), keyring, Limits::default())
    };
    with(&new).keys_fit().await.expect("nothing is stored yet");
    create(&with(&old)).await;
    with(&old).keys_fit().await.expect("fits");
    with(&format!("{new}\n{old}"))
        .keys_fit()
        .await
        .expect("one of them fits");
    let unknown = with(&new).keys_fit().await.expect_err("another key");
    assert!(matches!(unknown, Error::Seal(SealError::UnknownKey(id)) if id == "old"));
    let wrong = with(&impostor)
        .keys_fit()
        .await
        .expect_err("another key of the same name");
    assert!(matches!(wrong, Error::Seal(SealError::Damaged)));
    // Once the new key has sealed something, the old one may have been given up on purpose. Partitions are drawn.
    while with(&new).keys_fit().await.is_err() {
        create(&with(&new)).await;
    }
}

#[tokio::test]
async fn a_job_without_its_master_key_waits_for_it() {
    let hand = Hand::new();
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(hand.clock()).expect("opens"));
    let [old, new] = ["old", "new"].map(|id| Keyring::generate(id).expect("random numbers").to_string());
    let evidence = Evidence::in_memory();
    let with = |keys: String| {
        let keyring = Keyring::parse(&keys).expect("just made");
        Store::new(Arc::clone(&storage), evidence.clone(), keyring, Limits::default())
    };
    let (before, lacking, both) = (with(old.clone()), with(new.clone()), with(format!("{new},{old}")));
    let session = submitted(&before).await;
    let id = session.as_str();
    assert!(lacking.lease(&request(LEASE)).await.expect("goes on").is_none());
    let job = lacking.queued(id).await.expect("kept");
    let Queued::Job(Job {
        state: JobState::DeadLettered { reason, .. },
        ..
    }) = job
    else {
        panic!("{job:?}")
    };
    assert_eq!(reason, DeadLetterReason::MasterKeyMissing("old".to_owned()));
    let error = lacking.fail(id, 1).await.expect_err("it only waits");
    let reason = service_kit::status::reason(&error.into());
    assert_eq!(reason, Some(proto::reason::MASTER_KEY_MISSING));

    assert_eq!(
        lacking
            .requeue_readable(&CancellationToken::new())
            .await
            .expect("storage"),
        0
    );
    assert_eq!(
        both.requeue_readable(&CancellationToken::new()).await.expect("storage"),
        1
    );
    assert_eq!(
        both.requeue_readable(&CancellationToken::new()).await.expect("storage"),
        0
    );
    // However often a replica without the key comes first, the person is not to blame.
    for _ in 0..20 {
        assert!(lacking.lease(&request(LEASE)).await.expect("goes on").is_none());
        let queued = both.requeue_readable(&CancellationToken::new()).await;
        assert_eq!(queued.expect("storage"), 1);
    }
    let job = both.lease(&request(LEASE)).await.expect("goes on").expect("queued");
    assert_eq!(
        (job.verification_session.as_str(), job.delivery, job.excused),
        (id, 22, 21)
    );
    let lease = job.lease_token.parse().expect("a lease");
    assert!(
        both.complete(&lease, Findings::default())
            .await
            .expect("done")
            .completed_now
    );
}

#[tokio::test]
async fn a_job_is_handed_back_though_its_session_cannot_be_read() {
    let storage = Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens"));
    let store = store(storage.clone(), Evidence::in_memory());
    damaged(storage.as_ref()).await;
    let held = storage.lease(&request(LEASE)).await.expect("storage").expect("queued");
    let token = held.lease.to_string();
    store.release(&token, Duration::ZERO, true).await.expect("held");
    let again = storage.lease(&request(LEASE)).await.expect("storage").expect("at once");
    assert_eq!((again.delivery, again.excused), (2, 0));
}

#[tokio::test]
async fn a_submission_that_never_was_has_no_lease() {
    let store = store(
        Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens")),
        Evidence::in_memory(),
    );
    submitted(&store).await;
    let job = store.lease(&request(LEASE)).await.expect("storage").expect("queued");
    let mut lease: Lease = job.lease_token.parse().expect("a lease");
    // As after a failover that lost the second submission.
    lease.attempt = 2;
    let Err(error) = store.complete(&lease, Findings::default()).await else {
        panic!("completed")
    };
    assert!(matches!(error, Error::LeaseLost), "{error}");
}

#[tokio::test]
async fn an_operator_ends_an_attempt_that_was_set_aside() {
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens"));
    let store = store(Arc::clone(&storage), Evidence::in_memory());
    let session = submitted(&store).await;
    let id = session.as_str();
    let error = store.fail(id, 1).await.expect_err("it is in the queue");
    assert!(matches!(error, Error::JobNotFound), "{error}");
    let held = storage.lease(&request(LEASE)).await.expect("storage").expect("queued");
    let reason = DeadLetterReason::SessionUnreadable;
    assert!(storage.dead_letter(&held.lease, &reason).await.expect("storage"));
    let failed = store.fail(id, 1).await.expect("ended");
    assert_eq!(failed, Failed::AttemptEnded);
    let failed = store.session(id, None).await.expect("found").public;
    assert_eq!(failed.status(), Status::RequiresInput);
    assert!(failed.last_error.is_some() && failed.last_verification_report.is_some());
    let error = store.queued(id).await.expect_err("no job without an attempt");
    assert!(matches!(error, Error::JobNotFound), "{error}");
    store.submit(id, None, Default::default()).await.expect("once more");
}

/// A job comes back on whichever replica it is looked for.
#[tokio::test]
async fn every_set_of_dead_letters_is_gone_through() {
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens"));
    let store = store(Arc::clone(&storage), Evidence::in_memory());
    let mut aside = Vec::new();
    for _ in 0..250 {
        let session = submitted(&store).await;
        let held = storage.lease(&request(LEASE)).await.expect("storage").expect("queued");
        let reason = DeadLetterReason::MasterKeyMissing("k1".to_owned());
        assert!(storage.dead_letter(&held.lease, &reason).await.expect("storage"));
        aside.push(session);
    }
    aside.sort_by_key(|session| (session.partition(), session.to_string()));
    let mut listed: Vec<Id> = Vec::new();
    loop {
        let after = listed.last().map(Id::as_str);
        let page = store.dead_letters(after, 7).await.expect("storage");
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|job| job.session));
    }
    assert_eq!(listed, aside);
    assert_eq!(
        store
            .requeue_readable(&CancellationToken::new())
            .await
            .expect("storage"),
        aside.len()
    );
    assert_eq!(store.dead_letters(None, 7).await.expect("storage"), []);
}

#[tokio::test]
async fn of_many_workers_that_wait_one_looks_for_jobs() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = observed(folder.path());
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
            request_id: format!("request/{number}"),
        };
        waiting.spawn(async move { api.lease_job(Request::new(request)).await });
    }
    // Each looked once by itself, and one has its turn.
    while storage.hook.leases.load(Ordering::SeqCst) < 21 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = storage.hook.leases.load(Ordering::SeqCst);
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
    let looks = storage.hook.leases.load(Ordering::SeqCst) - before;
    assert!(looks <= 5, "{looks}");
}

#[tokio::test(start_paused = true)]
async fn a_worker_waits_for_as_long_as_it_says_and_has_time_for() {
    let storage = Embedded::in_memory(Hand::new().clock()).expect("opens");
    let store = store(Arc::new(storage), Evidence::in_memory());
    let api = StoreApi::new(store, CancellationToken::new());
    let minute = prost_types::Duration { seconds: 60, nanos: 0 };
    // One with little time left is told that there is nothing before it leaves.
    let (long, short) = (Duration::from_secs(90), Duration::from_secs(10));
    for (left, expected) in [(None, 60.0), (Some(long), 60.0), (Some(short), 9.9)] {
        let request = LeaseJobRequest {
            worker: "worker".to_owned(),
            lease: Some(minute),
            wait: Some(minute),
            request_id: format!("request/{left:?}"),
        };
        let asked = Instant::now();
        let leased = deadline::scope(left, api.lease_job(Request::new(request))).await;
        assert_eq!(leased.expect("answers").into_inner().job, None);
        let waited = asked.elapsed().as_secs_f64();
        assert!((waited - expected).abs() < 0.05, "{left:?}: {waited}");
    }
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

#[tokio::test]
async fn a_session_takes_up_no_more_than_its_limits() {
    let hand = Hand::new();
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(hand.clock()).expect("opens"));
    let limits = Limits {
        deliveries: 1,
        attempts: 2,
        images_per_attempt: 3,
        images: 4,
        image_bytes: 20,
    };
    let keyring = Keyring::parse(&Keyring::generate("k1").expect("random numbers")).expect("just made");
    let store = Store::new(storage, Evidence::in_memory(), keyring, limits);
    let refused = async |session: &Id, size: usize| {
        let before = store.session(session.as_str(), None).await.expect("found").version;
        let purpose = ImagePurpose::DocumentFront;
        let put = store.put_image(session.as_str(), None, purpose, vec![7; size]).await;
        let after = store.session(session.as_str(), None).await.expect("found").version;
        assert_eq!(before, after, "a refusal changes nothing");
        put.map(drop).expect_err("refused")
    };
    let fails = async || {
        let job = store.lease(&request(LEASE)).await.expect("storage").expect("queued");
        let lease = job.lease_token.parse().expect("a lease");
        let completion = store.complete(&lease, Findings::default()).await.expect("done");
        completion.session.public.last_error.expect("failed").reason
    };

    let large = create(&store).await;
    put(&store, &large, &[7; 15]).await;
    let error = refused(&large, 6).await;
    assert!(
        matches!(error, Error::ImagesExhausted(ImageLimit::ImageBytes)),
        "{error}"
    );
    put(&store, &large, &[7; 5]).await;

    let session = create(&store).await;
    for picture in [b"1", b"2", b"3"] {
        put(&store, &session, picture).await;
    }
    let error = refused(&session, 1).await;
    assert!(
        matches!(error, Error::ImagesExhausted(ImageLimit::ImagesPerAttempt)),
        "{error}"
    );
    store
        .submit(session.as_str(), None, Default::default())
        .await
        .expect("submitted");
    let first = fails().await;
    put(&store, &session, b"4").await;
    let error = refused(&session, 1).await;
    assert!(matches!(error, Error::ImagesExhausted(ImageLimit::Images)), "{error}");
    store
        .submit(session.as_str(), None, Default::default())
        .await
        .expect("submitted");
    assert_eq!(fails().await, format!("{first} This was the last attempt."));

    for error in [
        refused(&session, 1).await,
        store
            .submit(session.as_str(), None, Default::default())
            .await
            .map(drop)
            .expect_err("refused"),
    ] {
        assert!(matches!(error, Error::AttemptsExhausted(2)), "{error}");
        let status = tonic::Status::from(error);
        assert_eq!(status.code(), Code::FailedPrecondition);
        let reason = service_kit::status::reason(&status);
        assert_eq!(reason, Some(proto::reason::ATTEMPTS_EXHAUSTED));
    }
}

#[tokio::test]
async fn a_record_does_not_grow_with_the_attempts() {
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens"));
    let store = store(Arc::clone(&storage), Evidence::in_memory());
    let session = create(&store).await;
    let mut pictures = Vec::new();
    let mut sizes = Vec::new();
    for attempt in 1..=10_u8 {
        let file = put(&store, &session, &[attempt]).await;
        pictures.push((file, attempt));
        store
            .submit(session.as_str(), None, Default::default())
            .await
            .expect("submitted");
        let job = store.lease(&request(LEASE)).await.expect("storage").expect("queued");
        let lease = job.lease_token.parse().expect("a lease");
        store.complete(&lease, Findings::default()).await.expect("done");
        let record = storage
            .session(&session)
            .await
            .expect("storage")
            .expect("is there")
            .record;
        sizes.push(record.len());
    }
    assert!(sizes[8].abs_diff(sizes[1]) < 16, "{sizes:?}");
    // What each attempt was decided by is still there.
    for (file, attempt) in pictures {
        assert_eq!(store.image(session.as_str(), &file).await.expect("kept"), [attempt]);
    }
}
