//! Depthwise convolutions: each channel with a filter of its own.

use candle_core::{Result, Tensor, bail};
use pulp::{Simd, WithSimd};

use super::activation::{Activation, Smooth};
use super::panels::lanes;
use super::view::{Run, View};

/// Channels come in whole vectors of every machine.
pub(super) const CHANNELS: usize = 16;

/// Rows of the largest filter.
const ROWS: usize = 7;

/// Pixels of the result that are computed channel by channel before the next ones are: so many that setting up is cheap beside
/// them, so few that what they read stays in the cache.
const STRIP: usize = 16;

/// Filters, packed vector by vector of channels, and what follows them: a bias per channel and an activation.
pub(super) struct Depthwise {
    /// Rows and columns of a filter.
    size: (usize, usize),
    /// Of what is convolved, from one pixel of the result to the next; down and to the right.
    stride: (usize, usize),
    /// Whether four results, two in each direction, become one: their maximum.
    pool: bool,
    /// (vectors of channels, rows, columns, lanes)
    taps: Vec<f32>,
    bias: Vec<f32>,
    slope: Vec<f32>,
    smooth: Option<Smooth>,
    channels: usize,
}

impl Depthwise {
    /// `kernel` is (channels, 1, rows, columns), `bias` has as many values.
    pub(super) fn pack(
        kernel: &Tensor,
        bias: &Tensor,
        activation: &Activation,
        stride: (usize, usize),
        pool: bool,
    ) -> Result<Self> {
        let (channels, 1, height, width) = kernel.dims4()? else {
            bail!("a depthwise kernel has one channel in, got {:?}", kernel.shape());
        };
        if !matches!((width, stride.1), (3, 1 | 2) | (7, 1))
            || height > ROWS
            || (pool && (width, stride) != (3, (1, 1)))
        {
            bail!("no depthwise convolution with kernel {height}×{width}, stride {stride:?}, pool {pool}");
        }
        if pool && activation.smooth().is_some() {
            bail!("a maximum before {activation:?} is not one after it");
        }
        let (bias, slope) = (bias.flatten_all()?.to_vec1()?, activation.slopes(channels)?);
        if channels % CHANNELS != 0 || bias.len() != channels || slope.len() != channels {
            bail!("{channels} channels must be a multiple of {CHANNELS}, and those of biases and slopes");
        }
        let lanes = lanes();
        let taps = kernel
            .reshape((channels / lanes, lanes, height * width))?
            .transpose(1, 2)?
            .flatten_all()?
            .to_vec1()?;
        Ok(Self {
            size: (height, width),
            stride,
            pool,
            taps,
            bias,
            slope,
            smooth: activation.smooth(),
            channels,
        })
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Rows that a row of the result follows from, and by how many the next one's are further down.
    pub(super) fn reach(&self) -> (usize, usize) {
        if self.pool {
            (self.size.0 + 1, 2)
        } else {
            (self.size.0, self.stride.0)
        }
    }

    /// Height and width of the result.
    pub(super) fn size_out(&self, (height, width): (usize, usize)) -> (usize, usize) {
        if self.pool {
            (height / 2, width / 2)
        } else {
            (height.div_ceil(self.stride.0), width.div_ceil(self.stride.1))
        }
    }

    /// Computes the pixels of a run into rows that begin `stride` values apart.
    #[inline(always)]
    pub(super) fn fill<S: Simd>(&self, simd: S, view: &View<'_>, run: Run, out: &mut [f32], stride: usize) {
        let channels = self.channels;
        if self.pool {
            // The two rows of results under a strip, which are in the cache when their maximum is taken.
            let mut rows = vec![0f32; 2 * STRIP * channels];
            for first in (0..run.count).step_by(STRIP / 2) {
                let pixels = (run.count - first).min(STRIP / 2);
                let (upper, lower) = rows.split_at_mut(STRIP * channels);
                for (below, row) in [&mut *upper, &mut *lower].into_iter().enumerate() {
                    let part = Run {
                        row: 2 * run.row + below,
                        column: 2 * (run.column + first),
                        count: 2 * pixels,
                        ..run
                    };
                    simd.vectorize(Span::<3, 1> {
                        filters: self,
                        view,
                        run: part,
                        out: row,
                        stride: channels,
                    });
                }
                let pairs = upper.chunks_exact(2 * channels).zip(lower.chunks_exact(2 * channels));
                for (out, (upper, lower)) in out[first * stride..].chunks_mut(stride).zip(pairs).take(pixels) {
                    let [(a, b), (c, d)] =
                        [upper, lower].map(|pair| S::as_simd_f32s(pair).0.split_at(channels / S::F32_LANES));
                    let out = S::as_mut_simd_f32s(&mut out[..channels]).0;
                    for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                        *out = simd.max_f32s(simd.max_f32s(*a, *b), simd.max_f32s(*c, *d));
                    }
                }
            }
        } else {
            let filters = self;
            // Each a function of its own, so that its sums have all registers.
            match (self.size.1, self.stride.1) {
                (3, 1) => simd.vectorize(Span::<3, 1> {
                    filters,
                    view,
                    run,
                    out,
                    stride,
                }),
                (3, _) => simd.vectorize(Span::<3, 2> {
                    filters,
                    view,
                    run,
                    out,
                    stride,
                }),
                _ => simd.vectorize(Span::<7, 1> {
                    filters,
                    view,
                    run,
                    out,
                    stride,
                }),
            }
        }
        if let Some(smooth) = self.smooth {
            for out in out.chunks_mut(stride).take(run.count) {
                smooth.apply(simd, &mut out[..channels]);
            }
        }
    }
}

