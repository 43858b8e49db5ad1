//! A page measured in millimetres and kept in pixels.

use ab_glyph::OutlinedGlyph;
use vision::geometry::{Point, Rect};
use vision::picture::Picture;

use super::typeface::Typeface;

/// Red, green and blue.
pub(super) type Colour = [u8; 3];

/// What is drawn on. All lengths are millimetres, the origin is the top left corner.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    /// Pixels in a millimetre.
    scale: f32,
    pixels: Vec<u8>,
}

/// One line of text.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) typeface: &'a Typeface,
    /// Height of a capital letter.
    pub(super) capital: f32,
    pub(super) colour: Colour,
}

impl Canvas {
    /// A page of `size` millimetres, `width` pixels wide, of one colour.
    pub(super) fn new(size: (f32, f32), width: u32, height: u32, paper: Colour) -> Canvas {
        Canvas {
            width,
            height,
            scale: width as f32 / size.0,
            pixels: paper.repeat(width as usize * height as usize),
        }
    }

    /// Blends `paint(x, y)`, a colour and its opacity, over the pixels inside `area`; `x` and `y` in millimetres.
    pub(super) fn blend(&mut self, area: Rect, paint: impl Fn(f32, f32) -> Option<(Colour, f32)>) {
        // `as` saturates: what lies outside the page is cut off.
        let edge = |value: f32, end: u32| (value * self.scale).round().clamp(0.0, end as f32) as usize;
        let (left, right) = (edge(area.x, self.width), edge(area.right(), self.width));
        let (top, bottom) = (edge(area.y, self.height), edge(area.bottom(), self.height));
        let rows = self.pixels.chunks_exact_mut(self.width as usize * 3).enumerate();
        for (row, pixels) in rows.take(bottom).skip(top) {
            for (column, pixel) in pixels
                .as_chunks_mut::<3>()
                .0
                .iter_mut()
                .enumerate()
                .take(right)
                .skip(left)
            {
                let (x, y) = ((column as f32 + 0.5) / self.scale, (row as f32 + 0.5) / self.scale);
                if let Some((colour, opacity)) = paint(x, y) {
                    *pixel = mix(*pixel, colour, opacity);
                }
            }
        }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, area: Rect, colour: Colour, opacity: f32) {
        self.blend(area, |_, _| Some((colour, opacity)));
    }

    /// Fills an ellipse that touches the sides of `area`, as far as it lies inside `clip`.
    pub(super) fn ellipse(&mut self, area: Rect, clip: Rect, colour: Colour) {
        let (cx, cy) = (area.x + area.width / 2.0, area.y + area.height / 2.0);
        self.blend(clip, |x, y| {
            let (dx, dy) = (2.0 * (x - cx) / area.width, 2.0 * (y - cy) / area.height);
            (dx * dx + dy * dy <= 1.0).then_some((colour, 1.0))
        });
    }

    /// Draws a picture so that it covers `area`: cut at the sides, or at the bottom, to the area's proportions. `tone` says what
    /// becomes of a pixel of the picture at a place in the area, each from 0 to 1.
    pub(super) fn picture(&mut self, area: Rect, picture: &Picture, tone: impl Fn(Colour, f32, f32) -> (Colour, f32)) {
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let shown = (
            width.min(height * area.width / area.height),
            height.min(width * area.height / area.width),
        );
        let part = Rect::new((width - shown.0) / 2.0, 0.0, shown.0, shown.1);
        let size = |length: f32| (length * self.scale).round() as u32;
        let Some(picture) = picture
            .crop(part)
            .map(|part| part.resize(size(area.width), size(area.height)))
        else {
            return;
        };
        let (left, top) = (size(area.x) as f32, size(area.y) as f32);
        let scale = self.scale;
        self.blend(area, |x, y| {
            let pixel = picture.pixel((x * scale - left) as u32, (y * scale - top) as u32);
            Some(tone(pixel, (x - area.x) / area.width, (y - area.y) / area.height))
        });
    }

