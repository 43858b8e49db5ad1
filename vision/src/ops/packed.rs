//! What a layer computes on a CPU: rows gathered from a picture, multiplied with packed matrices.

use std::ops::Range;

use candle_core::{Result, bail};
use pulp::{Arch, Simd, WithSimd};

use super::buffers::Buffer;
use super::depthwise::Depthwise;
use super::panels::Panels;
use super::patches::Patches;
use super::plain::Plain;
use super::rows::{Out, Rows};
use super::view::{Run, View};

/// Values of intermediate rows that one task has at hand: they stay in the second level of the cache beside a panel.
const AT_HAND: usize = 16 * 1024;

/// A layer whose weights are packed.
pub(super) struct Packed {
    gather: Gather,
    pointwise: Pointwise,
    /// Whether the matrix products add to what they get.
    residual: bool,
}

/// Where the rows of a matrix product come from.
enum Gather {
    /// The pixels themselves, of so many channels.
    Pixels(usize),
    /// The pixels under a kernel, side by side.
    Patches(Patches),
    /// The result of a depthwise convolution.
    Depthwise(Depthwise),
}

enum Pointwise {
    None,
    One(Panels),
    Two(Panels, Panels),
}

impl Packed {
    /// Packs the weights of a layer.
    ///
    /// # Errors
    /// Where a depthwise convolution is none that this can compute.
    pub(super) fn pack(plain: &Plain) -> Result<Self> {
        let gather = match (plain.filter(), plain.pointwise()) {
            (Some(filter), _) => Gather::Depthwise(Depthwise::pack(filter, plain.pool())?),
            (None, [first, ..]) => {
                let (_, channels, height, width) = first.kernel.dims4()?;
                match first.is_pointwise() {
                    true => Gather::Pixels(channels),
                    false => Gather::Patches(Patches {
                        channels,
                        size: (height, width),
                        stride: first.stride,
                    }),
                }
            }
            (None, []) => bail!("a layer has at least one convolution"),
        };
        let pointwise = match plain.pointwise() {
            [] => Pointwise::None,
            [one] => Pointwise::One(Panels::pack(one)?),
            [one, two, ..] => Pointwise::Two(Panels::pack(one)?, Panels::pack(two)?),
        };
        Ok(Self {
            gather,
            pointwise,
            residual: plain.residual(),
        })
    }

    /// Whether channels can have factors.
    pub(super) fn takes_factors(&self) -> bool {
        matches!(self.gather, Gather::Pixels(_))
    }

    /// Channels of the result.
    fn columns(&self) -> usize {
        match &self.pointwise {
            Pointwise::None => self.gather.row(),
            Pointwise::One(last) | Pointwise::Two(_, last) => last.columns(),
        }
    }

    /// Values of a pixel after the first matrix product.
    pub(super) fn first_columns(&self) -> usize {
        match &self.pointwise {
            Pointwise::None => 0,
            Pointwise::One(first) | Pointwise::Two(first, _) => first.columns(),
        }
    }

    /// Height, width and channels of the result: a view without values.
    ///
    /// # Errors
    /// When the picture has other channels than the layer takes.
    pub(super) fn shape_out(&self, view: &View<'_>) -> Result<View<'static>> {
        let channels = self.gather.channels();
        if view.channels != channels {
            bail!("a picture of {channels} channels is needed, got {}", view.channels);
        }
        let (height, width) = self.gather.size_out((view.height, view.width));
        Ok(View::shape((height, width, self.columns())))
    }

    /// The rows of a picture of this height that rows of the result follow from.
    pub(super) fn rows_in(&self, rows: &Range<usize>, height: usize) -> Range<usize> {
        let (size, stride) = match &self.gather {
            Gather::Pixels(_) => (1, 1),
            Gather::Patches(patches) => (patches.size.0, patches.stride.0),
            Gather::Depthwise(filters) => filters.reach(),
        };
        let before = (size - 1) / 2;
        let below = (rows.end * stride + size).saturating_sub(stride + before);
        (rows.start * stride).saturating_sub(before)..below.min(height)
    }
}

impl Gather {
    /// Channels of the picture.
    fn channels(&self) -> usize {
        match self {
            Gather::Pixels(channels) => *channels,
            Gather::Patches(patches) => patches.channels,
            Gather::Depthwise(filters) => filters.channels(),
        }
    }

