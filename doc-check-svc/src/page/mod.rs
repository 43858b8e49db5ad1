//! The page that a zone stands on: where it lies in the picture, whether all of it does, and whether the pictures of a document belong
//! together. Pure: no network, no clock.
//!
//! ```text
//! format and grid of the zone ─▶ page in millimetres ─┬▶ cut off at an edge?
//!                                                     ├▶ its edges in the picture
//!                                                     └▶ the portrait's place: blank?
//! zone and print of every picture ─▶ sides: one document, both sides, in order?
//! ```
//!
//! The standard fixes a page's size and the zone's place on it, and the zone's grid was fitted to the picture. So the whole page is
//! known without having been looked for. How well depends on the distance from the zone: the pitch of characters is exact, but lines
//! may be printed nearer or farther than the standard says, which counts most at the top.

pub mod measure;
mod outline;
mod portrait;
mod sides;
pub(crate) mod zone_line;

use vision::document::Lines;
use vision::geometry::{Perspective, Point, Quad, Rect};
use vision::picture::{Border, Picture, warp_perspective};

use crate::mrz::{Format, Shape};
use crate::policy::{Finding, Test};
pub use outline::{EdgeSeen, Outline};
pub use sides::{Side, Submitted};

/// Paper above and below the print of a zone that belongs to it, in millimetres.
const ABOVE_AND_BELOW: f32 = 1.0;

/// An edge of a page, as one reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// Above the print.
    Top,
    /// Where lines end.
    Right,
    /// Below the zone.
    Bottom,
    /// Where lines begin.
    Left,
}

impl Edge {
    /// Clockwise from the top.
    pub const ALL: [Self; 4] = [Self::Top, Self::Right, Self::Bottom, Self::Left];

    fn name(self) -> &'static str {
        match self {
            Self::Top => "top",
            Self::Right => "right",
            Self::Bottom => "bottom",
            Self::Left => "left",
        }
    }
}

/// A page in a picture.
#[derive(Clone, Debug)]
pub struct Page {
    format: Format,
    /// Width and height in millimetres.
    size: (f32, f32),
    /// Distance of the lines of its zone, in millimetres.
    line: f32,
    /// From millimetres, from the top left corner of the page, to the picture.
    to_picture: Perspective,
}

impl Page {
    /// The page of a format that a zone stands on, by the map from the zone's grid to the picture: position `k` of line `r` is the
    /// square from (k, r) to (k + 1, r + 1).
    #[must_use]
    pub fn of(format: Format, zone: &Perspective) -> Self {
        let size = measure::size(format);
        let line = measure::line_seen(format, zone);
        // Grid = millimetres × scale + shift.
        let (across, down) = (1.0 / f64::from(measure::PITCH), 1.0 / f64::from(line));
        let top = size.1 - measure::lowest_line(format) - line * (format.lines() as f32 - 0.5);
        let (right, below) = (-f64::from(measure::left(format)) * across, -f64::from(top) * down);
        Self {
            format,
            size,
            line,
            to_picture: rescaled(zone, (across, down), (right, below)),
        }
    }

    /// The largest page that a zone of a shape may stand on, by the same map.
    #[must_use]
    pub fn largest(shape: Shape, zone: &Perspective) -> Self {
        Self::of(measure::largest(shape), zone)
    }

    /// Width and height in millimetres.
    #[must_use]
    pub fn size(&self) -> (f32, f32) {
        self.size
    }

    /// Where a place on the page is in the picture. Millimetres from the top left corner.
    #[must_use]
    pub fn at(&self, x: f32, y: f32) -> Point {
        self.to_picture.apply(Point::new(x, y))
    }

    /// The corners in the picture.
    #[must_use]
    pub fn quad(&self) -> Quad {
        self.around(0.0)
    }

