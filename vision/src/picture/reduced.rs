//! JPEG files at a part of their size: of each block of 8×8 pixels only so many frequencies are transformed as the smaller block
//! has pixels, and all that follows (colours, turning, scaling) has as much less to do.

use jpeg_decoder::{Decoder, PixelFormat};

use super::Picture;

/// The picture at an eighth, a quarter or half of its size, the least of them at which its longer side has `enough` pixels, and the
/// divisor. `None` where all are smaller, and where this decoder cannot read what the other may (CMYK, damaged files): that one then
/// says what there is to say.
pub(super) fn decode(file: &[u8], (width, height): (u32, u32), enough: u32) -> Option<(Picture, u32)> {
    let divisor = [8, 4, 2]
        .into_iter()
        .find(|divisor| width.max(height) / divisor >= enough)?;
    let (width, height) = (width.div_ceil(divisor), height.div_ceil(divisor));
    let mut decoder = Decoder::new(file);
    let size = decoder.scale(width.try_into().ok()?, height.try_into().ok()?).ok()?;
    if (u32::from(size.0), u32::from(size.1)) != (width, height) {
        return None;
    }
    let pixels = decoder.decode().ok()?;
    let pixels = match decoder.info()?.pixel_format {
        PixelFormat::RGB24 => pixels,
        PixelFormat::L8 => pixels.into_iter().flat_map(|grey| [grey; 3]).collect(),
        PixelFormat::L16 | PixelFormat::CMYK32 => return None,
    };
    Picture::from_rgb(width, height, pixels).map(|picture| (picture, divisor))
}
