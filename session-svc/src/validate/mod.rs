//! What a request must be like, checked before anything is asked of another service.

mod brand;
mod complete;
mod create;
mod dimensions;
mod image;

use proto::id::{self, Kind};

use crate::error::Error;
pub(crate) use create::create_session;
pub use image::ImageFault;
pub(crate) use image::upload_image;

/// A malformed id is answered like an unknown one: it tells nothing about which ids exist.
pub(crate) fn session_id(id: &str) -> Result<(), Error> {
    id::partition(Kind::VerificationSession, id)
        .map(drop)
        .ok_or(Error::SessionNotFound)
}

/// As [`session_id`].
pub(crate) fn report_id(id: &str) -> Result<(), Error> {
    id::partition(Kind::VerificationReport, id)
        .map(drop)
        .ok_or(Error::ReportNotFound)
}
