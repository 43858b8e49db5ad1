//! Redaction, and what time takes away, over both storages.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message as _;
use proto::id::{Kind, PARTITIONS};
use proto::identity::v1::redaction::Status as Redacting;
use proto::identity::v1::{
    CreateVerificationSessionRequest, Date, DocumentReport, ImagePurpose, ProvidedDetails, RedactionReceipt, Sex,
    UpdateVerificationSessionRequest, VerificationErrorCode, VerificationSession, VerificationSessionStatus as Status,
    VerificationType,
};
use proto::store::v1::{EventRecord, SessionRecord};
use report_svc::assemble::Findings;
use report_svc::error::Error;
use report_svc::id::Id;
use report_svc::lifecycle::{Refusal, Status as LifecycleStatus};
use report_svc::redaction::REDACTED;
use report_svc::reference::Reference;
use report_svc::retention::RetentionPolicy;
use report_svc::seal::{Keyring, Kind as SealedKind, SealError, SecretKey};
use report_svc::storage::redis::Redis;
use report_svc::storage::{
    Commit, Committed, JobStep, ListQuery, Listed, NewSession, Nonce, Order, Scope, SealedAttempt, SealedReport,
    Storage,
};
use report_svc::store::{Cursor, Filter, ReportFilter, Rescheduling, Session, Store};
use service_kit::testing::{scraped, tell_metrics};

use crate::conformance::{new_session, report, request, step};
use crate::deployment::{ACCOUNT, completion};
use crate::ground::{Ground, Lost, on_each, store_over};
use crate::redis_server::RedisServer;

const LEASE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Stands in everything that is personal, for it to be looked for.
const PLANTED: &str = "Zyxwvut";

fn creation(reference: &str) -> CreateVerificationSessionRequest {
    CreateVerificationSessionRequest {
        r#type: VerificationType::Document.into(),
        client_reference_id: Some(reference.to_owned()),
        related_customer: Some(format!("customer {PLANTED}")),
        metadata: [(PLANTED.to_owned(), PLANTED.to_owned())].into(),
        provided_details: Some(ProvidedDetails {
            email: Some(format!("{PLANTED}@example.org")),
            phone: None,
        }),
        idempotency_key: Some(format!("key of {reference}")),
        ..CreateVerificationSessionRequest::default()
    }
}

async fn create(store: &Store, reference: &str) -> Id {
    let created = store.create(ACCOUNT, true, creation(reference)).await;
    created.expect("created").id
}

async fn upload(store: &Store, id: &Id, picture: &str) -> String {
    let picture = format!("{picture} {PLANTED}").into_bytes();
    let put = store.put_image(id.as_str(), None, ImagePurpose::DocumentFront, picture);
    put.await.expect("kept").id
}

/// Submits what is there and ends the attempt.
async fn attempt(store: &Store, id: &Id, error: Option<VerificationErrorCode>) {
    store
        .submit(id.as_str(), None, Default::default())
        .await
        .expect("submitted");
    let job = store.lease(&request(LEASE)).await.expect("storage").expect("queued");
    let mut answer = completion(&job, error, None);
    let checked = answer.document.as_mut().and_then(|checked| checked.document.as_mut());
    let checked = checked.expect("checked");
    *checked = DocumentReport {
        last_name: Some(PLANTED.to_owned()),
        dob: Some(Date {
            day: Some(23),
            month: Some(11),
            year: Some(1987),
        }),
        sex: Sex::Female.into(),
        issuing_country: Some("UTO".to_owned()),
        ..checked.clone()
    };
    let findings = Findings {
        document: answer.document,
        ..Findings::default()
    };
    let lease = job.lease_token.parse().expect("a lease");
    assert!(store.complete(&lease, findings).await.expect("completed").completed_now);
}

/// A session with a failed attempt and one that passed, each with a picture of its own.
async fn verified(store: &Store, reference: &str) -> (Id, Vec<String>) {
    let id = store
        .create(ACCOUNT, true, creation(reference))
        .await
        .expect("created")
        .id;
    let first = upload(store, &id, "first").await;
    attempt(store, &id, Some(VerificationErrorCode::DocumentExpired)).await;
    let second = upload(store, &id, "second").await;
    attempt(store, &id, None).await;
    (id, vec![first, second])
}

/// Redacts a session to the end.
async fn redact(store: &Store, id: &Id) -> Session {
    let redacted = store.redact(id.as_str(), Some(ACCOUNT)).await.expect("redacted");
    assert_eq!(redacting(&redacted.public), Some(Redacting::Processing));
    store.delete_discarded(id.as_str()).await.expect("deleted")
}

fn redacting(session: &VerificationSession) -> Option<Redacting> {
    session.redaction.as_ref().map(|redaction| redaction.status())
}

fn receipt(session: &Session) -> RedactionReceipt {
    let insights = session.public.insights.as_ref().expect("set");
    insights.redaction.clone().expect("redacted")
}

