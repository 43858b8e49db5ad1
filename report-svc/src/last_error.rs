//! What is said of an error that no check wrote a sentence for: one that the person or time brought about, or that was chosen in test mode.

use proto::identity::v1::{VerificationError, VerificationErrorCode as Code};

/// An error as the checks would have it; `None` where no error was chosen.
pub fn error_of(code: Code) -> Option<VerificationError> {
    let reason = match code {
        Code::Unspecified => return None,
        Code::DocumentExpired => "The document has expired. Please use one that is still valid.",
        Code::DocumentTypeNotSupported => "Documents of this type are not accepted here. Please use another one.",
        Code::DocumentUnverifiedOther => {
            "The machine-readable lines of the document could not be read without doubt. Please take the picture again, sharp and \
             without reflections."
        }
        Code::SelfieDocumentMissingPhoto => {
            "No portrait was found on the document. Please show the side with the photo, in even light."
        }
        Code::SelfieFaceMismatch => "The face in the selfie does not match the photo on the document.",
        Code::SelfieManipulated => {
            "The selfie is a copy of the document's photo. Please take a new picture of yourself."
        }
        Code::SelfieUnverifiedOther => "No face was found in the selfie. Please look into the camera, in even light.",
        Code::IdNumberInsufficientDocumentData => {
            "The document does not state what is needed to check the id number. Please use another one."
        }
        Code::IdNumberMismatch => {
            "The id number does not belong to this name and date of birth. Please check what you entered."
        }
        Code::IdNumberUnverifiedOther => "The id number could not be verified. Please try again.",
        Code::EmailUnverifiedOther => "The e-mail address could not be verified. Please try again.",
        Code::EmailVerificationDeclined => {
            "You declined to verify your e-mail address. Please try again if you change your mind."
        }
        Code::PhoneUnverifiedOther => "The phone number could not be verified. Please try again.",
        Code::PhoneVerificationDeclined => {
            "You declined to verify your phone number. Please try again if you change your mind."
        }
        Code::Abandoned => "The verification was not finished. Please start again.",
        Code::ConsentDeclined => "You declined to be verified. Please start again if you change your mind.",
        Code::CountryNotSupported => {
            "Documents of this country are not accepted here. Please use one of another country."
        }
        Code::DeviceNotSupported => "This device has no camera that can be used. Please go on with another one.",
        Code::UnderSupportedAge => "You are too young for this service.",
    };
    Some(VerificationError {
        code: code.into(),
        reason: reason.to_owned(),
    })
}
