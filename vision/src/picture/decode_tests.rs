use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use proptest::prelude::*;

use super::*;

// Made with Pillow, since the image crate cannot write them: 32×32 pixels, the left half cyan, the right half red.
const CMYK: &[u8] = include_bytes!("../../tests/golden/cmyk.jpg");
const PROGRESSIVE: &[u8] = include_bytes!("../../tests/golden/progressive.jpg");
/// 403×261 pixels of slow slopes, made with OpenCV: colours at half size (4:2:0), a restart marker after every third row of blocks.
const SUBSAMPLED: &[u8] = include_bytes!("../../tests/golden/subsampled.jpg");
/// Like the first two, with the Exif orientation 6: to be turned clockwise by 90°.
const TURNED_WEBP: &[u8] = include_bytes!("../../tests/golden/turned.webp");

fn decode(bytes: &[u8]) -> Result<Picture, DecodeError> {
    Picture::decode(bytes, &Limits::default())
}

fn reason(bytes: &[u8]) -> &'static str {
    decode(bytes).expect_err("this cannot be decoded").reason()
}

/// A picture with detail everywhere, so that every part of its file matters.
fn scene() -> Picture {
    Picture::from_fn(90, 60, |x, y| [(x * 2) as u8, (y * 4) as u8, ((x * 7) ^ (y * 5)) as u8])
}

fn webp(picture: &Picture) -> Vec<u8> {
    let mut file = Vec::new();
    WebPEncoder::new_lossless(&mut file)
        .write_image(
            picture.pixels(),
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    file
}

fn png(width: u32, height: u32, color: ExtendedColorType, data: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file)
        .write_image(data, width, height, color)
        .unwrap();
    file
}

/// A TIFF structure with the one tag 0x0112.
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    exif
}

fn jpeg_with_exif(picture: &Picture, exif: Vec<u8>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 95);
    encoder.set_exif_metadata(exif).unwrap();
    encoder
        .write_image(
            picture.pixels(),
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    file
}

fn mean_difference(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let sum: u64 = a
        .pixels()
        .iter()
        .zip(b.pixels())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.pixels().len() as f64
}

/// Where the first start-of-frame segment of a JPEG file has its height and width.
fn jpeg_size_at(file: &[u8]) -> usize {
    file.windows(2)
        .position(|pair| pair[0] == 0xFF && (0xC0..=0xC2).contains(&pair[1]))
        .unwrap()
        + 5
}

/// CRC-32 as PNG has it (RFC 2083, section 15).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}

#[test]
fn each_format_gives_the_picture_back() {
    let scene = scene();
    assert_eq!(decode(&scene.encode_png().unwrap()).unwrap(), scene);
    assert_eq!(decode(&webp(&scene)).unwrap(), scene);
    let smooth = Picture::from_fn(90, 60, |x, y| [(x * 2) as u8, (y * 4) as u8, 90]);
    let jpeg = decode(&smooth.encode_jpeg(95).unwrap()).unwrap();
    assert!(mean_difference(&jpeg, &smooth) < 2.0);
}

#[test]
fn cmyk_and_progressive_jpegs_have_their_colours() {
    for file in [CMYK, PROGRESSIVE] {
        let picture = decode(file).unwrap();
        assert_eq!((picture.width(), picture.height()), (32, 32));
        for (at, expected) in [((4, 20), [0u8, 255, 255]), ((28, 5), [255, 0, 0])] {
            let got = picture.pixel(at.0, at.1);
            assert!(
                got.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12),
                "{got:?} {expected:?}"
            );
        }
    }
}

#[test]
fn grey_16_bit_and_transparent_pictures_become_rgb() {
    let (w, h) = (20, 20);
    let deep: Vec<u8> = (0..w * h)
        .flat_map(|_| [0xFFFFu16, 0x8000, 0x00FF].map(u16::to_ne_bytes))
        .flatten()
        .collect();
    let picture = decode(&png(w, h, ExtendedColorType::Rgb16, &deep)).unwrap();
    assert_eq!(picture.pixel(3, 3), [255, 128, 1]);
    let picture = decode(&png(w, h, ExtendedColorType::L8, &vec![77; 400])).unwrap();
    assert_eq!(picture.pixel(3, 3), [77; 3]);
    let picture = decode(&png(w, h, ExtendedColorType::L16, &[0x40u8; 800])).unwrap();
    assert_eq!(picture.pixel(3, 3), [64; 3]);
    let clear: Vec<u8> = (0..w * h)
        .flat_map(|i| {
            if i % 2 == 0 {
                [10, 20, 30, 0]
            } else {
                [200, 100, 0, 128]
            }
        })
        .collect();
    let picture = decode(&png(w, h, ExtendedColorType::Rgba8, &clear)).unwrap();
    assert_eq!((picture.pixel(0, 0), picture.pixel(1, 0)), ([255; 3], [227, 177, 127]));
    let picture = decode(&png(w, h, ExtendedColorType::La8, &[0, 0].repeat(400))).unwrap();
    assert_eq!(picture.pixel(5, 5), [255; 3]);
}

