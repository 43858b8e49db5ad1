//! From the bytes that somebody sent to a picture, or to a clear reason why not.
//!
//! Everything that can be known from the header is checked before a pixel is decoded, so that a picture that claims
//! 30,000×30,000 pixels costs as little as an empty one.

use std::io::{Cursor, ErrorKind};

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView as _, ImageDecoder, ImageError, ImageFormat};

use super::{Picture, reduced, webp};

/// What a picture may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Size of the file in bytes.
    pub bytes: usize,
    /// Width times height.
    pub pixels: u64,
    /// Memory that decoding may take at its peak, in bytes, beside copies of parts of the file (of a WebP file 16 MiB at most).
    pub memory: u64,
    /// Length of the shorter side, in pixels, below which a picture cannot show anything.
    pub shortest_side: u32,
}

impl Default for Limits {
    /// 10 MiB, 50 megapixels (the largest that phones take), 512 MiB, 16 pixels.
    fn default() -> Limits {
        Limits {
            bytes: 10 << 20,
            pixels: 50_000_000,
            memory: 512 << 20,
            shortest_side: 16,
        }
    }
}

/// Why bytes are not a picture that can be checked.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// There are no bytes.
    #[error("the picture is empty: send the bytes of a jpeg, png or webp file")]
    Empty,
    /// The file is larger than [`Limits::bytes`].
    #[error("the file has {actual} bytes, more than the {limit} allowed: send a smaller or more compressed picture")]
    TooLarge {
        /// Bytes of the file.
        actual: usize,
        /// [`Limits::bytes`].
        limit: usize,
    },
    /// The bytes do not start like a file of a format we read.
    #[error("the file is not a jpeg, png or webp picture: convert it to one of these")]
    UnsupportedFormat,
    /// The format is right, but it uses a feature that we do not read, such as arithmetic coding.
    #[error("the picture uses a feature of its format that is not supported: save it again as a plain jpeg or png")]
    UnsupportedFeature,
    /// More pixels than [`Limits::pixels`].
    #[error("the picture has {width}x{height} pixels, more than the {limit} allowed: scale it down")]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// [`Limits::pixels`].
        limit: u64,
    },
    /// Decoding would take more memory than [`Limits::memory`].
    #[error("decoding the picture takes more memory than allowed: scale it down or save it as a plain jpeg")]
    TooMuchMemory,
    /// A side is shorter than [`Limits::shortest_side`].
    #[error("the picture has {width}x{height} pixels, and each side needs at least {limit}: send the original picture")]
    TooSmall {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// [`Limits::shortest_side`].
        limit: u32,
    },
    /// The file ends before the picture does.
    #[error("the file ends before the picture is complete: send it again")]
    Truncated,
    /// The file contradicts its format.
    #[error("the file is damaged: send the original picture")]
    Corrupt,
}

impl DecodeError {
    /// A stable name for programs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            DecodeError::Empty => "empty",
            DecodeError::TooLarge { .. } => "too_large",
            DecodeError::UnsupportedFormat => "unsupported_format",
            DecodeError::UnsupportedFeature => "unsupported_feature",
            DecodeError::TooManyPixels { .. } => "too_many_pixels",
            DecodeError::TooMuchMemory => "too_much_memory",
            DecodeError::TooSmall { .. } => "too_small",
            DecodeError::Truncated => "truncated",
            DecodeError::Corrupt => "corrupt",
        }
    }
}

impl Picture {
    /// Decodes a JPEG (also progressive, grey, CMYK), PNG (1 to 16 bits, palette, alpha, the first frame of an animation) or
    /// WebP (lossy, lossless, alpha, the first frame) file.
    ///
    /// The orientation in the file's Exif data is applied, transparent parts are laid over white, 16-bit values are rounded to
    /// 8 bits. Colour profiles are ignored.
    ///
    /// # Errors
    /// One [`DecodeError`] for each way in which this can fail. It never panics, whatever the bytes are.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, DecodeError> {
        Picture::decode_reduced(bytes, limits, u32::MAX).map(|(picture, _)| picture)
    }

    /// The same for those to whom `enough` pixels along the longer side are enough: of a JPEG file that has at least twice as many
    /// (and is not progressive), a half, a quarter or an eighth of each side is decoded, which takes less time and memory. Also
    /// answers that divisor, 1 where the picture has the size of its file.
    ///
    /// # Errors
    /// Those of [`Picture::decode`].
    pub fn decode_reduced(bytes: &[u8], limits: &Limits, enough: u32) -> Result<(Picture, u32), DecodeError> {
        if bytes.is_empty() {
            return Err(DecodeError::Empty);
        }
        if bytes.len() > limits.bytes {
            return Err(DecodeError::TooLarge {
                actual: bytes.len(),
                limit: limits.bytes,
            });
        }
        let source = Cursor::new(bytes);
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => {
                // The decoder fills what is missing with grey. Half a picture is worse than none here.
                let plain = jpeg_is_plain(bytes).ok_or(DecodeError::Truncated)?;
                let mut decoder = JpegDecoder::new(source).map_err(classify)?;
                // Progressive files are collected as 16-bit coefficients of three or four components first.
                check(&decoder, 8, limits)?;
                if plain && let Some((picture, divisor)) = reduced::decode(bytes, decoder.dimensions(), enough) {
                    return Ok((upright(picture, orientation(&mut decoder)), divisor));
                }
                whole(decoder)
            }
            Ok(ImageFormat::Png) => {
                // A colour profile is compressed: ten megabytes of a file may hold ten gigabytes of it. What is said beside the
                // pixels, and each row of them, is to be no larger than a file.
                let mut inner = image::Limits::no_limits();
                inner.max_alloc = Some(limits.bytes as u64);
                let decoder = PngDecoder::with_limits(source, inner).map_err(classify)?;
                check(&decoder, 0, limits)?;
                whole(decoder)
            }
            Ok(ImageFormat::WebP) => {
                let decoder = WebPDecoder::new(source).map_err(classify)?;
                // Planes of luma, chroma and alpha beside the output; of an animation also a frame and what it is laid on.
                check(&decoder, if decoder.has_animation() { 8 } else { 4 }, limits)?;
                if !webp::first_frame_fits(bytes) {
                    return Err(DecodeError::Corrupt);
                }
                whole(decoder)
            }
            _ => Err(DecodeError::UnsupportedFormat),
        }
    }
}

