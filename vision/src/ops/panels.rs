//! Matrix products with a matrix that was packed once, for rows whose channels lie next to each other.

use candle_core::Result;
use pulp::{Simd, WithSimd};

use super::activation::Smooth;
use super::convolution::{Convolution, Precision};
#[cfg(target_arch = "x86_64")]
use super::quantized::{Byte, Half, Products};
use super::rows::{Out, Rows, lanes};

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
    /// The values as quantized factors, which are used instead.
    #[cfg(target_arch = "x86_64")]
    quantized: Option<Quantized>,
}

#[cfg(target_arch = "x86_64")]
enum Quantized {
    Half(Products<Half>),
    Byte(Products<Byte>),
}

#[cfg(target_arch = "x86_64")]
impl Quantized {
    /// The narrowest factors that `precision` allows and this machine multiplies.
    fn pack(weight: &[f32], inner: usize, columns: usize, precision: Precision) -> Option<Self> {
        let half = || Products::pack(weight, inner, columns).map(Quantized::Half);
        match precision {
            Precision::Single => None,
            Precision::Half => half(),
            Precision::Byte => Products::pack(weight, inner, columns)
                .map(Quantized::Byte)
                .or_else(half),
        }
    }
}

impl Panels {
    /// Packs the weights of a convolution, of which a row of the kernel is a piece.
    pub(super) fn pack(convolution: &Convolution) -> Result<Self> {
        let (columns, channels, pieces, across) = convolution.kernel.dims4()?;
        let inner = pieces * across * channels;
        let lanes = lanes();
        let weight = convolution
            .kernel
            .permute((0, 2, 3, 1))?
            .flatten_all()?
            .to_vec1::<f32>()?;
        #[cfg(target_arch = "x86_64")]
        let quantized = match convolution.is_pointwise() {
            true => Quantized::pack(&weight, inner, columns, convolution.precision),
            false => None,
        };
        #[cfg(target_arch = "x86_64")]
        let weight = if quantized.is_some() { vec![] } else { weight };
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
            values.resize(columns.next_multiple_of(lanes), 0.0);
            values
        };
        Ok(Self {
            inner,
            pieces,
            columns,
            lanes,
            values,
            biases: per_column(convolution.bias.flatten_all()?.to_vec1()?),
            slopes: per_column(convolution.activation.slopes(columns)?),
            smooth: convolution.activation.smooth(),
            #[cfg(target_arch = "x86_64")]
            quantized,
        })
    }

    /// Values of a row of the result.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Multiplies rows as wide as the matrix is high into rows of [`Panels::columns`].
    #[inline(always)]
    pub(super) fn multiply<S: Simd>(&self, simd: S, x: Rows<'_>, mut out: Out<'_>) {
        debug_assert_eq!(self.lanes, S::F32_LANES);
        self.products(simd, x, out.part(0, out.values.len() / out.stride));
        if let Some(smooth) = self.smooth {
            for out in out.values.chunks_exact_mut(out.stride) {
                smooth.apply(simd, &mut out[..self.columns]);
            }
        }
    }

    /// All but the part of the activation that is a curve.
    #[inline(always)]
    fn products<S: Simd>(&self, simd: S, x: Rows<'_>, mut out: Out<'_>) {
        #[cfg(target_arch = "x86_64")]
        match &self.quantized {
            Some(Quantized::Half(half)) => return half.multiply(x, &self.biases, &self.slopes, out),
            Some(Quantized::Byte(byte)) => return byte.multiply(x, &self.biases, &self.slopes, out),
            None => {}
        }
        let count = out.values.len() / out.stride;
        let mut first = 0;
        while first < self.columns {
            let width = width(first, self.columns, self.lanes);
            let panel = Panel {
                values: &self.values[first * self.inner..(first + width) * self.inner],
                piece: self.inner / self.pieces,
                bias: &self.biases[first..first + width],
                slope: &self.slopes[first..first + width],
                columns: first..(first + width).min(self.columns),
            };
            // As many sums as registers hold, beside the values that they are made of; in one vector of columns no more rows than
            // there are registers for their addresses.
            if width == self.lanes {
                panel.multiply::<S, 1>(simd, 8, x, out.part(0, count));
            } else {
                let most = if S::REGISTER_COUNT >= 32 { 12 } else { 6 };
                panel.multiply::<S, VECTORS>(simd, most, x, out.part(0, count));
            }
            first += width;
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
}

impl Panel<'_> {
    /// The result in tiles of at most `most` rows, of which there must not be more than 12.
    #[inline(always)]
    fn multiply<S: Simd, const V: usize>(&self, simd: S, most: usize, x: Rows<'_>, mut out: Out<'_>) {
        let count = out.values.len() / out.stride;
        // Rows are dealt out evenly: a last tile of one row would take as long as one of four.
        let tiles = count.div_ceil(most).max(1);
        let (rows, longer) = (count / tiles, count % tiles);
        let done = longer * (rows + 1);
        self.tiles::<S, V>(simd, rows + 1, x, out.part(0, done));
        self.tiles::<S, V>(simd, rows, x.from(done), out.part(done, count - done));
    }

    /// Tiles of `rows` rows each.
    #[inline(always)]
    fn tiles<S: Simd, const V: usize>(&self, simd: S, rows: usize, x: Rows<'_>, out: Out<'_>) {
        macro_rules! of {
            ($($rows:literal)*) => {
                match rows {
                    // Each a function of its own, so that its sums have all registers.
                    $($rows => simd.vectorize(Tiles::<V, $rows> { panel: self, x, out }),)*
                    _ => {}
                }
            };
        }
        if !out.values.is_empty() {
            of!(1 2 3 4 5 6 7 8 9 10 11 12);
        }
    }

    /// `R` rows of the result, `V` vectors each, in registers until they are done.
    #[inline(always)]
    fn tile<S: Simd, const V: usize, const R: usize>(&self, simd: S, x: Rows<'_>, out: Out<'_>) {
        let vectors = |values: &[f32]| -> [S::f32s; V] {
            let vectors = S::as_simd_f32s(values).0;
            std::array::from_fn(|at| vectors[at])
        };
        let mut sums = [vectors(self.bias); R];
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
        let slopes = vectors(self.slope);
        // Sums stay in registers only where no array of them is moved as one, and where each is looked up by a constant.
        if self.columns.len() == V * S::F32_LANES {
            for (row, sums) in sums.into_iter().enumerate() {
                let values = S::as_mut_simd_f32s(&mut out.values[row * out.stride..][self.columns.clone()]).0;
                for (at, sum) in sums.into_iter().enumerate() {
                    let sum = if out.add { simd.add_f32s(sum, values[at]) } else { sum };
                    values[at] = bend(simd, sum, slopes[at]);
                }
            }
            return;
        }
        for (sums, values) in sums.into_iter().zip(out.values.chunks_mut(out.stride)) {
            let values = values[self.columns.clone()].chunks_mut(S::F32_LANES);
            for ((sum, slope), values) in sums.into_iter().zip(slopes).zip(values) {
                let mut sum = sum;
                if out.add {
                    sum = simd.add_f32s(sum, simd.partial_load_f32s(values));
                }
                simd.partial_store_f32s(values, bend(simd, sum, slope));
            }
        }
    }
}

/// What is below zero times the slope, and what is above as it is.
#[inline(always)]
fn bend<S: Simd>(simd: S, x: S::f32s, slope: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.mul_add_e_f32s(slope, simd.min_f32s(x, zero), simd.max_f32s(x, zero))
}

/// Tiles of `R` rows, one below the other.
struct Tiles<'a, const V: usize, const R: usize> {
    panel: &'a Panel<'a>,
    x: Rows<'a>,
    out: Out<'a>,
}

impl<const V: usize, const R: usize> WithSimd for Tiles<'_, V, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let count = self.out.values.len() / self.out.stride;
        for first in (0..count).step_by(R) {
            self.panel
                .tile::<S, V, R>(simd, self.x.from(first), self.out.part(first, R));
        }
    }
}
