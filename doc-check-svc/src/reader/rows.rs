//! Lines of text, put together into rows.

use vision::geometry::{Point, Quad};
use vision::text;

/// Widest gap in a row, in heights: a run of fillers that was not detected as text.
const WIDEST_GAP: f32 = 16.0;

/// Which way the text of a picture runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    Right,
    Down,
    Left,
    Up,
}

impl Run {
    /// Clockwise turn in degrees after which text runs to the right.
    pub(super) fn rotation(self) -> u32 {
        match self {
            Self::Right => 0,
            Self::Down => 270,
            Self::Left => 180,
            Self::Up => 90,
        }
    }

    /// The same lines the other way round.
    pub(super) fn reversed(self) -> Self {
        match self {
            Self::Right => Self::Left,
            Self::Down => Self::Up,
            Self::Left => Self::Right,
            Self::Up => Self::Down,
        }
    }
}

/// One or more pieces of text beside each other, in reading order. Distances are in the direction of the text.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) quads: Vec<Quad>,
    /// From the start of the first piece to the end of the last.
    pub(super) length: f32,
    /// Of the highest piece.
    pub(super) height: f32,
    /// Where it starts along the text.
    pub(super) start: f32,
    /// Where it is across the text, growing downwards.
    pub(super) down: f32,
}

/// Rows of the pieces that run down (`vertical`) or across a picture, from the top, each at least `aspect` times as long as high.
pub(super) fn rows(quads: &[Quad], vertical: bool, aspect: f32) -> Vec<Row> {
    let quads: Vec<Quad> = quads
        .iter()
        .filter(|Quad([a, b, ..])| ((b.y - a.y).abs() > (b.x - a.x).abs()) == vertical)
        .copied()
        .collect();
    let Some(along) = direction(&quads) else {
        return Vec::new();
    };
    let mut pieces: Vec<Row> = quads.into_iter().map(|quad| piece(quad, along)).collect();
    pieces.sort_by(|a, b| a.down.total_cmp(&b.down));

    let mut rows: Vec<Row> = Vec::new();
    for piece in pieces {
        let near = |row: &&mut Row| piece.down - row.down < row.height.max(piece.height);
        let beside = rows.iter_mut().rev().take_while(near).find(|row| {
            let level = (row.down - piece.down).abs() < 0.4 * row.height.min(piece.height);
            let alike = row.height.max(piece.height) < 1.6 * row.height.min(piece.height);
            let (from, to) = (row.start.max(piece.start), row.end().min(piece.end()));
            level && alike && to - from < 0.5 * row.height && from - to < WIDEST_GAP * row.height.max(piece.height)
        });
        match beside {
            Some(row) => row.join(piece),
            None => rows.push(piece),
        }
    }
    rows.retain(|row| row.length >= aspect * row.height);
    rows
}

/// The same rows read the other way round, from the other end.
pub(super) fn upside_down(rows: &[Row]) -> Vec<Row> {
    rows.iter()
        .rev()
        .map(|row| Row {
            quads: row.quads.iter().rev().map(text::upside_down).collect(),
            start: -row.end(),
            down: -row.down,
            ..*row
        })
        .collect()
}

impl Row {
    fn end(&self) -> f32 {
        self.start + self.length
    }

    fn join(&mut self, other: Self) {
        let (start, end) = (self.start.min(other.start), self.end().max(other.end()));
        if other.start < self.start {
            self.quads.splice(0..0, other.quads);
        } else {
            self.quads.extend(other.quads);
        }
        self.height = self.height.max(other.height);
        (self.start, self.length) = (start, end - start);
    }
}

/// The unit vector in which most of the text runs, so that a page a little askew has level rows. `None` where there is none.
pub(super) fn direction<'a>(quads: impl IntoIterator<Item = &'a Quad>) -> Option<Point> {
    let sum = quads.into_iter().fold(Point::default(), |sum, Quad([a, b, c, d])| {
        Point::new(sum.x + b.x - a.x + c.x - d.x, sum.y + b.y - a.y + c.y - d.y)
    });
    let length = sum.x.hypot(sum.y);
    (length > 0.0).then(|| Point::new(sum.x / length, sum.y / length))
}

fn piece(quad: Quad, along: Point) -> Row {
    let [a, b, c, d] = quad.0;
    let middle = a.midpoint(c).midpoint(b.midpoint(d));
    let length = quad.width();
    Row {
        quads: vec![quad],
        length,
        height: quad.height(),
        start: middle.x * along.x + middle.y * along.y - length / 2.0,
        down: middle.y * along.x - middle.x * along.y,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vision::geometry::Rect;

    fn across(x: f32, y: f32, width: f32) -> Quad {
        Quad::from(Rect::new(x, y, width, 20.0))
    }

    #[test]
    fn joins_pieces_of_a_row_and_leaves_short_ones_out() {
        let quads = [
            across(0.0, 100.0, 300.0),
            across(320.0, 103.0, 200.0),
            across(0.0, 140.0, 500.0),
            across(0.0, 0.0, 60.0),
        ];
        let rows = rows(&quads, false, 7.0);
        let shape: Vec<_> = rows.iter().map(|row| (row.quads.len(), row.length)).collect();
        assert_eq!(shape, [(2, 520.0), (1, 500.0)]);
        let turned = upside_down(&rows);
        assert_eq!(turned.iter().map(|row| row.quads.len()).collect::<Vec<_>>(), [1, 2]);
        assert!(turned[0].down < turned[1].down && turned[1].start == -520.0);
    }

    #[test]
    fn follows_text_that_runs_down() {
        let down = |x: f32| {
            Quad([
                Point::new(x, 0.0),
                Point::new(x, 400.0),
                Point::new(x - 20.0, 400.0),
                Point::new(x - 20.0, 0.0),
            ])
        };
        let rows = rows(&[down(100.0), down(140.0), across(0.0, 500.0, 300.0)], true, 7.0);
        // The rightmost line is the first.
        let starts: Vec<_> = rows.iter().map(|row| row.quads[0].0[0].x).collect();
        assert_eq!(starts, [140.0, 100.0]);
        assert_eq!((Run::Down.rotation(), Run::Down.reversed().rotation()), (270, 90));
    }
}