/// A run for filters of `K` columns that move on by `D` pixels.
struct Span<'a, const K: usize, const D: usize> {
    filters: &'a Depthwise,
    view: &'a View<'a>,
    run: Run,
    out: &'a mut [f32],
    stride: usize,
}

impl<const K: usize, const D: usize> WithSimd for Span<'_, K, D> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Span {
            filters,
            view,
            run,
            out,
            stride,
        } = self;
        // The picture's rows under the filters; those beyond its edge are zero and left out.
        let top = run.row * filters.stride.0;
        let above = (filters.size.0 / 2).saturating_sub(top);
        let below = (filters.size.0 / 2 + view.height - top).min(filters.size.0);
        let mut rows: [&[S::f32s]; ROWS] = [&[]; ROWS];
        for (at, row) in rows.iter_mut().enumerate().take(below).skip(above) {
            let pixels = view.pixels(run.picture, top + at - filters.size.0 / 2, 0, view.width);
            *row = S::as_simd_f32s(pixels).0;
        }
        let rows = &rows[above..below];
        let vectors = filters.channels / S::F32_LANES;
        let taps = S::as_simd_f32s(&filters.taps).0.as_chunks::<K>().0;
        let (bias, slope) = (S::as_simd_f32s(&filters.bias).0, S::as_simd_f32s(&filters.slope).0);
        for first in (0..run.count).step_by(STRIP) {
            let count = (run.count - first).min(STRIP);
            for at in 0..vectors {
                let filter = Filter {
                    rows,
                    taps: &taps[at * filters.size.0..][above..below],
                    bias: bias[at],
                    slope: slope[at],
                    at,
                    vectors,
                    width: view.width,
                };
                let mut done = 0;
                while done < count {
                    let column = run.column + first + done;
                    let out = &mut out[(first + done) * stride + at * S::F32_LANES..];
                    done += match count - done {
                        1 => filter.tile::<D, 1>(simd, column, out, stride),
                        2 | 3 => filter.tile::<D, 2>(simd, column, out, stride),
                        4..8 => filter.tile::<D, 4>(simd, column, out, stride),
                        _ => filter.tile::<D, 8>(simd, column, out, stride),
                    };
                }
            }
        }
    }
}

/// The filters of one vector of channels, and the rows of the picture that they lie on.
struct Filter<'a, S: Simd, const K: usize> {
    rows: &'a [&'a [S::f32s]],
    /// As many rows.
    taps: &'a [[S::f32s; K]],
    bias: S::f32s,
    slope: S::f32s,
    /// Which vector of how many in a pixel, and pixels in a row.
    at: usize,
    vectors: usize,
    width: usize,
}

impl<S: Simd, const K: usize> Filter<'_, S, K> {
    /// `P` pixels next to each other, from `column` of the result on: a value that was read is used for all that it is a part of.
    /// Answers how many that were.
    #[inline(always)]
    fn tile<const D: usize, const P: usize>(&self, simd: S, column: usize, out: &mut [f32], stride: usize) -> usize {
        let sums = match (column * D).checked_sub(K / 2) {
            Some(left) if left + const { (P - 1) * D + K } <= self.width => {
                let first = left * self.vectors + self.at;
                self.sums::<D, P>(
                    simd,
                    #[inline(always)]
                    |row, x| row[first + x * self.vectors],
                )
            }
            _ => {
                let zero = simd.splat_f32s(0.0);
                self.sums::<D, P>(
                    simd,
                    #[inline(always)]
                    |row, x| {
                        let column = (column * D + x).wrapping_sub(K / 2);
                        if column < self.width {
                            row[column * self.vectors + self.at]
                        } else {
                            zero
                        }
                    },
                )
            }
        };
        let zero = simd.splat_f32s(0.0);
        for (out, sum) in out.chunks_mut(stride).zip(sums) {
            let y = simd.mul_add_e_f32s(self.slope, simd.min_f32s(sum, zero), simd.max_f32s(sum, zero));
            S::as_mut_simd_f32s(&mut out[..S::F32_LANES]).0[0] = y;
        }
        P
    }

    #[inline(always)]
    fn sums<const D: usize, const P: usize>(
        &self,
        simd: S,
        value: impl Fn(&[S::f32s], usize) -> S::f32s,
    ) -> [S::f32s; P] {
        let mut sums = [self.bias; P];
        for (row, taps) in self.rows.iter().zip(self.taps) {
            for x in 0..const { (P - 1) * D + K } {
                let value = value(row, x);
                for (p, sum) in sums.iter_mut().enumerate() {
                    if (p * D..p * D + K).contains(&x) {
                        *sum = simd.mul_add_e_f32s(value, taps[x - p * D], *sum);
                    }
                }
            }
        }
        sums
    }
}
