//! Matrix products of halves: bfloat16 values, whose products are summed up in `f32`, two at a time.

#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256bh, __m256i, __m512bh, __m512i, _mm256_storeu_si256, _mm512_add_ps, _mm512_cvtneps_pbh, _mm512_dpbf16_ps,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_min_ps, _mm512_set1_epi32, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

use super::panels::{Out, Rows};

/// Columns in a vector.
const LANES: usize = 16;

/// Vectors of columns that a tile computes.
const VECTORS: usize = 2;

/// Rows that a tile computes at most.
const ROWS: usize = 12;

/// Two bfloat16 values, the first in the lower half: what one step of a product takes from a row.
type Pair = u32;

/// A matrix (inner, columns) in pairs of rows, cut into panels of 32 columns.
pub(super) struct Half {
    /// (panels, pairs, columns)
    values: Vec<[[Pair; LANES]; VECTORS]>,
    /// Pairs of a row.
    pairs: usize,
}

impl Half {
    /// Packs `weight`, `columns` rows of `inner` values. `None` where this machine has no products of halves, or rows and columns
    /// are not whole pairs and vectors.
    pub(super) fn pack(weight: &[f32], inner: usize, columns: usize) -> Option<Self> {
        if !is_able() {
            return None;
        }
        if !inner.is_multiple_of(LANES) || !columns.is_multiple_of(VECTORS * LANES) {
            return None;
        }
        let pairs = inner / 2;
        let mut values = vec![[[0; LANES]; VECTORS]; columns / (VECTORS * LANES) * pairs];
        for (column, row) in weight.chunks_exact(inner).enumerate() {
            let panel = &mut values[column / (VECTORS * LANES) * pairs..][..pairs];
            for (to, &[low, high]) in panel.iter_mut().zip(row.as_chunks::<2>().0) {
                to[column / LANES % VECTORS][column % LANES] = u32::from(half(high)) << 16 | u32::from(half(low));
            }
        }
        Some(Self { values, pairs })
    }

    /// Multiplies the rows of `x` into those of `out`; `biases` are added and what is below zero is multiplied with `slopes`, of
    /// which there is one per column.
    pub(super) fn multiply(&self, x: Rows<'_>, biases: &[f32], slopes: &[f32], mut out: Out<'_>) {
        let count = out.values.len() / out.stride;
        let mut halves = vec![[0; LANES / 2]; count * self.pairs / (LANES / 2)];
        for (row, halves) in halves.chunks_exact_mut(self.pairs / (LANES / 2)).enumerate() {
            let row = &x.values[row * x.stride..][..2 * self.pairs];
            // SAFETY: `pack` answers only where the machine has these instructions.
            unsafe { convert(row.as_chunks().0, halves) };
        }
        let halves = halves.as_flattened();
        let tiles = count.div_ceil(ROWS);
        for (panel, weights) in self.values.chunks_exact(self.pairs).enumerate() {
            let first = panel * VECTORS * LANES;
            let ends = Ends {
                first,
                biases: &biases[first..first + VECTORS * LANES],
                slopes: &slopes[first..first + VECTORS * LANES],
            };
            let mut done = 0;
            for tile in 0..tiles {
                let rows = (count - done).div_ceil(tiles - tile);
                let x = &halves[done * self.pairs..(done + rows) * self.pairs];
                let out = out.part(done, rows);
                macro_rules! of {
                    ($($rows:literal)*) => {
                        match rows {
                            // SAFETY: as above.
                            $($rows => unsafe { tile_of::<$rows>(weights, x, ends, out) },)*
                            _ => {}
                        }
                    };
                }
                of!(1 2 3 4 5 6 7 8 9 10 11 12);
                done += rows;
            }
        }
    }
}

/// Whether this machine has products of halves.
pub(super) fn is_able() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
}

/// The bfloat16 nearest to a value, of two as near the even one, as the machine's own conversion has it.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let odd = bits >> 16 & 1;
    (bits.wrapping_add(0x7fff + odd) >> 16) as u16
}

/// What follows the sums: a bias and a slope for each of 32 columns.
#[derive(Clone, Copy)]
struct Ends<'a> {
    /// The first of the columns.
    first: usize,
    biases: &'a [f32],
    slopes: &'a [f32],
}

/// Rounds values to halves.
#[target_feature(enable = "avx512f,avx512bf16")]
fn convert(values: &[[f32; LANES]], halves: &mut [[Pair; LANES / 2]]) {
    for (values, halves) in values.iter().zip(halves) {
        // SAFETY: both are as long as a vector of each kind.
        unsafe {
            let rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(values.as_ptr()));
            _mm256_storeu_si256(
                halves.as_mut_ptr().cast(),
                std::mem::transmute::<__m256bh, __m256i>(rounded),
            );
        }
    }
}

/// `R` rows of 32 columns.
#[target_feature(enable = "avx512f,avx512bf16")]
fn tile_of<const R: usize>(weights: &[[[Pair; LANES]; VECTORS]], x: &[Pair], ends: Ends<'_>, out: Out<'_>) {
    // SAFETY: sixteen values are read, of as many.
    let vector = |values: &[f32; LANES]| unsafe { _mm512_loadu_ps(values.as_ptr()) };
    let biases = ends.biases.as_chunks::<LANES>().0;
    let slopes = ends.slopes.as_chunks::<LANES>().0;
    let rows: [&[Pair]; R] = std::array::from_fn(|row| &x[row * weights.len()..][..weights.len()]);
    let columns = ends.first..ends.first + VECTORS * LANES;
    let mut sums = [[vector(&biases[0]), vector(&biases[1])]; R];
    for (at, weights) in weights.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let pair = halves(_mm512_set1_epi32(row[at].cast_signed()));
            for (sum, weights) in sums.iter_mut().zip(weights) {
                // SAFETY: sixteen pairs are read, of as many.
                let weights = halves(unsafe { std::ptr::from_ref(weights).cast::<__m512i>().read_unaligned() });
                *sum = _mm512_dpbf16_ps(*sum, pair, weights);
            }
        }
    }
    let zero = _mm512_setzero_ps();
    let slopes = [vector(&slopes[0]), vector(&slopes[1])];
    // Sums are looked up by constants only: others would have to be in memory.
    for (row, sums) in sums.iter().enumerate() {
        let values = out.values[row * out.stride..][columns.clone()]
            .as_chunks_mut::<LANES>()
            .0;
        for (at, sum) in sums.iter().enumerate() {
            let values = &mut values[at];
            let sum = if out.add {
                _mm512_add_ps(*sum, vector(values))
            } else {
                *sum
            };
            let y = _mm512_fmadd_ps(slopes[at], _mm512_min_ps(sum, zero), _mm512_max_ps(sum, zero));
            // SAFETY: sixteen values are written, of as many.
            unsafe { _mm512_storeu_ps(values.as_mut_ptr(), y) };
        }
    }
}

/// The same bits, as pairs of halves.
#[inline(always)]
fn halves(pairs: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of which all values are allowed.
    unsafe { std::mem::transmute(pairs) }
}
