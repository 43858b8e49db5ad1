//! UpdateVerificationSession: all violations at once.

use proto::identity::v1::{DocumentOptions, UpdateVerificationSessionRequest};
use service_kit::status::Violations;

use super::Fault;
use super::fields::{check_document_options, check_idempotency_key, check_longest, check_metadata};

/// Checks the whole request.
pub(crate) fn update_session(request: &UpdateVerificationSessionRequest) -> Result<(), Fault> {
    super::session_id(&request.verification_session)?;
    let mut violations = Violations::new();
    if let Some(document) = request.options.as_ref().and_then(|options| options.document.as_ref()) {
        let document = DocumentOptions {
            allowed_types: document.allowed_types.clone(),
            require_id_number: document.require_id_number(),
            require_live_capture: document.require_live_capture(),
            require_matching_selfie: document.require_matching_selfie(),
        };
        check_document_options(&document, &mut violations);
    }
    check_metadata(&request.metadata, &mut violations);
    if let Some(details) = &request.provided_details {
        // What is empty is removed.
        check_longest(details.email(), "provided_details.email", &mut violations);
        check_longest(details.phone(), "provided_details.phone", &mut violations);
    }
    check_idempotency_key(request.idempotency_key.as_deref(), &mut violations);
    violations.check().map_err(Fault::Fields)
}
