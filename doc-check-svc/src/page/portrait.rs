//! The place of the portrait on a page: zone V, along its left edge (ICAO Doc 9303-4 and 9303-6, section 3.3). Whose portrait it is, is
//! not evaluated here, only whether there is a picture at all.

use vision::geometry::Rect;
use vision::picture::Picture;

use super::{Page, is_inside};
use crate::mrz::Format;
use crate::policy::{Finding, Test};

/// Side of the squares whose means are compared, in millimetres: fine lines of the paper are even at this size, letters nearly so.
const CELL: f32 = 2.0;

/// The same in pixels.
const SIDE: usize = 6;

/// Distance of the squares that are compared, in squares: shadows change more slowly.
const APART: usize = 3;

/// Ratio of brightness above which two squares differ.
const CONTRAST: f32 = 1.18;

/// Brightness of black, where that of paper is 1 more, so that noise in the dark is no difference.
const BLACK: f32 = 0.1;

/// Share of the page that is darker than ink at the least and as much that is lighter than paper.
const ENDS: f32 = 0.02;

/// Share of squares that differ from another below which the place is blank.
const LEAST_RELIEF: f32 = 0.2;

/// Share of the place that must be in the picture.
const LEAST_SHOWN: f32 = 0.6;

/// Where some part of any portrait must be: the zone may move up and down along the edge.
fn place(format: Format) -> Option<Rect> {
    match format {
        Format::Td3 => Some(Rect::new(6.0, 14.0, 30.0, 48.0)),
        Format::Td2 => Some(Rect::new(5.0, 12.0, 24.0, 36.0)),
        // Cards have it on the other side, and visas need not have one (9303-7 section 3).
        Format::Td1 | Format::MrvA | Format::MrvB => None,
    }
}

/// Whether the portrait's place is other than blank, on a page that has one.
pub(super) fn finding(page: &Page, picture: &Picture) -> Option<Finding> {
    let test = Test::PortraitInPlace;
    let place = place(page.format)?;
    Some(match relief(page, picture, place) {
        None => Finding::not_available(test, "the portrait's place is outside of the picture"),
        Some(relief) => Finding::holds(
            test,
            relief >= LEAST_RELIEF,
            format!("the portrait's place is blank: {relief:.2} of it has relief, {LEAST_RELIEF} is the least"),
        ),
    })
}

/// Share of the squares of a place that are much brighter or darker than one a little to the right or below. `None` where most of it
/// is not in the picture.
pub(super) fn relief(page: &Page, picture: &Picture, place: Rect) -> Option<f32> {
    let (columns, rows) = ((place.width / CELL) as usize, (place.height / CELL) as usize);
    let cells = page.part(picture, place, SIDE as f32 / CELL);
    let shown = |column: usize, row: usize| {
        let at = |index: usize, from: f32| from + (index as f32 + 0.5) * CELL;
        is_inside(picture, page.at(at(column, place.x), at(row, place.y)))
    };
    let (dark, light) = levels(page, picture);
    let stretch = |luma: f32| BLACK + ((luma - dark) / (light - dark)).clamp(0.0, 1.0);
    let luma: Vec<f32> = cells.luma().into_iter().map(stretch).collect();
    let mean = |column: usize, row: usize| {
        shown(column, row).then(|| {
            let values = (0..SIDE * SIDE).filter_map(|at| {
                let (x, y) = (column * SIDE + at % SIDE, row * SIDE + at / SIDE);
                luma.get(y * cells.width() as usize + x).copied()
            });
            values.sum::<f32>() / (SIDE * SIDE) as f32
        })
    };
    let differ = |a: f32, b: f32| a.max(b) > CONTRAST * a.min(b);
    let (mut all, mut differing) = (0, 0);
    for row in 0..rows {
        for column in 0..columns {
            let Some(here) = mean(column, row) else { continue };
            all += 1;
            let others = [(column + APART, row), (column, row + APART)];
            let others = others
                .into_iter()
                .filter(|(column, row)| *column < columns && *row < rows);
            differing += usize::from(
                others
                    .filter_map(|(column, row)| mean(column, row))
                    .any(|other| differ(here, other)),
            );
        }
    }
    (all as f32 >= LEAST_SHOWN * (columns * rows) as f32).then(|| differing as f32 / all as f32)
}

/// How dark the ink of a page is, and how light its paper: the zone has both.
fn levels(page: &Page, picture: &Picture) -> (f32, f32) {
    let mut luma = page.rectified(picture, 2.0).luma();
    luma.sort_by(f32::total_cmp);
    let end = (ENDS * luma.len() as f32) as usize;
    let at = |index: usize| luma.get(index).copied().unwrap_or_default();
    let (dark, light) = (at(end), at(luma.len().saturating_sub(end + 1)));
    (dark, light.max(dark + 1.0))
}
