use super::*;
use crate::mrz::Format;

/// A zone as a camera sees it: turned, in perspective, 20 pixels to the position.
fn view() -> Perspective {
    let page = |x: f32, y: f32| Point::new(100.0 + 20.0 * x + 1.5 * y, 400.0 + 50.0 * y - 2.0 * x);
    let [a, b, c, d] = [(0.0, 0.0), (44.0, 0.0), (44.0, 2.0), (0.0, 2.0)].map(|(x, y)| page(x, y));
    let seen = Quad([
        a,
        Point::new(b.x - 30.0, b.y + 8.0),
        Point::new(c.x - 12.0, c.y - 5.0),
        d,
    ]);
    let flat = Quad([(0.0, 0.0), (44.0, 0.0), (44.0, 2.0), (0.0, 2.0)].map(|(x, y)| Point::new(x, y)));
    Perspective::between(&flat, &seen).expect("a view")
}

/// A character at each position of each line, off its middle by up to a tenth of a position, save for those that are `hidden`.
fn marks(shape: Shape, view: &Perspective, hidden: impl Fn(usize, usize) -> bool) -> Vec<Mark> {
    let mut marks = Vec::new();
    for row in 0..shape.lines {
        for position in (0..shape.length).filter(|position| !hidden(row, *position)) {
            let off = (position * 7 % 5) as f32 * 0.05 - 0.1;
            let point = view.apply(Point::new(position as f32 + 0.5 + off, row as f32 + 0.5));
            marks.push(Mark {
                row,
                along: point.x,
                point,
                weight: 0.9,
            });
        }
    }
    marks
}

/// The farthest that a corner of the grid is from where it should be, in pixels.
fn error(grid: &Grid, view: &Perspective) -> f32 {
    let (right, bottom) = (grid.shape.length as f32, grid.shape.lines as f32);
    let corners = [(0.0, 0.0), (right, 0.0), (right, bottom), (0.0, bottom)].map(|(x, y)| Point::new(x, y));
    corners
        .into_iter()
        .map(|corner| grid.map.apply(corner).distance(view.apply(corner)))
        .fold(0.0, f32::max)
}

#[test]
fn characters_are_read_at_places_of_which_the_pitch_is_no_multiple() {
    // Level, with 22 pixels to the position, read at places a part of it apart.
    let view = Perspective::between(
        &Quad([(0.0, 0.0), (44.0, 0.0), (44.0, 2.0), (0.0, 2.0)].map(|(x, y)| Point::new(x, y))),
        &Quad([(100.0, 400.0), (1068.0, 400.0), (1068.0, 500.0), (100.0, 500.0)].map(|(x, y)| Point::new(x, y))),
    );
    let view = view.expect("a view");
    let shape = Format::Td3.shape();
    for places in [2.3, 2.5, 2.7, 3.2, 3.6] {
        let width = 22.0 / places;
        let mut marks = marks(shape, &view, |row, position| row == 0 && position > 40);
        for mark in &mut marks {
            mark.along = ((mark.along / width).floor() + 0.5) * width;
            mark.point.x = mark.along;
        }
        let grids = Grid::behind(&marks, shape.lines, 54.0);
        let Some(best) = grids.first() else {
            panic!("{places} places: none")
        };
        assert!(
            best.shape == shape && error(best, &view) < 8.0,
            "{places} places: {:?} {}",
            best.shape,
            error(best, &view)
        );
    }
}

#[test]
fn every_shape_is_known_by_its_positions() {
    let view = view();
    for format in [Format::Td1, Format::Td2, Format::Td3] {
        let shape = format.shape();
        let grids = Grid::behind(&marks(shape, &view, |_, _| false), shape.lines, 30.0);
        let found: Vec<_> = grids.iter().map(|grid| (grid.shape, error(grid, &view))).collect();
        // Others could only be longer ones that are cut off.
        let [(known, error), others @ ..] = found.as_slice() else {
            panic!("{format:?}: none found")
        };
        assert_eq!(*known, shape);
        assert!(*error < 4.0, "{format:?}: {error}");
        assert!(
            others.iter().all(|(other, _)| other.length > shape.length),
            "{others:?}"
        );
    }
}

#[test]
fn what_is_hidden_moves_nothing() {
    let view = view();
    let shape = Format::Td3.shape();
    // A stretch in either line, at their ends too.
    for hidden in [5..17, 30..42, 0..12, 32..44] {
        let marks = marks(shape, &view, |row, position| row == 1 && hidden.contains(&position));
        let grids = Grid::behind(&marks, shape.lines, 30.0);
        assert!(
            grids.iter().any(|grid| grid.shape == shape && error(grid, &view) < 4.0),
            "{hidden:?}"
        );
    }
}

#[test]
fn a_page_that_is_cut_off_may_be_either_of_several() {
    let view = view();
    let shape = Format::Td3.shape();
    let grids = Grid::behind(&marks(shape, &view, |_, position| position < 8), shape.lines, 30.0);
    assert!(grids.len() > 1, "36 positions of either format");
    assert!(grids.iter().any(|grid| grid.shape == shape && error(grid, &view) < 6.0));
}

#[test]
fn letters_of_different_widths_are_no_zone() {
    let view = view();
    let shape = Format::Td2.shape();
    let mut uneven = marks(shape, &view, |_, _| false);
    for (index, mark) in uneven.iter_mut().enumerate() {
        mark.along += (index * index * 31 % 19) as f32;
    }
    assert!(Grid::behind(&uneven, shape.lines, 30.0).is_empty());
    assert!(Grid::behind(&[], 2, 30.0).is_empty());
}
