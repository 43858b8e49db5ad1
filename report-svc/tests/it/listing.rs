//! Listing sessions.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::identity::v1::{
    CreateVerificationSessionRequest, CreatedFilter, ImagePurpose, ListVerificationReportsRequest,
    ListVerificationSessionsRequest, VerificationErrorCode, VerificationSessionStatus, VerificationType,
};
use proto::reason;
use proto::store::v1::{ListReportsRequest, ListSessionsRequest, ListSessionsResponse, SubmitSessionRequest};
use report_svc::error::Error;
use report_svc::evidence::Evidence;
use report_svc::limits::Limits;
use report_svc::seal::Keyring;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::Redis;
use report_svc::storage::{Committed, JobStep, Storage};
use report_svc::store::{Cursor, Filter, Session, Store};
use tonic::{Code, Status};

use crate::clock::Hand;
use crate::conformance::step;
use crate::deployment::{ACCOUNT, Client, cancellation, completion, creation, lease, on_both, public, put, reason_of};
use crate::redis_server::RedisServer;

fn all() -> ListVerificationSessionsRequest {
    ListVerificationSessionsRequest::default()
}

fn of(account: &str, request: ListVerificationSessionsRequest) -> ListSessionsRequest {
    ListSessionsRequest {
        account: account.to_owned(),
        request: Some(request),
        with_last_report: false,
    }
}

async fn list(client: &mut Client, request: ListVerificationSessionsRequest) -> (Vec<String>, bool) {
    let listed = client.list_sessions(of(ACCOUNT, request)).await.expect("listed");
    let ListSessionsResponse { sessions, has_more } = listed.into_inner();
    let ids = sessions.iter().map(|stored| public(stored).id.clone()).collect();
    (ids, has_more)
}

async fn create(client: &mut Client, account: &str, reference: Option<&str>) -> String {
    let mut creation = creation(false);
    creation.account = account.to_owned();
    if let Some(request) = &mut creation.request {
        request.client_reference_id = reference.map(str::to_owned);
    }
    let stored = client.create_session(creation).await.expect("created").into_inner();
    public(&stored).id.clone()
}

