//! Looking for a zone among the rows of text of one picture.

use std::time::Instant;

use vision::geometry::{Affine, Border, Point, Quad, Rect, warp_affine};
use vision::picture::Picture;
use vision::text::{Alphabet, DetectOptions, Frames, LineHeight, RecognizeOptions, TextReader, cut};

use super::cells::{self, Look};
use super::grid::Grid;
use super::rows::{Row, Run, direction, rows, upside_down};
use super::{ReadError, Spent};
use crate::mrz::{Belief, Evidence};

/// Rows whose characters are recognised, the longest of a picture: first as many as a zone has, which mostly are the zone, and of
/// them those about as long as the longest. Recognition takes much of the time.
const FEW_ROWS: usize = 3;

/// What is about as long, as a share of the longest.
const ABOUT_AS_LONG: f32 = 0.75;

/// Rows whose characters are recognised where the longest were no zone.
const MANY_ROWS: usize = 8;

/// A row of a zone is at least this many times as long as it is high.
const LEAST_ASPECT: f32 = 7.0;

/// Rows of one zone are as long as each other, but for parts that were not seen as text.
const LEAST_LENGTH_RATIO: f32 = 0.45;

/// Fit ([`Evidence::fit`]) below which rows on a grid are no zone.
const LEAST_FIT: f64 = -2.0;

/// Fit from which on there is no need to look further.
const SURE_FIT: f64 = -0.5;

/// Text at less than this angle, in radians, is detected as well as level text.
const LEAST_TILT: f32 = 0.07;

/// How the lines of a zone are read.
const ZONE: RecognizeOptions = RecognizeOptions {
    alphabet: Alphabet::Mrz,
    height: LineHeight::Full,
};

/// A line of a zone is more than so many times as long as high.
const ZONE_ASPECT: f32 = 12.0;

/// Sine of the angle between two lines of a zone at most: a camera sees them converge.
const MOST_SKEW: f32 = 0.06;

/// Positions on either side of a line that are shown to text recognition with it.
const MARGIN: f32 = 0.5;

/// The lines of text of a picture, and those that are long as rows that run in two directions.
pub(super) struct Ways {
    pub(super) quads: Vec<Quad>,
    rows: [(Vec<Row>, Run); 2],
}

impl Ways {
    /// First the direction in which more is covered.
    fn of(quads: Vec<Quad>) -> Self {
        let length = |rows: &[Row]| rows.iter().map(|row| row.length).sum::<f32>();
        let across = (rows(&quads, false, LEAST_ASPECT), Run::Right);
        let along = (rows(&quads, true, LEAST_ASPECT), Run::Down);
        let rows = if length(&along.0) > length(&across.0) {
            [along, across]
        } else {
            [across, along]
        };
        Self { quads, rows }
    }

    /// How far the lines that look most like a zone, or else most of the text, are from level or upright, in radians, clockwise.
    fn tilt(&self) -> f32 {
        let most = || direction(self.rows[0].0.iter().flat_map(|row| &row.quads));
        let Point { x, y } = direction(&zone_like(&self.quads)).or_else(most).unwrap_or_default();
        if y.abs() > x.abs() { (-x).atan2(y) } else { y.atan2(x) }
    }

    /// How much some of the rows look like a zone.
    pub(super) fn promise(&self) -> f32 {
        self.rows.iter().map(|(rows, _)| promise(rows)).fold(0.0, f32::max)
    }

    /// The direction in which most of the text runs, or the reverse of it.
    pub(super) fn run(&self) -> Run {
        self.rows[0].1
    }
}

/// A zone in one picture.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) run: Run,
    pub(super) grid: Grid,
    pub(super) look: Vec<Vec<Frames>>,
    pub(super) evidence: Evidence,
}

impl Found {
    /// No need to look for another.
    pub(super) fn is_sure(&self) -> bool {
        self.evidence.fit() >= SURE_FIT
    }
}