    /// Draws a line of `width` through the points, evenly dark where it crosses itself.
    pub(super) fn stroke(&mut self, points: &[Point], width: f32, colour: Colour, opacity: f32) {
        let scale = self.scale;
        // Thinner lines than a pixel are paler instead.
        let (half, opacity) = ((width * scale / 2.0).max(0.5), opacity * (width * scale).min(1.0));
        let pixel = |point: &Point| (point.x * scale - 0.5, point.y * scale - 0.5);
        let ends = |low: f32, high: f32, end: u32| {
            let edge = |value: f32| value.clamp(0.0, end as f32) as usize;
            edge((low - half).floor())..edge((high + half + 2.0).ceil())
        };
        let reach = |of: fn((f32, f32)) -> f32, end: u32| {
            let values = || points.iter().map(pixel).map(of);
            let low = values().fold(f32::INFINITY, f32::min);
            ends(low, values().fold(f32::NEG_INFINITY, f32::max), end)
        };
        let (columns, rows) = (reach(|at| at.0, self.width), reach(|at| at.1, self.height));
        let mut cover = vec![0.0_f32; columns.len() * rows.len()];
        for pair in points.windows(2) {
            let [(ax, ay), (bx, by)] = [pixel(&pair[0]), pixel(&pair[1])];
            let (dx, dy) = (bx - ax, by - ay);
            let length = (dx * dx + dy * dy).max(1e-9);
            for row in ends(ay.min(by), ay.max(by), self.height) {
                for column in ends(ax.min(bx), ax.max(bx), self.width) {
                    let (px, py) = (column as f32 - ax, row as f32 - ay);
                    let along = ((px * dx + py * dy) / length).clamp(0.0, 1.0);
                    let (ox, oy) = (px - along * dx, py - along * dy);
                    let near = (half + 0.5 - (ox * ox + oy * oy).sqrt()).clamp(0.0, 1.0);
                    let at = &mut cover[(row - rows.start) * columns.len() + column - columns.start];
                    *at = at.max(near);
                }
            }
        }
        for (row, line) in rows.clone().zip(cover.chunks(columns.len().max(1))) {
            let start = (row * self.width as usize + columns.start) * 3;
            let pixels = self.pixels[start..].as_chunks_mut::<3>().0;
            for (pixel, cover) in pixels.iter_mut().zip(line) {
                *pixel = mix(*pixel, colour, cover * opacity);
            }
        }
    }

    /// Writes one line on the baseline `y`, made smaller where it would be wider than `limit`.
    pub(super) fn write(&mut self, text: Text<'_>, x: f32, y: f32, limit: f32, line: &str) {
        let capital = text.capital * self.scale;
        let width = text.typeface.width(line, capital);
        let capital = capital * (limit * self.scale / width.max(1.0)).min(1.0);
        let glyphs = text.typeface.line(line, x * self.scale, y * self.scale, capital, None);
        self.ink(&glyphs, text.colour);
    }

    /// Writes one line on the baseline `y` with one character every `pitch` millimetres.
    pub(super) fn type_out(&mut self, text: Text<'_>, x: f32, y: f32, pitch: f32, line: &str) {
        let scale = self.scale;
        let glyphs = text
            .typeface
            .line(line, x * scale, y * scale, text.capital * scale, Some(pitch * scale));
        self.ink(&glyphs, text.colour);
    }

    /// Writes one translucent line with its middle at `centre`, rising by `angle` radians, as far as it lies inside `clip`.
    pub(super) fn stamp(
        &mut self,
        text: Text<'_>,
        centre: (f32, f32),
        angle: f32,
        opacity: f32,
        clip: Rect,
        line: &str,
    ) {
        let capital = text.capital * self.scale;
        let mask = Mask::new(text.typeface, line, capital);
        let (sin, cos) = angle.sin_cos();
        let scale = self.scale;
        self.blend(clip, |x, y| {
            let (dx, dy) = ((x - centre.0) * scale, (y - centre.1) * scale);
            let cover = mask.at(dx * cos - dy * sin, dx * sin + dy * cos);
            (cover > 0.0).then_some((text.colour, cover * opacity))
        });
    }

