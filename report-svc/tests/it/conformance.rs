//! What every storage must do. [`suite`] is called with each implementation.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use proto::id::{Kind, PARTITIONS};
use proto::identity::v1::VerificationType;
use report_svc::id::Id;
use report_svc::lifecycle::Status;
use report_svc::storage::{
    Commit, Committed, Created, DeadLetterReason, Deliveries, Depth, FileEntries, Idempotency, IndexEntry, Job,
    JobState, JobStep, Lease, LeaseRequest, Leased, ListQuery, Listed, NewIdempotency, NewSession, Order, ReferenceTag,
    ReportEntry, Scope, SealedAttempt, SealedEvent, SealedReport, Storage, Versioned,
};

use crate::clock::Hand;

mod events;
mod files;
mod index;

/// A storage under test.
#[async_trait::async_trait]
pub(crate) trait Subject: Sync {
    fn storage(&self) -> Arc<dyn Storage>;

    /// What its queue is timed by.
    fn hand(&self) -> &Hand;

    /// Lets time pass for idempotency keys. Embedded: the hand of its clock; Redis: real time.
    async fn pass(&self, time: Duration);
}

const LEASE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn suite(subject: &dyn Subject) {
    let storage = subject.storage();
    let storage = storage.as_ref();
    assert!(storage.healthy().await);
    creates_once(storage).await;
    creates_once_per_idempotency_key(subject).await;
    keeps_what_was_first(subject).await;
    keeps_an_answer_with_its_step(subject).await;
    one_of_many_creations_wins(subject).await;
    refuses_a_stale_version(storage).await;
    takes_a_step_once_that_is_sent_again(storage).await;
    replaces_reports_attempts_and_what_is_kept_under_a_key(subject).await;
    leaves_what_a_key_stands_for_since(subject).await;
    moves_an_expiry_of_the_version_that_was_read(storage).await;
    counts_what_has_expired(storage).await;
    one_of_many_commits_wins(subject).await;
    keeps_events_in_the_order_of_their_steps(storage).await;
    leases_each_job_once(storage).await;
    leases_again_what_was_not_finished(subject).await;
    leases_one_job_for_a_request_that_is_sent_again(subject).await;
    leases_one_job_for_many_calls_of_a_request(subject).await;
    extends_a_lease(subject).await;
    queues_for_later(subject).await;
    hands_back_with_and_without_delay(subject).await;
    hands_back_once(storage).await;
    completes_once(subject).await;
    finishes_under_the_lease_that_is_held(subject).await;
    sets_aside_and_queues_again(subject).await;
    ends_what_was_set_aside(storage).await;
    lists_what_was_set_aside(storage).await;
    tells_how_much_there_is_to_do(subject).await;
    index::suite(subject).await;
    events::suite(storage).await;
    files::suite(storage).await;
    tells_of_changes(subject).await;
}

fn session_id() -> Id {
    let id = Id::new(Kind::VerificationSession, 0);
    // Spread over the partitions as real ids are.
    Id::new(
        Kind::VerificationSession,
        id.as_str().bytes().last().unwrap_or(0) % PARTITIONS,
    )
}

pub(crate) fn event(session: &Id, record: &[u8]) -> SealedEvent {
    SealedEvent {
        id: Id::new(Kind::Event, session.partition()),
        record: record.to_vec(),
    }
}

pub(crate) fn report(id: &Id) -> SealedReport {
    SealedReport {
        id: id.clone(),
        record: b"report".to_vec(),
        entry: ReportEntry {
            account: "acct_1".to_owned(),
            r#type: VerificationType::Document,
            references: Vec::new(),
        },
        unlisted: Vec::new(),
    }
}

fn attempt(attempt: u32) -> SealedAttempt {
    SealedAttempt {
        attempt,
        record: b"attempt".to_vec(),
    }
}

pub(crate) fn new_session(id: &Id) -> NewSession {
    NewSession {
        id: id.clone(),
        record: b"one".to_vec(),
        event: event(id, b"created"),
        entry: entry(Status::RequiresInput),
        expires: None,
        idempotency: None,
    }
}

pub(crate) fn step(session: &Id, expected: u64, record: &[u8], job: JobStep) -> Commit {
    Commit {
        session: session.clone(),
        expected,
        record: record.to_vec(),
        reports: Vec::new(),
        attempts: Vec::new(),
        idempotency: None,
        answer: None,
        event: None,
        reindex: None,
        expires: None,
        files: FileEntries::default(),
        job,
    }
}

/// Of an account's session without a reference.
pub(crate) fn entry(status: Status) -> IndexEntry {
    IndexEntry {
        account: "acct_1".to_owned(),
        references: Vec::new(),
        status,
    }
}

pub(crate) async fn create(storage: &dyn Storage) -> Id {
    let id = session_id();
    assert_eq!(storage.create(new_session(&id)).await.expect("storage"), Created::New);
    id
}

/// A job that is due at once.
pub(crate) fn enqueue(attempt: u32) -> JobStep {
    JobStep::Enqueue {
        attempt,
        delay: Duration::ZERO,
    }
}

/// A session whose first attempt is queued; it has version 2.
pub(crate) async fn submit(storage: &dyn Storage) -> Id {
    let id = create(storage).await;
    let outcome = storage.commit(step(&id, 1, b"two", enqueue(1))).await;
    assert_eq!(outcome.expect("storage"), Committed::Done(2));
    id
}

pub(crate) async fn finish(storage: &dyn Storage, lease: &Lease) {
    let found = storage
        .session(&lease.session)
        .await
        .expect("storage")
        .expect("is there");
    let outcome = storage
        .commit(step(
            &lease.session,
            found.version,
            b"done",
            JobStep::Finish(lease.clone()),
        ))
        .await;
    assert!(matches!(outcome.expect("storage"), Committed::Done(_)));
}

