//! What lies over characters of the machine-readable zone.

use doc_check_svc::page::measure::PITCH;
use vision::geometry::Rect;
use vision::picture::Picture;

use super::{Covered, Kind, optics, runs};
use crate::specimen::dice::Dice;
use crate::specimen::measure::around;
use crate::specimen::{Format, ZonePlace};

/// Longest stretch that is covered, in characters.
const LONGEST: usize = 12;

/// One cover. Lengths are millimetres on the page.
pub(super) struct Cover {
    pub(super) kind: Kind,
    pub(super) strength: f32,
    /// What it is meant to lie over.
    area: Rect,
    shape: Shape,
}

enum Shape {
    /// Ellipses that run into each other: centre and radii.
    Blob(Vec<[f32; 4]>),
    /// From somewhere outside to the tip, and how thick.
    Finger {
        from: (f32, f32),
        tip: (f32, f32),
        radius: f32,
        skin: [f32; 3],
    },
    Rectangle,
    /// Lines from point to point, and their width.
    Lines(Vec<[f32; 5]>, [f32; 3]),
    /// The side at which the picture ends: -1 left, 1 right.
    Edge(f32),
}

impl Cover {
    /// A cover of a kind over 1 to 12 characters, anywhere in the zone at a place.
    pub(super) fn over(kind: Kind, strength: f32, place: ZonePlace, dice: &mut Dice) -> Cover {
        let format = place.format;
        let (lines, length) = (format.zone().lines(), format.zone().line_length());
        let (line, count) = (dice.whole(0, lines - 1), dice.whole(1, LONGEST));
        let first = dice.whole(0, length - count);
        let (mut left, mut right) = (place.cell(line, first), place.cell(line, first + count - 1));
        if kind == Kind::HalfHeight && dice.chance(0.5) {
            (left, right) = (place.cell(line, 0), place.cell(line, length - 1));
        }
        let exact = Rect::new(left.x, left.y, right.right() - left.x, left.height);
        let mut area = Rect::new(exact.x, exact.y - 0.5, exact.width, exact.height + 1.0);
        let shape = match kind {
            Kind::Glare => Shape::Blob(blob(area, place.line(), dice)),
            Kind::Finger => finger(area, format, dice),
            Kind::Scratch => scratches(area, strength, dice),
            Kind::HalfHeight => {
                // A little more than half, of the upper or the lower part.
                let hidden = exact.height * (0.45 + 0.2 * strength);
                let top = if dice.chance(0.5) {
                    exact.y - 0.4
                } else {
                    exact.bottom() - hidden
                };
                area = Rect::new(exact.x, top, exact.width, hidden + 0.4);
                Shape::Rectangle
            }
            Kind::Cut => {
                let side = if dice.chance(0.3) { -1.0 } else { 1.0 };
                let inside = count as f32 * PITCH;
                let (first, last) = (place.cell(0, 0), place.cell(0, length - 1));
                area = if side < 0.0 {
                    Rect::new(0.0, 0.0, first.x + inside, format.size().1)
                } else {
                    let x = last.right() - inside;
                    Rect::new(x, 0.0, format.size().0 - x, format.size().1)
                };
                Shape::Edge(side)
            }
            _ => Shape::Rectangle,
        };
        Cover {
            kind,
            strength,
            area,
            shape,
        }
    }

    /// How much the cover hides at a place on the page, from 0 to 1.
    fn alpha(&self, x: f32, y: f32) -> f32 {
        match &self.shape {
            Shape::Blob(parts) => {
                let field: f32 = parts
                    .iter()
                    .map(|[cx, cy, rx, ry]| {
                        let (dx, dy) = ((x - cx) / rx, (y - cy) / ry);
                        (-1.4 * (dx * dx + dy * dy)).exp()
                    })
                    .sum();
                smooth((field - 0.12) / 0.30)
            }
            Shape::Finger { .. } => smooth(self.finger(x, y).map_or(0.0, |(depth, _)| depth / 0.25)),
            Shape::Rectangle => {
                let soft = if self.kind == Kind::LocalBlur { 0.6 } else { 0.06 };
                let off = (self.area.x - x)
                    .max(x - self.area.right())
                    .max((self.area.y - y).max(y - self.area.bottom()));
                smooth(0.5 - off / soft)
            }
            Shape::Lines(lines, _) => lines
                .iter()
                .map(|&[ax, ay, bx, by, width]| {
                    let (dx, dy) = (bx - ax, by - ay);
                    let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
                    let off = (x - ax - along * dx).hypot(y - ay - along * dy);
                    smooth(0.5 - (off - width / 2.0) / 0.06)
                })
                .fold(0.0, f32::max),
            Shape::Edge(_) => f32::from(u8::from(self.area.x <= x && x <= self.area.right())),
        }
    }

