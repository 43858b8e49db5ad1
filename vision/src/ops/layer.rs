//! Layers: a convolution and what comes after it, in one pass over the picture.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::buffers;
use super::convolution::Convolution;
use super::packed::{Packed, Task};
use super::plain::Plain;
use super::view::{View, contiguous};

/// A convolution and up to two 1×1 convolutions after it, over pictures whose channels lie next to each other: (batch, height,
/// width, channels).
///
/// On a CPU its weights are packed and everything between its input and its result stays in the cache; on a GPU of NVIDIA it runs
/// kernels of its own; elsewhere it is the expression by candle's operators that both are tested against.
pub(crate) struct Layer {
    work: Work,
}

enum Work {
    Packed(Box<Packed>),
    #[cfg(feature = "cuda")]
    Cuda(Box<super::cuda::Program>),
    Plain(Plain),
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
        let plain = Plain::new(convolutions, pool, residual)?;
        let work = match plain.device() {
            Device::Cpu => Work::Packed(Box::new(Packed::pack(&plain)?)),
            #[cfg(feature = "cuda")]
            Device::Cuda(_) => Work::Cuda(Box::new(super::cuda::Program::new(&plain)?)),
            _ => Work::Plain(plain),
        };
        Ok(Self { work })
    }

    /// The packed layer.
    ///
    /// # Errors
    /// When it is for another device than the CPU.
    pub(super) fn packed(&self) -> Result<&Packed> {
        match &self.work {
            Work::Packed(packed) => Ok(packed),
            _ => bail!("a layer for another device was given a picture on the CPU"),
        }
    }

    /// (batch, height, width, channels in) to (batch, height / stride, width / stride, channels out), sizes rounded up.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.work {
            Work::Packed(_) => x.contiguous()?.apply_op1_no_bwd(self),
            #[cfg(feature = "cuda")]
            Work::Cuda(program) => program.forward(x, None, None),
            Work::Plain(plain) => plain.forward(x, None),
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
            Work::Plain(plain) => {
                let (n, channels) = factors.dims2()?;
                let x = x.broadcast_mul(&factors.reshape((n, 1, 1, channels))?)?;
                plain.forward(&x, None)
            }
        }
    }

    /// The same with `base` added to the first matrix product before its activation: a convolution of channels side by side is the sum
    /// of two, and they need not be brought side by side. Both are layers' results that nothing else uses.
    pub(crate) fn consume_add(&self, x: Tensor, base: Tensor) -> Result<Tensor> {
        let y = self.forward_add(&x, &base)?;
        buffers::recycle(x);
        buffers::recycle(base);
        Ok(y)
    }

    /// The same where others use them.
    pub(super) fn forward_add(&self, x: &Tensor, base: &Tensor) -> Result<Tensor> {
        match &self.work {
            Work::Packed(_) => x.contiguous()?.apply_op2_no_bwd(&base.contiguous()?, &Add(self)),
            #[cfg(feature = "cuda")]
            Work::Cuda(program) => program.forward(x, None, Some(base)),
            Work::Plain(plain) => plain.forward(x, Some(base)),
        }
    }

    fn run(
        &self,
        x: (&CpuStorage, &Layout),
        factors: Option<&[f32]>,
        base: Option<&[f32]>,
    ) -> Result<(CpuStorage, Shape)> {
        let packed = self.packed()?;
        let (view, pictures) = View::new(x)?;
        let shape = packed.shape_out(&view)?;
        if let Some(factors) = factors
            && (!packed.takes_factors() || factors.len() != pictures * view.channels)
        {
            bail!("{} factors do not fit {pictures} pictures", factors.len());
        }
        let pixels = pictures * shape.height * shape.width;
        let base = base.map(|values| View {
            values,
            channels: packed.first_columns(),
            ..shape
        });
        if let Some(base) = base
            && base.values.len() != pixels * base.channels
        {
            bail!("{} values cannot be added to {pixels} pixels", base.values.len());
        }
        let task = Task {
            packed,
            view,
            factors,
            base,
            size: (shape.height, shape.width),
        };
        let columns = shape.channels;
        let mut out = buffers::take(pixels * columns);
        if pixels * columns > 0 {
            let per_task = pixels.div_ceil(rayon::current_num_threads()).min(task.at_hand());
            out.par_chunks_mut(per_task * columns).enumerate().for_each_init(
                || task.scratch(per_task),
                |scratch, (at, out)| task.compute(at * per_task, scratch, out),
            );
        }
        let shape = (pictures, shape.height, shape.width, columns);
        Ok((CpuStorage::F32(out), Shape::from(shape)))
    }
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
struct Add<'a>(&'a Layer);

impl CustomOp2 for Add<'_> {
    fn name(&self) -> &'static str {
        "layer-onto"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, base: &CpuStorage, lb: &Layout) -> Result<(CpuStorage, Shape)> {
        self.0.run((x, lx), None, Some(contiguous((base, lb))?))
    }
}

#[cfg(test)]
#[path = "layer_tests.rs"]
mod tests;
