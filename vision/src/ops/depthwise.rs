//! Depthwise convolutions: each channel with a filter of its own.

use candle_core::{Result, bail};
use pulp::{Simd, WithSimd};

use super::activation::Smooth;
use super::convolution::Convolution;
use super::rows::lanes;
use super::view::{Run, View};

/// Channels come in whole vectors of every machine.
pub(super) const CHANNELS: usize = 16;

/// Rows of the largest filter.
const ROWS: usize = 7;

/// Values under the pixels that are computed channel by channel before the next ones are: so many that setting up is cheap beside
/// them, so few that they stay in the first level of the cache.
const STRIP: usize = 3072;

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
    /// Packs the weights of a depthwise convolution.
    ///
    /// # Errors
    /// When its kernel, its stride or its channels are none that this can compute.
    pub(super) fn pack(filter: &Convolution, pool: bool) -> Result<Self> {
        let (channels, _, height, width) = filter.kernel.dims4()?;
        let known = matches!((width, filter.stride.1), (3, 1 | 2) | (7, 1)) && height % 2 == 1 && height <= ROWS;
        // Pooled, they are two rows of results.
        let pooled = width == 3 && height < ROWS;
        if !known || (pool && !pooled) {
            bail!(
                "no depthwise convolution with kernel {height}×{width}, stride {:?}, pool {pool}",
                filter.stride
            );
        }
        if channels % CHANNELS != 0 {
            bail!("{channels} channels must be a multiple of {CHANNELS}");
        }
        let lanes = lanes();
        let taps = filter
            .kernel
            .reshape((channels / lanes, lanes, height * width))?
            .transpose(1, 2)?
            .flatten_all()?
            .to_vec1()?;
        Ok(Self {
            size: (height, width),
            stride: filter.stride,
            pool,
            taps,
            bias: filter.bias.flatten_all()?.to_vec1()?,
            slope: filter.activation.slopes(channels)?,
            smooth: filter.activation.smooth(),
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
        let filters = self;
        // Each a function of its own, so that its sums have all registers.
        match (self.size.1, self.stride.1) {
            (3, 1) if self.pool => simd.vectorize(Span::<3, 1, 2> {
                filters,
                view,
                run,
                out,
                stride,
            }),
            (3, 1) => simd.vectorize(Span::<3, 1, 1> {
                filters,
                view,
                run,
                out,
                stride,
            }),
            (3, _) => simd.vectorize(Span::<3, 2, 1> {
                filters,
                view,
                run,
                out,
                stride,
            }),
            _ => simd.vectorize(Span::<7, 1, 1> {
                filters,
                view,
                run,
                out,
                stride,
            }),
        }
        if let Some(smooth) = self.smooth {
            for out in out.chunks_mut(stride).take(run.count) {
                smooth.apply(simd, &mut out[..self.channels]);
            }
        }
    }
}

/// A run for filters of `K` columns that move on by `D` pixels. Where `M` is 2, a value of the result is the maximum of 2×2 that the
/// filters give.
struct Span<'a, const K: usize, const D: usize, const M: usize> {
    filters: &'a Depthwise,
    view: &'a View<'a>,
    run: Run,
    out: &'a mut [f32],
    stride: usize,
}

impl<const K: usize, const D: usize, const M: usize> WithSimd for Span<'_, K, D, M> {
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
        let height = filters.size.0 + M - 1;
        let top = run.row * M * filters.stride.0;
        let above = (filters.size.0 / 2).saturating_sub(top);
        let below = (filters.size.0 / 2 + view.height - top).min(height);
        let mut rows: [&[S::f32s]; ROWS] = [&[]; ROWS];
        for (at, row) in rows.iter_mut().enumerate().take(below).skip(above) {
            let pixels = view.pixels(run.picture, top + at - filters.size.0 / 2, 0, view.width);
            *row = S::as_simd_f32s(pixels).0;
        }
        let vectors = filters.channels / S::F32_LANES;
        let taps = S::as_simd_f32s(&filters.taps).0.as_chunks::<K>().0;
        let (bias, slope) = (S::as_simd_f32s(&filters.bias).0, S::as_simd_f32s(&filters.slope).0);
        let strip = (STRIP / (height * M * D * filters.channels))
            .max(1)
            .next_multiple_of(8 / M);
        for first in (0..run.count).step_by(strip) {
            let count = (run.count - first).min(strip);
            for at in 0..vectors {
                let filter = Filter {
                    rows: &rows[above..below],
                    above,
                    taps: &taps[at * filters.size.0..][..filters.size.0],
                    bias: bias[at],
                    slope: slope[at],
                    at,
                    vectors,
                    width: view.width,
                };
                let mut done = 0;
                while done < count {
                    let column = (run.column + first + done) * M * D;
                    let out = &mut out[(first + done) * stride + at * S::F32_LANES..];
                    done += match (M, count - done) {
                        (1, 1) => filter.tile::<D, 1>(simd, column, out, stride),
                        (1, 2 | 3) => filter.tile::<D, 2>(simd, column, out, stride),
                        (1, 4..8) => filter.tile::<D, 4>(simd, column, out, stride),
                        (1, _) => filter.tile::<D, 8>(simd, column, out, stride),
                        (_, 1) => filter.maxima::<D, 2>(simd, column, out, stride),
                        (_, _) => filter.maxima::<D, 4>(simd, column, out, stride),
                    };
                }
            }
        }
    }
}

