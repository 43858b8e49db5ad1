//! The end of an attempt: one report, one change of the session, one event, one job less, in one step.
//!
//! The lease is the fence. Who holds the job's lease completes the attempt, whether or not its time has ended meanwhile: a result
//! is no worse for being late. Who lost the lease to another worker is told so; but once the attempt is completed, whoever brings a
//! result of it is answered with the report that exists.
//!
//! Face crops that come with a result are files of the attempt, stored before the step that names them. Where that step does not happen
//! they are deleted; where nobody knows whether it did they stay, and so do those of a process that dies, for nobody to open.

use proto::id::Kind as IdKind;
use proto::identity::v1::{ImagePurpose, VerificationReport};
use proto::store::v1::{AttemptRecord, ImageRecord};

use super::images::id_of;
use super::{Change, Session, Store, now};
use crate::assemble::{Findings, Outcome, assemble};
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::Action;
use crate::simulation::simulate;
use crate::storage::{FileEntries, JobStep, Lease};

/// Shown to the person after the reason for which the last attempt failed.
const LAST_ATTEMPT: &str = "This was the last attempt.";

/// What a completion came to.
pub struct Completion {
    /// The attempt's report.
    pub report: VerificationReport,
    /// The session now.
    pub session: Session,
    /// False when the attempt had been completed before.
    pub completed_now: bool,
}

impl Store {
    /// Completes the attempt that is held under `lease` with what the checks answered.
    pub async fn complete(&self, lease: &Lease, findings: Findings) -> Result<Completion, Error> {
        let mut faces = Vec::new();
        let completed = self.complete_with(lease, findings, &mut faces).await;
        match &completed {
            // The step may have happened although its answer was lost.
            Err(Error::Storage(_)) => {}
            Ok(completion) if completion.completed_now => {}
            _ => self.delete_unnamed_faces(lease, &faces).await,
        }
        completed
    }

    /// The same; `faces` are the face crops that were stored for it.
    async fn complete_with(
        &self,
        lease: &Lease,
        mut findings: Findings,
        faces: &mut Vec<ImageRecord>,
    ) -> Result<Completion, Error> {
        let attempt = lease.attempt;
        for _ in 0..super::TRIES {
            let mut session = self.session(lease.session.as_str(), None).await?;
            let processing = session.is_processing(attempt)?;
            if !processing && let Some(finished) = self.attempt(&session.id, attempt).await? {
                let report = self
                    .report_record(&finished.report)
                    .await?
                    .report
                    .ok_or(Error::Incomplete("report"))?;
                return Ok(Completion {
                    report,
                    session,
                    completed_now: false,
                });
            }
            if !processing {
                // A lease of a submission that the storage lost, as a failover may.
                return Err(Error::LeaseLost);
            }
            self.keep_faces(&session, &mut findings, faces).await;
            let job = JobStep::Finish(lease.clone());
            let (report, change) = self.finish(&mut session, Some(findings.clone()), faces, job)?;
            if self.commit(&mut session, change).await? {
                return Ok(Completion {
                    report,
                    session,
                    completed_now: true,
                });
            }
        }
        Err(Error::Contended)
    }

    /// Stores the face crops that come with the findings, which name them from then on. A verification does not fail for want of them.
    async fn keep_faces(&self, session: &Session, findings: &mut Findings, faces: &mut Vec<ImageRecord>) {
        let Some(selfie) = findings.selfie.as_mut() else { return };
        let crops = [
            (ImagePurpose::DocumentFace, selfie.document_face.take()),
            (ImagePurpose::SelfieFace, selfie.selfie_face.take()),
        ];
        if !session.compares_faces() {
            return;
        }
        for (purpose, crop) in crops {
            let fits = |crop: &Vec<u8>| (1..=proto::MAX_IMAGE_BYTES).contains(&crop.len());
            let Some(crop) = crop.filter(fits) else { continue };
            match self.keep_image(&session.id, purpose, crop).await {
                Ok((file, image)) => {
                    let insights = selfie.insights.get_or_insert_default();
                    let named = match purpose {
                        ImagePurpose::DocumentFace => &mut insights.document_face_file,
                        _ => &mut insights.selfie_face_file,
                    };
                    *named = Some(file.id);
                    faces.push(ImageRecord {
                        attempt: session.attempts,
                        ..image
                    });
                }
                Err(error) => tracing::error!(session = %session.id, %error, "a face crop could not be kept"),
            }
        }
    }

    /// Deletes the files of those face crops that the attempt's record does not name: the attempt may have been completed with them
    /// although we were told of a conflict.
    async fn delete_unnamed_faces(&self, lease: &Lease, faces: &[ImageRecord]) {
        if faces.is_empty() {
            return;
        }
        let Ok(finished) = self.attempt(&lease.session, lease.attempt).await else {
            return;
        };
        let named = finished.unwrap_or_default().images;
        for face in faces.iter().filter(|face| !named.contains(face)) {
            self.delete_unnamed(&face.path).await;
        }
    }

    /// Ends the attempt that is being processed without any result.
    pub(super) fn fail_attempt(&self, session: &mut Session, job: JobStep) -> Result<Change, Error> {
        Ok(self.finish(session, None, &[], job)?.1)
    }

    /// Ends the attempt that is being processed; without findings, it was given up. The mode alone decides whether what was found counts
    /// or what was chosen.
    fn finish(
        &self,
        session: &mut Session,
        findings: Option<Findings>,
        faces: &[ImageRecord],
        job: JobStep,
    ) -> Result<(VerificationReport, Change), Error> {
        let id = Id::new(IdKind::VerificationReport, session.id.partition());
        let (files, attempt) = (session.files(), session.attempts);
        // Lists are ordered and filtered by the time of creation, which ids carry.
        let (name, made, public) = (id.to_string(), id.made().into(), &session.public);
        let Outcome { report, verdict } = match findings {
            Some(_) if !public.livemode => simulate(name, made, public, attempt, &files, session.simulated_error),
            found_or_given_up => {
                let findings = found_or_given_up.unwrap_or_default();
                assemble(name, made, public, attempt, &files, findings)
            }
        };
        let event = match verdict {
            Ok(outputs) => {
                session.public.last_error = None;
                session.public.verified_outputs = Some(outputs);
                session.apply(Action::Pass)?
            }
            Err(mut error) => {
                if attempt >= self.limits.attempts {
                    error.reason = format!("{} {LAST_ATTEMPT}", error.reason);
                }
                session.public.last_error = Some(error);
                session.failed = Some(now());
                session.apply(Action::Fail)?
            }
        };
        session.public.last_verification_report = Some(id.to_string());
        let ended = AttemptRecord {
            report: id.to_string(),
            images: [&session.images, faces].concat(),
        };
        let change = Change {
            reports: vec![(id, report.clone())],
            attempts: vec![(attempt, ended)],
            files: FileEntries {
                added: faces.iter().filter_map(id_of).collect(),
                removed: Vec::new(),
            },
            job,
            ends_attempt: true,
            ..Change::of(event)
        };
        Ok((report, change))
    }
}
