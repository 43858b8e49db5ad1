//! Test keys: what they open, what they choose, and what they never see.

use std::time::{Duration, SystemTime};

use prost_types::Duration as Delay;
use proto::id::{self, Kind};
use proto::identity::v1::{
    CancelVerificationSessionRequest, CreateVerificationSessionRequest, DocumentOptions, GetVerificationReportRequest,
    GetVerificationSessionRequest, ImagePurpose, ListVerificationReportsRequest, ListVerificationSessionsRequest,
    SimulateVerificationRequest, UpdateVerificationSessionRequest, VerificationErrorCode, VerificationSession,
    VerificationSessionOptions, VerificationSessionStatus, WatchVerificationSessionRequest,
};
use proto::reason;
use session_svc::config::Config;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::fakes::Call;
use crate::harness::{
    OTHER_ACCOUNTS_KEY, OTHER_ACCOUNTS_TEST_KEY, PICTURE, RESTRICTED_KEY, RESTRICTED_TEST_KEY, Running, SECRET_KEY,
    TEST_KEY, client_secret, config, document_request, refusal, refused, soon, start, start_with,
};

async fn create(running: &Running, key: &str) -> VerificationSession {
    // Pictures that a live session would need.
    let document = DocumentOptions {
        require_matching_selfie: true,
        ..DocumentOptions::default()
    };
    let request = CreateVerificationSessionRequest {
        options: Some(VerificationSessionOptions {
            document: Some(document),
            ..Default::default()
        }),
        ..document_request()
    };
    let created = running.sessions(key).create_verification_session(request).await;
    created.expect("created").into_inner()
}

fn choice(session: &str, error: VerificationErrorCode) -> SimulateVerificationRequest {
    SimulateVerificationRequest {
        verification_session: session.to_owned(),
        error: error.into(),
        delay: None,
        idempotency_key: None,
    }
}

async fn simulate(
    running: &Running,
    key: &str,
    request: SimulateVerificationRequest,
) -> Result<VerificationSession, Status> {
    let simulated = running.test_helpers(key).simulate_verification(request).await;
    simulated.map(tonic::Response::into_inner)
}

async fn with_worker() -> Running {
    start_with(Config {
        verification_workers: Some(1),
        ..config()
    })
    .await
}

/// Waits until a session was completed; answers what the worker found.
async fn completed(running: &Running, session: &VerificationSession) -> proto::store::v1::CompleteVerificationRequest {
    let done = running.store.until(|state| {
        let mut completed = state.completed.iter();
        completed.find(|done| done.verification_session == session.id).cloned()
    });
    soon(done).await
}

#[tokio::test]
async fn a_mode_is_that_of_the_key() {
    let running = start().await;
    for (key, livemode) in [
        (SECRET_KEY, true),
        (RESTRICTED_KEY, true),
        (TEST_KEY, false),
        (RESTRICTED_TEST_KEY, false),
    ] {
        assert_eq!(create(&running, key).await.livemode, livemode, "{key}");
    }
}

#[tokio::test]
async fn no_worker_looks_at_a_session_of_test_mode() {
    let running = with_worker().await;
    let session = create(&running, TEST_KEY).await;
    // Also when there are pictures.
    let uploaded = running.upload(&session, ImagePurpose::DocumentFront, PICTURE).await;
    uploaded.expect("stored");
    let chosen = choice(&session.id, VerificationErrorCode::SelfieFaceMismatch);
    let answer = simulate(&running, TEST_KEY, chosen).await.expect("chosen");
    assert!(answer.client_secret.is_none(), "nobody uploads now");
    let done = completed(&running, &session).await;
    assert!(done.document.is_none() && done.selfie.is_none() && done.timings.is_empty());

    // A person who submits needs nothing.
    let session = create(&running, TEST_KEY).await;
    running.submit(&session).await.expect("submitted");
    completed(&running, &session).await;
    assert!(!running.store.read().calls.contains(&Call::GetImage));
    assert!(running.document.0.requests().is_empty() && running.selfie.0.requests().is_empty());
}

#[tokio::test]
async fn what_is_chosen_reaches_the_store() {
    let running = start().await;
    let session = create(&running, TEST_KEY).await;
    let delay = Delay {
        seconds: 3600,
        nanos: 0,
    };
    let request = SimulateVerificationRequest {
        delay: Some(delay),
        ..choice(&session.id, VerificationErrorCode::DocumentExpired)
    };
    let answer = simulate(&running, RESTRICTED_TEST_KEY, request.clone())
        .await
        .expect("chosen");
    assert_eq!(answer.status(), VerificationSessionStatus::Processing);
    {
        let state = running.store.read();
        let given = state.simulations.last().expect("asked");
        assert_eq!(given.account, "acme/test");
        assert!(given.request == Some(request));
    }

    let session = create(&running, TEST_KEY).await;
    let left = choice(&session.id, VerificationErrorCode::Abandoned);
    let answer = simulate(&running, TEST_KEY, left).await.expect("chosen");
    assert!(answer.client_secret.is_some(), "the person may come back");
}

