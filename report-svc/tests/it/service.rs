//! The gRPC service, over both storages.

use std::time::{Duration, Instant};

use proto::identity::v1::{ImagePurpose, VerificationErrorCode, VerificationSessionStatus};
use proto::reason;
use proto::store::v1::{
    CancelSessionRequest, CreateSessionRequest, ExtendLeaseRequest, GetImageRequest, GetReportRequest,
    GetSessionRequest, LeaseJobRequest, ReleaseJobRequest, WatchSessionRequest,
};
use report_svc::config::Config;
use report_svc::server::{Service, StartError};
use tokio_stream::StreamExt as _;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::deployment::{
    ACCOUNT, Client, Deployment, completion, create, creation, get, image, lease, on_both, public, put, start, status,
    submission, submitted,
};

const LEASE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);
const NOW: Duration = Duration::ZERO;

fn reason_of(status: &Status) -> String {
    service_kit::status::reason(status).unwrap_or_default()
}

fn report_request(id: &str, account: &str) -> GetReportRequest {
    GetReportRequest {
        id: id.to_owned(),
        account: account.to_owned(),
    }
}

fn cancellation(id: &str, account: &str) -> CancelSessionRequest {
    CancelSessionRequest {
        id: id.to_owned(),
        account: account.to_owned(),
    }
}

#[tokio::test]
async fn a_session_lives_its_whole_life() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = create(&mut client, true).await;
        let watch = WatchSessionRequest {
            id: session.clone(),
            account: ACCOUNT.to_owned(),
        };
        let mut watched = client.watch_session(watch).await.expect("found").into_inner();
        let mut next = async || watched.next().await.map(|stored| stored.expect("no error"));

        let first = next().await.expect("as it is");
        assert_eq!(
            (status(&first), first.version),
            (VerificationSessionStatus::RequiresInput, 1)
        );
        assert_eq!(first.account, ACCOUNT);
        assert_eq!(public(&first).client_reference_id.as_deref(), Some("order 12"));
        assert_eq!((&public(&first).client_secret, &public(&first).url), (&None, &None));

        let front = put(&mut client, &session, ImagePurpose::DocumentFront, b"front").await;
        assert_eq!(
            public(&next().await.expect("changed"))
                .insights
                .as_ref()
                .expect("set")
                .files
                .len(),
            1
        );
        let selfie = put(&mut client, &session, ImagePurpose::Selfie, b"selfie").await;
        next().await.expect("changed");

        let mut request = Request::new(submission(&session));
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        request
            .metadata_mut()
            .insert("traceparent", parent.parse().expect("a value"));
        client.submit_session(request).await.expect("submitted");
        let processing = next().await.expect("changed");
        assert_eq!(status(&processing), VerificationSessionStatus::Processing);

        let job = lease(&mut client, LEASE, PATIENCE).await.expect("queued");
        assert_eq!(
            (job.session.as_str(), job.attempt, job.delivery),
            (session.as_str(), 1, 1)
        );
        let files: Vec<_> = job
            .files
            .iter()
            .map(|file| (file.id.as_str(), file.purpose()))
            .collect();
        assert_eq!(
            files,
            [
                (front.as_str(), ImagePurpose::DocumentFront),
                (selfie.as_str(), ImagePurpose::Selfie)
            ]
        );
        assert!(
            job.options
                .and_then(|options| options.document)
                .is_some_and(|options| options.require_matching_selfie)
        );
        assert!(
            job.trace_context["traceparent"].starts_with("00-"),
            "the call's trace goes on with the job"
        );
        let picture = GetImageRequest {
            session: session.clone(),
            file: front.clone(),
        };
        assert_eq!(
            client.get_image(picture).await.expect("held").into_inner().data,
            b"front"
        );

        let done = client
            .complete_verification(completion(&session, 1, None, None))
            .await
            .expect("done")
            .into_inner();
        assert!(done.completed_now);
        let report = done.report.expect("made");
        let verified = next().await.expect("changed");
        assert_eq!(status(&verified), VerificationSessionStatus::Verified);
        assert_eq!(
            public(&verified).last_verification_report.as_deref(),
            Some(report.id.as_str())
        );
        assert_eq!(public(&verified).last_error, None);
        let outputs = public(&verified).verified_outputs.as_ref().expect("verified");
        assert_eq!(outputs.first_name.as_deref(), Some("ANNA MARIA"));
        assert!(next().await.is_none(), "the stream ends with the session");

        let found = client
            .get_report(report_request(&report.id, ACCOUNT))
            .await
            .expect("found")
            .into_inner();
        assert!(found == report);
        assert_eq!(found.document.expect("ran").files, [front]);
        assert_eq!(found.selfie.expect("ran").selfie, Some(selfie));
        assert!(lease(&mut client, LEASE, NOW).await.is_none(), "the job is gone");

        let again = client
            .complete_verification(completion(&session, 1, None, None))
            .await
            .expect("answers");
        let again = again.into_inner();
        assert!(!again.completed_now);
        assert!(again.report.expect("the one that exists") == report);
        assert_eq!(again.session.expect("set").version, verified.version);
    })
    .await;
}

