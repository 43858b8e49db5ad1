//! Calls under idempotency keys, over both storages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use prost::Message as _;
use proto::identity::v1::{
    CreateVerificationSessionRequest, ImagePurpose, UpdateVerificationSessionRequest, VerificationErrorCode,
    VerificationType,
};
use report_svc::error::Error;
use report_svc::id::Id;
use report_svc::redaction::REDACTED;
use report_svc::storage::embedded::Embedded;
use report_svc::store::{Caller, Session, Store};

use crate::deployment::ACCOUNT;
use crate::ground::{Ground, Lost, on_each};
use crate::simulate::complete;

const KEY: &str = "once";

/// How long an answer is kept.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A call that changes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Update(&'static str),
    Cancel,
    Redact,
    Simulate(Duration),
    PutImage(&'static str),
    Submit,
    Leave(VerificationErrorCode),
}

/// Each method.
const CALLS: [Call; 7] = [
    Call::Update("blue"),
    Call::Cancel,
    Call::Redact,
    Call::Simulate(Duration::ZERO),
    Call::PutImage("front"),
    Call::Submit,
    Call::Leave(VerificationErrorCode::ConsentDeclined),
];

/// What a call answers: a session and its version, or a file.
#[derive(Debug, PartialEq, Eq)]
struct Answer(Vec<u8>, u64);

impl From<Session> for Answer {
    fn from(session: Session) -> Self {
        Self(session.to_stored().encode_to_vec(), session.version)
    }
}

impl Call {
    async fn of(self, store: &Store, id: &Id, key: &str) -> Result<Answer, Error> {
        self.by(store, id, Caller::new(Some(ACCOUNT), Some(key))).await
    }

    async fn by(self, store: &Store, id: &Id, caller: Caller<'_>) -> Result<Answer, Error> {
        let session = id.as_str();
        let answer = match self {
            Self::Update(color) => {
                let request = UpdateVerificationSessionRequest {
                    idempotency_key: caller.idempotency_key.map(str::to_owned),
                    ..update(id, "color", color)
                };
                store.update(caller.account.unwrap_or(ACCOUNT), &request).await
            }
            Self::Cancel => store.cancel(session, caller).await,
            Self::Redact => store.redact(session, caller).await,
            Self::Simulate(delay) => {
                let verified = VerificationErrorCode::Unspecified;
                store
                    .simulate(session, caller, verified, delay, Default::default())
                    .await
            }
            Self::PutImage(picture) => {
                let picture = picture.as_bytes().to_vec();
                let put = store.put_image(session, caller, ImagePurpose::DocumentFront, picture);
                return Ok(Answer(put.await?.encode_to_vec(), 0));
            }
            Self::Submit => store.submit(session, caller, Default::default()).await,
            Self::Leave(code) => store.leave(session, caller, code).await,
        };
        answer.map(Answer::from)
    }

    /// The same method with other parameters, if it has any.
    fn other(self) -> Option<Self> {
        match self {
            Self::Update(_) => Some(Self::Update("green")),
            Self::Simulate(_) => Some(Self::Simulate(Duration::from_secs(1))),
            Self::PutImage(_) => Some(Self::PutImage("another front")),
            Self::Leave(_) => Some(Self::Leave(VerificationErrorCode::DeviceNotSupported)),
            Self::Cancel | Self::Redact | Self::Submit => None,
        }
    }
}

fn update(id: &Id, key: &str, value: &str) -> UpdateVerificationSessionRequest {
    UpdateVerificationSessionRequest {
        verification_session: id.to_string(),
        metadata: [(key.to_owned(), value.to_owned())].into(),
        ..Default::default()
    }
}

/// A session of test mode: it needs no pictures.
async fn create(store: &Store, account: &str, key: Option<&str>) -> Id {
    let request = CreateVerificationSessionRequest {
        r#type: VerificationType::Document.into(),
        client_reference_id: Some("order".to_owned()),
        idempotency_key: key.map(str::to_owned),
        ..Default::default()
    };
    store.create(account, false, request).await.expect("created").id
}

async fn version(store: &Store, id: &Id) -> u64 {
    store.session(id.as_str(), None).await.expect("is there").version
}

fn is_reused(answer: &Result<Answer, Error>) -> bool {
    matches!(answer, Err(Error::IdempotencyKeyReused))
}

#[tokio::test]
async fn a_call_that_is_sent_again_is_answered_as_it_was_first() {
    on_each(async |ground| {
        let store = &ground.store;
        for call in CALLS {
            let id = create(store, ACCOUNT, None).await;
            let first = call.of(store, &id, &id.to_string()).await.expect("answered");
            // Others go on.
            let _ = store.update(ACCOUNT, &update(&id, "color", "red")).await;
            let before = version(store, &id).await;
            let again = call.of(store, &id, &id.to_string()).await.expect("answered");
            assert_eq!(again, first, "{call:?}");
            assert_eq!(version(store, &id).await, before, "{call:?} has no second effect");
            let session = store.session(id.as_str(), None).await.expect("is there");
            assert!(session.attempts <= 1, "{call:?}");
        }
        assert_eq!(ground.files(), 1, "of the one picture");
    })
    .await;
}

