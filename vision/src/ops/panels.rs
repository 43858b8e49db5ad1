//! Matrix products with a matrix that was packed once, for rows whose channels lie next to each other.

use candle_core::{Result, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};

/// Vectors of columns that one tile computes.
const VECTORS: usize = 2;

/// Values of a row that are multiplied between two looks at where the row lies.
const STEP: usize = 8;

/// A matrix (inner, columns) and what follows a product with it: a bias and the slope of a PReLU per column (1 for none).
///
/// The columns are cut into panels of [`VECTORS`] vectors of this machine, each stored row by row, so that a tile of the product
/// reads its panel from the first to the last value.
pub(super) struct Panels {
    inner: usize,
    columns: usize,
    width: usize,
    values: Vec<f32>,
    /// Biases, then slopes, each filled up to whole panels.
    biases: Vec<f32>,
    slopes: Vec<f32>,
}

impl Panels {
    /// Packs `weight`, (columns, inner) as convolutions and linear layers store it; `bias` and `slope` have one value per column.
    pub(super) fn pack(weight: &Tensor, bias: &Tensor, slope: Option<&Tensor>) -> Result<Self> {
        let (columns, inner) = weight.dims2()?;
        let width = VECTORS * Arch::new().dispatch(Lanes);
        let padded = inner.next_multiple_of(STEP);
        let weight = weight.flatten_all()?.to_vec1::<f32>()?;
        let mut values = vec![0.0; columns.next_multiple_of(width) * padded];
        for (column, row) in weight.chunks_exact(inner).enumerate() {
            let panel = &mut values[column / width * width * padded..][..width * padded];
            for (to, from) in panel.iter_mut().skip(column % width).step_by(width).zip(row) {
                *to = *from;
            }
        }
        let per_column = |tensor: &Tensor| {
            let mut values = tensor.flatten_all()?.to_vec1::<f32>()?;
            if values.len() != columns {
                bail!("{columns} columns need as many biases and slopes, got {}", values.len());
            }
            values.resize(columns.next_multiple_of(width), 0.0);
            Ok(values)
        };
        Ok(Self {
            inner: padded,
            columns,
            width,
            biases: per_column(bias)?,
            slopes: match slope {
                Some(slope) => per_column(slope)?,
                None => vec![1.0; columns.next_multiple_of(width)],
            },
            values,
        })
    }

    /// Values of a row of the left matrix: those of the packed one, filled up with zeros to a multiple of 8.
    pub(super) fn inner(&self) -> usize {
        self.inner
    }

    /// Values of a row of the result.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Multiplies the rows of `x`, each of [`Panels::inner`] values, into those of `out`, each of [`Panels::columns`] values.
    #[inline(always)]
    pub(super) fn multiply<S: Simd>(&self, simd: S, x: &[f32], out: &mut [f32]) {
        debug_assert_eq!(self.width, VECTORS * S::F32_LANES);
        let count = out.len() / self.columns;
        let most = if S::REGISTER_COUNT >= 32 { 12 } else { 6 };
        let tiles = count.div_ceil(most).max(1);
        for (panel, values) in self.values.chunks_exact(self.inner * self.width).enumerate() {
            let first = panel * self.width;
            let panel = Panel {
                values,
                inner: self.inner,
                bias: &self.biases[first..first + self.width],
                slope: &self.slopes[first..first + self.width],
                first,
                last: (first + self.width).min(self.columns),
                columns: self.columns,
            };
            // Rows are dealt out evenly: a last tile of one row would take as long as one of four.
            let mut done = 0;
            for tile in 0..tiles {
                let rows = (count - done).div_ceil(tiles - tile);
                let x = &x[done * self.inner..(done + rows) * self.inner];
                let out = &mut out[done * self.columns..(done + rows) * self.columns];
                match rows {
                    1 => panel.tile::<S, 1>(simd, x, out),
                    2 => panel.tile::<S, 2>(simd, x, out),
                    3 => panel.tile::<S, 3>(simd, x, out),
                    4 => panel.tile::<S, 4>(simd, x, out),
                    5 => panel.tile::<S, 5>(simd, x, out),
                    6 => panel.tile::<S, 6>(simd, x, out),
                    7 => panel.tile::<S, 7>(simd, x, out),
                    8 => panel.tile::<S, 8>(simd, x, out),
                    9 => panel.tile::<S, 9>(simd, x, out),
                    10 => panel.tile::<S, 10>(simd, x, out),
                    11 => panel.tile::<S, 11>(simd, x, out),
                    12 => panel.tile::<S, 12>(simd, x, out),
                    _ => {}
                }
                done += rows;
            }
        }
    }
}

/// One panel and the columns that it computes.
struct Panel<'a> {
    values: &'a [f32],
    inner: usize,
    bias: &'a [f32],
    slope: &'a [f32],
    first: usize,
    last: usize,
    columns: usize,
}

impl Panel<'_> {
    /// `R` rows of the result, in registers until they are done.
    #[inline(always)]
    fn tile<S: Simd, const R: usize>(&self, simd: S, x: &[f32], out: &mut [f32]) {
        let rows: [&[[f32; STEP]]; R] =
            std::array::from_fn(|row| x[row * self.inner..(row + 1) * self.inner].as_chunks().0);
        let vectors = |values: &[f32]| {
            let vectors = S::as_simd_f32s(values).0;
            [vectors[0], vectors[1]]
        };
        let mut sums = [vectors(self.bias); R];
        let steps = S::as_simd_f32s(self.values).0.as_chunks::<{ VECTORS * STEP }>().0;
        for (step, weights) in steps.iter().enumerate() {
            let values: [&[f32; STEP]; R] = std::array::from_fn(|row| &rows[row][step]);
            for (at, weights) in weights.as_chunks::<VECTORS>().0.iter().enumerate() {
                for (sums, values) in sums.iter_mut().zip(values) {
                    let value = simd.splat_f32s(values[at]);
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum = simd.mul_add_e_f32s(value, *weight, *sum);
                    }
                }
            }
        }
        let zero = simd.splat_f32s(0.0);
        let slopes = vectors(self.slope);
        for (sums, out) in sums.into_iter().zip(out.chunks_exact_mut(self.columns)) {
            let out = &mut out[self.first..self.last];
            for ((sum, slope), out) in sums.into_iter().zip(slopes).zip(out.chunks_mut(S::F32_LANES)) {
                let y = simd.mul_add_e_f32s(slope, simd.min_f32s(sum, zero), simd.max_f32s(sum, zero));
                simd.partial_store_f32s(out, y);
            }
        }
    }
}

/// Values in a vector of this machine.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// A product on the vectors of this machine.
pub(super) struct Multiply<'a> {
    pub(super) panels: &'a Panels,
    pub(super) x: &'a [f32],
    pub(super) out: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.panels.multiply(simd, self.x, self.out);
    }
}
