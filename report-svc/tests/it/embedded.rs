//! The embedded storage.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::id::Kind;
use redb::{Database, ReadableTable as _, TableDefinition};
use report_svc::id::Id;
use report_svc::lifecycle::Status;
use report_svc::storage::embedded::{Embedded, OpenError};
use report_svc::storage::{Commit, Committed, FileEntries, NewSession, SealedEvent, Storage};

use crate::clock::Hand;
use crate::conformance::{Subject, enqueue, entry, suite};

struct Manual {
    storage: Arc<dyn Storage>,
    hand: Hand,
}

#[async_trait::async_trait]
impl Subject for Manual {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.storage)
    }

    fn hand(&self) -> &Hand {
        &self.hand
    }

    async fn pass(&self, time: Duration) {
        self.hand.advance(time);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn does_what_every_storage_must() {
    let folder = tempfile::tempdir().expect("a folder");
    let hand = Hand::new();
    let storage = Embedded::open(&folder.path().join("state.redb"), hand.clock()).expect("opens");
    let storage = Arc::new(storage);
    suite(&Manual { storage, hand }).await;
}

#[tokio::test]
async fn finds_everything_again_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.redb");
    let hand = Hand::new();
    let id = Id::new(Kind::VerificationSession, 3);
    let event = |record: &[u8]| SealedEvent {
        id: Id::new(Kind::Event, 3),
        record: record.to_vec(),
    };
    let report = crate::conformance::report(&Id::new(Kind::VerificationReport, 3));
    let request = || crate::conformance::request(Duration::from_secs(30));
    {
        let storage = Embedded::open(&path, hand.clock()).expect("opens");
        let new = NewSession {
            id: id.clone(),
            record: b"one".to_vec(),
            event: event(b"first"),
            entry: entry(Status::RequiresInput),
            expires: None,
            idempotency: None,
        };
        storage.create(new).await.expect("storage");
        let step = Commit {
            session: id.clone(),
            expected: 1,
            record: b"two".to_vec(),
            reports: vec![report.clone()],
            attempts: Vec::new(),
            idempotency: None,
            answer: None,
            event: Some(event(b"second")),
            reindex: None,
            expires: None,
            files: FileEntries::default(),
            job: enqueue(1),
        };
        assert_eq!(storage.commit(step).await.expect("storage"), Committed::Done(2));
        assert_eq!(
            storage
                .lease(&request())
                .await
                .expect("storage")
                .expect("queued")
                .delivery,
            1
        );
    }
    let storage = Embedded::open(&path, hand.clock()).expect("opens again");
    assert_eq!(
        storage.session(&id).await.expect("storage").expect("kept").record,
        b"two"
    );
    assert_eq!(storage.report(&report.id).await.expect("storage"), Some(report.record));
    let events = storage.events(3, 0, 10).await.expect("storage");
    assert_eq!(
        events.iter().map(|event| event.record.as_slice()).collect::<Vec<_>>(),
        [b"first".as_slice(), b"second"]
    );
    assert_eq!(
        storage.lease(&request()).await.expect("storage"),
        None,
        "the lease holds over a restart"
    );
    hand.advance(Duration::from_secs(30));
    assert_eq!(
        storage
            .lease(&request())
            .await
            .expect("storage")
            .expect("queued")
            .delivery,
        2
    );
}

const JOBS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("jobs");

/// Changes a session's job as no program of ours does.
fn tamper(path: &Path, session: &Id, change: impl FnOnce(&mut Vec<u8>)) {
    let database = Database::open(path).expect("opens");
    let transaction = database.begin_write().expect("alone");
    {
        let mut jobs = transaction.open_table(JOBS).expect("is there");
        let row = jobs
            .get(session.as_str())
            .expect("reads")
            .map(|row| row.value().to_vec());
        let mut row = row.expect("queued");
        change(&mut row);
        jobs.insert(session.as_str(), row.as_slice()).expect("writes");
    }
    transaction.commit().expect("writes");
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_read_hides_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.redb");
    let hand = Hand::new();
    let mut aside = Vec::new();
    {
        let storage = Embedded::open(&path, hand.clock()).expect("opens");
        for _ in 0..40 {
            aside.push(crate::conformance::set_aside(&storage).await.session);
        }
    }
    aside.sort_by_key(|session| (session.partition(), session.to_string()));
    let of_partition: Vec<&Id> = aside
        .iter()
        .filter(|id| id.partition() == aside[0].partition())
        .collect();
    // A reason that we do not know, of the same length.
    tamper(&path, of_partition[0], |row| {
        let last = row.last_mut().expect("the reason's end");
        *last = b'!';
    });
    let storage = Embedded::open(&path, hand.clock()).expect("opens again");
    let partition = aside[0].partition();
    let letters = storage.dead_letters(partition, None, 1).await.expect("storage");
    let listed: Vec<&Id> = letters.iter().map(|letter| &letter.session).collect();
    assert_eq!(listed, of_partition[1..].iter().copied().take(1).collect::<Vec<_>>());
    let letters = storage.dead_letters(partition, None, 100).await.expect("storage");
    assert_eq!(letters.len(), of_partition.len() - 1);
    assert_eq!(storage.job(of_partition[0]).await.expect("storage"), None);
}

#[tokio::test]
async fn a_job_in_the_place_of_one_that_cannot_be_read_is_leased_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.redb");
    let hand = Hand::new();
    let id = {
        let storage = Embedded::open(&path, hand.clock()).expect("opens");
        crate::conformance::submit(&storage).await
    };
    tamper(&path, &id, |row| *row = b"not a row".to_vec());
    let storage = Embedded::open(&path, hand.clock()).expect("opens again");
    hand.advance(Duration::from_millis(1));
    let again = Commit {
        session: id.clone(),
        expected: 2,
        record: b"again".to_vec(),
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
    assert_eq!(storage.commit(again).await.expect("storage"), Committed::Done(3));
    let request = || crate::conformance::request(Duration::from_secs(30));
    let leased = storage.lease(&request()).await.expect("storage").expect("queued");
    assert_eq!((&leased.lease.session, leased.delivery), (&id, 1));
    assert_eq!(storage.lease(&request()).await.expect("storage"), None, "it is held");
}

#[test]
fn tells_a_second_process_that_the_file_is_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.redb");
    let first = Embedded::open(&path, Arc::new(SystemTime::now)).expect("opens");
    // Another handle in the same process meets the same lock.
    let error = Embedded::open(&path, Arc::new(SystemTime::now)).expect_err("locked");
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    drop(first);
    Embedded::open(&path, Arc::new(SystemTime::now)).expect("free again");
}

#[test]
fn refuses_a_file_that_is_not_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.redb");
    std::fs::write(&path, b"something else entirely, long enough to be a header").expect("writes");
    let error = Embedded::open(&path, Arc::new(SystemTime::now)).expect_err("not ours");
    assert!(matches!(error, OpenError::File { .. }), "{error}");
}

#[test]
fn refuses_a_file_of_another_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.redb");
    let meta = TableDefinition::<&str, u64>::new("meta");
    // A table of today, with other types.
    let sessions = TableDefinition::<u64, u64>::new("sessions");
    let database = Database::create(&path).expect("makes");
    let transaction = database.begin_write().expect("begins");
    transaction
        .open_table(meta)
        .expect("opens")
        .insert("schema", 2)
        .expect("writes");
    transaction.open_table(sessions).expect("opens");
    transaction.commit().expect("commits");
    drop(database);
    let error = Embedded::open(&path, Arc::new(SystemTime::now)).expect_err("of another schema");
    assert!(matches!(error, OpenError::Schema { found: 2, .. }), "{error}");
}
