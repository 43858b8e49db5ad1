//! Layers computed in tiles: a few rows of each, then the next few. What lies between the layers never is a whole picture and stays
//! in the cache.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::buffers::{self, Buffer};
use super::elementwise::{max_pool_2x2, max_pool_row, widen};
use super::layer::Layer;
use super::packed::{Packed, Scratch, Task};
use super::view::View;

/// Values between the layers of a tile, beyond which it is not made higher: about what the second level of the cache holds. Tests
/// have small pictures, of which there are to be several tiles, too.
const AT_HAND: usize = if cfg!(test) { 2048 } else { 256 * 1024 };

/// Layers that look at a picture and at each other's results; the last one's result is that of all.
#[derive(Default)]
pub(crate) struct Tiling {
    steps: Vec<Step>,
}

/// Something that a step can look at: the picture, or the result of an earlier step.
#[derive(Clone, Copy)]
pub(crate) struct Source(usize);

struct Step {
    work: Work,
    of: Source,
}

enum Work {
    Layer(Box<Layer>),
    /// With this added to its first matrix product.
    Add(Box<Layer>, Source),
    /// The maximum of each 2×2 pixels.
    Maximum,
}

impl Tiling {
    /// What the first step looks at.
    pub(crate) const PICTURE: Source = Source(0);

    /// Layers of which each looks at the result of the one before.
    pub(crate) fn chain(layers: impl IntoIterator<Item = Layer>) -> Self {
        let mut tiling = Self::default();
        layers
            .into_iter()
            .fold(Self::PICTURE, |source, layer| tiling.layer(layer, source));
        tiling
    }

    /// Adds a step: see [`Layer::forward`].
    pub(crate) fn layer(&mut self, layer: Layer, of: Source) -> Source {
        self.step(Work::Layer(Box::new(layer)), of)
    }

    /// Adds a step: see [`Layer::consume_add`].
    pub(crate) fn layer_add(&mut self, layer: Layer, of: Source, base: Source) -> Source {
        self.step(Work::Add(Box::new(layer), base), of)
    }

    /// Adds a step: see [`max_pool_2x2`], whose stride is 1 here.
    pub(crate) fn maximum(&mut self, of: Source) -> Source {
        self.step(Work::Maximum, of)
    }

    fn step(&mut self, work: Work, of: Source) -> Source {
        self.steps.push(Step { work, of });
        Source(self.steps.len())
    }

    /// (batch, height, width, channels) of the picture, numbers or bytes, to that of the last step's result.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if x.device().is_cpu() {
            return x.contiguous()?.apply_op1_no_bwd(self);
        }
        let mut results = vec![x.to_dtype(DType::F32)?];
        for step in &self.steps {
            let x = &results[step.of.0];
            results.push(match &step.work {
                Work::Layer(layer) => layer.forward(x)?,
                Work::Add(layer, base) => layer.forward_add(x, &results[base.0])?,
                Work::Maximum => max_pool_2x2(x, 1)?,
            });
        }
        results.pop().map_or_else(|| Ok(x.clone()), Ok)
    }

    /// The same where nothing else uses `x`, a layer's result: its memory is used again.
    pub(crate) fn consume(&self, x: Tensor) -> Result<Tensor> {
        let y = self.forward(&x)?;
        buffers::recycle(x);
        Ok(y)
    }

    /// The steps, ready for the CPU.
    fn ready(&self) -> Result<Vec<Ready<'_>>> {
        let steps = self.steps.iter().map(|step| {
            let (layer, base) = match &step.work {
                Work::Layer(layer) => (Some(layer), None),
                Work::Add(layer, base) => (Some(layer), Some(base.0)),
                Work::Maximum => (None, None),
            };
            Ok(Ready {
                packed: layer.map(|layer| layer.packed()).transpose()?,
                of: step.of.0,
                base,
            })
        });
        steps.collect()
    }
}

/// A step for the CPU. Sources are numbers: 0 is the picture.
struct Ready<'a> {
    /// None for the maximum.
    packed: Option<&'a Packed>,
    of: usize,
    base: Option<usize>,
}

