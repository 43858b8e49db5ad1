//! Where pictures come from, as all sides agree.

use crate::identity::v1::ImagePurpose;

impl ImagePurpose {
    /// Whether people upload pictures of it. The others are made by checks.
    pub fn is_uploaded(self) -> bool {
        matches!(self, Self::DocumentFront | Self::DocumentBack | Self::Selfie)
    }
}
