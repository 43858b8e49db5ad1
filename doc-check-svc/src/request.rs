//! Requests, checked whole before anything is computed.

use proto::document::v1::{CheckDocumentRequest, DocumentImage};
use proto::identity::v1::{Date as DateMessage, DocumentType as DocumentTypeMessage, ImagePurpose};
use time::OffsetDateTime;
use tonic_types::FieldViolation;

use crate::error::Error;
use crate::mrz::DocumentType;
use crate::requirements::Requirements;

/// What is to be checked.
pub(crate) struct Check {
    /// One or two pictures, front first.
    pub(crate) images: Vec<DocumentImage>,
    /// What the document must be like.
    pub(crate) requirements: Requirements,
    /// The day on which the document must be valid.
    pub(crate) today: time::Date,
}

impl TryFrom<CheckDocumentRequest> for Check {
    type Error = Error;

    fn try_from(request: CheckDocumentRequest) -> Result<Self, Error> {
        let CheckDocumentRequest {
            mut images,
            options,
            today,
            policy,
        } = request;
        let mut violations = Vec::new();
        let mut refuse = |field: &str, description: &str| violations.push(FieldViolation::new(field, description));
        if !(1..=2).contains(&images.len()) {
            refuse("images", "must be one or two pictures");
        }
        for (index, image) in images.iter().enumerate() {
            if !matches!(
                image.purpose(),
                ImagePurpose::DocumentFront | ImagePurpose::DocumentBack
            ) {
                refuse(
                    &format!("images[{index}].purpose"),
                    "must be document_front or document_back",
                );
            }
        }
        images.sort_by_key(|image| image.purpose);
        if let [front, back] = images.as_slice()
            && front.purpose == back.purpose
        {
            refuse("images", "must not show the same side twice");
        }
        let mut types = Vec::new();
        for (index, value) in options.unwrap_or_default().allowed_types.into_iter().enumerate() {
            match DocumentTypeMessage::try_from(value) {
                Ok(DocumentTypeMessage::Passport) => types.push(DocumentType::Passport),
                Ok(DocumentTypeMessage::IdCard) => types.push(DocumentType::IdCard),
                Ok(DocumentTypeMessage::DrivingLicense) => types.push(DocumentType::DrivingLicense),
                Ok(DocumentTypeMessage::Unspecified) | Err(_) => {
                    refuse(
                        &format!("options.allowed_types[{index}]"),
                        "must be passport, id_card or driving_license",
                    );
                }
            }
        }
        let requirements = Requirements::of(&policy.unwrap_or_default()).unwrap_or_else(|unknown| {
            for place in unknown {
                refuse(
                    &format!("policy.allowed_countries[{place}]"),
                    "must be the code of a state",
                );
            }
            Requirements::default()
        });
        let requirements = Requirements { types, ..requirements };
        let today = match today {
            None => Some(OffsetDateTime::now_utc().date()),
            Some(date) => day(date),
        };
        match today {
            Some(today) if violations.is_empty() => Ok(Self {
                images,
                requirements,
                today,
            }),
            today => {
                if today.is_none() {
                    violations.push(FieldViolation::new(
                        "today",
                        "must be a calendar date with year, month and day",
                    ));
                }
                Err(Error::Invalid(violations))
            }
        }
    }
}

fn day(date: DateMessage) -> Option<time::Date> {
    let month = time::Month::try_from(u8::try_from(date.month?).ok()?).ok()?;
    // Years that 9303's two digits can be near to.
    let year = date.year.filter(|year| (1900..=9000).contains(year))?;
    time::Date::from_calendar_date(year, month, u8::try_from(date.day?).ok()?).ok()
}
