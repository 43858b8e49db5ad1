//! What happens to whole pictures between layers: (batch, height, width, channels), `f32`.

use std::ops::Deref;

use candle_core::{CpuStorage, CustomOp1, InplaceOp1, Layout, Result, Shape, Storage, Tensor, bail};
use pulp::Arch;
use rayon::prelude::*;

use super::buffers;
#[cfg(feature = "cuda")]
use super::cuda;
use super::view::{View, contiguous};

/// Values that one task works on at least, so that it outweighs its hand-over.
const TASK: usize = 32_768;

/// The mean of each channel of each picture: (batch, height, width, channels) to (batch, channels).
///
/// # Errors
/// When the tensor is not of four dimensions or not `f32`.
pub(crate) fn channel_means(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op1_no_bwd(&Means);
    }
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        return cuda::channel_means(x);
    }
    x.mean((1, 2))
}

struct Means;

impl CustomOp1 for Means {
    fn name(&self) -> &'static str {
        "channel-means"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (view, pictures) = View::new((x, layout))?;
        let (channels, pixels) = (view.channels, view.height * view.width);
        let mut means = Vec::with_capacity(pictures * channels);
        if view.values.is_empty() {
            means.resize(pictures * channels, 0.0);
        } else {
            let arch = Arch::new();
            let rows = TASK.div_ceil(channels) * channels;
            for picture in view.values.chunks_exact(pixels * channels) {
                let parts: Vec<f32> = picture
                    .par_chunks(rows)
                    .flat_map_iter(|part| arch.dispatch(|| sum_rows(part, channels)))
                    .collect();
                means.extend(sum_rows(&parts, channels).into_iter().map(|sum| sum / pixels as f32));
            }
        }
        Ok((CpuStorage::F32(means), Shape::from((pictures, channels))))
    }
}

#[inline(always)]
fn sum_rows(rows: &[f32], channels: usize) -> Vec<f32> {
    let mut sum = vec![0.0; channels];
    for row in rows.chunks_exact(channels) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sum
}

/// `x * factors + enlarged`: one factor per picture and channel, (batch, channels), and a picture of half the height and width,
/// each of whose pixels counts for four. Writes into `x`, which nothing else may use.
///
/// # Errors
/// When the shapes do not fit, or the tensors are not `f32`.
pub(crate) fn scale_and_add(x: Tensor, factors: Option<&Tensor>, half: Option<&Tensor>) -> Result<Tensor> {
    let (n, height, width, channels) = x.dims4()?;
    if factors.is_some_and(|factors| factors.dims() != [n, channels])
        || half.is_some_and(|half| half.dims() != [n, height / 2, width / 2, channels] || height % 2 + width % 2 > 0)
    {
        bail!("factors {factors:?} and a picture {half:?} do not fit {:?}", x.shape());
    }
    if x.device().is_cpu() {
        let x = x.contiguous()?;
        x.inplace_op1(&ScaleAndAdd { factors, half })?;
        return Ok(x);
    }
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        return cuda::scale_and_add(&x, factors, half);
    }
    let x = match factors {
        Some(factors) => x.broadcast_mul(&factors.reshape((n, 1, 1, channels))?)?,
        None => x,
    };
    match half {
        Some(half) => x + enlarge(half, 2)?,
        None => Ok(x),
    }
}

struct ScaleAndAdd<'a> {
    factors: Option<&'a Tensor>,
    half: Option<&'a Tensor>,
}

impl InplaceOp1 for ScaleAndAdd<'_> {
    fn name(&self) -> &'static str {
        "scale-and-add"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (_, height, width, channels) = layout.shape().dims4()?;
        let (CpuStorage::F32(x), Some((start, end))) = (x, layout.contiguous_offsets()) else {
            bail!("the operation needs contiguous f32 tensors");
        };
        let guards = [self.factors, self.half].map(|tensor| tensor.map(Tensor::storage_and_layout));
        let [factors, half] = guards.each_ref().map(|guard| guard.as_ref().map(values).transpose());
        let (factors, half) = (factors?, half?);
        if start == end {
            return Ok(());
        }
        let arch = Arch::new();
        // Row by row of the pictures.
        x[start..end]
            .par_chunks_mut(width * channels)
            .enumerate()
            .with_min_len(TASK.div_ceil(width * channels))
            .for_each(|(row, x)| {
                arch.dispatch(|| {
                    if let Some(factors) = factors {
                        let factors = &factors[row / height * channels..][..channels];
                        for x in x.chunks_exact_mut(channels) {
                            for (x, factor) in x.iter_mut().zip(factors) {
                                *x *= factor;
                            }
                        }
                    }
                    if let Some(half) = half {
                        // Heights are even, so that rows of a batch pair up as those of one picture do.
                        let half = &half[row / 2 * (width / 2) * channels..][..width / 2 * channels];
                        for (pair, half) in x.chunks_exact_mut(2 * channels).zip(half.chunks_exact(channels)) {
                            for x in pair.chunks_exact_mut(channels) {
                                for (x, half) in x.iter_mut().zip(half) {
                                    *x += half;
                                }
                            }
                        }
                    }
                });
            });
        Ok(())
    }
}

