//! Sessions and reports as JSON, with the field names and values of the identity API.
//!
//! Where the API calls a field nullable, the field is `null` when it is empty; where it calls a field optional only, the field
//! is left out. What Bonafide adds stands under `insights`.

use prost_types::Timestamp;
use proto::identity::v1::check_detail::Outcome;
use proto::identity::v1::document_field::Print;
use proto::identity::v1::machine_readable_zone::Format;
use proto::identity::v1::matching_options::Strictness;
use proto::identity::v1::{
    Address, CheckDetail, CheckStatus, Date, DocumentField, DocumentInsights, DocumentOptions, DocumentReport,
    DocumentType, EmailReport, FaceQuality, File, FileLink, IdNumberReport, IdNumberType, ImagePurpose,
    MatchingOptions, ModelUse, PhoneReport, PresentationAttackDetection, RedactionReceipt, SelfieInsights,
    SelfieReport, Sex, Timing, VerificationError, VerificationErrorCode, VerificationReport, VerificationSession,
    VerificationSessionOptions, VerificationSessionStatus, VerificationType, VerifiedOutputs, redaction,
};
use serde_json::{Value, json};

use super::names::name;

/// A session as `identity.verification_session`.
pub fn session(session: &VerificationSession) -> Value {
    let object = json!({
        "id": session.id,
        "object": "identity.verification_session",
        "client_reference_id": session.client_reference_id,
        "client_secret": session.client_secret,
        "created": unix(session.created.as_ref()),
        "last_error": session.last_error.as_ref().map(error),
        "last_verification_report": match &session.expanded_last_verification_report {
            Some(expanded) => report(expanded),
            None => json!(session.last_verification_report),
        },
        "livemode": session.livemode,
        "metadata": session.metadata,
        "options": session.options.as_ref().map(session_options),
        "provided_details": session.provided_details.as_ref().map(|details| {
            without_absent(json!({ "email": details.email, "phone": details.phone }), &["email", "phone"])
        }),
        "redaction": session.redaction.as_ref().map(|redaction| {
            json!({ "status": name::<redaction::Status>(redaction.status) })
        }),
        "related_customer": session.related_customer,
        "related_customer_account": session.related_customer_account,
        "related_person": session.related_person.as_ref().map(|related| {
            json!({ "account": related.account, "person": related.person })
        }),
        "status": name::<VerificationSessionStatus>(session.status),
        "type": name::<VerificationType>(session.r#type),
        "url": session.url,
        "verification_flow": session.verification_flow,
        "verified_outputs": session.verified_outputs.as_ref().map(verified_outputs),
        "insights": session.insights.as_ref().map(|insights| {
            let insights = json!({
                "attempts": insights.attempts,
                "files": insights.files.iter().map(file).collect::<Vec<_>>(),
                "redaction": insights.redaction.as_ref().map(redaction_receipt),
            });
            without_absent(insights, &["redaction"])
        }),
    });
    without_absent(object, &["related_person", "verification_flow", "insights"])
}

fn redaction_receipt(receipt: &RedactionReceipt) -> Value {
    json!({
        "requested": unix(receipt.requested.as_ref()),
        "completed": unix(receipt.completed.as_ref()),
        "files": receipt.files,
        "reports": receipt.reports,
        "events": receipt.events,
        "idempotency_record": receipt.idempotency_record,
    })
}

/// A report as `identity.verification_report`.
pub fn report(report: &VerificationReport) -> Value {
    let options = report.options.as_ref().map(|options| {
        let options = json!({
            "document": options.document.as_ref().map(document_options),
            "id_number": options.id_number.as_ref().map(|_| json!({})),
        });
        without_absent(options, &["document", "id_number"])
    });
    let insights = report.insights.as_ref().map(|insights| {
        let insights = json!({
            "attempt": insights.attempt,
            "document": insights.document.as_ref().map(document_insights),
            "selfie": insights.selfie.as_ref().map(selfie_insights),
            "timings": timings(&insights.timings),
        });
        without_absent(insights, &["document", "selfie"])
    });
    let object = json!({
        "id": report.id,
        "object": "identity.verification_report",
        "client_reference_id": report.client_reference_id,
        "created": unix(report.created.as_ref()),
        "document": report.document.as_ref().map(document),
        "email": report.email.as_ref().map(email),
        "id_number": report.id_number.as_ref().map(id_number),
        "livemode": report.livemode,
        "options": options,
        "phone": report.phone.as_ref().map(phone),
        "selfie": report.selfie.as_ref().map(selfie),
        "type": name::<VerificationType>(report.r#type),
        "verification_flow": report.verification_flow,
        "verification_session": report.verification_session,
        "insights": insights,
    });
    let optional = [
        "document",
        "email",
        "id_number",
        "options",
        "phone",
        "selfie",
        "verification_flow",
        "insights",
    ];
    without_absent(object, &optional)
}

/// Takes out those of the named fields that are `null`.
fn without_absent(mut object: Value, optional: &[&str]) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.retain(|field, value| !(value.is_null() && optional.contains(&field.as_str())));
    }
    object
}