#[tokio::test]
async fn a_call_that_changes_nothing_is_answered_again_too() {
    on_each(async |ground| {
        let store = &ground.store;
        let id = create(store, ACCOUNT, None).await;
        let set = Call::Update("blue");
        set.of(store, &id, "first").await.expect("set");
        let nothing_new = set.of(store, &id, "second").await.expect("set");
        store
            .update(ACCOUNT, &update(&id, "color", "red"))
            .await
            .expect("changed since");
        let again = set.of(store, &id, "second").await.expect("answered");
        assert_eq!(again, nothing_new);
        let now = store.session(id.as_str(), None).await.expect("is there");
        assert_eq!(now.public.metadata["color"], "red", "what came since stays");
    })
    .await;
}

#[tokio::test]
async fn a_key_stands_for_one_call() {
    on_each(async |ground| {
        let store = &ground.store;
        for call in CALLS {
            let key = format!("{call:?}");
            let id = create(store, ACCOUNT, None).await;
            let other_session = create(store, ACCOUNT, None).await;
            call.of(store, &id, &key).await.expect("answered");
            let before = version(store, &id).await;
            for other in CALLS.into_iter().filter(|other| *other != call) {
                let refused = other.of(store, &id, &key).await;
                assert!(is_reused(&refused), "{call:?}, then {other:?}: {refused:?}");
            }
            let refused = call.of(store, &other_session, &key).await;
            assert!(is_reused(&refused), "{call:?} of another session: {refused:?}");
            if let Some(other) = call.other() {
                let refused = other.of(store, &id, &key).await;
                assert!(is_reused(&refused), "{call:?}, then {other:?}: {refused:?}");
            }
            assert_eq!(version(store, &id).await, before, "{call:?}");
            assert_eq!(version(store, &other_session).await, 1, "{call:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn creations_and_other_calls_share_the_keys_of_their_account() {
    on_each(async |ground| {
        let store = &ground.store;
        let id = create(store, ACCOUNT, Some("of a creation")).await;
        assert!(is_reused(&Call::Cancel.of(store, &id, "of a creation").await));
        Call::Update("blue").of(store, &id, "of an update").await.expect("set");
        let request = CreateVerificationSessionRequest {
            r#type: VerificationType::Document.into(),
            idempotency_key: Some("of an update".to_owned()),
            ..Default::default()
        };
        let refused = store.create(ACCOUNT, false, request).await.map(Answer::from);
        assert!(is_reused(&refused), "{refused:?}");

        let others = create(store, "other", Some("of a creation")).await;
        let theirs = Caller::new(Some("other"), Some("of an update"));
        Call::Cancel.by(store, &others, theirs).await.expect("a key of theirs");
        // A person's keys are those of their session.
        let person = Caller::new(None, Some("of an update"));
        Call::Submit.by(store, &id, person).await.expect("a key of their own");
        let refused = Call::PutImage("front").by(store, &id, person).await;
        assert!(is_reused(&refused), "{refused:?}");
        let another = create(store, ACCOUNT, None).await;
        Call::Submit
            .by(store, &another, person)
            .await
            .expect("of another session");
    })
    .await;
}

/// Otherwise one person could fill the storage.
#[tokio::test]
async fn a_persons_call_that_changes_nothing_is_not_kept() {
    on_each(async |ground| {
        let store = &ground.store;
        let id = create(store, ACCOUNT, None).await;
        let leave = Call::Leave(VerificationErrorCode::ConsentDeclined);
        for key in ["first", "second", "third"] {
            let person = Caller::new(None, Some(key));
            leave.by(store, &id, person).await.expect("answered");
        }
        assert_eq!(version(store, &id).await, 2);
    })
    .await;
}

/// Of two submissions that meet one is refused: it had no effect, and has none when it is sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_under_different_keys_are_different_calls() {
    on_each(async |ground| {
        for _ in 0..20 {
            let id = create(&ground.store, ACCOUNT, None).await;
            let calls = ["one", "other"].map(|key| {
                let (store, id, key) = (ground.store.clone(), id.clone(), format!("{key} {id}"));
                tokio::spawn(async move { Call::Submit.of(&store, &id, &key).await.is_ok() })
            });
            let mut accepted = 0;
            for call in calls {
                accepted += usize::from(call.await.expect("ran"));
            }
            assert_eq!((accepted, version(&ground.store, &id).await), (1, 2));
            complete(&ground.store, true).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    on_each(async |ground| {
        let store = &ground.store;
        let id = create(store, ACCOUNT, None).await;
        Call::Submit.of(store, &id, "submit").await.expect("submitted");
        let refused = Call::Redact.of(store, &id, KEY).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        complete(store, true).await;
        Call::Redact.of(store, &id, KEY).await.expect("it is verified now");
    })
    .await;
}

#[tokio::test]
async fn of_a_redacted_session_what_is_left_is_answered() {
    on_each(async |ground| {
        let store = &ground.store;
        for call in CALLS {
            let id = create(store, ACCOUNT, None).await;
            let key = id.to_string();
            call.of(store, &id, &key).await.expect("answered");
            if matches!(call, Call::Submit | Call::Simulate(_)) {
                complete(store, true).await;
            }
            if call != Call::Redact {
                store.redact(id.as_str(), Some(ACCOUNT)).await.expect("redacted");
            }
            store.delete_discarded(id.as_str()).await.expect("deleted");
            let again = call.of(store, &id, &key).await;
            if let Call::PutImage(_) = call {
                // Nothing is left of a picture.
                assert!(matches!(again, Err(Error::Refused(_))), "{again:?}");
                assert_eq!(ground.files(), 0);
                continue;
            }
            let answer = again.expect("answered");
            let stored = proto::store::v1::StoredSession::decode(answer.0.as_slice()).expect("a session");
            let public = stored.session.expect("a session");
            assert_eq!(public.client_reference_id.as_deref(), Some(REDACTED), "{call:?}");
            assert!(public.metadata.is_empty() && public.redaction.is_some(), "{call:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_get_a_call_at_once_have_one_effect() {
    on_each(async |ground| {
        let store = &ground.store;
        for (round, call) in CALLS.into_iter().cycle().take(6 * CALLS.len()).enumerate() {
            let id = create(store, ACCOUNT, None).await;
            let key = format!("{call:?} {round}");
            let calls = (0..6).map(|_| {
                let (store, id, key) = (ground.store.clone(), id.clone(), key.clone());
                tokio::spawn(async move { call.of(&store, &id, &key).await.expect("answered") })
            });
            let answers: Vec<Answer> = join_all(calls)
                .await
                .into_iter()
                .map(|ended| ended.expect("ran"))
                .collect();
            for answer in &answers {
                assert_eq!(answer, &answers[0], "{call:?}");
            }
            assert_eq!(version(store, &id).await, 2, "{call:?}");
        }
        assert_eq!(ground.files(), 6, "one of each round");
    })
    .await;
}

/// A replica dies at each of its steps in turn; the call is sent again to another one.
#[tokio::test]
async fn whoever_dies_half_way_leaves_one_effect_with_its_answer_or_neither() {
    on_each(async |ground| {
        let store = &ground.store;
        for call in CALLS {
            let (mut happened, mut did_not) = (0, 0);
            for steps in 0.. {
                let id = create(store, ACCOUNT, None).await;
                let key = id.to_string();
                let (dying, died) = ground.dying(steps);
                let first = tokio::select! {
                    answer = call.of(&dying, &id, &key) => Some(answer.expect("answered")),
                    () = died.notified() => None,
                };
                match version(store, &id).await {
                    1 => did_not += 1,
                    _ => happened += 1,
                }
                let again = call.of(store, &id, &key).await.expect("answered");
                assert_eq!(version(store, &id).await, 2, "{call:?} at step {steps}");
                if let Some(first) = first {
                    assert_eq!(again, first);
                    break;
                }
            }
            assert!(happened >= 1 && did_not >= 4, "{call:?}: {happened}, {did_not} not");
        }
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_found() {
    on_each(async |ground| {
        for call in CALLS {
            let id = create(&ground.store, ACCOUNT, None).await;
            let losing = ground.losing(Lost::Conflict);
            let first = call.of(&losing, &id, &id.to_string()).await.expect("it happened");
            let again = call.of(&ground.store, &id, &id.to_string()).await;
            assert_eq!(again.expect("answered"), first, "{call:?}");
            assert_eq!(version(&ground.store, &id).await, 2, "{call:?}");
        }
        assert_eq!(ground.files(), 1);
    })
    .await;
}

/// Redis forgets by its own clock.
#[tokio::test]
async fn after_a_day_a_key_is_new() {
    let ahead = Arc::new(AtomicU64::new(0));
    let hand = Arc::clone(&ahead);
    let clock = move || SystemTime::now() + Duration::from_secs(hand.load(Ordering::SeqCst));
    let ground = Ground::new(Arc::new(Embedded::in_memory(Arc::new(clock)).expect("opens")));
    let store = &ground.store;
    let id = create(store, ACCOUNT, None).await;
    Call::Update("blue").of(store, &id, KEY).await.expect("set");
    ahead.store(DAY.as_secs() - 60, Ordering::SeqCst);
    assert!(is_reused(&Call::Update("green").of(store, &id, KEY).await));
    ahead.store(DAY.as_secs() + 60, Ordering::SeqCst);
    Call::Update("green").of(store, &id, KEY).await.expect("a new call");
    let answered = Call::Update("green").of(store, &id, KEY).await;
    answered.expect("its answer is kept");
    assert_eq!(version(store, &id).await, 3);
}