#[tokio::test]
async fn a_failed_attempt_can_be_tried_again() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = create(&mut client, true).await;
        put(&mut client, &session, ImagePurpose::DocumentFront, b"front").await;
        let old = put(&mut client, &session, ImagePurpose::Selfie, b"other person").await;
        client.submit_session(submission(&session)).await.expect("submitted");
        lease(&mut client, LEASE, PATIENCE).await.expect("queued");
        let mismatch = Some(VerificationErrorCode::SelfieFaceMismatch);
        let failed = client
            .complete_verification(completion(&session, 1, None, mismatch))
            .await
            .expect("done");
        let first = failed.into_inner().report.expect("made");

        let stored = get(&mut client, &session).await;
        assert_eq!(status(&stored), VerificationSessionStatus::RequiresInput);
        let error = public(&stored).last_error.as_ref().expect("failed");
        assert_eq!(error.code(), VerificationErrorCode::SelfieFaceMismatch);
        assert_eq!(public(&stored).verified_outputs, None);

        // The pictures are still there; only the wrong one is replaced.
        let new = put(&mut client, &session, ImagePurpose::Selfie, b"same person").await;
        let replaced = GetImageRequest {
            session: session.clone(),
            file: old,
        };
        assert_eq!(
            reason_of(&client.get_image(replaced).await.expect_err("replaced")),
            reason::FILE_NOT_FOUND
        );
        client
            .submit_session(submission(&session))
            .await
            .expect("submitted again");
        let job = lease(&mut client, LEASE, PATIENCE).await.expect("queued");
        assert_eq!((job.attempt, job.delivery), (2, 1));
        assert!(job.files.iter().any(|file| file.id == new));

        // A completion that comes too late does not touch the attempt that runs now.
        let late = client
            .complete_verification(completion(&session, 1, None, None))
            .await
            .expect("answers")
            .into_inner();
        assert!(!late.completed_now);
        assert!(late.report.expect("the first") == first);
        assert_eq!(
            status(&late.session.expect("set")),
            VerificationSessionStatus::Processing
        );

        let done = client
            .complete_verification(completion(&session, 2, None, None))
            .await
            .expect("done")
            .into_inner();
        let second = done.report.expect("made");
        assert_ne!(first.id, second.id);
        assert_eq!(second.insights.expect("set").attempt, 2);
        let stored = done.session.expect("set");
        assert_eq!(
            (status(&stored), &public(&stored).last_error),
            (VerificationSessionStatus::Verified, &None)
        );
        assert!(
            client.get_report(report_request(&first.id, ACCOUNT)).await.is_ok(),
            "each attempt keeps its report"
        );
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
                id: id.to_owned(),
                account: None,
            };
            let error = client.get_session(request).await.expect_err("unknown");
            assert_eq!(
                (error.code(), reason_of(&error).as_str()),
                (Code::NotFound, reason::SESSION_NOT_FOUND),
                "{id}"
            );
            let error = client
                .get_report(report_request(id, ACCOUNT))
                .await
                .expect_err("unknown");
            assert_eq!(
                (error.code(), reason_of(&error).as_str()),
                (Code::NotFound, reason::REPORT_NOT_FOUND),
                "{id}"
            );
        }
        let other = || Some("acct_2".to_owned());
        let error = client
            .get_session(GetSessionRequest {
                id: session.clone(),
                account: other(),
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
                id: session.clone(),
                account: "acct_2".to_owned(),
            })
            .await;
        assert_eq!(
            reason_of(&error.expect_err("another account's")),
            reason::SESSION_NOT_FOUND
        );
        let picture = GetImageRequest {
            session: session.clone(),
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
            (error.code(), reason_of(&error).as_str()),
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
        let error = client
            .complete_verification(completion(session, 1, None, None))
            .await
            .expect_err("not submitted");
        assert_eq!(
            (error.code(), reason_of(&error).as_str()),
            (Code::InvalidArgument, reason::INVALID_FIELDS)
        );
        client.submit_session(submission(session)).await.expect("submitted");
        wrong_status(client, session, "processing").await;

        for attempt in [0, 2] {
            let error = refused(client, session, async |client| {
                client
                    .complete_verification(completion(session, attempt, None, None))
                    .await
            });
            assert_eq!(reason_of(&error.await), reason::INVALID_FIELDS, "attempt {attempt}");
        }
        let report = client
            .complete_verification(completion(session, 1, None, None))
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
            id: canceled.clone(),
            account: ACCOUNT.to_owned(),
        };
        let watched: Vec<_> = client
            .watch_session(watch)
            .await
            .expect("found")
            .into_inner()
            .collect()
            .await;
        assert_eq!(watched.len(), 1, "as it is, and no more");
    })
    .await;
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
            (error.code(), reason_of(&error).as_str()),
            (Code::FailedPrecondition, reason::SESSION_STATUS)
        );
        assert_eq!(
            error.get_details_error_info().expect("details").metadata["status"],
            name
        );
    }
}

