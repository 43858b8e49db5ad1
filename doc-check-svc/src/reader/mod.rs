//! From pictures of a document to its machine-readable zone.
//!
//! ```text
//! picture ─▶ text lines (quads) ─▶ ways in which they run ─▶ stacks of 2 or 3 rows ─▶ places ─▶ grid
//!         ─▶ every position seen again where the grid has it ─▶ beliefs ─┬▶ how sure the zone is
//!         ─▶ the other lines, recognised and compared with the zone ─────┘
//! ```
//!
//! Detection finds lines at any angle, but worse the more they are tilted, and not which way up they are. So a picture is detected once
//! and its stacks are read upright and upside down. Where that gives no sure zone, the picture is detected smaller, where it sees runs of
//! fillers whole; and then each way is looked at closer, where its text is level.

mod cells;
mod grid;
mod level;
mod print;
mod rows;
mod search;
mod sides;
mod twins;
mod ways;

use std::time::Duration;

use candle_core::Device;
use vision::VisionError;
use vision::geometry::{Perspective, Point};
use vision::models::{Model, ModelStore};
use vision::ops::Precision;
use vision::picture::Picture;
use vision::text::{Precisions, TextReader};

use crate::evidence::{self, Completion, FieldEvidence};
use crate::mrz::{Mrz, Posterior, with_letters_in_number};
use crate::printed::{Agreement, Printed, says_specimen};
use search::Search;
use sides::Document;
pub use sides::Print;
use ways::Ways;

/// The networks that the reader needs.
pub const MODELS: [Model; 2] = [Model::PpOcrDet, Model::PpOcrRec];

/// As few bits as cost nothing: of 240 drawn zones, from clean to barely legible, as many are read whole as with bfloat16 (235).
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
    /// How sure each field of it is, its own evidence and the print's together.
    pub posterior: Posterior,
    /// How well what was seen is that of a zone; see [`Evidence::fit`](crate::mrz::Evidence::fit).
    pub fit: f64,
    /// From the grid of its positions to the picture: position `k` of line `r` is the square from (k, r) to (k + 1, r + 1).
    pub map: Perspective,
    /// What the print beside it says.
    pub printed: Printed,
    /// The print of each picture that could be opened, in the order in which they came.
    pub sides: Vec<Print>,
    /// How sure each field of the report is, and by what.
    pub fields: Vec<FieldEvidence>,
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
    /// Recognising the print beside the zone.
    pub print: Duration,
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

/// The print of all sides. Every value is looked at closer where something was not found; where that was not enough, all print is looked
/// for again, which is kept only when then all of it is found.
fn read_sides(
    document: &Document<'_>,
    search: &mut Search<'_>,
    detected: &[(&Picture, Ways)],
) -> Result<Vec<Print>, ReadError> {
    let mut sides = document.read(search, detected)?;
    if !document.printed(&sides).agrees() {
        document.look_closer(search, &mut sides)?;
    }
    if !document.printed(&sides).agrees() {
        let again = document.look_again(search, &sides)?;
        if document.printed(&again).agrees() {
            sides = again;
        }
    }
    if document.printed(&sides).sex == Agreement::NotSeen {
        document.look_for_sex(search, &mut sides)?;
    }
    Ok(sides)
}

/// The clockwise turn in degrees after which text that runs this way runs to the right, or nearly so.
fn rotation(Point { x, y }: Point) -> u32 {
    match (x.abs() >= y.abs(), x >= 0.0, y >= 0.0) {
        (true, true, _) => 0,
        (true, false, _) => 180,
        (false, _, true) => 270,
        (false, _, false) => 90,
    }
}

impl Zone {
    /// The document says that it is a specimen.
    #[must_use]
    pub fn says_specimen(&self) -> bool {
        let name = [&self.mrz.name.surname, &self.mrz.name.given_names];
        let print = self.sides.iter().flat_map(|side| &side.lines).map(|line| &line.text);
        name.into_iter().chain(print).any(|text| says_specimen(text))
    }
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

    /// The zone of a document on one of its pictures, numbered as they come; `None` when none shows one. The likeliest zone is taken.
    /// `today` decides the century of dates, `completion` what print may fill; `gone` is asked between steps whether to stop.
    ///
    /// # Errors
    /// [`ReadError::Abandoned`] when `gone` said so; [`ReadError::Vision`] when a network failed.
    pub fn read(
        &self,
        pictures: &[(usize, &Picture)],
        today: time::Date,
        completion: Completion,
        gone: &dyn Fn() -> bool,
        spent: &mut Spent,
    ) -> Result<Option<Zone>, ReadError> {
        let mut search = Search {
            text: &self.text,
            gone,
            spent,
        };
        let mut pages = Vec::with_capacity(pictures.len());
        for (_, picture) in pictures {
            pages.push((*picture, search.ways(picture)?));
        }
        let Some((zone_on, found)) = search.find(&pages)? else {
            return Ok(None);
        };
        let (zone_on, picture) = pictures[zone_on];
        let Some((beliefs, glyphs)) = search.beliefs(picture, &found)? else {
            return Ok(None);
        };
        let Some(posterior) = Posterior::of(found.grid.shape, &beliefs) else {
            return Ok(None);
        };
        let format = posterior.format;
        let document = Document {
            pictures,
            zone_on,
            zone: &found,
            format,
            fields: evidence::seen(&posterior, &beliefs),
            today,
        };
        let sides = read_sides(&document, &mut search, &pages)?;
        let printed = document.printed(&sides);
        let fit = posterior.evidence.fit();
        let beliefs = glyphs.tell_twins(&posterior, &with_letters_in_number(&posterior, &beliefs));
        let beliefs = evidence::with_print(format, &beliefs, &printed, completion);
        let posterior = Posterior::of(found.grid.shape, &beliefs);
        // Lines of a format's shape always parse.
        Ok(posterior.and_then(|posterior| {
            let mut mrz = Mrz::parse(&posterior.lines, today).ok()?;
            // The print has the century, where the zone leaves a choice.
            if let (Agreement::Agrees(print), Some(date)) = (&printed.birth_date, mrz.birth_date)
                && date.candidates().any(|candidate| candidate == print.value)
            {
                mrz.birth_date = Some(print.value);
            }
            let confirms = |kind| mrz.checks.iter().any(|check| check.kind == kind && check.holds);
            Some(Zone {
                fields: evidence::fields(&posterior, confirms, &printed),
                picture: zone_on,
                rotation: rotation(found.grid.direction()),
                map: found.grid.map,
                fit,
                posterior,
                printed,
                sides,
                mrz,
            })
        }))
    }
}