#[tokio::test]
async fn all_violations_of_a_choice_come_at_once() {
    let running = start().await;
    let session = create(&running, TEST_KEY).await;
    let delay = |seconds, nanos| Some(Delay { seconds, nanos });
    let (no_code, abandoned) = (99, VerificationErrorCode::Abandoned.into());
    for (error, delay, expected) in [
        (no_code, None, &["error"][..]),
        (-1, delay(-1, 0), &["error", "delay"]),
        (0, delay(0, -1), &["delay"]),
        (0, delay(3600, 1), &["delay"]),
        (0, delay(i64::MAX, 0), &["delay"]),
        (abandoned, delay(0, 1), &["delay"]),
    ] {
        let request = SimulateVerificationRequest {
            verification_session: session.id.clone(),
            error,
            delay,
            idempotency_key: None,
        };
        let status = simulate(&running, TEST_KEY, request).await.expect_err("refused");
        let violations = status.get_details_bad_request().expect("details").field_violations;
        let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, expected, "{error} {delay:?}");
        assert_eq!(
            refusal::<()>(Err(status)),
            refused(Code::InvalidArgument, reason::INVALID_FIELDS)
        );
    }
    assert!(!running.store.read().calls.contains(&Call::Simulate));
}

#[tokio::test]
async fn a_live_key_chooses_nothing() {
    let running = start().await;
    let live = create(&running, SECRET_KEY).await;
    let test = create(&running, TEST_KEY).await;
    let unknown = id::format(Kind::VerificationSession, 7, 9999);
    for session in [&live.id, &test.id, &unknown] {
        for key in [SECRET_KEY, RESTRICTED_KEY, OTHER_ACCOUNTS_KEY] {
            let answer = simulate(&running, key, choice(session, VerificationErrorCode::Unspecified)).await;
            assert_eq!(refusal(answer), refused(Code::FailedPrecondition, reason::LIVE_MODE));
        }
    }
    assert!(!running.store.read().calls.contains(&Call::Simulate));
}

#[tokio::test]
async fn only_its_own_account_chooses_for_a_session_that_requires_input() {
    let running = start().await;
    let live = create(&running, SECRET_KEY).await;
    let test = create(&running, TEST_KEY).await;
    let not_found = refused(Code::NotFound, reason::SESSION_NOT_FOUND);
    let asks = async |key: &str, session: &str| {
        refusal(simulate(&running, key, choice(session, VerificationErrorCode::Unspecified)).await)
    };
    assert_eq!(asks(TEST_KEY, &live.id).await, not_found, "a live one");
    assert_eq!(asks(OTHER_ACCOUNTS_TEST_KEY, &test.id).await, not_found, "another's");
    assert_eq!(asks(TEST_KEY, "vs_1").await, not_found, "a malformed one");
    let secret = client_secret(&test.id, SystemTime::now() + Duration::from_secs(60));
    let of_person = refused(Code::PermissionDenied, reason::PERMISSION_MISSING);
    assert_eq!(asks(&secret, &test.id).await, of_person);
    for status in [
        VerificationSessionStatus::Processing,
        VerificationSessionStatus::Verified,
        VerificationSessionStatus::Canceled,
    ] {
        running.store.set_status(&test.id, status);
        let status = refused(Code::FailedPrecondition, reason::SESSION_STATUS);
        assert_eq!(asks(TEST_KEY, &test.id).await, status);
    }
    assert_eq!(running.store.read().simulations.len(), 0);
}

#[tokio::test]
async fn neither_mode_sees_the_others() {
    let running = with_worker().await;
    for (own, other) in [(TEST_KEY, RESTRICTED_KEY), (RESTRICTED_KEY, TEST_KEY)] {
        let session = create(&running, own).await;
        for purpose in [ImagePurpose::DocumentFront, ImagePurpose::Selfie] {
            running.upload(&session, purpose, PICTURE).await.expect("stored");
        }
        running.submit(&session).await.expect("submitted");
        completed(&running, &session).await;
        let id = session.id.clone();
        let get = GetVerificationSessionRequest {
            verification_session: id.clone(),
            expand: Vec::new(),
        };
        let found = running.sessions(own).get_verification_session(get.clone()).await;
        let report = found.expect("its own").into_inner().last_verification_report;
        let report = GetVerificationReportRequest {
            verification_report: report.expect("completed"),
        };
        let mut reports = running.reports(own);
        reports.get_verification_report(report.clone()).await.expect("its own");

        let not_found = refused(Code::NotFound, reason::SESSION_NOT_FOUND);
        let (mut sessions, mut reports) = (running.sessions(other), running.reports(other));
        assert_eq!(refusal(sessions.get_verification_session(get).await), not_found);
        let update = UpdateVerificationSessionRequest {
            verification_session: id.clone(),
            ..Default::default()
        };
        assert_eq!(refusal(sessions.update_verification_session(update).await), not_found);
        let cancel = CancelVerificationSessionRequest {
            verification_session: id.clone(),
            idempotency_key: None,
        };
        assert_eq!(refusal(sessions.cancel_verification_session(cancel).await), not_found);
        let watch = WatchVerificationSessionRequest {
            verification_session: id.clone(),
        };
        assert_eq!(refusal(sessions.watch_verification_session(watch).await), not_found);
        let no_report = refused(Code::NotFound, reason::REPORT_NOT_FOUND);
        assert_eq!(refusal(reports.get_verification_report(report).await), no_report);
        let listed = sessions
            .list_verification_sessions(ListVerificationSessionsRequest::default())
            .await;
        let listed = listed.expect("listed").into_inner().data;
        assert!(listed.iter().all(|listed| listed.id != id));
        let listed = reports
            .list_verification_reports(ListVerificationReportsRequest::default())
            .await;
        listed.expect("listed");
    }
    let state = running.store.read();
    let (lists, report_lists) = (state.lists.iter(), state.report_lists.iter());
    let accounts: Vec<_> = lists
        .map(|list| &list.account)
        .chain(report_lists.map(|list| &list.account))
        .collect();
    assert_eq!(accounts, ["acme", "acme/test", "acme", "acme/test"]);
}
