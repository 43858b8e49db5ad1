//! Sizes of documents and of their machine-readable zones, in millimetres.
//!
//! Documents: ICAO 9303-4 (TD3), 9303-5 (TD1), 9303-6 (TD2), 9303-7 (MRV-A and MRV-B). A zone is 23.2 mm high at the bottom of the page,
//! in OCR-B size 1 at 10 characters to the inch (9303-3, section 4).

use doc_check_svc::mrz;
use vision::geometry::Rect;

use super::Format;

/// Width of a character cell: 10 characters to the inch.
pub(crate) const PITCH: f32 = 2.54;
/// Height of a capital letter in OCR-B size 1 (ISO 1073-2), in which letters and digits are of one height.
pub(super) const CAPITAL: f32 = 2.4;
/// Distance between the lines: 4 to the inch.
pub(super) const LINE: f32 = 6.35;
/// Height of the zone.
pub(crate) const ZONE: f32 = 23.2;

/// A rectangle with a border of so many millimetres around it.
#[must_use]
pub(crate) fn around(area: Rect, border: f32) -> Rect {
    Rect::new(
        area.x - border,
        area.y - border,
        area.width + 2.0 * border,
        area.height + 2.0 * border,
    )
}

impl Format {
    /// The same, as the reader knows it.
    #[must_use]
    pub fn zone(self) -> mrz::Format {
        match self {
            Format::Td1 => mrz::Format::Td1,
            Format::Td2 => mrz::Format::Td2,
            Format::Td3 => mrz::Format::Td3,
            Format::MrvA => mrz::Format::MrvA,
            Format::MrvB => mrz::Format::MrvB,
        }
    }

    /// Width and height of a page.
    #[must_use]
    pub fn size(self) -> (f32, f32) {
        match self {
            Format::Td1 => (85.6, 53.98),
            Format::Td2 | Format::MrvB => (105.0, 74.0),
            Format::Td3 => (125.0, 88.0),
            Format::MrvA => (120.0, 80.0),
        }
    }

    /// Height of a page that is `width` pixels wide, in pixels.
    #[must_use]
    pub(super) fn height(self, width: u32) -> u32 {
        let (across, down) = self.size();
        (down * width as f32 / across).round().max(1.0) as u32
    }

    /// From the left edge of the page to the first character cell: 4 ± 1 mm on TD1 and visas of full size, 6 ± 1 mm elsewhere.
    fn margin(self) -> f32 {
        match self {
            Format::Td1 | Format::MrvA => 4.0,
            Format::Td2 | Format::Td3 | Format::MrvB => 6.0,
        }
    }

    /// The baseline of a line of the zone, from 0; the lines are centred in the zone.
    pub(super) fn baseline(self, line: usize) -> f32 {
        let block = LINE * (self.zone().lines() - 1) as f32 + CAPITAL;
        self.size().1 - ZONE / 2.0 - block / 2.0 + CAPITAL + LINE * line as f32
    }

    /// The cell of a character of the zone, line and position from 0: as wide as the pitch and as high as a capital letter.
    #[must_use]
    pub(crate) fn cell(self, line: usize, position: usize) -> Rect {
        let x = self.margin() + PITCH * position as f32;
        Rect::new(x, self.baseline(line) - CAPITAL, PITCH, CAPITAL)
    }

    /// Where the portrait is on the front.
    pub(crate) fn portrait(self) -> Rect {
        match self {
            Format::Td1 => Rect::new(4.0, 11.6, 24.5, 31.5),
            Format::Td2 => Rect::new(5.0, 13.0, 26.0, 33.4),
            Format::MrvB => Rect::new(5.0, 13.4, 25.0, 32.1),
            Format::Td3 => Rect::new(6.0, 14.6, 35.0, 45.0),
            Format::MrvA => Rect::new(5.0, 14.0, 28.0, 36.0),
        }
    }
}
