//! Power spectra of square patches: the discrete Fourier transform by halves (Cooley and Tukey, 1965), for the one size that is needed.

use std::f32::consts::{PI, TAU};

/// Side of a patch in pixels, a power of two.
pub(super) const SIDE: usize = 128;

/// Frequencies across from 0 to the highest that a picture can hold. Those below 0 mirror them.
pub(super) const ACROSS: usize = SIDE / 2 + 1;

#[derive(Clone, Copy, Default)]
struct Complex {
    re: f32,
    im: f32,
}

/// What all patches share.
pub(super) struct Fourier {
    /// One turn of the circle in [`SIDE`] steps, clockwise.
    circle: Vec<Complex>,
    /// Fades a patch out towards its edges, which would else look like print (von Hann's window).
    window: Vec<f32>,
}

impl Fourier {
    pub(super) fn new() -> Fourier {
        let turn = |at: usize| TAU * at as f32 / SIDE as f32;
        Fourier {
            circle: (0..SIDE)
                .map(|at| Complex {
                    re: turn(at).cos(),
                    im: -turn(at).sin(),
                })
                .collect(),
            window: (0..SIDE)
                .map(|at| (PI * at as f32 / (SIDE - 1) as f32).sin().powi(2))
                .collect(),
        }
    }

    /// Power at each frequency of a patch of [`SIDE`] rows, its mean left out: [`ACROSS`] rows, one for each frequency across, of
    /// [`SIDE`] frequencies down, those of the second half being negative.
    pub(super) fn power(&self, patch: &[f32]) -> Vec<f32> {
        let mean = patch.iter().sum::<f32>() / patch.len().max(1) as f32;
        let mut turned = vec![Complex::default(); ACROSS * SIDE];
        for (y, (row, fade)) in patch.chunks_exact(SIDE).zip(&self.window).enumerate() {
            let mut line: [Complex; SIDE] = std::array::from_fn(|x| Complex {
                re: (row[x] - mean) * fade * self.window[x],
                im: 0.0,
            });
            self.transform(&mut line);
            for (column, value) in turned.chunks_exact_mut(SIDE).zip(line) {
                column[y] = value;
            }
        }
        for line in turned.as_chunks_mut::<SIDE>().0 {
            self.transform(line);
        }
        turned.iter().map(|c| c.re * c.re + c.im * c.im).collect()
    }

    fn transform(&self, line: &mut [Complex; SIDE]) {
        for at in 0..SIDE {
            let other = at.reverse_bits() >> (usize::BITS - SIDE.trailing_zeros());
            if at < other {
                line.swap(at, other);
            }
        }
        let mut half = 1;
        while half < SIDE {
            let step = SIDE / (2 * half);
            for block in line.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for ((a, b), turn) in low.iter_mut().zip(high).zip(self.circle.iter().step_by(step)) {
                    let turned = Complex {
                        re: b.re * turn.re - b.im * turn.im,
                        im: b.re * turn.im + b.im * turn.re,
                    };
                    *b = Complex {
                        re: a.re - turned.re,
                        im: a.im - turned.im,
                    };
                    *a = Complex {
                        re: a.re + turned.re,
                        im: a.im + turned.im,
                    };
                }
            }
            half *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_have_their_power_at_their_frequency() {
        let fourier = Fourier::new();
        for (across, down) in [(5, 0), (0, 17), (20, 9), (31, 120), (64, 64)] {
            let patch: Vec<f32> = (0..SIDE * SIDE)
                .map(|at| (TAU * (across * (at % SIDE) + down * (at / SIDE)) as f32 / SIDE as f32).cos())
                .collect();
            let power = fourier.power(&patch);
            let (strongest, _) = power.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
            let found = (strongest / SIDE, strongest % SIDE);
            // A wave that does not move across has its mirror image in the same column.
            assert!(
                found == (across, down) || found == (across, (SIDE - down) % SIDE) && across % 64 == 0,
                "{found:?} for {across}, {down}"
            );
        }
    }

    #[test]
    fn power_is_that_of_the_patch() {
        // Parseval: over all frequencies, SIDE² times the sum of squares of what the window left.
        let fourier = Fourier::new();
        let patch: Vec<f32> = (0..SIDE * SIDE)
            .map(|at| ((at * at * 31 + at * 7) % 101) as f32)
            .collect();
        let mean = patch.iter().sum::<f32>() / patch.len() as f32;
        let squares: f32 = patch
            .iter()
            .enumerate()
            .map(|(at, value)| ((value - mean) * fourier.window[at % SIDE] * fourier.window[at / SIDE]).powi(2))
            .sum();
        let power = fourier.power(&patch);
        let sum: f32 = power
            .chunks_exact(SIDE)
            .enumerate()
            .map(|(across, column)| column.iter().sum::<f32>() * if across % 64 == 0 { 1.0 } else { 2.0 })
            .sum();
        let expected = squares * (SIDE * SIDE) as f32;
        assert!((sum / expected - 1.0).abs() < 1e-3, "{sum} {expected}");
    }
}
