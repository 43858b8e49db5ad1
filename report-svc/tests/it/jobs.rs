//! Workers: leasing, extending, handing back, completing, over gRPC and both storages.

use std::time::Duration;

use proto::identity::v1::{VerificationErrorCode, VerificationSessionStatus};
use proto::reason;
use proto::store::v1::{ExtendLeaseRequest, LeaseJobRequest, ReleaseJobRequest, WatchSessionRequest};
use tokio_stream::StreamExt as _;
use tonic::Code;

use crate::deployment::{
    ACCOUNT, Deployment, completion, get, lease, on_both, public, reason_of, report_request, status, submission,
    submitted,
};

const LEASE: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const NOW: Duration = Duration::ZERO;

#[tokio::test]
async fn a_waiting_worker_gets_a_job_at_once_and_an_answer_in_any_case() {
    on_both(|Deployment { mut client, .. }| async move {
        assert!(lease(&mut client, LEASE, Duration::from_millis(50)).await.is_none());

        let mut worker = client.clone();
        let waiting = tokio::spawn(async move { lease(&mut worker, LEASE, Duration::from_secs(30)).await });
        let session = submitted(&mut client).await;
        let job = waiting.await.expect("no panic").expect("queued");
        assert_eq!(job.verification_session, session);

        for (worker, request_id, seconds) in [
            ("", "r1", 1),
            ("two words", "r1", 1),
            ("test", "", 1),
            ("test", "two words", 1),
            ("test", "r1", 0),
            ("test", "r1", -1),
            ("test", "r1", 3601),
        ] {
            let time = Some(prost_types::Duration { seconds, nanos: 0 });
            let request = LeaseJobRequest {
                worker: worker.to_owned(),
                lease: time,
                wait: None,
                request_id: request_id.to_owned(),
            };
            let error = client.lease_job(request).await.expect_err("refused");
            assert_eq!(
                reason_of(&error),
                reason::INVALID_FIELDS,
                "{worker} {request_id} {seconds}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_extended_handed_back_and_lost() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = submitted(&mut client).await;
        let job = lease(&mut client, LEASE, LONGEST_WAIT).await.expect("queued");
        let time = prost_types::Duration::try_from(LEASE).ok();
        let extension = |token: &str| ExtendLeaseRequest {
            lease_token: token.to_owned(),
            lease: time,
        };
        let handing_back = |token: &str| ReleaseJobRequest {
            lease_token: token.to_owned(),
            delay: None,
            excused: false,
        };
        client.extend_lease(extension(&job.lease_token)).await.expect("held");
        client.release_job(handing_back(&job.lease_token)).await.expect("held");
        let again = lease(&mut client, LEASE, NOW).await.expect("at once");
        assert_eq!(
            (again.verification_session.as_str(), again.delivery),
            (session.as_str(), 2)
        );
        client
            .release_job(handing_back(&job.lease_token))
            .await
            .expect("sent again, it is answered as before");
        client
            .extend_lease(extension(&again.lease_token))
            .await
            .expect("and takes nothing from anybody");
        for token in [job.lease_token.as_str(), "", "not a token"] {
            let mut result = completion(&job, None, None);
            result.lease_token = token.to_owned();
            let errors = [
                client.extend_lease(extension(token)).await.expect_err("lost"),
                client.complete_verification(result).await.expect_err("lost"),
            ];
            for error in errors {
                assert_eq!(
                    (error.code(), reason_of(&error)),
                    (Code::FailedPrecondition, reason::LEASE_LOST)
                );
            }
        }
        let error = client.release_job(handing_back("not a token")).await.expect_err("lost");
        assert_eq!(reason_of(&error), reason::LEASE_LOST);
        for (session, attempt) in [(session.as_str(), 2), ("vs_0700000000000000000000000000", 1)] {
            let mut result = completion(&again, None, None);
            (result.verification_session, result.attempt) = (session.to_owned(), attempt);
            let error = client.complete_verification(result).await.expect_err("of another job");
            assert_eq!(reason_of(&error), reason::INVALID_FIELDS);
        }
        let done = client.complete_verification(completion(&again, None, None)).await;
        let report = done.expect("held").into_inner().report.expect("made");
        // Who lost the lease learns what became of the attempt.
        let late = client.complete_verification(completion(&job, None, None)).await;
        let late = late.expect("answers").into_inner();
        assert!(!late.completed_now && late.report.expect("the one that exists") == report);
        let error = client
            .extend_lease(extension(&again.lease_token))
            .await
            .expect_err("done");
        assert_eq!(reason_of(&error), reason::LEASE_LOST);
    })
    .await;
}

#[tokio::test]
async fn a_request_for_a_job_that_is_sent_again_gets_the_same_one() {
    on_both(|Deployment { mut client, .. }| async move {
        submitted(&mut client).await;
        submitted(&mut client).await;
        let time = prost_types::Duration::try_from(LEASE).ok();
        let request = |request_id: &str| LeaseJobRequest {
            worker: "test".to_owned(),
            lease: time,
            wait: None,
            request_id: request_id.to_owned(),
        };
        let mut tokens = Vec::new();
        for request_id in ["r1", "r1", "r2"] {
            let leased = client.lease_job(request(request_id)).await.expect("answers");
            let job = leased.into_inner().job.expect("queued");
            assert_eq!(job.delivery, 1);
            tokens.push(job.lease_token);
        }
        assert_eq!(tokens[0], tokens[1]);
        assert_ne!(tokens[1], tokens[2]);
        assert!(lease(&mut client, LEASE, NOW).await.is_none());
    })
    .await;
}

#[tokio::test]
async fn an_outage_does_not_use_up_a_jobs_deliveries() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = submitted(&mut client).await;
        // More often than a job is leased before it is given up.
        for delivery in 1..=4 {
            let job = lease(&mut client, LEASE, NOW).await.expect("at once");
            assert_eq!(job.verification_session, session);
            assert_eq!((job.delivery, job.excused), (delivery, delivery - 1));
            let handing_back = ReleaseJobRequest {
                lease_token: job.lease_token,
                delay: None,
                excused: true,
            };
            client.release_job(handing_back).await.expect("held");
        }
        let stored = get(&mut client, &session).await;
        assert_eq!(status(&stored), VerificationSessionStatus::Processing);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_nobody_completes_is_given_up() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = submitted(&mut client).await;
        let mut lost = None;
        for delivery in 1..=2 {
            let job = lease(&mut client, Duration::from_millis(1), LONGEST_WAIT)
                .await
                .expect("leased again");
            assert_eq!(job.delivery, delivery);
            lost = Some(job);
        }
        let lost = lost.expect("leased");
        let watch = WatchSessionRequest {
            verification_session: session.clone(),
            account: ACCOUNT.to_owned(),
        };
        let mut watched = client.watch_session(watch).await.expect("found").into_inner();
        let mut worker = client.clone();
        let waiting = tokio::spawn(async move { lease(&mut worker, LEASE, LONGEST_WAIT).await });
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
            .complete_verification(completion(&lost, None, None))
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
        let job = lease(&mut client, LEASE, NOW).await.expect("queued");
        let completions: Vec<_> = (0..12)
            .map(|number| {
                let mut client = client.clone();
                let failure = (number % 2 == 0).then_some(VerificationErrorCode::DocumentExpired);
                let request = completion(&job, failure, None);
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
