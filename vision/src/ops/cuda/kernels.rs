//! The kernels of `kernels.cu`, by the structs that they take.

use candle_core::{Device, Result};

use super::arguments::Parameters;
use super::machine;

/// What follows a convolution: biases and slopes, one each per column, and a curve.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Function {
    pub(super) bias: u64,
    pub(super) slope: u64,
    pub(super) curve: u32,
    pub(super) padding: u32,
}

/// A depthwise convolution. Writes `f32` to `out` and halves to `half`, where these are not null.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Depthwise {
    pub(super) x: u64,
    /// (rows, columns, channels)
    pub(super) taps: u64,
    pub(super) function: Function,
    pub(super) out: u64,
    pub(super) half: u64,
    pub(super) pictures: u32,
    pub(super) height: u32,
    pub(super) width: u32,
    pub(super) channels: u32,
    pub(super) rows: u32,
    pub(super) stride_y: u32,
    pub(super) height_out: u32,
    pub(super) width_out: u32,
}

/// The kernels for depthwise convolutions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// Three columns.
    Three,
    /// Three columns, for every other pixel of a row.
    ThreeStride2,
    /// Three columns, and the maximum of 2×2 results.
    ThreePooled,
    /// Seven columns.
    Seven,
}

/// Channels that one thread computes at once where their number allows it.
const VECTOR: u32 = 4;

impl Depthwise {
    /// # Safety
    /// The addresses are those of tensors on `device` as large as the sizes say, on 16 bytes (`half`: on 8); `channels` is a multiple
    /// of four.
    pub(super) unsafe fn run(self, device: &Device, filter: Filter) -> Result<()> {
        // With the columns of the result that one thread computes.
        let (kernel, columns) = match filter {
            Filter::Three => ("depthwise_3", 2),
            Filter::ThreeStride2 => ("depthwise_3_stride_2", 2),
            Filter::ThreePooled => ("depthwise_3_pooled", 1),
            Filter::Seven => ("depthwise_7", 4),
        };
        let tiles = self.width_out.div_ceil(columns);
        let threads = count([self.pictures, self.height_out, tiles, self.channels / VECTOR]);
        // SAFETY: the caller's promise; each thread reads and writes within these sizes.
        unsafe { machine::launch(device, kernel, self, threads) }
    }
}

/// The pixels under a convolution's kernel, side by side.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Patches {
    pub(super) x: u64,
    /// (pixels of the result, row)
    pub(super) out: u64,
    pub(super) pictures: u32,
    pub(super) height: u32,
    pub(super) width: u32,
    pub(super) channels: u32,
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) stride_y: u32,
    pub(super) stride_x: u32,
    pub(super) height_out: u32,
    pub(super) width_out: u32,
    /// Values from one patch to the next, with zeros at its end.
    pub(super) row: u32,
    pub(super) padding: u32,
}

impl Patches {
    /// # Safety
    /// The addresses are those of `f32` tensors on `device` as large as the sizes say.
    pub(super) unsafe fn run(self, device: &Device) -> Result<()> {
        let threads = count([self.pictures, self.height_out, self.width_out, self.row]);
        // SAFETY: the caller's promise; each thread reads and writes within these sizes.
        unsafe { machine::launch(device, "patches", self, threads) }
    }
}

/// `x` times factors, where these are not null, to `f32` and to halves, where these are not null.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Scale {
    pub(super) x: u64,
    /// (pictures, channels)
    pub(super) factors: u64,
    pub(super) out: u64,
    pub(super) half: u64,
    pub(super) pictures: u32,
    pub(super) pixels: u32,
    pub(super) channels: u32,
    pub(super) padding: u32,
}

impl Scale {
    /// # Safety
    /// The addresses are those of tensors on `device` as large as the sizes say, on 16 bytes (`half`: on 8).
    pub(super) unsafe fn run(self, device: &Device) -> Result<()> {
        let (kernel, vectors) = if self.channels.is_multiple_of(VECTOR) {
            ("scale_4", self.channels / VECTOR)
        } else {
            ("scale_1", self.channels)
        };
        // SAFETY: the caller's promise; each thread reads and writes within these sizes.
        unsafe { machine::launch(device, kernel, self, count([self.pictures, self.pixels, vectors])) }
    }
}

/// What follows a matrix product: `base` is added, then comes the function, then `residual` is added, where these are not null.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Finish {
    /// (pixels, columns)
    pub(super) product: u64,
    pub(super) base: u64,
    pub(super) residual: u64,
    pub(super) function: Function,
    /// May be the product itself.
    pub(super) out: u64,
    pub(super) half: u64,
    pub(super) pixels: u32,
    pub(super) columns: u32,
}

