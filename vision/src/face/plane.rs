//! Grey levels as numbers.

use crate::geometry::{Perspective, Point};

/// Values of a rectangle of pixels, row by row.
#[derive(Clone)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

impl Plane {
    /// Between its first and last pixels.
    pub(super) fn middle(&self) -> Point {
        Point::new((self.width as f32 - 1.0) / 2.0, (self.height as f32 - 1.0) / 2.0)
    }

    /// Each two by two pixels as one, their mean.
    pub(super) fn halved(&self) -> Plane {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut values = Vec::with_capacity(width * height);
        for rows in self.values.chunks_exact(2 * self.width) {
            let (upper, lower) = rows.split_at(self.width);
            let both = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            values.extend(both.map(|(upper, lower)| (upper[0] + upper[1] + lower[0] + lower[1]) / 4.0));
        }
        Plane { width, height, values }
    }

    /// Left and right exchanged.
    pub(super) fn mirrored(&self) -> Plane {
        let rows = self.values.chunks_exact(self.width);
        let values = rows.flat_map(|row| row.iter().rev().copied()).collect();
        Plane { values, ..*self }
    }

    /// The plane of the same size whose value at a place is that at `to_source` of the place, bilinearly; beyond the border, that of
    /// the border.
    pub(super) fn warped(&self, to_source: &Perspective) -> Plane {
        let last = |length: usize| length as f32 - 1.001;
        let mut values = Vec::with_capacity(self.values.len());
        for y in 0..self.height {
            for x in 0..self.width {
                let Point { x, y } = to_source.apply(Point::new(x as f32, y as f32));
                // A number even where the map has none: `max` answers the other one.
                let (x, y) = (x.max(0.0).min(last(self.width)), y.max(0.0).min(last(self.height)));
                let (left, top) = (x as usize, y as usize);
                let (right, low) = (x - left as f32, y - top as f32);
                let at = top * self.width + left;
                let between = |a: f32, b: f32, share: f32| a + share * (b - a);
                let upper = between(self.values[at], self.values[at + 1], right);
                let at = at + self.width;
                let lower = between(self.values[at], self.values[at + 1], right);
                values.push(between(upper, lower, low));
            }
        }
        Plane { values, ..*self }
    }

    /// What lies between two scales (standard deviations of Gaussians, in pixels), over its own root mean square around the place: the
    /// same for any brightness, contrast and smooth shading. Where there is no contrast, noise stays small.
    pub(super) fn band(&self, fine: f32, coarse: f32) -> Plane {
        /// In grey levels, of 255.
        const NO_CONTRAST: f32 = 1.0;
        let mut band = self.blurred(fine);
        for (value, ground) in band.values.iter_mut().zip(self.blurred(coarse).values) {
            *value -= ground;
        }
        let squares = Plane {
            values: band.values.iter().map(|value| value * value).collect(),
            ..*self
        };
        for (value, square) in band.values.iter_mut().zip(squares.blurred(coarse).values) {
            *value /= (square + NO_CONTRAST).sqrt();
        }
        band
    }

    /// Through a Gaussian; the border goes on beyond the ends.
    pub(super) fn blurred(&self, sigma: f32) -> Plane {
        let reach = (2.5 * sigma).ceil() as usize;
        let weight = |offset: usize| (-0.5 * (offset as f32 / sigma).powi(2)).exp();
        let sum: f32 = weight(0) + 2.0 * (1..=reach).map(weight).sum::<f32>();
        let weights: Vec<f32> = (0..=2 * reach).map(|at| weight(at.abs_diff(reach)) / sum).collect();
        let mut across = vec![0.0; self.values.len()];
        let mut padded = vec![0.0; self.width + 2 * reach];
        let rows = self.values.chunks_exact(self.width);
        for (row, to) in rows.zip(across.chunks_exact_mut(self.width)) {
            padded[..reach].fill(row[0]);
            padded[reach..reach + self.width].copy_from_slice(row);
            padded[reach + self.width..].fill(row[self.width - 1]);
            for (offset, weight) in weights.iter().enumerate() {
                add(to, &padded[offset..offset + self.width], *weight);
            }
        }
        let mut values = vec![0.0; self.values.len()];
        for (y, to) in values.chunks_exact_mut(self.width).enumerate() {
            for (offset, weight) in weights.iter().enumerate() {
                let row = (y + offset).saturating_sub(reach).min(self.height - 1);
                add(to, &across[row * self.width..][..self.width], *weight);
            }
        }
        Plane { values, ..*self }
    }
}

/// Adds `weight` times a row to another.
fn add(to: &mut [f32], row: &[f32], weight: f32) {
    for (to, value) in to.iter_mut().zip(row) {
        *to += weight * value;
    }
}
