//! Where things stand on a page.

use doc_check_svc::page::measure::{CAPITAL, PITCH};
use vision::geometry::{Point, Rect};
use vision::picture::Picture;

use super::canvas::{Canvas, Colour, Text, mix};
use super::measure::{Shift, ZonePlace, around};
use super::state::{Label, Manner};
use super::typeface::Typeface;
use super::{Fonts, Format, paper};

const INK: Colour = [28, 28, 36];
const PEN: Colour = [32, 38, 92];
const WARNING: Colour = [196, 30, 40];
const WHITE: Colour = [252, 252, 250];

/// From a label's baseline to its value's at most, however few rows there are.
const LEADING: f32 = 4.4;

/// The word that every page carries.
const SPECIMEN: &str = "SPECIMEN";

/// What stands in a cell of a page.
pub(super) struct Field {
    pub(super) label: Label,
    pub(super) value: Value,
    /// Its part of the row, in any unit that the row's fields share.
    pub(super) share: f32,
}

/// How it is said.
pub(super) enum Value {
    Print(String),
    /// The name is written by hand.
    Signature(String),
}

/// One page of a document.
pub(super) struct Page<'a> {
    pub(super) format: Format,
    /// How far its zone is from its place.
    pub(super) shift: Shift,
    pub(super) manner: &'static Manner,
    /// Whether this side shows the portrait, and the portrait; the outline of a person without.
    pub(super) portrait: Option<Option<&'a Picture>>,
    /// Whether anything is printed beside portrait and zone.
    pub(super) printed: bool,
    /// Rows of fields from the top; left to right.
    pub(super) rows: Vec<Vec<Field>>,
    /// Lines of the machine-readable zone; none on a page that has no zone.
    pub(super) mrz: &'a [String],
}

