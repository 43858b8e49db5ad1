//! Whole numbers of 8 bits, four to a word: a value is a number times a step, and there is one step per row and one per column.

use std::arch::x86_64::{
    __m512, __m512i, _mm_storeu_si128, _mm512_abs_ps, _mm512_add_epi32, _mm512_cvtepi32_ps, _mm512_cvtps_epi32,
    _mm512_cvtusepi32_epi8, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps,
    _mm512_mul_ps, _mm512_reduce_max_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
};

use super::{Factors, LANES, Lines, Tile, Word, load};

/// The largest number.
const MOST: f32 = 127.0;

/// The instruction multiplies numbers without a sign with numbers that have one: those of a row are this much larger than they
/// should be.
const SHIFT: i32 = 128;

/// Where all values are smaller than this, they count as so large: no step is zero, nor its reciprocal infinite.
const LEAST: f32 = 1e-30;

/// Whole numbers from -127 to 127.
pub(in crate::ops) struct Byte;

/// Of each column in a vector.
#[derive(Default)]
pub(in crate::ops) struct Columns {
    steps: [f32; LANES],
    /// What is too much in the sum because of [`SHIFT`], with its sign turned.
    corrections: [i32; LANES],
}

impl Factors for Byte {
    const PER_WORD: usize = 4;
    const MOST: usize = i32::MAX as usize / (255 * 127);
    type Sum = __m512i;
    type Columns = Columns;
    /// The step.
    type Row = f32;

    fn is_able() -> bool {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")
    }

    fn pack<'a>(column: &[f32], words: impl Iterator<Item = &'a mut Word>, columns: &mut Columns, lane: usize) {
        let largest = column.iter().fold(0f32, |most, value| most.max(value.abs()));
        let step = largest.max(LEAST) / MOST;
        columns.steps[lane] = step;
        for (word, values) in words.zip(column.chunks(4)) {
            let mut bytes = [0; 4];
            for (byte, value) in bytes.iter_mut().zip(values) {
                let number = (value / step).round_ties_even() as i8;
                *byte = number.cast_unsigned();
                columns.corrections[lane] -= SHIFT * i32::from(number);
            }
            *word = Word::from_le_bytes(bytes);
        }
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn convert(lines: Lines<'_, Self>) {
        // SAFETY: the machine is able, as this function's caller says.
        unsafe { lines.convert() }
    }

    #[inline(always)]
    unsafe fn convert_row(row: &[f32], words: &mut [Word]) -> f32 {
        // SAFETY: the machine is able; sixteen bytes are written, of as many.
        unsafe {
            let mut most = _mm512_setzero_ps();
            for values in row.chunks(LANES) {
                most = _mm512_max_ps(most, _mm512_abs_ps(load(values)));
            }
            let step = _mm512_reduce_max_ps(most).max(LEAST) / MOST;
            let inverse = _mm512_set1_ps(step.recip());
            for (values, words) in row.chunks(LANES).zip(words.as_chunks_mut::<{ LANES / 4 }>().0) {
                let numbers = _mm512_cvtps_epi32(_mm512_mul_ps(load(values), inverse));
                let shifted = _mm512_add_epi32(numbers, _mm512_set1_epi32(SHIFT));
                _mm_storeu_si128(words.as_mut_ptr().cast(), _mm512_cvtusepi32_epi8(shifted));
            }
            step
        }
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn tile<const R: usize, const V: usize>(tile: Tile<'_, Self>) {
        // SAFETY: the machine is able, as this function's caller says.
        unsafe { tile.compute::<R, V>() }
    }

    #[inline(always)]
    unsafe fn zero() -> __m512i {
        // SAFETY: the machine is able; likewise below.
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    unsafe fn add(sum: __m512i, row: __m512i, columns: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_dpbusd_epi32(sum, row, columns) }
    }

    #[inline(always)]
    unsafe fn finish(sum: __m512i, columns: &Columns, step: f32, biases: __m512) -> __m512 {
        // SAFETY: as above; sixteen values are read, of as many.
        unsafe {
            let sum = _mm512_add_epi32(sum, _mm512_loadu_si512(columns.corrections.as_ptr().cast()));
            let steps = _mm512_mul_ps(_mm512_loadu_ps(columns.steps.as_ptr()), _mm512_set1_ps(step));
            _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), steps, biases)
        }
    }
}
