//! Whether a document has colours of its own.
//!
//! A copy without colour is seldom grey in a photograph: lamps, windows, tinted paper and compression colour it. All of these colour
//! what is equally light at neighbouring places alike, and change slowly over the page. So the chroma of the cells is explained, as far
//! as it can be, by their luma and place; what inks, portraits and stamps add to it is left.

use super::quantile;
use super::view::{View, inner};
use crate::geometry::Quad;
use crate::picture::Picture;

/// Cells across and down. With 96 × 64, a cell of a passport is 1.3 mm wide: print of one colour fills it, and the noise and blocks of
/// compression do not.
const CELLS: (usize, usize) = (96, 64);

/// Of each side of the region: what lies around the document must not lend it a colour.
const BORDER: f32 = 0.04;

/// Terms of the cast: a colour of the shadows, of the light, and how both change over the page.
const TERMS: usize = 8;

/// Share of the cells that the cast is fitted to, which are those that it explains best: the others have colours.
const PLAIN: f32 = 0.75;

/// Rounds in which cells with colour are left out.
const ROUNDS: usize = 4;

/// A page is coloured in few places. The 95th percentile is above the noise of the rest.
const STRONG: f32 = 0.95;

/// Chroma that light cannot explain, in percent of the span from dark to light print; `None` where the region is not in the picture
/// or shows nothing.
pub(super) fn chroma(picture: &Picture, page: &Quad) -> Option<f32> {
    let view = View::of(picture, &inner(page, BORDER), CELLS.0, CELLS.1)?;
    let cells: Vec<([f64; TERMS], [f64; 2], f64)> = view
        .cells
        .iter()
        .map(|cell| {
            let [r, g, b] = cell.colour.map(f64::from);
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            let (light, (x, y)) = (luma / 255.0, cell.at);
            let terms = [1.0, light, light * light, x, y, x * light, y * light, x * y * light];
            (terms, [0.564 * (b - luma), 0.713 * (r - luma)], luma)
        })
        .collect();
    let mut lumas: Vec<f32> = cells.iter().map(|cell| cell.2 as f32).collect();
    let span = quantile(&mut lumas, 0.98)? - quantile(&mut lumas, 0.02)?;
    if span < 1.0 {
        return None;
    }
    let mut limit = f32::INFINITY;
    let mut left: Vec<f32> = vec![0.0; cells.len()];
    for _ in 0..ROUNDS {
        let plain = cells.iter().zip(&left).filter(|(_, left)| **left <= limit);
        let cast = fit(plain.map(|((terms, chroma, _), _)| (terms, chroma)));
        for (left, (terms, chroma, _)) in left.iter_mut().zip(&cells) {
            let explained = |channel: usize| terms.iter().zip(&cast).map(|(term, c)| term * c[channel]).sum::<f64>();
            *left = (chroma[0] - explained(0)).hypot(chroma[1] - explained(1)) as f32;
        }
        limit = quantile(&mut left.clone(), PLAIN)?;
    }
    Some(100.0 * quantile(&mut left, STRONG)? / span)
}

/// The factors of the terms that leave the least squares: normal equations, by Gauss and Jordan. A trace of a ridge keeps them
/// solvable where all cells are alike.
fn fit<'a>(cells: impl Iterator<Item = (&'a [f64; TERMS], &'a [f64; 2])>) -> [[f64; 2]; TERMS] {
    const WIDTH: usize = TERMS + 2;
    let mut rows = [[0.0; WIDTH]; TERMS];
    for (terms, chroma) in cells {
        for (row, a) in rows.iter_mut().zip(terms) {
            for (sum, b) in row.iter_mut().zip(terms.iter().chain(chroma)) {
                *sum += a * b;
            }
        }
    }
    for at in 0..TERMS {
        rows[at][at] += 1e-6;
        let pivot = rows[at].map(|value| value / rows[at][at]);
        for (index, row) in rows.iter_mut().enumerate() {
            let factor = row[at];
            if index != at {
                for (value, p) in row.iter_mut().zip(pivot) {
                    *value -= factor * p;
                }
            }
        }
        rows[at] = pivot;
    }
    rows.map(|row| [row[TERMS], row[TERMS + 1]])
}
