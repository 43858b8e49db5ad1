//! Looking for a zone among the rows of text of one picture.

use std::cmp::Ordering;

use service_kit::stage;
use vision::geometry::{Point, Quad};
use vision::picture::Picture;
use vision::text::{Alphabet, DetectOptions, Frames, LineHeight, RecognizeOptions, TextReader, cut};

use super::cells::{self, Pass};
use super::grid::Grid;
use super::level::Level;
use super::rows::{Row, along, upside_down};
use super::twins::Glyphs;
use super::ways::{Tried, Ways};
use super::{ReadError, Spent};
use crate::mrz::{Belief, Evidence};

/// Fit ([`Evidence::fit`]) below which rows on a grid are no zone.
const LEAST_FIT: f64 = -2.0;

/// Fit from which on there is no need to look further.
const SURE_FIT: f64 = -0.5;

/// How the lines of a zone are read.
const ZONE: RecognizeOptions = RecognizeOptions {
    alphabet: Alphabet::Mrz,
    height: LineHeight::Full,
};

/// Share of its longer side around text in which a zone that belongs to it is looked for, and around a zone of which not all was seen.
const AROUND_TEXT: f32 = 0.5;
const AROUND_ZONE: f32 = 0.1;

/// Ways in which text runs that are looked at closer in one picture.
const MOST_CLOSER: usize = 2;

/// Positions on either side of a line that are shown to text recognition with it.
const MARGIN: f32 = 0.5;

/// How large text is seen when it is looked for.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    /// So that letters are seen as text.
    Letters,
    /// So that fillers are, at every angle, and what the pattern of a table has is not.
    Fillers,
}

impl Scale {
    fn options(self) -> DetectOptions {
        let letters = DetectOptions::default();
        match self {
            Self::Letters => letters,
            Self::Fillers => DetectOptions {
                longest_side: 512,
                ..letters
            },
        }
    }
}

/// A zone in one picture.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) grid: Grid,
    pub(super) frames: Vec<Vec<Frames>>,
    pub(super) evidence: Evidence,
}

impl Candidate {
    /// No need to look for another.
    pub(super) fn is_sure(&self) -> bool {
        self.evidence.fit() >= SURE_FIT
    }

    /// What is sure is likelier than what is not, however much more of the latter was seen.
    fn by_likelihood(&self, other: &Self) -> Ordering {
        let ratios = || self.evidence.log_ratio.total_cmp(&other.evidence.log_ratio);
        self.is_sure().cmp(&other.is_sure()).then_with(ratios)
    }
}

/// Keeps the surer, or else the likelier, of two zones; answers whether there is no need to look for another.
fn keep_better(best: &mut Option<Candidate>, new: Option<Candidate>) -> bool {
    let both = best.take().into_iter().chain(new);
    *best = both.max_by(Candidate::by_likelihood);
    best.as_ref().is_some_and(Candidate::is_sure)
}

/// What looking needs besides a picture.
pub(super) struct Search<'a> {
    pub(super) text: &'a TextReader,
    pub(super) gone: &'a dyn Fn() -> bool,
    pub(super) spent: &'a mut Spent,
}

