//! From pictures of a document to its machine-readable zone.
//!
//! ```text
//! picture ─▶ text lines (quads) ─▶ rows of long lines ─▶ characters ─▶ windows of 2 or 3 rows ─▶ the likeliest zone
//! ```
//!
//! Detection finds lines at any angle, but not which way up they are. So a picture is detected once, and its lines are read upright
//! and, where that gives no zone whose check digits hold, the other way round. A zone that was seen but not read right gets a second
//! look in a crop at full resolution.

mod rows;

use std::time::{Duration, Instant};

use candle_core::Device;
use vision::VisionError;
use vision::geometry::{Quad, Rect};
use vision::models::{Model, ModelStore};
use vision::ops::Precision;
use vision::picture::Picture;
use vision::text::{Alphabet, DetectOptions, Precisions, TextLine, TextReader};

use crate::mrz::{Corrected, Glyph, Mrz, correct};
use rows::{Row, Run, rows, upside_down};

/// The networks that the reader needs.
pub const MODELS: [Model; 2] = [Model::PpOcrDet, Model::PpOcrRec];

/// As narrow as costs nothing: of 240 drawn zones, from clean to barely legible, as many are read whole as with bfloat16 (235).
const PRECISIONS: Precisions = Precisions {
    detection: Precision::Half,
    recognition: Precision::Byte,
};

/// Rows whose characters are recognised, the longest of a picture: first as many as a zone has, which mostly are the zone.
/// Recognition takes much of the time.
const FEW_ROWS: usize = 3;

/// Rows whose characters are recognised where the longest were no zone.
const MANY_ROWS: usize = 8;

/// Rows of 30 symbols are about this many times as long as high, boxes being higher than print.
const PROMISING_ASPECT: f32 = 12.0;

/// A row of a zone is at least this many times as long as it is high.
const LEAST_ASPECT: f32 = 7.0;

/// Rows of one zone are as long as each other, but for fillers at the end that were not seen as text.
const LEAST_LENGTH_RATIO: f32 = 0.45;

/// Fewest fillers among the characters of a zone.
const LEAST_FILLERS: usize = 2;

/// Text lines and characters, ready for pictures. Shared by all workers.
pub struct DocumentReader {
    text: TextReader,
    used: Vec<(String, String)>,
}

/// A zone that was read.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its fields.
    pub mrz: Mrz,
    /// Index of the picture that it was read from.
    pub picture: usize,
    /// Clockwise turn in degrees that brings the picture upright: 0, 90, 180 or 270.
    pub rotation: u32,
    /// Symbols that the grammar or the check digits changed after text recognition.
    pub corrected: usize,
    /// Mean confidence of text recognition over the zone, 0 to 1.
    pub confidence: f32,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Finding lines of text.
    pub detect: Duration,
    /// Recognising characters.
    pub recognize: Duration,
    /// Finding the likeliest zone behind them.
    pub correct: Duration,
}

/// Why pictures were not read to the end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nobody waits for the result any more.
    #[error("the caller left")]
    Abandoned,
    /// A network failed.
    #[error(transparent)]
    Vision(#[from] VisionError),
}

impl DocumentReader {
    /// Loads both networks from the store onto `device`.
    ///
    /// # Errors
    /// When weights are missing or are those of other networks.
    pub fn load(store: &ModelStore, device: &Device) -> Result<Self, VisionError> {
        let detector = store.weights(Model::PpOcrDet, device)?;
        let recognizer = store.weights(Model::PpOcrRec, device)?;
        let used = [&detector, &recognizer]
            .map(|weights| (weights.model().to_owned(), weights.source_sha256().to_owned()))
            .into();
        Ok(Self {
            text: TextReader::new(&detector, &recognizer, device, PRECISIONS)?,
            used,
        })
    }

    /// Name and SHA-256 of the networks: detection, recognition.
    pub fn models(&self) -> &[(String, String)] {
        &self.used
    }

