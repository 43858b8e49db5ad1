//! Layers: a convolution and what comes after it, in one pass over the picture.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::activation::Activation;
use super::buffers;
use super::depthwise::Depthwise;
use super::panels::{Out, Panels, Rows};
use super::view::{Run, View, contiguous};

/// Values of intermediate rows that one task has at hand: they stay in the second level of the cache beside a panel.
const AT_HAND: usize = 16 * 1024;

/// A convolution as a model file describes it. The picture is padded with zeros such that a stride of 1 keeps its size; where the
/// kernel's size is even, there is more padding after the picture than before it (ONNX's `SAME_UPPER`).
#[derive(Debug, Clone)]
pub struct Convolution {
    /// (channels out, channels in, height, width), or (channels, 1, height, width) for a depthwise convolution.
    pub kernel: Tensor,
    /// (channels out)
    pub bias: Tensor,
    /// Whether each channel has a filter of its own and sees no other.
    pub depthwise: bool,
    /// Down and to the right.
    pub stride: (usize, usize),
    /// What comes after it.
    pub activation: Activation,
    /// With what its products are made.
    pub precision: Precision,
}

/// The precision of the factors in a convolution's products; their sums are `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// `f32`
    #[default]
    Single,
    /// bfloat16, 8 bits of which are the fraction, for 1×1 convolutions on a GPU, and on a CPU with instructions for it
    /// (AVX512-BF16), where channels come in whole vectors. `f32` elsewhere.
    Half,
}

impl Convolution {
    /// By candle's operators, with channels first. `base` is added before the activation.
    fn plain(&self, x: &Tensor, base: Option<&Tensor>) -> Result<Tensor> {
        let (_, _, height, width) = self.kernel.dims4()?;
        let x = x
            .pad_with_zeros(2, (height - 1) / 2, height / 2)?
            .pad_with_zeros(3, (width - 1) / 2, width / 2)?;
        let groups = if self.depthwise { x.dim(1)? } else { 1 };
        // candle's strides are the same in both directions.
        let stride = self.stride.0.min(self.stride.1);
        let mut y = x.conv2d(&self.kernel, 0, stride, 1, groups)?;
        for (dim, step) in [(2, self.stride.0 / stride), (3, self.stride.1 / stride)] {
            if step > 1 {
                let kept: Vec<u32> = (0..y.dim(dim)? as u32).step_by(step).collect();
                y = y.index_select(&Tensor::new(kept, y.device())?, dim)?;
            }
        }
        y = y.broadcast_add(&self.bias.reshape((1, (), 1, 1))?)?;
        if let Some(base) = base {
            y = (y + base)?;
        }
        self.activation.plain(&y)
    }
}

/// A convolution and up to two 1×1 convolutions after it, over pictures whose channels lie next to each other: (batch, height,
/// width, channels).
///
/// On a CPU its weights are packed and everything between its input and its result stays in the cache; on a GPU of NVIDIA it runs
/// kernels of its own; elsewhere it is the expression by candle's operators that both are tested against.
pub(crate) struct Layer {
    work: Work,
    /// Whether the 1×1 convolutions add to what they get.
    residual: bool,
}

enum Work {
    Packed(Box<Packed>),
    #[cfg(feature = "cuda")]
    Cuda(Box<super::cuda::Program>),
    Plain {
        convolutions: Vec<Convolution>,
        pool: bool,
    },
}

struct Packed {
    gather: Gather,
    mixes: Mixes,
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

enum Mixes {
    None,
    One(Panels),
    Two(Panels, Panels),
}

struct Patches {
    channels: usize,
    size: (usize, usize),
    stride: (usize, usize),
}

impl Layer {
    /// A layer of these convolutions: one of any kind, then up to two 1×1 convolutions of stride 1.
    pub(crate) fn new(convolutions: Vec<Convolution>) -> Result<Self> {
        Self::build(convolutions, false, false)
    }

    /// The same, whose 1×1 convolutions add to what they get: to the result of the depthwise convolution before them or, where there
    /// is none, to the picture.
    pub(crate) fn residual(convolutions: Vec<Convolution>) -> Result<Self> {
        Self::build(convolutions, false, true)
    }

    /// The same as [`Layer::new`], with the maximum of each 2×2 pixels after the first convolution, a depthwise one.
    pub(crate) fn pooled(convolutions: Vec<Convolution>) -> Result<Self> {
        Self::build(convolutions, true, false)
    }

