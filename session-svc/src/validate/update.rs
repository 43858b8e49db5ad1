//! UpdateVerificationSession: all violations at once.

use proto::identity::v1::{UpdateVerificationSessionRequest, VerificationSessionOptions};
use service_kit::status::Violations;

use super::Fault;
use super::fields::{check_document_options, check_metadata, check_provided_details};

/// Checks the whole request.
pub(crate) fn update_session(request: &UpdateVerificationSessionRequest) -> Result<(), Fault> {
    super::session_id(&request.verification_session)?;
    let mut violations = Violations::new();
    if let Some(options) = &request.options {
        if let Some(document) = &options.document {
            check_document_options(document, &mut violations);
        }
        let others = VerificationSessionOptions {
            document: None,
            ..options.clone()
        };
        violations.require(
            others == VerificationSessionOptions::default(),
            "options",
            "only `document` can be set after the creation",
        );
    }
    check_metadata(&request.metadata, &mut violations);
    if let Some(details) = &request.provided_details {
        check_provided_details(details, &mut violations);
    }
    violations.check().map_err(Fault::Fields)
}