#[tokio::test]
async fn lists_an_accounts_sessions_page_by_page() {
    on_both(|mut deployment| async move {
        let client = &mut deployment.client;
        let mut ids = Vec::new();
        for number in 0..23 {
            let reference = (number % 3 == 0).then_some("anna@example.org");
            ids.push(create(client, ACCOUNT, reference).await);
            create(client, "acct_2", Some("anna@example.org")).await;
        }
        ids.reverse();
        assert_eq!(
            list(client, all()).await,
            (ids[..10].to_vec(), true),
            "ten unless said otherwise"
        );
        let after = |id: &String, limit| ListVerificationSessionsRequest {
            starting_after: Some(id.clone()),
            limit: Some(limit),
            ..all()
        };
        assert_eq!(list(client, after(&ids[9], 10)).await, (ids[10..20].to_vec(), true));
        assert_eq!(list(client, after(&ids[19], 3)).await, (ids[20..].to_vec(), false));
        assert_eq!(list(client, after(&ids[22], 100)).await, (Vec::new(), false));
        let before = |id: &String, limit| ListVerificationSessionsRequest {
            ending_before: Some(id.clone()),
            limit: Some(limit),
            ..all()
        };
        assert_eq!(list(client, before(&ids[13], 10)).await, (ids[3..13].to_vec(), true));
        assert_eq!(list(client, before(&ids[3], 3)).await, (ids[..3].to_vec(), false));
        assert_eq!(list(client, before(&ids[0], 100)).await, (Vec::new(), false));

        let referenced = ListVerificationSessionsRequest {
            client_reference_id: Some("anna@example.org".to_owned()),
            ..all()
        };
        let expected: Vec<String> = ids.iter().rev().step_by(3).rev().cloned().collect();
        assert_eq!(list(client, referenced.clone()).await, (expected.clone(), false));
        client
            .cancel_session(cancellation(&expected[2], ACCOUNT))
            .await
            .expect("canceled");
        let [canceled, waiting] = [
            VerificationSessionStatus::Canceled,
            VerificationSessionStatus::RequiresInput,
        ];
        for request in [all(), referenced.clone()] {
            let in_status = |status: VerificationSessionStatus| ListVerificationSessionsRequest {
                status: status.into(),
                limit: Some(100),
                ..request.clone()
            };
            assert_eq!(
                list(client, in_status(canceled)).await,
                (vec![expected[2].clone()], false)
            );
            let (waiting, _) = list(client, in_status(waiting)).await;
            assert!(!waiting.contains(&expected[2]) && waiting.contains(&expected[1]));
        }
        let other = ListVerificationSessionsRequest {
            client_reference_id: Some("anna@example.com".to_owned()),
            ..all()
        };
        assert_eq!(list(client, other).await, (Vec::new(), false));

        // By time of creation, as answers state it.
        let whole = ListVerificationSessionsRequest {
            limit: Some(100),
            ..all()
        };
        let sessions = client
            .list_sessions(of(ACCOUNT, whole.clone()))
            .await
            .expect("listed")
            .into_inner()
            .sessions;
        let created = |index: usize| public(&sessions[index]).created.expect("set");
        let (first, last) = (created(15), created(5));
        type Holds<'a> = &'a dyn Fn(&prost_types::Timestamp) -> bool;
        let filters: [(CreatedFilter, Holds<'_>); 3] = [
            (
                CreatedFilter {
                    gte: Some(first),
                    lte: Some(last),
                    ..Default::default()
                },
                &|time| (nanos(&first)..=nanos(&last)).contains(&nanos(time)),
            ),
            (
                CreatedFilter {
                    gt: Some(first),
                    lt: Some(last),
                    ..Default::default()
                },
                &|time| nanos(&first) < nanos(time) && nanos(time) < nanos(&last),
            ),
            (
                CreatedFilter {
                    lt: Some(first),
                    ..Default::default()
                },
                &|time| nanos(time) < nanos(&first),
            ),
        ];
        for (filter, holds) in filters {
            let expected = sessions
                .iter()
                .map(public)
                .filter(|session| holds(&session.created.expect("set")));
            let expected: Vec<String> = expected.map(|session| session.id.clone()).collect();
            let request = ListVerificationSessionsRequest {
                created: Some(filter),
                ..whole.clone()
            };
            assert_eq!(list(client, request).await.0, expected);
        }
    })
    .await;
}

fn nanos(time: &prost_types::Timestamp) -> i128 {
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}

#[tokio::test]
async fn refuses_what_no_list_can_be() {
    on_both(|mut deployment| async move {
        let client = &mut deployment.client;
        let id = create(client, ACCOUNT, None).await;
        let both = Some(id.clone());
        for request in [
            ListVerificationSessionsRequest { status: 99, ..all() },
            ListVerificationSessionsRequest {
                limit: Some(0),
                ..all()
            },
            ListVerificationSessionsRequest {
                limit: Some(101),
                ..all()
            },
            ListVerificationSessionsRequest {
                starting_after: both.clone(),
                ending_before: both,
                ..all()
            },
            ListVerificationSessionsRequest {
                starting_after: Some("vs_".to_owned()),
                ..all()
            },
            ListVerificationSessionsRequest {
                created: Some(CreatedFilter {
                    gt: Some(prost_types::Timestamp { seconds: 0, nanos: -1 }),
                    ..Default::default()
                }),
                ..all()
            },
        ] {
            let error = client.list_sessions(of(ACCOUNT, request)).await.expect_err("refused");
            assert_eq!(
                (error.code(), reason_of(&error)),
                (Code::InvalidArgument, reason::INVALID_FIELDS)
            );
        }
        // A cursor of another account, and one that never was.
        let made_up = "vs_0700000000000000000000000000".to_owned();
        for (account, cursor) in [("acct_2", id), (ACCOUNT, made_up)] {
            let request = ListVerificationSessionsRequest {
                starting_after: Some(cursor),
                ..all()
            };
            let error = client.list_sessions(of(account, request)).await.expect_err("not found");
            assert_eq!(
                (error.code(), reason_of(&error)),
                (Code::NotFound, reason::SESSION_NOT_FOUND)
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_fits_into_a_message() {
    on_both(|mut deployment| async move {
        let client = &mut deployment.client;
        let mut ids = Vec::new();
        for _ in 0..40 {
            let mut creation = creation(false);
            let request = creation.request.get_or_insert_default();
            // As much as there may be.
            let entry = |number| (format!("{number:é>40}"), "\u{1f600}".repeat(500));
            request.metadata = (0..50).map(entry).collect();
            let stored = client.create_session(creation).await.expect("created").into_inner();
            ids.insert(0, public(&stored).id.clone());
        }
        let largest = |request| ListVerificationSessionsRequest {
            limit: Some(100),
            ..request
        };
        let (first, has_more) = list(client, largest(all())).await;
        assert!(has_more && (1..40).contains(&first.len()), "{} sessions", first.len());
        let older = ListVerificationSessionsRequest {
            starting_after: first.last().cloned(),
            ..all()
        };
        let (second, has_more) = list(client, largest(older)).await;
        assert_eq!(([first, second].concat(), has_more), (ids.clone(), false));
        // What is next to the cursor is there.
        let newer = ListVerificationSessionsRequest {
            ending_before: ids.last().cloned(),
            ..all()
        };
        let (page, has_more) = list(client, largest(newer)).await;
        assert_eq!((page.as_slice(), has_more), (&ids[39 - page.len()..39], true));
        assert!(page.len() < 39, "{} sessions", page.len());
    })
    .await;
}

#[tokio::test]
async fn lists_a_customers_sessions() {
    on_both(|mut deployment| async move {
        let client = &mut deployment.client;
        let mut of_anna = Vec::new();
        for (reference, customer) in [
            (None, Some("anna")),
            (Some("anna"), None),
            (Some("order 1"), Some("anna")),
            (Some("order 2"), Some("anna")),
            (Some("order 1"), Some("berta")),
        ] {
            let mut creation = creation(false);
            let request = creation.request.get_or_insert_default();
            request.client_reference_id = reference.map(str::to_owned);
            request.related_customer = customer.map(str::to_owned);
            let stored = client.create_session(creation).await.expect("created").into_inner();
            if customer == Some("anna") {
                of_anna.insert(0, public(&stored).id.clone());
            }
        }
        let customers = ListVerificationSessionsRequest {
            related_customer: Some("anna".to_owned()),
            ..all()
        };
        assert_eq!(list(client, customers.clone()).await, (of_anna.clone(), false));
        let both = ListVerificationSessionsRequest {
            client_reference_id: Some("order 1".to_owned()),
            ..customers.clone()
        };
        assert_eq!(list(client, both).await, (vec![of_anna[1].clone()], false));
        let canceled = cancellation(&of_anna[2], ACCOUNT);
        client.cancel_session(canceled).await.expect("canceled");
        let in_status = |status: VerificationSessionStatus| ListVerificationSessionsRequest {
            status: status.into(),
            ..customers.clone()
        };
        let canceled = list(client, in_status(VerificationSessionStatus::Canceled)).await;
        assert_eq!(canceled, (vec![of_anna[2].clone()], false));
        let waiting = list(client, in_status(VerificationSessionStatus::RequiresInput)).await;
        assert_eq!(waiting, (of_anna[..2].to_vec(), false));
    })
    .await;
}

/// By every choice of what a session has: the ones that have all of it.
#[tokio::test]
async fn lists_by_whatever_names_are_given_together() {
    on_both(|mut deployment| async move {
        let client = &mut deployment.client;
        let names = |kind: usize, name: &str| [1, 2, 4].map(|bit| (kind & bit != 0).then(|| name.to_owned()));
        let mut sessions = Vec::new();
        for (kind, name) in (0..8).flat_map(|kind| [(kind, "anna"), (kind, "berta")]) {
            let mut creation = creation(false);
            let request = creation.request.get_or_insert_default();
            let [reference, customer, customer_account] = names(kind, name);
            request.client_reference_id = reference;
            request.related_customer = customer;
            request.related_customer_account = customer_account;
            let stored = client.create_session(creation).await.expect("created").into_inner();
            sessions.insert(0, (kind, name, public(&stored).id.clone()));
        }
        for wanted in 1..8 {
            let [client_reference_id, related_customer, related_customer_account] = names(wanted, "anna");
            let request = ListVerificationSessionsRequest {
                client_reference_id,
                related_customer,
                related_customer_account,
                limit: Some(100),
                ..all()
            };
            let has_all = |(kind, name, _): &&(usize, &str, String)| kind & wanted == wanted && *name == "anna";
            let expected = sessions.iter().filter(has_all).map(|(.., id)| id.clone()).collect();
            assert_eq!(list(client, request).await, (expected, false), "{wanted}");
        }
    })
    .await;
}

/// Finishes an attempt of a session; the report's id.
async fn attempt(client: &mut Client, session: &str) -> String {
    put(client, session, ImagePurpose::DocumentFront, b"front").await;
    let by_the_person = SubmitSessionRequest {
        verification_session: session.to_owned(),
        account: None,
        idempotency_key: None,
    };
    client.submit_session(by_the_person).await.expect("submitted");
    let job = lease(client, Duration::from_secs(60), Duration::ZERO)
        .await
        .expect("a job");
    let failed = completion(&job, Some(VerificationErrorCode::DocumentExpired), None);
    let completed = client
        .complete_verification(failed)
        .await
        .expect("completed")
        .into_inner();
    completed.report.expect("a report").id
}

async fn list_reports(
    client: &mut Client,
    request: ListVerificationReportsRequest,
) -> Result<(Vec<String>, bool), Status> {
    let request = ListReportsRequest {
        account: ACCOUNT.to_owned(),
        request: Some(request),
    };
    let listed = client.list_reports(request).await?.into_inner();
    Ok((
        listed.data.into_iter().map(|report| report.id).collect(),
        listed.has_more,
    ))
}

#[tokio::test]
async fn lists_an_accounts_reports_page_by_page() {
    on_both(|mut deployment| async move {
        let client = &mut deployment.client;
        let sessions = [
            create(client, ACCOUNT, Some("anna@example.org")).await,
            create(client, ACCOUNT, None).await,
        ];
        let others = create(client, "acct_2", Some("anna@example.org")).await;
        let mut reports = Vec::new();
        // Not in the order of their sessions.
        for session in [&sessions[1], &sessions[0], &sessions[1], &sessions[1], &sessions[0]] {
            reports.push((attempt(client, session).await, session));
        }
        reports.reverse();
        let ids: Vec<String> = reports.iter().map(|(report, _)| report.clone()).collect();
        let of = |session: &String| -> Vec<String> {
            let of = reports.iter().filter(|(_, made)| *made == session);
            of.map(|(report, _)| report.clone()).collect()
        };
        let all = ListVerificationReportsRequest::default;
        let listed = list_reports(client, all()).await.expect("listed");
        assert_eq!(listed, (ids.clone(), false));
        let of_session = |session: &String| ListVerificationReportsRequest {
            verification_session: Some(session.clone()),
            ..all()
        };
        for session in &sessions {
            let listed = list_reports(client, of_session(session)).await.expect("listed");
            assert_eq!(listed, (of(session), false));
        }
        let by_reference = ListVerificationReportsRequest {
            client_reference_id: Some("anna@example.org".to_owned()),
            ..all()
        };
        let listed = list_reports(client, by_reference.clone()).await.expect("listed");
        assert_eq!(listed, (of(&sessions[0]), false));
        // A reference that the session does not have.
        let neither = ListVerificationReportsRequest {
            verification_session: Some(sessions[1].clone()),
            ..by_reference
        };
        assert_eq!(
            list_reports(client, neither).await.expect("listed"),
            (Vec::new(), false)
        );
        for (r#type, expected) in [
            (VerificationType::Document, ids.clone()),
            (VerificationType::IdNumber, Vec::new()),
        ] {
            let request = ListVerificationReportsRequest {
                r#type: r#type.into(),
                ..all()
            };
            assert_eq!(list_reports(client, request).await.expect("listed"), (expected, false));
        }
        // Pages of all, and of a session's.
        for (request, ids) in [(all(), ids.clone()), (of_session(&sessions[1]), of(&sessions[1]))] {
            for limit in 1..=3 {
                let (mut older, mut after) = (Vec::new(), None);
                let (mut newer, mut before) = (Vec::new(), ids.last().cloned());
                loop {
                    let request = ListVerificationReportsRequest {
                        starting_after: after,
                        limit: Some(limit),
                        ..request.clone()
                    };
                    let (page, has_more) = list_reports(client, request).await.expect("listed");
                    assert_eq!(has_more, older.len() + page.len() < ids.len());
                    after = page.last().cloned();
                    older.extend(page);
                    if !has_more {
                        break;
                    }
                }
                assert_eq!(older, ids);
                loop {
                    let request = ListVerificationReportsRequest {
                        ending_before: before,
                        limit: Some(limit),
                        ..request.clone()
                    };
                    let (page, has_more) = list_reports(client, request).await.expect("listed");
                    before = page.first().cloned();
                    newer.splice(..0, page);
                    if !has_more {
                        break;
                    }
                }
                assert_eq!(newer, ids[..ids.len() - 1]);
            }
        }
        // By time of creation, as answers state it.
        let request = ListReportsRequest {
            account: ACCOUNT.to_owned(),
            request: Some(all()),
        };
        let whole = client.list_reports(request).await.expect("listed").into_inner().data;
        let middle = whole[2].created;
        let since = ListVerificationReportsRequest {
            created: Some(CreatedFilter {
                gte: middle,
                ..Default::default()
            }),
            ..all()
        };
        let created = whole
            .iter()
            .filter(|report| nanos(&report.created.expect("set")) >= nanos(&middle.expect("set")));
        let created: Vec<String> = created.map(|report| report.id.clone()).collect();
        assert_eq!(list_reports(client, since).await.expect("listed").0, created);

        let others_report = attempt(client, &others).await;
        for (request, reason) in [
            (of_session(&others), reason::SESSION_NOT_FOUND),
            (
                ListVerificationReportsRequest {
                    starting_after: Some(others_report),
                    ..all()
                },
                reason::REPORT_NOT_FOUND,
            ),
            (
                ListVerificationReportsRequest {
                    starting_after: Some(sessions[0].clone()),
                    ..all()
                },
                reason::INVALID_FIELDS,
            ),
        ] {
            let refused = list_reports(client, request).await.expect_err("refused");
            assert_eq!(reason_of(&refused), reason);
        }
    })
    .await;
}

fn of_reference(reference: &str) -> Filter {
    Filter {
        account: ACCOUNT.to_owned(),
        client_reference_id: Some(reference.to_owned()),
        related_customer: None,
        related_customer_account: None,
        status: None,
        created: 0..u128::MAX,
    }
}

async fn listed(store: &Store, filter: &Filter) -> Vec<String> {
    let page = store.list(filter, &Cursor::Newest, 100).await.expect("listed");
    page.items.iter().map(|session| session.id.to_string()).collect()
}

#[tokio::test]
async fn references_are_found_while_the_master_key_is_rotated() {
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens"));
    let [old, new] = ["old", "new"].map(|id| Keyring::generate(id).expect("random numbers").to_string());
    let evidence = Evidence::in_memory();
    let with = |keys: String| {
        let keyring = Keyring::parse(&keys).expect("just made");
        Store::new(Arc::clone(&storage), evidence.clone(), keyring, Limits::default())
    };
    let (before, both, after) = (with(old.clone()), with(format!("{new},{old}")), with(new));
    let filter = of_reference("order 12");
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let request = CreateVerificationSessionRequest {
            client_reference_id: Some("order 12".to_owned()),
            ..CreateVerificationSessionRequest::default()
        };
        sessions.push(
            before
                .create(ACCOUNT, true, request)
                .await
                .expect("created")
                .id
                .to_string(),
        );
    }
    sessions.reverse();
    assert_eq!(listed(&both, &filter).await, sessions);
    // What is changed is sealed and tagged anew.
    both.cancel(&sessions[1], ACCOUNT).await.expect("canceled");
    assert_eq!(listed(&both, &filter).await, sessions);
    assert_eq!(listed(&after, &filter).await, sessions[1..2]);
    assert_eq!(
        listed(&before, &filter).await,
        [sessions[0].clone(), sessions[2].clone()]
    );
    let everything = Filter {
        client_reference_id: None,
        ..filter
    };
    assert_eq!(listed(&both, &everything).await, sessions);
    let page = after.list(&everything, &Cursor::Newest, 100).await;
    let refused = tonic::Status::from(page.map(drop).expect_err("the others lack their key"));
    assert_eq!(
        (refused.code(), reason_of(&refused)),
        (Code::FailedPrecondition, reason::MASTER_KEY_MISSING)
    );
}

/// Damages the record of a session.
async fn damage(storage: &dyn Storage, session: &Session) {
    let damage = step(&session.id, session.version, b"sealed by nobody", JobStep::Keep);
    assert_eq!(
        storage.commit(damage).await.expect("storage"),
        Committed::Done(session.version + 1)
    );
}

#[tokio::test]
async fn damaged_records_are_left_out() {
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens"));
    let store = crate::store::store(Arc::clone(&storage), Evidence::in_memory());
    let create = async || {
        let request = CreateVerificationSessionRequest::default();
        store.create(ACCOUNT, true, request).await.expect("created")
    };
    let oldest = create().await;
    let mut damaged = Vec::new();
    for _ in 0..40 {
        let session = create().await;
        damage(storage.as_ref(), &session).await;
        damaged.push(session);
    }
    let newest = create().await;
    let everything = Filter {
        client_reference_id: None,
        ..of_reference("")
    };
    let page = async |cursor, limit| {
        let page = store.list(&everything, &cursor, limit).await?;
        let ids: Vec<_> = page.items.iter().map(|session| session.id.clone()).collect();
        Ok::<_, Error>((ids, page.has_more))
    };
    let [first, last] = [newest.id.clone(), oldest.id.clone()];
    let found = page(Cursor::Newest, 10).await.expect("listed");
    assert_eq!(found, (vec![first.clone(), last.clone()], false));
    // A page is no endless search.
    let found = page(Cursor::Newest, 1).await.expect("listed");
    assert_eq!(found, (vec![first.clone()], true));
    let error = page(Cursor::StartingAfter(first), 1)
        .await
        .expect_err("nothing but damage");
    assert!(matches!(error, Error::Seal(_)), "{error}");
    // A cursor needs no record that can be read.
    let oldest_damaged = damaged[0].id.clone();
    let found = page(Cursor::StartingAfter(oldest_damaged), 10).await.expect("listed");
    assert_eq!(found, (vec![last], false));
}

#[tokio::test]
async fn no_reference_can_be_read_in_redis() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let storage = Arc::new(Redis::connect(&server.address).await.expect("connects"));
    let store = crate::store::store(storage, Evidence::in_memory());
    let reference = "anna@example.org";
    let request = CreateVerificationSessionRequest {
        client_reference_id: Some(reference.to_owned()),
        ..CreateVerificationSessionRequest::default()
    };
    store.create(ACCOUNT, true, request).await.expect("created");
    assert_eq!(listed(&store, &of_reference(reference)).await.len(), 1);
    let keys: Vec<String> = redis::from_redis_value(server.command(&["KEYS", "*"]).await).expect("names");
    assert!(keys.iter().any(|key| key.contains(":references:")), "{keys:?}");
    for key in keys {
        let dump: Vec<u8> = redis::from_redis_value(server.command(&["DUMP", &key]).await).expect("bytes");
        let seen = |bytes: &[u8]| bytes.windows(4).any(|window| window == b"anna");
        assert!(!seen(key.as_bytes()) && !seen(&dump), "{key}");
    }
}

#[tokio::test]
async fn sessions_expire_that_wait_for_a_person() {
    let storage: Arc<dyn Storage> = Arc::new(Embedded::in_memory(Hand::new().clock()).expect("opens"));
    let store = crate::store::store(Arc::clone(&storage), Evidence::in_memory());
    let session = crate::store::create(&store).await;
    let created = SystemTime::now();
    crate::store::put(&store, &session, b"front").await;
    let expired_after_two_days = storage
        .expired(session.partition(), created + Duration::from_secs(48 * 3600), 10)
        .await
        .expect("storage");
    assert_eq!(
        expired_after_two_days,
        std::slice::from_ref(&session),
        "an upload puts nothing off"
    );
    let submitted = store.submit(session.as_str(), None, Default::default()).await;
    submitted.expect("submitted");
    let expired = async |after: Duration| {
        let until = SystemTime::now() + after;
        storage.expired(session.partition(), until, 10).await.expect("storage")
    };
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
    assert_eq!(expired(days(1000)).await, [], "it is being processed");
    let lease = storage
        .lease(&crate::conformance::request(days(0) + Duration::from_secs(30)))
        .await;
    let lease = lease.expect("storage").expect("queued").lease;
    store.complete(&lease, Default::default()).await.expect("failed");
    assert_eq!(expired(days(1)).await, []);
    assert_eq!(expired(days(3)).await, std::slice::from_ref(&session));
    assert_eq!(store.overdue(SystemTime::now()).await.expect("storage"), 0);
    store.cancel(session.as_str(), ACCOUNT).await.expect("canceled");
    assert_eq!(expired(days(1000)).await, []);
}