/// Keeps the likelier of two zones; answers whether there is no need to look for another.
fn settled(best: &mut Option<Found>, new: Option<Found>) -> bool {
    let both = best.take().into_iter().chain(new);
    *best = both.max_by(|a, b| a.evidence.log_ratio.total_cmp(&b.evidence.log_ratio));
    best.as_ref().is_some_and(Found::is_sure)
}

/// How many times as long as high two rows of nearly the same length below each other are; 0 where there are none. Hardly any print
/// is as long as a zone.
fn promise(rows: &[Row]) -> f32 {
    let pairs = rows.windows(2).filter_map(|pair| match pair {
        [a, b] => {
            let alike = (a.length - b.length).abs() < 0.2 * a.length && b.down - a.down < 4.0 * a.height;
            alike.then(|| (a.length / a.height).min(b.length / b.height))
        }
        _ => None,
    });
    pairs.fold(0.0, f32::max)
}

/// Of all pairs of lines at any angle that may be two of a zone, the one that is longest for its height; empty where there is none.
fn zone_like(quads: &[Quad]) -> Vec<Quad> {
    let aspect = |quad: &Quad| quad.width() / quad.height().max(1.0);
    let long: Vec<&Quad> = quads.iter().filter(|quad| aspect(quad) > ZONE_ASPECT).collect();
    let mut best: (f32, Vec<Quad>) = (0.0, Vec::new());
    for (at, a) in long.iter().enumerate() {
        for b in long.iter().skip(at + 1) {
            let promise = aspect(a).min(aspect(b));
            if promise > best.0 && are_neighbours(a, b) {
                best = (promise, vec![**a, **b]);
            }
        }
    }
    best.1
}

/// As long as each other, parallel, and below each other at the distance of a zone's lines.
fn are_neighbours(a: &Quad, b: &Quad) -> bool {
    let along = |Quad([from, to, ..]): &Quad| Point::new(to.x - from.x, to.y - from.y);
    let (u, v) = (along(a), along(b));
    let (length, other) = (u.x.hypot(u.y), v.x.hypot(v.y));
    let parallel = (u.x * v.y - u.y * v.x).abs() < MOST_SKEW * length * other;
    let (from, to) = (a.bounds().centre(), b.bounds().centre());
    let apart = Point::new(to.x - from.x, to.y - from.y);
    let aside = (apart.x * u.x + apart.y * u.y).abs() / length;
    let distance = (apart.x * u.y - apart.y * u.x).abs() / length;
    parallel
        && (length - other).abs() < 0.2 * length
        && aside < 0.2 * length
        && distance < 4.0 * a.height().max(b.height())
}

/// What looking needs besides a picture.
pub(super) struct Search<'a> {
    pub(super) text: &'a TextReader,
    pub(super) gone: &'a dyn Fn() -> bool,
    pub(super) spent: &'a mut Spent,
}

