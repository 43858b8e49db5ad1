//! Putting the pieces of a line together.

use crate::geometry::{Point, Quad};

/// Pieces belong to one line if the gap between them is at most this many times the height of the lower one.
const WIDEST_GAP: f32 = 0.6;

/// They may overlap by this many times that height: pieces are enlarged on all sides after they are found.
const OVERLAP: f32 = 1.5;

/// Their middles may be this many times the height of the lower one apart, across the line.
const OFFSET: f32 = 0.35;

/// One may be this many times as high as the other. A piece of fillers is lower than one of letters.
const HEIGHTS: f32 = 1.8;

/// Joins neighbours that continue each other. `quads` are in reading order.
///
/// The network sees gaps where letters stand far apart, as in the machine-readable zone of a document seen from near by.
pub(super) fn join(quads: Vec<Quad>) -> Vec<Quad> {
    let mut joined: Vec<Quad> = Vec::with_capacity(quads.len());
    for quad in quads {
        match joined.last_mut() {
            Some(last) if continues(last, &quad) => *last = both(last, &quad),
            _ => joined.push(quad),
        }
    }
    joined
}

/// The middles of the left and the right edge.
fn ends(quad: &Quad) -> (Point, Point) {
    let [a, b, c, d] = quad.0;
    (a.midpoint(d), b.midpoint(c))
}

fn continues(left: &Quad, right: &Quad) -> bool {
    let (lower, higher) = (left.height().min(right.height()), left.height().max(right.height()));
    let ((start, end), (next, last)) = (ends(left), ends(right));
    let length = start.distance(end);
    if length <= 0.0 || lower <= 0.0 || higher > HEIGHTS * lower {
        return false;
    }
    let (ux, uy) = ((end.x - start.x) / length, (end.y - start.y) / length);
    let along = |p: Point| (p.x - end.x) * ux + (p.y - end.y) * uy;
    let across = |p: Point| (p.y - end.y) * ux - (p.x - end.x) * uy;
    (-OVERLAP * lower..=WIDEST_GAP * lower).contains(&along(next))
        && along(last) > along(next)
        && across(next).abs() <= OFFSET * lower
        && left.width() >= left.height()
}

/// The rectangle from the start of one to the end of the other, as high as the higher one.
fn both(left: &Quad, right: &Quad) -> Quad {
    let ((start, _), (_, end)) = (ends(left), ends(right));
    let half = left.height().max(right.height()) / (2.0 * start.distance(end).max(f32::MIN_POSITIVE));
    let (nx, ny) = (-(end.y - start.y) * half, (end.x - start.x) * half);
    Quad([
        Point::new(start.x - nx, start.y - ny),
        Point::new(end.x - nx, end.y - ny),
        Point::new(end.x + nx, end.y + ny),
        Point::new(start.x + nx, start.y + ny),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;

    fn at(x: f32, y: f32, width: f32, height: f32) -> Quad {
        Quad::from(Rect::new(x, y, width, height))
    }

    #[test]
    fn pieces_of_a_line_become_one() {
        let pieces = vec![
            at(0.0, 0.0, 300.0, 30.0),
            at(310.0, 2.0, 200.0, 24.0),
            at(500.0, 0.0, 100.0, 30.0),
        ];
        let joined = join(pieces);
        assert_eq!(joined.len(), 1);
        let bounds = joined[0].bounds();
        assert!(
            bounds.x.abs() < 0.5 && (bounds.right() - 600.0).abs() < 0.5,
            "{bounds:?}"
        );
        assert!((joined[0].height() - 30.0).abs() < 0.5);
    }

    #[test]
    fn columns_lines_and_sizes_stay_apart() {
        for other in [
            at(330.0, 0.0, 200.0, 30.0),
            at(310.0, 20.0, 200.0, 30.0),
            at(310.0, -20.0, 200.0, 70.0),
            at(0.0, 40.0, 300.0, 30.0),
        ] {
            let quads = vec![at(0.0, 0.0, 300.0, 30.0), other];
            assert_eq!(join(quads.clone()), quads);
        }
        assert_eq!(join(Vec::new()), []);
    }

    #[test]
    fn lines_that_run_down_are_joined_too() {
        let down = |y: f32, length: f32| {
            Quad([
                Point::new(50.0, y),
                Point::new(50.0, y + length),
                Point::new(20.0, y + length),
                Point::new(20.0, y),
            ])
        };
        let joined = join(vec![down(0.0, 200.0), down(210.0, 100.0)]);
        assert_eq!(joined.len(), 1);
        for (got, want) in joined[0].0.into_iter().zip(down(0.0, 310.0).0) {
            assert!(got.distance(want) < 0.1, "{got:?} {want:?}");
        }
    }
}
