//! A camera over a page on a table, or before a screen.

use std::f32::consts::TAU;

use doc_check_svc::page::measure::PITCH;
use vision::geometry::{Perspective, Point, Quad, Rect};
use vision::picture::Picture;

use super::cover::Cover;
use super::table::Table;
use super::{Covered, Degradation, Kind, Recipe, copy, runs};
use crate::specimen::dice::Dice;
use crate::specimen::measure::around;
use crate::specimen::{Format, ZonePlace};

/// The longer side of a photograph has at most so many pixels for each of the page's width.
const LONGEST: f32 = 1.15;
/// The camera is so many widths of the page away.
const DISTANCE: f32 = 2.2;

/// Where the camera stands. The page's plane is measured in millimetres from its top left corner.
pub(super) struct Camera {
    width: u32,
    height: u32,
    page: (f32, f32),
    /// Pixels of the photograph in a millimetre of the page, about its middle.
    scale: f32,
    to_page: Perspective,
    to_picture: Perspective,
    table: Option<Table>,
    screen: Option<copy::Screen>,
    second: Option<Beside>,
    /// Whether the page is not in the picture as a whole.
    cut_off: bool,
    corners: f32,
}

/// How the page lies before the camera.
struct Pose {
    page: (f32, f32),
    /// Clockwise, in degrees.
    angle: f32,
    /// By how many degrees it leans away.
    tilt: f32,
    /// In which direction, in radians.
    azimuth: f32,
}

impl Pose {
    fn choose(recipe: &Recipe, page: (f32, f32), flat: bool, dice: &mut Dice, done: &mut Vec<Degradation>) -> Pose {
        let mut pose = Pose {
            page,
            angle: 0.0,
            tilt: 0.0,
            azimuth: 0.0,
        };
        if let Some(strength) = recipe.strength(Kind::Turn) {
            let quarter = dice.whole(1, 3) as f32 * 90.0;
            pose.angle += quarter;
            done.push(Degradation::new(Kind::Turn, strength, quarter, "degrees"));
        }
        if flat {
            return pose;
        }
        if let Some(strength) = recipe.strength(Kind::Rotation) {
            let turn = dice.between(-180.0, 180.0) * strength;
            pose.angle += turn;
            done.push(Degradation::new(Kind::Rotation, strength, turn, "degrees"));
        }
        if let Some(strength) = recipe.strength(Kind::Perspective) {
            pose.tilt = 3.0 + 37.0 * strength;
            pose.azimuth = dice.between(0.0, TAU);
            done.push(Degradation::new(Kind::Perspective, strength, pose.tilt, "degrees"));
        }
        pose
    }

    /// Whether the page's edges are those of the picture.
    fn is_straight(&self) -> bool {
        self.angle % 90.0 == 0.0 && self.tilt == 0.0
    }

    /// A place on the page as the camera sees it, in millimetres around the middle of what it sees.
    fn see(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let (x, y) = (x - self.page.0 / 2.0, y - self.page.1 / 2.0);
        let (sin, cos) = self.angle.to_radians().sin_cos();
        let (x, y) = (x * cos - y * sin, x * sin + y * cos);
        let (sin, cos) = self.tilt.to_radians().sin_cos();
        // Along the axis nothing changes; across it the page goes away from the camera.
        let (ax, ay) = (self.azimuth.cos(), self.azimuth.sin());
        let (along, across) = (x * ax + y * ay, y * ax - x * ay);
        let distance = DISTANCE * self.page.0;
        let away = distance / (distance + across * sin);
        let (along, across) = (along * away, across * cos * away);
        (along * ax - across * ay, along * ay + across * ax)
    }

    /// What the camera sees of a page between two distances from its left edge.
    fn bounds(&self, (left, right): (f32, f32)) -> Rect {
        let (top, bottom) = (0.0, self.page.1);
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)].map(|corner| self.see(corner));
        let least = |of: fn((f32, f32)) -> f32| corners.into_iter().map(of).fold(f32::INFINITY, f32::min);
        let most = |of: fn((f32, f32)) -> f32| corners.into_iter().map(of).fold(f32::NEG_INFINITY, f32::max);
        let (x, y) = (least(|corner| corner.0), least(|corner| corner.1));
        Rect::new(x, y, most(|corner| corner.0) - x, most(|corner| corner.1) - y)
    }
}

