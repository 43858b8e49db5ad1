//! The end of an attempt: one report, one change of the session, one event, one job less, in one step.
//!
//! The attempt is the fence. Who brings the first result of the attempt that is being processed completes it, whether or not
//! his lease has ended meanwhile: a result is no worse for being late, and the step happens once. Whoever comes after him, or
//! with an attempt that was completed before, is answered with the report that exists.

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
    /// Completes an attempt with what the checks answered.
    pub async fn complete(&self, session: &str, attempt: u32, findings: Findings) -> Result<Completion, Error> {
        for _ in 0..super::TRIES {
            let mut session = self.session(session, None).await?;
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
            let (report, change) = finish(&mut session, attempt, findings.clone(), JobStep::Finish)?;
            session.settle();
            if let Committed::Done(version) = self.commit(&session, change).await? {
                session.version = version;
                return Ok(Completion {
                    report,
                    session,
                    completed_now: true,
                });
            }
        }
        Err(Error::Contended)
    }

    /// Ends an attempt whose job nobody completed: the person is asked to try again.
    pub(super) async fn give_up(&self, lease: &Lease) -> Result<(), Error> {
        self.update(lease.session.as_str(), None, |session| {
            if session.is_processing(lease.attempt)? {
                let (_, change) = finish(session, lease.attempt, Findings::default(), JobStep::DeadLetter)?;
                return Ok(change);
            }
            Ok(Change {
                event: None,
                report: None,
                job: JobStep::DeadLetter,
            })
        })
        .await?;
        Ok(())
    }
}

/// The report of an attempt that was completed; attempts count from 1.
fn report_of(session: &Session, attempt: u32) -> Option<&str> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    session.reports.get(index).map(String::as_str)
}

fn finish(
    session: &mut Session,
    attempt: u32,
    findings: Findings,
    job: JobStep,
) -> Result<(VerificationReport, Change), Error> {
    let id = Id::new(IdKind::VerificationReport, session.id.partition());
    let files = session.files();
    let Outcome { report, verdict } = assemble(id.to_string(), now(), &session.public, attempt, &files, findings);
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
