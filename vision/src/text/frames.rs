//! A line place by place, for whoever knows where its characters stand.

use std::fmt;

use super::alphabet::Dictionary;
use super::ctc;
use crate::geometry::{Perspective, Point, Quad, Rect};

/// The probability of every character at every place along a line. A place is 8 pixels of a line that is 48 pixels high, a quarter
/// to a third of a printed character.
///
/// Its `Debug` output shows no probabilities: they are personal data.
#[derive(Clone)]
pub struct Frames {
    /// Where the line is in the picture; its first edge is the upper one of the text.
    pub quad: Quad,
    /// How many places cover the quad from left to right; there are more frames than these, over the padding.
    pub places: f32,
    /// From the unit square to the quad.
    map: Perspective,
    characters: Vec<char>,
    /// A row for each place: no character, then each of `characters`. Rows add up to 1.
    probabilities: Vec<f32>,
}

impl Frames {
    pub(super) fn new(quad: Quad, scores: &[f32], dictionary: &Dictionary, places: f32) -> Frames {
        let visible = places.ceil() as usize;
        let rows = scores.chunks_exact(dictionary.classes()).take(visible);
        let unit = Quad::from(Rect::new(0.0, 0.0, 1.0, 1.0));
        Frames {
            quad,
            map: Perspective::between(&unit, &quad).unwrap_or(Perspective([f64::NAN; 9])),
            places,
            characters: dictionary.characters().to_vec(),
            probabilities: rows.flat_map(ctc::distribution).collect(),
        }
    }

    /// What the columns of [`rows`](Frames::rows) after the first stand for.
    #[must_use]
    pub fn characters(&self) -> &[char] {
        &self.characters
    }

    /// The probabilities at each place: that of no character, then of each of [`characters`](Frames::characters).
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.probabilities.chunks_exact(self.characters.len() + 1)
    }

    /// The point of the picture halfway up the line at `place`, counted from the left edge; the middle of the first is 0.5. Not
    /// finite where the quad has no inside.
    #[must_use]
    pub fn point(&self, place: f32) -> Point {
        self.map.apply(Point::new(place / self.places.max(1.0), 0.5))
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frames({:.1} places)", self.places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Weights;
    use std::collections::{BTreeMap, HashMap};

    #[test]
    fn rows_are_distributions_over_the_visible_places() {
        let properties = BTreeMap::from([("character".to_owned(), "A\nB".to_owned())]);
        let dictionary = Dictionary::load(&Weights::new("test", HashMap::new(), properties)).unwrap();
        let probabilities = [[0.7f32, 0.1, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1], [0.25; 4]];
        let scores: Vec<f32> = probabilities.iter().flatten().map(|p| p.ln() + 3.0).collect();
        let quad = Quad::from(Rect::new(10.0, 20.0, 30.0, 12.0));
        let frames = Frames::new(quad, &scores, &dictionary, 1.5);
        assert_eq!(frames.characters(), ['A', 'B', ' ']);
        assert_eq!(frames.rows().len(), 2, "the last is padding");
        for (row, expected) in frames.rows().zip(probabilities) {
            for (got, want) in row.iter().zip(expected) {
                assert!((got - want).abs() < 1e-6);
            }
        }
        assert!(frames.point(0.75).distance(Point::new(25.0, 26.0)) < 1e-4);
        assert!(!format!("{frames:?}").contains("0.6"));
    }
}