/// Where a second document lies in the page's plane: its centre there and how far it is turned.
struct Beside {
    centre: (f32, f32),
    sin: f32,
    cos: f32,
}

impl Camera {
    /// Places the camera so that the page, or what `crop` leaves of it between two distances from its left edge, is in the picture as
    /// the recipe wants it.
    pub(super) fn aim(
        recipe: &Recipe,
        format: Format,
        page_scale: f32,
        crop: Option<(f32, f32)>,
        dice: &mut Dice,
        done: &mut Vec<Degradation>,
    ) -> Camera {
        let page = format.size();
        let pose = Pose::choose(recipe, page, crop.is_some(), dice, done);
        let screen = recipe.strength(Kind::Screen).map(|strength| {
            let screen = copy::Screen::new(strength, page, dice);
            done.push(Degradation::new(Kind::Screen, strength, screen.pitch, "mm pixel pitch"));
            screen
        });
        let second = recipe.strength(Kind::TwoDocuments).map(|strength| {
            done.push(Degradation::new(Kind::TwoDocuments, strength, 1.0, "other document"));
            beside(page, dice)
        });

        let shown = pose.bounds(crop.unwrap_or((0.0, page.0)));
        let on_table = recipe.strength(Kind::Table).is_some() || screen.is_some() || second.is_some();
        let table = (on_table || !pose.is_straight()).then(|| Table::choose(dice));
        let mut frame = shown;
        if table.is_some() {
            let least = if screen.is_some() { 10.0 } else { 0.0 };
            frame = around(frame, (dice.between(0.03, 0.16) * page.0).max(least));
        }
        if let Some(second) = &second {
            frame = with(frame, pose.see(second.centre), page);
        }
        if let Some(crop) = crop {
            frame = cropped(frame, shown, crop, pose.angle);
        }
        if let Some(strength) = recipe.strength(Kind::CutOff) {
            let lost = 0.04 + 0.36 * strength;
            frame = short(frame, shown, lost, dice);
            done.push(Degradation::new(Kind::CutOff, strength, 100.0 * lost, "% outside"));
        }
        if let Some(strength) = recipe.strength(Kind::Table) {
            let share = 100.0 * shown.area() / frame.area();
            done.push(Degradation::new(
                Kind::Table,
                strength,
                share,
                "% of the picture is the page",
            ));
        }

        let longest = LONGEST * page_scale * page.0;
        let mut scale = page_scale.min(longest / frame.width.max(frame.height));
        if let Some(strength) = recipe.strength(Kind::Scale) {
            scale = scale.min(page_scale * (1.0 - 0.78 * strength));
            let pitch = scale * PITCH;
            done.push(Degradation::new(Kind::Scale, strength, pitch, "pixels for a character"));
        }
        let corners = [(0.0, 0.0), (page.0, 0.0), page, (0.0, page.1)];
        let on_page = Quad(corners.map(|(x, y)| Point { x, y }));
        let in_picture = Quad(corners.map(|corner| {
            let (x, y) = pose.see(corner);
            Point {
                x: (x - frame.x) * scale - 0.5,
                y: (y - frame.y) * scale - 0.5,
            }
        }));
        Camera {
            width: (frame.width * scale).round().max(1.0) as u32,
            height: (frame.height * scale).round().max(1.0) as u32,
            page,
            scale,
            to_page: map(&in_picture, &on_page),
            to_picture: map(&on_page, &in_picture),
            table,
            screen,
            second,
            cut_off: recipe.strength(Kind::CutOff).is_some(),
            // Cards are round (ISO/IEC 7810); pages of booklets nearly so.
            corners: if format == Format::Td1 { 3.18 } else { 1.5 },
        }
    }

    /// From the photograph to the page.
    pub(super) fn to_page(&self) -> Perspective {
        self.to_page
    }

    /// Width of a character of the zone in pixels.
    pub(super) fn pitch(&self) -> f32 {
        PITCH * self.scale
    }