/// Seconds since 1970.
fn unix(time: Option<&Timestamp>) -> i64 {
    time.map_or(0, |time| time.seconds)
}

fn error(error: &VerificationError) -> Value {
    json!({ "code": name::<VerificationErrorCode>(error.code), "reason": error.reason })
}

fn date(date: &Date) -> Value {
    json!({ "day": date.day, "month": date.month, "year": date.year })
}

fn address(address: &Address) -> Value {
    json!({
        "city": address.city,
        "country": address.country,
        "line1": address.line1,
        "line2": address.line2,
        "postal_code": address.postal_code,
        "state": address.state,
    })
}

fn session_options(options: &VerificationSessionOptions) -> Value {
    let required = |required: bool| {
        required
            .then(|| json!({ "require_verification": true }))
            .unwrap_or(json!({}))
    };
    let object = json!({
        "document": options.document.as_ref().map(document_options),
        "email": options.email.as_ref().map(|email| required(email.require_verification)),
        "id_number": options.id_number.as_ref().map(|_| json!({})),
        "matching": options.matching.as_ref().map(matching_options),
        "phone": options.phone.as_ref().map(|phone| required(phone.require_verification)),
    });
    without_absent(object, &["document", "email", "id_number", "matching", "phone"])
}

fn document_options(options: &DocumentOptions) -> Value {
    let types: Vec<_> = options
        .allowed_types
        .iter()
        .filter_map(|kind| name::<DocumentType>(*kind))
        .collect();
    let object = json!({
        "allowed_types": (!types.is_empty()).then_some(types),
        "require_id_number": options.require_id_number.then_some(true),
        "require_live_capture": options.require_live_capture.then_some(true),
        "require_matching_selfie": options.require_matching_selfie.then_some(true),
    });
    let optional = [
        "allowed_types",
        "require_id_number",
        "require_live_capture",
        "require_matching_selfie",
    ];
    without_absent(object, &optional)
}

fn matching_options(options: &MatchingOptions) -> Value {
    let object = json!({ "dob": name::<Strictness>(options.dob), "name": name::<Strictness>(options.name) });
    without_absent(object, &["dob", "name"])
}

fn verified_outputs(outputs: &VerifiedOutputs) -> Value {
    json!({
        "address": outputs.address.as_ref().map(address),
        "dob": outputs.dob.as_ref().map(date),
        "email": outputs.email,
        "first_name": outputs.first_name,
        "id_number": outputs.id_number,
        "id_number_type": name::<IdNumberType>(outputs.id_number_type),
        "last_name": outputs.last_name,
        "phone": outputs.phone,
        "sex": name::<Sex>(outputs.sex),
        "unparsed_place_of_birth": outputs.unparsed_place_of_birth,
        "unparsed_sex": outputs.unparsed_sex,
    })
}

