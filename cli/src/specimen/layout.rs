//! Where things stand on the three sizes of machine-readable travel documents.
//!
//! Sizes of documents and their machine-readable zones: ICAO 9303-4 (TD3), 9303-5 (TD1) and 9303-6 (TD2). A zone is 23.2 mm
//! high at the bottom of the page, in OCR-B size 1 at 10 characters to the inch (9303-3, section 4).

use vision::geometry::Rect;
use vision::picture::Picture;

use super::Fonts;
use super::canvas::{Canvas, Colour, Text};
use super::portrait::PROPORTION;

/// Width of a character cell of the machine-readable zone: 10 characters to the inch.
const PITCH: f32 = 2.54;
/// Height of a capital letter in OCR-B size 1 (ISO 1073-2).
const MRZ_CAPITAL: f32 = 2.4;
/// Distance between the lines of a machine-readable zone: 4 lines to the inch.
const MRZ_LINE: f32 = 6.35;
/// Height of the machine-readable zone.
const MRZ_ZONE: f32 = 23.2;

const INK: Colour = [24, 24, 32];
const LABEL: Colour = [70, 90, 110];
const BAND: Colour = [22, 74, 92];
const PAPER: Colour = [232, 238, 234];
const WARNING: Colour = [196, 30, 40];
const WHITE: Colour = [250, 250, 250];

/// The word that every page carries.
const SPECIMEN: &str = "SPECIMEN";

/// A printed field: what it is called and what it says.
pub(super) struct Field {
    pub(super) label: &'static str,
    pub(super) value: String,
    /// Its part of the row, in any unit that the row's fields share.
    pub(super) share: f32,
}

/// One page of a document.
pub(super) struct Page<'a> {
    /// Width and height.
    pub(super) size: (f32, f32),
    /// Kind of document, for the heading.
    pub(super) title: &'static str,
    /// Width of the portrait, which is 9/7 as high; `None` on a page that has none.
    pub(super) portrait: Option<(f32, Option<&'a Picture>)>,
    /// Rows of fields from the top; left to right.
    pub(super) rows: Vec<Vec<Field>>,
    /// Lines of the machine-readable zone; none on a page that has no zone.
    pub(super) mrz: &'a [String],
}

