//! What happens to whole pictures between layers, on a GPU: as in [`elementwise`](crate::ops::elementwise), which checks the shapes.

use candle_core::{DType, Result, Tensor, bail};

use super::kernels::{MaxPool, ScaleAndAdd, Sums, Taps};
use super::machine::{address, fresh, ready};

/// Pixels that one thread sums up.
const PART: usize = 64;

/// (batch, height, width, channels) to (batch, channels).
pub(in crate::ops) fn channel_means(x: &Tensor) -> Result<Tensor> {
    let (pictures, height, width, channels) = x.dims4()?;
    let count = height * width;
    if count == 0 {
        return Tensor::zeros((pictures, channels), DType::F32, x.device());
    }
    let (mut x, mut pixels) = (ready(x, x.device())?, count);
    loop {
        let parts = pixels.div_ceil(PART);
        let out = fresh((pictures, parts, channels), DType::F32, x.device())?;
        let sums = Sums {
            x: address(&x, DType::F32)?,
            out: address(&out, DType::F32)?,
            pictures: pictures as u32,
            pixels: pixels as u32,
            channels: channels as u32,
            parts: parts as u32,
            part: PART as u32,
            factor: if parts == 1 { 1.0 / count as f32 } else { 1.0 },
        };
        // SAFETY: the sizes are those of `x` and `out`.
        unsafe { sums.run(x.device())? };
        if parts == 1 {
            return out.reshape((pictures, channels));
        }
        (x, pixels) = (out, parts);
    }
}

/// `x * factors + enlarged half`, in `x`, which nothing else may use.
pub(in crate::ops) fn scale_and_add(x: &Tensor, factors: Option<&Tensor>, half: Option<&Tensor>) -> Result<Tensor> {
    let (pictures, height, width, channels) = x.dims4()?;
    let there = |tensor: Option<&Tensor>| tensor.map(|tensor| ready(tensor, x.device())).transpose();
    let (x, factors, half) = (ready(x, x.device())?, there(factors)?, there(half)?);
    let of = |tensor: Option<&Tensor>| tensor.map_or(Ok(0), |tensor| address(tensor, DType::F32));
    let scale = ScaleAndAdd {
        x: address(&x, DType::F32)?,
        factors: of(factors.as_ref())?,
        half: of(half.as_ref())?,
        pictures: pictures as u32,
        height: height as u32,
        width: width as u32,
        channels: channels as u32,
    };
    // SAFETY: the caller checked the shapes.
    unsafe { scale.run(x.device())? };
    Ok(x)
}

/// Pictures of products with nine taps, and how many times they are to be enlarged, to their sum of this shape.
pub(in crate::ops) fn sum_taps(
    parts: &[(&Tensor, usize)],
    (pictures, height, width, channels): (usize, usize, usize, usize),
) -> Result<Tensor> {
    let Some((first, _)) = parts.first() else {
        bail!("no pictures to be summed up");
    };
    let out = fresh((pictures, height, width, channels), DType::F32, first.device())?;
    for (at, (part, factor)) in parts.iter().enumerate() {
        let part = ready(part, out.device())?;
        let taps = Taps {
            part: address(&part, DType::F32)?,
            out: address(&out, DType::F32)?,
            pictures: pictures as u32,
            height: height as u32,
            width: width as u32,
            channels: channels as u32,
            factor: *factor as u32,
            add: u32::from(at > 0),
        };
        // SAFETY: the caller checked that each part has this size once it is enlarged.
        unsafe { taps.run(out.device())? };
    }
    Ok(out)
}

/// The maximum of each 2×2 pixels, for every `stride`-th pixel.
pub(in crate::ops) fn max_pool_2x2(x: &Tensor, stride: usize) -> Result<Tensor> {
    let (pictures, height, width, channels) = x.dims4()?;
    let x = ready(x, x.device())?;
    let (height_out, width_out) = (height.div_ceil(stride), width.div_ceil(stride));
    let out = fresh((pictures, height_out, width_out, channels), DType::F32, x.device())?;
    let pool = MaxPool {
        x: address(&x, DType::F32)?,
        out: address(&out, DType::F32)?,
        pictures: pictures as u32,
        height: height as u32,
        width: width as u32,
        channels: channels as u32,
        height_out: height_out as u32,
        width_out: width_out as u32,
        stride: stride as u32,
        padding: 0,
    };
    // SAFETY: the sizes are those of `x` and `out`.
    unsafe { pool.run(x.device())? };
    Ok(out)
}