/// Checks what the header says. `working_bytes` is what the decoder keeps per pixel beside its output.
fn check(decoder: &impl ImageDecoder, working_bytes: u64, limits: &Limits) -> Result<(), DecodeError> {
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(DecodeError::Corrupt);
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.pixels {
        return Err(DecodeError::TooManyPixels {
            width,
            height,
            limit: limits.pixels,
        });
    }
    if width.min(height) < limits.shortest_side {
        return Err(DecodeError::TooSmall {
            width,
            height,
            limit: limits.shortest_side,
        });
    }
    // The decoder's output and its conversion to RGB exist at the same time; so do, later, the picture and the turned one.
    const TURNING: u64 = 3 + 3;
    let converting = u64::from(decoder.color_type().bytes_per_pixel()) + 3 + working_bytes;
    if pixels.saturating_mul(converting.max(TURNING)) > limits.memory {
        return Err(DecodeError::TooMuchMemory);
    }
    Ok(())
}

/// Damaged Exif data is no reason to refuse a picture.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

/// The picture at its own size, and 1.
fn whole(mut decoder: impl ImageDecoder) -> Result<(Picture, u32), DecodeError> {
    let orientation = orientation(&mut decoder);
    let decoded = DynamicImage::from_decoder(decoder).map_err(classify)?;
    let rgb = if decoded.color().has_alpha() {
        let rgb = over_white(&decoded);
        drop(decoded);
        rgb
    } else {
        decoded.into_rgb8()
    };
    let picture = Picture::from_rgb(rgb.width(), rgb.height(), rgb.into_raw()).ok_or(DecodeError::Corrupt)?;
    // Turned last: 16-bit values and transparency would take more than twice the memory.
    Ok((upright(picture, orientation), 1))
}

/// The picture as it is to be seen. No more than two of its size exist at a time.
fn upright(mut picture: Picture, orientation: Orientation) -> Picture {
    picture = match orientation {
        Orientation::NoTransforms | Orientation::FlipHorizontal => picture,
        Orientation::Rotate90 | Orientation::Rotate90FlipH => picture.rotate90(),
        Orientation::Rotate180 | Orientation::FlipVertical => picture.rotate180(),
        Orientation::Rotate270 | Orientation::Rotate270FlipH => picture.rotate270(),
    };
    match orientation {
        Orientation::NoTransforms | Orientation::Rotate90 | Orientation::Rotate180 | Orientation::Rotate270 => picture,
        Orientation::FlipHorizontal
        | Orientation::FlipVertical
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => picture.mirror(),
    }
}

/// Pixel by pixel: another whole picture in between would be more than [`check`] has counted.
fn over_white(picture: &DynamicImage) -> image::RgbImage {
    let mut rgb = image::RgbImage::new(picture.width(), picture.height());
    for (to, (_, _, from)) in rgb.pixels_mut().zip(picture.pixels()) {
        let [r, g, b, a] = from.0.map(u32::from);
        to.0 = [r, g, b].map(|value| ((value * a + 255 * (255 - a) + 127) / 255) as u8);
    }
    rgb
}

fn classify(error: ImageError) -> DecodeError {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => DecodeError::Truncated,
        ImageError::Limits(_) => DecodeError::TooMuchMemory,
        ImageError::Unsupported(_) => DecodeError::UnsupportedFeature,
        ImageError::Decoding(_) | ImageError::Encoding(_) | ImageError::Parameter(_) | ImageError::IoError(_) => {
            DecodeError::Corrupt
        }
    }
}

/// Whether two decoders see the same in a JPEG file, and for a bounded cost: it has one scan, since each costs its time for every
/// pixel, however few bytes it has, and no segment of Adobe's says how its colours are meant, which not all obey. `None` where its
/// end-of-image marker is missing (ITU-T T.81, B.1.1). Walks the segments by their lengths, so that the markers of an embedded
/// thumbnail do not count.
fn jpeg_is_plain(file: &[u8]) -> Option<bool> {
    const STANDALONE: [u8; 9] = [0x01, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7];
    const START: u8 = 0xD8;
    const END: u8 = 0xD9;
    const START_OF_SCAN: u8 = 0xDA;
    const ADOBE: u8 = 0xEE;
    let (mut rest, mut scans, mut adobe) = (file, 0, false);
    loop {
        // Between segments, and through entropy-coded data, to the next marker: 0xFF and neither a stuffed 0 nor a fill byte.
        let at = rest
            .windows(2)
            .position(|pair| pair[0] == 0xFF && pair[1] != 0x00 && pair[1] != 0xFF)?;
        let (&marker, after) = rest.get(at + 1..).and_then(<[u8]>::split_first)?;
        rest = if marker == END {
            return Some(scans == 1 && !adobe);
        } else if marker == START || STANDALONE.contains(&marker) {
            after
        } else {
            scans += usize::from(marker == START_OF_SCAN);
            adobe |= marker == ADOBE;
            let &[high, low] = after.get(..2)? else { return None };
            after.get(usize::from(u16::from_be_bytes([high, low]))..)?
        };
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
