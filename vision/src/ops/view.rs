//! Where pixels lie.

use candle_core::{CpuStorage, Layout, Result, bail};

/// Pictures whose channels lie next to each other, (batch, height, width, channels), or some rows of one.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) values: &'a [f32],
    /// The row that the values begin with.
    pub(super) top: usize,
    /// Of whole pictures.
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
}

impl<'a> View<'a> {
    /// The pictures in a tensor, and how many there are.
    pub(super) fn new((storage, layout): (&'a CpuStorage, &Layout)) -> Result<(Self, usize)> {
        let (pictures, height, width, channels) = layout.shape().dims4()?;
        let view = View {
            values: contiguous((storage, layout))?,
            top: 0,
            height,
            width,
            channels,
        };
        Ok((view, pictures))
    }

    /// The channels of `count` pixels next to each other.
    #[inline(always)]
    pub(super) fn pixels(&self, picture: usize, row: usize, column: usize, count: usize) -> &'a [f32] {
        let first = (picture * self.height + row) * self.width + column;
        &self.from(first)[..count * self.channels]
    }

    /// The channels of a pixel and of all after it; pixels are counted row by row, picture by picture.
    #[inline(always)]
    pub(super) fn from(&self, pixel: usize) -> &'a [f32] {
        &self.values[(pixel - self.top * self.width) * self.channels..]
    }

    /// A picture's height, width and channels, without values.
    pub(super) fn shape((height, width, channels): (usize, usize, usize)) -> View<'static> {
        View {
            values: &[],
            top: 0,
            height,
            width,
            channels,
        }
    }
}

/// The values of a tensor that lie one after the other.
pub(super) fn contiguous<'a>((storage, layout): (&'a CpuStorage, &Layout)) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&values[start..end]),
        _ => bail!("the operation needs contiguous f32 tensors"),
    }
}

/// Pixels next to each other in one row of one picture.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) picture: usize,
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) count: usize,
}

impl Run {
    /// Pixels `first..first + count` of pictures of this height and width, row by row, each with the number of those before it.
    pub(super) fn over(
        (height, width): (usize, usize),
        first: usize,
        count: usize,
    ) -> impl Iterator<Item = (usize, Run)> {
        let mut done = 0;
        std::iter::from_fn(move || {
            let (pixel, before) = (first + done, done);
            let column = pixel % width;
            let count = (count - done).min(width - column);
            done += count;
            let run = Run {
                picture: pixel / (height * width),
                row: pixel / width % height,
                column,
                count,
            };
            (count > 0).then_some((before, run))
        })
    }
}