    /// The corners in the picture, with so many millimetres around the page.
    #[must_use]
    pub fn around(&self, margin: f32) -> Quad {
        let (width, height) = self.size;
        self.seen(Rect::new(-margin, -margin, width + 2.0 * margin, height + 2.0 * margin))
    }

    /// Where the lines of the zone are in the picture.
    #[must_use]
    pub fn zone(&self) -> Lines {
        let Shape { lines, length } = self.format.shape();
        let half = measure::CAPITAL / 2.0 + ABOVE_AND_BELOW;
        let lowest = self.size.1 - measure::lowest_line(self.format);
        let top = lowest - self.line * (lines - 1) as f32 - half;
        let print = Rect::new(
            measure::left(self.format),
            top,
            measure::PITCH * length as f32,
            lowest + half - top,
        );
        Lines {
            outline: self.seen(print),
            count: lines,
            positions: length,
        }
    }

    /// Where a part of the page, in millimetres, is in the picture.
    fn seen(&self, part: Rect) -> Quad {
        Quad(Quad::from(part).0.map(|corner| self.at(corner.x, corner.y)))
    }

    /// The page seen from straight above, so many pixels to the millimetre; what is outside of the picture is black.
    #[must_use]
    pub fn rectified(&self, picture: &Picture, scale: f32) -> Picture {
        self.part(picture, Rect::new(0.0, 0.0, self.size.0, self.size.1), scale)
    }

    /// The same of a part of it, in millimetres.
    fn part(&self, picture: &Picture, part: Rect, scale: f32) -> Picture {
        let pixel = 1.0 / f64::from(scale);
        // Whole numbers are the middles of pixels.
        let first = (f64::from(part.x) + pixel / 2.0, f64::from(part.y) + pixel / 2.0);
        let map = rescaled(&self.to_picture, (pixel, pixel), first);
        let side = |length: f32| (length * scale).round() as u32;
        warp_perspective(picture, &map, side(part.width), side(part.height), Border::Black)
    }

    /// A place beside an edge: `along` it from 0 to 1, clockwise, and so many millimetres inside of it.
    fn beside(&self, edge: Edge, along: f32, inside: f32) -> Point {
        let (width, height) = self.size;
        let (x, y) = match edge {
            Edge::Top => (along * width, inside),
            Edge::Right => (width - inside, along * height),
            Edge::Bottom => ((1.0 - along) * width, height - inside),
            Edge::Left => (inside, (1.0 - along) * height),
        };
        self.at(x, y)
    }

    /// What the page says of the picture that its zone was read from: whether it is whole, whether its edges were seen, whether the
    /// portrait's place is blank.
    #[must_use]
    pub fn findings(&self, picture: &Picture) -> Vec<Finding> {
        let outline = Outline::seen(self, picture);
        let mut findings = vec![outline.is_whole(self), outline.finding()];
        findings.extend(portrait::finding(self, picture));
        findings
    }

    /// The same where the zone was not read so well that anything follows from it for its page.
    #[must_use]
    pub fn unknown() -> Vec<Finding> {
        let tests = [Test::DocumentWhole, Test::DocumentOutline, Test::PortraitInPlace];
        let why = "the zone does not say where the page is";
        tests.map(|test| Finding::not_available(test, why)).into()
    }
}

/// The map of what `map` takes, in units of so much across and down, from a place on.
fn rescaled(map: &Perspective, (across, down): (f64, f64), (right, below): (f64, f64)) -> Perspective {
    let [a, b, c, d, e, f, g, h, i] = map.0;
    Perspective([
        a * across,
        b * down,
        a * right + b * below + c,
        d * across,
        e * down,
        d * right + e * below + f,
        g * across,
        h * down,
        g * right + h * below + i,
    ])
}

/// Whether a place is in a picture.
fn is_inside(picture: &Picture, at: Point) -> bool {
    at.x >= -0.5 && at.y >= -0.5 && at.x < picture.width() as f32 - 0.5 && at.y < picture.height() as f32 - 0.5
}

#[cfg(test)]
mod tests;
