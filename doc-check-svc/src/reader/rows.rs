//! Lines of text, put together into rows.

use std::ops::RangeInclusive;

use vision::geometry::{Point, Quad};
use vision::text;

/// Widest gap in a row, in heights: a run of fillers that was not detected as text.
const WIDEST_GAP: f32 = 16.0;

/// Text at more than this angle to other text, in radians, is of something else. A camera sees the lines of a page converge.
pub(super) const ASKEW: f32 = 0.26;

/// A direction in which less of the text runs than this share, by its length, is that of stray pieces.
const LEAST_SHARE: f32 = 0.05;

/// How far apart rows are at either end, in heights, that are the same text.
const SAME: f32 = 0.4;

/// Directions that are looked at at most.
const MOST_DIRECTIONS: usize = 4;

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

/// The directions in which text runs, that of most text first, as unit vectors. Some may run the other way round.
pub(super) fn directions(quads: &[Quad]) -> Vec<Point> {
    let length = |quads: &[Quad]| quads.iter().map(Quad::width).sum::<f32>();
    let least = LEAST_SHARE * length(quads);
    let mut rest = quads.to_vec();
    let mut directions = Vec::new();
    while directions.len() < MOST_DIRECTIONS {
        let alike = rest.iter().map(|quad| along(&rest, axis(quad)));
        let most = alike.max_by(|a, b| length(a).total_cmp(&length(b)));
        let Some(most) = most.filter(|most| length(most) >= least) else {
            break;
        };
        let Some(direction) = direction(&most) else { break };
        directions.push(direction);
        rest.retain(|quad| deviation(quad, direction) > ASKEW);
    }
    directions
}

/// The quads whose text runs this way or the other way round, turned so that it runs this way.
pub(super) fn along(quads: &[Quad], direction: Point) -> Vec<Quad> {
    within(ASKEW, quads, direction)
}

/// The same of all text that is at most at some angle to it, in radians.
pub(super) fn within(angle: f32, quads: &[Quad], direction: Point) -> Vec<Quad> {
    let near = quads.iter().filter(|quad| deviation(quad, direction) <= angle);
    let turned = |quad: &Quad| {
        let axis = axis(quad);
        if axis.x * direction.x + axis.y * direction.y < 0.0 {
            text::upside_down(quad)
        } else {
            *quad
        }
    };
    near.map(turned).collect()
}

/// The unit vector along a line.
fn axis(quad: &Quad) -> Point {
    direction([quad]).unwrap_or_default()
}

/// The angle between a line, or its reverse, and a direction.
pub(super) fn deviation(quad: &Quad, direction: Point) -> f32 {
    let axis = axis(quad);
    (axis.x * direction.y - axis.y * direction.x)
        .abs()
        .atan2((axis.x * direction.x + axis.y * direction.y).abs())
}

/// Rows of the pieces that run in a direction, from the top, each so many times as long as high.
pub(super) fn rows(quads: &[Quad], towards: Point, aspects: &RangeInclusive<f32>) -> Vec<Row> {
    let quads = along(quads, towards);
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
            let height = row.height.max(piece.height);
            let length = row.end().max(piece.end()) - row.start.min(piece.start);
            level
                && alike
                && to - from < 0.5 * row.height
                && from - to < WIDEST_GAP * height
                && length <= aspects.end() * height
        });
        match beside {
            Some(row) => row.join(piece),
            None => rows.push(piece),
        }
    }
    rows.retain(|row| aspects.contains(&(row.length / row.height)));
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
    pub(super) fn end(&self) -> f32 {
        self.start + self.length
    }

    /// How much of its length was seen as text.
    pub(super) fn seen(&self) -> f32 {
        self.quads.iter().map(Quad::width).sum()
    }

    /// Where it starts and where it ends in the picture.
    fn ends(&self) -> Option<[Point; 2]> {
        let (Quad([top, _, _, bottom]), Quad([_, upper, lower, _])) = (self.quads.first()?, self.quads.last()?);
        Some([top.midpoint(*bottom), upper.midpoint(*lower)])
    }

    /// The same text, in the same pieces, read the same way.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let reach = SAME * self.height.min(other.height);
        let near = |(a, b): (Point, Point)| a.distance(b) < reach;
        let both = self.ends().zip(other.ends());
        self.quads.len() == other.quads.len()
            && (self.seen() - other.seen()).abs() < reach
            && both.is_some_and(|(own, others)| own.into_iter().zip(others).all(near))
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
    let middle = quad.middle();
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

    const RIGHT: Point = Point::new(1.0, 0.0);
    const DOWN: Point = Point::new(0.0, 1.0);

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
        let rows = rows(&quads, RIGHT, &(7.0..=50.0));
        let shape: Vec<_> = rows.iter().map(|row| (row.quads.len(), row.length)).collect();
        assert_eq!(shape, [(2, 520.0), (1, 500.0)]);
        let turned = upside_down(&rows);
        assert_eq!(turned.iter().map(|row| row.quads.len()).collect::<Vec<_>>(), [1, 2]);
        assert!(turned[0].down < turned[1].down && turned[1].start == -520.0);
    }

    #[test]
    fn text_of_a_page_runs_in_one_direction_and_what_it_lies_on_in_others() {
        let towards = |degrees: f32, at: f32| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let point =
                |along: f32, down: f32| Point::new(at + along * cos - down * sin, at + along * sin + down * cos);
            Quad([point(0.0, 0.0), point(200.0, 0.0), point(200.0, 20.0), point(0.0, 20.0)])
        };
        // About the angle at which a line's upper edge becomes its lower one.
        let page = [-44.0, 135.0, -42.0, 134.0].map(|degrees| towards(degrees, degrees * 3.0));
        let table = [20.0, 22.0].map(|degrees| towards(degrees, degrees * 50.0));
        let quads: Vec<Quad> = page.into_iter().chain(table).collect();
        let found = directions(&quads);
        let degrees: Vec<i32> = found
            .iter()
            .map(|d| (d.y / d.x).atan().to_degrees().round() as i32)
            .collect();
        assert_eq!(degrees, [-44, 21]);
        let turned = along(&quads, found[0]);
        assert_eq!(turned.len(), 4);
        assert!(
            turned
                .iter()
                .all(|quad| axis(quad).x * found[0].x + axis(quad).y * found[0].y > 0.99)
        );
        assert!(directions(&[]).is_empty());
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
        let rows = rows(
            &[down(100.0), down(140.0), across(0.0, 500.0, 300.0)],
            DOWN,
            &(7.0..=50.0),
        );
        // The rightmost line is the first.
        let starts: Vec<_> = rows.iter().map(|row| row.quads[0].0[0].x).collect();
        assert_eq!(starts, [140.0, 100.0]);
    }
}
