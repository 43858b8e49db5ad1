//! What was planted in sessions stands in no file of a storage once they are redacted: as it is, in base64, or compressed.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use memchr::memmem;
use proto::identity::v1::{
    CreateVerificationSessionRequest, ImagePurpose, ProvidedDetails, UpdateVerificationSessionRequest,
    VerificationErrorCode,
};
use report_svc::assemble::Findings;
use report_svc::evidence::Evidence;
use report_svc::limits::Limits;
use report_svc::seal::Keyring;
use report_svc::storage::Storage;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::Redis;
use report_svc::store::{Caller, Store};

use crate::conformance::request;
use crate::deployment::{ACCOUNT, completion};
use crate::redis_server::RedisServer;

const PEOPLE: [&str; 5] = [
    "Archaeopteryx",
    "Brachiosaurus",
    "Compsognathus",
    "Deinonychus",
    "Eoraptoridae",
];

/// No more of what looks compressed is looked at.
const LONGEST: u64 = 1 << 20;

/// How something may be written: as it is, in hexadecimal, and in base64 wherever in its triples it begins.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec(), hex::encode(value).into_bytes()];
    for before in 0..3 {
        let shifted = [&b"\0\0\0"[..before], value].concat();
        let whole = STANDARD_NO_PAD.encode(&shifted[..shifted.len() / 3 * 3]).into_bytes();
        // What the bytes before it have a part in is left out.
        forms.push(whole[if before == 0 { 0 } else { 4 }..].to_vec());
    }
    forms
}

/// What zlib and gzip make of the bytes, from wherever they look like theirs.
fn inflated(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let read = |from: &mut dyn std::io::Read| {
        let mut whole = Vec::new();
        // What came before an error counts, too.
        let _ = from.take(LONGEST).read_to_end(&mut whole);
        whole
    };
    (0..bytes.len().saturating_sub(1)).filter_map(move |at| match bytes[at..] {
        [0x1f, 0x8b, ..] => Some(read(&mut GzDecoder::new(&bytes[at..]))),
        [0x78, flags, ..] if (0x7800 + u16::from(flags)) % 31 == 0 => Some(read(&mut ZlibDecoder::new(&bytes[at..]))),
        _ => None,
    })
}

fn is_in(bytes: &[u8], planted: &str) -> bool {
    let forms = forms(planted.as_bytes());
    let has = |bytes: &[u8]| forms.iter().any(|form| memmem::find(bytes, form).is_some());
    has(bytes) || inflated(bytes).any(|inflated| has(&inflated))
}

/// Every file under a folder.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(std::fs::read(&path).expect("a file"));
        }
    }
    found
}

#[test]
fn what_is_written_in_any_way_is_found() {
    let text = format!("a name: {}, and more of it", PEOPLE[0]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text.as_bytes()).expect("written");
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(text.as_bytes()).expect("written");
    for written in [
        text.clone().into_bytes(),
        hex::encode(&text).into_bytes(),
        STANDARD_NO_PAD.encode(&text).into_bytes(),
        STANDARD_NO_PAD.encode(format!("x{text}")).into_bytes(),
        gzip.finish().expect("written"),
        zlib.finish().expect("written"),
    ] {
        let among = [b"\x78\x9c\x1f\x8b noise".as_slice(), &written, b"noise"].concat();
        assert!(is_in(&among, PEOPLE[0]));
        assert!(!is_in(&among, PEOPLE[1]));
    }
}

/// Plants a person in a session, verifies it, and redacts it.
async fn plant(store: &Store, person: &str) {
    let personal = |what: &str| format!("{what} {person}");
    let request_for = CreateVerificationSessionRequest {
        client_reference_id: Some(personal("order")),
        related_customer: Some(personal("customer")),
        related_customer_account: Some(personal("account")),
        metadata: [(person.to_owned(), personal("metadata"))].into(),
        provided_details: Some(ProvidedDetails {
            email: Some(format!("{person}@example.org")),
            phone: None,
        }),
        idempotency_key: Some(personal("key")),
        ..CreateVerificationSessionRequest::default()
    };
    let id = store.create(ACCOUNT, true, request_for).await.expect("created").id;
    let update = UpdateVerificationSessionRequest {
        verification_session: id.to_string(),
        metadata: [("again".to_owned(), personal("updated"))].into(),
        idempotency_key: Some(personal("key of an update")),
        ..UpdateVerificationSessionRequest::default()
    };
    store.update(ACCOUNT, &update).await.expect("updated");
    let caller = Caller::new(None, Some(person));
    let picture = personal("picture").into_bytes();
    store
        .put_image(id.as_str(), caller, ImagePurpose::DocumentFront, picture)
        .await
        .expect("kept");
    for error in [Some(VerificationErrorCode::DocumentExpired), None] {
        store
            .submit(id.as_str(), None, Default::default())
            .await
            .expect("submitted");
        let job = store
            .lease(&request(std::time::Duration::from_secs(60)))
            .await
            .expect("storage")
            .expect("queued");
        let mut found = completion(&job, error, None);
        let document = found.document.get_or_insert_default().document.get_or_insert_default();
        document.last_name = Some(person.to_owned());
        document.number = Some(personal("number"));
        let findings = Findings {
            document: found.document,
            ..Findings::default()
        };
        let lease = job.lease_token.parse().expect("a lease");
        store.complete(&lease, findings).await.expect("completed");
    }
    store.redact(id.as_str(), Some(ACCOUNT)).await.expect("redacted");
    store.delete_discarded(id.as_str()).await.expect("deleted");
}

async fn store_over(storage: Arc<dyn Storage>, pictures: &Path) -> Store {
    let keys = Keyring::generate("k1").expect("random numbers");
    let keys = Keyring::parse(&keys).expect("just made");
    let evidence = Evidence::in_folder(pictures).expect("a store");
    Store::new(storage, evidence, keys, Limits::default())
}

fn search(folders: &[&Path]) {
    let files: Vec<_> = folders.iter().flat_map(|folder| files(folder)).collect();
    let bytes: usize = files.iter().map(Vec::len).sum();
    assert!(bytes > 10_000, "something was stored");
    for person in PEOPLE {
        for file in &files {
            assert!(!is_in(file, person), "{person}");
        }
    }
}

#[tokio::test]
async fn nothing_that_was_planted_is_in_a_file_after_a_redaction() {
    let (folder, pictures) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let file = folder.path().join("state.redb");
    let embedded = Embedded::open(&file, Arc::new(SystemTime::now)).expect("opens");
    let store = store_over(Arc::new(embedded), pictures.path()).await;
    for person in PEOPLE {
        plant(&store, person).await;
    }
    search(&[folder.path(), pictures.path()]);

    let Some(server) = RedisServer::start().await else {
        return;
    };
    let pictures = tempfile::tempdir().expect("a folder");
    let redis = Redis::connect(&server.address).await.expect("connects");
    let store = store_over(Arc::new(redis), pictures.path()).await;
    for person in PEOPLE {
        plant(&store, person).await;
    }
    // Beside every command that came, what there is now.
    server.command(&["SAVE"]).await;
    search(&[server.folder(), pictures.path()]);
}
