//! Watching a session while connections and services come and go.

use std::num::NonZeroUsize;

use proto::id::{self, Kind};
use proto::identity::v1::redaction::Status as Redacting;
use proto::identity::v1::{
    DocumentOptions, VerificationSession, VerificationSessionStatus, WatchVerificationSessionRequest,
};
use proto::reason;
use service_kit::status;
use session_svc::config::Config;
use tonic::{Code, Streaming};

use crate::fakes::Call;
use crate::harness::{
    OTHER_ACCOUNTS_KEY, Running, SECRET_KEY, config, refusal, refused, soon, start, start_with, store_services,
};

async fn watch(running: &Running, id: &str) -> Streaming<VerificationSession> {
    let request = WatchVerificationSessionRequest {
        verification_session: id.to_owned(),
    };
    running
        .sessions(SECRET_KEY)
        .watch_verification_session(request)
        .await
        .expect("watching")
        .into_inner()
}

async fn next(stream: &mut Streaming<VerificationSession>) -> VerificationSessionStatus {
    soon(stream.message())
        .await
        .expect("no error")
        .expect("not the end")
        .status()
}

#[tokio::test]
async fn every_change_arrives_once_whatever_happens_to_the_connection_behind() {
    let mut running = start().await;
    let id = running.create(DocumentOptions::default()).await.id;
    let mut stream = watch(&running, &id).await;
    let first = soon(stream.message()).await.expect("no error").expect("a session");
    assert_eq!(first.status(), VerificationSessionStatus::RequiresInput);
    assert!(first.client_secret.is_some());

    // An orderly end, and no change: the session that comes with the new subscription is not sent again.
    running.store.cut_streams();
    running
        .store
        .until(|state| (state.calls.iter().filter(|call| **call == Call::Watch).count() == 2).then_some(()))
        .await;
    running.store.set_status(&id, VerificationSessionStatus::Processing);
    assert_eq!(next(&mut stream).await, VerificationSessionStatus::Processing);

    // The store's process dies, and something happens before we are back.
    running.store_server.kill().await;
    running.store.set_status(&id, VerificationSessionStatus::RequiresInput);
    running.store_server.start_again(store_services(&running.store)).await;
    assert_eq!(next(&mut stream).await, VerificationSessionStatus::RequiresInput);

    running.store.set_status(&id, VerificationSessionStatus::Verified);
    assert_eq!(next(&mut stream).await, VerificationSessionStatus::Verified);

    // What is verified may be redacted.
    for expected in [Redacting::Processing, Redacting::Redacted] {
        running.store.set_redaction(&id, expected);
        let session = soon(stream.message()).await.expect("no error").expect("not the end");
        assert_eq!(session.redaction.expect("begun").status(), expected);
    }
    assert!(soon(stream.message()).await.expect("no error").is_none());
}

#[tokio::test]
async fn what_is_over_is_sent_once() {
    let running = start().await;
    let id = running.create(DocumentOptions::default()).await.id;
    running.store.set_status(&id, VerificationSessionStatus::Canceled);
    running.store.set_redaction(&id, Redacting::Redacted);
    let mut stream = watch(&running, &id).await;
    assert_eq!(next(&mut stream).await, VerificationSessionStatus::Canceled);
    assert!(soon(stream.message()).await.expect("no error").is_none());
}

#[tokio::test]
async fn an_unknown_session_is_refused_at_once() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    let unknown = id::format(Kind::VerificationSession, 7, 9999);
    for (key, id) in [
        (OTHER_ACCOUNTS_KEY, session.id.as_str()),
        (SECRET_KEY, &unknown),
        (SECRET_KEY, "vs_nonsense"),
    ] {
        let request = WatchVerificationSessionRequest {
            verification_session: id.to_owned(),
        };
        let answer = running.sessions(key).watch_verification_session(request).await;
        assert_eq!(refusal(answer), refused(Code::NotFound, reason::SESSION_NOT_FOUND));
    }
}

#[tokio::test]
async fn an_account_watches_so_many_sessions_at_once() {
    let running = start_with(Config {
        verification_workers: Some(0),
        max_watches: NonZeroUsize::MIN,
        ..config()
    })
    .await;
    let id = running.create(DocumentOptions::default()).await.id;
    let mut stream = watch(&running, &id).await;
    next(&mut stream).await;
    let again = || WatchVerificationSessionRequest {
        verification_session: id.clone(),
    };
    let answer = running.sessions(SECRET_KEY).watch_verification_session(again()).await;
    assert_eq!(refusal(answer), refused(Code::ResourceExhausted, reason::OVERLOADED));
    let others = running
        .sessions(OTHER_ACCOUNTS_KEY)
        .watch_verification_session(again())
        .await;
    assert_eq!(refusal(others), refused(Code::NotFound, reason::SESSION_NOT_FOUND));

    drop(stream);
    soon(running.store.until(|state| (state.watchers == 0).then_some(()))).await;
    next(&mut watch(&running, &id).await).await;
}

#[tokio::test]
async fn nobody_is_subscribed_for_a_backend_that_left() {
    let running = start().await;
    let id = running.create(DocumentOptions::default()).await.id;
    let mut stream = watch(&running, &id).await;
    next(&mut stream).await;
    assert_eq!(running.store.read().watchers, 1);
    drop(stream);
    soon(running.store.until(|state| (state.watchers == 0).then_some(()))).await;
}

#[tokio::test]
async fn a_replica_that_stops_sends_its_watchers_elsewhere() {
    let mut running = start().await;
    let id = running.create(DocumentOptions::default()).await.id;
    let mut stream = watch(&running, &id).await;
    next(&mut stream).await;
    running.shutdown.cancel();
    let status = soon(stream.message()).await.expect_err("stopping");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status::retry_after(&status).is_some());
    soon(&mut running.server).await.expect("watchers do not hold it up");
}