    /// The characters of the zone that are not in the picture because the page is cut off.
    pub(super) fn outside(&self, place: ZonePlace) -> Vec<Covered> {
        if !self.cut_off {
            return Vec::new();
        }
        runs(place, Kind::CutOff, 0.3, |x, y| {
            let at = self.to_picture.apply(Point { x, y });
            at.x < -0.5 || at.y < -0.5 || at.x > self.width as f32 - 0.5 || at.y > self.height as f32 - 0.5
        })
    }

    /// The photograph.
    pub(super) fn take(&self, page: &Picture, other: Option<&Picture>, covers: &[Cover], dice: &mut Dice) -> Picture {
        let page = self.seen(page);
        let other = other.map(|other| self.seen(other));
        let table = self
            .table
            .as_ref()
            .map(|table| table.texture(self.width, self.height, dice));
        let page_scale = page.width() as f32 / self.page.0;
        Picture::from_fn(self.width, self.height, |x, y| {
            let Point { x: u, y: v } = self.to_page.apply(Point {
                x: x as f32,
                y: y as f32,
            });
            let on_page = || sample(&page, u * page_scale - 0.5, v * page_scale - 0.5);
            let mut colour = if let Some(screen) = &self.screen {
                screen.colour(u, v, y as f32 / self.height as f32, |u, v| {
                    let inside = u >= 0.0 && v >= 0.0 && u < self.page.0 && v < self.page.1;
                    inside.then(|| sample(&page, u * page_scale - 0.5, v * page_scale - 0.5))
                })
            } else {
                let cover = match &table {
                    None => 1.0,
                    Some(_) => (self.depth(u, v, self.page) * self.scale + 0.5).clamp(0.0, 1.0),
                };
                (cover > 0.0).then(|| (on_page(), cover))
            };
            if colour.is_none_or(|(_, cover)| cover < 1.0)
                && let Some(table) = &table
            {
                let mut ground = table.pixel(x / 2, y / 2).map(f32::from);
                let mut dark = 0.0_f32;
                if self.screen.is_none() {
                    dark = 0.45 * (self.depth(u - 0.7, v - 0.9, self.page) / 2.2 + 0.6).clamp(0.0, 1.0);
                }
                ground = ground.map(|channel| channel * (1.0 - dark));
                if let (Some(second), Some(other)) = (&self.second, &other) {
                    let (dx, dy) = (u - second.centre.0, v - second.centre.1);
                    let size = (other.width() as f32 / page_scale, other.height() as f32 / page_scale);
                    let s = dx * second.cos + dy * second.sin + size.0 / 2.0;
                    let t = dy * second.cos - dx * second.sin + size.1 / 2.0;
                    if self.depth(s, t, size) > 0.0 {
                        ground =
                            sample(other, s * page_scale - 0.5, t * page_scale - 0.5).map(|c| c * (1.0 - 0.7 * dark));
                    }
                }
                colour = Some(match colour {
                    Some((over, cover)) => (std::array::from_fn(|c| ground[c] + (over[c] - ground[c]) * cover), 1.0),
                    None => (ground, 1.0),
                });
            }
            let seen = colour.map_or([0.0; 3], |(colour, _)| colour);
            let seen = covers.iter().fold(seen, |seen, cover| cover.over_all(seen, u, v));
            seen.map(|channel| channel.clamp(0.0, 255.0).round() as u8)
        })
    }

    /// A page with no more detail than the photograph will have of it.
    fn seen(&self, page: &Picture) -> Picture {
        let share = self.scale * self.page.0 / page.width() as f32;
        if share > 0.85 {
            return page.clone();
        }
        let size = |side: u32| (side as f32 * share * 1.1).round() as u32;
        page.resize(size(page.width()), size(page.height()))
    }

    /// How far inside a document of a size with round corners a place is, in millimetres.
    fn depth(&self, x: f32, y: f32, size: (f32, f32)) -> f32 {
        let (dx, dy) = (
            (x - size.0 / 2.0).abs() - size.0 / 2.0 + self.corners,
            (y - size.1 / 2.0).abs() - size.1 / 2.0 + self.corners,
        );
        self.corners - dx.max(0.0).hypot(dy.max(0.0)) - dx.max(dy).min(0.0)
    }
}

