//! The end of an attempt: one report, one change of the session, one event, one job less, in one step.
//!
//! The lease is the fence. Who holds the job's lease completes the attempt, whether or not its time has ended meanwhile: a result
//! is no worse for being late. Who lost the lease to another worker is told so; but once the attempt is completed, whoever brings a
//! result of it is answered with the report that exists.

use proto::id::Kind as IdKind;
use proto::identity::v1::VerificationReport;

use super::{Change, Session, Store, now};
use crate::assemble::{Findings, Outcome, assemble};
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::Action;
use crate::storage::{Committed, JobStep, Lease};

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
            let (report, change) = self.finish(&mut session, findings.clone(), JobStep::Finish(lease.clone()))?;
            session.derive_insights();
            match self.commit(&session, change).await? {
                Committed::Done(version) => {
                    session.version = version;
                    return Ok(Completion {
                        report,
                        session,
                        completed_now: true,
                    });
                }
                Committed::Conflict => {}
                Committed::JobLost => return Err(Error::LeaseLost),
            }
        }
        Err(Error::Contended)
    }

    /// Ends the attempt that is being processed without any result.
    pub(super) fn fail_attempt(&self, session: &mut Session, job: JobStep) -> Result<Change, Error> {
        Ok(self.finish(session, Findings::default(), job)?.1)
    }

    /// Ends the attempt that is being processed.
    fn finish(
        &self,
        session: &mut Session,
        findings: Findings,
        job: JobStep,
    ) -> Result<(VerificationReport, Change), Error> {
        let id = Id::new(IdKind::VerificationReport, session.id.partition());
        let (files, attempt) = (session.files(), session.attempts);
        // Lists are ordered and filtered by the time of creation, which ids carry.
        let Outcome { report, verdict } = assemble(
            id.to_string(),
            id.made().into(),
            &session.public,
            attempt,
            &files,
            findings,
        );
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
        let change = Change {
            report: Some((id, report.clone())),
            job,
            ..Change::of(event)
        };
        Ok((report, change))
    }
}
