//! Test mode: an outcome that was chosen becomes a report, as if the checks had found it. Pure.
//!
//! Nothing that such a report states was seen. Its person is the one of the specimens of ICAO Doc 9303-4, who is a citizen of Utopia, and
//! its values are always the same. It has no insights of checks, for there were none.

use proto::identity::v1::{
    CheckStatus, Date, DocumentOptions, DocumentReport, DocumentType, EmailReport, File, IdNumberReport, IdNumberType,
    ImagePurpose, PhoneReport, SelfieReport, Sex, VerificationError, VerificationErrorCode as Code, VerificationReport,
    VerificationSession,
};

use crate::assemble::{Outcome, blank, file, outputs};
use crate::last_error::error_of;

const FIRST_NAME: &str = "ANNA MARIA";
const LAST_NAME: &str = "ERIKSSON";
const BORN: Date = date(12, 8, 1974);

/// As that of the specimen must have been.
const ISSUED: Date = date(16, 4, 2002);

/// Of the specimen itself, and long after it.
const EXPIRED: Date = date(15, 4, 2012);
const EXPIRES: Date = date(15, 4, 2099);

/// Reserved for examples (RFC 2606) and for fiction (North American Numbering Plan), where the backend names none.
const EMAIL: &str = "anna.maria.eriksson@example.org";
const PHONE: &str = "+12025550100";

const fn date(day: i32, month: i32, year: i32) -> Date {
    Date {
        day: Some(day),
        month: Some(month),
        year: Some(year),
    }
}

/// Makes the report of an attempt that is to end with `code`; verified where that is unspecified.
///
/// `id` and `created` are the report's; `files` are the pictures that were submitted, if any.
pub fn simulate(
    id: String,
    created: prost_types::Timestamp,
    session: &VerificationSession,
    attempt: u32,
    files: &[File],
    code: Code,
) -> Outcome {
    let options = session.options.as_ref().and_then(|options| options.document.as_ref());
    let wants_selfie = options.is_some_and(|options| options.require_matching_selfie);
    let error = error_of(code);
    let mut report = VerificationReport {
        document: Some(document(options, files)),
        selfie: wants_selfie.then(|| selfie(files)),
        ..blank(id, created, session, attempt)
    };
    // A check that fails is there although the session's options do not ask for it: so every code can come.
    match code {
        Code::Unspecified => {}
        Code::DocumentExpired => fail_document(&mut report, &error, |document| {
            document.expiration_date = Some(EXPIRED);
        }),
        Code::DocumentTypeNotSupported => fail_document(&mut report, &error, |document| {
            document.set_type(not_allowed(options));
        }),
        // What could not be read is not stated.
        Code::DocumentUnverifiedOther => fail_document(&mut report, &error, |document| {
            *document = DocumentReport {
                files: std::mem::take(&mut document.files),
                ..DocumentReport::default()
            };
        }),
        // Codes for sessions only. No age is stated beside them.
        Code::CountryNotSupported
        | Code::UnderSupportedAge
        | Code::Abandoned
        | Code::ConsentDeclined
        | Code::DeviceNotSupported => {
            let other = error.clone().map(|error| VerificationError {
                code: Code::DocumentUnverifiedOther.into(),
                ..error
            });
            fail_document(&mut report, &other, |document| document.dob = None);
        }
        Code::SelfieDocumentMissingPhoto
        | Code::SelfieFaceMismatch
        | Code::SelfieManipulated
        | Code::SelfieUnverifiedOther => {
            let document = file(files, ImagePurpose::DocumentFront);
            report.selfie = Some(SelfieReport {
                status: CheckStatus::Unverified.into(),
                error: error.clone(),
                document: document.filter(|_| code != Code::SelfieDocumentMissingPhoto),
                ..selfie(files)
            });
        }
        Code::IdNumberInsufficientDocumentData | Code::IdNumberMismatch | Code::IdNumberUnverifiedOther => {
            report.id_number = Some(IdNumberReport {
                status: CheckStatus::Unverified.into(),
                error: error.clone(),
                dob: Some(BORN),
                first_name: Some(FIRST_NAME.to_owned()),
                id_number: Some("0000".to_owned()),
                id_number_type: IdNumberType::UsSsn.into(),
                last_name: Some(LAST_NAME.to_owned()),
            });
        }
        Code::EmailUnverifiedOther | Code::EmailVerificationDeclined => {
            let provided = session
                .provided_details
                .as_ref()
                .and_then(|details| details.email.clone());
            report.email = Some(EmailReport {
                status: CheckStatus::Unverified.into(),
                error: error.clone(),
                email: provided.or_else(|| Some(EMAIL.to_owned())),
            });
        }
        Code::PhoneUnverifiedOther | Code::PhoneVerificationDeclined => {
            let provided = session
                .provided_details
                .as_ref()
                .and_then(|details| details.phone.clone());
            report.phone = Some(PhoneReport {
                status: CheckStatus::Unverified.into(),
                error: error.clone(),
                phone: provided.or_else(|| Some(PHONE.to_owned())),
            });
        }
    }
    let verdict = match (error, &report.document) {
        (Some(error), _) => Err(error),
        (None, document) => Ok(document.as_ref().map(outputs).unwrap_or_default()),
    };
    Outcome { report, verdict }
}