/// The sum of 3×3 convolutions of enlarged pictures, from the products of each pixel with each of the nine taps.
///
/// A convolution of a picture whose pixels were repeated multiplies each of them with a tap many times over. Here it is done once,
/// by a 1×1 convolution with a channel per tap and channel of the result, and this adds up what each pixel of the result sees.
/// `parts` are (batch, height / factor, width / factor, 9 · channels), the taps row by row, and their factors.
///
/// # Errors
/// When the enlarged pictures are not of one size, or the tensors are not `f32`.
pub(crate) fn sum_taps(parts: &[(&Tensor, usize)]) -> Result<Tensor> {
    let Some(&(first, factor)) = parts.first() else {
        bail!("no pictures to be summed up");
    };
    let (n, height, width, channels) = first.dims4()?;
    let (height, width, channels) = (height * factor, width * factor, channels / TAPS);
    for &(part, factor) in parts {
        let (count, h, w, c) = part.dims4()?;
        if (count, h * factor, w * factor, c) != (n, height, width, TAPS * channels) {
            bail!(
                "pictures of {:?} and {:?} do not fit together",
                first.shape(),
                part.shape()
            );
        }
    }
    #[cfg(feature = "cuda")]
    if first.device().is_cuda() {
        return cuda::sum_taps(parts, (n, height, width, channels));
    }
    if !first.device().is_cpu() {
        return sum_taps_plain(parts);
    }
    let parts = parts
        .iter()
        .map(|(part, factor)| Ok((part.contiguous()?, factor)))
        .collect::<Result<Vec<_>>>()?;
    let guards: Vec<_> = parts.iter().map(|(part, _)| part.storage_and_layout()).collect();
    let sources = guards
        .iter()
        .zip(&parts)
        .map(|(guard, (_, factor))| Ok((values(guard)?, **factor)));
    let sources = sources.collect::<Result<Vec<_>>>()?;
    let mut out = buffers::take(n * height * width * channels);
    if !out.is_empty() {
        let arch = Arch::new();
        out.par_chunks_mut(width * channels).enumerate().for_each(|(row, out)| {
            let (picture, row) = (row / height, row % height);
            arch.dispatch(|| {
                out.fill(0.0);
                for &(values, factor) in &sources {
                    let line = width / factor * TAPS * channels;
                    let picture = &values[picture * height / factor * line..][..height / factor * line];
                    for tap in 0..TAPS {
                        let Some(row) = (row + tap / 3).checked_sub(1).filter(|row| *row < height) else {
                            continue;
                        };
                        let from = &picture[row / factor * line..][..line];
                        for (column, out) in out.chunks_exact_mut(channels).enumerate() {
                            let Some(column) = (column + tap % 3).checked_sub(1).filter(|column| *column < width)
                            else {
                                continue;
                            };
                            let from = &from[(column / factor * TAPS + tap) * channels..][..channels];
                            for (out, from) in out.iter_mut().zip(from) {
                                *out += from;
                            }
                        }
                    }
                }
            });
        });
    }
    Tensor::from_vec(out, (n, height, width, channels), first.device())
}

/// Taps of a 3×3 kernel.
const TAPS: usize = 9;

/// [`sum_taps`] by candle's operators.
fn sum_taps_plain(parts: &[(&Tensor, usize)]) -> Result<Tensor> {
    let mut sum: Option<Tensor> = None;
    for (part, factor) in parts {
        let part = enlarge(part, *factor)?
            .pad_with_zeros(1, 1, 1)?
            .pad_with_zeros(2, 1, 1)?;
        let (_, height, width, channels) = part.dims4()?;
        let channels = channels / TAPS;
        for tap in 0..TAPS {
            let seen = part.narrow(3, tap * channels, channels)?;
            let seen = seen.narrow(1, tap / 3, height - 2)?.narrow(2, tap % 3, width - 2)?;
            sum = Some(match sum {
                Some(sum) => (sum + seen)?,
                None => seen.contiguous()?,
            });
        }
    }
    sum.ok_or_else(|| candle_core::Error::Msg("no pictures to be summed up".to_owned()))
}