#[tokio::test]
async fn an_idempotency_key_replays_the_first_answer() {
    on_both(|Deployment { mut client, .. }| async move {
        let with_key = |account: &str, selfie: bool| {
            let mut creation = creation(selfie);
            creation.account = account.to_owned();
            if let Some(request) = &mut creation.request {
                request.idempotency_key = Some("key".to_owned());
                request.metadata = (0..20).map(|number| (format!("k{number}"), "v".to_owned())).collect();
            }
            creation
        };
        let first = client
            .create_session(with_key(ACCOUNT, true))
            .await
            .expect("created")
            .into_inner();
        let again = client
            .create_session(with_key(ACCOUNT, true))
            .await
            .expect("replayed")
            .into_inner();
        assert!(first == again);

        let session = public(&first).id.clone();
        put(&mut client, &session, ImagePurpose::DocumentFront, b"front").await;
        client
            .cancel_session(cancellation(&session, ACCOUNT))
            .await
            .expect("canceled");
        let again = client
            .create_session(with_key(ACCOUNT, true))
            .await
            .expect("replayed")
            .into_inner();
        assert!(first == again, "the first answer, whatever happened since");

        let error = client
            .create_session(with_key(ACCOUNT, false))
            .await
            .expect_err("other parameters");
        assert_eq!(
            (error.code(), reason_of(&error).as_str()),
            (Code::InvalidArgument, reason::IDEMPOTENCY_KEY_REUSED)
        );
        let other = client
            .create_session(with_key("acct_2", false))
            .await
            .expect("a key of its own")
            .into_inner();
        assert_ne!(public(&other).id, session);
    })
    .await;
}

