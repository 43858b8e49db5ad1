//! The print on a document besides its zone.

use std::f32::consts::FRAC_PI_4;

use service_kit::stage;
use vision::geometry::Quad;
use vision::picture::Picture;
use vision::text::{self, Alphabet, LineHeight, RecognizeOptions, TextLine};

use super::ReadError;
use super::grid::Grid;
use super::rows::{ASKEW, along, deviation, direction, within};
use super::search::{Candidate, Scale, Search};
use super::ways::Ways;
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

/// Angle at which words may run across a page, in radians: SPECIMEN does.
const ACROSS: f32 = FRAC_PI_4;

/// Lines of print that are read at most, the largest. The fields of a page are fewer.
const MOST_LINES: usize = 40;

/// Lines of each way that are read either way up to tell which one is right.
const TRIED: usize = 3;

/// A zone that is this share of the picture's longer side or less is looked for print around in a crop: detection sees a picture of
/// 960 pixels.
const SMALL: f32 = 0.6;

/// Share of its longer side around print in which more of it may be.
const AROUND: f32 = 0.15;

/// A line of a zone, or the greater part of one, is so many times as long as high.
const LEAST_ZONE_ASPECT: f32 = 7.0;

/// Lines beside a page that are read to tell whether they are of a zone, and lines across one, the largest.
const MOST_BESIDE: usize = 6;

impl Search<'_> {
    /// The lines of print on the page of a zone, without the zone's own.
    pub(super) fn print_beside(
        &mut self,
        picture: &Picture,
        ways: &Ways,
        found: &Candidate,
    ) -> Result<Vec<TextLine>, ReadError> {
        let bounds = found.grid.page().bounds();
        let is_small = bounds.width.max(bounds.height) < SMALL * picture.longest_side() as f32;
        let mut lines = if is_small {
            self.print_level(picture, found)?
        } else {
            self.print_among(picture, &ways.quads, found)?
        };
        lines.extend(self.zones_beside(picture, ways, found)?);
        Ok(lines)
    }

    /// The same without what lies beside the page, detected where it is level and fills what is seen.
    pub(super) fn print_level(&mut self, picture: &Picture, found: &Candidate) -> Result<Vec<TextLine>, ReadError> {
        let (page, direction) = (found.grid.page(), found.grid.direction());
        let quads = self.detect_around(picture, &[page], direction, 0.0, Scale::Letters)?;
        self.print_among(picture, &quads, found)
    }

    /// Of some lines those on the page of a zone.
    fn print_among(
        &mut self,
        picture: &Picture,
        quads: &[Quad],
        found: &Candidate,
    ) -> Result<Vec<TextLine>, ReadError> {
        let page = found.grid.page();
        let mut quads = within(ACROSS, quads, found.grid.direction());
        quads.retain(|quad| page.contains(quad.middle()) && !covers(&found.grid, quad));
        self.lines(picture, &largest(quads, MOST_LINES), PRINT)
    }

    /// Lines of other zones, of documents that lie beside the page.
    fn zones_beside(&mut self, picture: &Picture, ways: &Ways, found: &Candidate) -> Result<Vec<TextLine>, ReadError> {
        let page = found.grid.page();
        let is_beside = |quad: &Quad| !page.contains(quad.middle()) && quad.width() > LEAST_ZONE_ASPECT * quad.height();
        let mut beside = within(ACROSS, &ways.quads, found.grid.direction());
        beside.retain(is_beside);
        let lines = self.lines(picture, &largest(beside, MOST_BESIDE), PRINT)?;
        Ok(lines.into_iter().filter(|line| zone_line::is_one(&line.text)).collect())
    }

    /// The lines of print on a page without a zone.
    pub(super) fn print_of(&mut self, picture: &Picture, ways: &Ways) -> Result<Vec<TextLine>, ReadError> {
        let mut best: (f32, Vec<TextLine>, Vec<Quad>) = (0.0, Vec::new(), Vec::new());
        for way in ways.iter() {
            let upright = largest(along(&ways.quads, way.direction), MOST_LINES);
            let reversed: Vec<Quad> = upright.iter().map(text::upside_down).collect();
            for mut tried in [upright, reversed] {
                let rest = tried.split_off(TRIED.min(tried.len()));
                let lines = self.lines(picture, &tried, PRINT)?;
                let confidence = lines.iter().map(|line| line.confidence).sum::<f32>();
                if confidence > best.0 {
                    best = (confidence, lines, rest);
                }
            }
        }
        let (_, mut lines, mut rest) = best;
        let direction = direction(lines.iter().map(|line| &line.quad)).unwrap_or_default();
        let mut across = within(ACROSS, &ways.quads, direction);
        across.retain(|quad| deviation(quad, direction) > ASKEW);
        rest.extend(largest(across, MOST_BESIDE));
        lines.extend(self.lines(picture, &rest, PRINT)?);
        Ok(lines)
    }

    /// The same, detected where most of these lines are level and fill what is seen.
    pub(super) fn print_level_of(&mut self, picture: &Picture, lines: &[TextLine]) -> Result<Vec<TextLine>, ReadError> {
        let quads: Vec<Quad> = lines.iter().map(|line| line.quad).collect();
        let direction = direction(&quads).unwrap_or_default();
        let again = self.detect_around(picture, &along(&quads, direction), direction, AROUND, Scale::Letters)?;
        self.print_of(picture, &Ways::of(again))
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
        let read = || self.text.recognize(picture, quads, options);
        Ok(stage::timed("print_recognition", &mut self.spent.print, read)?)
    }
}

/// So many at most, the largest first.
fn largest(mut quads: Vec<Quad>, most: usize) -> Vec<Quad> {
    let area = |quad: &Quad| quad.width() * quad.height();
    quads.sort_by(|a, b| area(b).total_cmp(&area(a)));
    quads.truncate(most);
    quads
}

/// The middle of a line lies on the zone.
fn covers(grid: &Grid, quad: &Quad) -> bool {
    let Some(back) = grid.map.inverse() else { return false };
    let middle = back.apply(quad.middle());
    (0.0..=grid.shape.length as f32).contains(&middle.x) && (-0.2..=grid.shape.lines as f32 + 0.2).contains(&middle.y)
}
