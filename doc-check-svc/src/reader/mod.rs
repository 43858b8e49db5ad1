//! From pictures of a document to its machine-readable zone.
//!
//! ```text
//! picture ─▶ text lines (quads) ─▶ rows of long lines ─▶ characters ─▶ windows of 2 or 3 rows ─▶ the likeliest zone
//! ```
//!
//! Detection finds lines at any angle, but not which way up they are. So a picture is detected once, and its lines are read upright
//! and, where that gives no zone whose check digits hold, the other way round. A zone that was seen but not read right gets a second
//! look in a crop at full resolution.

mod cells;
mod grid;
mod rows;
mod search;

use std::time::Duration;

use candle_core::Device;
use vision::VisionError;
use vision::models::{Model, ModelStore};
use vision::ops::Precision;
use vision::picture::Picture;
use vision::text::{Precisions, TextReader};

use crate::mrz::{Mrz, Posterior};
use search::{Found, Search, is_promising};

/// The networks that the reader needs.
pub const MODELS: [Model; 2] = [Model::PpOcrDet, Model::PpOcrRec];

/// As narrow as costs nothing: of 240 drawn zones, from clean to barely legible, as many are read whole as with bfloat16 (235).
const PRECISIONS: Precisions = Precisions {
    detection: Precision::Half,
    recognition: Precision::Byte,
};

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
    /// How sure each field is.
    pub posterior: Posterior,
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
        let mut search = Search {
            text: &self.text,
            gone,
            spent,
        };
        // The side with the portrait of a card has no zone, but print that would be read in vain: it waits for the other.
        let (mut first, mut later) = (Vec::new(), Vec::new());
        for &(index, picture) in pictures {
            let ways = search.ways(picture)?;
            let promising = pictures.len() == 1 || ways.iter().any(|(rows, _)| is_promising(rows));
            if promising { &mut first } else { &mut later }.push((index, picture, ways));
        }
        let mut best: Option<(usize, &Picture, Found)> = None;
        for (index, picture, ways) in first.into_iter().chain(later) {
            if let Some(found) = search.find(picture, &ways)? {
                let better = best.as_ref().is_none_or(|(.., other)| found.evidence > other.evidence);
                let sure = found.is_sure();
                if better {
                    best = Some((index, picture, found));
                }
                if sure {
                    break;
                }
            }
        }
        let Some((index, picture, found)) = best else {
            return Ok(None);
        };
        let beliefs = search.beliefs(picture, &found)?;
        // Lines of a format's shape always parse.
        Ok(Posterior::of(found.grid.shape, &beliefs).and_then(|posterior| {
            Some(Zone {
                mrz: Mrz::parse(&posterior.lines, today).ok()?,
                picture: index,
                rotation: found.run.rotation(),
                posterior,
            })
        }))
    }
}
