//! Whether a picture file holds its whole picture, from the lengths that it states, without decoding anything.
//!
//! What follows a picture does not count: phones put further pictures (CIPA DC-007), films and editing data behind the first one.
//! Every byte is looked at once at the most.

use super::dimensions::Format;

impl Format {
    /// The file goes on to the end of its picture.
    pub(super) fn is_complete(self, data: &[u8]) -> bool {
        match self {
            Self::Jpeg => jpeg(data),
            Self::Png => png(data),
            Self::WebP => webp(data),
        }
        .is_some()
    }
}

/// Walks the segments and scans to the end-of-image marker (ITU-T T.81, B.1.1). Segments are skipped by their lengths: the markers of a
/// thumbnail inside one do not count.
fn jpeg(data: &[u8]) -> Option<()> {
    const END: u8 = 0xD9;
    const START_OF_SCAN: u8 = 0xDA;
    let mut rest = data.get(2..)?;
    let mut scanned = false;
    loop {
        let (marker, after) = next_marker(rest)?;
        rest = match marker {
            END => return scanned.then_some(()),
            // TEM, RSTn and a second SOI stand alone.
            0x01 | 0xD0..=0xD8 => after,
            _ => {
                scanned |= marker == START_OF_SCAN;
                let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
                after.get(length.max(2)..)?
            }
        };
    }
}

/// The next marker and what follows it. In entropy-coded data a 0xFF is followed by a stuffed 0; any number of fill bytes may stand
/// before a marker (B.1.1.5, B.1.1.2).
fn next_marker(mut rest: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = rest.iter().position(|byte| *byte == 0xFF)?;
        let (&marker, after) = rest.get(at + 1..)?.split_first()?;
        match marker {
            0x00 => rest = after,
            0xFF => rest = rest.get(at + 1..)?,
            _ => return Some((marker, after)),
        }
    }
}

/// Walks the chunks from picture data to the end of IEND (PNG specification, 5.3 and 5.6).
fn png(data: &[u8]) -> Option<()> {
    const AROUND: usize = 4 + 4 + 4;
    let mut rest = data.get(8..)?;
    let mut pictured = false;
    loop {
        let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
        let kind = rest.get(4..8)?;
        let after = rest.get(length.checked_add(AROUND)?..)?;
        match kind {
            b"IEND" => return pictured.then_some(()),
            b"IDAT" => pictured = true,
            _ => {}
        }
        rest = after;
    }
}

