//! What every check tells about itself beside its result.

use std::time::Duration;

use proto::identity::v1::{ModelUse, Timing};

/// A network by name and SHA-256.
pub fn model((name, sha256): &(String, String)) -> ModelUse {
    ModelUse {
        name: name.clone(),
        sha256: sha256.clone(),
    }
}

/// How long a step took.
pub(crate) fn timing(step: &str, spent: Duration) -> Timing {
    // A duration that overflows 292 billion years is a clock gone wrong; leave it out rather than fail.
    Timing {
        step: step.to_owned(),
        duration: spent.try_into().ok(),
    }
}