impl Page<'_> {
    /// Draws the page `width` pixels wide.
    pub(super) fn draw(&self, fonts: &Fonts, width: u32) -> Picture {
        let size = self.format.size();
        let paper = if self.printed { self.manner.paper } else { WHITE };
        let mut canvas = Canvas::new(size, width, self.format.height(width), paper);
        let strip = if self.mrz.is_empty() { 0.0 } else { self.format.strip() };
        let body = Rect::new(0.0, 0.0, size.0, size.1 - strip);
        if self.printed {
            paper::print(&mut canvas, body, self.manner);
        }
        let heading = Rect::new(0.0, 0.0, size.0, (size.1 * 0.12).min(10.0));
        let margin = self.format.portrait().x;

        let left = self
            .portrait
            .map_or(margin, |_| self.format.portrait().right() + margin * 0.75);
        let print = Rect::new(
            left,
            heading.bottom(),
            size.0 - margin * 0.8 - left,
            body.height - heading.bottom(),
        );
        if self.printed {
            let radius = (print.height * 0.48).min(print.width * 0.35);
            paper::rosette(
                &mut canvas,
                (print.x + print.width * 0.62, print.centre().y),
                radius,
                self.manner,
            );
            self.heading(&mut canvas, fonts, heading, margin);
        }
        stamp(&mut canvas, fonts, print);
        if let Some(picture) = self.portrait {
            portrait(&mut canvas, fonts, self.format.portrait(), picture);
        }
        if self.printed {
            if let Some(Some(picture)) = self.portrait {
                self.ghost(&mut canvas, picture, print);
            }
            self.fields(&mut canvas, fonts, print);
        }
        self.zone(&mut canvas, fonts);
        canvas.into_picture()
    }

    fn heading(&self, canvas: &mut Canvas, fonts: &Fonts, area: Rect, margin: f32) {
        let manner = self.manner;
        let dark = manner.band;
        canvas.blend(area, |x, _| {
            Some((mix(dark, manner.lines[0], 0.35 * x / area.width), 1.0))
        });
        let rule = Rect::new(0.0, area.bottom(), area.width, 0.35);
        canvas.fill(rule, manner.lines[1], 1.0);
        let bold = |capital| Text {
            typeface: &fonts.sans_bold,
            capital,
            colour: WHITE,
        };
        let (name, small) = (bold(area.height * 0.25), bold(area.height * 0.155));
        emblem(
            canvas,
            (margin + area.height * 0.3, area.centre().y),
            area.height * 0.31,
            manner,
        );
        let left = margin + area.height * 0.85;
        let half = (area.width - left) * 0.42;
        canvas.write(name, left, area.height * 0.5, half, manner.name);
        canvas.write(small, left, area.height * 0.84, half, manner.second_name);

        let mark = chip_mark(canvas, area, margin);
        let title = manner.title(self.format);
        let limit = half * 0.95;
        let wide = fonts.sans_bold.width(title, name.capital).min(limit);
        canvas.write(name, mark - margin * 0.5 - wide, area.height * 0.5, limit, title);

        // Under the title.
        let warning = Text {
            colour: [255, 205, 130],
            ..small
        };
        let says = "SPECIMEN · NOT A VALID DOCUMENT";
        let wide = fonts.sans_bold.width(says, warning.capital).min(limit);
        canvas.write(warning, mark - margin * 0.5 - wide, area.height * 0.84, limit, says);
    }

    /// The portrait again, small and pale, in the ink of the fine lines.
    fn ghost(&self, canvas: &mut Canvas, picture: &Picture, print: Rect) {
        let area = self.format.portrait();
        let wide = (area.width * 0.46).min(print.width * 0.2);
        let high = wide * area.height / area.width;
        let ghost = Rect::new(print.right() - wide, print.y + print.height * 0.72 - high, wide, high);
        let ink = mix(self.manner.lines[0], self.manner.band, 0.5);
        canvas.picture(ghost, picture, |[r, g, b], x, y| {
            let grey = (0.3 * f32::from(r) + 0.59 * f32::from(g) + 0.11 * f32::from(b)) / 255.0;
            let edge = |at: f32| (at.min(1.0 - at) * 5.0).clamp(0.0, 1.0);
            (ink, 0.5 * (1.0 - grey) * edge(x) * edge(y))
        });
    }

    fn fields(&self, canvas: &mut Canvas, fonts: &Fonts, area: Rect) {
        let text = |typeface, capital, colour| Text {
            typeface,
            capital,
            colour,
        };
        let label_ink = mix(self.manner.band, [110, 110, 110], 0.25);
        let (labels, values) = fonts.of(self.manner.print);
        let step = area.height / (self.rows.len() as f32 + 0.25);
        for (row, fields) in self.rows.iter().enumerate() {
            let top = area.y + step * (row as f32 + 0.2);
            let shares: f32 = fields.iter().map(|field| field.share).sum();
            let mut x = area.x;
            for field in fields {
                let cell = area.width * field.share / shares;
                let (limit, label_line) = (cell * 0.94, top + step * 0.26);
                let baseline = (top + step * 0.8).min(label_line + LEADING);
                let small = text(labels, (step * 0.18).min(1.2), label_ink);
                // Nobody reads labels that are half as large as the others.
                let fits = |label: &str| labels.width(label, small.capital) < limit / 0.8;
                let label = self.manner.label(field.label, fits);
                canvas.write(small, x, label_line, limit, &label);
                match &field.value {
                    Value::Print(value) => {
                        canvas.write(text(values, (step * 0.32).min(2.15), INK), x, baseline, limit, value);
                    }
                    Value::Signature(name) => {
                        let area = Rect::new(x, top + step * 0.32, limit.min(30.0), step * 0.62);
                        canvas.stroke(&paper::signature(name, area), 0.24, PEN, 0.85);
                    }
                }
                x += cell;
            }
        }
    }

    fn zone(&self, canvas: &mut Canvas, fonts: &Fonts) {
        if self.mrz.is_empty() {
            return;
        }
        let (width, height) = self.format.size();
        let strip = self.format.strip();
        let area = Rect::new(0.0, height - strip, width, strip);
        canvas.fill(area, mix(WHITE, self.manner.paper, 0.35), 1.0);
        let text = Text {
            typeface: &fonts.ocr_b,
            capital: CAPITAL,
            colour: INK,
        };
        let place = ZonePlace {
            format: self.format,
            shift: self.shift,
        };
        for (index, line) in self.mrz.iter().enumerate() {
            let first = place.cell(index, 0);
            canvas.type_out(text, first.x, first.bottom(), PITCH, line);
        }
    }
}