/// A request that nobody made before.
pub(crate) fn request(time: Duration) -> LeaseRequest {
    LeaseRequest {
        worker: "worker".to_owned(),
        request_id: uuid::Uuid::new_v4().to_string(),
        time,
    }
}

async fn lease(storage: &dyn Storage) -> Option<Leased> {
    storage.lease(&request(LEASE)).await.expect("storage")
}

/// The state of a session's job.
async fn state(storage: &dyn Storage, session: &Id) -> Option<JobState> {
    storage.job(session).await.expect("storage").map(|job| job.state)
}

/// Whether the job is held under this lease.
async fn is_held(storage: &dyn Storage, lease: &Lease) -> bool {
    matches!(state(storage, &lease.session).await, Some(JobState::Leased { nonce, .. }) if nonce == lease.nonce)
}

async fn creates_once(storage: &dyn Storage) {
    let id = session_id();
    assert_eq!(storage.session(&id).await.expect("storage"), None);
    assert_eq!(storage.create(new_session(&id)).await.expect("storage"), Created::New);
    let found = storage.session(&id).await.expect("storage");
    assert_eq!(
        found,
        Some(Versioned {
            version: 1,
            record: b"one".to_vec()
        })
    );
    assert_eq!(lease(storage).await, None, "a new session has no job");
}

fn with_key(id: &Id, key: [u8; 32], record: &[u8], lifetime: Duration) -> NewSession {
    let idempotency = Some(NewIdempotency {
        key,
        record: record.to_vec(),
        lifetime,
    });
    NewSession {
        idempotency,
        ..new_session(id)
    }
}

fn key() -> [u8; 32] {
    let mut key = [0; 32];
    getrandom::fill(&mut key).expect("random numbers");
    key
}

async fn creates_once_per_idempotency_key(subject: &dyn Subject) {
    let storage = subject.storage();
    let (kept, partition) = (key(), 5);
    let [first, second, third, fourth] = [(); 4].map(|()| Id::new(Kind::VerificationSession, partition));
    let outcome = storage
        .create(with_key(&first, kept, b"answer", DAY))
        .await
        .expect("storage");
    assert_eq!(outcome, Created::New);
    let outcome = storage
        .create(with_key(&second, kept, b"other", DAY))
        .await
        .expect("storage");
    assert_eq!(outcome, Created::Existing(b"answer".to_vec()));
    assert_eq!(
        storage.session(&second).await.expect("storage"),
        None,
        "nothing was created"
    );

    let (forgotten, lifetime) = (key(), Duration::from_millis(1));
    let outcome = storage
        .create(with_key(&third, forgotten, b"answer", lifetime))
        .await
        .expect("storage");
    assert_eq!(outcome, Created::New);
    subject.pass(lifetime).await;
    for attempt in 0.. {
        let outcome = storage
            .create(with_key(&fourth, forgotten, b"later", DAY))
            .await
            .expect("storage");
        if outcome == Created::New {
            break;
        }
        assert!(attempt < 1000, "the key is never forgotten");
        subject.pass(Duration::from_millis(10)).await;
    }
    assert!(storage.session(&fourth).await.expect("storage").is_some());
}

/// Forgets it after its lifetime.
async fn keeps_what_was_first(subject: &dyn Subject) {
    let storage = subject.storage();
    let (partition, lifetime) = (5, Duration::from_millis(200));
    let kept = |key, record: &[u8], lifetime| NewIdempotency {
        key,
        record: record.to_vec(),
        lifetime,
    };
    let [lasting, passing] = [key(), key()];
    for _ in 0..2 {
        let first = storage.remember(partition, kept(lasting, b"first", DAY)).await;
        assert_eq!(first.expect("storage"), None, "sent again, too");
    }
    let second = storage.remember(partition, kept(lasting, b"second", DAY)).await;
    assert_eq!(second.expect("storage"), Some(b"first".to_vec()));
    let created = storage.create(with_key(&session_id(), lasting, b"third", DAY)).await;
    let _ = created.expect("storage");
    let found = storage.idempotency(partition, &lasting).await;
    assert_eq!(found.expect("storage"), Some(b"first".to_vec()));

    let first = storage.remember(partition, kept(passing, b"first", lifetime)).await;
    assert_eq!(first.expect("storage"), None);
    subject.pass(lifetime + Duration::from_millis(50)).await;
    let found = storage.idempotency(partition, &passing).await;
    assert_eq!(found.expect("storage"), None);
    let second = storage.remember(partition, kept(passing, b"second", DAY)).await;
    assert_eq!(second.expect("storage"), None, "it is new");
    let found = storage.idempotency(partition, &lasting).await;
    assert_eq!(found.expect("storage"), Some(b"first".to_vec()), "others stay");
}

async fn keeps_an_answer_with_its_step(subject: &dyn Subject) {
    let storage = subject.storage();
    let id = session_id();
    storage.create(new_session(&id)).await.expect("storage");
    let key = key();
    let answered = |expected, answer: &[u8]| Commit {
        answer: Some(NewIdempotency {
            key,
            record: answer.to_vec(),
            lifetime: DAY,
        }),
        ..step(&id, expected, &[b"after ", answer].concat(), JobStep::Keep)
    };
    let found = async || storage.idempotency(id.partition(), &key).await.expect("storage");
    let late = storage.commit(answered(7, b"late")).await.expect("storage");
    assert_eq!((late, found().await), (Committed::Conflict, None), "neither");
    for _ in 0..2 {
        let done = storage.commit(answered(1, b"first")).await.expect("storage");
        assert_eq!((done, found().await), (Committed::Done(2), Some(b"first".to_vec())));
    }
    let done = storage.commit(answered(2, b"second")).await.expect("storage");
    assert_eq!((done, found().await), (Committed::Done(3), Some(b"second".to_vec())));
    let without = step(&id, 3, b"without", JobStep::Keep);
    assert_eq!(storage.commit(without).await.expect("storage"), Committed::Done(4));
    assert_eq!(found().await, Some(b"second".to_vec()), "it stays");
}

