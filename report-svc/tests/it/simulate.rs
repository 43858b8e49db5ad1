//! Test mode, over both storages: outcomes that are chosen, and that no other way leads to them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proto::identity::v1::{
    CreateVerificationSessionRequest, DocumentOptions, SimulateVerificationRequest, VerificationErrorCode as Code,
    VerificationSessionOptions, VerificationSessionStatus as Status, VerificationType,
};
use proto::reason;
use proto::store::v1::{Job, SimulateSessionRequest};
use report_svc::assemble::Findings;
use report_svc::error::Error;
use report_svc::evidence::Evidence;
use report_svc::id::Id;
use report_svc::lifecycle::{Refusal, Status as LifecycleStatus};
use report_svc::limits::Limits;
use report_svc::storage::Storage;
use report_svc::storage::embedded::Embedded;
use report_svc::storage::redis::Redis;
use report_svc::store::{Cursor, Filter, Session, Store};

use crate::clock::Hand;
use crate::conformance::request;
use crate::deployment::{self, Deployment, completion, creation, public, reason_of};
use crate::redis_server::RedisServer;
use crate::store::{put, store};

/// An account's test mode, as session-svc calls it.
const ACCOUNT: &str = "acct_1/test";

const LEASE: Duration = Duration::from_secs(60);
const NOW: Duration = Duration::ZERO;

/// Runs a test on the embedded storage and, where redis-server is installed, on Redis, both timed by a hand.
async fn on_both<F: Future<Output = ()>>(test: impl Fn(Store, Hand) -> F) {
    let over = |storage: Arc<dyn Storage>| store(storage, Evidence::in_memory());
    let hand = Hand::new();
    let embedded = Embedded::in_memory(hand.clock()).expect("opens");
    test(over(Arc::new(embedded)), hand).await;
    if let Some(server) = RedisServer::start().await {
        let hand = Hand::new();
        let redis = Redis::connect(&server.address).await.expect("connects");
        test(over(Arc::new(redis.with_clock(hand.clock()))), hand).await;
    }
}

async fn create(store: &Store, livemode: bool) -> Id {
    let document = DocumentOptions {
        require_matching_selfie: true,
        ..DocumentOptions::default()
    };
    let request = CreateVerificationSessionRequest {
        r#type: VerificationType::Document.into(),
        options: Some(VerificationSessionOptions {
            document: Some(document),
            ..Default::default()
        }),
        ..Default::default()
    };
    store.create(ACCOUNT, livemode, request).await.expect("created").id
}

async fn choose(store: &Store, session: &Id, code: Code, delay: Duration) -> Result<Session, Error> {
    store
        .simulate(session.as_str(), ACCOUNT, code, delay, Default::default())
        .await
}

/// Leases the only job and completes it with what the checks would never have found.
pub(crate) async fn complete(store: &Store, passes: bool) -> Job {
    let job = store.lease(&request(LEASE)).await.expect("storage").expect("queued");
    let failure = (!passes).then_some(Code::SelfieManipulated);
    let mut answer = completion(&job, failure, failure);
    let document = answer.document.get_or_insert_default().document.get_or_insert_default();
    document.number = Some("FOUND".to_owned());
    let findings = Findings {
        document: answer.document,
        selfie: answer.selfie,
        timings: Vec::new(),
    };
    let lease = job.lease_token.parse().expect("a lease");
    assert!(store.complete(&lease, findings).await.expect("done").completed_now);
    job
}

async fn read(store: &Store, session: &Id) -> Session {
    store.session(session.as_str(), Some(ACCOUNT)).await.expect("found")
}