    /// The zone of a document on one of its pictures, numbered as they come; `None` when none shows one. The likeliest zone is taken,
    /// where check digits that hold count for much. `today` decides the century of dates; `gone` is asked between steps
    /// whether to stop.
    ///
    /// # Errors
    /// [`ReadError::Abandoned`] when `gone` said so; [`ReadError::Vision`] when a network failed.
    pub fn read(
        &self,
        pictures: &[(usize, &Picture)],
        today: time::Date,
        gone: &dyn Fn() -> bool,
        spent: &mut Spent,
    ) -> Result<Option<Zone>, ReadError> {
        let mut best: Option<Found> = None;
        // The side with the portrait of a card has no zone, but print that would be read in vain: it waits for the other.
        let mut later = Vec::new();
        for &(index, picture) in pictures {
            let mut look = Look {
                text: &self.text,
                picture,
                gone,
                spent: &mut *spent,
            };
            let ways = look.ways()?;
            if pictures.len() > 1 && !ways.iter().any(|(rows, _)| is_promising(rows)) {
                later.push((index, picture, ways));
                continue;
            }
            if settled(&mut best, look.find(&ways)?.map(|found| found.on(index))) {
                later.clear();
                break;
            }
        }
        for (index, picture, ways) in later {
            let mut look = Look {
                text: &self.text,
                picture,
                gone,
                spent: &mut *spent,
            };
            if settled(&mut best, look.find(&ways)?.map(|found| found.on(index))) {
                break;
            }
        }
        // Lines of a format's shape always parse.
        Ok(best.and_then(|found| {
            let mrz = Mrz::parse(&found.zone.lines, today).ok()?;
            Some(Zone {
                mrz,
                picture: found.picture,
                rotation: found.run.rotation(),
                corrected: found.zone.corrected,
                confidence: found.zone.confidence,
            })
        }))
    }
}

/// A zone in one picture.
struct Found {
    zone: Corrected,
    picture: usize,
    run: Run,
    /// What its rows cover, in the picture.
    bounds: Rect,
}

/// How much more each position of a zone may cost whose check digits hold than of one whose digits do not. Sharp zones cost 0.1, poor
/// pictures of them 0.2; where more was guessed than read, digits hold now and then by chance, once they were corrected.
const WORTH_OF_DIGITS: f32 = 0.5;

impl Found {
    /// The same on the picture of this number.
    fn on(self, picture: usize) -> Self {
        Self { picture, ..self }
    }

    fn cost(&self) -> f32 {
        let digits = if self.zone.check_digits_hold {
            0.0
        } else {
            WORTH_OF_DIGITS
        };
        self.zone.cost + digits
    }

    /// No zone whose digits do not hold, however sharp, is likelier.
    fn is_sure(&self) -> bool {
        self.cost() <= WORTH_OF_DIGITS && self.zone.check_digits_hold
    }
}

/// Keeps the likelier of two zones; answers whether there is no need to look for another.
fn settled(best: &mut Option<Found>, new: Option<Found>) -> bool {
    let both = best.take().into_iter().chain(new);
    *best = both.min_by(|a, b| a.cost().total_cmp(&b.cost()));
    best.as_ref().is_some_and(Found::is_sure)
}

/// Rows of text that run in two directions.
type Ways = [(Vec<Row>, Run); 2];

/// Two long rows of nearly the same length below each other.
fn is_promising(rows: &[Row]) -> bool {
    let long: Vec<&Row> = rows
        .iter()
        .filter(|row| row.length > PROMISING_ASPECT * row.height)
        .collect();
    long.windows(2).any(|pair| match pair {
        [a, b] => (a.length - b.length).abs() < 0.2 * a.length && b.down - a.down < 4.0 * a.height,
        _ => false,
    })
}

/// One picture being read.
struct Look<'a> {
    text: &'a TextReader,
    picture: &'a Picture,
    gone: &'a dyn Fn() -> bool,
    spent: &'a mut Spent,
}

