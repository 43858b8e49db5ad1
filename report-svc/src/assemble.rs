//! What the checks answered becomes a report, the session's outcome, and what was verified. Pure.
//!
//! The session's options say which checks decide: the document always, the selfie when a matching selfie is required. A check
//! that should have run and did not counts as failed. The first failing check, document before selfie, gives the session its
//! `last_error`. Some codes are for sessions only: of a document that fails with one of these, the report says
//! `document_unverified_other`, and the check says beside it what the session is to say.
//!
//! Neither check sees the other's answer: that the portrait and the zone are of one document is decided here.

use proto::document::v1::CheckDocumentResponse;
use proto::identity::v1::check_detail::Outcome as Tested;
use proto::identity::v1::machine_readable_zone::Format;
use proto::identity::v1::{
    CheckDetail, CheckStatus, DocumentReport, File, ImagePurpose, MachineReadableZone, ReportInsights, SelfieReport,
    Timing, VerificationError, VerificationErrorCode, VerificationReport, VerificationReportOptions,
    VerificationSession, VerifiedOutputs,
};
use proto::selfie::v1::CheckSelfieResponse;

/// Shown to the person when a check could not be carried out.
const NOT_CARRIED_OUT: &str = "The checks could not be carried out. Please try again.";

/// Shown to the person when a check failed without saying why.
const NOT_VERIFIED: &str = "The check did not pass. Please try again.";

/// Shown to the person when the portrait comes from another picture than the zone that should stand below it.
const NOT_ONE_PAGE: &str =
    "The photo is not on the page with the machine-readable lines. Please take one picture of the page that has both.";

/// Name of the test that portrait and zone stand on one page.
const ONE_PAGE: &str = "portrait_and_zone_on_one_page";

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
    let (document, document_insights, session_error) = match findings.document {
        Some(answer) => (answer.document, answer.insights, answer.session_error),
        None => (None, None, None),
    };
    let document = document_report(document, session_error.as_ref(), files);
    let mut verdict = match (&document.error, session_error) {
        (None, _) => Ok(outputs(&document)),
        (Some(error), None) => Err(error.clone()),
        (Some(_), Some(error)) => Err(error),
    };

    let (mut selfie, mut selfie_insights) = (None, None);
    let options = session.options.as_ref().and_then(|options| options.document.as_ref());
    if options.is_some_and(|options| options.require_matching_selfie) {
        let (answer, insights) = match findings.selfie {
            Some(answer) => (answer.selfie, answer.insights),
            None => (None, None),
        };
        let mut report = selfie_report(answer, files);
        let mut insights = insights.unwrap_or_default();
        let zone = document_insights
            .as_ref()
            .and_then(|found| found.machine_readable_zone.as_ref());
        insights.checks.push(one_page(&mut report, zone));
        if let (Ok(_), Some(error)) = (&verdict, &report.error) {
            verdict = Err(error.clone());
        }
        (selfie, selfie_insights) = (Some(report), Some(insights));
    }

    let report = VerificationReport {
        document: Some(document),
        selfie,
        insights: Some(ReportInsights {
            attempt,
            document: document_insights,
            selfie: selfie_insights,
            timings: findings.timings,
        }),
        ..blank(id, created, session, attempt)
    };
    Outcome { report, verdict }
}

/// A report of one attempt, before anything was checked.
pub(crate) fn blank(
    id: String,
    created: prost_types::Timestamp,
    session: &VerificationSession,
    attempt: u32,
) -> VerificationReport {
    let options = session.options.clone().unwrap_or_default();
    VerificationReport {
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
        insights: Some(ReportInsights {
            attempt,
            ..ReportInsights::default()
        }),
        ..VerificationReport::default()
    }
}

