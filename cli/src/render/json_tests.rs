use proto::identity::v1::{
    DocumentField, EmailOptions, MachineReadableZone, ProvidedDetails, ReportInsights, SessionInsights,
    VerificationReportOptions, document_field,
};
use serde_json::json;

use super::*;

const CREATED: Timestamp = Timestamp {
    seconds: 1_800_000_000,
    nanos: 999_000_000,
};

fn day(year: i32, month: i32, day: i32) -> Option<Date> {
    Some(Date {
        day: Some(day),
        month: Some(month),
        year: Some(year),
    })
}

fn mismatch() -> Option<VerificationError> {
    Some(VerificationError {
        code: VerificationErrorCode::SelfieFaceMismatch.into(),
        reason: "The face does not match.".to_owned(),
    })
}

#[test]
fn a_session_is_rendered_to_the_letter() {
    let rendered = session(&VerificationSession {
        id: "vs_1".to_owned(),
        client_reference_id: Some("order-7".to_owned()),
        created: Some(CREATED),
        last_error: mismatch(),
        last_verification_report: Some("vr_1".to_owned()),
        livemode: true,
        metadata: [("shop".to_owned(), "12".to_owned())].into(),
        options: Some(VerificationSessionOptions {
            document: Some(DocumentOptions {
                allowed_types: vec![DocumentType::Passport.into(), DocumentType::IdCard.into()],
                require_matching_selfie: true,
                ..DocumentOptions::default()
            }),
            email: Some(EmailOptions {
                require_verification: true,
            }),
            ..VerificationSessionOptions::default()
        }),
        provided_details: Some(ProvidedDetails {
            email: Some("a@example.com".to_owned()),
            phone: None,
        }),
        status: VerificationSessionStatus::RequiresInput.into(),
        r#type: VerificationType::Document.into(),
        insights: Some(SessionInsights {
            attempts: 1,
            files: vec![File {
                id: "file_1".to_owned(),
                purpose: ImagePurpose::DocumentFront.into(),
                size: 7,
                created: Some(CREATED),
                ..File::default()
            }],
            redaction: None,
        }),
        ..VerificationSession::default()
    });
    let expected = json!({
        "id": "vs_1",
        "object": "identity.verification_session",
        "client_reference_id": "order-7",
        "client_secret": null,
        "created": 1_800_000_000,
        "last_error": { "code": "selfie_face_mismatch", "reason": "The face does not match." },
        "last_verification_report": "vr_1",
        "livemode": true,
        "metadata": { "shop": "12" },
        "options": {
            "document": { "allowed_types": ["passport", "id_card"], "require_matching_selfie": true },
            "email": { "require_verification": true },
        },
        "provided_details": { "email": "a@example.com" },
        "redaction": null,
        "related_customer": null,
        "related_customer_account": null,
        "status": "requires_input",
        "type": "document",
        "url": null,
        "verified_outputs": null,
        "insights": {
            "attempts": 1,
            "files": [{ "id": "file_1", "created": 1_800_000_000, "purpose": "document_front", "size": 7 }],
        },
    });
    assert_eq!(rendered, expected);
}

#[test]
fn a_report_is_rendered_to_the_letter() {
    let step = |step: &str, nanos| Timing {
        step: step.to_owned(),
        duration: Some(prost_types::Duration { seconds: 1, nanos }),
    };
    let rendered = report(&VerificationReport {
        id: "vr_1".to_owned(),
        created: Some(CREATED),
        livemode: true,
        r#type: VerificationType::Document.into(),
        verification_session: Some("vs_1".to_owned()),
        options: Some(VerificationReportOptions {
            document: Some(DocumentOptions::default()),
            id_number: None,
        }),
        document: Some(DocumentReport {
            status: CheckStatus::Verified.into(),
            dob: day(1974, 8, 12),
            expiration_date: day(2032, 4, 15),
            files: vec!["file_1".to_owned()],
            first_name: Some("ANNA MARIA".to_owned()),
            issuing_country: Some("UTO".to_owned()),
            last_name: Some("ERIKSSON".to_owned()),
            number: Some("L898902C3".to_owned()),
            sex: Sex::Female.into(),
            r#type: DocumentType::Passport.into(),
            ..DocumentReport::default()
        }),
        selfie: Some(SelfieReport {
            status: CheckStatus::Unverified.into(),
            error: mismatch(),
            document: Some("file_1".to_owned()),
            selfie: Some("file_2".to_owned()),
        }),
        insights: Some(ReportInsights {
            attempt: 2,
            document: Some(DocumentInsights {
                fields: vec![DocumentField {
                    name: "dob".into(),
                    probability: 0.5,
                    check_digit: true,
                    print: document_field::Print::NotSeen.into(),
                    unseen_positions: 2,
                    repaired_positions: 1,
                }],
                machine_readable_zone: Some(MachineReadableZone {
                    format: Format::Td3.into(),
                    check_digits_valid: true,
                    corrected_characters: 1,
                    confidence: 0.5,
                    file: "file_1".to_owned(),
                    rotation: 90,
                }),
                checks: vec![
                    CheckDetail {
                        name: "one".to_owned(),
                        outcome: Outcome::Passed.into(),
                        reason: String::new(),
                    },
                    CheckDetail {
                        name: "two".to_owned(),
                        outcome: Outcome::NotAvailable.into(),
                        reason: "no model".to_owned(),
                    },
                ],
                timings: vec![],
                models: vec![ModelUse {
                    name: "sface".to_owned(),
                    sha256: "ab".to_owned(),
                }],
            }),
            selfie: None,
            timings: vec![step("check_document", 500_000)],
        }),
        ..VerificationReport::default()
    });
    let expected = json!({
        "id": "vr_1",
        "object": "identity.verification_report",
        "client_reference_id": null,
        "created": 1_800_000_000,
        "livemode": true,
        "type": "document",
        "verification_session": "vs_1",
        "options": { "document": {} },
        "document": {
            "address": null,
            "dob": { "day": 12, "month": 8, "year": 1974 },
            "error": null,
            "expiration_date": { "day": 15, "month": 4, "year": 2032 },
            "files": ["file_1"],
            "first_name": "ANNA MARIA",
            "issued_date": null,
            "issuing_country": "UTO",
            "last_name": "ERIKSSON",
            "number": "L898902C3",
            "sex": "female",
            "status": "verified",
            "type": "passport",
            "unparsed_place_of_birth": null,
            "unparsed_sex": null,
        },
        "selfie": {
            "document": "file_1",
            "error": { "code": "selfie_face_mismatch", "reason": "The face does not match." },
            "selfie": "file_2",
            "status": "unverified",
        },
        "insights": {
            "attempt": 2,
            "document": {
                "machine_readable_zone": {
                    "format": "td3",
                    "check_digits_valid": true,
                    "corrected_characters": 1,
                    "confidence": 0.5,
                    "file": "file_1",
                    "rotation": 90,
                },
                "fields": [{
                    "name": "dob",
                    "probability": 0.5,
                    "check_digit": true,
                    "print": "not_seen",
                    "unseen_positions": 2,
                    "repaired_positions": 1,
                }],
                "checks": [
                    { "name": "one", "outcome": "passed", "reason": null },
                    { "name": "two", "outcome": "not_available", "reason": "no model" },
                ],
                "timings": [],
                "models": [{ "name": "sface", "sha256": "ab" }],
            },
            "timings": [{ "step": "check_document", "duration_ms": 1000.5 }],
        },
    });
    assert_eq!(rendered, expected);
}