impl Look<'_> {
    /// Rows of text across the picture and along it; first those that cover more.
    fn ways(&mut self) -> Result<Ways, ReadError> {
        let quads = self.detect(self.picture)?;
        let length = |rows: &[Row]| rows.iter().map(|row| row.length).sum::<f32>();
        let across = (rows(&quads, false, LEAST_ASPECT), Run::Right);
        let along = (rows(&quads, true, LEAST_ASPECT), Run::Down);
        Ok(if length(&along.0) > length(&across.0) {
            [along, across]
        } else {
            [across, along]
        })
    }

    /// The likeliest zone among the rows.
    fn find(&mut self, ways: &Ways) -> Result<Option<Found>, ReadError> {
        let mut best = None;
        for (rows, run) in ways {
            let reversed = upside_down(rows);
            let mut tries = vec![(rows, *run, FEW_ROWS), (&reversed, run.reversed(), FEW_ROWS)];
            if rows.len() > FEW_ROWS {
                tries.push((rows, *run, MANY_ROWS));
            }
            for (rows, run, most) in tries {
                if settled(&mut best, self.window(rows, run, most)?) {
                    return Ok(best);
                }
            }
        }
        // A second look where a zone was seen, but not read right.
        if let Some(found) = &best {
            let again = self.again(found)?;
            settled(&mut best, again);
        }
        Ok(best)
    }

    fn detect(&mut self, picture: &Picture) -> Result<Vec<Quad>, ReadError> {
        self.stop()?;
        let started = Instant::now();
        let quads = self.text.detect(picture, &DetectOptions::default())?;
        self.spent.detect += started.elapsed();
        Ok(quads)
    }

    fn stop(&self) -> Result<(), ReadError> {
        if (self.gone)() {
            Err(ReadError::Abandoned)
        } else {
            Ok(())
        }
    }

    /// The likeliest zone in two or three rows below each other, among the `most` longest.
    fn window(&mut self, rows: &[Row], run: Run, most: usize) -> Result<Option<Found>, ReadError> {
        // The longest rows, in their order.
        let mut lengths: Vec<f32> = rows.iter().map(|row| row.length).collect();
        lengths.sort_by(|a, b| b.total_cmp(a));
        let least = lengths.get(most - 1).copied().unwrap_or(0.0);
        let rows: Vec<&Row> = rows.iter().filter(|row| row.length >= least).take(most).collect();
        if rows.len() < 2 {
            return Ok(None);
        }
        let lines = self.recognize(&rows)?;
        let started = Instant::now();
        let mut best: Option<Found> = None;
        for size in [3, 2] {
            for (window, read) in rows.windows(size).zip(lines.windows(size)) {
                self.stop()?;
                if let Some(zone) = zone(window, read) {
                    let bounds = bounds(window.iter().flat_map(|row| &row.quads));
                    let found = Found {
                        zone,
                        picture: 0,
                        run,
                        bounds,
                    };
                    settled(&mut best, Some(found));
                }
            }
        }
        self.spent.correct += started.elapsed();
        Ok(best)
    }

    /// The characters of each row.
    fn recognize(&mut self, rows: &[&Row]) -> Result<Vec<Vec<Glyph>>, ReadError> {
        self.stop()?;
        let started = Instant::now();
        let quads: Vec<Quad> = rows.iter().flat_map(|row| row.quads.iter().copied()).collect();
        let mut read = self.text.recognize(self.picture, &quads, Alphabet::Mrz)?.into_iter();
        self.spent.recognize += started.elapsed();
        Ok(rows
            .iter()
            .map(|row| {
                let parts: Vec<Vec<Glyph>> = read.by_ref().take(row.quads.len()).map(|line| glyphs(&line)).collect();
                // Between two boxes of one row something may be missing.
                parts.join(&Glyph::of(&[(' ', 1.0)])[..])
            })
            .collect())
    }

    /// Detects and reads again in a crop around a zone, so that small print is seen at full resolution and at another scale.
    fn again(&mut self, found: &Found) -> Result<Option<Found>, ReadError> {
        let margin = found.bounds.width.min(found.bounds.height);
        let around = Rect::new(
            found.bounds.x - margin,
            found.bounds.y - margin,
            found.bounds.width + 2.0 * margin,
            found.bounds.height + 2.0 * margin,
        );
        let Some(crop) = self.picture.crop(around) else {
            return Ok(None);
        };
        let quads = self.detect(&crop)?;
        let vertical = matches!(found.run, Run::Down | Run::Up);
        let mut rows = rows(&quads, vertical, LEAST_ASPECT);
        if matches!(found.run, Run::Left | Run::Up) {
            rows = upside_down(&rows);
        }
        let mut look = Look {
            text: self.text,
            picture: &crop,
            gone: self.gone,
            spent: &mut *self.spent,
        };
        let again = look.window(&rows, found.run, MANY_ROWS)?;
        Ok(again.map(|again| Found {
            bounds: found.bounds,
            ..again
        }))
    }
}