    /// How deep inside the finger a place is, and how far along it from the tip; nothing outside.
    fn finger(&self, x: f32, y: f32) -> Option<(f32, f32)> {
        let Shape::Finger { from, tip, radius, .. } = &self.shape else {
            return None;
        };
        let (dx, dy) = (from.0 - tip.0, from.1 - tip.1);
        let length = dx.hypot(dy).max(1e-3);
        let along = (((x - tip.0) * dx + (y - tip.1) * dy) / length).clamp(0.0, length);
        let off = (x - tip.0 - along * dx / length).hypot(y - tip.1 - along * dy / length);
        // A little thicker towards the hand.
        let radius = radius * (1.0 + 0.15 * (along / 30.0).min(1.0));
        (off < radius).then_some((radius - off, along))
    }

    /// The characters that lie under it.
    pub(super) fn positions(&self, place: ZonePlace) -> Vec<Covered> {
        // A thin line is enough to make another letter of one.
        let least = if self.kind == Kind::Scratch { 0.06 } else { 0.2 };
        runs(place, self.kind, least, |x, y| self.alpha(x, y) > 0.5)
    }

    /// The page with what is on its surface.
    pub(super) fn on_page(&self, page: Picture, scale: f32) -> Picture {
        let at = |x: u32, y: u32| ((x as f32 + 0.5) / scale, (y as f32 + 0.5) / scale);
        let near = around(self.area, 1.0);
        let touches = |x: f32, y: f32| x >= near.x && x <= near.right() && y >= near.y && y <= near.bottom();
        match (self.kind, &self.shape) {
            (Kind::LocalBlur, _) => {
                let sigma = (0.35 + 0.75 * self.strength) * scale;
                // With so much around it that the border is not seen.
                let margin = around(self.area, 3.0 * sigma / scale + 1.0);
                let part = Rect::new(
                    margin.x * scale,
                    margin.y * scale,
                    margin.width * scale,
                    margin.height * scale,
                );
                let Some(part) = page.part(part) else { return page };
                let (left, top) = (part.left(), part.top());
                let blurred = optics::blur(&part.resize(part.width(), part.height()), sigma);
                Picture::from_fn(page.width(), page.height(), |x, y| {
                    let (u, v) = at(x, y);
                    let pixel = page.pixel(x, y);
                    if !touches(u, v) || x < left || y < top {
                        return pixel;
                    }
                    lerp(pixel, blurred.pixel(x - left, y - top).map(f32::from), self.alpha(u, v))
                })
            }
            (Kind::WhiteOut | Kind::HalfHeight, _) => Picture::from_fn(page.width(), page.height(), |x, y| {
                let (u, v) = at(x, y);
                let pixel = page.pixel(x, y);
                if !touches(u, v) {
                    return pixel;
                }
                let opacity = if self.kind == Kind::WhiteOut {
                    0.85 + 0.15 * self.strength
                } else {
                    1.0
                };
                lerp(pixel, [246.0, 246.0, 243.0], opacity * self.alpha(u, v))
            }),
            (_, Shape::Lines(_, colour)) => Picture::from_fn(page.width(), page.height(), |x, y| {
                let (u, v) = at(x, y);
                let pixel = page.pixel(x, y);
                if touches(u, v) {
                    lerp(pixel, *colour, 0.95 * self.alpha(u, v))
                } else {
                    pixel
                }
            }),
            _ => page,
        }
    }

    /// What lies between page and camera, over a colour at a place in the page's plane.
    pub(super) fn over_all(&self, colour: [f32; 3], x: f32, y: f32) -> [f32; 3] {
        let mix = |to: [f32; 3], share: f32| -> [f32; 3] {
            std::array::from_fn(|channel| colour[channel] + (to[channel] - colour[channel]) * share)
        };
        match &self.shape {
            Shape::Blob(_) => {
                let alpha = self.alpha(x, y);
                mix([255.0, 255.0, 250.0], alpha * (0.8 + 0.2 * self.strength))
            }
            Shape::Finger { radius, skin, .. } => match self.finger(x, y) {
                Some((depth, along)) => {
                    // Round: bright on top, darker and redder towards its sides; a nail near the tip.
                    let height = (depth / radius).clamp(0.0, 1.0);
                    let round = 0.62 + 0.42 * (1.0 - (1.0 - height).powi(2));
                    let nail = smooth((height - 0.45) / 0.12) * smooth((radius * 1.25 - along) / 0.8);
                    let crease = 1.0 - 0.10 * smooth(1.0 - (along - radius * 3.2).abs() / 0.5);
                    let lit = [
                        skin[0] * (0.1 + 0.9 * round),
                        skin[1] * round,
                        skin[2] * round * (0.96 + 0.04 * height),
                    ];
                    let pink = [lit[0] * 1.03, lit[1] * 1.03, lit[2] * 1.06];
                    let tone: [f32; 3] =
                        std::array::from_fn(|channel| (lit[channel] + (pink[channel] - lit[channel]) * nail) * crease);
                    mix(tone, smooth(depth / 0.25))
                }
                None => colour,
            },
            _ => colour,
        }
    }

