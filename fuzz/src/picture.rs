//! Decoding of pictures. The input is a file.

use vision::picture::{DecodeError, Limits, Picture};

use crate::ALLOCATED;

/// Small, so that what goes beyond them shows soon.
const LIMITS: Limits = Limits {
    bytes: 1 << 16,
    pixels: 1 << 18,
    memory: 4 << 20,
    shortest_side: 2,
};

/// What a decoder may take beside: its tables, copies of parts of the file, and the 16 MiB that a WebP file may claim for a part
/// of it before that is read (RFC 6386, section 9.5).
const TABLES: usize = 1 << 19;
const COPIES: usize = 4;
const CLAIMED: usize = 1 << 24;

/// Longer sides to which a picture is reduced.
const ENOUGH: [u32; 2] = [8, 100];

/// A picture is what its header says, or there is an error; within the limits of size and memory, and each time the same.
pub fn check(file: &[u8]) {
    let Some(picture) = decode(file, u32::MAX) else { return };
    assert_eq!(decode(file, u32::MAX).as_ref(), Some(&picture), "decoded twice");
    let size = (picture.width(), picture.height());
    assert!(stated_sizes(file).any(|stated| is_turned(size, stated)), "{size:?}");
    for enough in ENOUGH {
        decode(file, enough);
    }
    let again = picture.encode_png().expect("a picture can be written");
    assert!(
        decode(&again, u32::MAX).is_none_or(|again| again == picture),
        "written and read"
    );
}

/// The picture, reduced where `enough` pixels along its longer side are enough; `None` where it is refused.
pub(crate) fn decode(file: &[u8], enough: u32) -> Option<Picture> {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let decoded = Picture::decode_reduced(file, &LIMITS, enough);
    let taken = ALLOCATED.peak_usage().saturating_sub(before);
    let claimed = if file.starts_with(b"RIFF") { CLAIMED } else { 0 };
    let allowed = LIMITS.memory as usize + TABLES + COPIES * LIMITS.bytes + claimed;
    assert!(taken <= allowed, "{taken} bytes taken, {allowed} allowed: {decoded:?}");
    let (picture, divisor) = match decoded {
        Ok(decoded) => decoded,
        Err(error) => {
            assert_eq!(file.len() > LIMITS.bytes, matches!(error, DecodeError::TooLarge { .. }));
            assert_eq!(file.is_empty(), matches!(error, DecodeError::Empty));
            return None;
        }
    };
    let (width, height) = (picture.width(), picture.height());
    assert_eq!(picture.pixels().len(), width as usize * height as usize * 3);
    assert!(u64::from(width) * u64::from(height) <= LIMITS.pixels);
    if divisor == 1 {
        assert!(width.min(height) >= LIMITS.shortest_side);
    } else {
        assert!([2, 4, 8].contains(&divisor) && picture.longest_side() >= enough);
        let reduced = |side: u32| side.div_ceil(divisor);
        let mut stated = stated_sizes(file).map(|(width, height)| (reduced(width), reduced(height)));
        assert!(
            stated.any(|stated| is_turned((width, height), stated)),
            "{width}x{height} of 1/{divisor}"
        );
    }
    Some(picture)
}

fn is_turned((width, height): (u32, u32), stated: (u32, u32)) -> bool {
    stated == (width, height) || stated == (height, width)
}

/// Width and height, wherever the file may state them. In a JPEG file that is each place that looks like the start of a frame.
fn stated_sizes(file: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    let frames = file.windows(9).filter(|_| file.starts_with(b"\xFF\xD8"));
    let frames = frames.filter_map(|bytes| match *bytes {
        [0xFF, 0xC0..=0xCF, _, _, _, h1, h0, w1, w0] => {
            Some((u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into()))
        }
        _ => None,
    });
    frames.chain(png_size(file)).chain(webp_size(file))
}

/// RFC 2083, section 4.1.1.
fn png_size(file: &[u8]) -> Option<(u32, u32)> {
    let &[w3, w2, w1, w0, h3, h2, h1, h0] = file.strip_prefix(b"\x89PNG\r\n\x1A\n")?.get(8..16)? else {
        return None;
    };
    Some((
        u32::from_be_bytes([w3, w2, w1, w0]),
        u32::from_be_bytes([h3, h2, h1, h0]),
    ))
}

/// RFC 9649, sections 2.5 to 2.7 and 3.4; RFC 6386, section 9.1.
fn webp_size(file: &[u8]) -> Option<(u32, u32)> {
    let chunk = file.strip_prefix(b"RIFF")?.get(8..)?;
    let little = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u32::from(*byte))
    };
    match chunk.get(..4)? {
        b"VP8X" => Some((little(chunk.get(12..15)?) + 1, little(chunk.get(15..18)?) + 1)),
        b"VP8L" => {
            let bits = little(chunk.get(9..13)?);
            Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8 " => Some((little(chunk.get(14..16)?) & 0x3FFF, little(chunk.get(16..18)?) & 0x3FFF)),
        _ => None,
    }
}
