//! Writing pictures.

use image::ExtendedColorType::Rgb8;
use image::ImageEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;

use super::Picture;

/// A picture could not be written: it is larger than the format allows.
#[derive(Debug, thiserror::Error)]
#[error("the picture cannot be encoded")]
pub struct EncodeError(#[from] image::ImageError);

impl Picture {
    /// The bytes of a JPEG file; quality 1 to 100.
    ///
    /// # Errors
    /// When a side is longer than 65,535 pixels.
    pub fn encode_jpeg(&self, quality: u8) -> Result<Vec<u8>, EncodeError> {
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, quality.clamp(1, 100)).write_image(
            self.pixels(),
            self.width(),
            self.height(),
            Rgb8,
        )?;
        Ok(file)
    }

    /// The bytes of a PNG file.
    ///
    /// # Errors
    /// When a side is longer than the format allows.
    pub fn encode_png(&self) -> Result<Vec<u8>, EncodeError> {
        let mut file = Vec::new();
        PngEncoder::new(&mut file).write_image(self.pixels(), self.width(), self.height(), Rgb8)?;
        Ok(file)
    }
}
