//! What a request must be like, checked before anything is asked of another service.

mod brand;
mod complete;
mod create;
mod dimensions;
mod fields;
mod file;
mod image;
mod leave;
mod list;
mod simulate;
mod update;

use proto::id::{self, Kind};

use service_kit::status::{Problem, Violations};

pub(crate) use create::create_session;
pub(crate) use dimensions::Format;
pub(crate) use file::file_link;
pub use image::ImageFault;
pub(crate) use image::upload_image;
pub(crate) use leave::leave;
pub(crate) use list::{list_reports, list_sessions};
pub(crate) use simulate::simulate_verification;
pub(crate) use update::update_session;

/// What is wrong with a request.
#[derive(Debug)]
pub(crate) enum Fault {
    /// No session has this id.
    SessionId,
    /// No report has this id.
    ReportId,
    /// No file has this id.
    FileId,
    /// All fields that are wrong.
    Fields(Problem),
    /// The picture.
    Image(ImageFault),
}

/// A malformed id is answered like an unknown one: it tells nothing about which ids exist.
pub(crate) fn session_id(id: &str) -> Result<(), Fault> {
    id::partition(Kind::VerificationSession, id)
        .map(drop)
        .ok_or(Fault::SessionId)
}

/// Checks a call that has no parameters but its session and an idempotency key.
pub(crate) fn call(session: &str, idempotency_key: Option<&str>) -> Result<(), Fault> {
    session_id(session)?;
    let mut violations = Violations::new();
    fields::check_idempotency_key(idempotency_key, &mut violations);
    violations.check().map_err(Fault::Fields)
}

/// As [`session_id`].
pub(crate) fn report_id(id: &str) -> Result<(), Fault> {
    id::partition(Kind::VerificationReport, id)
        .map(drop)
        .ok_or(Fault::ReportId)
}

/// As [`session_id`].
pub(crate) fn file_id(id: &str) -> Result<(), Fault> {
    id::partition(Kind::File, id).map(drop).ok_or(Fault::FileId)
}
