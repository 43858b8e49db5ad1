//! What the service refuses, over both storages: each with its reason, and nothing is changed.

use std::time::Duration;

use proto::identity::v1::{ImagePurpose, VerificationSessionStatus};
use proto::reason;
use proto::store::v1::{
    CreateSessionRequest, GetImageRequest, GetSessionRequest, RedactSessionRequest, WatchSessionRequest,
};
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::deployment::{
    ACCOUNT, Client, Deployment, cancellation, completion, create, get, image, lease, on_both, put, reason_of,
    report_request, status, submission,
};

const LEASE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn every_refusal_has_its_reason_and_changes_nothing() {
    on_both(|Deployment { mut client, .. }| async move {
        let client = &mut client;
        let session = &create(client, true).await;

        // What does not exist, or is another account's.
        for id in [
            "",
            "vs_1",
            "vs_0700000000000000000000000000",
            "vr_0700000000000000000000000000",
        ] {
            let request = GetSessionRequest {
                verification_session: id.to_owned(),
                account: None,
                with_last_report: false,
            };
            let error = client.get_session(request).await.expect_err("unknown");
            assert_eq!(
                (error.code(), reason_of(&error)),
                (Code::NotFound, reason::SESSION_NOT_FOUND),
                "{id}"
            );
            let error = client
                .get_report(report_request(id, ACCOUNT))
                .await
                .expect_err("unknown");
            assert_eq!(
                (error.code(), reason_of(&error)),
                (Code::NotFound, reason::REPORT_NOT_FOUND),
                "{id}"
            );
        }
        let other = || Some("acct_2".to_owned());
        let error = client
            .get_session(GetSessionRequest {
                verification_session: session.clone(),
                account: other(),
                with_last_report: false,
            })
            .await;
        assert_eq!(
            reason_of(&error.expect_err("another account's")),
            reason::SESSION_NOT_FOUND
        );
        let error = client.cancel_session(cancellation(session, "acct_2")).await;
        assert_eq!(
            reason_of(&error.expect_err("another account's")),
            reason::SESSION_NOT_FOUND
        );
        let error = client
            .watch_session(WatchSessionRequest {
                verification_session: session.clone(),
                account: "acct_2".to_owned(),
            })
            .await;
        assert_eq!(
            reason_of(&error.expect_err("another account's")),
            reason::SESSION_NOT_FOUND
        );
        let picture = GetImageRequest {
            verification_session: session.clone(),
            file: "file_0700000000000000000000000000".to_owned(),
        };
        assert_eq!(
            reason_of(&client.get_image(picture).await.expect_err("unknown")),
            reason::FILE_NOT_FOUND
        );

        // Requests that are wrong in themselves.
        let error = client
            .create_session(CreateSessionRequest::default())
            .await
            .expect_err("empty");
        assert_eq!(reason_of(&error), reason::INVALID_FIELDS);
        assert_eq!(
            error.get_details_bad_request().expect("details").field_violations.len(),
            2,
            "all at once"
        );
        let error = refused(client, session, async |client| {
            client.put_image(image(session, ImagePurpose::Unspecified, b"x")).await
        });
        assert_eq!(reason_of(&error.await), reason::INVALID_FIELDS);
        let error = refused(client, session, async |client| {
            client.put_image(image(session, ImagePurpose::Selfie, b"")).await
        });
        assert_eq!(reason_of(&error.await), reason::IMAGE_EMPTY);
        let huge = vec![0; proto::MAX_IMAGE_BYTES + 1];
        let error = refused(client, session, async |client| {
            client.put_image(image(session, ImagePurpose::Selfie, &huge)).await
        });
        assert_eq!(reason_of(&error.await), reason::IMAGE_TOO_LARGE);

        // Submitting without pictures names all of them.
        let error = refused(client, session, async |client| {
            client.submit_session(submission(session)).await
        })
        .await;
        assert_eq!(
            (error.code(), reason_of(&error)),
            (Code::FailedPrecondition, reason::IMAGE_MISSING)
        );
        let missing = error.get_details_precondition_failure().expect("details").violations;
        assert_eq!(
            missing
                .iter()
                .map(|missing| missing.subject.as_str())
                .collect::<Vec<_>>(),
            ["document_front", "selfie"]
        );
        put(client, session, ImagePurpose::Selfie, b"selfie").await;
        let error = refused(client, session, async |client| {
            client.submit_session(submission(session)).await
        })
        .await;
        assert_eq!(
            error.get_details_error_info().expect("details").metadata["missing"],
            "document_front"
        );

        // Exactly at the limit is accepted.
        put(client, session, ImagePurpose::DocumentFront, &huge[1..]).await;
        client.submit_session(submission(session)).await.expect("submitted");
        wrong_status(client, session, "processing").await;

        let job = lease(client, LEASE, LEASE).await.expect("queued");
        for attempt in [0, 2] {
            let error = refused(client, session, async |client| {
                let mut answer = completion(&job, None, None);
                answer.attempt = attempt;
                client.complete_verification(answer).await
            });
            assert_eq!(reason_of(&error.await), reason::INVALID_FIELDS, "attempt {attempt}");
        }
        // As if by a lease of an attempt that is still to come.
        let error = refused(client, session, async |client| {
            let mut answer = completion(&job, None, None);
            answer.attempt = 2;
            answer.lease_token = answer.lease_token.replace("/1/", "/2/");
            client.complete_verification(answer).await
        })
        .await;
        assert_eq!(
            (error.code(), reason_of(&error)),
            (Code::FailedPrecondition, reason::LEASE_LOST)
        );
        let report = client
            .complete_verification(completion(&job, None, None))
            .await
            .expect("done")
            .into_inner();
        wrong_status(client, session, "verified").await;
        let report = report.report.expect("made").id;
        let error = client
            .get_report(report_request(&report, "acct_2"))
            .await
            .expect_err("another account's");
        assert_eq!(reason_of(&error), reason::REPORT_NOT_FOUND);

        let canceled = &create(client, false).await;
        let stored = client
            .cancel_session(cancellation(canceled, ACCOUNT))
            .await
            .expect("canceled")
            .into_inner();
        assert_eq!(status(&stored), VerificationSessionStatus::Canceled);
        wrong_status(client, canceled, "canceled").await;
        let watch = WatchSessionRequest {
            verification_session: canceled.clone(),
            account: ACCOUNT.to_owned(),
        };
        let mut watched = client.watch_session(watch).await.expect("found").into_inner();
        let first = watched.next().await.expect("as it is").expect("no error");
        assert!(!first.is_final, "it may still be redacted");
        let redaction = RedactSessionRequest {
            verification_session: canceled.clone(),
            account: ACCOUNT.to_owned(),
            idempotency_key: None,
        };
        let foreign = RedactSessionRequest {
            account: "acct_2".to_owned(),
            ..redaction.clone()
        };
        let error = client.redact_session(foreign).await.expect_err("another account's");
        assert_eq!(reason_of(&error), reason::SESSION_NOT_FOUND);
        let redacted = client
            .redact_session(redaction.clone())
            .await
            .expect("redacted")
            .into_inner();
        assert_eq!(status(&redacted), VerificationSessionStatus::Canceled);
        let last = watched.filter_map(Result::ok).collect::<Vec<_>>().await.pop();
        assert!(last.is_some_and(|stored| stored.is_final), "the end of the stream");
        let twice = client.redact_session(redaction).await.expect_err("redacted before");
        assert_eq!(reason_of(&twice), reason::SESSION_STATUS);
        wrong_status(client, canceled, "redacted").await;
    })
    .await;
}

/// The reason with which the call is refused; the session must be as it was before.
async fn refused<T>(
    client: &mut Client,
    session: &str,
    call: impl AsyncFnOnce(&mut Client) -> Result<T, Status>,
) -> Status {
    let before = get(client, session).await;
    let error = call(client).await.err().expect("refused");
    assert!(get(client, session).await == before, "a refusal changes nothing");
    error
}

/// Whatever changes a session that requires input is refused in any other status, naming it.
async fn wrong_status(client: &mut Client, session: &str, name: &str) {
    let put = refused(client, session, async |client| {
        client
            .put_image(image(session, ImagePurpose::DocumentBack, b"back"))
            .await
            .map(drop)
    });
    let put = put.await;
    let submit = refused(client, session, async |client| {
        client.submit_session(submission(session)).await.map(drop)
    })
    .await;
    let cancel = refused(client, session, async |client| {
        client.cancel_session(cancellation(session, ACCOUNT)).await.map(drop)
    });
    for error in [put, submit, cancel.await] {
        assert_eq!(
            (error.code(), reason_of(&error)),
            (Code::FailedPrecondition, reason::SESSION_STATUS)
        );
        assert_eq!(
            error.get_details_error_info().expect("details").metadata["status"],
            name
        );
    }
}
