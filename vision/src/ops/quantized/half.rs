//! bfloat16: the upper half of an `f32`, two to a word.

use std::arch::x86_64::{
    __m256bh, __m256i, __m512, __m512bh, __m512i, _mm256_storeu_si256, _mm512_add_ps, _mm512_cvtneps_pbh,
    _mm512_dpbf16_ps, _mm512_setzero_ps,
};

use super::{Factors, LANES, Lines, Tile, Word, load};

/// Values of bfloat16, the first of a word in its lower half.
pub(in crate::ops) struct Half;

impl Factors for Half {
    const PER_WORD: usize = 2;
    const MOST: usize = usize::MAX;
    type Sum = __m512;
    type Columns = ();
    type Row = ();

    fn is_able() -> bool {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
    }

    fn pack<'a>(column: &[f32], words: impl Iterator<Item = &'a mut Word>, (): &mut (), _: usize) {
        for (word, values) in words.zip(column.chunks(2)) {
            *word = values.iter().rev().fold(0, |word, value| word << 16 | nearest(*value));
        }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn convert(lines: Lines<'_, Self>) {
        // SAFETY: the machine is able, as this function's caller says.
        unsafe { lines.convert() }
    }

    #[inline(always)]
    unsafe fn convert_row(row: &[f32], words: &mut [Word]) {
        for (values, words) in row.chunks(LANES).zip(words.as_chunks_mut::<{ LANES / 2 }>().0) {
            // SAFETY: the machine is able; eight words are written, of as many.
            unsafe {
                let rounded = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(load(values)));
                _mm256_storeu_si256(words.as_mut_ptr().cast(), rounded);
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn tile<const R: usize, const V: usize>(tile: Tile<'_, Self>) {
        // SAFETY: the machine is able, as this function's caller says.
        unsafe { tile.compute::<R, V>() }
    }

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        // SAFETY: the machine is able; likewise below.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn add(sum: __m512, row: __m512i, columns: __m512i) -> __m512 {
        // SAFETY: vectors of 64 bytes of which all values are allowed.
        unsafe {
            let [row, columns] = [row, columns].map(|words| std::mem::transmute::<__m512i, __m512bh>(words));
            _mm512_dpbf16_ps(sum, row, columns)
        }
    }

    #[inline(always)]
    unsafe fn finish(sum: __m512, (): &(), (): (), biases: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_add_ps(sum, biases) }
    }
}

/// The bits of the bfloat16 nearest to a value, of two as near the even one, as the machine's own conversion has it.
fn nearest(value: f32) -> Word {
    let bits = value.to_bits();
    let odd = bits >> 16 & 1;
    bits.wrapping_add(0x7fff + odd) >> 16
}