impl Search<'_> {
    /// Rows of text across the picture and along it; first those that cover more.
    pub(super) fn ways(&mut self, picture: &Picture) -> Result<Ways, ReadError> {
        Ok(Ways::of(self.detect(picture)?))
    }

    /// The same, detected where the text is level; `None` where it is.
    fn level(&mut self, picture: &Picture, ways: &Ways) -> Result<Option<Ways>, ReadError> {
        let tilt = ways.tilt();
        if tilt.abs() < LEAST_TILT {
            return Ok(None);
        }
        let (sin, cos) = (f64::from(tilt.sin()), f64::from(tilt.cos()));
        let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
        let size = (width * cos + height * sin.abs(), width * sin.abs() + height * cos);
        let middle = |length: f64| (length - 1.0) / 2.0;
        let turn = |x: f64, y: f64| (cos * x - sin * y, sin * x + cos * y);
        let (x, y) = turn(middle(size.0), middle(size.1));
        let to_picture = Affine([cos, -sin, middle(width) - x, sin, cos, middle(height) - y]);
        let level = warp_affine(picture, &to_picture, size.0 as u32, size.1 as u32, Border::Replicate);
        let quads = self.detect(&level)?;
        let back = |quad: &Quad| Quad(quad.0.map(|corner| to_picture.apply(corner)));
        Ok(Some(Ways::of(quads.iter().map(back).collect())))
    }

    /// The likeliest zone among the rows.
    pub(super) fn find(&mut self, picture: &Picture, ways: &Ways) -> Result<Option<Found>, ReadError> {
        let mut best = self.among(picture, ways)?;
        // Lines at a tilt run into each other and into frames around them.
        if !best.as_ref().is_some_and(Found::is_sure)
            && let Some(level) = self.level(picture, ways)?
        {
            let again = self.among(picture, &level)?;
            settled(&mut best, again);
        }
        Ok(best)
    }

    /// The likeliest zone among the rows as they were detected.
    fn among(&mut self, picture: &Picture, ways: &Ways) -> Result<Option<Found>, ReadError> {
        let mut best = None;
        for (rows, run) in &ways.rows {
            let reversed = upside_down(rows);
            let mut tries = vec![(rows, *run, FEW_ROWS), (&reversed, run.reversed(), FEW_ROWS)];
            if rows.len() > 2 {
                tries.push((rows, *run, MANY_ROWS));
                tries.push((&reversed, run.reversed(), MANY_ROWS));
            }
            for (rows, run, most) in tries {
                if settled(&mut best, self.window(picture, rows, run, most)?) {
                    return Ok(best);
                }
            }
        }
        // Small print is seen better in a crop.
        if let Some(found) = &best {
            let again = self.again(picture, found)?;
            settled(&mut best, again);
        }
        Ok(best)
    }

    /// The beliefs of a zone's positions, from a second look at every line as the grid has it.
    pub(super) fn beliefs(&mut self, picture: &Picture, found: &Found) -> Result<Vec<Belief>, ReadError> {
        self.stop()?;
        let grid = &found.grid;
        let quads: Vec<Quad> = (0..grid.shape.lines).map(|line| grid.row(line, MARGIN)).collect();
        let started = Instant::now();
        let frames = self.text.frames(picture, &quads, ZONE)?;
        self.spent.recognize += started.elapsed();
        let lines: Vec<&[Frames]> = frames.chunks(1).collect();
        let first: Vec<&[Frames]> = found.look.iter().map(Vec::as_slice).collect();
        let pictures: Vec<Picture> = quads
            .iter()
            .filter_map(|quad| cut(picture, quad, ZONE.height))
            .collect();
        let (Some(first), Some(second)) = (Look::on(grid, &first), Look::on(grid, &lines)) else {
            return Ok(Vec::new());
        };
        Ok(cells::beliefs(&first, &second, &cells::ink(grid, &pictures, MARGIN)))
    }

    pub(super) fn detect(&mut self, picture: &Picture) -> Result<Vec<Quad>, ReadError> {
        self.stop()?;
        let started = Instant::now();
        let quads = self.text.detect(picture, &DetectOptions::default())?;
        self.spent.detect += started.elapsed();
        Ok(quads)
    }

    /// Lines of text in a part of a picture, in the whole one's pixels.
    pub(super) fn detect_in(&mut self, picture: &Picture, around: Rect) -> Result<Vec<Quad>, ReadError> {
        let (Some(part), Some(crop)) = (picture.part(around), picture.crop(around)) else {
            return Ok(Vec::new());
        };
        let (left, top) = (part.left() as f32, part.top() as f32);
        let quads = self.detect(&crop)?;
        Ok(quads.iter().map(|quad| quad.moved(left, top)).collect())
    }

    pub(super) fn stop(&self) -> Result<(), ReadError> {
        if (self.gone)() {
            Err(ReadError::Abandoned)
        } else {
            Ok(())
        }
    }

    /// The likeliest zone in two or three rows below each other, among the `most` longest.
    fn window(&mut self, picture: &Picture, rows: &[Row], run: Run, most: usize) -> Result<Option<Found>, ReadError> {
        // The longest rows, in their order.
        let mut lengths: Vec<f32> = rows.iter().map(|row| row.length).collect();
        lengths.sort_by(|a, b| b.total_cmp(a));
        let mut least = lengths.get(most - 1).copied().unwrap_or(0.0);
        if most == FEW_ROWS {
            let (longest, second) = (lengths.first(), lengths.get(1));
            let about = ABOUT_AS_LONG * longest.copied().unwrap_or(0.0);
            least = least.max(about.min(second.copied().unwrap_or(0.0)));
        }
        let rows: Vec<&Row> = rows.iter().filter(|row| row.length >= least).take(most).collect();
        if rows.len() < 2 {
            return Ok(None);
        }
        let lines = self.recognize(picture, &rows)?;
        let started = Instant::now();
        let mut best: Option<Found> = None;
        for size in [3, 2] {
            for (rows, frames) in rows.windows(size).zip(lines.windows(size)) {
                self.stop()?;
                settled(&mut best, zone(rows, frames, run));
            }
        }
        self.spent.correct += started.elapsed();
        Ok(best)
    }

    /// What is seen along each row.
    fn recognize(&mut self, picture: &Picture, rows: &[&Row]) -> Result<Vec<Vec<Frames>>, ReadError> {
        self.stop()?;
        let started = Instant::now();
        let quads: Vec<Quad> = rows.iter().flat_map(|row| row.quads.iter().copied()).collect();
        let mut read = self.text.frames(picture, &quads, ZONE)?.into_iter();
        self.spent.recognize += started.elapsed();
        Ok(rows
            .iter()
            .map(|row| read.by_ref().take(row.quads.len()).collect())
            .collect())
    }

    /// Detects and reads again in a crop around a zone, so that small print is seen at full resolution and at another scale.
    fn again(&mut self, picture: &Picture, found: &Found) -> Result<Option<Found>, ReadError> {
        let bounds = found.grid.outline().bounds();
        let margin = bounds.width.min(bounds.height);
        let around = Rect::new(
            bounds.x - margin,
            bounds.y - margin,
            bounds.width + 2.0 * margin,
            bounds.height + 2.0 * margin,
        );
        let quads = self.detect_in(picture, around)?;
        let vertical = matches!(found.run, Run::Down | Run::Up);
        let mut rows = rows(&quads, vertical, LEAST_ASPECT);
        if matches!(found.run, Run::Left | Run::Up) {
            rows = upside_down(&rows);
        }
        self.window(picture, &rows, found.run, MANY_ROWS)
    }
}