/// Pictures whose channels are 2×2 pixels, each of 2×2 pixels itself: (batch, height, width, 16) to (batch, 4 · height, 4 · width).
///
/// # Errors
/// When the tensor has another shape or is not `f32`.
pub(crate) fn spread_4x4(x: &Tensor) -> Result<Tensor> {
    let (n, height, width, channels) = x.dims4()?;
    if channels != 16 {
        bail!("16 channels are to be spread, got {channels}");
    }
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op1_no_bwd(&Spread);
    }
    // (.., row and column among the first 2×2, row and column in these)
    x.reshape(&[n, height, width, 2, 2, 2, 2][..])?
        .permute([0, 1, 3, 5, 2, 4, 6].as_slice())?
        .reshape((n, 4 * height, 4 * width))
}

struct Spread;

impl CustomOp1 for Spread {
    fn name(&self) -> &'static str {
        "spread-4x4"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (view, pictures) = View::new((x, layout))?;
        let (height, width) = (view.height, view.width);
        let mut out = buffers::take(view.values.len());
        if !out.is_empty() {
            let rows = out.par_chunks_mut(16 * width).zip(view.values.par_chunks(16 * width));
            rows.for_each(|(out, x)| {
                for (line, out) in out.chunks_exact_mut(4 * width).enumerate() {
                    let first = line / 2 * 8 + line % 2 * 2;
                    for (out, x) in out.as_chunks_mut::<4>().0.iter_mut().zip(x.as_chunks::<16>().0) {
                        *out = [0, 1, 4, 5].map(|column| x[first + column]);
                    }
                }
            });
        }
        Ok((CpuStorage::F32(out), Shape::from((pictures, 4 * height, 4 * width))))
    }
}

/// The maximum of each pixel and its neighbours to the right, below, and below to the right, as far as there are any, for every
/// `stride`-th pixel in each direction (ONNX's `MaxPool` of 2×2 with `SAME_UPPER`).
///
/// # Errors
/// When the tensor is not of four dimensions or not `f32`.
pub(crate) fn max_pool_2x2(x: &Tensor, stride: usize) -> Result<Tensor> {
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op1_no_bwd(&MaxPool { stride });
    }
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        return cuda::max_pool_2x2(x, stride);
    }
    x.permute((0, 3, 1, 2))?
        .pad_with_same(2, 0, 1)?
        .pad_with_same(3, 0, 1)?
        .max_pool2d_with_stride(2, stride)?
        .permute((0, 2, 3, 1))
}

struct MaxPool {
    stride: usize,
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool-2x2"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (view, pictures) = View::new((x, layout))?;
        let (height, width) = (view.height.div_ceil(self.stride), view.width.div_ceil(self.stride));
        let channels = view.channels;
        let mut out = buffers::take(pictures * height * width * channels);
        if !out.is_empty() {
            out.par_chunks_mut(width * channels).enumerate().for_each(|(row, out)| {
                max_pool_row(&view, row / height, row % height, self.stride, out);
            });
        }
        Ok((CpuStorage::F32(out), Shape::from((pictures, height, width, channels))))
    }
}

/// Bytes as numbers, as many as fit.
pub(super) fn widen(bytes: &[u8], values: &mut [f32]) {
    Arch::new().dispatch(|| {
        for (byte, value) in bytes.iter().zip(values) {
            *value = f32::from(*byte);
        }
    });
}

/// A row of the result of [`max_pool_2x2`] for a picture.
pub(super) fn max_pool_row(view: &View<'_>, picture: usize, row: usize, stride: usize, out: &mut [f32]) {
    let top = row * stride;
    let below = (top + 1).min(view.height - 1);
    Arch::new().dispatch(|| {
        for (column, out) in out.chunks_exact_mut(view.channels).enumerate() {
            let left = column * stride;
            let right = (left + 1).min(view.width - 1);
            let [a, b, c, d] = [(top, left), (top, right), (below, left), (below, right)]
                .map(|(row, column)| view.pixels(picture, row, column, 1));
            for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *out = a.max(*b).max(c.max(*d));
            }
        }
    });
}

