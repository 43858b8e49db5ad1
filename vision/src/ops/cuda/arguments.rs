//! What a device is given to work on.

/// A struct of addresses and sizes that a kernel takes.
///
/// # Safety
/// It has the layout of the struct of that name in `kernels.cu`, without padding.
pub(super) unsafe trait Parameters: Copy {}

/// A matrix product: `out` = `rows` · `weights`ᵀ.
#[derive(Clone, Copy)]
pub(super) struct Product {
    /// (pixels, inner)
    pub(super) rows: u64,
    /// (columns, inner)
    pub(super) weights: u64,
    /// (pixels, columns), `f32`
    pub(super) out: u64,
    pub(super) pixels: usize,
    pub(super) columns: usize,
    pub(super) inner: usize,
    /// Whether both factors are bfloat16 and not `f32`.
    pub(super) half: bool,
}