impl Page<'_> {
    /// Draws the page `width` pixels wide.
    pub(super) fn draw(&self, fonts: &Fonts, width: u32) -> Picture {
        let mut canvas = Canvas::new(self.size, width, PAPER);
        let (page_width, page_height) = self.size;
        let zone = if self.mrz.is_empty() { 0.0 } else { MRZ_ZONE };
        let body = Rect::new(0.0, 0.0, page_width, page_height - zone);
        let heading = page_height * 0.115;
        let margin = page_width * 0.05;

        canvas.fill(Rect::new(0.0, 0.0, page_width, heading), BAND, 1.0);
        let line = |capital, colour| Text {
            typeface: &fonts.plain,
            capital,
            colour,
        };
        let (baseline, title) = (heading * 0.66, line(heading * 0.32, WHITE));
        let third = (page_width - 2.0 * margin) / 3.0;
        canvas.write(title, margin, baseline, third, "UTOPIA");
        let warning = line(heading * 0.2, [255, 196, 120]);
        canvas.write(
            warning,
            margin + third * 0.9,
            baseline,
            third,
            "SPECIMEN - NOT A VALID DOCUMENT",
        );
        let width = fonts.plain.width(self.title, title.capital).min(third);
        canvas.write(title, page_width - margin - width, baseline, third, self.title);

        let mut left = margin;
        if let Some((width, picture)) = self.portrait {
            let area = Rect::new(margin, heading + margin * 0.7, width, width / PROPORTION);
            portrait(&mut canvas, area, picture);
            let strip = Rect::new(area.x, area.bottom() - width * 0.11, width, width * 0.11);
            canvas.fill(strip, WHITE, 0.75);
            let text = line(width * 0.065, WARNING);
            let indent = (width - fonts.plain.width(SPECIMEN, text.capital)) / 2.0;
            canvas.write(text, area.x + indent, strip.bottom() - width * 0.022, width, SPECIMEN);
            left = area.right() + margin * 0.8;
        }
        let print = Rect::new(left, heading, page_width - margin - left, body.height - heading);
        stamp(&mut canvas, fonts, print);
        self.fields(&mut canvas, fonts, print);
        self.zone(&mut canvas, fonts);
        canvas.into_picture()
    }

    fn fields(&self, canvas: &mut Canvas, fonts: &Fonts, area: Rect) {
        let text = |capital, colour| Text {
            typeface: &fonts.plain,
            capital,
            colour,
        };
        let step = area.height / (self.rows.len() as f32 + 0.35);
        for (row, fields) in self.rows.iter().enumerate() {
            let top = area.y + step * (row as f32 + 0.25);
            let shares: f32 = fields.iter().map(|field| field.share).sum();
            let mut x = area.x;
            for Field { label, value, share } in fields {
                let cell = area.width * share / shares;
                let limit = cell * 0.92;
                canvas.write(text((step * 0.17).min(1.15), LABEL), x, top + step * 0.26, limit, label);
                canvas.write(text((step * 0.34).min(2.2), INK), x, top + step * 0.78, limit, value);
                x += cell;
            }
        }
    }

    fn zone(&self, canvas: &mut Canvas, fonts: &Fonts) {
        let (width, height) = self.size;
        canvas.fill(
            Rect::new(0.0, height - MRZ_ZONE, width, MRZ_ZONE * self.mrz.len().min(1) as f32),
            WHITE,
            0.8,
        );
        let text = Text {
            typeface: &fonts.ocr_b,
            capital: MRZ_CAPITAL,
            colour: INK,
        };
        // The lines are centred in the zone.
        let block = MRZ_LINE * self.mrz.len().saturating_sub(1) as f32 + MRZ_CAPITAL;
        let first = height - MRZ_ZONE / 2.0 - block / 2.0 + MRZ_CAPITAL;
        for (index, line) in self.mrz.iter().enumerate() {
            let x = (width - PITCH * line.chars().count() as f32) / 2.0;
            canvas.type_out(text, x, first + MRZ_LINE * index as f32, PITCH, line);
        }
    }
}

/// Stamps the word across an area, as large as fits.
fn stamp(canvas: &mut Canvas, fonts: &Fonts, area: Rect) {
    let angle = 0.75 * (area.height / area.width).atan();
    let (sin, cos) = angle.sin_cos();
    // A turned line of length `ratio` and height 1 is `ratio * cos + sin` wide and `ratio * sin + cos` high.
    let ratio = fonts.plain.width(SPECIMEN, 1.0);
    let capital = (area.width / (ratio * cos + sin)).min(area.height / (ratio * sin + cos)) * 0.95;
    let text = Text {
        typeface: &fonts.plain,
        capital,
        colour: WARNING,
    };
    canvas.stamp(text, (area.centre().x, area.centre().y), angle, 0.26, area, SPECIMEN);
}

/// Draws the picture, or the outline of a person where there is none.
fn portrait(canvas: &mut Canvas, area: Rect, picture: Option<&Picture>) {
    if let Some(picture) = picture {
        canvas.picture(area, picture);
        return;
    }
    canvas.fill(area, [206, 212, 216], 1.0);
    let Rect { x, y, width, height } = area;
    let shoulders = Rect::new(x + width * 0.1, y + height * 0.66, width * 0.8, height * 0.7);
    canvas.ellipse(shoulders, area, [150, 158, 166]);
    let head = Rect::new(x + width * 0.28, y + height * 0.18, width * 0.44, height * 0.46);
    canvas.ellipse(head, area, [150, 158, 166]);
}
