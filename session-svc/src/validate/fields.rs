//! What fields must be like that several requests have.

use std::collections::HashMap;

use proto::MAX_METADATA_ENTRIES;
use proto::identity::v1::{DocumentOptions, DocumentType, ProvidedDetails};
use service_kit::status::Violations;

/// Longest text in a request, characters.
const MAX_TEXT: usize = 255;
const MAX_METADATA_KEY: usize = 40;
const MAX_METADATA_VALUE: usize = 500;

pub(super) const NOT_SUPPORTED: &str = "not supported yet";

/// A text, where there is one.
pub(super) fn check_text(text: Option<&str>, field: &str, violations: &mut Violations) {
    let fits = text.is_none_or(|text| (1..=MAX_TEXT).contains(&text.chars().count()));
    violations.require(fits, field, "must have 1 to 255 characters when it is given");
}

pub(super) fn check_idempotency_key(key: Option<&str>, violations: &mut Violations) {
    check_text(key, "idempotency_key", violations);
}

/// A text that may be empty.
pub(super) fn check_longest(text: &str, field: &str, violations: &mut Violations) {
    let fits = text.chars().count() <= MAX_TEXT;
    violations.require(fits, field, "must have at most 255 characters");
}

pub(super) fn check_provided_details(details: &ProvidedDetails, violations: &mut Violations) {
    check_text(details.email.as_deref(), "provided_details.email", violations);
    check_text(details.phone.as_deref(), "provided_details.phone", violations);
}

pub(super) fn check_document_options(document: &DocumentOptions, violations: &mut Violations) {
    const ALLOWED_TYPES: &str = "options.document.allowed_types";
    let types = &document.allowed_types;
    let known = |value: &i32| DocumentType::try_from(*value).is_ok_and(|known| known != DocumentType::Unspecified);
    let repeated = types
        .iter()
        .enumerate()
        .any(|(index, value)| types.iter().take(index).any(|other| other == value));
    violations
        .require(
            types.iter().all(known),
            ALLOWED_TYPES,
            "must be driving licence, id card or passport",
        )
        .require(!repeated, ALLOWED_TYPES, "must name each type once")
        .require(
            !document.require_id_number,
            "options.document.require_id_number",
            NOT_SUPPORTED,
        )
        .require(
            !document.require_live_capture,
            "options.document.require_live_capture",
            NOT_SUPPORTED,
        );
}

/// An entry with an empty value is none. Names no key: a backend that broke the rules may have put anything there.
pub(super) fn check_metadata(metadata: &HashMap<String, String>, violations: &mut Violations) {
    let keys_fit = metadata
        .keys()
        .all(|key| (1..=MAX_METADATA_KEY).contains(&key.chars().count()));
    let values_fit = metadata
        .values()
        .all(|value| value.chars().count() <= MAX_METADATA_VALUE);
    violations
        .require(
            metadata.values().filter(|value| !value.is_empty()).count() <= MAX_METADATA_ENTRIES,
            "metadata",
            "must have at most 50 entries",
        )
        .require(keys_fit, "metadata", "keys must have 1 to 40 characters")
        .require(values_fit, "metadata", "values must have at most 500 characters");
}
