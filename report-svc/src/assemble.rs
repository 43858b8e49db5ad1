//! What the checks answered becomes a report, the session's outcome, and what was verified. Pure.
//!
//! The session's options say which checks decide: the document always, the selfie when a matching selfie is required. A check
//! that should have run and did not counts as failed. The first failing check, document before selfie, gives the session its
//! `last_error`.

use proto::document::v1::CheckDocumentResponse;
use proto::identity::v1::{
    CheckStatus, DocumentReport, File, ImagePurpose, ReportInsights, SelfieReport, Timing, VerificationError,
    VerificationErrorCode, VerificationReport, VerificationReportOptions, VerificationSession, VerifiedOutputs,
};
use proto::selfie::v1::CheckSelfieResponse;

/// Shown to the person when a check could not be carried out.
const NOT_CARRIED_OUT: &str = "The checks could not be carried out. Please try again.";

/// Shown to the person when a check failed without saying why.
const NOT_VERIFIED: &str = "The check did not pass. Please try again.";

/// What the checks answered; nothing at all when the job was given up.
#[derive(Clone, Default)]
pub struct Findings {
    /// Answer of doc-check-svc.
    pub document: Option<CheckDocumentResponse>,
    /// Answer of selfie-svc.
    pub selfie: Option<CheckSelfieResponse>,
    /// Steps of the worker.
    pub timings: Vec<Timing>,
}

/// What follows from the findings.
pub struct Outcome {
    /// The report of the attempt.
    pub report: VerificationReport,
    /// What was verified, or why not.
    pub verdict: Result<VerifiedOutputs, VerificationError>,
}

/// Assembles the report of one attempt.
///
/// `id` and `created` are the report's; `files` are the pictures that were submitted.
pub fn assemble(
    id: String,
    created: prost_types::Timestamp,
    session: &VerificationSession,
    attempt: u32,
    files: &[File],
    findings: Findings,
) -> Outcome {
    let options = session.options.clone().unwrap_or_default();
    let (document, document_insights) = match findings.document {
        Some(answer) => (answer.document, answer.insights),
        None => (None, None),
    };
    let document = judged_document(document, files);
    let mut verdict = match &document.error {
        None => Ok(outputs(&document)),
        Some(error) => Err(error.clone()),
    };

    let (mut selfie, mut selfie_insights) = (None, None);
    if options
        .document
        .as_ref()
        .is_some_and(|options| options.require_matching_selfie)
    {
        let (answer, insights) = match findings.selfie {
            Some(answer) => (answer.selfie, answer.insights),
            None => (None, None),
        };
        let report = judged_selfie(answer, files);
        if let (Ok(_), Some(error)) = (&verdict, &report.error) {
            verdict = Err(error.clone());
        }
        (selfie, selfie_insights) = (Some(report), insights);
    }

    let report = VerificationReport {
        id,
        created: Some(created),
        livemode: session.livemode,
        r#type: session.r#type,
        client_reference_id: session.client_reference_id.clone(),
        verification_session: Some(session.id.clone()),
        verification_flow: session.verification_flow.clone(),
        options: Some(VerificationReportOptions {
            document: options.document,
            id_number: options.id_number,
        }),
        document: Some(document),
        selfie,
        insights: Some(ReportInsights {
            attempt,
            document: document_insights,
            selfie: selfie_insights,
            timings: findings.timings,
        }),
        ..VerificationReport::default()
    };
    Outcome { report, verdict }
}

fn judged_document(answer: Option<DocumentReport>, files: &[File]) -> DocumentReport {
    let ran = answer.is_some();
    let mut document = answer.unwrap_or_default();
    let other = VerificationErrorCode::DocumentUnverifiedOther;
    document.error = failure(ran, document.status(), document.error.take(), other);
    document.set_status(status(&document.error));
    if document.files.is_empty() {
        let purposes = [ImagePurpose::DocumentFront, ImagePurpose::DocumentBack];
        document.files = purposes
            .into_iter()
            .filter_map(|purpose| file(files, purpose))
            .collect();
    }
    document
}

