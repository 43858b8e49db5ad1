//! The ways in which text runs in a picture, and which of its rows may be the lines of a zone.

use std::ops::RangeInclusive;

use vision::geometry::{Point, Quad};

use super::rows::{Row, directions, rows};

/// A row of a zone is so many times as long as it is high. Boxes are higher than print, which is nearly as high as the pitch of at most
/// 44 positions.
const ASPECTS: RangeInclusive<f32> = 7.0..=50.0;

/// Rows of one zone are as long as each other, but for parts that were not seen as text.
const LEAST_LENGTH_RATIO: f32 = 0.35;

/// What is about as long, as a share of the shorter of two.
const ABOUT_AS_LONG: f32 = 0.75;

/// Share of the shorter of two lines of a zone that is above or below the other.
const LEAST_SHARED: f32 = 0.5;

/// What looks less like a zone than this is none, see [`Stack::promise`]: whole zones are beyond 15.
const LEAST_PROMISE: f32 = 5.0;

/// Lines of a zone are about twice their height apart, at most so many times.
const FARTHEST: f32 = 4.0;

/// Stacks that are looked at in one picture. To recognise their characters takes much of the time.
const MOST_STACKS: usize = 4;

/// The lines of text of a picture, and the ways in which they run.
pub(super) struct Ways {
    pub(super) quads: Vec<Quad>,
    ways: Vec<Way>,
}

/// Text that runs in one direction, or all of it the other way round.
pub(super) struct Way {
    pub(super) direction: Point,
    /// The most promising first.
    stacks: Vec<Stack>,
}

/// Two or three rows below each other that may be the lines of a zone.
pub(super) struct Stack {
    pub(super) rows: Vec<Row>,
    /// How much two of them look like lines of one zone. Hardly any print is as long for its height.
    promise: f32,
}

/// Stacks of one picture that led to no sure zone.
#[derive(Default)]
pub(super) struct Tried(Vec<Vec<Row>>);

impl Tried {
    pub(super) fn add(&mut self, stack: &Stack) {
        self.0.push(stack.rows.clone());
    }

    fn has(&self, stack: &Stack) -> bool {
        let rows = &stack.rows;
        let is_same = |tried: &Vec<Row>| tried.len() == rows.len() && tried.iter().zip(rows).all(|(a, b)| a.is_same(b));
        self.0.iter().any(is_same)
    }
}

impl Ways {
    /// First the way that looks most like that of a zone, of those alike the one in which more text runs.
    pub(super) fn of(quads: Vec<Quad>) -> Self {
        let way = |direction| Way {
            direction,
            stacks: stacks(&rows(&quads, direction, &ASPECTS)),
        };
        let mut ways: Vec<Way> = directions(&quads).into_iter().map(way).collect();
        ways.sort_by(|a, b| b.promise().total_cmp(&a.promise()));
        Self { quads, ways }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Way> {
        self.ways.iter()
    }

    /// The most promising stacks of all ways, the first of them first, without those that were tried already.
    pub(super) fn stacks(&self, tried: &Tried) -> Vec<&Stack> {
        let mut stacks: Vec<&Stack> = self.ways.iter().flat_map(|way| &way.stacks).collect();
        stacks.sort_by(|a, b| b.promise.total_cmp(&a.promise));
        stacks.truncate(MOST_STACKS);
        stacks.retain(|stack| !tried.has(stack));
        stacks
    }

    /// How much some of the rows look like a zone.
    pub(super) fn promise(&self) -> f32 {
        self.ways.first().map_or(0.0, Way::promise)
    }
}

impl Way {
    fn promise(&self) -> f32 {
        self.stacks.first().map_or(0.0, |stack| stack.promise)
    }
}

/// The stacks of rows, which are in order from the top: every two that may be lines of one zone, with the third above or below them
/// that is about as long.
fn stacks(rows: &[Row]) -> Vec<Stack> {
    let below = |(upper, row): (usize, &Row)| {
        let mut lower = rows.iter().enumerate().skip(upper + 1);
        let (lower, next) = lower.find(|(_, lower)| are_below_each_other(row, lower))?;
        are_of_one(row, next).then(|| (promise(row, next), upper, lower))
    };
    let mut pairs: Vec<(f32, usize, usize)> = rows.iter().enumerate().filter_map(below).collect();
    pairs.retain(|(promise, ..)| *promise >= LEAST_PROMISE);
    pairs.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
    let mut stacks: Vec<(f32, Vec<usize>)> = Vec::new();
    for &(promise, upper, lower) in &pairs {
        let seen = |row: &usize| rows[*row].seen();
        let third = pairs.iter().filter_map(|pair| match *pair {
            (_, above, next) if next == upper => Some(above),
            (_, next, below) if next == lower => Some(below),
            _ => None,
        });
        let third = third.max_by(|a, b| seen(a).total_cmp(&seen(b)));
        let mut stack = vec![upper, lower];
        stack.extend(third.filter(|third| seen(third) >= ABOUT_AS_LONG * seen(&upper).min(seen(&lower))));
        stack.sort_unstable();
        if !stacks.iter().any(|(_, other)| *other == stack) {
            stacks.push((promise, stack));
        }
    }
    let stack = |(promise, stack): (f32, Vec<usize>)| Stack {
        rows: stack.into_iter().map(|row| rows[row].clone()).collect(),
        promise,
    };
    stacks.into_iter().map(stack).collect()
}

/// How much two rows look like lines of one zone: how many times as long as high both are, less what was not seen as text within them
/// and what of one is beside the other. Of rows that begin or end together the shorter may go on with fillers that were not seen.
fn promise(a: &Row, b: &Row) -> f32 {
    let seen = |row: &Row| row.seen() * row.seen() / row.length;
    let height = a.height.max(b.height);
    let aspect = seen(a).min(seen(b)) / height;
    let are_together = (a.start - b.start).abs().min((a.end() - b.end()).abs()) < height;
    let all = if are_together {
        a.length.min(b.length)
    } else {
        a.end().max(b.end()) - a.start.min(b.start)
    };
    aspect * shared(a, b) / all
}

/// Length along which one row is above or below another.
fn shared(a: &Row, b: &Row) -> f32 {
    a.end().min(b.end()) - a.start.max(b.start)
}

fn are_below_each_other(a: &Row, b: &Row) -> bool {
    shared(a, b) >= LEAST_SHARED * a.length.min(b.length)
}

fn are_of_one(a: &Row, b: &Row) -> bool {
    a.length.min(b.length) >= LEAST_LENGTH_RATIO * a.length.max(b.length)
        && b.down - a.down < FARTHEST * a.height.max(b.height)
}

#[cfg(test)]
mod tests {
    use vision::geometry::Rect;