/// The map between two quadrilaterals; none of a page seen from its edge, which no recipe asks for.
fn map(from: &Quad, to: &Quad) -> Perspective {
    const NOTHING: Perspective = Perspective([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    Perspective::between(from, to).unwrap_or(NOTHING)
}

/// The frame with most of a second document around a place in it.
fn with(frame: Rect, (x, y): (f32, f32), page: (f32, f32)) -> Rect {
    let (dx, dy) = (0.3 * page.0, 0.3 * page.1);
    let (left, top) = (frame.x.min(x - dx), frame.y.min(y - dy));
    let (right, bottom) = (frame.right().max(x + dx), frame.bottom().max(y + dy));
    Rect::new(left, top, right - left, bottom - top)
}

/// A second document to the left, to the right, above or below.
fn beside(page: (f32, f32), dice: &mut Dice) -> Beside {
    let gap = dice.between(-6.0, 7.0);
    let (across, down) = (page.0 + gap, page.1 + gap);
    let (dx, dy) = [(across, 0.0), (-across, 0.0), (0.0, down), (0.0, -down)][dice.whole(0, 3)];
    let (sin, cos) = dice.between(-0.25, 0.25).sin_cos();
    let slip = dice.between(-8.0, 8.0);
    Beside {
        centre: (
            page.0 / 2.0 + dx + if dx == 0.0 { slip } else { 0.0 },
            page.1 / 2.0 + dy + if dy == 0.0 { slip } else { 0.0 },
        ),
        sin,
        cos,
    }
}

/// The frame without what is beyond the crop, at the left or right of an upright page: the picture ends there and nowhere else. A
/// quarter turn moves that end to another side.
fn cropped(frame: Rect, shown: Rect, (left, _): (f32, f32), angle: f32) -> Rect {
    // Where the cut side of the page is after the turn: 0 right, 1 below, 2 left, 3 above.
    let side = if left > 0.0 { 2 } else { 0 };
    let side = (side + (angle / 90.0).round() as i32).rem_euclid(4);
    let (mut x, mut y, mut right, mut bottom) = (frame.x, frame.y, frame.right(), frame.bottom());
    match side {
        0 => right = shown.right(),
        1 => bottom = shown.bottom(),
        2 => x = shown.x,
        _ => y = shown.y,
    }
    Rect::new(x, y, right - x, bottom - y)
}

/// The frame moved so that a share of the page is outside of it at one side.
fn short(frame: Rect, page: Rect, lost: f32, dice: &mut Dice) -> Rect {
    let (across, down) = (lost * page.width, lost * page.height);
    let (mut x, mut y, mut right, mut bottom) = (frame.x, frame.y, frame.right(), frame.bottom());
    match dice.whole(0, 3) {
        0 => right = page.right() - across,
        1 => bottom = page.bottom() - down,
        2 => x = page.x + across,
        _ => y = page.y + down,
    }
    Rect::new(x, y, right - x, bottom - y)
}

/// The colour between the four nearest pixels.
pub(crate) fn sample(picture: &Picture, x: f32, y: f32) -> [f32; 3] {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (x, y) = (x.clamp(0.0, (width - 1) as f32), y.clamp(0.0, (height - 1) as f32));
    let (left, top) = (x as usize, y as usize);
    let (fx, fy) = (x - left as f32, y - top as f32);
    let (right, low) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let pixels = picture.pixels();
    let at = |x: usize, y: usize| -> [f32; 3] {
        let start = (y * width + x) * 3;
        let pixel = &pixels[start..start + 3];
        [f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2])]
    };
    let [a, b, c, d] = [at(left, top), at(right, top), at(left, low), at(right, low)];
    std::array::from_fn(|channel| {
        let upper = a[channel] + (b[channel] - a[channel]) * fx;
        let lower = c[channel] + (d[channel] - c[channel]) * fx;
        upper + (lower - upper) * fy
    })
}
