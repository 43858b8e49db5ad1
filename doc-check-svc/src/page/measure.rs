//! Measures of pages and of the zones on them, in millimetres: of the documents that are read, and of those that are drawn.
//!
//! Sizes: ICAO Doc 9303 parts 4 to 7, section 2. Left edge of the first character: section 4.2.1 of the same. Lines: 9303-4 figure 3
//! and 9303-7 figure 3 (centre lines 9.40 and 15.75 mm above the lower edge), 9303-5 figure 6 (4.23 mm apart).

use vision::geometry::{Perspective, Point};

use crate::mrz::{Format, Shape};

/// Width of a position: 10 characters to the inch (9303-3 section 4.4).
pub const PITCH: f32 = 2.54;

/// Height of a capital letter in OCR-B size 1 (ISO 1073-2).
pub const CAPITAL: f32 = 2.4;

/// How far zones may begin left or right of where they should.
pub const LEFT_TOLERANCE: f32 = 1.0;

/// The distance of lines that a picture shows, as a share of the standard's, at which the standard's is believed: a camera that looks
/// at the page aslant shortens one of the directions. Beyond, the issuer printed them at another distance.
const ASLANT: std::ops::RangeInclusive<f32> = 0.76..=1.31;

/// Width and height of a page.
#[must_use]
pub const fn size(format: Format) -> (f32, f32) {
    match format {
        Format::Td1 => (85.6, 53.98),
        Format::Td2 | Format::MrvB => (105.0, 74.0),
        Format::Td3 => (125.0, 88.0),
        Format::MrvA => (120.0, 80.0),
    }
}

/// From the left edge of the page to the first position.
#[must_use]
pub const fn left(format: Format) -> f32 {
    match format {
        Format::Td1 => 5.0,
        Format::Td2 | Format::MrvA | Format::MrvB => 4.0,
        Format::Td3 => 6.0,
    }
}

/// From the lower edge of the page to the middle of the lowest line.
#[must_use]
pub const fn lowest_line(format: Format) -> f32 {
    match format {
        // By public specimens, 6.2 to 8.2.
        Format::Td1 => 7.0,
        Format::Td2 | Format::Td3 | Format::MrvA | Format::MrvB => 9.4,
    }
}

/// Distance of the lines.
#[must_use]
pub const fn line(format: Format) -> f32 {
    match format {
        Format::Td1 => 4.23,
        Format::Td2 | Format::Td3 | Format::MrvA | Format::MrvB => 6.35,
    }
}

/// Of the formats that have zones of a shape, the one with the largest page.
pub(super) const fn largest(shape: Shape) -> Format {
    match shape.length {
        30 => Format::Td1,
        36 => Format::Td2,
        _ => Format::Td3,
    }
}

/// Distance of the lines of a zone: the standard's, or what the picture shows where that is something else.
pub(super) fn line_seen(format: Format, zone: &Perspective) -> f32 {
    let standard = line(format);
    let (middle, half) = (format.line_length() as f32 / 2.0, format.lines() as f32 / 2.0);
    let at = |x: f32, y: f32| zone.apply(Point::new(x, y));
    let pitch = at(middle - 1.0, half).distance(at(middle + 1.0, half));
    let line = at(middle, half - 1.0).distance(at(middle, half + 1.0));
    let shown = line / pitch * PITCH;
    if ASLANT.contains(&(shown / standard)) || !shown.is_finite() {
        standard
    } else {
        shown
    }
}
