//! What workers do with jobs, and with everything that fails meanwhile.

use std::sync::Arc;
use std::time::Duration;

use proto::identity::v1::{DocumentOptions, ImagePurpose, VerificationSessionStatus};
use proto::reason;
use proto::store::v1::{CompleteVerificationRequest, Job};
use service_kit::config::ServeConfig;
use service_kit::status::Problem;
use session_svc::config::Config;
use session_svc::documents::DocumentConfig;
use tokio::sync::Notify;
use tonic::Status;

use crate::fakes::{Answer, Call};
use crate::harness::{PICTURE, Running, config, soon, start_with, store_services};

const MATCHING: DocumentOptions = DocumentOptions {
    allowed_types: Vec::new(),
    require_id_number: false,
    require_live_capture: false,
    require_matching_selfie: true,
};

async fn start() -> Running {
    start_with(Config {
        verification_workers: Some(1),
        documents: DocumentConfig {
            least_age: 21,
            ..DocumentConfig::default()
        },
        ..config()
    })
    .await
}

async fn completed(running: &Running, count: usize) -> Vec<CompleteVerificationRequest> {
    let done = running
        .store
        .until(|state| (state.completed.len() >= count).then(|| state.completed.clone()));
    soon(done).await
}

/// Two jobs were completed, whatever the answers.
async fn both_completed(running: &Running) {
    let both = running
        .store
        .until(|state| (state.calls.iter().filter(|call| **call == Call::Complete).count() == 2).then_some(()));
    soon(both).await;
}

async fn released(running: &Running) -> Vec<(Duration, bool)> {
    let released = running
        .store
        .until(|state| (!state.released.is_empty()).then(|| state.released.clone()));
    soon(released).await
}

fn unavailable() -> Status {
    let problem = Problem::new(reason::UNAVAILABLE, "being replaced");
    problem.retry_after(Duration::from_millis(1)).into()
}

fn calls(running: &Running, wanted: Call) -> usize {
    running
        .store
        .read()
        .calls
        .iter()
        .filter(|call| **call == wanted)
        .count()
}

#[tokio::test]
async fn both_checks_get_their_pictures_and_the_verification_is_completed() {
    let running = start().await;
    let session = running.create(MATCHING).await;
    for (purpose, tail) in [
        (ImagePurpose::Selfie, b'S'),
        (ImagePurpose::DocumentBack, b'B'),
        (ImagePurpose::DocumentFront, b'F'),
    ] {
        running
            .upload(&session, purpose, &[PICTURE, &[tail]].concat())
            .await
            .expect("stored");
    }
    running.submit(&session).await.expect("submitted");
    let completed = completed(&running, 1).await;

    let document = running.document.0.requests().remove(0);
    assert!(
        document
            .options
            .as_ref()
            .is_some_and(|options| options.require_matching_selfie)
    );
    let policy = document.policy.as_ref().expect("the operator's");
    assert_eq!((policy.least_age, policy.allow_specimens), (Some(21), false));
    let images: Vec<_> = document
        .images
        .iter()
        .map(|image| (image.purpose(), *image.data.last().expect("bytes")))
        .collect();
    assert_eq!(
        images,
        [(ImagePurpose::DocumentFront, b'F'), (ImagePurpose::DocumentBack, b'B')]
    );
    assert!(document.images.iter().all(|image| image.file.starts_with("file_")));
    let selfie = running.selfie.0.requests().remove(0);
    let documents: Vec<_> = selfie
        .documents
        .iter()
        .map(|image| *image.data.last().expect("bytes"))
        .collect();
    assert_eq!(documents, b"FB");
    assert_eq!(selfie.selfie.expect("a selfie").data.last(), Some(&b'S'));

    let completed = &completed[0];
    assert_eq!(
        (completed.verification_session.as_str(), completed.attempt),
        (session.id.as_str(), 1)
    );
    assert!(completed.document.is_some() && completed.selfie.is_some());
    let steps: Vec<_> = completed.timings.iter().map(|timing| timing.step.as_str()).collect();
    assert_eq!(
        steps,
        ["fetch_images", "document_check", "selfie_check", "verification"]
    );
    assert!(completed.timings.iter().all(|timing| timing.duration.is_some()));
}

