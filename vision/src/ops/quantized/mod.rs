//! Matrix products of factors narrower than `f32`. Several of them share a lane of a vector, where one instruction multiplies and
//! sums them up; the sums are as wide as ever.

#![allow(unsafe_code)]

mod byte;
mod half;

use std::arch::x86_64::{
    __m512, __m512i, __mmask16, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_max_ps, _mm512_min_ps, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
};
use std::cell::RefCell;

pub(super) use byte::Byte;
pub(super) use half::Half;

use super::rows::{Out, Rows, lanes};

/// Lanes of a vector.
const LANES: usize = 16;

/// Vectors of columns that a tile computes, where there are so many.
const VECTORS: usize = 2;

/// Rows that a tile computes at most.
const ROWS: usize = 12;

/// Factors that share a lane.
type Word = u32;

/// A kind of quantized factors.
pub(super) trait Factors {
    /// Factors in a word.
    const PER_WORD: usize;

    /// Products that a sum holds at most, whatever they are.
    const MOST: usize;

    /// The sums of a vector of columns.
    type Sum: Copy;

    /// What is known of a vector of columns beside their words.
    type Columns: Default;

    /// What is known of a row beside its words.
    type Row: Copy + Default;

    /// Whether this machine has the instructions.
    fn is_able() -> bool;

    /// Packs the column of a lane, from the first word to the last.
    fn pack<'a>(column: &[f32], words: impl Iterator<Item = &'a mut Word>, columns: &mut Self::Columns, lane: usize);

    /// Packs rows: [`Lines::convert`] with the instructions switched on.
    ///
    /// # Safety
    /// The machine is able. So it is in all that follow.
    unsafe fn convert(lines: Lines<'_, Self>)
    where
        Self: Sized;

    /// Packs a row, in whole vectors; what is left of the last one counts as zero.
    ///
    /// # Safety
    /// As above.
    unsafe fn convert_row(row: &[f32], words: &mut [Word]) -> Self::Row;

    /// Computes a tile: [`Tile::compute`] with the instructions switched on.
    ///
    /// # Safety
    /// As above.
    unsafe fn tile<const R: usize, const V: usize>(tile: Tile<'_, Self>)
    where
        Self: Sized;

    /// No sum yet.
    ///
    /// # Safety
    /// As above.
    unsafe fn zero() -> Self::Sum;

    /// Adds the products of two vectors of words.
    ///
    /// # Safety
    /// As above.
    unsafe fn add(sum: Self::Sum, row: __m512i, columns: __m512i) -> Self::Sum;

    /// The sums as `f32`, and the biases.
    ///
    /// # Safety
    /// As above.
    unsafe fn finish(sum: Self::Sum, columns: &Self::Columns, row: Self::Row, biases: __m512) -> __m512;
}

thread_local! {
    /// The rows that are multiplied at the moment: whatever it holds before them is left over.
    static WORDS: RefCell<Vec<Word>> = const { RefCell::new(Vec::new()) };
}

/// Whether this machine has products of these factors.
pub(super) fn is_able<F: Factors>() -> bool {
    F::is_able() && lanes() == LANES
}

/// A matrix (inner, columns) of quantized factors, cut into panels of two vectors of columns, the last of one where no more are left;
/// each is stored row by row.
pub(super) struct Products<F: Factors> {
    inner: usize,
    columns: usize,
    /// Words of a column.
    depth: usize,
    /// (panels, depth, vectors, lanes)
    words: Vec<[Word; LANES]>,
    ends: Vec<F::Columns>,
}

impl<F: Factors> Products<F> {
    /// Packs `weight`, `columns` rows of `inner` values. `None` where this machine has no such products, or sums would
    /// be too long for them.
    pub(super) fn pack(weight: &[f32], inner: usize, columns: usize) -> Option<Self> {
        if !is_able::<F>() || inner > F::MOST {
            return None;
        }
        let depth = inner.next_multiple_of(LANES) / F::PER_WORD;
        let vectors = columns.div_ceil(LANES);
        let mut words = vec![[0; LANES]; vectors * depth];
        let mut ends: Vec<F::Columns> = (0..vectors).map(|_| F::Columns::default()).collect();
        for (column, values) in weight.chunks_exact(inner).enumerate() {
            let (vector, lane) = (column / LANES, column % LANES);
            let first = vector / VECTORS * VECTORS;
            let width = (vectors - first).min(VECTORS);
            let panel = &mut words[first * depth..][..width * depth];
            let words = panel.iter_mut().skip(vector - first).step_by(width);
            F::pack(values, words.map(|words| &mut words[lane]), &mut ends[vector], lane);
        }
        Some(Self {
            inner,
            columns,
            depth,
            words,
            ends,
        })
    }

    /// Multiplies the rows of `x` into those of `out`; `biases` are added and what is below zero is multiplied with `slopes`, of
    /// which there is one per column, filled up to whole vectors.
    pub(super) fn multiply(&self, x: Rows<'_>, biases: &[f32], slopes: &[f32], out: Out<'_>) {
        let count = out.values.len() / out.stride;
        let mut rows = vec![F::Row::default(); count];
        WORDS.with_borrow_mut(|words| {
            if words.len() < count * self.depth {
                words.resize(count * self.depth, 0);
            }
            let words = &mut words[..count * self.depth];
            let lines = Lines {
                x,
                inner: self.inner,
                depth: self.depth,
                words: &mut *words,
                rows: &mut rows,
            };
            // SAFETY: `pack` answers only where the machine is able.
            unsafe { F::convert(lines) };
            self.multiply_words(words, &rows, biases, slopes, out);
        });
    }

    /// The same for rows that are packed.
    fn multiply_words(&self, words: &[Word], rows: &[F::Row], biases: &[f32], slopes: &[f32], mut out: Out<'_>) {
        let count = rows.len();
        for first in (0..self.ends.len()).step_by(VECTORS) {
            let ends = &self.ends[first..self.ends.len().min(first + VECTORS)];
            let columns = first * LANES..self.columns.min((first + ends.len()) * LANES);
            let padded = first * LANES..(first + ends.len()) * LANES;
            let panel = Panel {
                words: &self.words[first * self.depth..][..ends.len() * self.depth],
                ends,
                biases: biases[padded.clone()].as_chunks().0,
                slopes: slopes[padded].as_chunks().0,
                columns,
            };
            // Rows are dealt out evenly: a last tile of one row would take as long as one of four.
            let tiles = count.div_ceil(ROWS);
            let mut done = 0;
            for tile in 0..tiles {
                let some = (count - done).div_ceil(tiles - tile);
                let tile = Tile {
                    panel: &panel,
                    x: &words[done * self.depth..][..some * self.depth],
                    rows: &rows[done..][..some],
                    out: out.part(done, some),
                };
                macro_rules! of {
                    ($($rows:literal)*) => {
                        match (some, ends.len()) {
                            $(
                                // SAFETY: as above.
                                ($rows, 1) => unsafe { F::tile::<$rows, 1>(tile) },
                                // SAFETY: as above.
                                ($rows, _) => unsafe { F::tile::<$rows, VECTORS>(tile) },
                            )*
                            _ => {}
                        }
                    };
                }
                of!(1 2 3 4 5 6 7 8 9 10 11 12);
                done += some;
            }
        }
    }
}

/// Rows to be packed.
pub(super) struct Lines<'a, F: Factors> {
    x: Rows<'a>,
    /// Values of a row, and words.
    inner: usize,
    depth: usize,
    words: &'a mut [Word],
    rows: &'a mut [F::Row],
}

