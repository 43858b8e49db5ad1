//! Width and height of a picture file from its header, without decoding anything.
//!
//! Of our own: `imagesize` 0.15 counts the scaling bits of a WebP file as width (17,024 for 640 pixels) and takes any first chunk of a PNG
//! file for its header, and what is accepted here is decoded elsewhere.

/// The formats that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Jpeg,
    Png,
    WebP,
}

impl Format {
    /// The format that the first bytes claim.
    pub(crate) fn of(data: &[u8]) -> Option<Self> {
        if data.starts_with(b"\xFF\xD8\xFF") {
            Some(Self::Jpeg)
        } else if data.starts_with(b"\x89PNG\r\n\x1A\n") {
            Some(Self::Png)
        } else if data.starts_with(b"RIFF") && data.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else {
            None
        }
    }

    /// Width and height in pixels as stored, before any EXIF orientation; `None` where the header is cut off or damaged.
    pub(super) fn dimensions(self, data: &[u8]) -> Option<(u32, u32)> {
        match self {
            Self::Jpeg => jpeg(data),
            Self::Png => png(data),
            Self::WebP => webp(data),
        }
    }
}

/// Walks the segments up to the frame header (ITU-T T.81, B.1.1.2 to B.2.2).
fn jpeg(data: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        if *data.get(at)? != 0xFF {
            return None;
        }
        // Any number of fill bytes may stand before a marker.
        while *data.get(at)? == 0xFF {
            at += 1;
        }
        let marker = *data.get(at)?;
        at += 1;
        match marker {
            // TEM and RSTn stand alone.
            0x01 | 0xD0..=0xD7 => {}
            // The scan or the end before any frame, or a stuffed byte where a marker must be.
            0x00 | 0xD8..=0xDA => return None,
            // SOFn: length, precision, height, width. C4, C8 and CC are tables and an extension.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let (height, width) = (be16(data, at + 3)?, be16(data, at + 5)?);
                return Some((width, height));
            }
            _ => {
                let length = be16(data, at)?;
                if length < 2 {
                    return None;
                }
                at += length as usize;
            }
        }
    }
}

/// The first chunk must be IHDR (PNG specification, 5.6).
fn png(data: &[u8]) -> Option<(u32, u32)> {
    if data.get(12..16)? != b"IHDR" {
        return None;
    }
    let side = |at| Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?));
    Some((side(16)?, side(20)?))
}

/// RFC 9649: a lossy (2.5), lossless (2.6) or extended (2.7) first chunk.
fn webp(data: &[u8]) -> Option<(u32, u32)> {
    match data.get(12..16)? {
        b"VP8 " => {
            // A key frame: three bytes of frame tag, a start code, then 14 bits per side and two of scaling (RFC 6386, 9.1).
            if data.get(23..26)? != b"\x9D\x01\x2A" {
                return None;
            }
            Some((le16(data, 26)? & 0x3FFF, le16(data, 28)? & 0x3FFF))
        }
        b"VP8L" => {
            if *data.get(20)? != 0x2F {
                return None;
            }
            let bits = u32::from_le_bytes(*data.get(21..)?.first_chunk()?);
            Some(((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
        }
        b"VP8X" => {
            let side = |at: usize| Some(le16(data, at)? + (u32::from(*data.get(at + 2)?) << 16) + 1);
            Some((side(24)?, side(27)?))
        }
        _ => None,
    }
}

fn be16(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_be_bytes(*data.get(at..)?.first_chunk()?)))
}

fn le16(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_le_bytes(*data.get(at..)?.first_chunk()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(data: &[u8]) -> Option<(u32, u32)> {
        Format::of(data)?.dimensions(data)
    }

    fn jpeg_of(before: &[u8], width: u16, height: u16) -> Vec<u8> {
        let mut data = b"\xFF\xD8".to_vec();
        data.extend_from_slice(before);
        data.extend_from_slice(b"\xFF\xC2\x00\x11\x08");
        data.extend_from_slice(&height.to_be_bytes());
        data.extend_from_slice(&width.to_be_bytes());
        data
    }

    #[test]
    fn reads_jpeg_behind_other_segments() {
        assert_eq!(read(&jpeg_of(b"", 640, 480)), Some((640, 480)));
        // An APP1 with an SOF of a thumbnail inside, a table, fill bytes.
        let app1 = b"\xFF\xE1\x00\x0B\xFF\xC0\x00\x11\x08\x00\x01\x00\x01";
        let rest = b"\xFF\xC4\x00\x03\x00\xFF\xFF\xFF";
        assert_eq!(
            read(&jpeg_of(&[&app1[..], rest].concat(), 4032, 3024)),
            Some((4032, 3024))
        );
        assert_eq!(read(&jpeg_of(b"\xFF\xE1\x00\x01", 640, 480)), None);
        assert_eq!(read(&jpeg_of(b"\xFF\xDA\x00\x02", 640, 480)), None);
        assert_eq!(read(&jpeg_of(b"", 640, 480)[..10]), None);
    }

    #[test]
    fn reads_png() {
        let mut data = b"\x89PNG\r\n\x1A\n\x00\x00\x00\x0DIHDR".to_vec();
        data.extend_from_slice(&30_000_u32.to_be_bytes());
        data.extend_from_slice(&70_000_u32.to_be_bytes());
        assert_eq!(read(&data), Some((30_000, 70_000)));
        assert_eq!(read(&data[..23]), None);
        data[12..16].copy_from_slice(b"IDAT");
        assert_eq!(read(&data), None);
    }

    #[test]
    fn reads_every_kind_of_webp() {
        let webp = |chunk: &[u8]| [b"RIFF\x00\x00\x00\x00WEBP", chunk].concat();
        let lossy = webp(b"VP8 \x00\x00\x00\x00\x10\x00\x00\x9D\x01\x2A\x80\x42\xE0\x01");
        assert_eq!(read(&lossy), Some((640, 480)));
        let bits: u32 = 639 | (479 << 14);
        let lossless = webp(&[b"VP8L\x00\x00\x00\x00\x2F", &bits.to_le_bytes()[..]].concat());
        assert_eq!(read(&lossless), Some((640, 480)));
        let extended = webp(b"VP8X\x0A\x00\x00\x00\x00\x00\x00\x00\x7F\x02\x00\xDF\x01\x01");
        assert_eq!(read(&extended), Some((640, 0x0001_01E0)));
        assert_eq!(read(&webp(b"ALPH")), None);
    }

    proptest! {
        #[test]
        fn never_panics(magic in 0..4_usize, tail in prop::collection::vec(any::<u8>(), 0..200)) {
            let magic: &[u8] = [&b""[..], b"\xFF\xD8\xFF", b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", b"RIFF\0\0\0\0WEBPVP8"][magic];
            let _ = read(&[magic, &tail].concat());
        }

        #[test]
        fn never_panics_on_a_cut_or_damaged_jpeg(cut in 0..40_usize, at in 0..40_usize, byte: u8) {
            let mut data = jpeg_of(b"\xFF\xE1\x00\x04AB\xFF\xFF\xDB\x00\x02", 640, 480);
            if let Some(damaged) = data.get_mut(at) {
                *damaged = byte;
            }
            data.truncate(cut);
            let _ = read(&data);
        }
    }
}
