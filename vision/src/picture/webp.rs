//! What a WebP file says of the size of its first frame. Its decoder believes the frame itself: it takes memory for as many pixels
//! as the frame claims, and where an animation has transparency, writes them all into a picture of the size that the animation
//! states.

/// Whether the first frame, where it is lossy, has the size that the file states for it (RFC 9649, section 2.7): of the whole
/// picture, or in an animation of this frame.
pub(super) fn first_frame_fits(file: &[u8]) -> bool {
    let mut all = Chunks(file.get(12..).unwrap_or_default());
    let Some((b"VP8X", header)) = all.next() else {
        // There is only the frame.
        return true;
    };
    let still = Chunks(all.0).find(|(name, _)| *name == b"VP8 ");
    let animated = all.find(|(name, _)| *name == b"ANMF").map(|(_, frame)| frame);
    let is_still = still.is_none_or(|(_, frame)| has_size(frame, size(header, 4)));
    is_still && animated.is_none_or(animated_frame_fits)
}

fn animated_frame_fits(frame: &[u8]) -> bool {
    let mut parts = Chunks(frame.get(16..).unwrap_or_default());
    let mut first = parts.next();
    // The transparency of a lossy frame comes before it, and whatever is next is taken as one.
    if first.is_some_and(|(name, _)| name == b"ALPH") {
        first = parts.next();
    } else if first.is_some_and(|(name, _)| name == b"VP8L") {
        return true;
    }
    first.is_none_or(|(_, lossy)| has_size(lossy, size(frame, 6)))
}

/// Whether a lossy frame has this size; one without a header has none, and is refused by the decoder (RFC 6386, section 9.1).
fn has_size(lossy: &[u8], stated: Option<(u32, u32)>) -> bool {
    let Some(&[_, _, _, 0x9D, 0x01, 0x2A, w0, w1, h0, h1]) = lossy.get(..10) else {
        return true;
    };
    let side = |bytes: [u8; 2]| u32::from(u16::from_le_bytes(bytes) & 0x3FFF);
    stated == Some((side([w0, w1]), side([h0, h1])))
}

/// Two numbers of 24 bits, each less one.
fn size(header: &[u8], at: usize) -> Option<(u32, u32)> {
    let &[w0, w1, w2, h0, h1, h2] = header.get(at..at + 6)? else {
        return None;
    };
    let side = |[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]) + 1;
    Some((side([w0, w1, w2]), side([h0, h1, h2])))
}

/// Name and content of each chunk; the last may be cut short.
struct Chunks<'file>(&'file [u8]);

impl<'file> Iterator for Chunks<'file> {
    type Item = (&'file [u8; 4], &'file [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = u32::from_le_bytes(*length) as usize;
        // Padded to an even length.
        self.0 = rest.get(length.saturating_add(length % 2)..).unwrap_or_default();
        Some((name, rest.get(..length).unwrap_or(rest)))
    }
}
