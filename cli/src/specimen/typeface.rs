//! Typefaces: glyph outlines scaled by the height of a capital letter, which is how print sizes are specified.

use ab_glyph::{Font as _, FontVec, Glyph, OutlinedGlyph, ScaleFont, point};

/// A font at no size yet.
pub(super) struct Typeface {
    font: FontVec,
    /// Height of a capital letter as a part of the font's scale.
    capital: f32,
    /// The same of a digit.
    digit: f32,
}

impl Typeface {
    /// Reads a TrueType file; `None` when it is not one or has no capital H.
    pub(super) fn parse(file: Vec<u8>) -> Option<Typeface> {
        const SCALE: f32 = 1000.0;
        let font = FontVec::try_from_vec(file).ok()?;
        let height = |symbol| {
            let outline = font.outline_glyph(font.glyph_id(symbol).with_scale(SCALE))?;
            Some(outline.px_bounds().height() / SCALE)
        };
        // Both flat at top and bottom.
        let (capital, digit) = (height('H')?, height('7')?);
        (capital > 0.0 && digit > 0.0).then_some(Typeface { font, capital, digit })
    }

    /// The glyphs of one line of text whose capitals are `capital` pixels high, starting at `x` on the baseline `y`.
    /// With `pitch`, each glyph is centred in a cell of that width, and digits are as high as letters, which is how machines read
    /// them (ISO 1073-2); otherwise the font's own widths and heights apply.
    pub(super) fn line(&self, text: &str, x: f32, y: f32, capital: f32, pitch: Option<f32>) -> Vec<OutlinedGlyph> {
        let mut pen = x;
        let mut glyphs = Vec::new();
        for character in text.chars() {
            let flat = pitch.is_some() && character.is_ascii_digit();
            let scaled = self
                .font
                .as_scaled(capital / if flat { self.digit } else { self.capital });
            let id = scaled.glyph_id(character);
            let advance = scaled.h_advance(id);
            let cell = pitch.unwrap_or(advance);
            let at = point(pen + (cell - advance) / 2.0, y);
            // A space has no outline.
            let glyph: Glyph = id.with_scale_and_position(scaled.scale(), at);
            glyphs.extend(self.font.outline_glyph(glyph));
            pen += cell;
        }
        glyphs
    }

    /// Whether it has a glyph for every character.
    #[cfg(test)]
    pub(super) fn covers(&self, text: &str) -> bool {
        text.chars().all(|character| self.font.glyph_id(character).0 != 0)
    }

    /// The width in pixels of one line of text whose capitals are `capital` pixels high.
    pub(super) fn width(&self, text: &str, capital: f32) -> f32 {
        let scaled = self.font.as_scaled(capital / self.capital);
        text.chars()
            .map(|character| scaled.h_advance(scaled.glyph_id(character)))
            .sum()
    }
}