async fn one_of_many_creations_wins(subject: &dyn Subject) {
    let key = key();
    let ids: Vec<Id> = (0..8).map(|_| Id::new(Kind::VerificationSession, 9)).collect();
    let creations = ids.iter().map(|id| {
        let (storage, new) = (subject.storage(), with_key(id, key, id.as_str().as_bytes(), DAY));
        tokio::spawn(async move { storage.create(new).await.expect("storage") })
    });
    let mut outcomes = Vec::new();
    for creation in creations.collect::<Vec<_>>() {
        outcomes.push(creation.await.expect("no panic"));
    }
    let winners: Vec<&Id> = ids
        .iter()
        .zip(&outcomes)
        .filter(|(_, made)| **made == Created::New)
        .map(|(id, _)| id)
        .collect();
    let [winner] = winners.as_slice() else {
        panic!("{} creations won", winners.len())
    };
    for (id, outcome) in ids.iter().zip(outcomes) {
        let exists = subject.storage().session(id).await.expect("storage").is_some();
        assert_eq!(exists, id == *winner);
        if id != *winner {
            assert_eq!(outcome, Created::Existing(winner.as_str().as_bytes().to_vec()));
        }
    }
}

async fn refuses_a_stale_version(storage: &dyn Storage) {
    let id = create(storage).await;
    let report = report(&Id::new(Kind::VerificationReport, id.partition()));
    let outcome = storage
        .commit(step(&id, 1, b"two", JobStep::Keep))
        .await
        .expect("storage");
    assert_eq!(outcome, Committed::Done(2));

    let events = storage.events(id.partition(), 0, 10_000).await.expect("storage").len();
    let stale = Commit {
        reports: vec![report.clone()],
        attempts: vec![attempt(1)],
        event: Some(event(&id, b"never")),
        ..step(&id, 1, b"stale", enqueue(1))
    };
    assert_eq!(
        storage.commit(stale.clone()).await.expect("storage"),
        Committed::Conflict
    );
    let found = storage.session(&id).await.expect("storage").expect("is there");
    assert_eq!((found.version, found.record.as_slice()), (2, b"two".as_slice()));
    assert_eq!(storage.report(&report.id).await.expect("storage"), None);
    assert_eq!(storage.attempt(&id, 1).await.expect("storage"), None);
    assert_eq!(
        storage.events(id.partition(), 0, 10_000).await.expect("storage").len(),
        events
    );
    assert_eq!(lease(storage).await, None);

    let unknown = Commit {
        session: Id::new(Kind::VerificationSession, id.partition()),
        ..stale.clone()
    };
    assert_eq!(storage.commit(unknown).await.expect("storage"), Committed::Conflict);

    let fresh = Commit {
        expected: 2,
        job: JobStep::Keep,
        ..stale
    };
    assert_eq!(storage.commit(fresh).await.expect("storage"), Committed::Done(3));
    assert_eq!(
        storage.report(&report.id).await.expect("storage"),
        Some(b"report".to_vec())
    );
    assert_eq!(
        storage.attempt(&id, 1).await.expect("storage"),
        Some(b"attempt".to_vec())
    );
    assert_eq!(storage.attempt(&id, 2).await.expect("storage"), None);
    assert_eq!(
        storage.events(id.partition(), 0, 10_000).await.expect("storage").len(),
        events + 1
    );
}

/// As a redaction does.
async fn replaces_reports_attempts_and_what_is_kept_under_a_key(subject: &dyn Subject) {
    let storage = &*subject.storage();
    let (id, key) = (session_id(), key());
    let new = with_key(&id, key, b"answer", DAY);
    storage.create(new.clone()).await.expect("storage");
    let tag = ReferenceTag([id.partition(); 16]);
    let listed = |scope: Scope| ListQuery {
        scope,
        listed: Listed::Reports(None),
        between: 0..u128::MAX,
        order: Order::OldestFirst,
        limit: 1000,
    };
    let reports = [(); 2].map(|()| {
        let mut report = report(&Id::new(Kind::VerificationReport, id.partition()));
        report.entry.references = vec![tag];
        report
    });
    let ids: Vec<Id> = reports.iter().map(|report| report.id.clone()).collect();
    let made = Commit {
        reports: reports.to_vec(),
        attempts: vec![attempt(1), attempt(2)],
        ..step(&id, 1, b"made", JobStep::Keep)
    };
    assert_eq!(storage.commit(made).await.expect("storage"), Committed::Done(2));
    let by_reference = listed(Scope::References(vec![tag]));
    assert_eq!(storage.list(&by_reference).await.expect("storage"), ids);

    let replaced = |report: &SealedReport| SealedReport {
        record: b"less".to_vec(),
        entry: ReportEntry {
            references: Vec::new(),
            ..report.entry.clone()
        },
        unlisted: vec![tag, ReferenceTag([0xff; 16])],
        ..report.clone()
    };
    let less = Commit {
        reports: reports.iter().map(replaced).collect(),
        attempts: vec![SealedAttempt {
            attempt: 2,
            record: b"less".to_vec(),
        }],
        idempotency: Some(Idempotency {
            key,
            before: b"answer".to_vec(),
            record: b"no answer".to_vec(),
        }),
        ..step(&id, 2, b"less", JobStep::Keep)
    };
    for _ in 0..2 {
        let outcome = storage.commit(less.clone()).await.expect("storage");
        assert_eq!(outcome, Committed::Done(3), "sent again, too");
    }
    for report in &ids {
        assert_eq!(storage.report(report).await.expect("storage"), Some(b"less".to_vec()));
    }
    let attempts = [storage.attempt(&id, 1).await, storage.attempt(&id, 2).await];
    let attempts = attempts.map(|attempt| attempt.expect("storage").expect("is there"));
    assert_eq!(attempts, [b"attempt".to_vec(), b"less".to_vec()]);
    assert_eq!(storage.list(&by_reference).await.expect("storage"), []);
    let of_account = listed(Scope::Account("acct_1".to_owned()));
    let of_account = storage.list(&of_account).await.expect("storage");
    assert!(
        ids.iter().all(|id| of_account.contains(id)),
        "the account still has them"
    );
    let again = storage.create(new).await.expect("storage");
    assert_eq!(again, Created::Existing(b"no answer".to_vec()));
}