    use super::*;
    use crate::reader::level::at_angle;

    /// A line from (x, y) on, so long and high, on a page that lies at an angle.
    fn line(angle: f32, (x, y): (f32, f32), length: f32, height: f32) -> Quad {
        let Point { x: cos, y: sin } = at_angle(angle);
        let turned = |p: Point| Point::new(500.0 + p.x * cos - p.y * sin, 500.0 + p.x * sin + p.y * cos);
        Quad(Quad::from(Rect::new(x, y, length, height)).0.map(turned))
    }

    /// The zone of a passport and the print above it.
    fn page(angle: f32) -> Vec<Quad> {
        let zone = [0.0, 45.0].map(|y| line(angle, (-400.0, 200.0 + y), 800.0, 24.0));
        let print = [0.0, 40.0, 80.0, 120.0].map(|y| line(angle, (-100.0, y), 150.0, 20.0));
        zone.into_iter().chain(print).collect()
    }

    #[test]
    fn a_zone_comes_first_at_every_angle_whatever_text_runs_otherwise_beside_it() {
        // The table's text runs at 20 degrees.
        let is_other = |angle: &i32| (20..160).contains(&(angle - 20).rem_euclid(180));
        for angle in (-180..180).step_by(5).filter(is_other) {
            let mut quads = page(angle as f32);
            let Point { x: cos, y: sin } = at_angle(angle as f32);
            let is_beside = |quad: &Quad| {
                let at = quad.bounds().centre();
                let (x, y) = (at.x - 500.0, at.y - 500.0);
                (x * cos + y * sin).abs() > 500.0 || !(-120.0..380.0).contains(&(y * cos - x * sin))
            };
            let place = |at: i32| ((at % 8) as f32 * 210.0 - 820.0, (at / 8) as f32 * 37.0 - 820.0);
            // Not all of its words are seen as text.
            let table = (0..360)
                .filter(|at| at * 37 % 11 < 4)
                .map(|at| line(20.0, place(at), 160.0, 18.0));
            quads.extend(table.filter(is_beside));
            let ways = Ways::of(quads);
            let first = &ways.stacks(&Tried::default())[0].rows;
            let lengths: Vec<i32> = first.iter().map(|row| row.length.round() as i32).collect();
            assert_eq!(lengths, [800, 800], "at {angle} degrees");
        }
    }

    #[test]
    fn lines_of_a_card_stay_together_and_what_is_beside_them_out() {
        let zone = [0.0, 60.0, 120.0].map(|y| line(0.0, (-400.0, y), 800.0, 35.0));
        // Between the lines, but not above or below one.
        let beside = [30.0, 90.0].map(|y| line(0.0, (450.0, y), 600.0, 35.0));
        let title = line(0.0, (-400.0, -60.0), 500.0, 35.0);
        let ways = Ways::of(zone.into_iter().chain(beside).chain([title]).collect());
        let first = &ways.stacks(&Tried::default())[0].rows;
        assert_eq!(first.iter().map(|row| row.length as i32).collect::<Vec<_>>(), [800; 3]);
    }

    #[test]
    fn print_is_no_zone() {
        let ways = Ways::of(page(0.0).split_off(2));
        assert!(ways.stacks(&Tried::default()).iter().all(|stack| stack.promise < 8.0) && ways.promise() < 8.0);
        assert_eq!(Ways::of(Vec::new()).promise(), 0.0);
    }
}