impl Ready<'_> {
    /// Height, width and channels of its result, a view without values, from those of all sources before it.
    fn shape(&self, shapes: &[View<'static>]) -> Result<View<'static>> {
        let of = shapes[self.of];
        let Some(packed) = self.packed else {
            return Ok(of);
        };
        let shape = packed.shape_out(&of)?;
        let size = |of: &View<'_>, channels| (of.height, of.width, channels);
        if let Some(base) = self.base.map(|base| &shapes[base])
            && size(base, base.channels) != size(&shape, packed.first_columns())
        {
            bail!(
                "{:?} cannot be added to {:?}",
                size(base, base.channels),
                size(&shape, packed.first_columns())
            );
        }
        Ok(shape)
    }

    /// What it looks at, and the rows there that rows of its result follow from.
    fn needs(&self, rows: &Range<usize>, shapes: &[View<'_>]) -> impl Iterator<Item = (usize, Range<usize>)> {
        let height = shapes[self.of].height;
        let of = match self.packed {
            Some(packed) => packed.rows_in(rows, height),
            None => rows.start..(rows.end + 1).min(height),
        };
        let base = self.base.map(|base| (base, rows.clone()));
        std::iter::once((self.of, of)).chain(base)
    }
}

/// Rows of a step's result.
#[derive(Default)]
struct Held {
    rows: Range<usize>,
    values: Buffer,
}

impl Held {
    /// Drops the rows above `top` and adds those of `rows`, which are to be written.
    fn advance(&mut self, top: usize, rows: &Range<usize>, row: usize) -> &mut [f32] {
        if self.rows.is_empty() {
            self.rows = rows.start..rows.start;
        }
        let top = top.clamp(self.rows.start, self.rows.end);
        let kept = (top - self.rows.start) * row..self.rows.len() * row;
        self.values.copy_within(kept, 0);
        self.rows = top..rows.end;
        if self.values.len() < self.rows.len() * row {
            let mut values = Buffer::new(self.rows.len() * row);
            values[..self.values.len()].copy_from_slice(&self.values);
            self.values = values;
        }
        &mut self.values[(rows.start - top) * row..(rows.end - top) * row]
    }
}

/// The values of a picture.
#[derive(Clone, Copy)]
enum Picture<'a> {
    Numbers(&'a [f32]),
    /// Of which the rows of a tile become numbers when they are needed.
    Bytes(&'a [u8]),
}

impl<'a> Picture<'a> {
    /// Those of all pictures in a tensor.
    fn all((storage, layout): (&'a CpuStorage, &Layout)) -> Result<Self> {
        match (storage, layout.contiguous_offsets()) {
            (CpuStorage::F32(values), Some((start, end))) => Ok(Self::Numbers(&values[start..end])),
            (CpuStorage::U8(values), Some((start, end))) => Ok(Self::Bytes(&values[start..end])),
            _ => bail!("pictures are contiguous tensors of f32 or bytes"),
        }
    }

    /// One of several, each of so many values.
    fn one(self, picture: usize, size: usize) -> Self {
        let values = picture * size..(picture + 1) * size;
        match self {
            Self::Numbers(numbers) => Self::Numbers(&numbers[values]),
            Self::Bytes(bytes) => Self::Bytes(&bytes[values]),
        }
    }
}

/// Some rows of the last step's result, tile by tile.
struct Part<'a> {
    steps: &'a [Ready<'a>],
    /// Of the picture and all results.
    shapes: &'a [View<'static>],
    picture: Picture<'a>,
    /// For each source, the picture too: the first row that is not computed yet.
    next: Vec<usize>,
    held: Vec<Held>,
    scratch: Vec<Option<Scratch>>,
}

impl<'a> Part<'a> {
    fn new(steps: &'a [Ready<'a>], shapes: &'a [View<'static>], picture: Picture<'a>, first: usize) -> Self {
        let mut next: Vec<usize> = shapes.iter().map(|shape| shape.height).collect();
        next[steps.len()] = first;
        for (step, at) in steps.iter().zip(1..steps.len() + 1).rev() {
            for (source, rows) in step.needs(&(next[at]..next[at] + 1), shapes) {
                next[source] = next[source].min(rows.start);
            }
        }
        Self {
            steps,
            shapes,
            picture,
            next,
            held: shapes.iter().map(|_| Held::default()).collect(),
            scratch: steps.iter().map(|_| None).collect(),
        }
    }

    /// Computes the next rows of the last result, up to row `end`.
    fn advance(&mut self, end: usize, out: &mut [f32]) {
        // Back from the last step: up to which row each result is needed, and from which row on.
        let mut ends = self.next.clone();
        let mut tops = self.next.clone();
        ends[self.steps.len()] = end;
        for (step, at) in self.steps.iter().zip(1..self.steps.len() + 1).rev() {
            for (source, rows) in step.needs(&(self.next[at]..ends[at]), self.shapes) {
                if self.next[at] < ends[at] {
                    ends[source] = ends[source].max(rows.end);
                }
                tops[source] = tops[source].min(rows.start);
            }
        }
        let rows = self.next[0]..ends[0];
        if let (Picture::Bytes(bytes), false) = (self.picture, rows.is_empty()) {
            let row = self.shapes[0].width * self.shapes[0].channels;
            let values = self.held[0].advance(tops[0], &rows, row);
            widen(&bytes[rows.start * row..rows.end * row], values);
            self.next[0] = rows.end;
        }
        for (step, at) in self.steps.iter().zip(1..) {
            let rows = self.next[at]..ends[at];
            if rows.is_empty() {
                continue;
            }
            let shape = self.shapes[at];
            let row = shape.width * shape.channels;
            let (before, after) = self.held.split_at_mut(at);
            let values = match after {
                [held, _, ..] => held.advance(tops[at], &rows, row),
                _ => &mut *out,
            };
            let source = |source: usize| match (source, self.picture) {
                (0, Picture::Numbers(values)) => View {
                    values,
                    ..self.shapes[0]
                },
                _ => View {
                    values: &before[source].values,
                    top: before[source].rows.start,
                    ..self.shapes[source]
                },
            };
            let view = source(step.of);
            if let Some(packed) = step.packed {
                let task = Task {
                    packed,
                    view,
                    factors: None,
                    base: step.base.map(source),
                    size: (shape.height, shape.width),
                };
                let pixels = task.at_hand();
                let scratch = self.scratch[at - 1].get_or_insert_with(|| task.scratch(pixels));
                for (some, values) in values.chunks_mut(pixels * shape.channels).enumerate() {
                    task.compute(rows.start * shape.width + some * pixels, scratch, values);
                }
            } else {
                for (values, row) in values.chunks_exact_mut(row).zip(rows.clone()) {
                    max_pool_row(&view, 0, row, 1, values);
                }
            }
            self.next[at] = rows.end;
        }
    }
}

