//! CreateVerificationSession: all violations at once. What is not supported yet is refused, never ignored.

use proto::identity::v1::{
    CreateVerificationSessionRequest, MatchingOptions, VerificationSessionOptions, VerificationType,
    matching_options::Strictness,
};
use service_kit::status::Violations;

use super::Fault;
use super::fields::{
    NOT_SUPPORTED, check_document_options, check_idempotency_key, check_metadata, check_provided_details, check_text,
};

/// Checks the whole request.
pub(crate) fn create_session(request: &CreateVerificationSessionRequest) -> Result<(), Fault> {
    let mut violations = Violations::new();
    match VerificationType::try_from(request.r#type) {
        Ok(VerificationType::Document) => {}
        Ok(VerificationType::IdNumber | VerificationType::VerificationFlow) => {
            violations.require(false, "type", NOT_SUPPORTED);
        }
        Ok(VerificationType::Unspecified) | Err(_) => {
            violations.require(false, "type", "must be VERIFICATION_TYPE_DOCUMENT");
        }
    }
    if let Some(options) = &request.options {
        check_options(options, &mut violations);
    }
    check_metadata(&request.metadata, &mut violations);

    if let Some(details) = &request.provided_details {
        check_provided_details(details, &mut violations);
    }
    let person = request.related_person.as_ref();
    for (field, text) in [
        ("client_reference_id", request.client_reference_id.as_deref()),
        ("related_customer", request.related_customer.as_deref()),
        ("related_customer_account", request.related_customer_account.as_deref()),
        ("related_person.account", person.map(|person| person.account.as_str())),
        ("related_person.person", person.map(|person| person.person.as_str())),
    ] {
        check_text(text, field, &mut violations);
    }
    check_idempotency_key(request.idempotency_key.as_deref(), &mut violations);
    violations.check().map_err(Fault::Fields)
}

fn check_options(options: &VerificationSessionOptions, violations: &mut Violations) {
    if let Some(document) = &options.document {
        check_document_options(document, violations);
    }
    let email = options.email.as_ref().is_some_and(|email| email.require_verification);
    let phone = options.phone.as_ref().is_some_and(|phone| phone.require_verification);
    violations
        .require(!email, "options.email.require_verification", NOT_SUPPORTED)
        .require(!phone, "options.phone.require_verification", NOT_SUPPORTED)
        .require(options.id_number.is_none(), "options.id_number", NOT_SUPPORTED);
    if let Some(matching) = &options.matching {
        check_matching_options(matching, violations);
    }
}

fn check_matching_options(matching: &MatchingOptions, violations: &mut Violations) {
    for (field, strictness) in [
        ("options.matching.dob", matching.dob),
        ("options.matching.name", matching.name),
    ] {
        match Strictness::try_from(strictness) {
            Ok(Strictness::Unspecified | Strictness::None) => {}
            Ok(Strictness::Similar) => {
                violations.require(false, field, NOT_SUPPORTED);
            }
            Err(_) => {
                violations.require(false, field, "must be STRICTNESS_NONE");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use proptest::prelude::*;
    use proto::identity::v1::{
        DocumentOptions, EmailOptions, IdNumberOptions, PhoneOptions, ProvidedDetails, RelatedPerson,
    };
    use tonic::Status;
    use tonic_types::StatusExt as _;

    fn valid() -> CreateVerificationSessionRequest {
        CreateVerificationSessionRequest {
            r#type: VerificationType::Document.into(),
            ..Default::default()
        }
    }

    /// The fields that are refused, in order.
    fn refused(request: &CreateVerificationSessionRequest) -> Vec<String> {
        match create_session(request) {
            Ok(()) => Vec::new(),
            Err(error) => {
                let bad = Status::from(Error::from(error))
                    .get_details_bad_request()
                    .expect("BadRequest");
                bad.field_violations
                    .into_iter()
                    .map(|violation| violation.field)
                    .collect()
            }
        }
    }

    #[test]
    fn accepts_everything_at_its_limit() {
        let text = Some("é".repeat(255));
        let request = CreateVerificationSessionRequest {
            options: Some(VerificationSessionOptions {
                document: Some(DocumentOptions {
                    allowed_types: vec![3, 1, 2],
                    require_matching_selfie: true,
                    ..Default::default()
                }),
                email: Some(EmailOptions::default()),
                matching: Some(MatchingOptions {
                    dob: Strictness::None.into(),
                    name: 0,
                }),
                ..Default::default()
            }),
            metadata: (0..50)
                .map(|index| (format!("{index:0>40}"), "é".repeat(500)))
                .collect(),
            client_reference_id: text.clone(),
            provided_details: Some(ProvidedDetails {
                email: text.clone(),
                phone: None,
            }),
            related_customer: text.clone(),
            idempotency_key: text,
            ..valid()
        };
        assert_eq!(refused(&request), Vec::<String>::new());
    }

    #[test]
    fn tells_every_violation_at_once() {
        let long = Some("x".repeat(256));
        let request = CreateVerificationSessionRequest {
            r#type: VerificationType::IdNumber.into(),
            options: Some(VerificationSessionOptions {
                document: Some(DocumentOptions {
                    allowed_types: vec![0, 3, 3],
                    require_id_number: true,
                    require_live_capture: true,
                    require_matching_selfie: false,
                }),
                email: Some(EmailOptions {
                    require_verification: true,
                }),
                phone: Some(PhoneOptions {
                    require_verification: true,
                }),
                id_number: Some(IdNumberOptions {}),
                matching: Some(MatchingOptions {
                    dob: Strictness::Similar.into(),
                    name: 77,
                }),
            }),
            metadata: (0..51)
                .map(|index| (format!("{index:0>41}"), "x".repeat(501)))
                .collect(),
            client_reference_id: long.clone(),
            provided_details: Some(ProvidedDetails {
                email: long.clone(),
                phone: Some(String::new()),
            }),
            related_customer: long.clone(),
            related_customer_account: long.clone(),
            related_person: Some(RelatedPerson::default()),
            idempotency_key: long,
        };
        let expected = [
            "type",
            "options.document.allowed_types",
            "options.document.allowed_types",
            "options.document.require_id_number",
            "options.document.require_live_capture",
            "options.email.require_verification",
            "options.phone.require_verification",
            "options.id_number",
            "options.matching.dob",
            "options.matching.name",
            "metadata",
            "metadata",
            "metadata",
            "provided_details.email",
            "provided_details.phone",
            "client_reference_id",
            "related_customer",
            "related_customer_account",
            "related_person.account",
            "related_person.person",
            "idempotency_key",
        ];
        assert_eq!(refused(&request), expected);
    }

    proptest! {
        #[test]
        fn only_documents_are_verified(value: i32) {
            let request = CreateVerificationSessionRequest { r#type: value, ..Default::default() };
            prop_assert_eq!(refused(&request).is_empty(), value == i32::from(VerificationType::Document));
        }

        #[test]
        fn a_list_of_types_is_a_set_of_known_ones(types in prop::collection::vec(-1..5_i32, 0..5)) {
            let distinct: std::collections::HashSet<_> = types.iter().collect();
            let good = distinct.len() == types.len() && types.iter().all(|value| (1..=3).contains(value));
            let document = DocumentOptions { allowed_types: types, ..Default::default() };
            let options = VerificationSessionOptions { document: Some(document), ..Default::default() };
            let request = CreateVerificationSessionRequest { options: Some(options), ..valid() };
            prop_assert_eq!(refused(&request).is_empty(), good);
        }
    }
}