    /// Values of a row.
    fn row(&self) -> usize {
        match self {
            Gather::Pixels(channels) => *channels,
            Gather::Patches(patches) => patches.size.0 * patches.size.1 * patches.channels,
            Gather::Depthwise(filters) => filters.channels(),
        }
    }

    /// Height and width of the result.
    fn size_out(&self, size: (usize, usize)) -> (usize, usize) {
        match self {
            Gather::Pixels(_) => size,
            Gather::Patches(patches) => (size.0.div_ceil(patches.stride.0), size.1.div_ceil(patches.stride.1)),
            Gather::Depthwise(filters) => filters.size_out(size),
        }
    }
}

/// A layer at work on pictures.
pub(super) struct Task<'a> {
    pub(super) packed: &'a Packed,
    pub(super) view: View<'a>,
    /// One per picture and channel.
    pub(super) factors: Option<&'a [f32]>,
    /// What is added to the first matrix product.
    pub(super) base: Option<View<'a>>,
    /// Height and width of the result.
    pub(super) size: (usize, usize),
}

/// Rows that were gathered, and those between two matrix products.
pub(super) struct Scratch {
    rows: Buffer,
    hidden: Buffer,
}

impl Task<'_> {
    /// Pixels of the result that are best computed at once.
    pub(super) fn at_hand(&self) -> usize {
        (AT_HAND / (self.row_stride() + self.hidden_stride()).max(1)).max(12)
    }

    /// Computes pixels of the result from `first` on, as many as there are in `out`; there is space for them in `scratch`.
    pub(super) fn compute(&self, first: usize, scratch: &mut Scratch, out: &mut [f32]) {
        Arch::new().dispatch(Part {
            task: self,
            first,
            scratch,
            out,
        });
    }

    /// Whether the picture's own values are the rows.
    fn direct(&self) -> bool {
        self.packed.takes_factors() && self.factors.is_none()
    }

    fn row_stride(&self) -> usize {
        if self.direct() {
            self.packed.gather.row()
        } else {
            apart(self.packed.gather.row())
        }
    }

    fn hidden_stride(&self) -> usize {
        match &self.packed.pointwise {
            Pointwise::Two(first, _) => apart(first.columns()),
            _ => 0,
        }
    }

    /// Space for so many pixels.
    pub(super) fn scratch(&self, pixels: usize) -> Scratch {
        let rows = match &self.packed.pointwise {
            Pointwise::None => 0,
            _ if self.direct() => 0,
            _ => pixels * self.row_stride(),
        };
        Scratch {
            rows: Buffer::new(rows),
            hidden: Buffer::new(pixels * self.hidden_stride()),
        }
    }

    /// Gathers the pixels of a run into rows.
    #[inline(always)]
    fn fill<S: Simd>(&self, simd: S, run: Run, out: &mut [f32], stride: usize) {
        match &self.packed.gather {
            Gather::Pixels(channels) => {
                let pixels = self.view.pixels(run.picture, run.row, run.column, run.count);
                let factors = self
                    .factors
                    .map(|factors| &factors[run.picture * channels..][..*channels]);
                for (out, pixel) in out.chunks_mut(stride).zip(pixels.chunks_exact(*channels)) {
                    let out = &mut out[..*channels];
                    match factors {
                        Some(factors) => {
                            for ((out, value), factor) in out.iter_mut().zip(pixel).zip(factors) {
                                *out = value * factor;
                            }
                        }
                        None => out.copy_from_slice(pixel),
                    }
                }
            }
            Gather::Patches(patches) => patches.fill(&self.view, run, out, stride),
            Gather::Depthwise(filters) => filters.fill(simd, &self.view, run, out, stride),
        }
    }

    /// The first matrix product, of pixels `first..`: as many as there are rows in `out`.
    #[inline(always)]
    fn multiply<S: Simd>(&self, simd: S, panels: &Panels, first: usize, rows: &mut [f32], mut out: Out<'_>) {
        if let Some(base) = self.base {
            let base = base.from(first).chunks_exact(panels.columns());
            for (out, base) in out.values.chunks_exact_mut(out.stride).zip(base) {
                out[..panels.columns()].copy_from_slice(base);
            }
            out.add = true;
        }
        let (stride, count) = (self.row_stride(), out.values.len() / out.stride);
        if self.direct() {
            let values = &self.view.from(first)[..count * stride];
            return panels.multiply(simd, Rows::whole(values, stride), out);
        }
        if let Gather::Patches(patches) = &self.packed.gather {
            for (before, run) in Run::over(self.size, first, count) {
                self.multiply_patches(simd, patches, panels, run, rows, out.part(before, run.count));
            }
            return;
        }
        let rows = &mut rows[..count * stride];
        for (before, run) in Run::over(self.size, first, count) {
            self.fill(simd, run, &mut rows[before * stride..], stride);
        }
        panels.multiply(simd, Rows::whole(rows, stride), out);
    }

    /// The product of a run's patches: those in the middle are read where they lie, those over the picture's edge are copied.
    #[inline(always)]
    fn multiply_patches<S: Simd>(
        &self,
        simd: S,
        patches: &Patches,
        panels: &Panels,
        run: Run,
        rows: &mut [f32],
        mut out: Out<'_>,
    ) {
        let inside = patches.inside(&self.view, run);
        let (before, count) = inside.map_or((run.count, 0), |(before, count, _)| (before, count));
        if let Some((_, _, (row, column))) = inside {
            let View { height, width, .. } = self.view;
            let x = Rows {
                values: self.view.from((run.picture * height + row) * width + column),
                stride: patches.stride.1 * self.view.channels,
                piece: width * self.view.channels,
            };
            panels.multiply(simd, x, out.part(before, count));
        }
        for (first, end) in [(0, before), (before + count, run.count)] {
            if first < end {
                let stride = self.row_stride();
                let edge = Run {
                    column: run.column + first,
                    count: end - first,
                    ..run
                };
                let rows = &mut rows[..edge.count * stride];
                patches.fill(&self.view, edge, rows, stride);
                let x = Rows {
                    piece: patches.line(),
                    ..Rows::whole(rows, stride)
                };
                panels.multiply(simd, x, out.part(first, edge.count));
            }
        }
    }
}

