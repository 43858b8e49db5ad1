//! Stores as an earlier version wrote them, opened by this one. They lie in `tests/recorded`, a folder for each schema; a schema that
//! changes keeps those before it here, and the migration that reads them.
//!
//! `BONAFIDE_RECORD=1 cargo test --test it recorded` writes that of the present schema anew.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proto::id::Kind;
use proto::identity::v1::{
    CreateVerificationSessionRequest, ImagePurpose, VerificationErrorCode, VerificationSessionStatus as Status,
};
use report_svc::assemble::Findings;
use report_svc::evidence::{Evidence, Location};
use report_svc::id::Id;
use report_svc::limits::Limits;
use report_svc::seal::Keyring;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::Redis;
use report_svc::storage::{DeadLetterReason, JobState, Storage};
use report_svc::store::{Cursor, Filter, Store};

use crate::conformance::request;
use crate::deployment::{ACCOUNT, completion};
use crate::redis_server::RedisServer;

/// The folder of the present schema.
const PRESENT: &str = "v5";

/// Of nothing but these records.
const MASTER_KEY: &str = "recorded:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

const LEASE: Duration = Duration::from_secs(60);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded")
        .join(PRESENT)
}

fn is_recording() -> bool {
    std::env::var_os("BONAFIDE_RECORD").is_some()
}

async fn store(storage: Arc<dyn Storage>, evidence: PathBuf) -> Store {
    let evidence = Evidence::open(Location::Folder(evidence)).await.expect("a store");
    let keyring = Keyring::parse(MASTER_KEY).expect("a key");
    Store::new(storage, evidence, keyring, Limits::default())
}

/// One session in each condition that a record can be in. Answers their ids, in the order of [`reads`].
async fn write(storage: Arc<dyn Storage>, evidence: PathBuf) -> Vec<String> {
    let store = store(storage.clone(), evidence).await;
    let mut ids = Vec::new();
    for condition in ["waits", "verified", "failed", "set aside", "queued", "canceled"] {
        let creation = CreateVerificationSessionRequest {
            client_reference_id: Some(condition.to_owned()),
            ..CreateVerificationSessionRequest::default()
        };
        let id = store.create(ACCOUNT, true, creation).await.expect("created").id;
        ids.push(id.to_string());
        if condition == "canceled" {
            store.cancel(id.as_str(), ACCOUNT).await.expect("canceled");
            continue;
        }
        let picture = condition.as_bytes().to_vec();
        let put = store.put_image(id.as_str(), None, ImagePurpose::DocumentFront, picture);
        put.await.expect("kept");
        if condition == "waits" {
            continue;
        }
        store
            .submit(id.as_str(), None, Default::default())
            .await
            .expect("submitted");
        if condition == "queued" {
            continue;
        }
        let job = store.lease(&request(LEASE)).await.expect("storage").expect("queued");
        let lease = job.lease_token.parse().expect("a lease");
        if condition == "set aside" {
            let reason = DeadLetterReason::SessionUnreadable;
            assert!(storage.dead_letter(&lease, &reason).await.expect("storage"));
            continue;
        }
        let error = (condition == "failed").then_some(VerificationErrorCode::DocumentExpired);
        let answer = completion(&job, error, None);
        let findings = Findings {
            document: answer.document,
            ..Findings::default()
        };
        store.complete(&lease, findings).await.expect("completed");
    }
    ids
}

/// Reads what [`write`] wrote, and goes on with it.
async fn reads(storage: Arc<dyn Storage>, evidence: PathBuf, ids: &[&str]) {
    let store = store(storage.clone(), evidence).await;
    store.keys_fit().await.expect("the records open");
    let [waits, verified, failed, set_aside, queued, canceled] = ids else {
        panic!("six sessions were recorded")
    };
    for (id, status, reference) in [
        (waits, Status::RequiresInput, "waits"),
        (verified, Status::Verified, "verified"),
        (failed, Status::RequiresInput, "failed"),
        (set_aside, Status::Processing, "set aside"),
        (queued, Status::Processing, "queued"),
        (canceled, Status::Canceled, "canceled"),
    ] {
        let session = store.session(id, Some(ACCOUNT)).await.expect("is there");
        assert_eq!(session.public.status(), status, "{reference}");
        assert_eq!(session.public.client_reference_id.as_deref(), Some(reference));
        if let Some(file) = session.file(ImagePurpose::DocumentFront) {
            let picture = store.image(id, &file.id).await.expect("opens");
            assert_eq!(picture, reference.as_bytes());
        }
    }
    for id in [verified, failed] {
        let session = store.session(id, None).await.expect("is there");
        let report = session.public.last_verification_report.as_deref().expect("a report");
        let report = store.report(report, ACCOUNT).await.expect("opens");
        let document = report.document.expect("checked");
        assert_eq!(document.number.as_deref(), Some("L898902C3"));
    }
    assert_eq!(storage.accounts().await.expect("storage"), [ACCOUNT]);
    let reference = |name: &str| Filter {
        account: ACCOUNT.to_owned(),
        client_reference_id: Some(name.to_owned()),
        related_customer: None,
        related_customer_account: None,
        status: None,
        created: 0..u128::MAX,
    };
    let found = store.list(&reference("verified"), &Cursor::Newest, 10).await;
    let found: Vec<_> = found
        .expect("listed")
        .items
        .into_iter()
        .map(|session| session.id)
        .collect();
    assert_eq!(found.iter().map(Id::as_str).collect::<Vec<_>>(), [*verified]);
    let events = async |session: &str| {
        let id = Id::parse(Kind::VerificationSession, session).expect("ours");
        let events = store.events(id.partition(), 0, 100).await.expect("open");
        events
            .iter()
            .filter(|event| event.verification_session == session)
            .count()
    };
    assert_eq!(
        (events(waits).await, events(verified).await, events(canceled).await),
        (1, 3, 2)
    );

    // What waits goes on: a job, a letter, a person.
    let job = store.lease(&request(LEASE)).await.expect("storage").expect("is queued");
    assert_eq!(job.verification_session, *queued);
    let lease = job.lease_token.parse().expect("a lease");
    assert!(
        store
            .complete(&lease, Findings::default())
            .await
            .expect("done")
            .completed_now
    );
    let letters = store.dead_letters(None, 10).await.expect("storage");
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].session.as_str(), *set_aside);
    assert!(matches!(letters[0].state, JobState::DeadLettered { .. }));
    store.requeue(set_aside, 1).await.expect("queued again");
    store.submit(waits, None, Default::default()).await.expect("submitted");
}

fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut zipped = GzEncoder::new(Vec::new(), Compression::best());
    zipped.write_all(bytes).expect("in memory");
    zipped.finish().expect("in memory")
}

fn unzip(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let zipped = std::fs::read(path).expect("recorded");
    GzDecoder::new(zipped.as_slice())
        .read_to_end(&mut bytes)
        .expect("whole");
    bytes
}

/// Copies the recorded pictures: tests change them.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("recorded") {
        let entry = entry.expect("recorded");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copied");
        }
    }
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("recorded");
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn an_embedded_store_of_this_schema_is_read() {
    let recorded = folder().join("embedded");
    let scratch = tempfile::tempdir().expect("a folder");
    let (file, pictures) = (scratch.path().join("state.redb"), scratch.path().join("evidence"));
    if is_recording() {
        let opened = Embedded::open(&file, Arc::new(SystemTime::now)).expect("opens");
        let ids = write(Arc::new(opened), pictures.clone()).await;
        copy(&pictures, &recorded.join("evidence"));
        std::fs::write(recorded.join("sessions"), ids.join("\n")).expect("written");
        let state = std::fs::read(&file).expect("closed");
        std::fs::write(recorded.join("state.redb.gz"), zip(&state)).expect("written");
    }
    std::fs::write(&file, unzip(&recorded.join("state.redb.gz"))).expect("written");
    copy(&recorded.join("evidence"), &pictures);
    let opened = Embedded::open(&file, Arc::new(SystemTime::now)).expect("opens");
    let ids = lines(&recorded.join("sessions"));
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    reads(Arc::new(opened), pictures, &ids).await;
}

#[tokio::test]
async fn keys_of_this_schema_in_redis_are_read() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let recorded = folder().join("redis");
    let scratch = tempfile::tempdir().expect("a folder");
    if is_recording() {
        let pictures = scratch.path().join("recorded");
        let opened = Redis::connect(&server.address).await.expect("connects");
        let ids = write(Arc::new(opened), pictures.clone()).await;
        copy(&pictures, &recorded.join("evidence"));
        std::fs::write(recorded.join("sessions"), ids.join("\n")).expect("written");
        let dumped = dump(&server).await;
        std::fs::write(recorded.join("keys.gz"), zip(dumped.join("\n").as_bytes())).expect("written");
        server.command(&["FLUSHALL"]).await;
    }
    let keys = String::from_utf8(unzip(&recorded.join("keys.gz"))).expect("text");
    restore(&server, &keys).await;
    let pictures = scratch.path().join("evidence");
    copy(&recorded.join("evidence"), &pictures);
    let opened = Redis::connect(&server.address).await.expect("connects");
    let ids = lines(&recorded.join("sessions"));
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    reads(Arc::new(opened), pictures, &ids).await;
}

/// Every key that does not expire, as `key dump`, both in hexadecimal.
async fn dump(server: &RedisServer) -> Vec<String> {
    let keys: Vec<Vec<u8>> = redis::from_redis_value(server.command(&["KEYS", "*"]).await).expect("keys");
    let client = redis::Client::open(server.address.as_str()).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("connects");
    let mut lines = Vec::new();
    for key in keys {
        let left: i64 = redis::cmd("PTTL")
            .arg(&key)
            .query_async(&mut connection)
            .await
            .expect("answers");
        if left >= 0 {
            continue;
        }
        let dump: Vec<u8> = redis::cmd("DUMP")
            .arg(&key)
            .query_async(&mut connection)
            .await
            .expect("answers");
        lines.push(format!("{} {}", hex::encode(key), hex::encode(dump)));
    }
    lines.sort();
    lines
}

async fn restore(server: &RedisServer, lines: &str) {
    let client = redis::Client::open(server.address.as_str()).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("connects");
    for line in lines.lines() {
        let (key, dump) = line.split_once(' ').expect("two parts");
        let [key, dump] = [key, dump].map(|part| hex::decode(part).expect("hexadecimal"));
        let mut restore = redis::cmd("RESTORE");
        restore.arg(key).arg(0).arg(dump);
        let restored: redis::RedisResult<()> = restore.query_async(&mut connection).await;
        restored.expect("restored");
    }
}
