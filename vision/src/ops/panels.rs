//! Matrix products with a matrix that was packed once, for rows whose channels lie next to each other.

use candle_core::{Result, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};

use super::activation::{Activation, Smooth};
#[cfg(target_arch = "x86_64")]
use super::half::Half;
use super::layer::Precision;

/// Vectors of columns that a tile computes, where there are so many.
const VECTORS: usize = 2;

/// A matrix (inner, columns), and what follows a product with it: a bias per column and an activation. A row of the left matrix
/// is one piece or several of one length, as the rows of a picture under a kernel are.
///
/// The columns are cut into panels of two vectors of this machine, the last of one where no more are left; each is stored row by
/// row, so that a tile of the product reads its panel from the first to the last value.
pub(super) struct Panels {
    inner: usize,
    pieces: usize,
    columns: usize,
    lanes: usize,
    values: Vec<f32>,
    /// Biases and slopes, each filled up to whole panels.
    biases: Vec<f32>,
    slopes: Vec<f32>,
    smooth: Option<Smooth>,
    /// The values in half precision, which are used instead.
    #[cfg(target_arch = "x86_64")]
    half: Option<Half>,
}

/// Rows of the left matrix.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    /// From the first value of a row to that of the next.
    pub(super) stride: usize,
    /// From the first value of a piece of a row to that of its next piece.
    pub(super) piece: usize,
}

impl Panels {
    /// Packs `weight`, (columns, pieces, values of a piece); `bias` has one value per column.
    pub(super) fn pack(weight: &Tensor, bias: &Tensor, activation: &Activation, precision: Precision) -> Result<Self> {
        let (columns, pieces, piece) = weight.dims3()?;
        let inner = pieces * piece;
        let lanes = lanes();
        let weight = weight.flatten_all()?.to_vec1::<f32>()?;
        #[cfg(target_arch = "x86_64")]
        let half = match precision {
            Precision::Half if pieces == 1 => Half::pack(&weight, inner, columns),
            Precision::Half | Precision::Single => None,
        };
        #[cfg(target_arch = "x86_64")]
        let weight = if half.is_some() { vec![] } else { weight };
        #[cfg(not(target_arch = "x86_64"))]
        let _ = precision;
        let length = if weight.is_empty() {
            0
        } else {
            columns.next_multiple_of(lanes) * inner
        };
        let mut values = vec![0.0; length];
        for (column, row) in weight.chunks_exact(inner).enumerate() {
            let first = column / (VECTORS * lanes) * (VECTORS * lanes);
            let width = width(first, columns, lanes);
            let panel = &mut values[first * inner..][..width * inner];
            for (to, from) in panel.iter_mut().skip(column - first).step_by(width).zip(row) {
                *to = *from;
            }
        }
        let per_column = |mut values: Vec<f32>| {
            if values.len() != columns {
                bail!("{columns} columns need as many biases and slopes, got {}", values.len());
            }
            values.resize(columns.next_multiple_of(lanes), 0.0);
            Ok(values)
        };
        Ok(Self {
            inner,
            pieces,
            columns,
            lanes,
            values,
            biases: per_column(bias.flatten_all()?.to_vec1()?)?,
            slopes: per_column(activation.slopes(columns)?)?,
            smooth: activation.smooth(),
            #[cfg(target_arch = "x86_64")]
            half,
        })
    }

    /// Values of a row of the left matrix.
    pub(super) fn inner(&self) -> usize {
        self.inner
    }

    /// Values of a row of the result.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Multiplies rows of [`Panels::inner`] values each into those of `out`, which begin `stride` values apart, or adds the products
    /// to what is there before the activation. What lies between the rows is left as it is.
    #[inline(always)]
    pub(super) fn multiply<S: Simd>(&self, simd: S, x: Rows<'_>, out: &mut [f32], stride: usize, add: bool) {
        debug_assert_eq!(self.lanes, S::F32_LANES);
        #[cfg(target_arch = "x86_64")]
        if let Some(half) = &self.half {
            half.multiply(x, &self.biases, &self.slopes, out, stride);
            return self.finish(simd, out, stride);
        }
        let count = out.len() / stride;
        let mut first = 0;
        while first < self.columns {
            let width = width(first, self.columns, self.lanes);
            let panel = Panel {
                values: &self.values[first * self.inner..(first + width) * self.inner],
                piece: self.inner / self.pieces,
                bias: &self.biases[first..first + width],
                slope: &self.slopes[first..first + width],
                columns: first..(first + width).min(self.columns),
                add,
            };
            // As many sums as registers hold, beside the values that they are made of.
            if width == self.lanes {
                panel.multiply::<S, 1>(simd, count, 12, x, out, stride);
            } else {
                let most = if S::REGISTER_COUNT >= 32 { 12 } else { 6 };
                panel.multiply::<S, VECTORS>(simd, count, most, x, out, stride);
            }
            first += width;
        }
        self.finish(simd, out, stride);
    }

    /// The part of the activation that is a curve.
    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, out: &mut [f32], stride: usize) {
        if let Some(smooth) = self.smooth {
            for out in out.chunks_exact_mut(stride) {
                smooth.apply(simd, &mut out[..self.columns]);
            }
        }
    }
}

