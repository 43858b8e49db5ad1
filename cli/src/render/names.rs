//! Enum values under the names that users of the identity API know.

use proto::identity::v1::check_detail::Outcome;
use proto::identity::v1::document_field::Print;
use proto::identity::v1::machine_readable_zone::Format;
use proto::identity::v1::matching_options::Strictness;
use proto::identity::v1::redaction;
use proto::identity::v1::{
    CheckStatus, DocumentType, IdNumberType, ImagePurpose, Sex, VerificationErrorCode, VerificationSessionStatus,
    VerificationType,
};

/// A value's name in the API.
pub(super) trait Named: TryFrom<i32> {
    /// The name in snake_case; `None` for a value that stands for "not given".
    fn name(self) -> Option<String>;
}

/// The name of a field's number; `None` when it is not given or unknown to this version.
pub(super) fn name<E: Named>(number: i32) -> Option<String> {
    E::try_from(number).ok()?.name()
}

/// Derives the names from those of the contract: `DOCUMENT_TYPE_ID_CARD` is `id_card`.
macro_rules! named {
    ($($type:ty: $prefix:literal),* $(,)?) => {$(
        impl Named for $type {
            fn name(self) -> Option<String> {
                let name = self.as_str_name();
                let name = name.strip_prefix($prefix).unwrap_or(name);
                (name != "UNSPECIFIED").then(|| name.to_ascii_lowercase())
            }
        }
    )*};
}

named! {
    CheckStatus: "CHECK_STATUS_",
    DocumentType: "DOCUMENT_TYPE_",
    Format: "FORMAT_",
    IdNumberType: "ID_NUMBER_TYPE_",
    ImagePurpose: "IMAGE_PURPOSE_",
    Outcome: "OUTCOME_",
    Print: "PRINT_",
    Strictness: "STRICTNESS_",
    VerificationErrorCode: "VERIFICATION_ERROR_CODE_",
    VerificationSessionStatus: "VERIFICATION_SESSION_STATUS_",
    VerificationType: "VERIFICATION_TYPE_",
    redaction::Status: "STATUS_",
}

impl Named for Sex {
    fn name(self) -> Option<String> {
        let name = match self {
            Self::Unspecified => return None,
            Self::Redacted => "[redacted]",
            Self::Female => "female",
            Self::Male => "male",
            Self::Unknown => "unknown",
        };
        Some(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_api() {
        assert_eq!(DocumentType::IdCard.name().as_deref(), Some("id_card"));
        assert_eq!(
            VerificationSessionStatus::RequiresInput.name().as_deref(),
            Some("requires_input")
        );
        assert_eq!(
            VerificationErrorCode::SelfieFaceMismatch.name().as_deref(),
            Some("selfie_face_mismatch")
        );
        assert_eq!(redaction::Status::Validated.name().as_deref(), Some("validated"));
        assert_eq!(Sex::Redacted.name().as_deref(), Some("[redacted]"));
        assert_eq!(Format::MrvA.name().as_deref(), Some("mrv_a"));
    }

    #[test]
    fn what_is_not_given_has_no_name() {
        assert_eq!(name::<Sex>(0), None);
        assert_eq!(name::<DocumentType>(0), None);
        assert_eq!(name::<DocumentType>(99), None);
    }
}
