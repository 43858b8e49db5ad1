//! What one session may take up, and one job.

/// Limits. Their defaults are far beyond what a person needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Deliveries of a job, excused ones left out, before its attempt is given up.
    pub deliveries: u32,
    /// Submissions of a session.
    pub attempts: u32,
    /// Pictures uploaded for one submission.
    pub images_per_attempt: u32,
    /// Pictures uploaded in all.
    pub images: u32,
    /// Bytes of pictures uploaded in all.
    pub image_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deliveries: 5,
            attempts: 10,
            images_per_attempt: 20,
            images: 60,
            image_bytes: 256 * 1024 * 1024,
        }
    }
}

/// The limit that a picture would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageLimit {
    /// [`Limits::images_per_attempt`].
    ImagesPerAttempt,
    /// [`Limits::images`].
    Images,
    /// [`Limits::image_bytes`].
    ImageBytes,
}

impl ImageLimit {
    /// The limit's public name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ImagesPerAttempt => "images_per_attempt",
            Self::Images => "images",
            Self::ImageBytes => "image_bytes",
        }
    }
}