impl Finish {
    /// # Safety
    /// The addresses are those of tensors on `device` as large as the sizes say, on 16 bytes (`half`: on 8).
    pub(super) unsafe fn run(self, device: &Device) -> Result<()> {
        let (kernel, vectors) = if self.columns.is_multiple_of(VECTOR) {
            ("finish_4", self.columns / VECTOR)
        } else {
            ("finish_1", self.columns)
        };
        // SAFETY: the caller's promise; each thread reads and writes within these sizes.
        unsafe { machine::launch(device, kernel, self, count([self.pixels, vectors])) }
    }
}

/// The sums of each channel over parts of pictures, times a factor.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Sums {
    /// (pictures, pixels, channels)
    pub(super) x: u64,
    /// (pictures, parts, channels)
    pub(super) out: u64,
    pub(super) pictures: u32,
    pub(super) pixels: u32,
    pub(super) channels: u32,
    pub(super) parts: u32,
    /// Pixels of a part; the last one has what is left.
    pub(super) part: u32,
    pub(super) factor: f32,
}

impl Sums {
    /// # Safety
    /// The addresses are those of `f32` tensors on `device` as large as the sizes say, and each part has a pixel.
    pub(super) unsafe fn run(self, device: &Device) -> Result<()> {
        let threads = count([self.pictures, self.parts, self.channels]);
        // SAFETY: the caller's promise; each thread reads and writes within these sizes.
        unsafe { machine::launch(device, "sums", self, threads) }
    }
}

/// `x` times factors plus a picture of half the size, where these are not null, into `x`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct ScaleAndAdd {
    pub(super) x: u64,
    /// (pictures, channels)
    pub(super) factors: u64,
    /// (pictures, height / 2, width / 2, channels)
    pub(super) half: u64,
    pub(super) pictures: u32,
    pub(super) height: u32,
    pub(super) width: u32,
    pub(super) channels: u32,
}

impl ScaleAndAdd {
    /// # Safety
    /// The addresses are those of `f32` tensors on `device` as large as the sizes say; with `half`, height and width are even.
    pub(super) unsafe fn run(self, device: &Device) -> Result<()> {
        let threads = count([self.pictures, self.height, self.width, self.channels]);
        // SAFETY: the caller's promise; each thread reads and writes within these sizes.
        unsafe { machine::launch(device, "scale_and_add", self, threads) }
    }
}

/// The sum over the taps of a 3×3 kernel of an enlarged picture.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Taps {
    /// (pictures, height / factor, width / factor, 9 · channels)
    pub(super) part: u64,
    /// (pictures, height, width, channels)
    pub(super) out: u64,
    pub(super) pictures: u32,
    pub(super) height: u32,
    pub(super) width: u32,
    pub(super) channels: u32,
    pub(super) factor: u32,
    /// 1 to add to what is there, 0 to overwrite it.
    pub(super) add: u32,
}

impl Taps {
    /// # Safety
    /// The addresses are those of `f32` tensors on `device` as large as the sizes say; height and width are multiples of the factor.
    pub(super) unsafe fn run(self, device: &Device) -> Result<()> {
        let threads = count([self.pictures, self.height, self.width, self.channels]);
        // SAFETY: the caller's promise; each thread reads and writes within these sizes.
        unsafe { machine::launch(device, "taps", self, threads) }
    }
}

/// The maximum of each 2×2 pixels, as far as there are any.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct MaxPool {
    pub(super) x: u64,
    pub(super) out: u64,
    pub(super) pictures: u32,
    pub(super) height: u32,
    pub(super) width: u32,
    pub(super) channels: u32,
    pub(super) height_out: u32,
    pub(super) width_out: u32,
    pub(super) stride: u32,
    pub(super) padding: u32,
}

impl MaxPool {
    /// # Safety
    /// The addresses are those of `f32` tensors on `device` as large as the sizes say.
    pub(super) unsafe fn run(self, device: &Device) -> Result<()> {
        let threads = count([self.pictures, self.height_out, self.width_out, self.channels]);
        // SAFETY: the caller's promise; each thread reads and writes within these sizes.
        unsafe { machine::launch(device, "max_pool", self, threads) }
    }
}

// SAFETY: each is `repr(C)`, has the fields of the struct of its name in `kernels.cu` in their order, addresses of eight bytes first
// and an even number of four bytes after them.
unsafe impl Parameters for Depthwise {}
// SAFETY: as above.
unsafe impl Parameters for Patches {}
// SAFETY: as above.
unsafe impl Parameters for Scale {}
// SAFETY: as above.
unsafe impl Parameters for Finish {}
// SAFETY: as above.
unsafe impl Parameters for Sums {}
// SAFETY: as above.
unsafe impl Parameters for ScaleAndAdd {}
// SAFETY: as above.
unsafe impl Parameters for Taps {}
// SAFETY: as above.
unsafe impl Parameters for MaxPool {}

/// The product of these sizes.
fn count<const N: usize>(sizes: [u32; N]) -> usize {
    sizes.iter().map(|size| *size as usize).product()
}
