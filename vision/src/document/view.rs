//! A region of a picture as if looked at straight, in few pixels.

use crate::geometry::{Perspective, Point, Quad, Rect};
use crate::picture::Picture;

/// Places at which a cell is looked at, along a side.
const ACROSS_CELL: usize = 4;

/// Mean colours of a grid of cells, row by row. Cells outside of the picture are left out.
pub(super) struct View {
    pub(super) cells: Vec<Cell>,
}

/// One of them.
pub(super) struct Cell {
    /// Where its middle is in the region, both from -0.5 to 0.5.
    pub(super) at: (f64, f64),
    /// Mean red, green and blue, 0 to 255.
    pub(super) colour: [f32; 3],
}

impl View {
    /// Looks at `region`, cut into `columns` × `rows` cells of the same size on the document. `None` where it has no area in the
    /// picture.
    pub(super) fn of(picture: &Picture, region: &Quad, columns: usize, rows: usize) -> Option<View> {
        // About one pixel to each place.
        let scale = (columns * ACROSS_CELL) as f32 / region.width().max(1.0);
        let (small, region) = reduced(picture, region, scale)?;
        let (width, height) = (small.width() as f32, small.height() as f32);
        let unit = Quad::from(Rect::new(0.0, 0.0, 1.0, 1.0));
        let map = Perspective::between(&unit, &region)?;
        let middle = |at: usize, of: usize| (at as f32 + 0.5) / of as f32;
        let cells = (0..rows * columns).filter_map(|cell| {
            let (column, row) = (cell % columns, cell / columns);
            let mut sum = [0.0; 3];
            let mut seen = 0.0;
            for place in 0..ACROSS_CELL * ACROSS_CELL {
                let at = map.apply(Point::new(
                    middle(column * ACROSS_CELL + place % ACROSS_CELL, columns * ACROSS_CELL),
                    middle(row * ACROSS_CELL + place / ACROSS_CELL, rows * ACROSS_CELL),
                ));
                if at.x >= 0.0 && at.y >= 0.0 && at.x < width && at.y < height {
                    let pixel = small.pixel(at.x as u32, at.y as u32);
                    sum = std::array::from_fn(|channel| sum[channel] + f32::from(pixel[channel]));
                    seen += 1.0;
                }
            }
            (seen > 0.0).then(|| Cell {
                at: (
                    f64::from(middle(column, columns) - 0.5),
                    f64::from(middle(row, rows) - 0.5),
                ),
                colour: sum.map(|channel| channel / seen),
            })
        });
        Some(View { cells: cells.collect() }).filter(|view| !view.cells.is_empty())
    }
}

/// What is around a region, `scale` times as large but no larger than it is, and where the region is in it.
pub(super) fn reduced(picture: &Picture, region: &Quad, scale: f32) -> Option<(Picture, Quad)> {
    let bounds = region.bounds();
    let part = picture.part(Rect::new(bounds.x, bounds.y, bounds.width + 1.0, bounds.height + 1.0))?;
    let shrunk = |length: u32| (length as f32 * scale.min(1.0)).round().max(1.0) as u32;
    let small = part.resize(shrunk(part.width()), shrunk(part.height()));
    let across = small.width() as f32 / part.width() as f32;
    let down = small.height() as f32 / part.height() as f32;
    let corner = |at: Point| Point::new((at.x - part.left() as f32) * across, (at.y - part.top() as f32) * down);
    Some((small, Quad(region.0.map(corner))))
}

/// The region without a border, of which each side takes this share of it.
pub(super) fn inner(region: &Quad, border: f32) -> Quad {
    let middle = region.middle();
    let kept = 1.0 - 2.0 * border;
    Quad(region.0.map(|corner| {
        Point::new(
            middle.x + (corner.x - middle.x) * kept,
            middle.y + (corner.y - middle.y) * kept,
        )
    }))
}