/// Its session came to an end, and the key was used for another one since.
async fn leaves_what_a_key_stands_for_since(subject: &dyn Subject) {
    let storage = &*subject.storage();
    let (key, lifetime) = (key(), Duration::from_millis(1));
    let [first, second] = [(); 2].map(|()| Id::new(Kind::VerificationSession, 5));
    storage
        .create(with_key(&first, key, b"answer", lifetime))
        .await
        .expect("storage");
    subject.pass(Duration::from_millis(100)).await;
    let again = storage.create(with_key(&second, key, b"another", DAY)).await;
    assert_eq!(again.expect("storage"), Created::New);
    let late = Commit {
        idempotency: Some(Idempotency {
            key,
            before: b"answer".to_vec(),
            record: b"no answer".to_vec(),
        }),
        ..step(&first, 1, b"late", JobStep::Keep)
    };
    assert_eq!(storage.commit(late).await.expect("storage"), Committed::Done(2));
    let kept = storage.idempotency(5, &key).await.expect("storage");
    assert_eq!(kept, Some(b"another".to_vec()));
    assert_eq!(storage.idempotency(5, &[0xfe; 32]).await.expect("storage"), None);
}

async fn moves_an_expiry_of_the_version_that_was_read(storage: &dyn Storage) {
    let moment = |millis| UNIX_EPOCH + Duration::from_millis(millis);
    let id = session_id();
    let new = NewSession {
        expires: Some(moment(5_000)),
        ..new_session(&id)
    };
    storage.create(new).await.expect("storage");
    let expires = async |until| {
        let expired = storage.expired(id.partition(), moment(until), 1000).await;
        expired.expect("storage").contains(&id)
    };
    let step = Commit {
        expires: Some(moment(6_000)),
        ..step(&id, 1, b"two", JobStep::Keep)
    };
    storage.commit(step).await.expect("storage");
    assert!(!storage.move_expiry(&id, 1, Some(moment(9_000))).await.expect("storage"));
    assert!(expires(6_000).await, "another version");
    assert!(storage.move_expiry(&id, 2, Some(moment(9_000))).await.expect("storage"));
    assert!(!expires(8_999).await && expires(9_000).await);
    let found = storage.session(&id).await.expect("storage").expect("is there");
    assert_eq!((found.version, found.record.as_slice()), (2, b"two".as_slice()));
    assert!(storage.move_expiry(&id, 2, None).await.expect("storage"));
    assert!(!expires(100_000).await);
}

async fn counts_what_has_expired(storage: &dyn Storage) {
    let moment = |millis| UNIX_EPOCH + Duration::from_millis(millis);
    let id = session_id();
    let count = async |millis| {
        let counted = storage.count_expired(id.partition(), moment(millis)).await;
        counted.expect("storage")
    };
    let before = count(7_000).await;
    let new = NewSession {
        expires: Some(moment(5_000)),
        ..new_session(&id)
    };
    storage.create(new).await.expect("storage");
    assert_eq!(count(5_000).await, before + 1);
    assert_eq!(count(4_999).await, before);
    let step = step(&id, 1, b"two", JobStep::Keep);
    storage.commit(step).await.expect("storage");
    assert_eq!(count(7_000).await, before, "it expires no more");
}

async fn takes_a_step_once_that_is_sent_again(storage: &dyn Storage) {
    let id = session_id();
    let events = async || {
        let events = storage.events(id.partition(), 0, 10_000).await.expect("storage");
        events.into_iter().map(|event| event.record).collect::<Vec<_>>()
    };
    let before = events().await.len();
    let new = new_session(&id);
    for _ in 0..2 {
        assert_eq!(storage.create(new.clone()).await.expect("storage"), Created::New);
    }
    let submission = Commit {
        event: Some(event(&id, b"submitted")),
        ..step(&id, 1, b"two", enqueue(1))
    };
    for _ in 0..3 {
        let outcome = storage.commit(submission.clone()).await;
        assert_eq!(outcome.expect("storage"), Committed::Done(2));
    }
    assert_eq!(events().await[before..], [b"created".as_slice(), b"submitted"]);
    let held = lease(storage).await.expect("queued").lease;
    assert_eq!(held.session, id);
    assert_eq!(lease(storage).await, None, "once");

    finish(storage, &held).await;
    let outcome = storage.commit(submission).await;
    assert_eq!(outcome.expect("storage"), Committed::Conflict, "others went on since");
}