/// The zone in rows below each other, if they can be one.
fn zone(rows: &[&Row], frames: &[Vec<Frames>], run: Run) -> Option<Found> {
    let longest = rows.iter().map(|row| row.length).fold(0.0, f32::max);
    let similar = rows.iter().all(|row| row.length >= LEAST_LENGTH_RATIO * longest);
    let highest = rows.iter().map(|row| row.height).fold(0.0, f32::max);
    // Lines of a zone are about twice their height apart.
    let close = rows.windows(2).all(|pair| match pair {
        [a, b] => b.down - a.down < 4.0 * highest,
        _ => false,
    });
    if !(similar && close) {
        return None;
    }
    let lines: Vec<&[Frames]> = frames.iter().map(Vec::as_slice).collect();
    let laid = Grid::fit(rows, &lines).into_iter().filter_map(|grid| {
        let evidence = Evidence::of(grid.shape, &Look::on(&grid, &lines)?.beliefs())?;
        Some((grid, evidence))
    });
    let (grid, evidence) = laid.max_by(|(_, a), (_, b)| a.log_ratio.total_cmp(&b.log_ratio))?;
    (evidence.fit() >= LEAST_FIT).then(|| Found {
        run,
        grid,
        look: frames.to_vec(),
        evidence,
    })
}