/// What was told of a session.
async fn told(store: &Store, session: &Id) -> Vec<String> {
    let events = store.events(session.partition(), 0, 1000).await.expect("storage");
    let of_it = events.into_iter().filter(|event| {
        let of = event.session.as_ref().expect("set");
        assert!(!of.livemode && event.account == ACCOUNT);
        of.id == session.as_str()
    });
    of_it
        .map(|event| {
            event
                .r#type
                .trim_start_matches("identity.verification_session.")
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn each_code_comes_when_it_is_chosen() {
    on_both(|store, _| async move {
        let mut came = BTreeSet::new();
        for code in (1..).map_while(|number| Code::try_from(number).ok()) {
            let session = create(&store, false).await;
            let chosen = choose(&store, &session, code, NOW).await.expect("chosen");
            if code.precedes_submission() {
                assert_eq!((chosen.public.status(), chosen.attempts), (Status::RequiresInput, 0));
                assert!(store.lease(&request(LEASE)).await.expect("storage").is_none());
                assert_eq!(chosen.public.last_verification_report, None);
                assert_eq!(told(&store, &session).await, ["created", "requires_input"]);
            } else {
                assert_eq!(chosen.public.status(), Status::Processing);
                let job = complete(&store, true).await;
                assert!(job.simulated);
                assert_eq!(
                    told(&store, &session).await,
                    ["created", "processing", "requires_input"]
                );
                let report = read(&store, &session).await.public.last_verification_report;
                let report = store.report(&report.expect("made"), ACCOUNT).await.expect("found");
                assert!(!report.livemode);
                let stated = report.document.expect("checked").number;
                assert_ne!(stated.as_deref(), Some("FOUND"), "what a worker found does not count");
            }
            let session = read(&store, &session).await.public;
            let error = session.last_error.as_ref().expect("chosen");
            assert!(!error.reason.is_empty());
            assert_eq!(
                (session.status(), session.verified_outputs),
                (Status::RequiresInput, None)
            );
            came.insert(i32::from(error.code()));
        }
        assert_eq!(came, (1..=19).collect());
    })
    .await;
}

#[tokio::test]
async fn what_a_worker_finds_decides_nothing() {
    on_both(|store, _| async move {
        let session = create(&store, false).await;
        // It fails, although everything passed; and the other way round.
        choose(&store, &session, Code::DocumentExpired, NOW)
            .await
            .expect("chosen");
        complete(&store, true).await;
        let failed = read(&store, &session).await.public;
        assert_eq!(failed.last_error.expect("chosen").code(), Code::DocumentExpired);
        choose(&store, &session, Code::Unspecified, NOW).await.expect("chosen");
        complete(&store, false).await;
        let verified = read(&store, &session).await.public;
        assert_eq!((verified.status(), verified.last_error), (Status::Verified, None));
        let outputs = verified.verified_outputs.expect("verified");
        assert_eq!(outputs.last_name.as_deref(), Some("ERIKSSON"));
        let report = verified.last_verification_report.expect("made");
        let report = store.report(&report, ACCOUNT).await.expect("found");
        assert_eq!(
            report.document.expect("checked").issuing_country.as_deref(),
            Some("UTO")
        );
        assert!(report.selfie.expect("asked for").error.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_person_needs_no_pictures_and_is_verified() {
    on_both(|store, _| async move {
        let session = create(&store, false).await;
        choose(&store, &session, Code::DocumentExpired, NOW)
            .await
            .expect("chosen");
        complete(&store, true).await;
        // What was chosen before is over.
        let submitted = store.submit(session.as_str(), None, Default::default()).await;
        assert_eq!(submitted.expect("submitted").attempts, 2);
        complete(&store, false).await;
        let verified = read(&store, &session).await.public;
        assert_eq!(verified.status(), Status::Verified);
        let expected = ["created", "processing", "requires_input", "processing", "verified"];
        assert_eq!(told(&store, &session).await, expected);
    })
    .await;
}

#[tokio::test]
async fn an_outcome_that_is_put_off_comes_when_it_is_due() {
    on_both(|store, hand| async move {
        let session = create(&store, false).await;
        let delay = Duration::from_secs(3600);
        choose(&store, &session, Code::Unspecified, delay)
            .await
            .expect("chosen");
        hand.advance(delay - Duration::from_millis(1));
        assert!(store.lease(&request(LEASE)).await.expect("storage").is_none());
        assert_eq!(read(&store, &session).await.public.status(), Status::Processing);
        hand.advance(Duration::from_millis(1));
        complete(&store, false).await;
        assert_eq!(read(&store, &session).await.public.status(), Status::Verified);
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_is_given_up_fails_whatever_was_chosen() {
    on_both(|store, hand| async move {
        let session = create(&store, false).await;
        choose(&store, &session, Code::Unspecified, NOW).await.expect("chosen");
        for _ in 0..Limits::default().deliveries {
            assert!(store.lease(&request(LEASE)).await.expect("storage").is_some());
            hand.advance(LEASE);
        }
        assert!(store.lease(&request(LEASE)).await.expect("storage").is_none());
        let failed = read(&store, &session).await.public;
        assert_eq!(failed.status(), Status::RequiresInput);
        assert_eq!(
            failed.last_error.expect("given up").code(),
            Code::DocumentUnverifiedOther
        );
    })
    .await;
}

#[tokio::test]
async fn a_live_session_has_no_choice() {
    on_both(|store, _| async move {
        // Of the same account, which session-svc never makes.
        let session = create(&store, true).await;
        for code in [Code::Unspecified, Code::Abandoned] {
            let refused = choose(&store, &session, code, NOW).await;
            assert!(matches!(refused, Err(Error::LiveMode)), "{code:?}");
        }
        let refused = store.submit(session.as_str(), None, Default::default()).await;
        assert!(matches!(refused, Err(Error::ImagesMissing(_))));
        let untouched = read(&store, &session).await;
        assert_eq!((untouched.version, untouched.attempts), (1, 0));

        // A live one is completed by what was found, never verified without.
        put(&store, &session, b"front").await;
        let selfie = proto::identity::v1::ImagePurpose::Selfie;
        let stored = store
            .put_image(session.as_str(), None, selfie, b"selfie".to_vec())
            .await;
        stored.expect("stored");
        store
            .submit(session.as_str(), None, Default::default())
            .await
            .expect("submitted");
        let job = store.lease(&request(LEASE)).await.expect("storage").expect("queued");
        assert!(!job.simulated);
        let lease = job.lease_token.parse().expect("a lease");
        store.complete(&lease, Findings::default()).await.expect("done");
        let failed = read(&store, &session).await.public;
        assert_eq!(
            failed.last_error.expect("nothing was found").code(),
            Code::DocumentUnverifiedOther
        );
    })
    .await;
}

#[tokio::test]
async fn only_a_session_that_requires_input_is_chosen_for() {
    on_both(|store, _| async move {
        let refused = async |session: &Id, status: LifecycleStatus| {
            for code in [Code::Unspecified, Code::SelfieManipulated, Code::ConsentDeclined] {
                let before = read(&store, session).await.version;
                let answer = choose(&store, session, code, NOW).await;
                let Err(Error::Refused(Refusal::Status(told))) = answer else {
                    panic!("{status:?} {code:?}")
                };
                assert_eq!(told, status);
                assert_eq!(read(&store, session).await.version, before);
            }
        };
        let session = create(&store, false).await;
        choose(&store, &session, Code::Unspecified, NOW).await.expect("chosen");
        refused(&session, LifecycleStatus::Processing).await;
        complete(&store, true).await;
        refused(&session, LifecycleStatus::Verified).await;
        let canceled = create(&store, false).await;
        store.cancel(canceled.as_str(), ACCOUNT).await.expect("canceled");
        refused(&canceled, LifecycleStatus::Canceled).await;

        // Another account's, and that of the account's live mode.
        let session = create(&store, false).await;
        for account in ["acct_1", "acct_2/test"] {
            let answer = store
                .simulate(session.as_str(), account, Code::Unspecified, NOW, Default::default())
                .await;
            assert!(matches!(answer, Err(Error::SessionNotFound)), "{account}");
        }
        let filter = Filter {
            account: "acct_1".to_owned(),
            client_reference_id: None,
            related_customer: None,
            related_customer_account: None,
            status: None,
            created: 0..u128::MAX,
        };
        let listed = store.list(&filter, &Cursor::Newest, 100).await.expect("storage");
        assert!(listed.items.is_empty());
    })
    .await;
}

#[tokio::test]
async fn attempts_are_counted_as_in_live_mode() {
    on_both(|store, _| async move {
        let session = create(&store, false).await;
        let attempts = Limits::default().attempts;
        for attempt in 1..=attempts {
            choose(&store, &session, Code::SelfieFaceMismatch, NOW)
                .await
                .expect("chosen");
            complete(&store, true).await;
            let error = read(&store, &session).await.public.last_error.expect("chosen");
            assert_eq!(error.reason.contains("last attempt"), attempt == attempts);
        }
        let refused = choose(&store, &session, Code::Unspecified, NOW).await;
        assert!(matches!(refused, Err(Error::AttemptsExhausted(_))));
    })
    .await;
}

#[tokio::test]
async fn a_choice_is_made_over_grpc() {
    deployment::on_both(|Deployment { mut client, .. }| async move {
        let mut creation = creation(true);
        (creation.account, creation.livemode) = (ACCOUNT.to_owned(), false);
        let created = client.create_session(creation).await.expect("created").into_inner();
        let session = public(&created).id.clone();
        let asking = |error: i32, seconds: i64| SimulateSessionRequest {
            account: ACCOUNT.to_owned(),
            request: Some(SimulateVerificationRequest {
                verification_session: session.clone(),
                error,
                delay: Some(prost_types::Duration { seconds, nanos: 0 }),
                idempotency_key: None,
            }),
        };
        for (error, seconds) in [(99, 0), (0, -1), (0, 3601)] {
            let status = client
                .simulate_session(asking(error, seconds))
                .await
                .expect_err("refused");
            assert_eq!(reason_of(&status), reason::INVALID_FIELDS, "{error} {seconds}");
        }
        let chosen = client.simulate_session(asking(Code::UnderSupportedAge.into(), 0)).await;
        assert_eq!(
            deployment::status(&chosen.expect("chosen").into_inner()),
            Status::Processing
        );
        let job = deployment::lease(&mut client, LEASE, Duration::from_secs(10))
            .await
            .expect("queued");
        assert!(job.simulated && job.files.is_empty());
        let done = client.complete_verification(completion(&job, None, None)).await;
        let done = done.expect("done").into_inner();
        let session = done.session.expect("set").session.expect("set");
        assert_eq!(session.last_error.expect("chosen").code(), Code::UnderSupportedAge);
        let document = done.report.expect("made").document.expect("checked");
        assert_eq!(document.error.expect("failed").code(), Code::DocumentUnverifiedOther);
    })
    .await;
}