impl<F: Factors> Lines<'_, F> {
    /// # Safety
    /// The machine is able, and the caller is compiled for it.
    #[inline(always)]
    unsafe fn convert(self) {
        for ((words, row), at) in self.words.chunks_exact_mut(self.depth).zip(self.rows).zip(0..) {
            // SAFETY: as above.
            *row = unsafe { F::convert_row(&self.x.values[at * self.x.stride..][..self.inner], words) };
        }
    }
}

/// The first sixteen values; lanes beyond the last one are zero.
///
/// # Safety
/// The machine has AVX-512.
#[inline(always)]
unsafe fn load(values: &[f32]) -> __m512 {
    // SAFETY: lanes beyond the last value are not read.
    unsafe { _mm512_maskz_loadu_ps(mask(values.len()), values.as_ptr()) }
}

/// The lanes of so many values.
fn mask(values: usize) -> __mmask16 {
    if values >= LANES { !0 } else { (1 << values) - 1 }
}

/// Some vectors of columns, and what follows their sums.
struct Panel<'a, F: Factors> {
    /// (depth, vectors, lanes)
    words: &'a [[Word; LANES]],
    ends: &'a [F::Columns],
    biases: &'a [[f32; LANES]],
    slopes: &'a [[f32; LANES]],
    /// Those of the result.
    columns: std::ops::Range<usize>,
}

/// Some rows of a panel.
pub(super) struct Tile<'a, F: Factors> {
    panel: &'a Panel<'a, F>,
    x: &'a [Word],
    rows: &'a [F::Row],
    out: Out<'a>,
}

impl<F: Factors> Tile<'_, F> {
    /// `R` rows of `V` vectors, in registers until they are done.
    ///
    /// # Safety
    /// The machine is able, and the caller is compiled for it.
    #[inline(always)]
    unsafe fn compute<const R: usize, const V: usize>(self) {
        let panel = self.panel;
        let weights = panel.words.as_chunks::<V>().0;
        let rows: [&[Word]; R] = std::array::from_fn(|row| &self.x[row * weights.len()..][..weights.len()]);
        // SAFETY: vectors are read and written where slices are as long; the instructions are there.
        unsafe {
            let mut sums = [[F::zero(); V]; R];
            for (at, weights) in weights.iter().enumerate() {
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let word = _mm512_set1_epi32(row[at].cast_signed());
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        let weights = std::ptr::from_ref(weights).cast::<__m512i>().read_unaligned();
                        *sum = F::add(*sum, word, weights);
                    }
                }
            }
            let zero = _mm512_setzero_ps();
            // Sums are looked up by constants only: others would have to be in memory.
            for (at, (sums, row)) in sums.iter().zip(&self.rows[..R]).enumerate() {
                let values = &mut self.out.values[at * self.out.stride..][panel.columns.clone()];
                for (vector, sum) in sums.iter().enumerate() {
                    let values = &mut values[vector * LANES..];
                    let biases = _mm512_loadu_ps(panel.biases[vector].as_ptr());
                    let mut sum = F::finish(*sum, &panel.ends[vector], *row, biases);
                    let slopes = _mm512_loadu_ps(panel.slopes[vector].as_ptr());
                    if self.out.add {
                        sum = _mm512_add_ps(sum, load(values));
                    }
                    let y = _mm512_fmadd_ps(slopes, _mm512_min_ps(sum, zero), _mm512_max_ps(sum, zero));
                    if values.len() >= LANES {
                        _mm512_storeu_ps(values.as_mut_ptr(), y);
                    } else {
                        _mm512_mask_storeu_ps(values.as_mut_ptr(), mask(values.len()), y);
                    }
                }
            }
        }
    }
}