/// The file has as many bytes as it states, and a chunk with a picture or the first frame of an animation lies whole within them (RFC
/// 9649, 2.3 to 2.7).
fn webp(data: &[u8]) -> Option<()> {
    const HEADER: usize = 4 + 4;
    let size = |at: &[u8]| usize::try_from(u32::from_le_bytes(*at.get(4..)?.first_chunk()?)).ok();
    let mut rest = data.get(HEADER..size(data)?.checked_add(HEADER)?)?.get(4..)?;
    loop {
        let kind = rest.get(..4)?;
        let length = size(rest)?;
        let chunk = rest.get(HEADER..)?;
        // The byte that pads an odd length is missing behind some encoders' last chunk.
        let (_, after) = chunk.split_at_checked(length)?;
        if matches!(kind, b"VP8 " | b"VP8L" | b"ANMF") {
            return Some(());
        }
        rest = after.get(length % 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn complete(data: &[u8]) -> bool {
        Format::of(data).expect("a format").is_complete(data)
    }

    /// Complete whole and with bytes behind, and nowhere before its end.
    fn complete_only_whole(name: &str, data: &[u8]) {
        assert!(complete(data), "{name}");
        assert!(complete(&[data, b"anything \xFF\xD8 behind"].concat()), "{name}");
        let least = if data.starts_with(b"RIFF") { 12 } else { 8 };
        for end in least..data.len() {
            assert!(!complete(&data[..end]), "{name}, cut at {end} of {}", data.len());
        }
    }

    #[test]
    fn jpeg_needs_a_scan_and_its_end() {
        let start = b"\xFF\xD8";
        // APP1 with a thumbnail of its own, end included, and tables.
        let thumbnail = b"\xFF\xE1\x00\x08\xFF\xD8\xFF\xDA\xFF\xD9";
        let frame = b"\xFF\xC2\x00\x11\x08\x01\xE0\x02\x80";
        let frame = [&frame[..], &[0; 10]].concat();
        // A stuffed byte, a restart, fill bytes before the next marker.
        let scan = b"\xFF\xDA\x00\x03\x01\xAB\xFF\x00\xCD\xFF\xD0\xEF\xFF\xFF";
        let tables = b"\xFF\xC4\x00\x03\x00";
        let end = b"\xFF\xD9";
        let plain = [&start[..], &frame, scan, end].concat();
        complete_only_whole("one scan", &plain);
        let progressive = [&start[..], thumbnail, &frame, scan, tables, scan, end].concat();
        complete_only_whole("several scans", &progressive);
        complete_only_whole(
            "an extraneous byte",
            &[&plain[..plain.len() - 2], b"\x00\xFF\xD9"].concat(),
        );
        assert!(!complete(&[&start[..], &frame, end].concat()), "no scan");
        // A second picture behind the first is not looked at: a phone's gain map, here cut off.
        assert!(complete(&[&plain[..], &plain[..20]].concat()));
        assert!(
            !complete(&[&plain[..plain.len() - 2], &[0; 500]].concat()),
            "padded with zeros"
        );
    }

    #[test]
    fn png_needs_its_data_and_its_end() {
        let chunk = |kind: &[u8; 4], data: &[u8]| {
            let length = u32::try_from(data.len()).expect("short").to_be_bytes();
            [&length, &kind[..], data, &[0; 4]].concat()
        };
        let start = b"\x89PNG\r\n\x1A\n";
        let (header, data, end) = (chunk(b"IHDR", &[0; 13]), chunk(b"IDAT", b"data"), chunk(b"IEND", b""));
        complete_only_whole("png", &[&start[..], &header, &data, &data, &end].concat());
        assert!(!complete(&[&start[..], &header, &end].concat()), "no data");
        assert!(!complete(&[&start[..], &header, b"\xFF\xFF\xFF\xFFIDAT"].concat()));
    }

    #[test]
    fn webp_needs_as_many_bytes_as_it_states() {
        let chunk = |kind: &[u8; 4], data: &[u8]| {
            let length = u32::try_from(data.len()).expect("short").to_le_bytes();
            [&kind[..], &length, data, &[0; 1][..data.len() % 2]].concat()
        };
        let file = |chunks: &[u8]| chunk(b"RIFF", &[b"WEBP", chunks].concat());
        complete_only_whole("lossy", &file(&chunk(b"VP8 ", b"even")));
        let extended = [
            chunk(b"VP8X", &[0; 10]),
            chunk(b"ICCP", b"odd"),
            chunk(b"VP8L", b"even"),
        ]
        .concat();
        complete_only_whole("extended", &file(&extended));
        complete_only_whole(
            "animated",
            &file(&[chunk(b"VP8X", &[0; 10]), chunk(b"ANMF", b"even")].concat()),
        );
        // The last byte that only pads is missing, and was not counted.
        let mut odd = file(b"VP8 \x03\0\0\0odd");
        odd.truncate(8 + 4 + 8 + 3);
        assert!(complete(&odd));
        assert!(!complete(&file(&chunk(b"VP8X", &[0; 10]))), "no picture");
        assert!(!complete(&file(b"VP8 \xFF\xFF\xFF\xFF")));
    }

    proptest! {
        #[test]
        fn never_panics(magic in 0..3_usize, tail in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xFF), Just(0)], 0..300)) {
            let magic: &[u8] = [&b"\xFF\xD8\xFF"[..], b"\x89PNG\r\n\x1A\n", b"RIFF\x40\0\0\0WEBP"][magic];
            let _ = complete(&[magic, &tail].concat());
        }
    }
}