/// The portrait, with the word below it.
fn portrait(canvas: &mut Canvas, fonts: &Fonts, area: Rect, picture: Option<&Picture>) {
    canvas.fill(around(area, 0.3), WHITE, 0.9);
    match picture {
        Some(picture) => canvas.picture(area, picture, |pixel, _, _| (pixel, 1.0)),
        None => outline(canvas, area),
    }
    let strip = Rect::new(
        area.x,
        area.bottom() - area.height * 0.085,
        area.width,
        area.height * 0.085,
    );
    canvas.fill(strip, WHITE, 0.8);
    let text = Text {
        typeface: &fonts.sans_bold,
        capital: strip.height * 0.6,
        colour: WARNING,
    };
    let indent = (area.width - fonts.sans_bold.width(SPECIMEN, text.capital)) / 2.0;
    canvas.write(
        text,
        area.x + indent,
        strip.bottom() - strip.height * 0.2,
        area.width,
        SPECIMEN,
    );
}

/// Stamps the word across an area, as large as fits, below the print so that all of it stays legible.
fn stamp(canvas: &mut Canvas, fonts: &Fonts, area: Rect) {
    let typeface: &Typeface = &fonts.sans_bold;
    let angle = 0.75 * (area.height / area.width).atan();
    let (sin, cos) = angle.sin_cos();
    // A turned line of length `ratio` and height 1 is `ratio * cos + sin` wide and `ratio * sin + cos` high.
    let ratio = typeface.width(SPECIMEN, 1.0);
    let capital = (area.width / (ratio * cos + sin)).min(area.height / (ratio * sin + cos)) * 0.95;
    let text = Text {
        typeface,
        capital,
        colour: WARNING,
    };
    canvas.stamp(text, (area.centre().x, area.centre().y), angle, 0.2, area, SPECIMEN);
}

/// The state's emblem: a star in a ring.
fn emblem(canvas: &mut Canvas, centre: (f32, f32), radius: f32, manner: &Manner) {
    let ring = |share: f32, corners: usize, step: usize| -> Vec<Point> {
        (0..=corners)
            .map(|corner| {
                let angle = (corner * step) as f32 / corners as f32 * std::f32::consts::TAU;
                Point {
                    x: centre.0 + radius * share * angle.sin(),
                    y: centre.1 - radius * share * angle.cos(),
                }
            })
            .collect()
    };
    let gold = mix(manner.lines[1], [255, 226, 150], 0.7);
    canvas.stroke(&ring(1.0, 48, 1), radius * 0.14, gold, 1.0);
    canvas.stroke(&ring(0.74, 7, 3), radius * 0.11, gold, 1.0);
}

/// The mark of a document with a chip (ICAO 9303-9): a bar with a circle in its middle. Answers its left edge.
fn chip_mark(canvas: &mut Canvas, heading: Rect, margin: f32) -> f32 {
    let (high, wide) = (heading.height * 0.42, heading.height * 0.76);
    let area = Rect::new(
        heading.width - margin - wide,
        heading.centre().y - high / 2.0,
        wide,
        high,
    );
    let bar = |from: f32, to: f32, y: f32| {
        let at = |x: f32| Point {
            x: area.x + area.width * x,
            y,
        };
        [at(from), at(to)]
    };
    let line = high * 0.16;
    let (top, middle, bottom) = (area.y + line / 2.0, area.centre().y, area.bottom() - line / 2.0);
    for (from, to, y) in [
        (0.0, 1.0, top),
        (0.0, 1.0, bottom),
        (0.0, 0.27, middle),
        (0.73, 1.0, middle),
    ] {
        canvas.stroke(&bar(from, to, y), line, WHITE, 1.0);
    }
    let circle: Vec<Point> = (0..=24)
        .map(|step| {
            let (sin, cos) = (step as f32 / 24.0 * std::f32::consts::TAU).sin_cos();
            Point {
                x: area.centre().x + high * 0.27 * cos,
                y: middle + high * 0.27 * sin,
            }
        })
        .collect();
    canvas.stroke(&circle, line * 0.9, WHITE, 1.0);
    area.x
}

/// The outline of a person, where there is no picture.
fn outline(canvas: &mut Canvas, area: Rect) {
    canvas.fill(area, [206, 212, 216], 1.0);
    let Rect { x, y, width, height } = area;
    let shoulders = Rect::new(x + width * 0.1, y + height * 0.66, width * 0.8, height * 0.7);
    canvas.ellipse(shoulders, area, [150, 158, 166]);
    let head = Rect::new(x + width * 0.28, y + height * 0.18, width * 0.44, height * 0.46);
    canvas.ellipse(head, area, [150, 158, 166]);
}