async fn one_of_many_commits_wins(subject: &dyn Subject) {
    let id = create(subject.storage().as_ref()).await;
    let commits: Vec<_> = (0..8_u8)
        .map(|number| {
            let (storage, step) = (subject.storage(), step(&id, 1, &[number], JobStep::Keep));
            tokio::spawn(async move { storage.commit(step).await.expect("storage") })
        })
        .collect();
    let mut done = Vec::new();
    for (number, commit) in (0..8_u8).zip(commits) {
        if commit.await.expect("no panic") == Committed::Done(2) {
            done.push(number);
        }
    }
    assert_eq!(done.len(), 1);
    let found = subject
        .storage()
        .session(&id)
        .await
        .expect("storage")
        .expect("is there");
    assert_eq!(found.record, done);
}

async fn keeps_events_in_the_order_of_their_steps(storage: &dyn Storage) {
    let id = create(storage).await;
    let last = storage
        .events(id.partition(), 0, 10_000)
        .await
        .expect("storage")
        .pop()
        .expect("created");
    assert_eq!(last.record, b"created");
    let mut expected = Vec::new();
    for version in 1..=5 {
        let event = event(&id, version.to_string().as_bytes());
        expected.push(event.clone());
        let commit = Commit {
            event: Some(event),
            ..step(&id, version, b"next", JobStep::Keep)
        };
        assert_eq!(
            storage.commit(commit).await.expect("storage"),
            Committed::Done(version + 1)
        );
    }
    let mut read = Vec::new();
    let mut position = last.position;
    loop {
        let page = storage.events(id.partition(), position, 2).await.expect("storage");
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        assert!(last.position > position);
        position = last.position;
        read.extend(page);
    }
    assert_eq!(read.len(), expected.len());
    for (read, expected) in read.iter().zip(&expected) {
        assert_eq!((&read.id, &read.record), (&expected.id, &expected.record));
    }
}

async fn leases_each_job_once(storage: &dyn Storage) {
    let mut submitted = Vec::new();
    for _ in 0..5 {
        submitted.push(submit(storage).await.to_string());
    }
    let mut leased = Vec::new();
    while let Some(found) = lease(storage).await {
        assert_eq!((found.lease.attempt, found.delivery, found.excused), (1, 1, 0));
        leased.push(found.lease);
    }
    let mut sessions: Vec<_> = leased.iter().map(|lease| lease.session.to_string()).collect();
    sessions.sort();
    submitted.sort();
    assert_eq!(sessions, submitted);
    for lease in leased {
        finish(storage, &lease).await;
        assert_eq!(state(storage, &lease.session).await, None);
        assert!(
            !storage.extend(&lease, LEASE).await.expect("storage"),
            "a finished job cannot be kept"
        );
        assert!(
            !storage.release(&lease, LEASE, false).await.expect("storage"),
            "nor handed back"
        );
    }
}

async fn leases_again_what_was_not_finished(subject: &dyn Subject) {
    let storage = subject.storage();
    let storage = storage.as_ref();
    let id = submit(storage).await;
    let first = lease(storage).await.expect("queued");
    assert_eq!((&first.lease.session, first.delivery), (&id, 1));
    assert_eq!(lease(storage).await, None, "it is held");
    subject.hand().advance(LEASE);
    let second = lease(storage).await.expect("it lapsed");
    assert_eq!(
        (&second.lease.session, second.lease.attempt, second.delivery),
        (&id, 1, 2)
    );
    let (first, second) = (first.lease, second.lease);
    assert_ne!(first.nonce, second.nonce);
    assert!(
        !storage.extend(&first, LEASE).await.expect("storage"),
        "the first worker lost it"
    );
    assert!(!storage.release(&first, LEASE, false).await.expect("storage"));
    assert!(is_held(storage, &second).await);
    finish(storage, &second).await;

    // The next attempt of the same session is another job, which an old lease does not reach.
    let outcome = storage.commit(step(&id, 3, b"again", enqueue(2))).await;
    assert_eq!(outcome.expect("storage"), Committed::Done(4));
    let third = lease(storage).await.expect("queued");
    assert_eq!((&third.lease.session, third.lease.attempt, third.delivery), (&id, 2, 1));
    assert!(!storage.extend(&first, LEASE).await.expect("storage"));
    assert!(storage.extend(&third.lease, LEASE).await.expect("storage"));
    finish(storage, &third.lease).await;
}

async fn leases_one_job_for_a_request_that_is_sent_again(subject: &dyn Subject) {
    let storage = subject.storage();
    let storage = storage.as_ref();
    let asked = request(LEASE);
    assert_eq!(storage.lease(&asked).await.expect("storage"), None);
    submit(storage).await;
    submit(storage).await;
    let given = storage.lease(&asked).await.expect("storage").expect("queued");
    subject.hand().advance(LEASE / 2);
    for _ in 0..2 {
        let again = storage.lease(&asked).await.expect("storage");
        assert_eq!(again.as_ref(), Some(&given));
    }
    let other = lease(storage).await.expect("the other one").lease;
    // The time of the lease began anew.
    subject.hand().advance(LEASE * 3 / 4);
    assert_eq!(lease(storage).await, None);
    assert!(storage.extend(&given.lease, LEASE).await.expect("storage"));
    finish(storage, &other).await;
    finish(storage, &given.lease).await;
    assert_eq!(storage.lease(&asked).await.expect("storage"), None, "it is done");

    // What another one got since is not given twice.
    submit(storage).await;
    let given = storage.lease(&asked).await.expect("storage").expect("queued").lease;
    subject.hand().advance(LEASE);
    let other = lease(storage).await.expect("it lapsed").lease;
    assert_eq!(storage.lease(&asked).await.expect("storage"), None);
    assert!(is_held(storage, &other).await);
    assert!(!storage.extend(&given, LEASE).await.expect("storage"));
    finish(storage, &other).await;
}

