//! One job: its pictures, its checks, its completion.

use std::time::Duration;

use futures_util::future::try_join_all;
use proto::document::v1::{CheckDocumentRequest, CheckDocumentResponse, DocumentImage};
use proto::identity::v1::{DocumentOptions, ImagePurpose};
use proto::reason::{self, Reason};
use proto::selfie::v1::{CheckSelfieRequest, CheckSelfieResponse, FaceImage};
use proto::store::v1::{CompleteVerificationRequest, GetImageRequest, Job};
use service_kit::{stage, status};
use tokio::time::Instant;
use tonic::{Code, Status};
use tracing::Instrument as _;

use super::Services;
use super::retry_policy::with_retries;
use crate::upstream;

/// Why a job has no outcome.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    /// A service failed, or did not answer for as long as we tried.
    #[error("{step} failed")]
    Service { step: &'static str, status: Status },
    /// Another worker has the job.
    #[error("the lease was lost")]
    LeaseLost,
    /// The job lacks a picture that it cannot have been submitted without.
    #[error("the job has no {0:?} picture")]
    MissingPicture(ImagePurpose),
}

impl CheckError {
    fn service(step: &'static str) -> impl Fn(Status) -> Self + Copy {
        move |status| Self::Service { step, status }
    }

    /// Whether a service was away, which is no fault of the job's. One that took too long over it may have done so because of it.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Service { status, .. } => {
                upstream::is_transient(status) && !matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled)
            }
            Self::LeaseLost | Self::MissingPicture(_) => false,
        }
    }

    /// Says once, in the trace of the job, why it is handed back. Statuses of our services hold nothing personal.
    pub(super) fn log(&self) {
        match self {
            Self::Service { status, .. } if upstream::is_transient(status) => tracing::warn!(
                code = status.code() as i32,
                reason = status::reason(status).map(Reason::name),
                error = status.message(),
                "{self}"
            ),
            Self::Service { status, .. } => tracing::error!(
                code = status.code() as i32,
                reason = status::reason(status).map(Reason::name),
                error = status.message(),
                "{self}"
            ),
            Self::LeaseLost | Self::MissingPicture(_) => tracing::error!("{self}"),
        }
    }
}

/// A picture of the job.
struct Picture {
    file: String,
    purpose: ImagePurpose,
    data: Vec<u8>,
}

impl Services {
    /// Runs the checks that the job's options ask for and completes it. Answers whether it was this call that completed the attempt.
    ///
    /// Where the outcome was chosen nothing is looked at, and report-svc makes the report of the choice.
    pub(super) async fn verify(&self, job: &Job) -> Result<bool, CheckError> {
        let request = if job.simulated {
            completion(job)
        } else {
            self.check(job).await?
        };
        self.complete(request).instrument(stage::span("complete")).await
    }

    async fn check(&self, job: &Job) -> Result<CompleteVerificationRequest, CheckError> {
        let started = Instant::now();
        let (pictures, fetched) = timed("fetch_images", self.fetch(job)).await?;

        let options = job
            .options
            .as_ref()
            .and_then(|options| options.document.clone())
            .unwrap_or_default();
        // A selfie that nobody asked to match is kept as evidence and is not compared: a check that the backend did not ask for
        // must not fail the session.
        let wants_selfie = options.require_matching_selfie;
        let document = timed("document_check", self.check_document(&pictures, options));
        let selfie = async {
            if wants_selfie {
                let check = timed("selfie_check", self.check_selfie(&pictures));
                check.await.map(Some)
            } else {
                Ok(None)
            }
        };
        // The first failure ends the other check: nobody would read its answer.
        let ((document, document_took), selfie) = tokio::try_join!(document, selfie)?;
        drop(pictures);
        let (selfie, selfie_took) = selfie.unzip();

        let mut stages = vec![("fetch_images", fetched), ("document_check", document_took)];
        stages.extend(selfie_took.map(|took| ("selfie_check", took)));
        stages.push(("verification", started.elapsed()));
        Ok(CompleteVerificationRequest {
            document: Some(document),
            selfie,
            timings: stage::timings(&stages),
            ..completion(job)
        })
    }

