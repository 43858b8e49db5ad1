//! Face crops that come with a completion, on both storages.

use std::time::{Duration, SystemTime};

use proto::identity::v1::{
    CreateVerificationSessionRequest, DocumentOptions, File, ImagePurpose, SelfieInsights, VerificationErrorCode,
    VerificationReport, VerificationSessionOptions,
};
use proto::store::v1::Job;
use report_svc::assemble::Findings;
use report_svc::error::Error;
use report_svc::id::Id;
use report_svc::redaction::REDACTED;
use report_svc::retention::RetentionPolicy;
use report_svc::storage::Lease;
use report_svc::store::Store;

use crate::conformance::request;
use crate::deployment::{ACCOUNT, completion};
use crate::ground::{Ground, Lost, on_each};

const LEASE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the tests upload for one attempt.
const UPLOADED: [ImagePurpose; 2] = [ImagePurpose::DocumentFront, ImagePurpose::Selfie];
const FACES: [ImagePurpose; 2] = [ImagePurpose::DocumentFace, ImagePurpose::SelfieFace];

async fn create(store: &Store, livemode: bool, require_matching_selfie: bool) -> Id {
    let document = DocumentOptions {
        require_matching_selfie,
        ..DocumentOptions::default()
    };
    let creation = CreateVerificationSessionRequest {
        options: Some(VerificationSessionOptions {
            document: Some(document),
            ..VerificationSessionOptions::default()
        }),
        ..CreateVerificationSessionRequest::default()
    };
    store.create(ACCOUNT, livemode, creation).await.expect("created").id
}

/// Uploads, submits and leases.
async fn submit(store: &Store, id: &Id) -> (Job, Lease) {
    for purpose in UPLOADED {
        let picture = purpose.as_str_name().as_bytes().to_vec();
        let put = store.put_image(id.as_str(), None, purpose, picture);
        put.await.expect("kept");
    }
    let submitted = store.submit(id.as_str(), None, Default::default());
    submitted.await.expect("submitted");
    let job = store.lease(&request(LEASE)).await.expect("storage").expect("queued");
    let lease = job.lease_token.parse().expect("a lease");
    (job, lease)
}

/// What the checks found, with the faces that they compared.
fn findings(job: &Job, error: Option<VerificationErrorCode>) -> Findings {
    let answer = completion(job, None, error);
    let face = |purpose: ImagePurpose| Some(format!("{} {}", purpose.as_str_name(), job.attempt).into_bytes());
    let selfie = answer.selfie.map(|mut selfie| {
        selfie.insights = Some(SelfieInsights {
            similarity: Some(0.5),
            ..SelfieInsights::default()
        });
        [selfie.document_face, selfie.selfie_face] = FACES.map(face);
        selfie
    });
    Findings {
        document: answer.document,
        selfie,
        timings: Vec::new(),
    }
}

async fn files(store: &Store, id: &Id) -> Vec<File> {
    store.files(id.as_str(), ACCOUNT).await.expect("its own")
}

fn purposes(files: &[File]) -> Vec<ImagePurpose> {
    files.iter().map(File::purpose).collect()
}

/// The ids by which the report names the crops.
fn named(report: &VerificationReport) -> [Option<String>; 2] {
    let insights = report.insights.as_ref().and_then(|insights| insights.selfie.as_ref());
    let insights = insights.expect("compared");
    [&insights.document_face_file, &insights.selfie_face_file].map(Clone::clone)
}

/// The session has what was uploaded and one attempt's crops, and all of it can be read.
async fn has_one_attempts(store: &Store, id: &Id) {
    let files = files(store, id).await;
    assert_eq!(purposes(&files), [UPLOADED, FACES].concat());
    for file in files {
        let read = store.read_file(&file.id, Some(ACCOUNT)).await;
        let (told, data) = read.expect("every file that is named can be read");
        assert_eq!((&told, told.size), (&file, data.len() as u64));
    }
}

/// The face does not match, and then it does.
async fn verified(store: &Store) -> (Id, [VerificationReport; 2]) {
    let id = create(store, true, true).await;
    let mut reports = Vec::new();
    for error in [Some(VerificationErrorCode::SelfieFaceMismatch), None] {
        let (job, lease) = submit(store, &id).await;
        let completed = store.complete(&lease, findings(&job, error)).await.expect("completed");
        assert!(completed.completed_now);
        reports.push(completed.report);
    }
    (id, reports.try_into().expect("two"))
}