/// Many calls of one request look for a job at once, as when a call is sent again while the first is still under way.
async fn leases_one_job_for_many_calls_of_a_request(subject: &dyn Subject) {
    let storage = subject.storage();
    let mut sessions = Vec::new();
    for _ in 0..16 {
        sessions.push(submit(storage.as_ref()).await);
    }
    let asked = request(LEASE);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (storage, asked) = (Arc::clone(&storage), asked.clone());
            tokio::spawn(async move { storage.lease(&asked).await.expect("storage") })
        })
        .collect();
    let mut given = Vec::new();
    for call in calls {
        given.extend(call.await.expect("no panic").map(|leased| leased.lease));
    }
    let mut held = Vec::new();
    for session in &sessions {
        if let Some(JobState::Leased { nonce, .. }) = state(storage.as_ref(), session).await {
            held.push(nonce);
        }
    }
    let [held] = held.as_slice() else {
        panic!("{} jobs are held", held.len())
    };
    // Those that found themselves overtaken have no answer.
    assert!(
        !given.is_empty() && given.iter().all(|lease| lease.nonce == *held),
        "{given:?}"
    );
    finish(storage.as_ref(), &given[0]).await;
    while let Some(leased) = lease(storage.as_ref()).await {
        finish(storage.as_ref(), &leased.lease).await;
    }
}

async fn extends_a_lease(subject: &dyn Subject) {
    let storage = subject.storage();
    let storage = storage.as_ref();
    submit(storage).await;
    let held = lease(storage).await.expect("queued").lease;
    assert!(storage.extend(&held, LEASE * 3).await.expect("storage"));
    subject.hand().advance(LEASE * 2);
    assert_eq!(lease(storage).await, None, "it is still held");
    assert!(
        storage.extend(&held, Duration::from_millis(1)).await.expect("storage"),
        "an extension may shorten"
    );
    subject.hand().advance(Duration::from_millis(1));
    assert!(
        storage.extend(&held, Duration::from_millis(1)).await.expect("storage"),
        "it lapsed, but nobody has got the job since"
    );
    subject.hand().advance(Duration::from_millis(1));
    let again = lease(storage).await.expect("it lapsed");
    assert_eq!((&again.lease.session, again.delivery), (&held.session, 2));
    finish(storage, &again.lease).await;
}

async fn queues_for_later(subject: &dyn Subject) {
    let storage = subject.storage();
    let storage = storage.as_ref();
    let later = create(storage).await;
    let delay = LEASE * 4;
    let job = JobStep::Enqueue { attempt: 1, delay };
    let queued = storage.commit(step(&later, 1, b"two", job)).await;
    assert_eq!(queued.expect("storage"), Committed::Done(2));
    let Some(Job {
        state: JobState::Waiting { due },
        ..
    }) = storage.job(&later).await.expect("storage")
    else {
        panic!("it is queued")
    };
    assert_eq!(due, subject.hand().now() + delay);
    assert_eq!(lease(storage).await, None);
    let other = submit(storage).await;
    let held = lease(storage).await.expect("queued").lease;
    assert_eq!(held.session, other, "one that waits does not hold up others");
    finish(storage, &held).await;
    subject.hand().advance(delay - Duration::from_millis(1));
    assert_eq!(lease(storage).await, None, "not before the delay has passed");
    subject.hand().advance(Duration::from_millis(1));
    let held = lease(storage).await.expect("the delay has passed");
    assert_eq!((&held.lease.session, held.delivery), (&later, 1));
    finish(storage, &held.lease).await;
}

async fn hands_back_with_and_without_delay(subject: &dyn Subject) {
    let storage = subject.storage();
    let storage = storage.as_ref();
    submit(storage).await;
    let held = lease(storage).await.expect("queued").lease;
    assert!(storage.release(&held, LEASE, false).await.expect("storage"));
    assert!(
        !storage.extend(&held, LEASE).await.expect("storage"),
        "handed back is not held"
    );
    assert_eq!(lease(storage).await, None, "not before the delay has passed");
    let other = submit(storage).await;
    let held = lease(storage).await.expect("queued").lease;
    assert_eq!(held.session, other, "one that waits does not hold up others");
    assert!(storage.release(&held, Duration::ZERO, false).await.expect("storage"));
    let again = lease(storage).await.expect("at once");
    assert_eq!((&again.lease.session, again.delivery, again.excused), (&other, 2, 0));

    // An excused delivery is told apart.
    assert!(
        storage
            .release(&again.lease, Duration::ZERO, true)
            .await
            .expect("storage")
    );
    let again = lease(storage).await.expect("at once");
    assert_eq!((&again.lease.session, again.delivery, again.excused), (&other, 3, 1));
    finish(storage, &again.lease).await;
    assert_eq!(lease(storage).await, None);
    subject.hand().advance(LEASE);
    let delayed = lease(storage).await.expect("the delay has passed");
    assert_eq!(delayed.delivery, 2);
    finish(storage, &delayed.lease).await;
}

async fn hands_back_once(storage: &dyn Storage) {
    submit(storage).await;
    let first = lease(storage).await.expect("queued").lease;
    for excused in [true, true, false] {
        assert!(storage.release(&first, Duration::ZERO, excused).await.expect("storage"));
    }
    let second = lease(storage).await.expect("at once");
    assert_eq!((second.delivery, second.excused), (2, 1));
    assert!(
        storage.release(&first, Duration::ZERO, true).await.expect("storage"),
        "sent again, it is answered as before"
    );
    assert!(is_held(storage, &second.lease).await, "and takes nothing from anybody");
    assert!(
        storage
            .release(&second.lease, Duration::ZERO, false)
            .await
            .expect("storage")
    );
    let third = lease(storage).await.expect("at once");
    assert_eq!((third.delivery, third.excused), (3, 1));
    finish(storage, &third.lease).await;
}