fn document(document: &DocumentReport) -> Value {
    json!({
        "address": document.address.as_ref().map(address),
        "dob": document.dob.as_ref().map(date),
        "error": document.error.as_ref().map(error),
        "expiration_date": document.expiration_date.as_ref().map(date),
        "files": (!document.files.is_empty()).then_some(&document.files),
        "first_name": document.first_name,
        "issued_date": document.issued_date.as_ref().map(date),
        "issuing_country": document.issuing_country,
        "last_name": document.last_name,
        "number": document.number,
        "sex": name::<Sex>(document.sex),
        "status": name::<CheckStatus>(document.status),
        "type": name::<DocumentType>(document.r#type),
        "unparsed_place_of_birth": document.unparsed_place_of_birth,
        "unparsed_sex": document.unparsed_sex,
    })
}

fn selfie(selfie: &SelfieReport) -> Value {
    json!({
        "document": selfie.document,
        "error": selfie.error.as_ref().map(error),
        "selfie": selfie.selfie,
        "status": name::<CheckStatus>(selfie.status),
    })
}

fn id_number(id_number: &IdNumberReport) -> Value {
    json!({
        "dob": id_number.dob.as_ref().map(date),
        "error": id_number.error.as_ref().map(error),
        "first_name": id_number.first_name,
        "id_number": id_number.id_number,
        "id_number_type": name::<IdNumberType>(id_number.id_number_type),
        "last_name": id_number.last_name,
        "status": name::<CheckStatus>(id_number.status),
    })
}

fn email(email: &EmailReport) -> Value {
    json!({
        "email": email.email,
        "error": email.error.as_ref().map(error),
        "status": name::<CheckStatus>(email.status),
    })
}

fn phone(phone: &PhoneReport) -> Value {
    json!({
        "error": phone.error.as_ref().map(error),
        "phone": phone.phone,
        "status": name::<CheckStatus>(phone.status),
    })
}

/// A picture; with its session and the attempts that used it where it says so.
pub fn file(file: &File) -> Value {
    let object = json!({
        "id": file.id,
        "created": unix(file.created.as_ref()),
        "purpose": name::<ImagePurpose>(file.purpose),
        "size": file.size,
        "verification_session": file.verification_session,
        "attempts": file.verification_session.as_ref().map(|_| &file.attempts),
    });
    without_absent(object, &["verification_session", "attempts"])
}

/// A link as `file_link`.
pub fn file_link(link: &FileLink) -> Value {
    json!({
        "object": "file_link",
        "created": unix(link.created.as_ref()),
        "expires_at": unix(link.expires_at.as_ref()),
        "file": link.file,
        "url": link.url,
    })
}

fn document_insights(insights: &DocumentInsights) -> Value {
    json!({
        "machine_readable_zone": insights.machine_readable_zone.as_ref().map(|zone| json!({
            "format": name::<Format>(zone.format),
            "check_digits_valid": zone.check_digits_valid,
            "corrected_characters": zone.corrected_characters,
            "confidence": zone.confidence,
            "file": zone.file,
            "rotation": zone.rotation,
        })),
        "fields": insights.fields.iter().map(document_field).collect::<Vec<_>>(),
        "checks": checks(&insights.checks),
        "timings": timings(&insights.timings),
        "models": models(&insights.models),
    })
}

fn document_field(field: &DocumentField) -> Value {
    json!({
        "name": field.name,
        "probability": field.probability,
        "check_digit": field.check_digit,
        "print": name::<Print>(field.print),
        "unseen_positions": field.unseen_positions,
        "repaired_positions": field.repaired_positions,
    })
}

fn selfie_insights(insights: &SelfieInsights) -> Value {
    json!({
        "similarity": insights.similarity,
        "threshold": insights.threshold,
        "false_match_rate": insights.false_match_rate,
        "document_face": insights.document_face.as_ref().map(face_quality),
        "selfie_face": insights.selfie_face.as_ref().map(face_quality),
        "checks": checks(&insights.checks),
        "timings": timings(&insights.timings),
        "models": models(&insights.models),
        "document_face_file": insights.document_face_file,
        "selfie_face_file": insights.selfie_face_file,
        "presentation_attack_detection": insights.presentation_attack_detection.as_ref().map(attack_detection),
    })
}

fn attack_detection(detection: &PresentationAttackDetection) -> Value {
    json!({
        "score": detection.score,
        "threshold": detection.threshold,
        "warning_threshold": detection.warning_threshold,
        "models": detection.models,
    })
}

fn face_quality(face: &FaceQuality) -> Value {
    json!({
        "detection_confidence": face.detection_confidence,
        "inter_eye_distance": face.inter_eye_distance,
        "sharpness": face.sharpness,
        "brightness": face.brightness,
        "contrast": face.contrast,
        "dynamic_range": face.dynamic_range,
        "under_exposure": face.under_exposure,
        "over_exposure": face.over_exposure,
        "illumination_uniformity": face.illumination_uniformity,
        "cropped": face.cropped,
        "eyes_visible": face.eyes_visible,
        "mouth_visible": face.mouth_visible,
        "nose_visible": face.nose_visible,
        "lesser_eye_visible": face.lesser_eye_visible,
        "yaw": face.yaw,
        "pitch": face.pitch,
        "roll": face.roll,
        "faces": face.faces,
    })
}

fn checks(checks: &[CheckDetail]) -> Vec<Value> {
    let check = |check: &CheckDetail| {
        json!({
            "name": check.name,
            "outcome": name::<Outcome>(check.outcome),
            "reason": (!check.reason.is_empty()).then_some(&check.reason),
        })
    };
    checks.iter().map(check).collect()
}

/// Durations in milliseconds.
fn timings(timings: &[Timing]) -> Vec<Value> {
    let timing = |timing: &Timing| json!({ "step": timing.step, "duration_ms": milliseconds(timing) });
    timings.iter().map(timing).collect()
}

/// A step's duration in milliseconds.
pub(super) fn milliseconds(timing: &Timing) -> f64 {
    timing.duration.as_ref().map_or(0.0, |duration| {
        duration.seconds as f64 * 1e3 + f64::from(duration.nanos) / 1e6
    })
}

fn models(models: &[ModelUse]) -> Vec<Value> {
    models
        .iter()
        .map(|model| json!({ "name": model.name, "sha256": model.sha256 }))
        .collect()
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
