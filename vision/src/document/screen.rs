//! Whether a screen showed the document.
//!
//! A screen's pixels, or what a camera's sensor makes of them, are a wave of one frequency and direction everywhere on the page.
//! Guilloches have fine lines too, but bend; lines of print are where text is. So the spectra of patches all over the page are asked
//! for a frequency that stands out in most of them.

use super::fourier::{ACROSS, Fourier, SIDE};
use super::quantile;
use super::view::inner;
use crate::geometry::{Perspective, Point, Quad, Rect};
use crate::picture::Picture;

/// Patches across and down the page. At 128 × 128 pixels they are a tenth of a picture of 2 megapixels.
const PATCHES: (usize, usize) = (4, 3);

/// Of each side of the page: its edges and what lies around it are no part of its print.
const BORDER: f32 = 0.1;

/// The lowest and highest frequencies that are looked at, in waves to the pixel: print is below.
const FREQUENCIES: (f32, f32) = (0.10, 0.5);

/// By how many steps of frequency patches may differ: nearer parts of a tilted page have lower ones.
const DRIFT: usize = 2;

/// Frequencies within a ring of this width, in steps, are measured by their median.
const RING: f32 = 3.0;

/// JPEG's blocks are a wave of 8 pixels along rows and columns, with all its harmonics. So near to one it is not looked for.
const BLOCK: f32 = 8.0;
const NEAR_BLOCK: f32 = 2.5;

/// Added to luma before its logarithm, in which a grid is as deep on dark print as on light.
const BLACK: f32 = 16.0;

/// How far the strongest common frequency stands out, in nepers of power over the median of frequencies as high, more than any
/// frequency does; `None` where the picture has too few pixels.
pub(super) fn prominence(picture: &Picture, page: &Quad) -> Option<f32> {
    let side = SIDE as u32;
    if picture.width() < side || picture.height() < side {
        return None;
    }
    let unit = Quad::from(Rect::new(0.0, 0.0, 1.0, 1.0));
    let map = Perspective::between(&unit, &inner(page, BORDER))?;
    let fourier = Fourier::new();
    let rings = rings();
    let mut sum = vec![0.0; ACROSS * SIDE];
    for patch in 0..PATCHES.0 * PATCHES.1 {
        let (column, row) = (patch % PATCHES.0, patch / PATCHES.0);
        let middle = map.apply(Point::new(
            (column as f32 + 0.5) / PATCHES.0 as f32,
            (row as f32 + 0.5) / PATCHES.1 as f32,
        ));
        let from = |middle: f32, end: u32| ((middle - SIDE as f32 / 2.0).max(0.0) as u32).min(end - side);
        let (left, top) = (from(middle.x, picture.width()), from(middle.y, picture.height()));
        let power = fourier.power(&patch_at(picture, left, top));
        for (sum, value) in sum.iter_mut().zip(drifted(&over_median(&power, &rings))) {
            *sum += value / (PATCHES.0 * PATCHES.1) as f32;
        }
    }
    let mut looked_at: Vec<f32> = sum
        .iter()
        .zip(&rings)
        .filter_map(|(value, ring)| ring.map(|_| *value))
        .collect();
    let strongest = largest(looked_at.iter().copied());
    Some(strongest - quantile(&mut looked_at, 0.5)?)
}

fn patch_at(picture: &Picture, left: u32, top: u32) -> Vec<f32> {
    let columns = left as usize * 3..(left as usize + SIDE) * 3;
    picture
        .rows()
        .skip(top as usize)
        .take(SIDE)
        .flat_map(|row| row[columns.clone()].as_chunks::<3>().0)
        .map(|&[r, g, b]| (0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b) + BLACK).ln())
        .collect()
}

/// The ring of each frequency, `None` where it is not looked at.
fn rings() -> Vec<Option<usize>> {
    let block = SIDE as f32 / BLOCK;
    let on_axis = |across: f32, along: f32| {
        across.abs() < NEAR_BLOCK && (along - (along / block).round() * block).abs() < NEAR_BLOCK
    };
    (0..ACROSS * SIDE)
        .map(|at| {
            let across = (at / SIDE) as f32;
            let down = (at % SIDE) as f32;
            let down = if down < SIDE as f32 / 2.0 {
                down
            } else {
                down - SIDE as f32
            };
            let radius = across.hypot(down);
            let frequency = radius / SIDE as f32;
            let looked_at = (FREQUENCIES.0..=FREQUENCIES.1).contains(&frequency)
                && !on_axis(across, down)
                && !on_axis(down, across);
            looked_at.then_some((radius / RING) as usize)
        })
        .collect()
}

/// The logarithm of the power over the median of its ring.
fn over_median(power: &[f32], rings: &[Option<usize>]) -> Vec<f32> {
    let mut of_ring: Vec<Vec<f32>> = Vec::new();
    for (power, ring) in power.iter().zip(rings) {
        if let Some(ring) = *ring {
            if of_ring.len() <= ring {
                of_ring.resize_with(ring + 1, Vec::new);
            }
            of_ring[ring].push(*power);
        }
    }
    let medians: Vec<f32> = of_ring
        .iter_mut()
        .map(|values| quantile(values, 0.5).unwrap_or_default())
        .collect();
    // Where there is no light and no noise, nothing stands out.
    const FLOOR: f32 = 1e-6;
    power
        .iter()
        .zip(rings)
        .map(|(power, ring)| ring.map_or(f32::MIN, |ring| ((power + FLOOR) / (medians[ring] + FLOOR)).ln()))
        .collect()
}

/// The largest value within [`DRIFT`] of each frequency, which go round down the page and end across it.
fn drifted(values: &[f32]) -> Vec<f32> {
    let down: Vec<f32> = (0..values.len())
        .map(|at| {
            let row = &values[at / SIDE * SIDE..][..SIDE];
            largest((0..=2 * DRIFT).map(|step| row[(at + SIDE + step - DRIFT) % SIDE]))
        })
        .collect();
    (0..values.len())
        .map(|at| {
            let (across, place) = (at / SIDE, at % SIDE);
            let near = across.saturating_sub(DRIFT)..(across + DRIFT + 1).min(ACROSS);
            largest(near.map(|across| down[across * SIDE + place]))
        })
        .collect()
}

fn largest(values: impl Iterator<Item = f32>) -> f32 {
    values.fold(f32::MIN, f32::max)
}
