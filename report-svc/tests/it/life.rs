//! Sessions from their creation to their end, over gRPC and both storages.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use proto::identity::v1::{
    ImagePurpose, UpdateVerificationSessionRequest, VerificationErrorCode, VerificationSessionStatus,
};
use proto::reason;
use proto::store::v1::{GetImageRequest, UpdateSessionRequest, WatchSessionRequest};
use report_svc::config::Config;
use report_svc::server::{ReportSvc, StartError};
use service_kit::service::{Service as _, StartError as BoundError};
use tokio_stream::StreamExt as _;
use tonic::{Code, Request};

use crate::deployment::{
    ACCOUNT, Deployment, cancellation, completion, create, creation, get, lease, on_both, public, put, reason_of,
    report_request, start, status, submission, submitted,
};

const LEASE: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const NOW: Duration = Duration::ZERO;

#[tokio::test]
async fn a_session_lives_its_whole_life() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = create(&mut client, true).await;
        let watch = WatchSessionRequest {
            verification_session: session.clone(),
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

        let job = lease(&mut client, LEASE, LONGEST_WAIT).await.expect("queued");
        assert_eq!(
            (job.verification_session.as_str(), job.attempt, job.delivery),
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
                .as_ref()
                .and_then(|options| options.document.as_ref())
                .is_some_and(|options| options.require_matching_selfie)
        );
        assert!(
            job.trace_context["traceparent"].starts_with("00-"),
            "the call's trace goes on with the job"
        );
        let picture = GetImageRequest {
            verification_session: session.clone(),
            file: front.clone(),
        };
        assert_eq!(
            client.get_image(picture).await.expect("held").into_inner().data,
            b"front"
        );

        let done = client
            .complete_verification(completion(&job, None, None))
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
        assert!(!verified.is_final, "it may still be redacted");

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
            .complete_verification(completion(&job, None, None))
            .await
            .expect("answers");
        let again = again.into_inner();
        assert!(!again.completed_now);
        assert!(again.report.expect("the one that exists") == report);
        assert_eq!(again.session.expect("set").version, verified.version);
        assert!(next().now_or_never().is_none(), "the stream goes on");
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
        let failing = lease(&mut client, LEASE, LONGEST_WAIT).await.expect("queued");
        let mismatch = Some(VerificationErrorCode::SelfieFaceMismatch);
        let failed = client
            .complete_verification(completion(&failing, None, mismatch))
            .await
            .expect("done");
        let first = failed.into_inner().report.expect("made");

        let stored = get(&mut client, &session).await;
        assert_eq!(status(&stored), VerificationSessionStatus::RequiresInput);
        let error = public(&stored).last_error.as_ref().expect("failed");
        assert_eq!(error.code(), VerificationErrorCode::SelfieFaceMismatch);
        assert_eq!(public(&stored).verified_outputs, None);

        // The pictures are still there; only the wrong one is replaced. It stays as evidence of the attempt that it failed; a
        // picture that no attempt used does not.
        let unused = put(&mut client, &session, ImagePurpose::Selfie, b"blurred").await;
        let new = put(&mut client, &session, ImagePurpose::Selfie, b"same person").await;
        let stored = get(&mut client, &session).await;
        let held = &public(&stored).insights.as_ref().expect("set").files;
        assert!(held.len() == 2 && held.iter().any(|file| file.id == new));
        let picture = |file: &str| GetImageRequest {
            verification_session: session.clone(),
            file: file.to_owned(),
        };
        let evidence = client.get_image(picture(&old)).await.expect("kept").into_inner();
        assert_eq!(evidence.data, b"other person");
        assert_eq!(
            reason_of(&client.get_image(picture(&unused)).await.expect_err("replaced")),
            reason::FILE_NOT_FOUND
        );
        client
            .submit_session(submission(&session))
            .await
            .expect("submitted again");
        let job = lease(&mut client, LEASE, LONGEST_WAIT).await.expect("queued");
        assert_eq!((job.attempt, job.delivery), (2, 1));
        assert!(job.files.len() == 2 && job.files.iter().any(|file| file.id == new));

        // A completion that comes too late does not touch the attempt that runs now.
        let late = client
            .complete_verification(completion(&failing, None, None))
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
            .complete_verification(completion(&job, None, None))
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
        let update = UpdateSessionRequest {
            account: ACCOUNT.to_owned(),
            request: Some(UpdateVerificationSessionRequest {
                verification_session: session.clone(),
                metadata: [("k1".to_owned(), String::new())].into(),
                ..Default::default()
            }),
        };
        client.update_session(update).await.expect("updated");
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
            (error.code(), reason_of(&error)),
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
async fn stopping_ends_what_waits() {
    on_both(
        |Deployment {
             mut client,
             shutdown,
             served,
         }| async move {
            let session = create(&mut client, false).await;
            let watch = WatchSessionRequest {
                verification_session: session,
                account: ACCOUNT.to_owned(),
            };
            let mut watched = client.watch_session(watch).await.expect("found").into_inner();
            watched.next().await.expect("as it is").expect("no error");
            let mut worker = client.clone();
            let waiting = tokio::spawn(async move { lease(&mut worker, LEASE, Duration::from_secs(50)).await });
            // The worker's call must have arrived before the server stops.
            tokio::task::yield_now().await;
            create(&mut client, false).await;
            let started = Instant::now();
            shutdown.cancel();
            let error = watched.next().await.expect("an end").expect_err("which says why");
            assert_eq!(
                (error.code(), reason_of(&error)),
                (Code::Unavailable, reason::UNAVAILABLE)
            );
            assert!(waiting.await.expect("no panic").is_none());
            served.await.expect("no panic").expect("stops in peace");
            assert!(
                started.elapsed() < LONGEST_WAIT,
                "nothing waited for the drain time to end"
            );
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
    let second = ReportSvc::bind(config.clone()).await.expect_err("the file is in use");
    assert!(matches!(second, BoundError::Open(StartError::Embedded(_))), "{second}");
    shutdown.cancel();
    served.await.expect("no panic").expect("stops");

    let Deployment {
        mut client,
        shutdown,
        served,
    } = start(config).await;
    let job = lease(&mut client, LEASE, LONGEST_WAIT).await.expect("still queued");
    let picture = GetImageRequest {
        verification_session: session.clone(),
        file: job.files[0].id.clone(),
    };
    assert_eq!(
        client.get_image(picture).await.expect("held").into_inner().data,
        b"front"
    );
    client
        .complete_verification(completion(&job, None, None))
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
