//! The lines of a page, measured along and across its text, whichever way the page is turned.

use vision::geometry::Point;
use vision::text::{TextChar, TextLine};

/// Lines that run more than this many degrees off the rest are stamps and the like.
const MOST_ASKEW: f32 = 15.0;

/// More lines than any page of a document has; the rest is not looked at.
const MOST_LINES: usize = 400;

/// One line of text. Distances are in pixels: along the text, and across it growing downwards.
pub(super) struct Line<'a> {
    /// Its number among the lines that were given.
    pub(super) index: usize,
    pub(super) read: &'a TextLine,
    pub(super) start: f32,
    pub(super) end: f32,
    pub(super) down: f32,
    pub(super) height: f32,
}

/// The lines that run as most of the text does, from top to bottom.
pub(super) struct Page<'a> {
    pub(super) lines: Vec<Line<'a>>,
}

impl<'a> Page<'a> {
    pub(super) fn of(lines: &'a [TextLine]) -> Self {
        let lines = lines.get(..MOST_LINES).unwrap_or(lines);
        let Some(along) = direction(lines) else {
            return Self { lines: Vec::new() };
        };
        let mut lines: Vec<Line<'a>> = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| !line.chars.is_empty() && is_along(vector(line), along))
            .map(|(index, line)| measured(index, line, along))
            .collect();
        lines.sort_by(|a, b| a.down.total_cmp(&b.down));
        Self { lines }
    }
}

impl Line<'_> {
    pub(super) fn chars(&self) -> &[TextChar] {
        &self.read.chars
    }

    /// Where a character stands along the text of the page.
    pub(super) fn place(&self, char: usize) -> f32 {
        let position = self.chars().get(char).map_or(1.0, |char| char.position);
        self.start + position * (self.end - self.start)
    }

    /// Whether `other` stands on the same row.
    pub(super) fn is_level_with(&self, other: &Self) -> bool {
        (self.down - other.down).abs() < 0.5 * self.height.max(other.height)
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

fn measured(index: usize, line: &TextLine, along: Point) -> Line<'_> {
    let [a, b, c, d] = line.quad.0;
    let on = |point: Point| point.x * along.x + point.y * along.y;
    let middle = a.midpoint(c).midpoint(b.midpoint(d));
    Line {
        index,
        read: line,
        start: on(a.midpoint(d)),
        end: on(b.midpoint(c)),
        down: middle.y * along.x - middle.x * along.y,
        height: line.quad.height(),
    }
}