    fn build(convolutions: Vec<Convolution>, pool: bool, residual: bool) -> Result<Self> {
        let Some((first, rest)) = convolutions.split_first() else {
            bail!("a layer has at least one convolution");
        };
        #[cfg(feature = "cuda")]
        if first.kernel.device().is_cuda() {
            let program = super::cuda::Program::new(&convolutions, pool, residual)?;
            return Ok(Self {
                work: Work::Cuda(Box::new(program)),
                residual,
            });
        }
        if !first.kernel.device().is_cpu() {
            return Ok(Self {
                work: Work::Plain { convolutions, pool },
                residual,
            });
        }
        let (_, channels, height, width) = first.kernel.dims4()?;
        let (gather, mut mixes) = if first.depthwise {
            let filters = Depthwise::pack(&first.kernel, &first.bias, &first.activation, first.stride, pool)?;
            (Gather::Depthwise(filters), vec![])
        } else if pool {
            bail!("only a depthwise convolution is pooled");
        } else if (height, width, first.stride) == (1, 1, (1, 1)) {
            (Gather::Pixels(channels), vec![first])
        } else {
            let patches = Patches {
                channels,
                size: (height, width),
                stride: first.stride,
            };
            (Gather::Patches(patches), vec![first])
        };
        mixes.extend(rest);
        let packed = mixes.into_iter().enumerate().map(|(at, mix)| {
            let (columns, channels, height, width) = mix.kernel.dims4()?;
            if at > 0 && (mix.depthwise || (height, width, mix.stride) != (1, 1, (1, 1))) {
                bail!(
                    "only 1×1 convolutions follow a layer's first one, got {:?}",
                    mix.kernel.shape()
                );
            }
            let kernel = mix
                .kernel
                .permute((0, 2, 3, 1))?
                .reshape((columns, height, width * channels))?;
            Panels::pack(&kernel, &mix.bias, &mix.activation, mix.precision)
        });
        let packed = packed.collect::<Result<Vec<_>>>()?;
        let mut packed = packed.into_iter();
        let mixes = match (packed.next(), packed.next(), packed.next()) {
            (None, ..) => Mixes::None,
            (Some(one), None, _) => Mixes::One(one),
            (Some(one), Some(two), None) => Mixes::Two(one, two),
            _ => bail!("a layer has at most two 1×1 convolutions"),
        };
        let layer = Self {
            work: Work::Packed(Box::new(Packed { gather, mixes })),
            residual,
        };
        layer.check()
    }

    /// That each part gets what the one before it gives.
    fn check(self) -> Result<Self> {
        let Work::Packed(packed) = &self.work else {
            return Ok(self);
        };
        let Packed { gather, mixes } = &**packed;
        let mut given = gather.row();
        let steps: &[&Panels] = match mixes {
            Mixes::None => &[],
            Mixes::One(one) => &[one],
            Mixes::Two(one, two) => &[one, two],
        };
        for mix in steps {
            if mix.inner() != given {
                bail!("a convolution of {} values does not fit one of {given}", mix.inner());
            }
            given = mix.columns();
        }
        if self.residual && (given != gather.row() || matches!(gather, Gather::Patches(_))) {
            bail!("{given} channels cannot be added to {}", gather.row());
        }
        Ok(self)
    }

