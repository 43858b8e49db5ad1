//! Formats of phones that are not read, told by their brands, so that the answer can say what to do.
//!
//! HEIC holds pictures of HEVC, AVIF of AV1, both in the container of ISO/IEC 23008-12 (HEIF), whose first box lists brands.

/// A format that is known and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// HEVC: what iPhones write unless they are told otherwise. Also HEIF files of which nothing more is known.
    Heic,
    /// AV1.
    Avif,
}

impl Foreign {
    /// The format that the brands of the first box name (ISO/IEC 14496-12, 4.3: size, `ftyp`, major brand, version, other brands).
    pub(super) fn of(data: &[u8]) -> Option<Self> {
        let size = usize::try_from(u32::from_be_bytes(*data.first_chunk()?)).ok()?;
        let ftyp = data.get(4..size.min(data.len()))?.strip_prefix(b"ftyp")?;
        let (brands, _) = ftyp.as_chunks::<4>();
        let brands = || brands.iter().enumerate().filter(|(place, _)| *place != 1);
        let any = |wanted: &[&[u8; 4]]| brands().any(|(_, brand)| wanted.contains(&brand));
        if any(&[b"avif", b"avis"]) {
            Some(Self::Avif)
        } else if any(&[
            b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2",
        ]) {
            Some(Self::Heic)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_tell_the_format() {
        let of = |brands: &[u8]| {
            let size = u32::try_from(8 + brands.len()).expect("short").to_be_bytes();
            Foreign::of(&[&size, b"ftyp", brands, b"\0\0\0\x20meta"].concat())
        };
        for (brands, expected) in [
            (&b"heic\0\0\0\0mif1MiHEheic"[..], Some(Foreign::Heic)),
            (b"mif1\0\0\0\0mif1heix", Some(Foreign::Heic)),
            (b"mif1\0\0\0\0", Some(Foreign::Heic)),
            (b"avif\0\0\0\0avifmif1miaf", Some(Foreign::Avif)),
            (b"mif1\0\0\0\0avif", Some(Foreign::Avif)),
            // A film; the version is no brand; no brand at all.
            (b"isom\0\0\x02\0mp42", None),
            (b"isomheicmp42", None),
            (b"", None),
        ] {
            assert_eq!(of(brands), expected, "{}", brands.escape_ascii());
        }
        assert_eq!(Foreign::of(b"\0\0\0\x18ftypheic"), Some(Foreign::Heic), "cut off");
        for other in [&b""[..], b"\0\0\0", b"\0\0\0\x02ftypheic", b"\0\0\0\x0Cmoovheic"] {
            assert_eq!(Foreign::of(other), None);
        }
    }
}
