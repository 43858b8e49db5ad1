//! Memory and work on a device: a GPU, or in tests the CPU in its place.

use std::cell::Cell;

use candle_core::{CpuStorage, CudaStorage, DType, Device, InplaceOp1, Layout, Result, Shape, Tensor, bail};

use super::arguments::{Parameters, Product};

/// What a kernel reads at once at most, in bytes.
const ALIGNMENT: u64 = 16;

/// Threads of a kernel, and values of a tensor that it sees, at most: it counts with 32 bits.
const MOST: usize = i32::MAX as usize;

/// Runs so many threads of a kernel, after what was given to the device before.
///
/// # Safety
/// As the kernel demands of its parameters: all that its threads read and write is memory of `device`.
pub(super) unsafe fn launch(
    device: &Device,
    kernel: &'static str,
    parameters: impl Parameters,
    threads: usize,
) -> Result<()> {
    if threads > MOST {
        bail!("{threads} threads are more than a kernel has: use smaller batches or pictures");
    }
    if threads == 0 {
        return Ok(());
    }
    match device {
        // SAFETY: the caller's promise.
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => unsafe { super::card::launch(device, kernel, parameters, threads as u32) },
        // SAFETY: the caller's promise.
        #[cfg(test)]
        Device::Cpu => unsafe { super::emulated::launch(kernel, parameters, threads as u32) },
        _ => {
            let _ = (kernel, parameters);
            bail!("the kernels are for GPUs of NVIDIA, got {:?}", device.location())
        }
    }
}

/// # Safety
/// The addresses are those of tensors on `device` of these sizes.
pub(super) unsafe fn multiply(device: &Device, product: Product) -> Result<()> {
    if product.pixels.max(product.columns).max(product.inner) > MOST {
        bail!("a matrix product is too large: use smaller batches or pictures");
    }
    match device {
        // SAFETY: the caller's promise.
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => unsafe { super::card::multiply(device, product) },
        // SAFETY: the caller's promise.
        #[cfg(test)]
        Device::Cpu => unsafe { super::emulated::multiply(product) },
        _ => bail!("the products are for GPUs of NVIDIA, got {:?}", device.location()),
    }
}

/// A tensor of values that are left over from others, to be written from end to end.
pub(super) fn fresh(shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
    let shape = shape.into();
    if shape.elem_count() > MOST {
        bail!("a tensor of {shape:?} is too large: use smaller batches or pictures");
    }
    if device.is_cpu() {
        // In tests, where a value that is read too early or not written shall be seen.
        return Tensor::full(f32::NAN, shape, device)?
            .to_dtype(dtype)?
            .force_contiguous();
    }
    // SAFETY: any bits are a number, and those who take it write before they read.
    unsafe { Tensor::empty(shape, dtype, device) }
}

/// The same values, one after the other from an address that a kernel can read vectors from. Usually the tensor itself.
///
/// # Errors
/// When the tensor is not on `device`, whose kernels could not read it, or too large.
pub(super) fn ready(x: &Tensor, device: &Device) -> Result<Tensor> {
    if !x.device().same_device(device) {
        bail!(
            "a tensor on {:?} is needed, got one on {:?}",
            device.location(),
            x.device().location()
        );
    }
    let x = x.contiguous()?;
    if x.elem_count() > MOST {
        bail!(
            "a tensor of {:?} is too large: use smaller batches or pictures",
            x.shape()
        );
    }
    if x.elem_count() == 0 || address(&x, DType::F32)?.is_multiple_of(ALIGNMENT) {
        return Ok(x);
    }
    x.force_contiguous()
}

/// Where the values of a contiguous tensor begin, for as long as the tensor lives.
pub(super) fn address(tensor: &Tensor, dtype: DType) -> Result<u64> {
    if tensor.dtype() != dtype || !tensor.is_contiguous() {
        bail!("contiguous values of {dtype:?} are needed, got {:?}", tensor.dtype());
    }
    let begin = Begin(Cell::new(0));
    tensor.inplace_op1(&begin)?;
    Ok(begin.0.get())
}

struct Begin(Cell<u64>);

impl InplaceOp1 for Begin {
    fn name(&self) -> &'static str {
        "begin"
    }

    #[cfg(test)]
    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let first = match storage {
            CpuStorage::F32(values) => values[layout.start_offset()..].as_mut_ptr().expose_provenance(),
            CpuStorage::BF16(values) => values[layout.start_offset()..].as_mut_ptr().expose_provenance(),
            _ => bail!("values must be f32 or bfloat16"),
        };
        self.0.set(first as u64);
        Ok(())
    }

    #[cfg(not(test))]
    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> Result<()> {
        bail!("the kernels are for GPUs of NVIDIA, got a tensor on the CPU")
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, storage: &mut CudaStorage, layout: &Layout) -> Result<()> {
        self.0.set(super::card::begin(storage, layout.start_offset())?);
        Ok(())
    }

    #[cfg(not(feature = "cuda"))]
    fn cuda_fwd(&self, _: &mut CudaStorage, _: &Layout) -> Result<()> {
        bail!("this build has no CUDA: build it with the feature cuda")
    }
}