#[tokio::test]
async fn face_crops_are_files_of_their_attempt() {
    on_each(async |ground| {
        let store = &ground.store;
        let (id, reports) = verified(store).await;
        let files = files(store, &id).await;
        let expected = [UPLOADED, FACES, UPLOADED, FACES].concat();
        assert_eq!(purposes(&files), expected);
        for (attempt, report) in (1..).zip(&reports) {
            let of_attempt: Vec<_> = files.iter().filter(|file| file.attempts == [attempt]).collect();
            assert_eq!(of_attempt.len(), 4, "attempt {attempt}");
            for ((file, named), purpose) in of_attempt[2..].iter().zip(named(report)).zip(FACES) {
                assert_eq!((Some(&file.id), file.purpose()), (named.as_ref(), purpose));
                assert_eq!(&store.file(&file.id, ACCOUNT).await.expect("its own"), *file);
                let others = store.file(&file.id, "acct_2").await;
                assert!(matches!(others, Err(Error::FileNotFound)));
                let (told, data) = store.read_file(&file.id, Some(ACCOUNT)).await.expect("its own");
                assert_eq!(data, format!("{} {attempt}", purpose.as_str_name()).into_bytes());
                assert_eq!(told.size, data.len() as u64);
            }
            let of_checks = report.document.as_ref().expect("ran").files.iter();
            assert!(
                of_checks.eq([&of_attempt[0].id]),
                "what the reference API has is as it was"
            );
            let insights = report.insights.as_ref().and_then(|insights| insights.selfie.as_ref());
            assert_eq!(insights.and_then(|insights| insights.similarity), Some(0.5));
        }

        let session = store.session(id.as_str(), None).await.expect("is there");
        assert_eq!(purposes(&session.files()), UPLOADED);
        let insights = session.public.insights.expect("set");
        assert_eq!(purposes(&insights.files), UPLOADED);
        assert_eq!(session.uploaded.images, 4, "they are no uploads");
    })
    .await;
}

#[tokio::test]
async fn face_crops_go_with_their_pictures() {
    on_each(async |ground| {
        let rules = ["images=1d".parse().expect("a rule")];
        let store = ground.store.clone().with_retention(RetentionPolicy::new(&rules));
        let redacted = verified(&store).await;
        let kept_for_long = verified(&store).await;
        assert_eq!(ground.files(), 16);
        let crops = |reports: &[VerificationReport; 2]| reports.each_ref().map(named).concat();
        let gone = async |id: &Id, reports: &[VerificationReport; 2]| {
            assert_eq!(files(&store, id).await, []);
            for crop in crops(reports).into_iter().flatten() {
                let read = store.read_file(&crop, None).await;
                assert!(matches!(read, Err(Error::FileNotFound)), "{read:?}");
            }
        };

        let (id, reports) = &redacted;
        store.redact(id.as_str(), ACCOUNT).await.expect("redacted");
        let session = store.delete_discarded(id.as_str()).await.expect("deleted");
        gone(id, reports).await;
        assert_eq!(ground.files(), 8);
        let receipt = session.public.insights.and_then(|insights| insights.redaction);
        let destroyed = receipt.expect("redacted").files;
        assert_eq!(destroyed.len(), 8);
        assert!(
            crops(reports)
                .into_iter()
                .flatten()
                .all(|crop| destroyed.contains(&crop))
        );
        let report = store.report(&reports[0].id, ACCOUNT).await.expect("stays");
        assert_eq!(named(&report), [(); 2].map(|()| Some(REDACTED.to_owned())));

        let (id, reports) = &kept_for_long;
        store.expire(id, SystemTime::now() + DAY, true).await.expect("expires");
        gone(id, reports).await;
        assert_eq!(ground.files(), 0);
        let report = store.report(&reports[1].id, ACCOUNT).await.expect("stays");
        assert_eq!(named(&report), named(&reports[1]), "the rest stays");
    })
    .await;
}

#[tokio::test]
async fn where_no_faces_are_compared_none_are_kept() {
    on_each(async |ground| {
        let store = &ground.store;
        for (livemode, require_matching_selfie) in [(true, false), (false, true)] {
            let id = create(store, livemode, require_matching_selfie).await;
            let (job, lease) = submit(store, &id).await;
            store.complete(&lease, findings(&job, None)).await.expect("completed");
            assert_eq!(purposes(&files(store, &id).await), UPLOADED, "live: {livemode}");
        }
        assert_eq!(ground.files(), 4);
    })
    .await;
}

