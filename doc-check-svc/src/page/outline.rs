//! The edges of the page in the picture: a step in brightness or colour along each, near to where the standard has it.

use vision::geometry::Point;
use vision::picture::Picture;

use super::{Edge, Page, is_inside};
use crate::policy::{Finding, Test};

/// Places along an edge; its ends are left out, where corners are round.
const STATIONS: usize = 40;
const ENDS: f32 = 0.06;

/// Step across an edge, in millimetres.
const STEP: f32 = 0.25;

/// Millimetres on either side whose means are compared.
const REACH: usize = 4;

/// How far an edge may be off at its ends, in steps of this many millimetres.
const TURN: f32 = 0.5;

/// Least step from the page to what is around it, in levels of 255, and as a multiple of what is usual at the place.
const LEAST_STEP: f32 = 8.0;
const OUTSTANDING: f32 = 2.0;

/// Share of the highest step within reach from which on one is a peak.
const PEAK: f32 = 0.75;

/// Least share of the places along an edge at which it is seen.
const LEAST_SEEN: f32 = 0.6;

/// A line is as good as the best where it is seen at this share of its places.
const NEARLY: f32 = 0.9;

/// Less than this is outside of many scans, in millimetres: pages have a margin without data (9303-4 section 2.4), and zones may be
/// printed so far from their place (section 4.2.1.3).
const MARGIN: f32 = 4.0;

/// The same at the lower edge: nothing is printed below the zone.
const BELOW: f32 = 6.0;

/// Share of the page's height by which the place of its top may be wrong.
const DOUBT: f32 = 0.12;

/// Edges of which something is to be known before the page counts as seen.
const LEAST_EDGES: usize = 2;

/// What was seen of an edge. Distances are in millimetres, outwards from where the standard has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EdgeSeen {
    /// It is here.
    Found {
        /// How far it is off.
        off: f32,
    },
    /// The picture ends before an edge was seen.
    PictureEnds {
        /// Where; the page is cut off where this is less than zero.
        off: f32,
    },
    /// Nothing stands out from what is around it.
    NotSeen,
}

/// What was seen of the edges of a page.
#[derive(Clone, Copy, Debug)]
pub struct Outline([EdgeSeen; 4]);

impl Outline {
    /// Looks for the edges of a page.
    #[must_use]
    pub fn seen(page: &Page, picture: &Picture) -> Self {
        Self(Edge::ALL.map(|edge| edge_seen(page, picture, edge)))
    }

    /// What was seen of one.
    #[must_use]
    pub fn edge(&self, edge: Edge) -> EdgeSeen {
        self.0[edge as usize]
    }

    /// Whether the whole page is in the picture.
    pub(super) fn is_whole(&self, page: &Page) -> Finding {
        let lost: Vec<String> = Edge::ALL
            .into_iter()
            .filter_map(|edge| match self.edge(edge) {
                EdgeSeen::PictureEnds { off } if off < -tolerance(page, edge) => {
                    Some(format!("{:.0} mm at the {}", -off, edge.name()))
                }
                _ => None,
            })
            .collect();
        let why = format!("outside of the picture: {}", lost.join(", "));
        Finding::holds(Test::DocumentWhole, lost.is_empty(), why)
    }

    /// Whether the page was seen as such. Not seen is no fault: many lie on something of their own colour.
    pub(super) fn finding(&self) -> Finding {
        let known = self.0.iter().filter(|seen| **seen != EdgeSeen::NotSeen).count();
        if known >= LEAST_EDGES {
            Finding::passed(Test::DocumentOutline)
        } else {
            Finding::not_available(Test::DocumentOutline, "its edges do not stand out")
        }
    }
}

/// How far an edge may be off without meaning anything.
fn tolerance(page: &Page, edge: Edge) -> f32 {
    match edge {
        Edge::Top => MARGIN.max(DOUBT * page.size.1),
        Edge::Bottom => BELOW,
        Edge::Right | Edge::Left => MARGIN,
    }
}

fn edge_seen(page: &Page, picture: &Picture, edge: Edge) -> EdgeSeen {
    let tolerance = tolerance(page, edge);
    let end = end(page, picture, edge, tolerance);
    let steps = Steps::of(page, picture, edge, tolerance);
    match (steps.found(tolerance), end) {
        // The edge of something printed on the page.
        (Some(found), Some(off)) if found < -MARGIN => EdgeSeen::PictureEnds { off },
        (Some(off), _) => EdgeSeen::Found { off },
        (None, Some(off)) => EdgeSeen::PictureEnds { off },
        (None, None) => EdgeSeen::NotSeen,
    }
}