/// Changes what the document states, and lets it fail.
fn fail_document(
    report: &mut VerificationReport,
    error: &Option<VerificationError>,
    change: impl FnOnce(&mut DocumentReport),
) {
    let document = report.document.get_or_insert_default();
    change(document);
    document.error.clone_from(error);
    document.set_status(CheckStatus::Unverified);
}

/// A document that passes, of a type that is allowed. It states what those state that are read.
fn document(options: Option<&DocumentOptions>, files: &[File]) -> DocumentReport {
    let allowed = options.and_then(|options| options.allowed_types().next());
    let sides = [ImagePurpose::DocumentFront, ImagePurpose::DocumentBack];
    DocumentReport {
        status: CheckStatus::Verified.into(),
        dob: Some(BORN),
        expiration_date: Some(EXPIRES),
        files: sides.into_iter().filter_map(|side| file(files, side)).collect(),
        first_name: Some(FIRST_NAME.to_owned()),
        issued_date: Some(ISSUED),
        issuing_country: Some("UTO".to_owned()),
        last_name: Some(LAST_NAME.to_owned()),
        number: Some("L898902C3".to_owned()),
        sex: Sex::Female.into(),
        r#type: allowed.unwrap_or(DocumentType::Passport).into(),
        unparsed_place_of_birth: Some("ZENITH".to_owned()),
        unparsed_sex: Some("F".to_owned()),
        ..DocumentReport::default()
    }
}

/// A selfie that passes.
fn selfie(files: &[File]) -> SelfieReport {
    SelfieReport {
        status: CheckStatus::Verified.into(),
        document: file(files, ImagePurpose::DocumentFront),
        selfie: file(files, ImagePurpose::Selfie),
        ..SelfieReport::default()
    }
}

/// A type that the options refuse; where they refuse none, one that nobody knows.
fn not_allowed(options: Option<&DocumentOptions>) -> DocumentType {
    let all = [
        DocumentType::Passport,
        DocumentType::IdCard,
        DocumentType::DrivingLicense,
    ];
    let allowed: Vec<_> = options.map_or(Vec::new(), |options| options.allowed_types().collect());
    let refused = all
        .into_iter()
        .find(|kind| !allowed.is_empty() && !allowed.contains(kind));
    refused.unwrap_or(DocumentType::Unspecified)
}

#[cfg(test)]
mod tests {
    use proto::identity::v1::{ProvidedDetails, VerificationSessionOptions};

    use super::*;