fn judged_selfie(answer: Option<SelfieReport>, files: &[File]) -> SelfieReport {
    let ran = answer.is_some();
    let mut selfie = answer.unwrap_or_default();
    let other = VerificationErrorCode::SelfieUnverifiedOther;
    selfie.error = failure(ran, selfie.status(), selfie.error.take(), other);
    selfie.set_status(status(&selfie.error));
    selfie.selfie = selfie.selfie.take().or_else(|| file(files, ImagePurpose::Selfie));
    selfie
}

/// Why a check failed; `None` only for a check that ran, says verified, and names no error.
fn failure(
    ran: bool,
    status: CheckStatus,
    error: Option<VerificationError>,
    other: VerificationErrorCode,
) -> Option<VerificationError> {
    let unverified = |reason: &str| {
        Some(VerificationError {
            code: other.into(),
            reason: reason.to_owned(),
        })
    };
    match (ran, status, error) {
        (false, _, _) => unverified(NOT_CARRIED_OUT),
        (true, _, Some(error)) => Some(error),
        (true, CheckStatus::Verified, None) => None,
        (true, CheckStatus::Unverified | CheckStatus::Unspecified, None) => unverified(NOT_VERIFIED),
    }
}

fn status(error: &Option<VerificationError>) -> CheckStatus {
    match error {
        None => CheckStatus::Verified,
        Some(_) => CheckStatus::Unverified,
    }
}