fn document_report(
    answer: Option<DocumentReport>,
    session_error: Option<&VerificationError>,
    files: &[File],
) -> DocumentReport {
    let ran = answer.is_some();
    let mut document = answer.unwrap_or_default();
    let other = VerificationErrorCode::DocumentUnverifiedOther;
    // A session must not fail for its document without its document failing.
    let error = document.error.take().or_else(|| {
        let reason = session_error?.reason.clone();
        let code = other.into();
        Some(VerificationError { code, reason })
    });
    document.error = failure(ran, document.status(), error, other);
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

fn selfie_report(answer: Option<SelfieReport>, files: &[File]) -> SelfieReport {
    let ran = answer.is_some();
    let mut selfie = answer.unwrap_or_default();
    let other = VerificationErrorCode::SelfieUnverifiedOther;
    selfie.error = failure(ran, selfie.status(), selfie.error.take(), other);
    selfie.set_status(status(&selfie.error));
    let missing = VerificationErrorCode::SelfieDocumentMissingPhoto;
    if selfie.error.as_ref().is_some_and(|error| error.code() == missing) {
        selfie.document = None;
    }
    selfie.selfie = selfie.selfie.take().or_else(|| file(files, ImagePurpose::Selfie));
    selfie
}

/// Tests that the portrait is of the document whose zone was read: whoever holds another's passport must not put a picture of
/// himself beside it. Where ICAO Doc 9303 puts both on one page (parts 4, 6 and 7), both must come from one picture. A TD1 card
/// has them on its two sides (part 5), and nothing in two pictures shows that they are of one card.
fn one_page(selfie: &mut SelfieReport, zone: Option<&MachineReadableZone>) -> CheckDetail {
    let tested = |outcome: Tested, reason: &str| CheckDetail {
        name: ONE_PAGE.to_owned(),
        outcome: outcome.into(),
        reason: reason.to_owned(),
    };
    let Some(zone) = zone else {
        return tested(Tested::NotAvailable, "no machine-readable zone was found");
    };
    match zone.format() {
        Format::Td3 | Format::Td2 | Format::MrvA | Format::MrvB => {}
        Format::Td1 => return tested(Tested::NotAvailable, "the document carries them on different sides"),
        Format::Unspecified => return tested(Tested::NotAvailable, "the format of the document is not known"),
    }
    if selfie.document.as_ref() == Some(&zone.file) {
        return tested(Tested::Passed, "");
    }
    // Also where the check itself says that it passed, but not with which portrait.
    selfie.error.get_or_insert_with(|| VerificationError {
        code: VerificationErrorCode::SelfieDocumentMissingPhoto.into(),
        reason: NOT_ONE_PAGE.to_owned(),
    });
    selfie.set_status(CheckStatus::Unverified);
    match selfie.document {
        Some(_) => tested(
            Tested::Failed,
            "the portrait was not found in the picture that the zone was read from",
        ),
        None => tested(Tested::NotAvailable, "no portrait was found"),
    }
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

/// The id of the picture of this purpose.
pub(crate) fn file(files: &[File], purpose: ImagePurpose) -> Option<String> {
    files
        .iter()
        .find(|file| file.purpose() == purpose)
        .map(|file| file.id.clone())
}

/// What is verified of a document that passed.
pub(crate) fn outputs(document: &DocumentReport) -> VerifiedOutputs {
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
            session_error: None,
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
            ..CheckSelfieResponse::default()
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
            ..CheckDocumentResponse::default()
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
    fn codes_for_sessions_only_stay_out_of_the_report() {
        use VerificationErrorCode::{
            CountryNotSupported, DocumentUnverifiedOther, SelfieFaceMismatch, UnderSupportedAge,
        };
        for code in [CountryNotSupported, UnderSupportedAge] {
            // Also where the document's own report does not say that it failed.
            for own in [error(DocumentUnverifiedOther), None] {
                let mut answer = document(own);
                answer.as_mut().expect("set").session_error = error(code);
                let (report, verdict) = run(true, answer, selfie(error(SelfieFaceMismatch)));
                assert_eq!(verdict.err(), Some(code));
                let document = report.document.expect("reported");
                assert_eq!(document.status(), CheckStatus::Unverified);
                let error = document.error.expect("failed");
                assert_eq!((error.code(), error.reason.as_str()), (DocumentUnverifiedOther, "why"));
            }
        }
    }

    /// The verdict, and how the test of one page ended, for a portrait and a zone from these pictures.
    fn pages(
        format: Format,
        zone: &str,
        portrait: Option<&str>,
        selfie_failure: Option<VerificationError>,
    ) -> (Option<VerificationErrorCode>, Tested) {
        let (mut document, mut selfie) = (document(None), selfie(selfie_failure));
        let insights = document.as_mut().and_then(|answer| answer.insights.as_mut());
        insights.expect("set").machine_readable_zone = Some(MachineReadableZone {
            format: format.into(),
            file: zone.to_owned(),
            ..MachineReadableZone::default()
        });
        let report = selfie.as_mut().and_then(|answer| answer.selfie.as_mut());
        report.expect("set").document = portrait.map(str::to_owned);
        let (report, verdict) = run(true, document, selfie);
        let insights = report.insights.and_then(|insights| insights.selfie).expect("set");
        let test = insights
            .checks
            .iter()
            .find(|check| check.name == ONE_PAGE)
            .expect("made");
        assert_eq!(test.outcome() == Tested::Passed, test.reason.is_empty());
        assert_eq!(
            report.selfie.expect("reported").status() == CheckStatus::Verified,
            verdict.is_ok()
        );
        (verdict.err(), test.outcome())
    }

    #[test]
    fn a_portrait_from_beside_the_document_is_not_the_documents() {
        use VerificationErrorCode::{SelfieDocumentMissingPhoto as Missing, SelfieFaceMismatch as Mismatch};
        for format in [Format::Td3, Format::Td2, Format::MrvA, Format::MrvB] {
            assert_eq!(pages(format, "file_b", Some("file_b"), None), (None, Tested::Passed));
            for (portrait, outcome) in [(Some("file_f"), Tested::Failed), (None, Tested::NotAvailable)] {
                assert_eq!(
                    pages(format, "file_b", portrait, None),
                    (Some(Missing), outcome),
                    "{format:?} {portrait:?}"
                );
            }
        }
        let mismatch = pages(Format::Td3, "file_b", Some("file_f"), error(Mismatch));
        assert_eq!(
            mismatch,
            (Some(Mismatch), Tested::Failed),
            "the check's own failure stays"
        );
    }

    #[test]
    fn a_portrait_that_is_missing_is_on_no_page() {
        use VerificationErrorCode::SelfieDocumentMissingPhoto as Missing;
        for format in [Format::Td3, Format::Td1] {
            let (verdict, outcome) = pages(format, "file_f", Some("file_f"), error(Missing));
            assert_eq!((verdict, outcome), (Some(Missing), Tested::NotAvailable), "{format:?}");
        }
        let (report, _) = run(true, document(None), selfie(error(Missing)));
        assert_eq!(report.selfie.expect("reported").document, None);
    }

    #[test]
    fn the_two_sides_of_a_card_are_not_said_to_be_of_one_card() {
        let expected = (None, Tested::NotAvailable);
        assert_eq!(pages(Format::Td1, "file_b", Some("file_f"), None), expected);
        assert_eq!(pages(Format::Unspecified, "file_b", Some("file_f"), None), expected);
        let (report, _) = run(true, document(None), selfie(None));
        let checks = report
            .insights
            .and_then(|insights| insights.selfie)
            .expect("set")
            .checks;
        assert_eq!(
            checks.last().map(CheckDetail::outcome),
            Some(Tested::NotAvailable),
            "without a zone"
        );
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
        let insights = report.insights.and_then(|insights| insights.selfie).expect("set");
        assert_eq!((insights.threshold, insights.false_match_rate), (None, None));
    }
}