    /// (batch, height, width, channels in) to (batch, height / stride, width / stride, channels out), sizes rounded up.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.work {
            Work::Packed(_) => x.contiguous()?.apply_op1_no_bwd(self),
            #[cfg(feature = "cuda")]
            Work::Cuda(program) => program.forward(x, None, None),
            Work::Plain { convolutions, pool } => plain(x, convolutions, *pool, self.residual, None),
        }
    }

    /// The same where nothing else uses `x`, a layer's result: its memory is used again.
    pub(crate) fn consume(&self, x: Tensor) -> Result<Tensor> {
        let y = self.forward(&x)?;
        buffers::recycle(x);
        Ok(y)
    }

    /// The same for `x` times factors, one per picture and channel: (batch, channels).
    pub(crate) fn forward_scaled(&self, x: &Tensor, factors: &Tensor) -> Result<Tensor> {
        match &self.work {
            Work::Packed(_) => x.contiguous()?.apply_op2_no_bwd(&factors.contiguous()?, &Scaled(self)),
            #[cfg(feature = "cuda")]
            Work::Cuda(program) => program.forward(x, Some(factors), None),
            Work::Plain { convolutions, pool } => {
                let (n, channels) = factors.dims2()?;
                let x = x.broadcast_mul(&factors.reshape((n, 1, 1, channels))?)?;
                plain(&x, convolutions, *pool, self.residual, None)
            }
        }
    }

    /// The same with `base` added to the first matrix product before its activation: a convolution of channels side by side is the sum
    /// of two, and they need not be brought side by side. Both are layers' results that nothing else uses.
    pub(crate) fn consume_onto(&self, x: Tensor, base: Tensor) -> Result<Tensor> {
        let y = match &self.work {
            Work::Packed(_) => x.contiguous()?.apply_op2_no_bwd(&base.contiguous()?, &Onto(self))?,
            #[cfg(feature = "cuda")]
            Work::Cuda(program) => program.forward(&x, None, Some(&base))?,
            Work::Plain { convolutions, pool } => plain(&x, convolutions, *pool, self.residual, Some(&base))?,
        };
        buffers::recycle(x);
        buffers::recycle(base);
        Ok(y)
    }

    fn run(
        &self,
        x: (&CpuStorage, &Layout),
        factors: Option<&[f32]>,
        base: Option<&[f32]>,
    ) -> Result<(CpuStorage, Shape)> {
        let Work::Packed(packed) = &self.work else {
            bail!("a layer for another device was given a picture on the CPU");
        };
        let Packed { gather, mixes } = &**packed;
        let (view, pictures) = View::new(x)?;
        if view.channels != gather.channels() {
            bail!(
                "a picture of {} channels is needed, got {}",
                gather.channels(),
                view.channels
            );
        }
        if let Some(factors) = factors
            && (!matches!(gather, Gather::Pixels(_)) || factors.len() != pictures * view.channels)
        {
            bail!("{} factors do not fit {pictures} pictures", factors.len());
        }
        let size = gather.size_out((view.height, view.width));
        let pixels = pictures * size.0 * size.1;
        let task = Task {
            view,
            factors,
            base,
            gather,
            mixes,
            residual: self.residual,
            size,
        };
        if let Some(base) = base
            && base.len() != pixels * task.first_columns()
        {
            bail!("{} values cannot be added to {pixels} pixels", base.len());
        }
        let columns = task.columns();
        let mut out = buffers::take(pixels * columns);
        if pixels * columns > 0 {
            let at_hand = AT_HAND / (task.row_stride() + task.hidden_stride()).max(1);
            let per_task = pixels.div_ceil(rayon::current_num_threads()).clamp(1, at_hand.max(12));
            let arch = Arch::new();
            out.par_chunks_mut(per_task * columns).enumerate().for_each_init(
                || task.scratch(per_task),
                |scratch, (at, out)| {
                    arch.dispatch(Part {
                        task: &task,
                        first: at * per_task,
                        scratch,
                        out,
                    });
                },
            );
        }
        Ok((CpuStorage::F32(out), Shape::from((pictures, size.0, size.1, columns))))
    }
}

/// The layer by candle's operators.
pub(super) fn plain(
    x: &Tensor,
    convolutions: &[Convolution],
    pool: bool,
    residual: bool,
    base: Option<&Tensor>,
) -> Result<Tensor> {
    let mut x = x.permute((0, 3, 1, 2))?.contiguous()?;
    let (filters, mixes) = convolutions.split_at(convolutions.iter().take_while(|first| first.depthwise).count());
    for filter in filters {
        x = filter.plain(&x, None)?;
    }
    if pool {
        x = x.max_pool2d(2)?;
    }
    let mut base = base.map(|base| base.permute((0, 3, 1, 2))).transpose()?;
    let mut y = x.clone();
    for mix in mixes {
        y = mix.plain(&y, base.take().as_ref())?;
    }
    if residual {
        y = (y + x)?;
    }
    y.permute((0, 2, 3, 1))?.contiguous()
}

impl CustomOp1 for Layer {
    fn name(&self) -> &'static str {
        "layer"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.run((x, layout), None, None)
    }
}

/// A layer of a picture and its factors.
struct Scaled<'a>(&'a Layer);

impl CustomOp2 for Scaled<'_> {
    fn name(&self) -> &'static str {
        "layer-scaled"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, factors: &CpuStorage, lf: &Layout) -> Result<(CpuStorage, Shape)> {
        self.0.run((x, lx), Some(contiguous((factors, lf))?), None)
    }
}

/// A layer of a picture and what is added to its first matrix product.
struct Onto<'a>(&'a Layer);

