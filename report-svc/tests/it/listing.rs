//! Listing sessions.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proto::identity::v1::{
    CreateVerificationSessionRequest, CreatedFilter, ListVerificationSessionsRequest, VerificationSessionStatus,
};
use proto::reason;
use proto::store::v1::{ListSessionsRequest, ListSessionsResponse};
use report_svc::error::Error;
use report_svc::evidence::Evidence;
use report_svc::limits::Limits;
use report_svc::seal::Keyring;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::Redis;
use report_svc::storage::{Committed, JobStep, Storage};
use report_svc::store::{Cursor, Filter, Session, Store};
use tonic::Code;

use crate::clock::Hand;
use crate::conformance::step;
use crate::deployment::{ACCOUNT, Client, cancellation, creation, on_both, public, reason_of};
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

fn of_reference(reference: &str) -> Filter {
    Filter {
        account: ACCOUNT.to_owned(),
        client_reference_id: Some(reference.to_owned()),
        status: None,
        created: 0..u128::MAX,
    }
}

async fn listed(store: &Store, filter: &Filter) -> Vec<String> {
    let page = store.list(filter, &Cursor::Newest, 100).await.expect("listed");
    page.sessions.iter().map(|session| session.id.to_string()).collect()
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
                .create(ACCOUNT, false, request)
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
        store.create(ACCOUNT, false, request).await.expect("created")
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
        let ids: Vec<_> = page.sessions.iter().map(|session| session.id.clone()).collect();
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
    store.create(ACCOUNT, false, request).await.expect("created");
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
    assert_eq!(store.expired(session.partition(), 10).await.expect("storage"), []);
    store.cancel(session.as_str(), ACCOUNT).await.expect("canceled");
    assert_eq!(expired(days(1000)).await, []);
}