#[tokio::test]
async fn a_waiting_worker_gets_a_job_at_once_and_an_answer_in_any_case() {
    on_both(|Deployment { mut client, .. }| async move {
        let started = Instant::now();
        assert!(lease(&mut client, LEASE, Duration::from_millis(50)).await.is_none());
        assert!(started.elapsed() >= Duration::from_millis(50));

        let mut worker = client.clone();
        let waiting = tokio::spawn(async move { lease(&mut worker, LEASE, Duration::from_secs(30)).await });
        let session = submitted(&mut client).await;
        let job = waiting.await.expect("no panic").expect("queued");
        assert_eq!(job.session, session);

        // A caller with little time left is told that there is none before it leaves.
        let wait = prost_types::Duration::try_from(LEASE).ok();
        let mut request = Request::new(LeaseJobRequest {
            worker: "test".to_owned(),
            lease: wait,
            wait,
        });
        request.set_timeout(Duration::from_millis(400));
        assert!(
            client
                .lease_job(request)
                .await
                .expect("in time")
                .into_inner()
                .job
                .is_none()
        );

        for (worker, seconds) in [("", 1), ("two words", 1), ("test", 0), ("test", -1), ("test", 3601)] {
            let time = Some(prost_types::Duration { seconds, nanos: 0 });
            let request = LeaseJobRequest {
                worker: worker.to_owned(),
                lease: time,
                wait: None,
            };
            let error = client.lease_job(request).await.expect_err("refused");
            assert_eq!(reason_of(&error), reason::INVALID_FIELDS, "{worker} {seconds}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_extended_handed_back_and_lost() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = submitted(&mut client).await;
        let job = lease(&mut client, LEASE, PATIENCE).await.expect("queued");
        let time = prost_types::Duration::try_from(LEASE).ok();
        let extension = |token: &str| ExtendLeaseRequest {
            lease_token: token.to_owned(),
            lease: time,
        };
        let handing_back = |token: &str| ReleaseJobRequest {
            lease_token: token.to_owned(),
            delay: None,
        };
        client.extend_lease(extension(&job.lease_token)).await.expect("held");
        client.release_job(handing_back(&job.lease_token)).await.expect("held");
        let again = lease(&mut client, LEASE, NOW).await.expect("at once");
        assert_eq!((again.session.as_str(), again.delivery), (session.as_str(), 2));
        for token in [job.lease_token.as_str(), "", "not a token"] {
            let error = client.extend_lease(extension(token)).await.expect_err("lost");
            assert_eq!(
                (error.code(), reason_of(&error).as_str()),
                (Code::FailedPrecondition, reason::LEASE_LOST)
            );
            let error = client.release_job(handing_back(token)).await.expect_err("lost");
            assert_eq!(reason_of(&error), reason::LEASE_LOST);
        }
        // Who lost the lease may still bring the result first.
        let mut result = completion(&session, 1, None, None);
        result.lease_token = job.lease_token;
        assert!(
            client
                .complete_verification(result)
                .await
                .expect("done")
                .into_inner()
                .completed_now
        );
        let error = client
            .extend_lease(extension(&again.lease_token))
            .await
            .expect_err("done");
        assert_eq!(reason_of(&error), reason::LEASE_LOST);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_nobody_completes_is_given_up() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = submitted(&mut client).await;
        for delivery in 1..=2 {
            let job = lease(&mut client, Duration::from_millis(1), PATIENCE)
                .await
                .expect("leased again");
            assert_eq!(job.delivery, delivery);
        }
        let watch = WatchSessionRequest {
            id: session.clone(),
            account: ACCOUNT.to_owned(),
        };
        let mut watched = client.watch_session(watch).await.expect("found").into_inner();
        let mut worker = client.clone();
        let waiting = tokio::spawn(async move { lease(&mut worker, LEASE, PATIENCE).await });
        let stored = loop {
            let stored = watched.next().await.expect("goes on").expect("no error");
            if status(&stored) == VerificationSessionStatus::RequiresInput {
                break stored;
            }
        };
        let error = public(&stored).last_error.clone().expect("failed");
        assert_eq!(error.code(), VerificationErrorCode::DocumentUnverifiedOther);
        let report = public(&stored).last_verification_report.clone().expect("made");
        client
            .get_report(report_request(&report, ACCOUNT))
            .await
            .expect("found");

        // The person tries again, and the worker that waits gets that attempt.
        client
            .submit_session(submission(&session))
            .await
            .expect("submitted again");
        let job = waiting.await.expect("no panic").expect("the next attempt");
        assert_eq!((job.attempt, job.delivery), (2, 1));
        let late = client
            .complete_verification(completion(&session, 1, None, None))
            .await
            .expect("answers")
            .into_inner();
        assert!(!late.completed_now, "the attempt that was given up stays so");
        assert_eq!(late.report.expect("exists").id, report);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_completions_make_one_report() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = submitted(&mut client).await;
        let completions: Vec<_> = (0..12)
            .map(|number| {
                let mut client = client.clone();
                let failure = (number % 2 == 0).then_some(VerificationErrorCode::DocumentExpired);
                let request = completion(&session, 1, failure, None);
                tokio::spawn(async move {
                    client
                        .complete_verification(request)
                        .await
                        .expect("answers")
                        .into_inner()
                })
            })
            .collect();
        let mut answers = Vec::new();
        for completion in completions {
            answers.push(completion.await.expect("no panic"));
        }
        assert_eq!(answers.iter().filter(|answer| answer.completed_now).count(), 1);
        let reports: Vec<_> = answers.into_iter().map(|answer| answer.report.expect("made")).collect();
        assert!(reports.iter().all(|report| *report == reports[0]));
        let stored = get(&mut client, &session).await;
        assert_eq!(
            public(&stored).last_verification_report.as_deref(),
            Some(reports[0].id.as_str())
        );
    })
    .await;
}

#[tokio::test]
async fn stopping_ends_what_waits() {
    on_both(
        |Deployment {
             mut client,
             shutdown,
             served,
         }| async move {
            let session = create(&mut client, false).await;
            let watch = WatchSessionRequest {
                id: session,
                account: ACCOUNT.to_owned(),
            };
            let mut watched = client.watch_session(watch).await.expect("found").into_inner();
            watched.next().await.expect("as it is").expect("no error");
            let mut worker = client.clone();
            let waiting = tokio::spawn(async move { lease(&mut worker, LEASE, Duration::from_secs(50)).await });
            // The worker's call must have arrived before the door closes.
            tokio::task::yield_now().await;
            create(&mut client, false).await;
            let started = Instant::now();
            shutdown.cancel();
            let error = watched.next().await.expect("an end").expect_err("which says why");
            assert_eq!(
                (error.code(), reason_of(&error).as_str()),
                (Code::Unavailable, reason::UNAVAILABLE)
            );
            assert!(waiting.await.expect("no panic").is_none());
            served.await.expect("no panic").expect("stops in peace");
            assert!(started.elapsed() < PATIENCE, "nothing waited for the drain time to end");
        },
    )
    .await;
}

#[tokio::test]
async fn a_restart_finds_everything_and_nothing_personal_lies_open() {
    let data = tempfile::tempdir().expect("a folder");
    let config = Config::embedded(data.path());
    let Deployment {
        mut client,
        shutdown,
        served,
    } = start(config.clone()).await;
    let session = submitted(&mut client).await;
    let second = Service::bind(config.clone()).await.expect_err("the file is in use");
    assert!(matches!(second, StartError::Embedded(_)), "{second}");
    shutdown.cancel();
    served.await.expect("no panic").expect("stops");

    let Deployment {
        mut client,
        shutdown,
        served,
    } = start(config).await;
    let job = lease(&mut client, LEASE, PATIENCE).await.expect("still queued");
    let picture = GetImageRequest {
        session: session.clone(),
        file: job.files[0].id.clone(),
    };
    assert_eq!(
        client.get_image(picture).await.expect("held").into_inner().data,
        b"front"
    );
    client
        .complete_verification(completion(&session, 1, None, None))
        .await
        .expect("done");
    let stored = get(&mut client, &session).await;
    assert_eq!(status(&stored), VerificationSessionStatus::Verified);
    shutdown.cancel();
    served.await.expect("no panic").expect("stops");

    let mut files = vec![data.path().to_owned()];
    let (mut read, mut found_id) = (0, false);
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .expect("a folder")
                    .map(|entry| entry.expect("an entry").path()),
            );
            continue;
        }
        let content = std::fs::read(&path).expect("a file");
        let holds = |text: &str| content.windows(text.len()).any(|window| window == text.as_bytes());
        for personal in ["ANNA MARIA", "L898902C3", "order 12", "front"] {
            assert!(!holds(personal), "{personal:?} lies open in {}", path.display());
        }
        found_id |= holds(&session);
        read += 1;
    }
    assert!(read >= 3 && found_id, "key file, database and picture were looked at");
}