#[test]
fn orientation_is_applied() {
    let scene = Picture::from_fn(48, 32, |x, y| {
        [if x < 24 { 200 } else { 20 }, if y < 16 { 220 } else { 30 }, 60]
    });
    type Turn = fn(&Picture) -> Picture;
    let upright: [(u8, Turn); 8] = [
        (1, |p| p.clone()),
        (2, |p| p.mirror()),
        (3, |p| p.rotate180()),
        (4, |p| p.rotate180().mirror()),
        (5, |p| p.rotate90().mirror()),
        (6, |p| p.rotate90()),
        (7, |p| p.rotate270().mirror()),
        (8, |p| p.rotate270()),
    ];
    for (orientation, turn) in upright {
        let jpeg = decode(&jpeg_with_exif(&scene, exif(orientation))).unwrap();
        assert!(
            mean_difference(&jpeg, &turn(&scene)) < 3.0,
            "jpeg with orientation {orientation}"
        );
        let mut file = Vec::new();
        let mut encoder = PngEncoder::new(&mut file);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder
            .write_image(scene.pixels(), 48, 32, ExtendedColorType::Rgb8)
            .unwrap();
        assert_eq!(
            decode(&file).unwrap(),
            turn(&scene),
            "png with orientation {orientation}"
        );
    }
    let picture = decode(TURNED_WEBP).unwrap();
    assert!(
        picture.pixel(16, 3)[0] < 30,
        "cyan is on top: {:?}",
        picture.pixel(16, 3)
    );
    assert!(
        picture.pixel(16, 28)[0] > 225,
        "red is below: {:?}",
        picture.pixel(16, 28)
    );
}

#[test]
fn damaged_exif_data_is_ignored() {
    let scene = scene();
    for exif in [vec![], vec![0xFF; 50], exif(200), exif(6)[..15].to_vec()] {
        let picture = decode(&jpeg_with_exif(&scene, exif)).unwrap();
        assert_eq!((picture.width(), picture.height()), (90, 60));
    }
}

#[test]
fn a_jpeg_may_come_at_a_part_of_its_size() {
    let limits = Limits::default();
    // Of no size that blocks divide, and smooth, so that it matters little how a smaller one is made.
    let scene = Picture::from_fn(403, 261, |x, y| [(x / 2) as u8, (y * 3 / 4) as u8, ((x + y) / 3) as u8]);
    let upright = scene.rotate90();
    let file = jpeg_with_exif(&scene, exif(6));
    for (enough, divisor) in [(404, 1), (202, 1), (201, 2), (101, 2), (100, 4), (50, 8), (1, 8)] {
        let (picture, by) = Picture::decode_reduced(&file, &limits, enough).unwrap();
        assert_eq!(by, divisor, "at least {enough} pixels");
        let expected = upright.resize(261u32.div_ceil(divisor), 403u32.div_ceil(divisor));
        let off = mean_difference(&picture, &expected);
        assert!(off < 2.5, "a size of 1/{divisor} differs by {off}");
    }
    for (enough, divisor) in [(201, 2), (100, 4), (50, 8)] {
        let (picture, by) = Picture::decode_reduced(SUBSAMPLED, &limits, enough).unwrap();
        assert_eq!(by, divisor);
        let expected = decode(SUBSAMPLED).unwrap().resize(picture.width(), picture.height());
        let off = mean_difference(&picture, &expected);
        assert!(off < 2.5, "a size of 1/{divisor} differs by {off}");
    }
    let mut grey = Vec::new();
    JpegEncoder::new_with_quality(&mut grey, 95)
        .write_image(&[77; 64 * 40], 64, 40, ExtendedColorType::L8)
        .unwrap();
    let (picture, _) = Picture::decode_reduced(&grey, &limits, 16).unwrap();
    assert_eq!(picture, Picture::from_fn(16, 10, |_, _| [77; 3]));

    // What only the other decoder is given, or reads, and other formats have their own size.
    for file in [PROGRESSIVE, CMYK, &scene.encode_png().unwrap()] {
        let (picture, divisor) = Picture::decode_reduced(file, &limits, 1).unwrap();
        assert_eq!((picture, divisor), (decode(file).unwrap(), 1));
    }
    // Segments that say how colours are meant are not obeyed by all.
    let file = scene.encode_jpeg(90).unwrap();
    let adobe = [&file[..2], b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\0", &file[2..]].concat();
    assert_eq!(
        Picture::decode_reduced(&adobe, &limits, 1).unwrap(),
        (decode(&adobe).unwrap(), 1)
    );
    // The pixels twice: each time costs time for all of them, and in a file of 10 MiB there is space for thousands of empty ones.
    let scan = file.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let twice = [&file[..file.len() - 2], &file[scan..]].concat();
    assert!(Picture::decode_reduced(&file, &limits, 1).is_ok_and(|(_, divisor)| divisor == 8));
    assert!(Picture::decode_reduced(&twice, &limits, 1).is_ok_and(|(_, divisor)| divisor == 1));
}

#[test]
fn what_is_no_picture_says_so() {
    assert_eq!(reason(b""), "empty");
    for bytes in [
        &b"x"[..],
        b"%PDF-1.7",
        b"GIF89a\x10\0\x10\0",
        b"\0\0\0\x18ftypheic",
        b"<html></html>",
        &[0; 5000],
    ] {
        assert_eq!(reason(bytes), "unsupported_format");
    }
}

#[test]
fn large_files_are_refused_unread() {
    let limits = Limits {
        bytes: 1000,
        ..Limits::default()
    };
    let error = Picture::decode(&[0; 1001], &limits).unwrap_err();
    assert!(
        matches!(
            error,
            DecodeError::TooLarge {
                actual: 1001,
                limit: 1000
            }
        ),
        "{error}"
    );
}

#[test]
fn sizes_are_checked_before_pixels_are_decoded() {
    let side = 30_000u16;
    let scene = scene();
    let mut jpeg = scene.encode_jpeg(90).unwrap();
    let at = jpeg_size_at(&jpeg);
    jpeg[at..at + 4].copy_from_slice(&[side.to_be_bytes(), side.to_be_bytes()].concat());

    let mut png = scene.encode_png().unwrap();
    png[16..24].copy_from_slice(&[u32::from(side).to_be_bytes(), u32::from(side).to_be_bytes()].concat());
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());

    // The size in a lossless WebP file: 14 bits each, less one, from byte 21 on; the last four bits are something else.
    let mut webp = webp(&scene);
    let size = 12_287 | 12_287 << 14 | u32::from(webp[24] & 0xF0) << 24;
    webp[21..25].copy_from_slice(&size.to_le_bytes());

    for file in [jpeg, png, webp] {
        assert_eq!(reason(&file), "too_many_pixels", "{:?}", &file[..12]);
    }
}

