//! The whole check of a selfie as the service makes it, for measurements: the same pictures go the same way to the same report.

use proto::selfie::v1::{CheckSelfieRequest, CheckSelfieResponse};
use service_kit::compute::Caller;
use tonic::Status;

use crate::calibration::OperatingPoint;
use crate::pipeline::FacePipeline;
use crate::presentation::{Detection, Presentation};
use crate::rules::Likeness;
use crate::service::Shared;

/// Checks selfies without a server. Shared by all workers.
pub struct Checker(Shared);

/// A selfie as it was checked.
pub struct Checked {
    /// What the service answers.
    pub response: CheckSelfieResponse,
    /// How alike the faces of document and selfie are, of which the answer carries a part; none without two faces.
    pub likeness: Option<Likeness>,
    /// What the networks for presentation attacks say of the selfie, of which the answer carries the mean.
    pub presentation: Presentation,
}

impl Checker {
    /// Checks with a pipeline at an operating point.
    #[must_use]
    pub fn new(pipeline: FacePipeline, attacks: Detection, point: OperatingPoint) -> Self {
        Self(Shared::new(pipeline, attacks, point))
    }

    /// Checks a selfie.
    ///
    /// # Errors
    /// The status that the service would end the call with.
    pub fn check(&self, request: &CheckSelfieRequest, caller: &Caller) -> Result<Checked, Status> {
        Ok(self.0.check(request, caller)?)
    }
}
