//! What was read.

use std::fmt;

use crate::geometry::Quad;

/// A character and how likely it is.
#[derive(Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The character.
    pub character: char,
    /// 0 to 1, among the characters that were allowed.
    pub probability: f32,
}

/// One character of a line.
#[derive(Clone, PartialEq)]
pub struct TextChar {
    /// The likeliest character.
    pub best: Candidate,
    /// The next likeliest characters at the same place, likeliest first: at most
    /// [`ALTERNATIVES`](TextChar::ALTERNATIVES), fewer where the alphabet has fewer.
    pub alternatives: Vec<Candidate>,
    /// Where it is along the line, from 0 at its left edge to 1 at its right edge. Accurate to about half a character.
    pub position: f32,
}

impl TextChar {
    /// How many runners-up are kept.
    pub const ALTERNATIVES: usize = 5;

    /// All candidates, likeliest first.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate> + '_ {
        std::iter::once(self.best).chain(self.alternatives.iter().copied())
    }
}

/// One line of text.
///
/// Its `Debug` output shows neither text nor characters: they are personal data.
#[derive(Clone, PartialEq)]
pub struct TextLine {
    /// The likeliest characters in a row.
    pub text: String,
    /// Mean probability of the characters, 0 to 1; 0 for a line without any.
    pub confidence: f32,
    /// Where the line is in the picture; its first edge is the upper one of the text.
    pub quad: Quad,
    /// One by one, from left to right.
    pub chars: Vec<TextChar>,
}

impl TextLine {
    pub(super) fn new(quad: Quad, chars: Vec<TextChar>) -> TextLine {
        let sum: f32 = chars.iter().map(|c| c.best.probability).sum();
        TextLine {
            text: chars.iter().map(|c| c.best.character).collect(),
            confidence: if chars.is_empty() {
                0.0
            } else {
                sum / chars.len() as f32
            },
            quad,
            chars,
        }
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Candidate({:.3})", self.probability)
    }
}

impl fmt::Debug for TextChar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextChar({:.3})", self.best.probability)
    }
}

impl fmt::Debug for TextLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextLine({} characters, {:.3})", self.chars.len(), self.confidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_text() {
        let secret = TextChar {
            best: Candidate {
                character: 'Q',
                probability: 0.5,
            },
            alternatives: vec![Candidate {
                character: 'Z',
                probability: 0.25,
            }],
            position: 0.5,
        };
        let line = TextLine::new(Quad::default(), vec![secret; 3]);
        assert_eq!((line.text.as_str(), line.confidence), ("QQQ", 0.5));
        let shown = format!("{line:?} {:?} {:?}", line.chars, line.chars[0].alternatives);
        assert!(!shown.contains('Q') && !shown.contains('Z'), "{shown}");
    }
}