/// A chunk of a WebP file.
fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let padding = vec![0; content.len() % 2];
    [&name[..], &(content.len() as u32).to_le_bytes(), content, &padding].concat()
}

/// An extended WebP file of 40×40 pixels.
fn extended_webp(flags: u8, chunks: &[Vec<u8>]) -> Vec<u8> {
    let header = chunk(b"VP8X", &[flags, 0, 0, 0, 39, 0, 0, 39, 0, 0]);
    chunk(b"RIFF", &[&b"WEBP"[..], &header, &chunks.concat()].concat())
}

#[test]
fn a_webp_frame_has_the_size_that_is_stated_for_it() {
    const TRANSPARENT: u8 = 0x10;
    const ANIMATED: u8 = 0x02;
    // The lossy frame of 32×32 pixels, and transparency for 40×40, as it is and in an animation that states these sides.
    let at = TURNED_WEBP.windows(4).position(|name| name == b"VP8 ").unwrap();
    let length = u32::from_le_bytes(TURNED_WEBP[at + 4..at + 8].try_into().unwrap()) as usize;
    let lossy = TURNED_WEBP[at..at + 8 + length + length % 2].to_vec();
    let alpha = chunk(b"ALPH", &[vec![0], vec![255; 40 * 40]].concat());
    let animation = |side: u8, parts: &[Vec<u8>]| {
        let frame = [0, 0, 0, 0, 0, 0, side - 1, 0, 0, side - 1, 0, 0, 0, 0, 0, 0];
        let frame = chunk(b"ANMF", &[frame.to_vec(), parts.concat()].concat());
        extended_webp(TRANSPARENT | ANIMATED, &[chunk(b"ANIM", &[0; 6]), frame])
    };
    for parts in [vec![lossy.clone()], vec![alpha.clone(), lossy.clone()]] {
        let picture = decode(&animation(32, &parts)).unwrap();
        assert_eq!((picture.width(), picture.height()), (40, 40));
        for side in [8, 31, 33, 40] {
            assert_eq!(reason(&animation(side, &parts)), "corrupt", "{side}");
        }
    }
    assert_eq!(reason(&extended_webp(0, std::slice::from_ref(&lossy))), "corrupt");
    assert_eq!(reason(&extended_webp(TRANSPARENT, &[alpha, lossy])), "corrupt");
}