#[tokio::test]
async fn face_crops_are_asked_for_and_handed_on_where_they_are_kept() {
    for keep_face_crops in [false, true] {
        let running = start_with(Config {
            verification_workers: Some(1),
            keep_face_crops,
            ..config()
        })
        .await;
        running.submitted(MATCHING).await;
        let completed = completed(&running, 1).await.remove(0).selfie.expect("compared");
        assert_eq!(running.selfie.0.requests()[0].with_face_crops, keep_face_crops);
        let expected = [b"portrait".as_slice(), b"selfie"].map(|face| keep_face_crops.then_some(face));
        let faces = [completed.document_face, completed.selfie_face];
        assert_eq!(faces.each_ref().map(Option::as_deref), expected);
    }
}

#[tokio::test]
async fn a_selfie_that_nobody_asked_to_match_is_not_compared() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    for purpose in [ImagePurpose::DocumentFront, ImagePurpose::Selfie] {
        running.upload(&session, purpose, PICTURE).await.expect("stored");
    }
    running.submit(&session).await.expect("submitted");
    let completed = completed(&running, 1).await;
    assert!(completed[0].document.is_some() && completed[0].selfie.is_none());
    assert_eq!(running.selfie.0.requests().len(), 0);
}

#[tokio::test]
async fn what_is_unavailable_is_asked_again_within_the_lease() {
    let running = start().await;
    running.store.fail(Call::GetImage, unavailable());
    let overloaded = Problem::new(reason::OVERLOADED, "full").retry_after(Duration::from_millis(1));
    running.document.0.next(Answer::Refuse(unavailable()));
    running.document.0.next(Answer::Refuse(overloaded.into()));
    running.selfie.0.next(Answer::Refuse(unavailable()));
    running.submitted(MATCHING).await;
    completed(&running, 1).await;
    assert_eq!(running.document.0.requests().len(), 3);
    assert_eq!(running.selfie.0.requests().len(), 2);
    assert_eq!(calls(&running, Call::GetImage), 3);
    assert_eq!(calls(&running, Call::Release), 0);
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_repeated_and_counts_once() {
    let running = start().await;
    running.store.fail(Call::Complete, unavailable());
    running.submitted(DocumentOptions::default()).await;
    let repeated = running
        .store
        .until(|state| (state.calls.iter().filter(|call| **call == Call::Complete).count() == 2).then_some(()));
    soon(repeated).await;
    assert_eq!(running.store.read().completed.len(), 1);
    // The worker is free again, and has nothing to hand back.
    running.submitted(DocumentOptions::default()).await;
    completed(&running, 2).await;
    assert_eq!(calls(&running, Call::Release), 0);
}

#[tokio::test]
async fn a_check_that_panics_costs_its_job_a_delay_and_nobody_else_anything() {
    let running = start().await;
    running.document.0.next(Answer::Panic);
    running.submitted(MATCHING).await;
    assert_eq!(released(&running).await, [(Duration::from_secs(5), false)]);
    assert_eq!(
        running.document.0.requests().len(),
        1,
        "a panic is not tried again at once"
    );
    assert!(running.store.read().completed.is_empty());

    let next = running.submitted(MATCHING).await;
    assert_eq!(completed(&running, 1).await[0].verification_session, next.id);
}

#[tokio::test]
async fn a_job_without_its_picture_is_handed_back() {
    let running = start().await;
    let missing = Problem::new(reason::FILE_NOT_FOUND, "no such picture");
    running.store.fail(Call::GetImage, missing.into());
    running.submitted(DocumentOptions::default()).await;
    assert_eq!(released(&running).await, [(Duration::from_secs(5), false)]);
    assert_eq!(running.document.0.requests().len(), 0);
}

#[tokio::test]
async fn a_long_check_keeps_its_lease() {
    let running = start_with(Config {
        verification_workers: Some(1),
        lease: Duration::from_secs(4),
        ..config()
    })
    .await;
    let answer = Arc::new(Notify::new());
    running.document.0.next(Answer::After(Arc::clone(&answer)));
    // A store that is away for a moment does not cost the lease.
    running.store.fail(Call::Extend, unavailable());
    running.submitted(DocumentOptions::default()).await;
    let extended = running
        .store
        .until(|state| (state.calls.iter().filter(|call| **call == Call::Extend).count() >= 3).then_some(()));
    soon(extended).await;
    answer.notify_one();
    completed(&running, 1).await;
}

#[tokio::test]
async fn a_lost_lease_ends_the_work_on_its_job() {
    let running = start_with(Config {
        verification_workers: Some(1),
        lease: Duration::from_secs(2),
        ..config()
    })
    .await;
    running.document.0.next(Answer::After(Arc::new(Notify::new())));
    let lost = running.submitted(DocumentOptions::default()).await;
    soon(running.document.0.asked()).await;
    running.store.change(|state| state.leased.clear());

    // The only worker goes on with the next job.
    let next = running.submitted(DocumentOptions::default()).await;
    let completed = completed(&running, 1).await;
    assert_eq!(completed[0].verification_session, next.id);
    assert_ne!(completed[0].verification_session, lost.id);
    assert_eq!(
        calls(&running, Call::Release),
        0,
        "what is another worker's is not handed back"
    );
}

#[tokio::test]
async fn a_completion_that_comes_too_late_changes_nothing() {
    let running = start().await;
    let answer = Arc::new(Notify::new());
    running.document.0.next(Answer::After(Arc::clone(&answer)));
    let late = running.submitted(DocumentOptions::default()).await;
    soon(running.document.0.asked()).await;
    // Another worker got the job and was faster.
    running.store.change(|state| state.leased.clear());
    running.store.set_status(&late.id, VerificationSessionStatus::Verified);
    answer.notify_one();
    let next = running.submitted(DocumentOptions::default()).await;
    assert_eq!(completed(&running, 1).await[0].verification_session, next.id);
    both_completed(&running).await;
    assert_eq!(calls(&running, Call::Release), 0);
}

#[tokio::test]
async fn a_completion_under_a_lost_lease_is_the_end_of_it() {
    let running = start().await;
    let answer = Arc::new(Notify::new());
    running.document.0.next(Answer::After(Arc::clone(&answer)));
    running.submitted(DocumentOptions::default()).await;
    soon(running.document.0.asked()).await;
    // Another worker got the job and is still at it.
    running.store.change(|state| state.leased.clear());
    answer.notify_one();
    let next = running.submitted(DocumentOptions::default()).await;
    assert_eq!(completed(&running, 1).await[0].verification_session, next.id);
    both_completed(&running).await;
    assert_eq!(
        calls(&running, Call::Release),
        0,
        "what is another worker's is not handed back"
    );
}

#[tokio::test]
async fn workers_go_on_when_the_store_is_back() {
    let mut running = start().await;
    running.submitted(DocumentOptions::default()).await;
    completed(&running, 1).await;
    running.store_server.kill().await;
    running.store_server.start_again(store_services(&running.store)).await;
    let session = loop {
        // The first calls may meet the broken connection.
        let answer = running.sessions(crate::harness::SECRET_KEY);
        if answer
            .clone()
            .create_verification_session(crate::harness::document_request())
            .await
            .is_ok()
        {
            break running.submitted(DocumentOptions::default()).await;
        }
    };
    assert_eq!(completed(&running, 2).await[1].verification_session, session.id);
}

#[tokio::test]
async fn a_request_for_a_job_has_its_name_until_it_is_answered() {
    let running = start().await;
    running.store.fail(Call::Lease, unavailable());
    running.store.fail(Call::Lease, unavailable());
    running.submitted(DocumentOptions::default()).await;
    completed(&running, 1).await;
    let asked = running
        .store
        .until(|state| (state.lease_requests.len() >= 4).then(|| state.lease_requests.clone()));
    let names = soon(asked).await;
    let asked = |name: &String| names.iter().filter(|other| *other == name).count();
    // Two failures and the answer; before and after them, other requests.
    let counts: Vec<_> = names.iter().map(asked).collect();
    assert!(counts.contains(&3) && counts.contains(&1), "{names:?}");
}

#[tokio::test]
async fn a_request_for_a_job_that_fails_for_longer_than_a_lease_is_made_anew() {
    let lease = Duration::from_millis(100);
    let running = start_with(Config {
        verification_workers: Some(1),
        lease,
        ..config()
    })
    .await;
    for _ in 0..3 {
        let problem = Problem::new(reason::UNAVAILABLE, "being replaced");
        running.store.fail(Call::Lease, problem.retry_after(2 * lease).into());
    }
    // Answers the request that waits since before.
    running.submitted(DocumentOptions::default()).await;
    let asked = running
        .store
        .until(|state| (state.lease_requests.len() >= 5).then(|| state.lease_requests.clone()));
    let mut names = soon(asked).await;
    names.sort_unstable();
    names.dedup();
    assert!(names.len() >= 5, "{names:?}");
}

/// A job that was leased to a request without its caller having heard of it.
fn lease_unheard(running: &Running, request: &str) {
    let job = Job {
        lease_token: "lease".to_owned(),
        verification_session: "vs_1".to_owned(),
        attempt: 1,
        delivery: 1,
        ..Job::default()
    };
    let mut state = running.store.read();
    state.leased.insert(job.lease_token.clone(), job.clone());
    state.unheard.insert(request.to_owned(), job);
}

#[tokio::test]
async fn stopping_hands_back_the_job_of_a_request_that_failed() {
    let mut running = start().await;
    let waits = running
        .store
        .until(|state| (!state.lease_requests.is_empty()).then_some(()));
    soon(waits).await;
    let pause = Problem::new(reason::UNAVAILABLE, "being replaced").retry_after(Duration::from_secs(30));
    running.store.fail(Call::Lease, pause.into());
    // Answers that request; the next one fails.
    running.submitted(DocumentOptions::default()).await;
    completed(&running, 1).await;
    let asked = running
        .store
        .until(|state| (state.lease_requests.len() >= 2).then(|| state.lease_requests.last().cloned()));
    let request = soon(asked).await;
    lease_unheard(&running, request.as_deref().expect("a name"));
    running.shutdown.cancel();
    soon(&mut running.server).await.expect("stopped");
    let state = running.store.read();
    assert_eq!(state.lease_requests.last(), request.as_ref(), "the same request");
    assert_eq!(state.released, [(Duration::ZERO, true)]);
}

#[tokio::test]
async fn stopping_lets_a_running_job_finish() {
    let mut running = start().await;
    let answer = Arc::new(Notify::new());
    running.document.0.next(Answer::After(Arc::clone(&answer)));
    running.submitted(DocumentOptions::default()).await;
    soon(running.document.0.asked()).await;
    running.shutdown.cancel();
    answer.notify_one();
    soon(&mut running.server).await.expect("stopped");
    let state = running.store.read();
    assert_eq!((state.completed.len(), state.released.len()), (1, 0));
}

#[tokio::test]
async fn stopping_hands_back_a_job_that_does_not_finish() {
    let serve = ServeConfig {
        drain_timeout: Duration::from_millis(500),
        ..config().serve
    };
    let mut running = start_with(Config {
        verification_workers: Some(1),
        serve,
        ..config()
    })
    .await;
    running.document.0.next(Answer::After(Arc::new(Notify::new())));
    running.submitted(DocumentOptions::default()).await;
    soon(running.document.0.asked()).await;
    running.shutdown.cancel();
    soon(&mut running.server).await.expect("stopped");
    let state = running.store.read();
    assert_eq!(
        (state.completed.len(), state.released.as_slice()),
        (0, &[(Duration::ZERO, true)][..]),
        "not its fault"
    );
}

#[tokio::test]
async fn stopping_hands_back_a_job_whose_answer_was_on_its_way() {
    let mut running = start_with(Config {
        verification_workers: Some(1),
        ..config()
    })
    .await;
    let asked = running.store.until(|state| state.lease_requests.first().cloned());
    let request = soon(asked).await;
    lease_unheard(&running, &request);
    running.shutdown.cancel();
    soon(&mut running.server).await.expect("stopped");
    let state = running.store.read();
    assert_eq!(state.lease_requests, [request.clone(), request], "the same request");
    assert_eq!(state.released, [(Duration::ZERO, true)]);
}
