//! Sizes of pages and places of zones on them, in millimetres.
//!
//! Sizes: ICAO Doc 9303 parts 4 to 7, section 2. Left edge of the first character: section 4.2.1 of the same, ± 1.0 mm. Lines: 9303-4
//! figure 3 and 9303-7 figure 3 (centre lines 9.40 and 15.75 mm above the lower edge), 9303-5 figure 6 (4.23 mm apart).

use vision::geometry::{Perspective, Point};

use crate::mrz::Format;

/// Width of a position: 10 characters to the inch (9303-3 section 4.4).
pub(super) const PITCH: f64 = 2.54;

/// The distance of lines that a picture shows, as a share of the standard's, at which the standard's is believed: a camera that looks
/// at the page aslant shortens one of the directions. Beyond, the issuer printed them at another distance.
const ASLANT: std::ops::RangeInclusive<f64> = 0.76..=1.31;

/// Width and height of a page.
pub(super) fn size(format: Format) -> (f32, f32) {
    match format {
        Format::Td1 => (85.6, 53.98),
        Format::Td2 | Format::MrvB => (105.0, 74.0),
        Format::Td3 => (125.0, 88.0),
        Format::MrvA => (120.0, 80.0),
    }
}

/// From the left edge of the page to the first position.
pub(super) fn left(format: Format) -> f64 {
    match format {
        Format::Td1 => 5.0,
        Format::Td2 | Format::MrvA | Format::MrvB => 4.0,
        Format::Td3 => 6.0,
    }
}

/// From the lower edge of the page to the middle of the lowest line.
pub(super) fn lowest_line(format: Format) -> f64 {
    match format {
        // By public specimens, 6.2 to 8.2.
        Format::Td1 => 7.0,
        Format::Td2 | Format::Td3 | Format::MrvA | Format::MrvB => 9.4,
    }
}

/// Distance of the lines.
fn standard_line(format: Format) -> f64 {
    match format {
        Format::Td1 => 4.23,
        Format::Td2 | Format::Td3 | Format::MrvA | Format::MrvB => 6.35,
    }
}

/// Distance of the lines of a zone: the standard's, or what the picture shows where that is something else.
pub(super) fn line(format: Format, zone: &Perspective) -> f64 {
    let standard = standard_line(format);
    let (middle, half) = (format.line_length() as f32 / 2.0, format.lines() as f32 / 2.0);
    let at = |x: f32, y: f32| zone.apply(Point::new(x, y));
    let pitch = at(middle - 1.0, half).distance(at(middle + 1.0, half));
    let line = at(middle, half - 1.0).distance(at(middle, half + 1.0));
    let shown = f64::from(line / pitch) * PITCH;
    if ASLANT.contains(&(shown / standard)) || !shown.is_finite() {
        standard
    } else {
        shown
    }
}