/// A worker, or report-svc under it, dies at each step in turn; another call brings what was found again.
#[tokio::test]
async fn whoever_dies_half_way_leaves_no_record_without_its_file() {
    on_each(async |ground| {
        let store = &ground.store;
        let mut for_nobody = Vec::new();
        for steps in 0.. {
            let id = create(store, true, true).await;
            let (job, lease) = submit(store, &id).await;
            let before = ground.files();
            let (dying, died) = ground.dying(steps);
            let ended = tokio::select! {
                completed = dying.complete(&lease, findings(&job, None)) => completed.expect("completed").completed_now,
                () = died.notified() => false,
            };
            let again = store.complete(&lease, findings(&job, None)).await.expect("answered");
            assert_eq!(again.completed_now, !ended, "after {steps} steps");
            has_one_attempts(store, &id).await;
            for_nobody.push(ground.files() - before - FACES.len());
            if ended {
                break;
            }
        }
        assert_eq!(for_nobody, [0, 2, 0], "files that were stored and never named");
    })
    .await;
}

#[tokio::test]
async fn a_completion_that_does_not_happen_leaves_no_files() {
    on_each(async |ground| {
        let Ground { store, .. } = &ground;
        let before = ground.files();
        let id = create(store, true, true).await;
        let (job, lease) = submit(store, &id).await;
        store
            .release(&job.lease_token, Duration::ZERO, true)
            .await
            .expect("handed back");
        let job = store.lease(&request(LEASE)).await.expect("storage").expect("queued");
        let held: Lease = job.lease_token.parse().expect("a lease");
        let lost = store.complete(&lease, findings(&job, None)).await.err();
        assert!(matches!(lost, Some(Error::LeaseLost)), "{lost:?}");
        assert_eq!(ground.files(), before + UPLOADED.len());

        let (one, other) = tokio::join!(
            store.complete(&held, findings(&job, None)),
            store.complete(&held, findings(&job, None))
        );
        let (one, other) = (one.expect("answered"), other.expect("answered"));
        assert!(one.report == other.report && one.completed_now != other.completed_now);
        let late = store.complete(&lease, findings(&job, None)).await.expect("answered");
        assert!(!late.completed_now && late.report == one.report);
        assert_eq!(ground.files(), before + UPLOADED.len() + FACES.len());
        has_one_attempts(store, &id).await;
    })
    .await;
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_keeps_its_files() {
    on_each(async |ground| {
        let store = &ground.store;
        let id = create(store, true, true).await;
        let (job, lease) = submit(store, &id).await;
        let told = ground
            .losing(Lost::Conflict)
            .complete(&lease, findings(&job, None))
            .await;
        let told = told.expect("it happened");
        has_one_attempts(store, &id).await;
        assert_eq!(ground.files(), 4);
        let again = store.complete(&lease, findings(&job, None)).await.expect("answered");
        assert!(!again.completed_now && again.report == told.report);
        assert_eq!(ground.files(), 4);

        let id = create(store, true, true).await;
        let (job, lease) = submit(store, &id).await;
        let told = ground.losing(Lost::Error).complete(&lease, findings(&job, None)).await;
        assert!(matches!(told, Err(Error::Storage(_))), "nobody knows");
        has_one_attempts(store, &id).await;
        assert_eq!(ground.files(), 8);
    })
    .await;
}

/// A picture store that takes nothing fails no verification.
#[tokio::test]
async fn crops_that_cannot_be_kept_are_done_without() {
    on_each(async |ground| {
        let store = &ground.store;
        let id = create(store, true, true).await;
        let (job, lease) = submit(store, &id).await;
        let place = ground.folder.path().join(format!("p{:02}", id.partition()));
        let aside = ground.folder.path().join("aside");
        std::fs::rename(&place, &aside).expect("renamed");
        std::fs::write(&place, "in the way").expect("written");
        let completed = store.complete(&lease, findings(&job, None)).await.expect("completed");
        assert!(completed.completed_now);
        let insights = completed.report.insights.and_then(|insights| insights.selfie);
        let insights = insights.expect("compared");
        assert_eq!((insights.document_face_file, insights.selfie_face_file), (None, None));
        std::fs::remove_file(&place).expect("removed");
        std::fs::rename(&aside, &place).expect("renamed");
        assert_eq!(files(store, &id).await.len(), UPLOADED.len());
    })
    .await;
}
