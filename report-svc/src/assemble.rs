//! From what the checks answered to the report, and to what it makes of the session. Pure.

use proto::document::v1::CheckDocumentResponse;
use proto::identity::v1::{
    CheckStatus, DocumentReport, ReportInsights, SelfieReport, Timing, VerificationError, VerificationErrorCode,
    VerificationReport, VerificationReportOptions, VerificationSession, VerificationSessionOptions, VerifiedOutputs,
};
use proto::selfie::v1::CheckSelfieResponse;
use proto::store::v1::SessionRecord;

use crate::lifecycle::Action;

/// Shown to the person when a check could not be carried out at all.
const NOT_CARRIED_OUT: &str = "The check could not be carried out. Please try again.";

/// What the checks answered; `None` for a check that did not run.
#[derive(Debug, Default)]
pub struct Answers {
    /// The document check.
    pub document: Option<CheckDocumentResponse>,
    /// The selfie check.
    pub selfie: Option<CheckSelfieResponse>,
    /// Where the time went.
    pub timings: Vec<Timing>,
}

/// A finished attempt.
#[derive(Debug)]
pub struct Assembled {
    /// The report to be written.
    pub report: VerificationReport,
    /// What it does to the session: [`Action::Pass`] or [`Action::Fail`].
    pub action: Action,
    /// The first failure, document before selfie; `None` when every check passed.
    pub error: Option<VerificationError>,
    /// What was verified; `None` unless every check passed.
    pub outputs: Option<VerifiedOutputs>,
}

impl Assembled {
    /// Writes the attempt's outcome into the session. Its status is the caller's to set: that is the lifecycle's decision.
    pub fn tell(&self, session: &mut VerificationSession) {
        session.last_error = self.error.clone();
        session.last_verification_report = Some(self.report.id.clone());
        session.verified_outputs = self.outputs.clone();
    }
}

/// Assembles the report of a session's current attempt. A check that the options ask for and that did not answer counts as
/// failed: nothing passes silently.
pub fn assemble(record: &SessionRecord, answers: Answers, id: String, created: prost_types::Timestamp) -> Assembled {
    let Answers {
        document,
        selfie,
        timings,
    } = answers;
    let session = record.session.clone().unwrap_or_default();
    let options = session.options.unwrap_or_default();

    let (document, document_insights) = match document {
        Some(answer) => (
            answer.document.unwrap_or_else(document_not_carried_out),
            answer.insights,
        ),
        None => (document_not_carried_out(), None),
    };
    let (selfie, selfie_insights) = match selfie {
        Some(answer) => (
            Some(answer.selfie.unwrap_or_else(selfie_not_carried_out)),
            answer.insights,
        ),
        None => (asks_for_selfie(&options).then(selfie_not_carried_out), None),
    };

    let error = failure(
        document.status(),
        document.error.as_ref(),
        VerificationErrorCode::DocumentUnverifiedOther,
    )
    .or_else(|| {
        let selfie = selfie.as_ref()?;
        failure(
            selfie.status(),
            selfie.error.as_ref(),
            VerificationErrorCode::SelfieUnverifiedOther,
        )
    });
    let outputs = error.is_none().then(|| outputs(&document));
    let report = VerificationReport {
        id,
        created: Some(created),
        livemode: session.livemode,
        r#type: session.r#type,
        client_reference_id: session.client_reference_id,
        verification_session: Some(session.id),
        verification_flow: session.verification_flow,
        options: Some(VerificationReportOptions {
            document: options.document,
            id_number: options.id_number,
        }),
        document: Some(document),
        selfie,
        id_number: None,
        email: None,
        phone: None,
        insights: Some(ReportInsights {
            attempt: record.attempts,
            document: document_insights,
            selfie: selfie_insights,
            timings,
        }),
    };
    Assembled {
        report,
        action: if error.is_none() { Action::Pass } else { Action::Fail },
        error,
        outputs,
    }
}

fn asks_for_selfie(options: &VerificationSessionOptions) -> bool {
    options
        .document
        .as_ref()
        .is_some_and(|document| document.require_matching_selfie)
}

/// A check's error; one that is neither verified nor says why gets the code for everything else.
fn failure(
    status: CheckStatus,
    error: Option<&VerificationError>,
    other: VerificationErrorCode,
) -> Option<VerificationError> {
    match status {
        CheckStatus::Verified => None,
        CheckStatus::Unverified | CheckStatus::Unspecified => {
            Some(error.cloned().unwrap_or_else(|| not_carried_out(other)))
        }
    }
}

fn not_carried_out(code: VerificationErrorCode) -> VerificationError {
    VerificationError {
        code: code.into(),
        reason: NOT_CARRIED_OUT.to_owned(),
    }
}

fn document_not_carried_out() -> DocumentReport {
    DocumentReport {
        status: CheckStatus::Unverified.into(),
        error: Some(not_carried_out(VerificationErrorCode::DocumentUnverifiedOther)),
        ..DocumentReport::default()
    }
}

fn selfie_not_carried_out() -> SelfieReport {
    SelfieReport {
        status: CheckStatus::Unverified.into(),
        error: Some(not_carried_out(VerificationErrorCode::SelfieUnverifiedOther)),
        ..SelfieReport::default()
    }
}