/// Many workers finish one attempt at once, as when a lease ended while its worker still computed.
async fn completes_once(subject: &dyn Subject) {
    let id = submit(subject.storage().as_ref()).await;
    let held = lease(subject.storage().as_ref()).await.expect("queued").lease;
    let commits: Vec<_> = (0..8)
        .map(|_| {
            let id = id.clone();
            let report = Id::new(Kind::VerificationReport, id.partition());
            let finish = Commit {
                reports: vec![self::report(&report)],
                ..step(&id, 2, report.as_str().as_bytes(), JobStep::Finish(held.clone()))
            };
            let storage = subject.storage();
            (
                report,
                tokio::spawn(async move { storage.commit(finish).await.expect("storage") }),
            )
        })
        .collect();
    let mut done = Vec::new();
    for (report, commit) in commits {
        let written = commit.await.expect("no panic") == Committed::Done(3);
        let found = subject.storage().report(&report).await.expect("storage");
        assert_eq!(found.is_some(), written, "only the step that happened leaves a report");
        if written {
            done.push(report);
        }
    }
    let [report] = done.as_slice() else {
        panic!("completed {} times", done.len())
    };
    let found = subject
        .storage()
        .session(&id)
        .await
        .expect("storage")
        .expect("is there");
    assert_eq!(found.record, report.as_str().as_bytes());
}

async fn finishes_under_the_lease_that_is_held(subject: &dyn Subject) {
    let storage = subject.storage();
    let storage = storage.as_ref();
    let id = submit(storage).await;
    let other = submit(storage).await;
    let leases = [lease(storage).await, lease(storage).await].map(|leased| leased.expect("queued").lease);
    let [lost, others] = if leases[0].session == id {
        leases
    } else {
        let [others, lost] = leases;
        [lost, others]
    };
    subject.hand().advance(LEASE);
    assert!(storage.extend(&others, LEASE).await.expect("storage"));
    let held = lease(storage).await.expect("it lapsed").lease;
    let report = Id::new(Kind::VerificationReport, id.partition());
    let finish_under = |held: &Lease| Commit {
        reports: vec![self::report(&report)],
        ..step(&id, 2, b"three", JobStep::Finish(held.clone()))
    };
    for held in [&lost, &others] {
        let outcome = storage.commit(finish_under(held)).await;
        assert_eq!(outcome.expect("storage"), Committed::JobLost);
    }
    assert_eq!(storage.report(&report).await.expect("storage"), None);
    let found = storage.session(&id).await.expect("storage").expect("is there");
    assert_eq!((found.version, found.record.as_slice()), (2, b"two".as_slice()));
    assert!(is_held(storage, &held).await);

    // What has lapsed is still its holder's, as long as nobody else's.
    subject.hand().advance(LEASE * 2);
    for _ in 0..2 {
        let outcome = storage.commit(finish_under(&held)).await;
        assert_eq!(outcome.expect("storage"), Committed::Done(3));
    }
    assert_eq!(state(storage, &id).await, None);
    finish(storage, &others).await;
    assert_eq!(state(storage, &other).await, None);
    assert_eq!(lease(storage).await, None);
}

pub(crate) async fn set_aside(storage: &dyn Storage) -> Lease {
    submit(storage).await;
    let held = lease(storage).await.expect("queued").lease;
    let reason = DeadLetterReason::SessionUnreadable;
    assert!(storage.dead_letter(&held, &reason).await.expect("storage"));
    held
}

async fn sets_aside_and_queues_again(subject: &dyn Subject) {
    let storage = subject.storage();
    let storage = storage.as_ref();
    let id = submit(storage).await;
    let lost = lease(storage).await.expect("queued").lease;
    subject.hand().advance(LEASE);
    let held = lease(storage).await.expect("it lapsed").lease;
    let reason = DeadLetterReason::MasterKeyMissing("k1".to_owned());
    assert!(!storage.dead_letter(&lost, &reason).await.expect("storage"));
    assert!(
        !storage.requeue(&id, 2, Deliveries::Forgotten).await.expect("storage"),
        "no such attempt"
    );
    assert!(
        storage.requeue(&id, 1, Deliveries::Forgotten).await.expect("storage"),
        "it is in the queue"
    );
    assert!(is_held(storage, &held).await);
    for _ in 0..2 {
        assert!(storage.dead_letter(&held, &reason).await.expect("storage"));
    }
    let job = storage.job(&id).await.expect("storage").expect("set aside");
    let since = subject.hand().now();
    assert_eq!(job.state, JobState::DeadLettered { since, reason });
    assert!(!storage.extend(&held, LEASE).await.expect("storage"));
    subject.hand().advance(LEASE * 2);
    assert_eq!(lease(storage).await, None, "it left the queue");

    for _ in 0..2 {
        assert!(storage.requeue(&id, 1, Deliveries::Forgotten).await.expect("storage"));
    }
    let again = lease(storage).await.expect("queued again");
    assert_eq!((&again.lease.session, again.delivery, again.excused), (&id, 1, 0));
    assert!(
        !storage
            .dead_letter(&held, &DeadLetterReason::SessionMissing)
            .await
            .expect("storage"),
        "who set it aside before has nothing to do with it any more"
    );
    assert!(storage.requeue(&id, 1, Deliveries::Forgotten).await.expect("storage"));
    assert!(is_held(storage, &again.lease).await);

    // What was delivered before may still count.
    assert!(
        storage
            .release(&again.lease, Duration::ZERO, true)
            .await
            .expect("storage")
    );
    let held = lease(storage).await.expect("at once").lease;
    let reason = DeadLetterReason::SessionMissing;
    assert!(storage.dead_letter(&held, &reason).await.expect("storage"));
    assert!(storage.requeue(&id, 1, Deliveries::Kept).await.expect("storage"));
    let again = lease(storage).await.expect("queued again");
    assert_eq!((&again.lease.session, again.delivery, again.excused), (&id, 3, 1));
    let held = again.lease;
    assert!(storage.dead_letter(&held, &reason).await.expect("storage"));
    assert!(storage.requeue(&id, 1, Deliveries::Excused).await.expect("storage"));
    let again = lease(storage).await.expect("queued again");
    assert_eq!((&again.lease.session, again.delivery, again.excused), (&id, 4, 2));
    finish(storage, &again.lease).await;
    assert!(
        !storage.requeue(&id, 1, Deliveries::Forgotten).await.expect("storage"),
        "it is done"
    );
    assert_eq!(
        storage.dead_letters(id.partition(), None, 10).await.expect("storage"),
        []
    );
}

