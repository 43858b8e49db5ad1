//! The lines of a page, measured along and across its text, whichever way the page is turned.

use vision::geometry::{Point, Quad};
use vision::text::{Candidate, TextChar, TextLine};

/// Lines that run more than this many degrees off the rest are stamps and the like.
const MOST_ASKEW: f32 = 15.0;

/// More lines than any page of a document has; the rest is not looked at.
const MOST_LINES: usize = 400;

/// Pieces of a row that are at most so many heights apart are one line: detection parts lines at wide spaces.
const JOINED_GAP: std::ops::Range<f32> = -0.7..0.8;

/// How much higher one piece of a line may be than another.
const MOST_UNLIKE: f32 = 1.5;

/// A line that holds this is the zone's.
const FILLERS: &str = "<<";

/// One line of text. Distances are in pixels: along the text, and across it growing downwards.
pub(super) struct Line {
    /// Number of its first piece among the lines that were given.
    pub(super) index: usize,
    pub(super) quad: Quad,
    pub(super) chars: Vec<TextChar>,
    pub(super) start: f32,
    pub(super) end: f32,
    pub(super) down: f32,
    pub(super) height: f32,
}

/// The lines that run as most of the text does, from top to bottom.
pub(super) struct Page {
    pub(super) lines: Vec<Line>,
}

impl Page {
    pub(super) fn of(lines: &[TextLine]) -> Self {
        let lines = lines.get(..MOST_LINES).unwrap_or(lines);
        let Some(along) = direction(lines) else {
            return Self { lines: Vec::new() };
        };
        let mut pieces: Vec<Line> = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| !line.chars.is_empty() && !line.text.contains(FILLERS))
            .filter(|(_, line)| is_along(vector(line), along))
            .map(|(index, line)| measured(index, line, along))
            .collect();
        pieces.sort_by(|a, b| a.start.total_cmp(&b.start));
        let mut lines: Vec<Line> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match lines.iter_mut().find(|line| line.goes_on_in(&piece)) {
                Some(line) => line.join(piece),
                None => lines.push(piece),
            }
        }
        lines.sort_by(|a, b| a.down.total_cmp(&b.down));
        Self { lines }
    }
}

impl Line {
    /// Where a character stands along the text of the page.
    pub(super) fn place(&self, char: usize) -> f32 {
        let position = self.chars.get(char).map_or(1.0, |char| char.position);
        self.start + position * (self.end - self.start)
    }

    /// Whether `other` stands on the same row.
    pub(super) fn is_level_with(&self, other: &Self) -> bool {
        (self.down - other.down).abs() < 0.5 * self.height.max(other.height)
    }

    /// The place on this row from `start` along the text, of this length.
    pub(super) fn part(&self, start: f32, length: f32) -> Quad {
        let [a, b, c, d] = self.quad.0;
        let own = (self.end - self.start).max(f32::MIN_POSITIVE);
        let at = |from: Point, to: Point, along: f32| {
            let share = (along - self.start) / own;
            Point::new(from.x + share * (to.x - from.x), from.y + share * (to.y - from.y))
        };
        let end = start + length;
        Quad([at(a, b, start), at(a, b, end), at(d, c, end), at(d, c, start)])
    }

    fn goes_on_in(&self, next: &Self) -> bool {
        let (low, high) = (self.height.min(next.height), self.height.max(next.height));
        let level = (self.down - next.down).abs() < 0.4 * low;
        level && high < MOST_UNLIKE * low && JOINED_GAP.contains(&((next.start - self.end) / high))
    }

    fn join(&mut self, next: Self) {
        let space = TextChar {
            best: Candidate {
                character: ' ',
                probability: 1.0,
            },
            alternatives: Vec::new(),
            position: 1.0,
        };
        let end = self.end.max(next.end);
        let length = (end - self.start).max(f32::MIN_POSITIVE);
        let (start, own, other) = (self.start, self.end - self.start, next.end - next.start);
        for char in &mut self.chars {
            char.position *= own / length;
        }
        let space = TextChar {
            position: own / length,
            ..space
        };
        self.chars.push(space);
        self.chars.extend(next.chars.into_iter().map(|char| TextChar {
            position: (next.start - start + char.position * other) / length,
            ..char
        }));
        let ([a, .., d], [_, b, c, _]) = (self.quad.0, next.quad.0);
        self.quad = Quad([a, b, c, d]);
        self.end = end;
        self.height = self.height.max(next.height);
    }
}

/// From the start of the line to its end.
fn vector(line: &TextLine) -> Point {
    let [a, b, c, d] = line.quad.0;
    Point::new(b.x - a.x + c.x - d.x, b.y - a.y + c.y - d.y)
}

fn is_along(vector: Point, along: Point) -> bool {
    let length = vector.x.hypot(vector.y) * along.x.hypot(along.y);
    vector.x * along.x + vector.y * along.y > length * MOST_ASKEW.to_radians().cos()
}

/// The unit vector in which most of the text runs.
fn direction(lines: &[TextLine]) -> Option<Point> {
    let vectors: Vec<Point> = lines.iter().map(vector).collect();
    let sum = |along: Point| {
        let near = vectors.iter().filter(|vector| is_along(**vector, along));
        near.fold(Point::default(), |sum, v| Point::new(sum.x + v.x, sum.y + v.y))
    };
    let sums = vectors.iter().map(|along| sum(*along));
    let most = sums.max_by(|a, b| a.x.hypot(a.y).total_cmp(&b.x.hypot(b.y)))?;
    let length = most.x.hypot(most.y);
    (length > 0.0 && length.is_finite()).then(|| Point::new(most.x / length, most.y / length))
}

fn measured(index: usize, line: &TextLine, along: Point) -> Line {
    let [a, b, c, d] = line.quad.0;
    let on = |point: Point| point.x * along.x + point.y * along.y;
    let middle = line.quad.middle();
    Line {
        index,
        quad: line.quad,
        chars: line.chars.clone(),
        start: on(a.midpoint(d)),
        end: on(b.midpoint(c)),
        down: middle.y * along.x - middle.x * along.y,
        height: line.quad.height(),
    }
}