    fn ink(&mut self, glyphs: &[OutlinedGlyph], colour: Colour) {
        let (width, height) = (self.width, self.height);
        for glyph in glyphs {
            let (left, top) = (glyph.px_bounds().min.x, glyph.px_bounds().min.y);
            glyph.draw(|x, y, cover| {
                let (x, y) = (left + x as f32, top + y as f32);
                if x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32 {
                    let index = y as usize * width as usize + x as usize;
                    if let Some(pixel) = self.pixels.as_chunks_mut::<3>().0.get_mut(index) {
                        *pixel = mix(*pixel, colour, cover);
                    }
                }
            });
        }
    }

    /// The page as a picture.
    pub(super) fn into_picture(self) -> Picture {
        let Canvas {
            width, height, pixels, ..
        } = self;
        Picture::from_rgb(width, height, pixels).unwrap_or_else(|| Picture::from_fn(1, 1, |_, _| [0; 3]))
    }
}

pub(super) fn mix(below: Colour, above: Colour, opacity: f32) -> Colour {
    let opacity = opacity.clamp(0.0, 1.0);
    let mut mixed = below;
    for (below, above) in mixed.iter_mut().zip(above) {
        *below = (f32::from(*below) * (1.0 - opacity) + f32::from(above) * opacity).round() as u8;
    }
    mixed
}

/// A picture with a translucent line of text over it: its middle at `centre`, its capitals `capital` high, rising by `angle` radians.
/// Lengths are pixels.
pub(super) fn over(
    picture: &Picture,
    text: Text<'_>,
    centre: (f32, f32),
    angle: f32,
    opacity: f32,
    line: &str,
) -> Picture {
    let (width, height) = (picture.width(), picture.height());
    let mut canvas = Canvas {
        width,
        height,
        scale: 1.0,
        pixels: picture.pixels().to_vec(),
    };
    let all = Rect::new(0.0, 0.0, width as f32, height as f32);
    canvas.stamp(text, centre, angle, opacity, all, line);
    canvas.into_picture()
}

/// How much of each pixel a line of text covers, with the origin in the middle of the text.
struct Mask {
    width: usize,
    height: usize,
    cover: Vec<f32>,
}

impl Mask {
    fn new(typeface: &Typeface, line: &str, capital: f32) -> Mask {
        let margin = 2.0;
        let width = (typeface.width(line, capital) + 2.0 * margin).ceil() as usize;
        let height = (capital + 2.0 * margin).ceil() as usize;
        let mut mask = Mask {
            width,
            height,
            cover: vec![0.0; width * height],
        };
        for glyph in typeface.line(line, margin, capital + margin, capital, None) {
            let (left, top) = (glyph.px_bounds().min.x, glyph.px_bounds().min.y);
            glyph.draw(|x, y, cover| {
                let (x, y) = (left + x as f32, top + y as f32);
                if x >= 0.0 && y >= 0.0 && x < width as f32 {
                    let index = y as usize * width + x as usize;
                    if let Some(at) = mask.cover.get_mut(index) {
                        *at = at.max(cover);
                    }
                }
            });
        }
        mask
    }

    /// The cover at a point in pixels from the middle, between its four neighbours.
    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x + self.width as f32 / 2.0 - 0.5, y + self.height as f32 / 2.0 - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (right, low) = (x - left, y - top);
        let cover = |x: f32, y: f32| {
            let inside = x >= 0.0 && y >= 0.0 && x < self.width as f32 && y < self.height as f32;
            let index = if inside {
                y as usize * self.width + x as usize
            } else {
                usize::MAX
            };
            self.cover.get(index).copied().unwrap_or(0.0)
        };
        let upper = cover(left, top) * (1.0 - right) + cover(left + 1.0, top) * right;
        let lower = cover(left, top + 1.0) * (1.0 - right) + cover(left + 1.0, top + 1.0) * right;
        upper * (1.0 - low) + lower * low
    }
}