async fn ends_what_was_set_aside(storage: &dyn Storage) {
    let Lease { session, .. } = set_aside(storage).await;
    let end = |attempt| step(&session, 2, b"failed", JobStep::FinishDeadLetter { attempt });
    assert_eq!(storage.commit(end(2)).await.expect("storage"), Committed::JobLost);
    for _ in 0..2 {
        assert_eq!(storage.commit(end(1)).await.expect("storage"), Committed::Done(3));
    }
    assert_eq!(state(storage, &session).await, None);

    let Lease { session, .. } = set_aside(storage).await;
    assert!(!storage.discard(&session, 2).await.expect("storage"));
    assert!(storage.discard(&session, 1).await.expect("storage"));
    assert!(!storage.discard(&session, 1).await.expect("storage"));
    assert_eq!(state(storage, &session).await, None);

    // What is in the queue was not set aside.
    let session = submit(storage).await;
    assert!(!storage.discard(&session, 1).await.expect("storage"));
    let end = step(&session, 2, b"failed", JobStep::FinishDeadLetter { attempt: 1 });
    assert_eq!(storage.commit(end).await.expect("storage"), Committed::JobLost);
    let held = lease(storage).await.expect("queued").lease;
    finish(storage, &held).await;
}

pub(crate) async fn lists_what_was_set_aside(storage: &dyn Storage) {
    let mut aside = Vec::new();
    for _ in 0..40 {
        aside.push(set_aside(storage).await.session);
    }
    aside.sort_by_key(|session| (session.partition(), session.to_string()));
    let mut listed = Vec::new();
    for partition in 0..PARTITIONS {
        let mut after: Option<Id> = None;
        loop {
            let page = storage
                .dead_letters(partition, after.as_ref(), 2)
                .await
                .expect("storage");
            assert!(page.len() <= 2);
            let Some(Job { session, .. }) = page.last() else { break };
            after = Some(session.clone());
            listed.extend(page.into_iter().map(|job| job.session));
        }
    }
    assert_eq!(listed, aside);
    for session in aside {
        assert!(storage.discard(&session, 1).await.expect("storage"));
    }
}

async fn tells_how_much_there_is_to_do(subject: &dyn Subject) {
    let storage = subject.storage();
    let storage = storage.as_ref();
    assert_eq!(storage.depth().await.expect("storage"), Depth::default());
    let aside = set_aside(storage).await;
    submit(storage).await;
    submit(storage).await;
    subject.hand().advance(Duration::from_secs(7));
    submit(storage).await;
    let held = lease(storage).await.expect("queued").lease;
    subject.hand().advance(Duration::from_secs(2));
    let expected = Depth {
        due: 2,
        later: 1,
        dead_letters: 1,
        longest_due: Duration::from_secs(9),
    };
    assert_eq!(storage.depth().await.expect("storage"), expected);
    // A job whose lease has lapsed is due from then on.
    subject.hand().advance(LEASE);
    let lapsed = Depth {
        due: 3,
        later: 0,
        longest_due: LEASE + Duration::from_secs(9),
        ..expected
    };
    assert_eq!(storage.depth().await.expect("storage"), lapsed);
    assert!(storage.discard(&aside.session, 1).await.expect("storage"));
    finish(storage, &held).await;
    while let Some(leased) = lease(storage).await {
        finish(storage, &leased.lease).await;
    }
    assert_eq!(storage.depth().await.expect("storage"), Depth::default());
}

async fn tells_of_changes(subject: &dyn Subject) {
    let storage = subject.storage();
    let storage = storage.as_ref();
    let prompt = Duration::from_secs(10);
    let id = create(storage).await;
    let mut session = storage.changes().session(id.as_str());
    let mut jobs = storage.changes().jobs();
    storage.commit(step(&id, 1, b"two", enqueue(1))).await.expect("storage");
    tokio::time::timeout(prompt, session.changed())
        .await
        .expect("told of the session");
    tokio::time::timeout(prompt, jobs.changed())
        .await
        .expect("told of the job")
        .expect("open");
    let held = lease(storage).await.expect("queued").lease;
    assert!(storage.release(&held, Duration::ZERO, false).await.expect("storage"));
    tokio::time::timeout(prompt, jobs.changed())
        .await
        .expect("told of the job handed back")
        .expect("open");
    let held = lease(storage).await.expect("at once").lease;
    finish(storage, &held).await;
    tokio::time::timeout(prompt, session.changed())
        .await
        .expect("told of the end");
}
