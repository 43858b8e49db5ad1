//! The pixels under a kernel.

use super::view::{Run, View};

/// A kernel's size and stride, down and to the right, over pictures of so many channels.
pub(super) struct Patches {
    pub(super) channels: usize,
    pub(super) size: (usize, usize),
    pub(super) stride: (usize, usize),
}

impl Patches {
    /// Values of a kernel's row.
    pub(super) fn line(&self) -> usize {
        self.size.1 * self.channels
    }

    /// The pixels of a run whose patches lie whole in the picture: they need not be copied. The first of them, how many, and where
    /// the first one's patch begins in its picture's rows.
    pub(super) fn inside(&self, view: &View<'_>, run: Run) -> Option<(usize, usize, (usize, usize))> {
        let (height, width) = self.size;
        let top = (run.row * self.stride.0).checked_sub((height - 1) / 2)?;
        let before = (width - 1) / 2;
        let first = before.div_ceil(self.stride.1).max(run.column);
        // The last column whose patch ends in the picture.
        let last = (view.width + before).checked_sub(width)? / self.stride.1;
        let end = (last + 1).min(run.column + run.count);
        let whole = top + height <= view.height && first < end;
        whole.then(|| (first - run.column, end - first, (top, first * self.stride.1 - before)))
    }

    /// Lays what is under the kernel side by side, for each pixel of a run.
    #[inline(always)]
    pub(super) fn fill(&self, view: &View<'_>, run: Run, out: &mut [f32], stride: usize) {
        let (height, width) = self.size;
        for (at, out) in out.chunks_mut(stride).take(run.count).enumerate() {
            for (y, out) in out.chunks_exact_mut(self.line()).take(height).enumerate() {
                let row = (run.row * self.stride.0 + y).wrapping_sub((height - 1) / 2);
                for (x, out) in out.chunks_exact_mut(self.channels).enumerate() {
                    let column = ((run.column + at) * self.stride.1 + x).wrapping_sub((width - 1) / 2);
                    if row < view.height && column < view.width {
                        out.copy_from_slice(view.pixels(run.picture, row, column, 1));
                    } else {
                        out.fill(0.0);
                    }
                }
            }
        }
    }
}