/// Sweeps until there is nothing more; how many sessions.
async fn sweep(store: &Store, now: SystemTime) -> usize {
    let mut done = 0;
    for partition in 0..PARTITIONS {
        loop {
            let swept = store.sweep(partition, now).await.expect("the storage answers");
            done += swept.done;
            if !swept.more {
                break;
            }
        }
    }
    done
}

async fn ids_by(store: &Store, reference: Option<&str>) -> Vec<String> {
    let filter = Filter {
        account: ACCOUNT.to_owned(),
        client_reference_id: reference.map(str::to_owned),
        related_customer: None,
        related_customer_account: None,
        status: None,
        created: 0..u128::MAX,
    };
    let page = store.list(&filter, &Cursor::Newest, 100).await.expect("listed");
    page.items.iter().map(|session| session.id.to_string()).collect()
}

async fn reports_by(store: &Store, reference: Option<&str>) -> Vec<String> {
    let filter = ReportFilter {
        account: ACCOUNT.to_owned(),
        client_reference_id: reference.map(str::to_owned),
        r#type: None,
        session: None,
        created: 0..u128::MAX,
    };
    let page = store.list_reports(&filter, &Cursor::Newest, 100).await.expect("listed");
    page.items.into_iter().map(|report| report.id).collect()
}