/// The values of a tensor on the CPU.
fn values<'a>((storage, layout): &'a (impl Deref<Target = Storage>, &Layout)) -> Result<&'a [f32]> {
    match &**storage {
        Storage::Cpu(storage) => contiguous((storage, layout)),
        _ => bail!("the operation needs tensors on the CPU"),
    }
}

/// Each pixel repeated, by candle's operators.
fn enlarge(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (_, height, width, _) = x.dims4()?;
    x.permute((0, 3, 1, 2))?
        .contiguous()?
        .upsample_nearest2d(height * factor, width * factor)?
        .permute((0, 2, 3, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::samples::randn;
    use candle_core::{DType, Device};

    const SHAPES: [(usize, usize, usize, usize); 4] = [(1, 2, 2, 1), (2, 6, 8, 3), (1, 34, 30, 70), (3, 200, 190, 2)];

    fn worst(a: &Tensor, b: &Tensor) -> Result<f32> {
        (a - b)?.abs()?.flatten_all()?.max(0)?.to_scalar()
    }

    #[test]
    fn equal_the_plain_expressions() -> Result<()> {
        for (n, h, w, c) in SHAPES {
            let x = randn((n, h, w, c))?;
            assert!(worst(&channel_means(&x)?, &x.mean((1, 2))?)? < 1e-5);

            let (factors, half) = (randn((n, c))?, randn((n, h / 2, w / 2, c))?);
            let scaled = x.broadcast_mul(&factors.reshape((n, 1, 1, c))?)?;
            let enlarged = enlarge(&half, 2)?;
            assert_eq!(worst(&scale_and_add(x.copy()?, Some(&factors), None)?, &scaled)?, 0.0);
            assert_eq!(
                worst(&scale_and_add(x.copy()?, None, Some(&half))?, &(&x + &enlarged)?)?,
                0.0
            );
            let both = scale_and_add(x.copy()?, Some(&factors), Some(&half))?;
            assert!(worst(&both, &(scaled + &enlarged)?)? < 1e-6);

            let taps = [(&randn((n, h, w, 9 * c))?, 1), (&randn((n, h / 2, w / 2, 9 * c))?, 2)];
            assert!(worst(&sum_taps(&taps)?, &sum_taps_plain(&taps)?)? < 2e-5);
        }
        Ok(())
    }

    #[test]
    fn spreading_equals_candles_permutation() -> Result<()> {
        let x = randn((2, 3, 5, 16))?;
        let expected = x
            .reshape(&[2, 3, 5, 2, 2, 2, 2][..])?
            .permute([0, 1, 3, 5, 2, 4, 6].as_slice())?
            .reshape((2, 12, 20))?;
        assert_eq!(worst(&spread_4x4(&x)?, &expected)?, 0.0);
        Ok(())
    }

    #[test]
    fn pooling_equals_candles_of_the_padded_picture() -> Result<()> {
        for (n, h, w, c) in [(1, 1, 1, 1), (2, 5, 7, 3), (1, 1, 9, 4), (1, 33, 1, 2), (1, 40, 61, 24)] {
            let x = randn((n, h, w, c))?;
            for stride in [1, 2] {
                let expected = x
                    .permute((0, 3, 1, 2))?
                    .pad_with_same(2, 0, 1)?
                    .pad_with_same(3, 0, 1)?
                    .max_pool2d_with_stride(2, stride)?
                    .permute((0, 2, 3, 1))?;
                assert_eq!(worst(&max_pool_2x2(&x, stride)?, &expected)?, 0.0);
            }
        }
        Ok(())
    }

    #[test]
    fn refuse_shapes_that_do_not_fit() -> Result<()> {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
        let x = zeros(&[2, 5, 4, 3])?;
        assert!(scale_and_add(x.copy()?, Some(&zeros(&[1, 3])?), None).is_err());
        assert!(
            scale_and_add(x.copy()?, None, Some(&zeros(&[2, 2, 2, 3])?)).is_err(),
            "odd height"
        );
        assert!(sum_taps(&[]).is_err());
        let taps = zeros(&[2, 5, 4, 27])?;
        assert!(sum_taps(&[(&taps, 1), (&taps, 2)]).is_err());
        assert_eq!(channel_means(&zeros(&[2, 0, 4, 3])?)?.dims(), [2, 3]);
        Ok(())
    }
}