    async fn fetch(&self, job: &Job) -> Result<Vec<Picture>, CheckError> {
        try_join_all(job.files.iter().map(async |file| {
            let request = GetImageRequest {
                verification_session: job.verification_session.clone(),
                file: file.id.clone(),
            };
            let answer = with_retries(async || self.store.clone().get_image(request.clone()).await)
                .await
                .map_err(CheckError::service("fetching a picture"))?;
            Ok(Picture {
                file: file.id.clone(),
                purpose: file.purpose(),
                data: answer.data,
            })
        }))
        .await
    }

    async fn check_document(
        &self,
        pictures: &[Picture],
        options: DocumentOptions,
    ) -> Result<CheckDocumentResponse, CheckError> {
        let image = |picture: &Picture| DocumentImage {
            file: picture.file.clone(),
            purpose: picture.purpose.into(),
            data: picture.data.clone(),
        };
        let request = || CheckDocumentRequest {
            images: document_sides(pictures).map(image).collect(),
            options: Some(options.clone()),
            today: None,
            policy: Some(self.policy.clone()),
        };
        of_purpose(pictures, ImagePurpose::DocumentFront)?;
        with_retries(async || self.document.clone().check_document(request()).await)
            .await
            .map_err(CheckError::service("the document check"))
    }

    async fn check_selfie(&self, pictures: &[Picture]) -> Result<CheckSelfieResponse, CheckError> {
        let image = |picture: &Picture| FaceImage {
            file: picture.file.clone(),
            data: picture.data.clone(),
        };
        let selfie = of_purpose(pictures, ImagePurpose::Selfie)?;
        let request = || CheckSelfieRequest {
            documents: document_sides(pictures).map(image).collect(),
            selfie: Some(image(selfie)),
            with_face_crops: self.keeps_face_crops,
        };
        with_retries(async || self.selfie.clone().check_selfie(request()).await)
            .await
            .map_err(CheckError::service("the selfie check"))
    }

    async fn complete(&self, request: CompleteVerificationRequest) -> Result<bool, CheckError> {
        let answer = with_retries(async || self.store.clone().complete_verification(request.clone()).await)
            .await
            .map_err(|status| match status::reason(&status) {
                Some(reason::LEASE_LOST) => CheckError::LeaseLost,
                _ => CheckError::service("completing the verification")(status),
            })?;
        Ok(answer.completed_now)
    }
}

/// A completion of this job, before anything was checked.
fn completion(job: &Job) -> CompleteVerificationRequest {
    CompleteVerificationRequest {
        verification_session: job.verification_session.clone(),
        attempt: job.attempt,
        lease_token: job.lease_token.clone(),
        ..CompleteVerificationRequest::default()
    }
}

fn of_purpose(pictures: &[Picture], purpose: ImagePurpose) -> Result<&Picture, CheckError> {
    pictures
        .iter()
        .find(|picture| picture.purpose == purpose)
        .ok_or(CheckError::MissingPicture(purpose))
}

/// Front, then back.
fn document_sides(pictures: &[Picture]) -> impl Iterator<Item = &Picture> {
    [ImagePurpose::DocumentFront, ImagePurpose::DocumentBack]
        .into_iter()
        .filter_map(|purpose| of_purpose(pictures, purpose).ok())
}

async fn timed<T, E>(stage: &'static str, work: impl Future<Output = Result<T, E>>) -> Result<(T, Duration), E> {
    let started = Instant::now();
    let answer = work.instrument(stage::span(stage)).await?;
    Ok((answer, started.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_away_excuses_a_job() {
        let failed = |code| CheckError::service("a check")(Status::new(code, "")).is_outage();
        assert!(failed(Code::Unavailable) && failed(Code::ResourceExhausted));
        for code in [
            Code::DeadlineExceeded,
            Code::Internal,
            Code::InvalidArgument,
            Code::NotFound,
        ] {
            assert!(!failed(code), "{code:?}");
        }
        assert!(!CheckError::MissingPicture(ImagePurpose::Selfie).is_outage());
    }
}