/// Everything that the store still tells of a session, in words.
async fn all_of(store: &Store, id: &Id) -> String {
    let session = store.session(id.as_str(), None).await.expect("is there");
    let mut told = format!("{:?}", session.public);
    let filter = ReportFilter {
        account: ACCOUNT.to_owned(),
        client_reference_id: None,
        r#type: None,
        session: Some(id.clone()),
        created: 0..u128::MAX,
    };
    let reports = store.list_reports(&filter, &Cursor::Newest, 100).await.expect("listed");
    told += &format!("{:?}", reports.items);
    let events = store.events(id.partition(), 0, 10_000).await.expect("open");
    for event in events.iter().filter(|event| event.verification_session == id.as_str()) {
        told += &format!("{} {:?}", event.r#type, event.session);
    }
    told
}

/// Whether anything of the person can still be had.
async fn is_personal(store: &Store, id: &Id, files: &[String]) -> bool {
    for file in files {
        match store.image(id.as_str(), file).await {
            Ok(_) => return true,
            Err(Error::FileNotFound) => {}
            Err(error) => panic!("{file}: {error}"),
        }
    }
    let told = all_of(store, id).await;
    [PLANTED, "1987", "ANNA", "L898902C3", "Female"]
        .iter()
        .any(|personal| told.contains(personal))
}

#[tokio::test]
async fn nothing_personal_is_left_of_a_redacted_session() {
    on_each(async |ground| {
        let store = &ground.store;
        let reference = format!("order of {PLANTED}");
        let (id, files) = verified(store, &reference).await;
        let (other, other_files) = verified(store, "another order").await;
        assert!(is_personal(store, &id, &files).await);
        assert_eq!(ids_by(store, Some(&reference)).await, [id.to_string()]);
        let reports = reports_by(store, Some(&reference)).await;
        assert_eq!((reports.len(), ground.files()), (2, 4));

        let redacted = redact(store, &id).await;
        assert_eq!(redacting(&redacted.public), Some(Redacting::Redacted));
        assert_eq!(redacted.public.status(), Status::Verified);
        assert!(redacted.to_stored().is_final);
        assert!(!is_personal(store, &id, &files).await, "{}", all_of(store, &id).await);
        assert_eq!(ground.files(), 2, "those of the other session");

        let public = &redacted.public;
        assert_eq!(public.client_reference_id.as_deref(), Some(REDACTED));
        assert_eq!((public.metadata.len(), &public.verified_outputs), (0, &None));
        assert_eq!(public.last_verification_report.as_ref(), reports.first());
        let report = store.report(&reports[0], ACCOUNT).await.expect("can be read");
        let document = report.document.expect("ran");
        assert_eq!(
            (document.last_name.as_deref(), document.sex()),
            (Some(REDACTED), Sex::Redacted)
        );
        assert_eq!(document.issuing_country.as_deref(), Some("UTO"));
        assert_eq!(
            document.dob.map(|date| (date.day, date.month, date.year)),
            Some((Some(1), Some(1), Some(1)))
        );

        let receipt = receipt(&redacted);
        let mut destroyed = receipt.files.clone();
        destroyed.sort();
        assert_eq!(destroyed, {
            let mut files = files.clone();
            files.sort();
            files
        });
        let mut told = receipt.reports.clone();
        told.reverse();
        assert_eq!(
            (told, receipt.events, receipt.idempotency_record),
            (reports.clone(), 5, true)
        );
        assert!(receipt.requested.is_some() && receipt.completed.is_some());

        let by_reference = ground.keys.reference_tags(ACCOUNT, Reference::client(&reference));
        for listed in [Listed::Sessions(None), Listed::Reports(None)] {
            let query = ListQuery {
                scope: Scope::References(by_reference.clone()),
                listed,
                between: 0..u128::MAX,
                order: Order::NewestFirst,
                limit: 10,
            };
            assert_eq!(ground.storage.list(&query).await.expect("storage"), [], "{listed:?}");
        }
        assert_eq!(ids_by(store, Some(REDACTED)).await, [] as [&str; 0]);
        assert!(
            ids_by(store, None).await.contains(&id.to_string()),
            "it can still be listed"
        );
        assert!(reports_by(store, None).await.contains(&reports[0]));

        assert!(is_personal(store, &other, &other_files[..1]).await);
        assert_eq!(ids_by(store, Some("another order")).await, [other.to_string()]);
        for file in &other_files {
            store.image(other.as_str(), file).await.expect("untouched");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_that_is_stored_opens_the_copies_in_events() {
    on_each(async |ground| {
        let store = &ground.store;
        let (id, _) = verified(store, "order").await;
        let sealed_before = ground.storage.session(&id).await.expect("storage").expect("is there");
        redact(store, &id).await;
        let events = store.events(id.partition(), 0, 100).await.expect("open");
        let types: Vec<&str> = events.iter().map(|event| event.r#type.as_str()).collect();
        let types: Vec<_> = types.iter().filter_map(|name| name.rsplit('.').next()).collect();
        assert_eq!(
            types,
            [
                "created",
                "processing",
                "requires_input",
                "processing",
                "verified",
                "redacted"
            ]
        );
        for event in &events {
            assert_eq!(
                event
                    .session
                    .as_ref()
                    .and_then(|session| session.client_reference_id.as_deref()),
                Some(REDACTED),
                "{}",
                event.r#type
            );
        }
        // Whoever has the record of before has the copies: that is what its replacement destroys.
        let step = step(&id, 100, b"", JobStep::Keep);
        let current = ground.storage.session(&id).await.expect("storage").expect("is there");
        let back = Commit {
            expected: current.version,
            record: sealed_before.record,
            ..step
        };
        assert!(matches!(
            ground.storage.commit(back).await.expect("storage"),
            Committed::Done(_)
        ));
        let events = store.events(id.partition(), 0, 100).await.expect("open");
        let references: Vec<_> = events
            .iter()
            .map(|event| {
                event
                    .session
                    .as_ref()
                    .map(|session| session.client_reference_id.as_deref())
            })
            .collect();
        assert_eq!(references[..5], [Some(Some("order")); 5]);
        assert_eq!(
            references[5], None,
            "the last one has another key, and holds up no other"
        );
    })
    .await;
}

#[tokio::test]
async fn each_status_but_processing_can_be_redacted_once() {
    on_each(async |ground| {
        let store = &ground.store;
        let waits = create(store, "waits").await;
        let file = upload(store, &waits, "front").await;
        let redacted = redact(store, &waits).await;
        assert_eq!(redacted.public.status(), Status::Canceled);
        assert!(!is_personal(store, &waits, &[file]).await);
        assert_eq!(ground.files(), 0);
        let events = store.events(waits.partition(), 0, 100).await.expect("open");
        let types: Vec<_> = events
            .iter()
            .filter_map(|event| event.r#type.rsplit('.').next())
            .collect();
        assert_eq!(types, ["created", "canceled", "redacted"]);

        let canceled = create(store, "canceled").await;
        store.cancel(canceled.as_str(), ACCOUNT).await.expect("canceled");
        let redacted = redact(store, &canceled).await;
        assert_eq!(redacted.public.status(), Status::Canceled);

        let processing = create(store, "processing").await;
        upload(store, &processing, "front").await;
        store
            .submit(processing.as_str(), None, Default::default())
            .await
            .expect("submitted");
        let refused = store
            .redact(processing.as_str(), Some(ACCOUNT))
            .await
            .err()
            .expect("refused");
        assert!(matches!(
            refused,
            Error::Refused(Refusal::Status(LifecycleStatus::Processing))
        ));

        for id in [&waits, &canceled] {
            let version = store.session(id.as_str(), None).await.expect("is there").version;
            let metadata = UpdateVerificationSessionRequest {
                verification_session: id.to_string(),
                metadata: [("a".to_owned(), "b".to_owned())].into(),
                ..Default::default()
            };
            let picture = store.put_image(id.as_str(), None, ImagePurpose::Selfie, b"late".to_vec());
            let refused = [
                store.redact(id.as_str(), Some(ACCOUNT)).await.err(),
                store.cancel(id.as_str(), ACCOUNT).await.err(),
                store.update(ACCOUNT, &metadata).await.err(),
                picture.await.err(),
                store.submit(id.as_str(), None, Default::default()).await.err(),
            ];
            for refused in refused {
                assert!(
                    matches!(refused, Some(Error::Refused(Refusal::Redacted))),
                    "{refused:?}"
                );
            }
            store.delete_discarded(id.as_str()).await.expect("nothing to do");
            assert_eq!(
                store.session(id.as_str(), None).await.expect("is there").version,
                version
            );
        }
        let foreign = store.redact(processing.as_str(), Some("another account")).await.err();
        assert!(matches!(foreign, Some(Error::SessionNotFound)));
    })
    .await;
}

#[tokio::test]
async fn a_creation_sent_again_finds_what_is_left() {
    on_each(async |ground| {
        let store = &ground.store;
        let id = create(store, "order").await;
        redact(store, &id).await;
        let changed = CreateVerificationSessionRequest {
            client_reference_id: None,
            ..creation("order")
        };
        for again in [creation("order"), changed] {
            let again = store.create(ACCOUNT, true, again).await.expect("answered");
            assert_eq!(again.id, id, "no second session");
            assert_eq!(again.public.client_reference_id.as_deref(), Some(REDACTED));
        }
    })
    .await;
}

/// Whoever redacts, or sweeps, dies at each of its steps in turn.
#[tokio::test]
async fn whoever_dies_half_way_leaves_one_of_the_two_right_states() {
    on_each(async |ground| {
        let store = &ground.store;
        let (mut begun, mut not_begun) = (0, 0);
        for steps in 0.. {
            let (id, files) = verified(store, &format!("order {steps}")).await;
            let (dying, died) = ground.dying(steps);
            let work = async {
                dying.redact(id.as_str(), Some(ACCOUNT)).await.expect("redacted");
                dying.delete_discarded(id.as_str()).await.expect("deleted");
            };
            let ended = tokio::select! {
                () = work => true,
                () = died.notified() => false,
            };
            let session = store.session(id.as_str(), None).await.expect("is there");
            match redacting(&session.public) {
                None => {
                    not_begun += 1;
                    assert!(is_personal(store, &id, &files).await);
                    for file in &files {
                        store.image(id.as_str(), file).await.expect("nothing is lost");
                    }
                }
                Some(_) => {
                    begun += 1;
                    assert!(!is_personal(store, &id, &files).await, "all at once");
                }
            }
            sweep(store, SystemTime::now()).await;
            let session = store.session(id.as_str(), None).await.expect("is there");
            assert_ne!(
                redacting(&session.public),
                Some(Redacting::Processing),
                "the sweeper goes on"
            );
            if redacting(&session.public).is_some() {
                assert!(receipt(&session).completed.is_some());
            } else {
                redact(store, &id).await;
            }
            assert_eq!(ground.files(), 0);
            if ended {
                break;
            }
        }
        assert!(begun >= 3 && not_begun >= 3, "{begun} begun, {not_begun} not begun");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_replaced_and_what_lacks_a_key_is_not_touched() {
    on_each(async |ground| {
        let store = &ground.store;
        let (id, files) = verified(store, "order").await;
        let other = Keyring::parse(&Keyring::generate("k2").expect("random numbers")).expect("just made");
        let without_key = store_over(Arc::clone(&ground.storage), ground.folder.path(), &other);
        let refused = without_key.redact(id.as_str(), Some(ACCOUNT)).await.err();
        assert!(
            matches!(refused, Some(Error::Seal(SealError::UnknownKey(_)))),
            "{refused:?}"
        );
        assert!(is_personal(store, &id, &files).await);

        let reports = reports_by(store, Some("order")).await;
        let session = store.session(id.as_str(), None).await.expect("is there");
        let last = session
            .public
            .last_verification_report
            .as_deref()
            .expect("there is one");
        let damaged = Id::parse(Kind::VerificationReport, last).expect("an id");
        let found = ground.storage.session(&id).await.expect("storage").expect("is there");
        let damage = Commit {
            record: found.record.clone(),
            reports: vec![SealedReport {
                record: b"damaged".to_vec(),
                ..report(&damaged)
            }],
            attempts: vec![SealedAttempt {
                attempt: 1,
                record: b"damaged".to_vec(),
            }],
            ..step(&id, found.version, b"", JobStep::Keep)
        };
        assert!(matches!(
            ground.storage.commit(damage).await.expect("storage"),
            Committed::Done(_)
        ));
        let redacted = redact(store, &id).await;
        assert_eq!(redacting(&redacted.public), Some(Redacting::Redacted));
        let report = store.report(last, ACCOUNT).await.expect("can be read again");
        assert_eq!(
            (report.verification_session.as_deref(), report.document),
            (Some(id.as_str()), None)
        );
        assert!(!is_personal(store, &id, &files).await);
        let first = store.report(&reports[1], ACCOUNT).await.expect("can be read");
        assert!(
            !format!("{first:?}").contains(PLANTED),
            "found though its attempt does not name it"
        );
        assert_eq!(reports_by(store, Some("order")).await, [] as [&str; 0]);
    })
    .await;
}

/// Everything that is kept of a session, opened by the master keys and by the keys that are found then.
async fn opened(ground: &Ground, id: &Id, reports: &[String]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut open = |kind, name: &str, sealed: &[u8]| {
        let plain = ground.keys.open(kind, name, sealed).expect("opens");
        all.extend_from_slice(&plain);
        plain
    };
    let found = ground.storage.session(id).await.expect("storage").expect("is there");
    let plain = open(SealedKind::Session, id.as_str(), &found.record);
    let record = SessionRecord::decode(plain.as_slice()).expect("a record");
    for attempt in 1..=record.attempts {
        let found = ground
            .storage
            .attempt(id, attempt)
            .await
            .expect("storage")
            .expect("is there");
        open(SealedKind::Attempt, &format!("{id}/{attempt}"), &found);
    }
    for report in reports {
        let report = Id::parse(Kind::VerificationReport, report).expect("an id");
        let found = ground
            .storage
            .report(&report)
            .await
            .expect("storage")
            .expect("is there");
        open(SealedKind::Report, report.as_str(), &found);
    }
    let mut copies = Vec::new();
    for event in ground.storage.events(id.partition(), 0, 10_000).await.expect("storage") {
        let plain = open(SealedKind::Event, event.id.as_str(), &event.record);
        let event = EventRecord::decode(plain.as_slice()).expect("a record");
        let key = SecretKey::from_bytes(&record.event_key).expect("a key");
        copies.extend(
            key.open(SealedKind::EventSession, &event.id, &event.sealed_session)
                .ok(),
        );
    }
    copies.iter().for_each(|copy| all.extend_from_slice(copy));
    all
}

#[tokio::test]
async fn the_master_keys_open_nothing_personal_any_more() {
    on_each(async |ground| {
        let store = &ground.store;
        let (id, _) = verified(store, &format!("order of {PLANTED}")).await;
        let reports = reports_by(store, None).await;
        let counted = async || {
            let all = opened(&ground, &id, &reports).await;
            memchr::memmem::find_iter(&all, PLANTED).count()
        };
        assert!(counted().await > 20, "in the session, in its reports and in its events");
        redact(store, &id).await;
        assert_eq!(counted().await, 0);
        let found = ground.storage.session(&id).await.expect("storage").expect("is there");
        let plain = ground
            .keys
            .open(SealedKind::Session, id.as_str(), &found.record)
            .expect("opens");
        let record = SessionRecord::decode(plain.as_slice()).expect("a record");
        assert!(record.images.is_empty() && record.discarded_images.is_empty() && record.idempotency_key.is_empty());
    })
    .await;
}

/// What was listed under an older master key leaves its lists, too.
#[tokio::test]
async fn a_redaction_reaches_what_an_older_master_key_listed() {
    on_each(async |ground| {
        let (id, _) = verified(&ground.store, "order").await;
        let older = Keyring::generate("k0").expect("random numbers");
        let keys = Keyring::parse(&format!("{},{}", *older, *ground.list)).expect("two keys");
        let rotated = store_over(Arc::clone(&ground.storage), ground.folder.path(), &keys);
        assert_eq!(reports_by(&rotated, Some("order")).await.len(), 2);
        let metadata = UpdateVerificationSessionRequest {
            verification_session: id.to_string(),
            metadata: [("a".to_owned(), "b".to_owned())].into(),
            ..Default::default()
        };
        rotated.update(ACCOUNT, &metadata).await.expect("sealed anew");
        redact(&rotated, &id).await;
        for store in [&rotated, &ground.store] {
            assert_eq!(reports_by(store, Some("order")).await, [] as [&str; 0]);
            assert_eq!(ids_by(store, Some("order")).await, [] as [&str; 0]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_redaction_whose_answer_was_lost_is_not_refused() {
    on_each(async |ground| {
        let (id, _) = verified(&ground.store, "order").await;
        let losing = ground.losing(Lost::Conflict);
        let redacted = losing.redact(id.as_str(), Some(ACCOUNT)).await.expect("it happened");
        assert_eq!(redacting(&redacted.public), Some(Redacting::Processing));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_swept_holds_up_nothing_else() {
    on_each(async |ground| {
        let store = &ground.store;
        let partition = 3;
        // More than are looked at at once, and before all others.
        for number in 0..250 {
            let new = NewSession {
                record: b"damaged".to_vec(),
                expires: Some(UNIX_EPOCH + Duration::from_secs(number)),
                ..new_session(&Id::new(Kind::VerificationSession, partition))
            };
            ground.storage.create(new).await.expect("storage");
        }
        let mut readable = store
            .create(ACCOUNT, true, Default::default())
            .await
            .expect("created")
            .id;
        while readable.partition() != partition {
            readable = store
                .create(ACCOUNT, true, Default::default())
                .await
                .expect("created")
                .id;
        }
        let late = SystemTime::now() + 3 * DAY;
        let mut looks = 0;
        while store.sweep(partition, late).await.expect("the storage answers").more {
            looks += 1;
            assert!(looks < 10, "over and over");
        }
        let session = store.session(readable.as_str(), None).await.expect("is there");
        assert_eq!(
            session.public.last_error.map(|error| error.code()),
            Some(VerificationErrorCode::Abandoned)
        );
        let again = store.sweep(partition, late).await.expect("the storage answers");
        assert_eq!((again.done, again.postponed), (0, 0), "they are looked at later");
        let later = store.sweep(partition, late + DAY).await.expect("the storage answers");
        assert!(later.postponed > 0);
    })
    .await;
}

#[tokio::test]
async fn a_redaction_waits_for_files_that_cannot_be_deleted() {
    tell_metrics();
    on_each(async |ground| {
        let store = &ground.store;
        let (id, files) = verified(store, "order").await;
        let place = ground.folder.path().join(format!("p{:02}", id.partition()));
        let aside = ground.folder.path().join("aside");
        std::fs::rename(&place, &aside).expect("renamed");
        std::fs::write(&place, "in the way").expect("written");
        store.redact(id.as_str(), Some(ACCOUNT)).await.expect("redacted");
        assert!(matches!(
            store.delete_discarded(id.as_str()).await,
            Err(Error::Evidence(_))
        ));
        let now = SystemTime::now();
        let failures = || {
            scraped()
                .expect("what Prometheus reads")
                .sum("bonafide_sweep_failures_total", &[])
        };
        let before = failures().unwrap_or_default();
        let swept = store.sweep(id.partition(), now).await.expect("the storage answers");
        assert_eq!((swept.done, swept.postponed), (0, 1));
        assert!(failures() >= Some(before + 1.0));
        let session = store.session(id.as_str(), None).await.expect("is there");
        assert_eq!(redacting(&session.public), Some(Redacting::Processing));
        assert!(!is_personal(store, &id, &files).await, "but for the files");

        std::fs::remove_file(&place).expect("removed");
        std::fs::rename(&aside, &place).expect("renamed");
        assert_eq!(sweep(store, now).await, 0, "it was told to come later");
        assert_eq!(sweep(store, now + Duration::from_secs(120)).await, 1);
        let session = store.session(id.as_str(), None).await.expect("is there");
        assert_eq!(
            (redacting(&session.public), ground.files()),
            (Some(Redacting::Redacted), 0)
        );
    })
    .await;
}

/// Whoever sweeps dies at each step in turn: the next one does the rest.
#[tokio::test]
async fn a_sweep_that_dies_is_done_by_the_next() {
    on_each(async |ground| {
        let rules: Vec<_> = ["images=1d", "sessions=30d"]
            .iter()
            .map(|rule| rule.parse().expect("a rule"))
            .collect();
        let policy = RetentionPolicy::new(&rules);
        let store = ground.store.clone().with_retention(policy.clone());
        let now = SystemTime::now();
        for (late, redacted) in [(now + 10 * DAY, None), (now + 100 * DAY, Some(Redacting::Redacted))] {
            for steps in 0.. {
                let (decided, _) = verified(&store, &format!("order {late:?} {steps}")).await;
                let waits = store
                    .create(ACCOUNT, true, Default::default())
                    .await
                    .expect("created")
                    .id;
                upload(&store, &waits, "front").await;
                let (dying, died) = ground.dying(steps);
                let dying = dying.with_retention(policy.clone());
                let work = async {
                    for id in [&decided, &waits] {
                        dying.expire(id, late, true).await.expect("expires");
                    }
                };
                let ended = tokio::select! {
                    () = work => true,
                    () = died.notified() => false,
                };
                sweep(&store, late).await;
                assert_eq!(
                    (ground.files(), store.overdue(late).await.expect("counted")),
                    (0, 0),
                    "after {steps} steps"
                );
                for id in [&decided, &waits] {
                    let session = store.session(id.as_str(), None).await.expect("is there");
                    assert_eq!(redacting(&session.public), redacted, "after {steps} steps");
                    assert_eq!(session.files().len(), 0);
                }
                if ended {
                    assert!(steps > 6);
                    break;
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_nobody_comes_to_is_abandoned_once() {
    on_each(async |ground| {
        let store = &ground.store;
        let id = create(store, "order").await;
        let now = SystemTime::now();
        let soon = now + 2 * DAY - Duration::from_secs(60);
        let late = now + 2 * DAY + Duration::from_secs(60);
        assert_eq!(sweep(store, soon).await, 0);
        assert_eq!(
            (
                store.overdue(soon).await.expect("counted"),
                store.overdue(late).await.expect("counted")
            ),
            (0, 1)
        );
        assert_eq!(sweep(store, late).await, 1);
        let session = store.session(id.as_str(), None).await.expect("is there");
        let error = session.public.last_error.as_ref().expect("told");
        assert_eq!(error.code(), VerificationErrorCode::Abandoned);
        assert_eq!(session.public.status(), Status::RequiresInput);
        let events = store.events(id.partition(), 0, 100).await.expect("open");
        let last = events.last().expect("told");
        assert!(
            last.r#type.ends_with("requires_input")
                && last
                    .session
                    .as_ref()
                    .is_some_and(|told| told.last_error == session.public.last_error)
        );
        assert_eq!(sweep(store, late + 100 * DAY).await, 0, "once");
        assert_eq!(store.overdue(late + 100 * DAY).await.expect("counted"), 0);

        // Who comes all the same is welcome; who fails then has as long again.
        upload(store, &id, "front").await;
        attempt(store, &id, Some(VerificationErrorCode::DocumentExpired)).await;
        assert_eq!(sweep(store, soon).await, 0);
        assert_eq!(sweep(store, late).await, 1);
        let session = store.session(id.as_str(), None).await.expect("is there");
        assert_eq!(
            session.public.last_error.map(|error| error.code()),
            Some(VerificationErrorCode::Abandoned)
        );
    })
    .await;
}

#[tokio::test]
async fn what_a_person_says_first_stands() {
    on_each(async |ground| {
        let store = &ground.store;
        let id = create(store, "order").await;
        let said = async |code| {
            let left = store.leave(id.as_str(), None, code).await.expect("told");
            left.public.last_error.map(|error| error.code())
        };
        let (declined, unsupported) = (
            VerificationErrorCode::ConsentDeclined,
            VerificationErrorCode::DeviceNotSupported,
        );
        assert_eq!(said(declined).await, Some(declined));
        assert_eq!(
            (said(unsupported).await, said(declined).await),
            (Some(declined), Some(declined))
        );
        let events = store.events(id.partition(), 0, 100).await.expect("open");
        let told = events.iter().filter(|event| event.r#type.ends_with("requires_input"));
        assert_eq!(told.count(), 1, "once");
        assert_eq!(
            sweep(store, SystemTime::now() + 3 * DAY).await,
            0,
            "nobody is waited for who said so"
        );

        upload(store, &id, "front").await;
        attempt(store, &id, Some(VerificationErrorCode::DocumentExpired)).await;
        assert_eq!(
            said(unsupported).await,
            Some(unsupported),
            "after a submission it counts again"
        );
        store.cancel(id.as_str(), ACCOUNT).await.expect("canceled");
        let refused = store.leave(id.as_str(), None, declined).await.err();
        assert!(matches!(
            refused,
            Some(Error::Refused(Refusal::Status(LifecycleStatus::Canceled)))
        ));
    })
    .await;
}

#[tokio::test]
async fn what_was_kept_for_long_enough_is_taken_away() {
    on_each(async |ground| {
        let rules = ["images=1d", "sessions=10d", "other:images=5d"];
        let rules: Vec<_> = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
        let store = ground.store.clone().with_retention(RetentionPolicy::new(&rules));
        let (id, files) = verified(&store, "order").await;
        let other = store
            .create("other", true, creation("order"))
            .await
            .expect("created")
            .id;
        let others = upload(&store, &other, "front").await;
        let processing = create(&store, "processing").await;
        let checked = upload(&store, &processing, "front").await;
        store
            .submit(processing.as_str(), None, Default::default())
            .await
            .expect("submitted");
        let now = SystemTime::now();

        assert_eq!(sweep(&store, now).await, 0);
        assert_eq!(sweep(&store, now + DAY).await, 1);
        for file in &files {
            let gone = store.image(id.as_str(), file).await;
            assert!(matches!(gone, Err(Error::FileNotFound)));
        }
        let session = store.session(id.as_str(), None).await.expect("is there");
        assert_eq!(
            session.public.client_reference_id.as_deref(),
            Some("order"),
            "the rest stays"
        );
        assert_eq!((redacting(&session.public), session.files().len()), (None, 0));
        assert_eq!(ground.files(), 2);
        store
            .image(other.as_str(), &others)
            .await
            .expect("that account keeps them for longer");

        // Whoever is waited for is in no hurry: what they gave is kept for as long again.
        assert_eq!(sweep(&store, now + 4 * DAY).await, 1, "abandoned");
        assert_eq!(sweep(&store, now + 6 * DAY).await, 0);
        store.image(other.as_str(), &others).await.expect("kept");
        assert_eq!(sweep(&store, now + 8 * DAY).await, 1);
        assert_eq!(ground.files(), 1);

        assert_eq!(sweep(&store, now + 11 * DAY).await, 1);
        assert_eq!(sweep(&store, now + 13 * DAY).await, 1);
        for (id, status) in [(&id, Status::Verified), (&other, Status::Canceled)] {
            let session = store.session(id.as_str(), None).await.expect("is there");
            assert_eq!(redacting(&session.public), Some(Redacting::Redacted));
            assert_eq!(session.public.status(), status);
        }
        assert!(!is_personal(&store, &id, &files).await);
        store
            .image(processing.as_str(), &checked)
            .await
            .expect("what is being checked stays");
        assert_eq!(store.overdue(now + 1000 * DAY).await.expect("counted"), 0);
    })
    .await;
}

/// What was written under a shorter retention is not taken away before the one that holds now.
#[tokio::test]
async fn a_longer_retention_holds_for_what_is_there() {
    on_each(async |ground| {
        let under = |rule: &str| {
            let rules = [rule.parse().expect("a rule")];
            ground.store.clone().with_retention(RetentionPolicy::new(&rules))
        };
        let (id, _) = verified(&under("sessions=1d"), "order").await;
        let later = SystemTime::now() + 2 * DAY;
        let longer = under("sessions=30d");
        sweep(&longer, later).await;
        let session = ground.store.session(id.as_str(), None).await.expect("is there");
        assert_eq!(redacting(&session.public), None);
        assert_eq!(
            longer.overdue(later).await.expect("counted"),
            0,
            "it is not looked at over and over"
        );
        assert_eq!(sweep(&longer, later + 30 * DAY).await, 1);
    })
    .await;
}

/// Goes through all sessions, as a replica that begins to sweep does; in how many steps.
async fn reschedule(store: &Store) -> usize {
    let mut progress = Rescheduling::default();
    let mut steps = 1;
    while store.reschedule(&mut progress).await.expect("storage") {
        steps += 1;
    }
    steps
}

#[tokio::test]
async fn a_retention_that_is_set_later_holds_for_what_is_there() {
    on_each(async |ground| {
        let under = |rules: &[&str]| {
            let rules: Vec<_> = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
            ground.store.clone().with_retention(RetentionPolicy::new(&rules))
        };
        let state = async |id: &Id| redacting(&ground.store.session(id.as_str(), None).await.expect("is there").public);
        let for_ever = under(&[]);
        let strict = under(&["sessions=30d", "other:sessions=90d"]);
        let (old, _) = verified(&for_ever, "order").await;
        // More than are gone through at once.
        for _ in 0..250 {
            let canceled = for_ever
                .create(ACCOUNT, true, Default::default())
                .await
                .expect("created")
                .id;
            for_ever.cancel(canceled.as_str(), ACCOUNT).await.expect("canceled");
        }
        let others = for_ever
            .create("other", true, Default::default())
            .await
            .expect("created")
            .id;
        for_ever.cancel(others.as_str(), "other").await.expect("canceled");
        let later = SystemTime::now() + 40 * DAY;
        assert_eq!(sweep(&strict, later).await, 0, "nobody knows of them");

        // Whoever began died; the next one goes through all of them.
        let mut begun = Rescheduling::default();
        assert!(strict.reschedule(&mut begun).await.expect("storage"));
        assert!(reschedule(&strict).await > 3);
        assert_eq!(sweep(&strict, later).await, 251);
        assert_eq!(
            (state(&old).await, state(&others).await),
            (Some(Redacting::Redacted), None)
        );
        assert_eq!(sweep(&strict, later + 60 * DAY).await, 1, "the other account's");

        // What was written in a time without retention is not forgotten when the same one is set again.
        assert_eq!(reschedule(&for_ever).await, 1, "nothing is to be done");
        let (between, _) = verified(&for_ever, "another order").await;
        reschedule(&strict).await;
        sweep(&strict, later).await;
        assert_eq!(state(&between).await, Some(Redacting::Redacted));
    })
    .await;
}

/// What is redacted after the look began that finds it.
#[tokio::test]
async fn files_go_in_the_look_in_which_their_session_is_redacted() {
    on_each(async |ground| {
        let (id, _) = verified(&ground.store, "order").await;
        let began = SystemTime::now();
        ground.store.redact(id.as_str(), Some(ACCOUNT)).await.expect("redacted");
        ground.store.expire(&id, began, true).await.expect("goes on");
        let session = ground.store.session(id.as_str(), None).await.expect("is there");
        assert_eq!(redacting(&session.public), Some(Redacting::Redacted));
        assert_eq!(ground.files(), 0);
    })
    .await;
}

#[tokio::test]
async fn one_replica_sweeps() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let redis = Redis::connect(&server.address).await.expect("connects");
    let [one, other] = [(); 2].map(|()| Nonce::random().expect("random numbers"));
    let term = Duration::from_secs(60);
    let elect = async |candidate, term| redis.elect("sweeper", candidate, term).await.expect("storage");
    assert!(elect(one, term).await && elect(one, term).await);
    assert!(!elect(other, term).await);
    assert!(redis.elect("another role", other, term).await.expect("storage"));
    assert!(elect(one, Duration::from_millis(1)).await);
    let mut waited = 0;
    while !elect(other, term).await {
        waited += 1;
        assert!(waited < 1000, "the term is never over");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!elect(one, term).await);
}