impl Search<'_> {
    /// The ways in which text runs in the whole picture.
    pub(super) fn ways(&mut self, picture: &Picture) -> Result<Ways, ReadError> {
        Ok(Ways::of(self.detect(picture, Scale::Letters)?))
    }

    /// The likeliest zone of some pictures, and the index of its picture among them. What costs more is done where nothing else led to
    /// a zone, and first where the text looks most like that of one: the side with the portrait of a card has none.
    pub(super) fn find(&mut self, pictures: &[(&Picture, Ways)]) -> Result<Option<(usize, Candidate)>, ReadError> {
        let mut order: Vec<(usize, &(&Picture, Ways))> = pictures.iter().enumerate().collect();
        order.sort_by(|(_, (_, a)), (_, (_, b))| b.promise().total_cmp(&a.promise()));
        let mut tried: Vec<Tried> = pictures.iter().map(|_| Tried::default()).collect();
        let mut best: Option<(usize, Candidate)> = None;
        for step in [Self::among, Self::smaller, Self::closer] {
            for (index, (picture, ways)) in &order {
                let Some(found) = step(self, picture, ways, &mut tried[*index])? else {
                    continue;
                };
                let is_sure = found.is_sure();
                if best.as_ref().is_none_or(|(_, best)| found.by_likelihood(best).is_gt()) {
                    best = Some((*index, found));
                }
                if is_sure {
                    return Ok(best);
                }
            }
        }
        Ok(best)
    }

    /// The likeliest zone where its fillers are seen.
    fn smaller(&mut self, picture: &Picture, _: &Ways, tried: &mut Tried) -> Result<Option<Candidate>, ReadError> {
        let quads = self.detect(picture, Scale::Fillers)?;
        self.among(picture, &Ways::of(quads), tried)
    }

    /// The likeliest zone where the text of each way is level and large.
    fn closer(&mut self, picture: &Picture, ways: &Ways, tried: &mut Tried) -> Result<Option<Candidate>, ReadError> {
        let mut best = None;
        for way in ways.iter().take(MOST_CLOSER) {
            let text = along(&ways.quads, way.direction);
            for scale in [Scale::Fillers, Scale::Letters] {
                let again = self.detect_around(picture, &text, way.direction, AROUND_TEXT, scale)?;
                if keep_better(&mut best, self.among(picture, &Ways::of(again), tried)?) {
                    return Ok(best);
                }
            }
        }
        Ok(best)
    }

    /// The likeliest zone among the rows as they were detected.
    fn among(&mut self, picture: &Picture, ways: &Ways, tried: &mut Tried) -> Result<Option<Candidate>, ReadError> {
        let mut best = self.stacked(picture, ways, tried)?;
        // Small print is seen better in a crop.
        if let Some(found) = &best
            && !found.is_sure()
        {
            let zone = found.grid.outline();
            let again = self.detect_around(picture, &[zone], found.grid.direction(), AROUND_ZONE, Scale::Letters)?;
            keep_better(&mut best, self.stacked(picture, &Ways::of(again), tried)?);
        }
        Ok(best)
    }

    /// The likeliest zone in the most promising stacks, either way round.
    fn stacked(&mut self, picture: &Picture, ways: &Ways, tried: &mut Tried) -> Result<Option<Candidate>, ReadError> {
        let mut best = None;
        for stack in ways.stacks(tried) {
            for rows in [&stack.rows, &upside_down(&stack.rows)] {
                if keep_better(&mut best, self.zone(picture, rows)?) {
                    return Ok(best);
                }
            }
            tried.add(stack);
        }
        Ok(best)
    }

    /// The beliefs of a zone's positions, from a second look at every line as the grid has it, and the ink there. `None` where a line
    /// cannot be cut out: without it the others would be taken for those before them.
    pub(super) fn beliefs(
        &mut self,
        picture: &Picture,
        found: &Candidate,
    ) -> Result<Option<(Vec<Belief>, Glyphs)>, ReadError> {
        self.stop()?;
        let grid = &found.grid;
        let quads: Vec<Quad> = (0..grid.shape.lines).map(|line| grid.row(line, MARGIN)).collect();
        let pictures: Option<Vec<Picture>> = quads.iter().map(|quad| cut(picture, quad, ZONE.height)).collect();
        let Some(pictures) = pictures else {
            return Ok(None);
        };
        let frames = self.frames(picture, &quads)?;
        let lines: Vec<&[Frames]> = frames.chunks(1).collect();
        let first: Vec<&[Frames]> = found.frames.iter().map(Vec::as_slice).collect();
        let (Some(first), Some(second)) = (Pass::on(grid, &first), Pass::on(grid, &lines)) else {
            return Ok(None);
        };
        let beliefs = cells::beliefs(&first, &second, &cells::ink(grid, &pictures, MARGIN));
        let glyphs = Glyphs::of(grid.shape.length, &pictures, MARGIN);
        Ok(Some((beliefs, glyphs)))
    }

    fn detect(&mut self, picture: &Picture, scale: Scale) -> Result<Vec<Quad>, ReadError> {
        self.stop()?;
        let detect = || self.text.detect(picture, &scale.options());
        Ok(stage::timed("text_detection", &mut self.spent.detect, detect)?)
    }

    /// Lines of text around some places, in the whole picture's pixels. Text that runs in `direction`, or the other way round, is
    /// detected where it is level.
    pub(super) fn detect_around(
        &mut self,
        picture: &Picture,
        places: &[Quad],
        direction: Point,
        margin: f32,
        scale: Scale,
    ) -> Result<Vec<Quad>, ReadError> {
        let Some(level) = Level::around(picture, places, direction, margin) else {
            return Ok(Vec::new());
        };
        let quads = self.detect(&level.picture, scale)?;
        Ok(quads.iter().map(|quad| level.whole(quad)).collect())
    }

    pub(super) fn stop(&self) -> Result<(), ReadError> {
        if (self.gone)() {
            Err(ReadError::Abandoned)
        } else {
            Ok(())
        }
    }

    /// The likeliest zone in all rows of a stack or in two of them.
    fn zone(&mut self, picture: &Picture, rows: &[Row]) -> Result<Option<Candidate>, ReadError> {
        let lines = self.recognize(picture, rows)?;
        let gone = self.gone;
        stage::timed("mrz_correction", &mut self.spent.correct, || {
            let mut best = None;
            for size in [3, 2] {
                for (rows, frames) in rows.windows(size).zip(lines.windows(size)) {
                    if gone() {
                        return Err(ReadError::Abandoned);
                    }
                    keep_better(&mut best, zone(rows, frames));
                }
            }
            Ok(best)
        })
    }

    /// What is seen along each row.
    fn recognize(&mut self, picture: &Picture, rows: &[Row]) -> Result<Vec<Vec<Frames>>, ReadError> {
        self.stop()?;
        let quads: Vec<Quad> = rows.iter().flat_map(|row| row.quads.iter().copied()).collect();
        let mut read = self.frames(picture, &quads)?.into_iter();
        Ok(rows
            .iter()
            .map(|row| read.by_ref().take(row.quads.len()).collect())
            .collect())
    }

    /// What is seen along each line of a zone.
    fn frames(&mut self, picture: &Picture, quads: &[Quad]) -> Result<Vec<Frames>, ReadError> {
        let read = || self.text.frames(picture, quads, ZONE);
        Ok(stage::timed("text_recognition", &mut self.spent.recognize, read)?)
    }
}

/// The zone in rows below each other, if they can be one.
fn zone(rows: &[Row], frames: &[Vec<Frames>]) -> Option<Candidate> {
    let lines: Vec<&[Frames]> = frames.iter().map(Vec::as_slice).collect();
    let laid = Grid::fit(rows, &lines).into_iter().filter_map(|grid| {
        let evidence = Evidence::of(grid.shape, &Pass::on(&grid, &lines)?.beliefs())?;
        Some((grid, evidence))
    });
    let (grid, evidence) = laid.max_by(|(_, a), (_, b)| a.log_ratio.total_cmp(&b.log_ratio))?;
    (evidence.fit() >= LEAST_FIT).then(|| Candidate {
        grid,
        frames: frames.to_vec(),
        evidence,
    })
}
