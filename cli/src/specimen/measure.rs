//! Where zone and portrait are on a page, in millimetres. The measures that the standard has are those of [`measure`].

use doc_check_svc::mrz;
use doc_check_svc::page::measure::{self, CAPITAL, LEFT_TOLERANCE, PITCH};
use vision::geometry::Rect;

use super::Format;
use super::dice::Dice;

/// How far the lowest line of cards is above or below its place on public specimens.
const CARD_TOLERANCE: f32 = 0.8;

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
        measure::size(self.zone())
    }

    /// Height of a page that is `width` pixels wide, in pixels.
    #[must_use]
    pub(super) fn height(self, width: u32) -> u32 {
        let (across, down) = self.size();
        (down * width as f32 / across).round().max(1.0) as u32
    }

    /// Height of the strip at the foot of the page that has nothing but the zone: 23.2 mm (9303-3 section 4), on cards what their
    /// narrower lines need.
    pub(super) fn strip(self) -> f32 {
        match self {
            Format::Td1 => 20.0,
            Format::Td2 | Format::Td3 | Format::MrvA | Format::MrvB => 23.2,
        }
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

/// How far a zone is printed from its place: not every document goes through the printer alike.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Shift {
    right: f32,
    down: f32,
}

impl Shift {
    /// One within what the standard allows, which follows from the document's number.
    pub(super) fn of(format: Format, number: &str) -> Shift {
        let mut dice = Dice::of(number);
        let down = match format {
            Format::Td1 => CARD_TOLERANCE,
            Format::Td2 | Format::Td3 | Format::MrvA | Format::MrvB => 0.0,
        };
        Shift {
            right: dice.between(-LEFT_TOLERANCE, LEFT_TOLERANCE),
            down: dice.between(-down, down),
        }
    }
}

/// Where a document has its zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ZonePlace {
    /// The page it is on.
    pub(crate) format: Format,
    /// How far it is from where it should be.
    pub(crate) shift: Shift,
}

impl ZonePlace {
    /// Distance from one line to the next.
    pub(crate) fn line(self) -> f32 {
        measure::line(self.format.zone())
    }

    /// The cell of a character, line and position from 0: as wide as the pitch and as high as a capital letter.
    #[must_use]
    pub(crate) fn cell(self, line: usize, position: usize) -> Rect {
        let zone = self.format.zone();
        let above = (zone.lines() - 1) as f32 - line as f32;
        let middle = self.format.size().1 - measure::lowest_line(zone) - self.line() * above;
        let (left, top) = (measure::left(zone), middle - CAPITAL / 2.0);
        Rect::new(
            left + PITCH * position as f32 + self.shift.right,
            top + self.shift.down,
            PITCH,
            CAPITAL,
        )
    }
}