impl CustomOp2 for Onto<'_> {
    fn name(&self) -> &'static str {
        "layer-onto"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, base: &CpuStorage, lb: &Layout) -> Result<(CpuStorage, Shape)> {
        self.0.run((x, lx), None, Some(contiguous((base, lb))?))
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

impl Patches {
    /// Values of a kernel's row.
    fn line(&self) -> usize {
        self.size.1 * self.channels
    }

    /// The pixels of a run whose patches lie whole in the picture: they need not be copied. The first of them, how many, and where
    /// the first one's patch begins in its picture's rows.
    fn inside(&self, view: &View<'_>, run: Run) -> Option<(usize, usize, (usize, usize))> {
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
    fn fill(&self, view: &View<'_>, run: Run, out: &mut [f32], stride: usize) {
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

/// What all parts of one run of a layer share.
struct Task<'a> {
    view: View<'a>,
    factors: Option<&'a [f32]>,
    /// What is added to the first matrix product.
    base: Option<&'a [f32]>,
    gather: &'a Gather,
    mixes: &'a Mixes,
    residual: bool,
    /// Height and width of the result.
    size: (usize, usize),
}

/// Rows that were gathered, and those between two matrix products.
struct Scratch {
    rows: Vec<f32>,
    hidden: Vec<f32>,
}

impl Task<'_> {
    /// Whether the picture's own values are the rows.
    fn direct(&self) -> bool {
        matches!(self.gather, Gather::Pixels(_)) && self.factors.is_none()
    }

    fn columns(&self) -> usize {
        match self.mixes {
            Mixes::None => self.gather.row(),
            Mixes::One(last) | Mixes::Two(_, last) => last.columns(),
        }
    }

    /// Values of a pixel after the first matrix product.
    fn first_columns(&self) -> usize {
        match self.mixes {
            Mixes::None => 0,
            Mixes::One(first) | Mixes::Two(first, _) => first.columns(),
        }
    }

    fn row_stride(&self) -> usize {
        if self.direct() {
            self.gather.row()
        } else {
            apart(self.gather.row())
        }
    }

    fn hidden_stride(&self) -> usize {
        match self.mixes {
            Mixes::Two(first, _) => apart(first.columns()),
            _ => 0,
        }
    }

    fn scratch(&self, pixels: usize) -> Scratch {
        let rows = match self.mixes {
            Mixes::None => 0,
            _ if self.direct() => 0,
            _ => pixels * self.row_stride(),
        };
        Scratch {
            rows: vec![0.0; rows],
            hidden: vec![0.0; pixels * self.hidden_stride()],
        }
    }

    /// Gathers the pixels of a run into rows.
    #[inline(always)]
    fn fill<S: Simd>(&self, simd: S, run: Run, out: &mut [f32], stride: usize) {
        match self.gather {
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
    fn mix<S: Simd>(&self, simd: S, mix: &Panels, first: usize, rows: &mut [f32], mut out: Out<'_>) {
        if let Some(base) = self.base {
            let base = base[first * mix.columns()..].chunks_exact(mix.columns());
            for (out, base) in out.values.chunks_exact_mut(out.stride).zip(base) {
                out[..mix.columns()].copy_from_slice(base);
            }
            out.add = true;
        }
        let (stride, count) = (self.row_stride(), out.values.len() / out.stride);
        if self.direct() {
            let values = &self.view.values[first * stride..][..count * stride];
            return mix.multiply(simd, Rows::whole(values, stride), out);
        }
        if let Gather::Patches(patches) = self.gather {
            for (before, run) in Run::over(self.size, first, count) {
                self.mix_patches(simd, patches, mix, run, rows, out.part(before, run.count));
            }
            return;
        }
        let rows = &mut rows[..count * stride];
        for (before, run) in Run::over(self.size, first, count) {
            self.fill(simd, run, &mut rows[before * stride..], stride);
        }
        mix.multiply(simd, Rows::whole(rows, stride), out);
    }

    /// The product of a run's patches: those in the middle are read where they lie, those over the picture's edge are copied.
    #[inline(always)]
    fn mix_patches<S: Simd>(
        &self,
        simd: S,
        patches: &Patches,
        mix: &Panels,
        run: Run,
        rows: &mut [f32],
        mut out: Out<'_>,
    ) {
        let inside = patches.inside(&self.view, run);
        let (before, count) = inside.map_or((run.count, 0), |(before, count, _)| (before, count));
        if let Some((_, _, (row, column))) = inside {
            let line = self.view.width * self.view.channels;
            let pixels = &self.view.values[run.picture * self.view.height * line..][..self.view.height * line];
            let x = Rows {
                values: &pixels[row * line + column * self.view.channels..],
                stride: patches.stride.1 * self.view.channels,
                piece: line,
            };
            mix.multiply(simd, x, out.part(before, count));
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
                mix.multiply(simd, x, out.part(first, edge.count));
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
        let columns = task.columns();
        let count = out.len() / columns;
        match task.mixes {
            Mixes::None => {
                for (before, run) in Run::over(task.size, first, count) {
                    task.fill(simd, run, &mut out[before * columns..], columns);
                }
            }
            Mixes::One(mix) => task.mix(simd, mix, first, &mut scratch.rows, Out::new(out, columns)),
            Mixes::Two(one, two) => {
                let stride = task.hidden_stride();
                let hidden = &mut scratch.hidden[..count * stride];
                task.mix(simd, one, first, &mut scratch.rows, Out::new(hidden, stride));
                two.multiply(simd, Rows::whole(hidden, stride), Out::new(out, columns));
            }
        }
        if task.residual {
            let stride = task.row_stride();
            let rows = match task.direct() {
                true => &task.view.values[first * stride..],
                false => &scratch.rows,
            };
            for (out, row) in out.chunks_exact_mut(columns).zip(rows.chunks(stride)) {
                for (out, value) in out.iter_mut().zip(row) {
                    *out += value;
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "layer_tests.rs"]
mod tests;