    /// Left and right edge of the picture on the page, where this cover ends the picture.
    pub(super) fn crop(&self, format: Format) -> Option<(f32, f32)> {
        match self.shape {
            Shape::Edge(side) if side < 0.0 => Some((self.area.right(), format.size().0)),
            Shape::Edge(_) => Some((0.0, self.area.x)),
            _ => None,
        }
    }
}

fn blob(area: Rect, line: f32, dice: &mut Dice) -> Vec<[f32; 4]> {
    let parts = (area.width / 3.0).ceil().max(1.0) as usize;
    let mut blob: Vec<[f32; 4]> = (0..parts)
        .map(|part| {
            let x = area.x + area.width * (part as f32 + 0.5) / parts as f32;
            let radius = area.width / parts as f32;
            [
                x + dice.between(-0.2, 0.2),
                area.centre().y + dice.between(-0.3, 0.3),
                radius * dice.between(0.62, 0.8),
                area.height * dice.between(0.5, 0.75),
            ]
        })
        .collect();
    if dice.chance(0.4) {
        // A streak of light beyond the stretch, which stays between the lines.
        blob.push([
            area.centre().x,
            area.centre().y + line / 2.0,
            area.width * 0.6 + 2.0,
            0.6,
        ]);
    }
    blob
}

fn finger(area: Rect, format: Format, dice: &mut Dice) -> Shape {
    let (across, down) = format.size();
    let centre = area.centre();
    let radius = (area.width / 2.0).clamp(3.4, 7.5);
    // From below, or from the nearer side; the tip lies over the stretch.
    let from_side = dice.chance(0.35);
    let from = if from_side {
        let side = if centre.x < across / 2.0 { -30.0 } else { across + 30.0 };
        (side, centre.y + dice.between(-4.0, 14.0))
    } else {
        (centre.x + dice.between(-18.0, 18.0), down + 40.0)
    };
    let (dx, dy) = (from.0 - centre.x, from.1 - centre.y);
    let length = dx.hypot(dy).max(1.0);
    // The tip's round end covers the stretch, and little beyond it.
    let back = (radius - area.height * 0.5).max(0.0) * dice.between(0.6, 1.0);
    let skins = [
        [228.0, 178.0, 150.0],
        [202.0, 148.0, 116.0],
        [150.0, 102.0, 76.0],
        [104.0, 70.0, 54.0],
    ];
    Shape::Finger {
        from,
        tip: (centre.x + dx / length * back, centre.y + dy / length * back),
        radius,
        skin: skins[dice.whole(0, skins.len() - 1)],
    }
}

fn scratches(area: Rect, strength: f32, dice: &mut Dice) -> Shape {
    let lines = (0..dice.whole(2, 3 + (strength * 5.0) as usize))
        .map(|_| {
            let slant = dice.between(-0.8, 0.8);
            let x = dice.between(area.x, area.right());
            let width = 0.14 + (0.1 + 0.4 * strength) * dice.unit();
            if dice.chance(0.6) {
                // Across the line of text.
                let reach = area.height * dice.between(0.55, 0.9);
                [
                    x - slant * reach,
                    area.centre().y - reach,
                    x + slant * reach,
                    area.centre().y + reach,
                    width,
                ]
            } else {
                // Along it.
                let y = dice.between(area.y + 0.6, area.bottom() - 0.6);
                [area.x, y, area.right(), y + dice.between(-0.6, 0.6), width]
            }
        })
        .collect();
    let colour = if dice.chance(0.65) {
        [248.0, 248.0, 246.0]
    } else {
        [36.0, 36.0, 40.0]
    };
    Shape::Lines(lines, colour)
}

/// From 0 to 1 while `t` goes from 0 to 1, without corners.
fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn lerp(from: [u8; 3], to: [f32; 3], share: f32) -> [u8; 3] {
    std::array::from_fn(|channel| {
        let from = f32::from(from[channel]);
        (from + (to[channel] - from) * share).clamp(0.0, 255.0).round() as u8
    })
}
