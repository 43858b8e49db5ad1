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
            if let Some(report) = report_of(&session, attempt) {
                let report = self
                    .report_record(report)
                    .await?
                    .report
                    .ok_or(Error::Incomplete("report"))?;
                return Ok(Completion {
                    report,
                    session,
                    completed_now: false,
                });
            }
            if !session.is_processing(attempt)? {
                return Err(Error::NoSuchAttempt {
                    attempt,
                    submitted: session.attempts,
                });
            }
            let (report, change) = finish(&mut session, findings.clone(), JobStep::Finish(lease.clone()))?;
            session.settle();
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
}

impl Session {
    /// Ends the attempt that is being processed without any result.
    pub(super) fn fail_attempt(&mut self, job: JobStep) -> Result<Change, Error> {
        Ok(finish(self, Findings::default(), job)?.1)
    }
}

/// The report of an attempt that was completed; attempts count from 1.
fn report_of(session: &Session, attempt: u32) -> Option<&str> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    session.reports.get(index).map(String::as_str)
}

/// Ends the attempt that is being processed.
fn finish(session: &mut Session, findings: Findings, job: JobStep) -> Result<(VerificationReport, Change), Error> {
    let id = Id::new(IdKind::VerificationReport, session.id.partition());
    let files = session.files();
    let Outcome { report, verdict } = assemble(
        id.to_string(),
        now(),
        &session.public,
        session.attempts,
        &files,
        findings,
    );
    let event = match verdict {
        Ok(outputs) => {
            session.public.last_error = None;
            session.public.verified_outputs = Some(outputs);
            session.apply(Action::Pass)?
        }
        Err(error) => {
            session.public.last_error = Some(error);
            session.apply(Action::Fail)?
        }
    };
    session.public.last_verification_report = Some(id.to_string());
    session.reports.push(id.to_string());
    Ok((
        report.clone(),
        Change {
            event,
            report: Some((id, report)),
            job,
        },
    ))
}