fn file(files: &[File], purpose: ImagePurpose) -> Option<String> {
    files
        .iter()
        .find(|file| file.purpose() == purpose)
        .map(|file| file.id.clone())
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
    use proto::identity::v1::{Date, DocumentOptions, VerificationSessionOptions};

    use super::*;

    fn session(selfie: bool) -> VerificationSession {
        let document = DocumentOptions {
            require_matching_selfie: selfie,
            ..DocumentOptions::default()
        };
        VerificationSession {
            id: "vs_1".to_owned(),
            livemode: true,
            client_reference_id: Some("reference".to_owned()),
            options: Some(VerificationSessionOptions {
                document: Some(document),
                ..Default::default()
            }),
            ..VerificationSession::default()
        }
    }

    fn files() -> Vec<File> {
        [
            (ImagePurpose::Selfie, "file_s"),
            (ImagePurpose::DocumentBack, "file_b"),
            (ImagePurpose::DocumentFront, "file_f"),
        ]
        .into_iter()
        .map(|(purpose, id)| File {
            id: id.to_owned(),
            purpose: purpose.into(),
            ..File::default()
        })
        .collect()
    }

    fn error(code: VerificationErrorCode) -> Option<VerificationError> {
        Some(VerificationError {
            code: code.into(),
            reason: "why".to_owned(),
        })
    }

    fn document(failure: Option<VerificationError>) -> Option<CheckDocumentResponse> {
        let document = DocumentReport {
            status: status(&failure).into(),
            error: failure,
            dob: Some(Date {
                day: Some(12),
                month: Some(8),
                year: Some(1974),
            }),
            first_name: Some("ANNA MARIA".to_owned()),
            last_name: Some("ERIKSSON".to_owned()),
            files: vec!["file_f".to_owned()],
            ..DocumentReport::default()
        };
        Some(CheckDocumentResponse {
            document: Some(document),
            insights: Some(Default::default()),
        })
    }

    fn selfie(failure: Option<VerificationError>) -> Option<CheckSelfieResponse> {
        let selfie = SelfieReport {
            status: status(&failure).into(),
            error: failure,
            document: Some("file_f".to_owned()),
            selfie: Some("file_s".to_owned()),
        };
        Some(CheckSelfieResponse {
            selfie: Some(selfie),
            insights: Some(Default::default()),
        })
    }

    fn run(
        with_selfie: bool,
        document: Option<CheckDocumentResponse>,
        selfie: Option<CheckSelfieResponse>,
    ) -> (VerificationReport, Result<VerifiedOutputs, VerificationErrorCode>) {
        let created = prost_types::Timestamp { seconds: 1, nanos: 0 };
        let findings = Findings {
            document,
            selfie,
            timings: Vec::new(),
        };
        let outcome = assemble("vr_1".to_owned(), created, &session(with_selfie), 3, &files(), findings);
        (outcome.report, outcome.verdict.map_err(|error| error.code()))
    }

    #[test]
    fn every_combination_of_outcomes() {
        use VerificationErrorCode as Code;
        let (expired, mismatch) = (error(Code::DocumentExpired), error(Code::SelfieFaceMismatch));
        let cases = [
            (false, document(None), None, None),
            (false, document(None), selfie(mismatch.clone()), None),
            (false, document(expired.clone()), None, Some(Code::DocumentExpired)),
            (false, None, selfie(None), Some(Code::DocumentUnverifiedOther)),
            (true, document(None), selfie(None), None),
            (
                true,
                document(None),
                selfie(mismatch.clone()),
                Some(Code::SelfieFaceMismatch),
            ),
            (true, document(None), None, Some(Code::SelfieUnverifiedOther)),
            (
                true,
                document(expired.clone()),
                selfie(mismatch.clone()),
                Some(Code::DocumentExpired),
            ),
            (true, document(expired), None, Some(Code::DocumentExpired)),
            (true, None, selfie(mismatch), Some(Code::DocumentUnverifiedOther)),
            (true, None, None, Some(Code::DocumentUnverifiedOther)),
        ];
        for (index, (with_selfie, document, selfie, expected)) in cases.into_iter().enumerate() {
            let (report, verdict) = run(with_selfie, document, selfie);
            assert_eq!(verdict.err(), expected, "case {index}");
            assert_eq!(report.selfie.is_some(), with_selfie, "case {index}");
            let document = report.document.expect("always reported");
            assert_eq!(
                document.error.is_none(),
                document.status() == CheckStatus::Verified,
                "case {index}"
            );
        }
    }

    #[test]
    fn a_status_without_reason_is_not_a_pass() {
        let unsaid = CheckDocumentResponse {
            document: Some(DocumentReport::default()),
            insights: None,
        };
        let (report, verdict) = run(false, Some(unsaid), None);
        assert_eq!(verdict.err(), Some(VerificationErrorCode::DocumentUnverifiedOther));
        assert_eq!(report.document.expect("reported").status(), CheckStatus::Unverified);
        let empty = CheckSelfieResponse::default();
        let (_, verdict) = run(true, document(None), Some(empty));
        assert_eq!(verdict.err(), Some(VerificationErrorCode::SelfieUnverifiedOther));
    }

    #[test]
    fn a_verified_status_with_an_error_is_not_a_pass() {
        let mut answer = document(error(VerificationErrorCode::DocumentExpired));
        if let Some(document) = answer.as_mut().and_then(|answer| answer.document.as_mut()) {
            document.set_status(CheckStatus::Verified);
        }
        let (report, verdict) = run(false, answer, None);
        assert_eq!(verdict.err(), Some(VerificationErrorCode::DocumentExpired));
        assert_eq!(report.document.expect("reported").status(), CheckStatus::Unverified);
    }

    #[test]
    fn fills_the_report() {
        let (report, verdict) = run(true, document(None), selfie(None));
        assert_eq!((report.id.as_str(), report.livemode), ("vr_1", true));
        assert_eq!(report.verification_session.as_deref(), Some("vs_1"));
        assert_eq!(report.client_reference_id.as_deref(), Some("reference"));
        assert!(
            report
                .options
                .and_then(|options| options.document)
                .is_some_and(|options| options.require_matching_selfie)
        );
        let insights = report.insights.expect("insights");
        assert_eq!(insights.attempt, 3);
        assert!(insights.document.is_some() && insights.selfie.is_some());
        let outputs = verdict.expect("verified");
        assert_eq!(outputs.first_name.as_deref(), Some("ANNA MARIA"));
        assert_eq!(outputs.dob.and_then(|dob| dob.year), Some(1974));
        assert_eq!(outputs.id_number, None);
    }

    #[test]
    fn a_check_that_did_not_run_still_names_its_pictures() {
        let (report, _) = run(true, None, None);
        assert_eq!(report.document.expect("reported").files, ["file_f", "file_b"]);
        let selfie = report.selfie.expect("reported");
        assert_eq!(selfie.selfie.as_deref(), Some("file_s"));
        assert_eq!(selfie.error.expect("failed").reason, NOT_CARRIED_OUT);
    }
}