/// The zone in rows below each other, if they can be one.
fn zone(rows: &[&Row], read: &[Vec<Glyph>]) -> Option<Corrected> {
    let longest = rows.iter().map(|row| row.length).fold(0.0, f32::max);
    let similar = rows.iter().all(|row| row.length >= LEAST_LENGTH_RATIO * longest);
    let highest = rows.iter().map(|row| row.height).fold(0.0, f32::max);
    // Lines of a zone are about twice their height apart, and begin below each other.
    let close = rows.windows(2).all(|pair| match pair {
        [a, b] => b.down - a.down < 4.0 * highest && (b.start - a.start).abs() < 0.25 * longest,
        _ => false,
    });
    let fillers = read.iter().flatten().filter(|glyph| glyph.is_filler()).count();
    if similar && close && fillers >= LEAST_FILLERS {
        correct(read)
    } else {
        None
    }
}

fn bounds<'quads>(quads: impl Iterator<Item = &'quads Quad>) -> Rect {
    quads
        .map(Quad::bounds)
        .reduce(|a, b| {
            let (x, y) = (a.x.min(b.x), a.y.min(b.y));
            Rect::new(x, y, a.right().max(b.right()) - x, a.bottom().max(b.bottom()) - y)
        })
        .unwrap_or_default()
}

fn glyphs(line: &TextLine) -> Vec<Glyph> {
    line.chars
        .iter()
        .flat_map(|char| {
            let candidates: Vec<(char, f32)> = char
                .candidates()
                .map(|candidate| (candidate.character, candidate.probability))
                .collect();
            Glyph::of(&candidates)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mrz::Format;

    fn found(cost: f32, check_digits_hold: bool) -> Option<Found> {
        Some(Found {
            zone: Corrected {
                format: Format::Td1,
                lines: vec![],
                corrected: 0,
                confidence: 1.0,
                cost,
                check_digits_hold,
            },
            picture: 0,
            run: Run::Right,
            bounds: Rect::default(),
        })
    }

    #[test]
    fn check_digits_count_for_much_but_not_for_all() {
        // Whether the digits of the one that is taken hold, when looking goes on until there is no need to.
        let taken = |zones: &[(f32, bool)]| {
            let mut best = None;
            let _ = zones
                .iter()
                .any(|(cost, holds)| settled(&mut best, found(*cost, *holds)));
            best.map(|found| found.zone.check_digits_hold)
        };
        for (one, other, expected) in [
            ((0.05, false), (0.3, true), true),
            // Something that was guessed, and a sharp zone with a wrong digit.
            ((0.05, false), (0.7, true), false),
            ((0.2, false), (0.1, false), false),
        ] {
            assert_eq!(taken(&[one, other]), Some(expected), "{one:?}, {other:?}");
            assert_eq!(taken(&[other, one]), Some(expected), "{other:?}, {one:?}");
        }
        assert_eq!(taken(&[]), None);
    }

    #[test]
    fn a_zone_that_was_read_surely_ends_the_search() {
        assert!(settled(&mut None, found(0.2, true)));
        assert!(!settled(&mut None, found(0.7, true)), "it may have been guessed");
        assert!(!settled(&mut None, found(0.0, false)), "its digits are wrong");
        assert!(!settled(&mut None, None));
    }
}