fn outputs(document: &DocumentReport) -> VerifiedOutputs {
    VerifiedOutputs {
        address: document.address.clone(),
        dob: document.dob,
        first_name: document.first_name.clone(),
        last_name: document.last_name.clone(),
        sex: document.sex,
        unparsed_place_of_birth: document.unparsed_place_of_birth.clone(),
        unparsed_sex: document.unparsed_sex.clone(),
        ..VerifiedOutputs::default()
    }
}

#[cfg(test)]
mod tests {
    use proto::identity::v1::{Date, DocumentOptions, VerificationType};

    use super::*;

    fn record(require_matching_selfie: bool) -> SessionRecord {
        let document = DocumentOptions {
            require_matching_selfie,
            ..DocumentOptions::default()
        };
        SessionRecord {
            session: Some(VerificationSession {
                id: "vs_1".to_owned(),
                client_reference_id: Some("order 7".to_owned()),
                livemode: true,
                r#type: VerificationType::Document.into(),
                options: Some(VerificationSessionOptions {
                    document: Some(document),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            attempts: 2,
            ..Default::default()
        }
    }

    fn document(error: Option<VerificationErrorCode>) -> Option<CheckDocumentResponse> {
        let status = if error.is_none() {
            CheckStatus::Verified
        } else {
            CheckStatus::Unverified
        };
        Some(CheckDocumentResponse {
            document: Some(DocumentReport {
                status: status.into(),
                error: error.map(|code| VerificationError {
                    code: code.into(),
                    reason: "why".to_owned(),
                }),
                first_name: Some("ANNA".to_owned()),
                dob: Some(Date {
                    day: Some(1),
                    month: Some(2),
                    year: Some(1980),
                }),
                ..Default::default()
            }),
            insights: None,
        })
    }

    fn selfie(error: Option<VerificationErrorCode>) -> Option<CheckSelfieResponse> {
        let status = if error.is_none() {
            CheckStatus::Verified
        } else {
            CheckStatus::Unverified
        };
        Some(CheckSelfieResponse {
            selfie: Some(SelfieReport {
                status: status.into(),
                error: error.map(|code| VerificationError {
                    code: code.into(),
                    reason: "why".to_owned(),
                }),
                ..Default::default()
            }),
            insights: None,
        })
    }

    fn assembled(record: &SessionRecord, answers: Answers) -> Assembled {
        assemble(record, answers, "vr_1".to_owned(), prost_types::Timestamp::default())
    }

    fn code(assembled: &Assembled) -> Option<VerificationErrorCode> {
        assembled.error.as_ref().map(VerificationError::code)
    }

    #[test]
    fn passes_when_every_check_passed() {
        let answers = Answers {
            document: document(None),
            selfie: selfie(None),
            ..Default::default()
        };
        let assembled = assembled(&record(true), answers);
        assert_eq!((assembled.action, code(&assembled)), (Action::Pass, None));
        let report = &assembled.report;
        assert_eq!(report.verification_session.as_deref(), Some("vs_1"));
        assert_eq!(report.client_reference_id.as_deref(), Some("order 7"));
        assert!(report.livemode);
        assert_eq!(report.r#type(), VerificationType::Document);
        assert_eq!(report.insights.as_ref().expect("always").attempt, 2);
        let outputs = assembled.outputs.as_ref().expect("verified");
        assert_eq!(outputs.first_name.as_deref(), Some("ANNA"));

        let mut session = VerificationSession {
            last_error: Some(VerificationError::default()),
            ..Default::default()
        };
        assembled.tell(&mut session);
        assert_eq!(session.last_error, None);
        assert_eq!(session.last_verification_report.as_deref(), Some("vr_1"));
        assert_eq!(
            session.verified_outputs.expect("verified").dob.expect("stated").year,
            Some(1980)
        );
    }

    #[test]
    fn fails_with_the_first_failure_and_verifies_nothing() {
        use VerificationErrorCode::{DocumentExpired, SelfieFaceMismatch};
        for (document_error, selfie_error, expected) in [
            (Some(DocumentExpired), None, DocumentExpired),
            (None, Some(SelfieFaceMismatch), SelfieFaceMismatch),
            (Some(DocumentExpired), Some(SelfieFaceMismatch), DocumentExpired),
        ] {
            let answers = Answers {
                document: document(document_error),
                selfie: selfie(selfie_error),
                ..Default::default()
            };
            let assembled = assembled(&record(true), answers);
            assert_eq!((assembled.action, code(&assembled)), (Action::Fail, Some(expected)));
            assert!(assembled.outputs.is_none());
        }
    }

    #[test]
    fn a_check_that_did_not_answer_has_failed() {
        use VerificationErrorCode::{DocumentUnverifiedOther, SelfieUnverifiedOther};
        let nothing = assembled(&record(true), Answers::default());
        assert_eq!(code(&nothing), Some(DocumentUnverifiedOther));
        assert!(nothing.report.selfie.is_some());
        let no_selfie = assembled(
            &record(true),
            Answers {
                document: document(None),
                ..Default::default()
            },
        );
        assert_eq!(code(&no_selfie), Some(SelfieUnverifiedOther));
        let empty = Answers {
            document: Some(CheckDocumentResponse::default()),
            ..Default::default()
        };
        assert_eq!(code(&assembled(&record(false), empty)), Some(DocumentUnverifiedOther));
    }

    #[test]
    fn a_selfie_that_was_not_asked_for_is_not_missed() {
        let assembled = assembled(
            &record(false),
            Answers {
                document: document(None),
                ..Default::default()
            },
        );
        assert_eq!(assembled.action, Action::Pass);
        assert!(assembled.report.selfie.is_none());
    }
}