/// Rows of the last result in a tile: as many as what lies in between allows.
fn tile_height(shapes: &[View<'_>]) -> usize {
    let [between @ .., last] = shapes else {
        return 1;
    };
    // Beside its new rows a result has two or so that were there before.
    let values = |rows: usize| -> usize {
        let held = |shape: &View<'_>| (rows * shape.height.div_ceil(last.height) + 2) * shape.width * shape.channels;
        between.iter().skip(1).map(held).sum()
    };
    let mut rows = 1;
    while rows < last.height && values(2 * rows) <= AT_HAND {
        rows *= 2;
    }
    rows
}

impl CustomOp1 for Tiling {
    fn name(&self) -> &'static str {
        "tiling"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (pictures, height, width, channels) = layout.shape().dims4()?;
        let values = Picture::all((x, layout))?;
        let steps = self.ready()?;
        let mut shapes = vec![View::shape((height, width, channels))];
        for step in &steps {
            shapes.push(step.shape(&shapes)?);
        }
        let (Some(last), false) = (shapes.last(), steps.is_empty()) else {
            bail!("there is no layer");
        };
        let row = last.width * last.channels;
        let mut out = buffers::take(pictures * last.height * row);
        if !out.is_empty() {
            let tile = tile_height(&shapes);
            let per_part = last.height.div_ceil(rayon::current_num_threads());
            for (picture, out) in out.chunks_exact_mut(last.height * row).enumerate() {
                let picture = values.one(picture, height * width * channels);
                let part = |(part, out): (usize, &mut [f32])| {
                    let first = part * per_part;
                    let mut part = Part::new(&steps, &shapes, picture, first);
                    let mut done = first;
                    for out in out.chunks_mut(tile * row) {
                        done += out.len() / row;
                        part.advance(done, out);
                    }
                };
                out.par_chunks_mut(per_part * row).enumerate().for_each(part);
            }
        }
        let shape = (pictures, last.height, last.width, last.channels);
        Ok((CpuStorage::F32(out), Shape::from(shape)))
    }
}

#[cfg(test)]
#[path = "tiling_tests.rs"]
mod tests;