/// Where along most of an edge the picture ends, if it does so before the edge is surely passed. A corner that is missing does not
/// count.
fn end(page: &Page, picture: &Picture, edge: Edge, tolerance: f32) -> Option<f32> {
    let across = match edge {
        Edge::Top | Edge::Bottom => page.size.1,
        Edge::Right | Edge::Left => page.size.0,
    };
    let steps = ((across + tolerance) / TURN) as usize;
    let mut ends: Vec<usize> = (0..STATIONS)
        .map(|station| {
            let inside = |step: &usize| {
                let at = page.beside(edge, along(station), *step as f32 * TURN - tolerance);
                is_inside(picture, at)
            };
            (0..steps).find(inside).unwrap_or(steps)
        })
        .collect();
    ends.sort_unstable();
    let end = ends.get(STATIONS / 2).copied().filter(|end| *end > 0)?;
    Some(tolerance - end as f32 * TURN)
}

fn along(station: usize) -> f32 {
    ENDS + (1.0 - 2.0 * ENDS) * (station as f32 + 0.5) / STATIONS as f32
}

/// Steps in the picture across an edge: those of each station, from farthest outside to farthest inside.
struct Steps(Vec<Vec<f32>>);

impl Steps {
    fn of(page: &Page, picture: &Picture, edge: Edge, tolerance: f32) -> Self {
        let count = (2.0 * tolerance / STEP) as usize + 1;
        let station = |station: usize| {
            let colours: Vec<Option<[f32; 3]>> = (0..count + 2 * REACH)
                .map(|step| {
                    let inside = (step as f32 - REACH as f32) * STEP - tolerance;
                    colour(picture, page.beside(edge, along(station), inside))
                })
                .collect();
            let mean = |colours: &[Option<[f32; 3]>]| {
                let sum = colours.iter().try_fold([0.0; 3], |sum: [f32; 3], colour| {
                    colour.map(|colour| std::array::from_fn(|channel| sum[channel] + colour[channel]))
                });
                sum.map(|sum| sum.map(|value| value / REACH as f32))
            };
            let around = colours.windows(2 * REACH + 1).map(|around| {
                let (before, after) = (mean(around.get(..REACH)?)?, mean(around.get(REACH + 1..)?)?);
                let differences = before.iter().zip(after).map(|(a, b)| (a - b).abs());
                Some(differences.fold(0.0, f32::max))
            });
            around.map(Option::unwrap_or_default).collect()
        };
        Self((0..STATIONS).map(station).collect())
    }

    /// Where the straight line is along which there are most steps that stand out.
    fn found(&self, tolerance: f32) -> Option<f32> {
        let outstanding: Vec<Vec<bool>> = self.0.iter().map(|steps| outstanding(steps)).collect();
        let places = (2.0 * tolerance / TURN) as usize + 1;
        let lines = (0..places).flat_map(|first| (0..places).map(move |last| (first, last)));
        let seen = |(first, last): (usize, usize)| {
            let at = |station: usize| {
                let share = station as f32 / (STATIONS - 1) as f32;
                ((first as f32 + (last as f32 - first as f32) * share) * TURN / STEP).round() as usize
            };
            let stations = outstanding.iter().enumerate();
            stations
                .filter(|(station, steps)| steps.get(at(*station)) == Some(&true))
                .count()
        };
        let lines: Vec<((usize, usize), usize)> = lines.map(|line| (line, seen(line))).collect();
        let most = lines.iter().map(|(_, seen)| *seen).max()? as f32;
        if most < LEAST_SEEN * STATIONS as f32 {
            return None;
        }
        // What is printed on the page has edges, too: of several, the outermost.
        let good = lines.into_iter().filter(|(_, seen)| *seen as f32 >= NEARLY * most);
        let ((first, last), _) = good.min_by_key(|((first, last), seen)| (first + last, STATIONS - seen))?;
        Some(tolerance - (first + last) as f32 * TURN / 2.0)
    }
}

/// Where the steps of a station are higher than is usual there, and than those within reach.
fn outstanding(steps: &[f32]) -> Vec<bool> {
    let mut sorted = steps.to_vec();
    sorted.sort_by(f32::total_cmp);
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let least = LEAST_STEP.max(OUTSTANDING * usual);
    let is_peak = |(index, step): (usize, &f32)| {
        let around = steps.get(index.saturating_sub(REACH)..=(index + REACH).min(steps.len() - 1));
        let highest = around.unwrap_or_default().iter().copied().fold(0.0, f32::max);
        *step >= least && *step >= PEAK * highest
    };
    steps.iter().enumerate().map(is_peak).collect()
}

fn colour(picture: &Picture, at: Point) -> Option<[f32; 3]> {
    is_inside(picture, at).then(|| {
        picture
            .pixel(at.x.round().max(0.0) as u32, at.y.round().max(0.0) as u32)
            .map(f32::from)
    })
}