#[test]
fn memory_is_checked_before_pixels_are_decoded() {
    let file = scene().encode_png().unwrap();
    let limits = Limits {
        memory: 90 * 60 * 5,
        ..Limits::default()
    };
    assert_eq!(Picture::decode(&file, &limits).unwrap_err().reason(), "too_much_memory");
    assert!(
        Picture::decode(
            &file,
            &Limits {
                memory: 90 * 60 * 6,
                ..limits
            }
        )
        .is_ok()
    );
}

#[test]
fn memory_counts_16_bits_and_turning() {
    let at = |file: &[u8], memory| {
        let limits = Limits {
            memory,
            ..Limits::default()
        };
        Picture::decode(file, &limits).map_err(|error| error.reason())
    };
    // Eight bytes of each pixel as decoded and three as converted.
    let deep = png(20, 30, ExtendedColorType::Rgba16, &[255; 20 * 30 * 8]);
    assert_eq!(at(&deep, 20 * 30 * 11 - 1), Err("too_much_memory"));
    assert!(at(&deep, 20 * 30 * 11).is_ok());
    // Three bytes before and three after the turn, though a grey picture is decoded and converted with four.
    let grey = png(20, 30, ExtendedColorType::L8, &[255; 20 * 30]);
    assert_eq!(at(&grey, 20 * 30 * 6 - 1), Err("too_much_memory"));
    assert!(at(&grey, 20 * 30 * 6).is_ok());
}

#[test]
fn tiny_pictures_are_refused() {
    let dot = Picture::from_fn(1, 1, |_, _| [9; 3]);
    let line = Picture::from_fn(900, 15, |_, _| [9; 3]);
    for picture in [dot, line] {
        for file in [
            picture.encode_png().unwrap(),
            picture.encode_jpeg(90).unwrap(),
            webp(&picture),
        ] {
            assert_eq!(reason(&file), "too_small");
        }
    }
    assert!(decode(&Picture::from_fn(16, 16, |_, _| [9; 3]).encode_png().unwrap()).is_ok());
}

#[test]
fn a_file_without_its_end_is_refused() {
    let scene = scene();
    let files = [
        scene.encode_jpeg(90).unwrap(),
        PROGRESSIVE.to_vec(),
        CMYK.to_vec(),
        scene.encode_png().unwrap(),
        webp(&scene),
    ];
    for file in files {
        for percent in [15, 30, 50, 70, 90, 98] {
            let cut = file.len() * percent / 100;
            assert!(decode(&file[..cut]).is_err(), "{percent} % of {:?}", &file[..4]);
        }
    }
    let jpeg = scene.encode_jpeg(90).unwrap();
    assert_eq!(reason(&jpeg[..jpeg.len() - 2]), "truncated");
    assert_eq!(reason(&jpeg[..jpeg.len() / 2]), "truncated");
    let png = scene.encode_png().unwrap();
    assert_eq!(reason(&png[..png.len() / 2]), "truncated");
}

#[test]
fn the_end_of_an_embedded_thumbnail_is_not_that_of_the_picture() {
    let scene = scene();
    let mut with_thumbnail = exif(1);
    with_thumbnail.extend(scene.encode_jpeg(50).unwrap());
    let file = jpeg_with_exif(&scene, with_thumbnail);
    assert!(decode(&file).is_ok());
    assert_eq!(reason(&file[..file.len() - 100]), "truncated");
}

#[test]
fn reasons_are_all_different() {
    let (width, height) = (1, 1);
    let all = [
        DecodeError::Empty,
        DecodeError::TooLarge { actual: 2, limit: 1 },
        DecodeError::UnsupportedFormat,
        DecodeError::UnsupportedFeature,
        DecodeError::TooManyPixels {
            width,
            height,
            limit: 0,
        },
        DecodeError::TooMuchMemory,
        DecodeError::TooSmall {
            width,
            height,
            limit: 2,
        },
        DecodeError::Truncated,
        DecodeError::Corrupt,
    ];
    let names: std::collections::BTreeSet<_> = all.iter().map(DecodeError::reason).collect();
    assert_eq!(names.len(), all.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn damaged_files_never_panic(
        which in 0usize..7, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let scene = scene();
        let mut file = match which {
            0 => scene.encode_jpeg(80).unwrap(),
            1 => PROGRESSIVE.to_vec(),
            2 => CMYK.to_vec(),
            3 => scene.encode_png().unwrap(),
            4 => webp(&scene),
            5 => SUBSAMPLED.to_vec(),
            _ => TURNED_WEBP.to_vec(),
        };
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        let limits = Limits { pixels: 1 << 20, memory: 64 << 20, ..Limits::default() };
        let whole = Picture::decode(&file, &limits);
        let reduced = [8, 130].map(|enough| Picture::decode_reduced(&file, &limits, enough).map(|(picture, _)| picture));
        for picture in [whole].into_iter().chain(reduced).flatten() {
            prop_assert!(u64::from(picture.width()) * u64::from(picture.height()) <= limits.pixels);
        }
    }
}
