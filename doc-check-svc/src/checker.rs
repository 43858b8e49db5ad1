//! The whole check of a document as the service makes it, for measurements: the same pictures go the same way to the same report.

use proto::document::v1::{CheckDocumentRequest, CheckDocumentResponse};
use service_kit::compute::Caller;
use tonic::Status;

use crate::reader::DocumentReader;
use crate::request::Check;
use crate::service::Shared;

/// Checks documents without a server. Shared by all workers.
pub struct Checker(Shared);

/// A document as it was checked.
pub struct Checked {
    /// What the service answers.
    pub response: CheckDocumentResponse,
    /// The lines of the machine-readable zone as they were read, which no answer carries.
    pub zone: Vec<String>,
}

impl Checker {
    /// Checks with a reader.
    #[must_use]
    pub fn new(reader: DocumentReader) -> Self {
        Self(Shared::new(reader))
    }

    /// Checks a document.
    ///
    /// # Errors
    /// The status that the service would end the call with.
    pub fn check(&self, request: CheckDocumentRequest, caller: &Caller) -> Result<Checked, Status> {
        let check = Check::try_from(request)?;
        let (response, zone) = self.0.check(&check, caller)?;
        let zone = zone.map(|zone| zone.mrz.lines).unwrap_or_default();
        Ok(Checked { response, zone })
    }
}
