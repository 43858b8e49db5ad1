//! The order in which lines are read, and lines the other way round.

use crate::geometry::{Point, Quad};

/// The same place read the other way round: what was its right end becomes its left end.
///
/// Detection cannot tell text from text upside down. Who finds that lines make no sense reads them again like this, without
/// detecting again.
#[must_use]
pub fn upside_down(quad: &Quad) -> Quad {
    let [a, b, c, d] = quad.0;
    Quad([c, d, a, b])
}

/// Sorts quads into rows from the top, and within a row from the left, seen in the direction in which most of the text runs.
pub(super) fn sort(quads: Vec<Quad>) -> Vec<Quad> {
    let (mut dx, mut dy) = (0.0, 0.0);
    for Quad([a, b, ..]) in &quads {
        dx += b.x - a.x;
        dy += b.y - a.y;
    }
    let length = f32::hypot(dx, dy);
    let (ux, uy) = if length > 0.0 {
        (dx / length, dy / length)
    } else {
        (1.0, 0.0)
    };

    let mut placed: Vec<(f32, f32, Quad)> = quads
        .into_iter()
        .map(|quad| {
            let Point { x, y } = quad.middle();
            (x * ux + y * uy, y * ux - x * uy, quad)
        })
        .collect();
    placed.sort_by(|a, b| a.1.total_cmp(&b.1));

    let mut sorted = Vec::with_capacity(placed.len());
    let mut rest = placed.as_mut_slice();
    while let Some((_, top, quad)) = rest.first() {
        // A row reaches half a line's height down from its topmost line.
        let limit = top + quad.height() / 2.0;
        let in_row = rest.iter().take_while(|(_, down, _)| *down <= limit).count().max(1);
        let (row, below) = rest.split_at_mut(in_row);
        row.sort_by(|a, b| a.0.total_cmp(&b.0));
        sorted.extend(row.iter().map(|(_, _, quad)| *quad));
        rest = below;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;

    #[test]
    fn reads_row_by_row() {
        let at = |x: f32, y: f32| Quad::from(Rect::new(x, y, 100.0, 20.0));
        let page = [
            at(0.0, 3.0),
            at(120.0, 0.0),
            at(240.0, 6.0),
            at(10.0, 40.0),
            at(130.0, 44.0),
        ];
        let shuffled = vec![page[4], page[1], page[3], page[2], page[0]];
        assert_eq!(sort(shuffled), page);
        assert_eq!(sort(Vec::new()), []);
    }

    #[test]
    fn follows_the_direction_of_the_text() {
        // A page that lies on its side: text runs down, the first line is the rightmost.
        let at = |x: f32| {
            Quad([
                Point::new(x, 0.0),
                Point::new(x, 100.0),
                Point::new(x - 20.0, 100.0),
                Point::new(x - 20.0, 0.0),
            ])
        };
        assert_eq!(
            sort(vec![at(100.0), at(160.0), at(130.0)]),
            [at(160.0), at(130.0), at(100.0)]
        );
        assert_eq!(upside_down(&upside_down(&at(50.0))), at(50.0));
    }
}