/// Columns of the panel that begins at column `first`, filled up to whole vectors.
fn width(first: usize, columns: usize, lanes: usize) -> usize {
    (columns - first).next_multiple_of(lanes).min(VECTORS * lanes)
}

/// One panel and the columns that it computes.
struct Panel<'a> {
    values: &'a [f32],
    /// Values of a piece of a row.
    piece: usize,
    bias: &'a [f32],
    slope: &'a [f32],
    columns: std::ops::Range<usize>,
    /// Whether to add to what is there.
    add: bool,
}

impl Panel<'_> {
    /// `count` rows of the result in tiles of at most `most`, of which there must not be more than 12.
    #[inline(always)]
    fn multiply<S: Simd, const V: usize>(
        &self,
        simd: S,
        count: usize,
        most: usize,
        x: Rows<'_>,
        out: &mut [f32],
        stride: usize,
    ) {
        if count == 0 {
            return;
        }
        // Rows are dealt out evenly: a last tile of one row would take as long as one of four.
        let tiles = count.div_ceil(most);
        let (rows, longer) = (count / tiles, count % tiles);
        let done = longer * (rows + 1);
        let (first, second) = out.split_at_mut(done * stride);
        let rest = Rows {
            values: &x.values[done * x.stride..],
            ..x
        };
        self.tiles::<S, V>(simd, rows + 1, longer, x, first, stride);
        self.tiles::<S, V>(simd, rows, tiles - longer, rest, second, stride);
    }

    /// So many tiles of `rows` rows each.
    #[inline(always)]
    fn tiles<S: Simd, const V: usize>(
        &self,
        simd: S,
        rows: usize,
        tiles: usize,
        x: Rows<'_>,
        out: &mut [f32],
        stride: usize,
    ) {
        macro_rules! of {
            ($($rows:literal)*) => {
                match rows {
                    // Each a function of its own, so that its sums have all registers.
                    $($rows => simd.vectorize(Tiles::<V, $rows> { panel: self, tiles, x, out, stride }),)*
                    _ => {}
                }
            };
        }
        if tiles > 0 {
            of!(1 2 3 4 5 6 7 8 9 10 11 12);
        }
    }

    /// `R` rows of the result, `V` vectors each, in registers until they are done.
    #[inline(always)]
    fn tile<S: Simd, const V: usize, const R: usize>(&self, simd: S, x: Rows<'_>, out: &mut [f32], stride: usize) {
        let vectors = |values: &[f32]| -> [S::f32s; V] {
            let vectors = S::as_simd_f32s(values).0;
            std::array::from_fn(|at| vectors[at])
        };
        let mut sums = [vectors(self.bias); R];
        if self.add {
            for (sums, out) in sums.iter_mut().zip(out.chunks(stride)) {
                for (sum, out) in sums.iter_mut().zip(out[self.columns.clone()].chunks(S::F32_LANES)) {
                    *sum = simd.add_f32s(*sum, load(simd, out));
                }
            }
        }
        let weights = S::as_simd_f32s(self.values).0.as_chunks::<V>().0;
        for (piece, weights) in weights.chunks_exact(self.piece).enumerate() {
            let rows: [&[f32]; R] =
                std::array::from_fn(|row| &x.values[piece * x.piece + row * x.stride..][..weights.len()]);
            for (at, weights) in weights.iter().enumerate() {
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let value = simd.splat_f32s(row[at]);
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum = simd.mul_add_e_f32s(value, *weight, *sum);
                    }
                }
            }
        }
        let zero = simd.splat_f32s(0.0);
        let slopes = vectors(self.slope);
        let whole = self.columns.len() == V * S::F32_LANES;
        for (sums, out) in sums.into_iter().zip(out.chunks_mut(stride)) {
            let out = &mut out[self.columns.clone()];
            // Sums stay in registers only where no array of them is moved as one.
            let ends = sums.into_iter().zip(slopes).map(
                #[inline(always)]
                |(sum, slope)| simd.mul_add_e_f32s(slope, simd.min_f32s(sum, zero), simd.max_f32s(sum, zero)),
            );
            if whole {
                for (out, end) in S::as_mut_simd_f32s(out).0.iter_mut().zip(ends) {
                    *out = end;
                }
            } else {
                for (out, end) in out.chunks_mut(S::F32_LANES).zip(ends) {
                    simd.partial_store_f32s(out, end);
                }
            }
        }
    }
}

/// As many values as there are; a whole vector, as most are, needs no call.
#[inline(always)]
fn load<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
    match S::as_simd_f32s(values) {
        ([whole], _) => *whole,
        (_, part) => simd.partial_load_f32s(part),
    }
}

/// Tiles of `R` rows, one below the other.
struct Tiles<'a, const V: usize, const R: usize> {
    panel: &'a Panel<'a>,
    tiles: usize,
    x: Rows<'a>,
    out: &'a mut [f32],
    stride: usize,
}

impl<const V: usize, const R: usize> WithSimd for Tiles<'_, V, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (tile, out) in self.out.chunks_mut(R * self.stride).take(self.tiles).enumerate() {
            let x = Rows {
                values: &self.x.values[tile * R * self.x.stride..],
                ..self.x
            };
            self.panel.tile::<S, V, R>(simd, x, out, self.stride);
        }
    }
}

/// Values in a vector of this machine.
pub(super) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    Arch::new().dispatch(Lanes)
}
