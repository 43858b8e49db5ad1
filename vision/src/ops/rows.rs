//! The rows that a matrix product takes and makes, and how many of their values a vector holds.

use pulp::{Arch, Simd, WithSimd};

/// Rows of the left matrix.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    /// From the first value of a row to that of the next.
    pub(super) stride: usize,
    /// From the first value of a piece of a row to that of its next piece.
    pub(super) piece: usize,
}

impl<'a> Rows<'a> {
    /// Rows of one piece.
    pub(super) fn whole(values: &'a [f32], stride: usize) -> Self {
        Self {
            values,
            stride,
            piece: 0,
        }
    }

    /// Those from row `first` on.
    #[inline(always)]
    pub(super) fn from(self, first: usize) -> Self {
        Self {
            values: &self.values[first * self.stride..],
            ..self
        }
    }
}

/// Rows of the result, which begin `stride` values apart. What lies between them is left as it is.
pub(super) struct Out<'a> {
    pub(super) values: &'a mut [f32],
    pub(super) stride: usize,
    /// Whether products are added to what is there, before the activation.
    pub(super) add: bool,
}

impl<'a> Out<'a> {
    /// Rows to be written.
    pub(super) fn new(values: &'a mut [f32], stride: usize) -> Self {
        Self {
            values,
            stride,
            add: false,
        }
    }

    /// `count` rows from row `first` on.
    #[inline(always)]
    pub(super) fn part(&mut self, first: usize, count: usize) -> Out<'_> {
        Out {
            values: &mut self.values[first * self.stride..(first + count) * self.stride],
            ..*self
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
