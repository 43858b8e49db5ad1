//! UploadImage: refused before anything is stored, and before anything is decoded.

use proto::identity::v1::{ImagePurpose, UploadImageRequest};
use service_kit::status::Violations;

use super::Fault;
use super::brand::Foreign;
use super::dimensions::Format;
use super::fields::check_idempotency_key;

const MIN_SIDE: u32 = 32;
const MAX_SIDE: u32 = 12_000;
const MAX_PIXELS: u64 = 50_000_000;

/// What is wrong with a picture.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImageFault {
    /// No bytes.
    #[error("the picture has no bytes")]
    Empty,
    /// Over 10 MiB.
    #[error("the picture has more than 10 MiB")]
    TooLarge,
    /// Something else.
    #[error("the picture must be a JPEG, PNG or WebP file")]
    Format,
    /// HEIC, which iPhones write unless they are told otherwise.
    #[error(
        "HEIC pictures cannot be read: on an iPhone choose Settings > Camera > Formats > Most Compatible and take the picture \
         again, or send it as a JPEG file"
    )]
    Heic,
    /// AVIF.
    #[error("AVIF pictures cannot be read: save the picture as a JPEG file and send it again")]
    Avif,
    /// The header contradicts itself, or the file ends before its picture.
    #[error("the picture is cut off or damaged: send it again")]
    Damaged,
    /// Too small to show anything, or so large that decoding it would be an attack.
    #[error("the picture's sides must be {MIN_SIDE} to {MAX_SIDE} pixels, and 50 megapixels in all")]
    Dimensions,
}

/// Checks the whole request. What is wrong with the picture has a reason of its own, unless something else is wrong, too.
pub(crate) fn upload_image(request: &UploadImageRequest) -> Result<(), Fault> {
    let purpose = ImagePurpose::try_from(request.purpose).unwrap_or(ImagePurpose::Unspecified);
    let mut violations = Violations::new();
    violations.require(
        purpose.is_uploaded(),
        "purpose",
        "must be document front, document back or selfie",
    );
    check_idempotency_key(request.idempotency_key.as_deref(), &mut violations);
    let Err(fault) = picture(&request.data) else {
        return violations.check().map_err(Fault::Fields);
    };
    if violations.is_empty() {
        return Err(Fault::Image(fault));
    }
    violations.require(false, "data", &fault.to_string());
    violations.check().map_err(Fault::Fields)
}

fn picture(data: &[u8]) -> Result<(), ImageFault> {
    if data.is_empty() {
        return Err(ImageFault::Empty);
    }
    if data.len() > proto::MAX_IMAGE_BYTES {
        return Err(ImageFault::TooLarge);
    }
    let format = Format::of(data).ok_or_else(|| match Foreign::of(data) {
        Some(Foreign::Heic) => ImageFault::Heic,
        Some(Foreign::Avif) => ImageFault::Avif,
        None => ImageFault::Format,
    })?;
    let (width, height) = format.dimensions(data).ok_or(ImageFault::Damaged)?;
    let sides = MIN_SIDE..=MAX_SIDE;
    let pixels = u64::from(width) * u64::from(height);
    if !sides.contains(&width) || !sides.contains(&height) || pixels > MAX_PIXELS {
        return Err(ImageFault::Dimensions);
    }
    // Last, since it goes through the whole file.
    if !format.is_complete(data) {
        return Err(ImageFault::Damaged);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use proptest::prelude::*;
    use tonic::Status;
    use tonic_types::StatusExt as _;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut data = b"\x89PNG\r\n\x1A\n\x00\x00\x00\x0DIHDR".to_vec();
        data.extend_from_slice(&width.to_be_bytes());
        data.extend_from_slice(&height.to_be_bytes());
        // The rest of the header, data and the end; nobody looks at checksums.
        data.extend_from_slice(&[0; 5 + 4]);
        data.extend_from_slice(b"\0\0\0\0IDAT\0\0\0\0\0\0\0\0IEND\0\0\0\0");
        data
    }

    #[test]
    fn every_fault_has_its_own_answer() {
        assert_eq!(picture(b""), Err(ImageFault::Empty));
        let mut large = png(640, 480);
        large.resize(proto::MAX_IMAGE_BYTES, 0);
        assert_eq!(picture(&large), Ok(()));
        large.push(0);
        assert_eq!(picture(&large), Err(ImageFault::TooLarge));
        assert_eq!(picture(b"%PDF-1.7"), Err(ImageFault::Format));
        assert_eq!(picture(b"GIF89a"), Err(ImageFault::Format));
        assert_eq!(picture(b"\x89PNG\r\n\x1A\n"), Err(ImageFault::Damaged));
        let whole = png(640, 480);
        assert_eq!(picture(&whole[..whole.len() - 1]), Err(ImageFault::Damaged));
        assert_eq!(picture(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), Err(ImageFault::Heic));
        assert_eq!(picture(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"), Err(ImageFault::Avif));
        for (width, height) in [
            (1, 1),
            (31, 480),
            (640, 31),
            (12_001, 32),
            (30_000, 30_000),
            (12_000, 12_000),
            (0, 0),
        ] {
            assert_eq!(
                picture(&png(width, height)),
                Err(ImageFault::Dimensions),
                "{width}×{height}"
            );
        }
        for (width, height) in [(32, 32), (12_000, 32), (32, 12_000), (10_000, 5_000)] {
            assert_eq!(picture(&png(width, height)), Ok(()), "{width}×{height}");
        }
    }

    #[test]
    fn a_wrong_purpose_comes_with_the_rest() {
        let made = [ImagePurpose::DocumentFace, ImagePurpose::SelfieFace].map(i32::from);
        for purpose in made.into_iter().chain([0, -1, 99]) {
            let request = UploadImageRequest {
                purpose,
                data: Vec::new(),
                ..Default::default()
            };
            let status = Status::from(Error::from(upload_image(&request).expect_err("wrong twice")));
            let fields = status.get_details_bad_request().expect("BadRequest").field_violations;
            let fields: Vec<_> = fields.iter().map(|violation| violation.field.as_str()).collect();
            assert_eq!(fields, ["purpose", "data"]);
        }
    }

    proptest! {
        #[test]
        fn never_panics(purpose: i32, data in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = upload_image(&UploadImageRequest { purpose, data, ..Default::default() });
        }
    }
}