/// The filters of one vector of channels, and the rows of the picture that they lie on.
struct Filter<'a, S: Simd, const K: usize> {
    rows: &'a [&'a [S::f32s]],
    /// Rows that would lie before these, but are above the picture.
    above: usize,
    taps: &'a [[S::f32s; K]],
    bias: S::f32s,
    slope: S::f32s,
    /// Which vector of how many in a pixel, and pixels in a row.
    at: usize,
    vectors: usize,
    width: usize,
}

/// Sums of `P` pixels in one row, and the taps whose products they get.
type Row<'a, S, const P: usize, const K: usize> = (&'a mut [<S as Simd>::f32s; P], &'a [<S as Simd>::f32s; K]);

impl<S: Simd, const K: usize> Filter<'_, S, K> {
    /// `P` pixels next to each other, the first of which lies on `column`. Answers how many that were.
    #[inline(always)]
    fn tile<const D: usize, const P: usize>(&self, simd: S, column: usize, out: &mut [f32], stride: usize) -> usize {
        let sums = match self.covers(column, const { (P - 1) * D + K }) {
            true => self.row::<D, P, true>(simd, column),
            false => self.row::<D, P, false>(simd, column),
        };
        for (out, sum) in out.chunks_mut(stride).zip(sums) {
            S::as_mut_simd_f32s(&mut out[..S::F32_LANES]).0[0] = self.bend(simd, sum);
        }
        P
    }

    /// The maxima of 2×2 pixels in two rows of `P`. Answers how many that were.
    #[inline(always)]
    fn maxima<const D: usize, const P: usize>(&self, simd: S, column: usize, out: &mut [f32], stride: usize) -> usize {
        let [upper, lower] = match self.covers(column, const { (P - 1) * D + K }) {
            true => self.rows::<D, P, true>(simd, column),
            false => self.rows::<D, P, false>(simd, column),
        };
        // By numbers, since slices of sums would have to be in memory.
        for (at, out) in out.chunks_mut(stride).enumerate().take(P / 2) {
            let [above, below] = [upper, lower].map(|row| simd.max_f32s(row[2 * at], row[2 * at + 1]));
            let most = simd.max_f32s(above, below);
            S::as_mut_simd_f32s(&mut out[..S::F32_LANES]).0[0] = self.bend(simd, most);
        }
        P / 2
    }

    /// Whether so many columns lie in the picture, the middle of the first filter on `column`.
    #[inline(always)]
    fn covers(&self, column: usize, columns: usize) -> bool {
        column >= K / 2 && column + columns <= self.width + K / 2
    }

    #[inline(always)]
    fn bend(&self, simd: S, x: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        simd.mul_add_e_f32s(self.slope, simd.min_f32s(x, zero), simd.max_f32s(x, zero))
    }

    #[inline(always)]
    fn row<const D: usize, const P: usize, const INSIDE: bool>(&self, simd: S, column: usize) -> [S::f32s; P] {
        let mut sums = [self.bias; P];
        for (row, taps) in self.rows.iter().zip(&self.taps[self.above..]) {
            self.add::<D, P, INSIDE>(simd, row, column, (&mut sums, taps), None);
        }
        sums
    }

    /// Two rows: what lies under both is read once.
    #[inline(always)]
    fn rows<const D: usize, const P: usize, const INSIDE: bool>(&self, simd: S, column: usize) -> [[S::f32s; P]; 2] {
        let [mut upper, mut lower] = [[self.bias; P]; 2];
        for (row, at) in self.rows.iter().zip(self.above..) {
            match (self.taps.get(at), at.checked_sub(1).map(|at| &self.taps[at])) {
                (Some(a), Some(b)) => {
                    self.add::<D, P, INSIDE>(simd, row, column, (&mut upper, a), Some((&mut lower, b)));
                }
                (Some(taps), None) => self.add::<D, P, INSIDE>(simd, row, column, (&mut upper, taps), None),
                (None, Some(taps)) => self.add::<D, P, INSIDE>(simd, row, column, (&mut lower, taps), None),
                (None, None) => {}
            }
        }
        [upper, lower]
    }

    /// What one row of the picture adds to a row of sums, or to two: a value that was read is used for all that it is a part of.
    #[inline(always)]
    fn add<const D: usize, const P: usize, const INSIDE: bool>(
        &self,
        simd: S,
        row: &[S::f32s],
        column: usize,
        (sums, taps): Row<'_, S, P, K>,
        mut below: Option<Row<'_, S, P, K>>,
    ) {
        for x in 0..const { (P - 1) * D + K } {
            let value = if INSIDE {
                row[(column - K / 2) * self.vectors + self.at + x * self.vectors]
            } else {
                // Columns before the first are, as those after the last, beyond the width.
                let column = (column + x).wrapping_sub(K / 2);
                match column < self.width {
                    true => row[column * self.vectors + self.at],
                    false => simd.splat_f32s(0.0),
                }
            };
            for (p, sum) in sums.iter_mut().enumerate() {
                if (p * D..p * D + K).contains(&x) {
                    *sum = simd.mul_add_e_f32s(value, taps[x - p * D], *sum);
                }
            }
            if let Some((sums, taps)) = &mut below {
                for (p, sum) in sums.iter_mut().enumerate() {
                    if (p * D..p * D + K).contains(&x) {
                        *sum = simd.mul_add_e_f32s(value, taps[x - p * D], *sum);
                    }
                }
            }
        }
    }
}