    fn session(document: DocumentOptions) -> VerificationSession {
        VerificationSession {
            id: "vs_1".to_owned(),
            options: Some(VerificationSessionOptions {
                document: Some(document),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn run(session: &VerificationSession, files: &[File], code: Code) -> Outcome {
        let created = prost_types::Timestamp { seconds: 1, nanos: 0 };
        simulate("vr_1".to_owned(), created, session, 2, files, code)
    }

    fn codes() -> impl Iterator<Item = Code> {
        (1..).map_while(|number| Code::try_from(number).ok())
    }

    /// Each check of a report with its error.
    fn checks(report: &VerificationReport) -> Vec<(&'static str, CheckStatus, Option<Code>)> {
        let code = |error: &Option<VerificationError>| error.as_ref().map(VerificationError::code);
        let document = report.document.as_ref();
        let selfie = report.selfie.as_ref();
        let id_number = report.id_number.as_ref();
        let (email, phone) = (report.email.as_ref(), report.phone.as_ref());
        [
            document.map(|check| ("document", check.status(), code(&check.error))),
            selfie.map(|check| ("selfie", check.status(), code(&check.error))),
            id_number.map(|check| ("id_number", check.status(), code(&check.error))),
            email.map(|check| ("email", check.status(), code(&check.error))),
            phone.map(|check| ("phone", check.status(), code(&check.error))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    #[test]
    fn each_code_fails_the_check_that_it_is_of() {
        assert_eq!(codes().count(), 19);
        for code in codes() {
            let outcome = run(&session(DocumentOptions::default()), &[], code);
            let error = outcome.verdict.expect_err("chosen");
            assert_eq!(error.code(), code);
            assert!(error.reason.ends_with('.') && !error.reason.contains("  "), "{code:?}");
            let name = code
                .as_str_name()
                .trim_start_matches("VERIFICATION_ERROR_CODE_")
                .to_lowercase();
            let failed: Vec<_> = checks(&outcome.report)
                .into_iter()
                .filter(|(_, status, _)| *status == CheckStatus::Unverified)
                .collect();
            let [(check, _, Some(of_check))] = failed[..] else {
                panic!("{code:?}: {failed:?}")
            };
            if of_check == code {
                assert!(name.starts_with(check), "{code:?} stands at {check}");
            } else {
                // For sessions only.
                assert_eq!(
                    (check, of_check),
                    ("document", Code::DocumentUnverifiedOther),
                    "{code:?}"
                );
                assert!(i32::from(code) >= i32::from(Code::Abandoned), "{code:?}");
            }
        }
    }

    #[test]
    fn a_verified_report_states_the_person_of_the_specimen_and_nothing_that_was_measured() {
        let outcome = run(&session(DocumentOptions::default()), &[], Code::Unspecified);
        assert_eq!(checks(&outcome.report), [("document", CheckStatus::Verified, None)]);
        let document = outcome.report.document.expect("checked");
        assert_eq!(document.issuing_country.as_deref(), Some("UTO"));
        assert_eq!((document.r#type(), document.dob), (DocumentType::Passport, Some(BORN)));
        let outputs = outcome.verdict.expect("verified");
        assert_eq!(outputs.last_name.as_deref(), Some("ERIKSSON"));
        assert_eq!(outputs.dob, Some(BORN));
        assert_eq!(outcome.report.verification_session.as_deref(), Some("vs_1"));
        let insights = outcome.report.insights.expect("always there");
        assert_eq!((insights.attempt, insights.timings.len()), (2, 0));
        assert!(insights.document.is_none() && insights.selfie.is_none());
    }

    #[test]
    fn what_the_backend_gave_and_the_person_uploaded_stands_in_the_report() {
        let wanted = DocumentOptions {
            allowed_types: vec![DocumentType::IdCard.into()],
            require_matching_selfie: true,
            ..DocumentOptions::default()
        };
        let mut session = session(wanted);
        session.provided_details = Some(ProvidedDetails {
            email: Some("given@example.com".to_owned()),
            phone: None,
        });
        let files: Vec<_> = [
            (ImagePurpose::DocumentFront, "file_f"),
            (ImagePurpose::Selfie, "file_s"),
        ]
        .map(|(purpose, id)| File {
            id: id.to_owned(),
            purpose: purpose.into(),
            ..File::default()
        })
        .into();
        let report = run(&session, &files, Code::EmailUnverifiedOther).report;
        assert_eq!(
            report.email.expect("failed").email.as_deref(),
            Some("given@example.com")
        );
        let selfie = report.selfie.expect("asked for");
        assert_eq!(selfie.document.as_deref(), Some("file_f"));
        assert_eq!(selfie.selfie.as_deref(), Some("file_s"));
        let document = report.document.expect("checked");
        assert_eq!(
            (document.r#type(), document.files.as_slice()),
            (DocumentType::IdCard, &["file_f".to_owned()][..])
        );

        let report = run(&session, &files, Code::PhoneVerificationDeclined).report;
        assert_eq!(report.phone.expect("failed").phone.as_deref(), Some(PHONE));
        let report = run(&session, &files, Code::SelfieDocumentMissingPhoto).report;
        assert_eq!(report.selfie.expect("failed").document, None);
        let document = run(&session, &files, Code::DocumentTypeNotSupported).report.document;
        assert_eq!(document.expect("failed").r#type(), DocumentType::Passport);
        let document = run(&session, &files, Code::DocumentUnverifiedOther)
            .report
            .document
            .expect("failed");
        assert!(document.first_name.is_none() && document.number.is_none());
        assert_eq!(document.files, ["file_f"]);
    }
}