/// From one row to the next: not such that the same place in several rows falls into the same set of the cache.
fn apart(values: usize) -> usize {
    if values.is_multiple_of(512) {
        values + 16
    } else {
        values
    }
}

/// Some pixels of the result.
struct Part<'a> {
    task: &'a Task<'a>,
    first: usize,
    scratch: &'a mut Scratch,
    out: &'a mut [f32],
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Part {
            task,
            first,
            scratch,
            out,
        } = self;
        let columns = task.packed.columns();
        let count = out.len() / columns;
        match &task.packed.pointwise {
            Pointwise::None => {
                for (before, run) in Run::over(task.size, first, count) {
                    task.fill(simd, run, &mut out[before * columns..], columns);
                }
            }
            Pointwise::One(panels) => task.multiply(simd, panels, first, &mut scratch.rows, Out::new(out, columns)),
            Pointwise::Two(one, two) => {
                let stride = task.hidden_stride();
                let hidden = &mut scratch.hidden[..count * stride];
                task.multiply(simd, one, first, &mut scratch.rows, Out::new(hidden, stride));
                two.multiply(simd, Rows::whole(hidden, stride), Out::new(out, columns));
            }
        }
        if task.packed.residual {
            let stride = task.row_stride();
            let rows = match task.direct() {
                true => task.view.from(first),
                false => &*scratch.rows,
            };
            for (out, row) in out.chunks_exact_mut(columns).zip(rows.chunks(stride)) {
                for (out, value) in out.iter_mut().zip(row) {
                    *out += value;
                }
            }
        }
    }
}
