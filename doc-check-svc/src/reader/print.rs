//! The print on a document besides its zone.

use std::time::Instant;

use vision::geometry::{Point, Quad};
use vision::picture::Picture;
use vision::text::{self, Alphabet, LineHeight, RecognizeOptions, TextLine};

use super::ReadError;
use super::grid::Grid;
use super::rows::Run;
use super::search::{Found, Search, Ways};
use crate::page::zone_line;

/// How print is read first.
const PRINT: RecognizeOptions = RecognizeOptions {
    alphabet: Alphabet::Letters,
    height: LineHeight::Reduced,
};

/// How print is read where that was not enough.
const CLOSER: RecognizeOptions = RecognizeOptions {
    height: LineHeight::Full,
    ..PRINT
};

/// Lines of print that are read at most, the largest. The fields of a page are fewer.
const MOST_LINES: usize = 40;

/// Lines that are read either way up to tell which one is right.
const TRIED: usize = 3;

/// A zone that is this share of the picture's longer side or less is looked for print around in a crop: detection sees a picture of
/// 960 pixels.
const SMALL: f32 = 0.6;

/// A line of a zone, or the greater part of one, is so many times as long as high.
const LEAST_ZONE_ASPECT: f32 = 7.0;

/// Lines beside a page that are read to tell whether they are of a zone, the largest.
const MOST_BESIDE: usize = 6;

impl Search<'_> {
    /// The lines of print on the page of a zone, without the zone's own.
    pub(super) fn print_beside(
        &mut self,
        picture: &Picture,
        ways: &Ways,
        found: &Found,
    ) -> Result<Vec<TextLine>, ReadError> {
        let page = found.grid.page();
        let bounds = page.bounds();
        let is_small = bounds.width.max(bounds.height) < SMALL * picture.longest_side() as f32;
        let quads = if is_small {
            self.detect_in(picture, bounds)?
        } else {
            ways.quads.clone()
        };
        let quads = along(&quads, found.run).filter(|quad| page.contains(middle(quad)) && !covers(&found.grid, quad));
        let mut lines = self.lines(picture, &largest(quads, MOST_LINES), PRINT)?;
        lines.extend(self.zones_beside(picture, ways, found)?);
        Ok(lines)
    }

    /// Lines of other zones, of documents that lie beside the page.
    fn zones_beside(&mut self, picture: &Picture, ways: &Ways, found: &Found) -> Result<Vec<TextLine>, ReadError> {
        let page = found.grid.page();
        let is_beside = |quad: &Quad| !page.contains(middle(quad)) && quad.width() > LEAST_ZONE_ASPECT * quad.height();
        let beside = along(&ways.quads, found.run).filter(is_beside);
        let lines = self.lines(picture, &largest(beside, MOST_BESIDE), PRINT)?;
        Ok(lines.into_iter().filter(|line| zone_line::is_one(&line.text)).collect())
    }

    /// The lines of print on a page without a zone.
    pub(super) fn print_of(&mut self, picture: &Picture, ways: &Ways) -> Result<Vec<TextLine>, ReadError> {
        let run = ways.run();
        let upright = largest(along(&ways.quads, run), MOST_LINES);
        let reversed: Vec<Quad> = upright.iter().map(text::upside_down).collect();
        let (few, rest) = upright.split_at(TRIED.min(upright.len()));
        let (few_reversed, rest_reversed) = reversed.split_at(few.len());
        let confidence = |lines: &[TextLine]| lines.iter().map(|line| line.confidence).sum::<f32>();
        let first = self.lines(picture, few, PRINT)?;
        let second = self.lines(picture, few_reversed, PRINT)?;
        let (mut lines, rest) = if confidence(&first) >= confidence(&second) {
            (first, rest)
        } else {
            (second, rest_reversed)
        };
        lines.extend(self.lines(picture, rest, PRINT)?);
        Ok(lines)
    }

    /// Reads some of the lines again, closer.
    pub(super) fn look_closer(
        &mut self,
        picture: &Picture,
        lines: &mut [TextLine],
        which: &[usize],
    ) -> Result<(), ReadError> {
        let quads: Vec<Quad> = which.iter().filter_map(|at| Some(lines.get(*at)?.quad)).collect();
        for (at, again) in which.iter().zip(self.lines(picture, &quads, CLOSER)?) {
            if let Some(line) = lines.get_mut(*at) {
                *line = again;
            }
        }
        Ok(())
    }

    /// Reads a place where no line was detected.
    pub(super) fn look_at(&mut self, picture: &Picture, place: &Quad) -> Result<Vec<TextLine>, ReadError> {
        self.lines(picture, std::slice::from_ref(place), CLOSER)
    }

    fn lines(
        &mut self,
        picture: &Picture,
        quads: &[Quad],
        options: RecognizeOptions,
    ) -> Result<Vec<TextLine>, ReadError> {
        self.stop()?;
        let started = Instant::now();
        let lines = self.text.recognize(picture, quads, options)?;
        self.spent.print += started.elapsed();
        Ok(lines)
    }
}

/// The quads whose text runs this way or the other way round, turned so that it runs this way.
fn along(quads: &[Quad], run: Run) -> impl Iterator<Item = Quad> + '_ {
    let vertical = matches!(run, Run::Down | Run::Up);
    let reversed = matches!(run, Run::Left | Run::Up);
    quads
        .iter()
        .filter(move |Quad([a, b, ..])| ((b.y - a.y).abs() > (b.x - a.x).abs()) == vertical)
        .map(move |quad| if reversed { text::upside_down(quad) } else { *quad })
}

/// So many at most, the largest first.
fn largest(quads: impl Iterator<Item = Quad>, most: usize) -> Vec<Quad> {
    let mut quads: Vec<Quad> = quads.collect();
    let area = |quad: &Quad| quad.width() * quad.height();
    quads.sort_by(|a, b| area(b).total_cmp(&area(a)));
    quads.truncate(most);
    quads
}

fn middle(Quad([a, b, c, d]): &Quad) -> Point {
    a.midpoint(*c).midpoint(b.midpoint(*d))
}

/// The middle of a line lies on the zone.
fn covers(grid: &Grid, quad: &Quad) -> bool {
    let Some(back) = grid.map.inverse() else { return false };
    let middle = back.apply(middle(quad));
    (0.0..=grid.shape.length as f32).contains(&middle.x) && (-0.2..=grid.shape.lines as f32 + 0.2).contains(&middle.y)
}
