//! A GPU, by way of CUDA's driver.

use std::ffi::c_void;
use std::sync::OnceLock;

use candle_core::cuda_backend::CudaStorageSlice;
use candle_core::cuda_backend::cudarc::{cublas, driver, nvrtc};
use candle_core::{CudaDevice, CudaStorage, Device, Error, Result, bail};
use cublas::sys::{cublasComputeType_t, cublasGemmAlgo_t, cublasOperation_t, cudaDataType};
use driver::{DevicePtrMut as _, DeviceRepr, LaunchConfig, PushKernelArg as _};

use super::arguments::{Parameters, Product};

/// The oldest GPUs that CUDA 13 knows; the driver translates for newer ones.
const ARCHITECTURE: &str = "compute_75";

/// Threads of a block.
const BLOCK: u32 = 256;

/// Opens the GPU of this number. All work on it goes through one stream, whichever thread gives it.
pub(crate) fn open(ordinal: usize) -> Result<Device> {
    let device = Device::new_cuda_with_stream(ordinal)?;
    let cuda = device.as_cuda_device()?;
    // SAFETY: events are for tensors that more than one stream uses; here there is one, on which everything happens in order.
    unsafe { cuda.disable_event_tracking() };
    keep_memory(cuda)?;
    // Now rather than with the first picture.
    cuda.get_or_load_custom_func("patches", MODULE, ptx()?)?;
    Ok(device)
}

/// Bytes of memory that is kept though no tensor has it.
const KEPT: u64 = 1 << 30;

/// Has memory that was freed kept for the next tensor, and not given back each time that the stream is waited for, where the device
/// has pools of memory.
fn keep_memory(device: &CudaDevice) -> Result<()> {
    let stream = device.cuda_stream();
    let (context, mut threshold) = (stream.context(), KEPT);
    let pools = driver::sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED;
    if context.attribute(pools).map_err(Error::wrap)? == 0 {
        return Ok(());
    }
    // SAFETY: the pool is the device's own and is not used up; the attribute is of 64 bits.
    let set = unsafe {
        driver::result::device::get_default_mem_pool(context.cu_device()).and_then(|pool| {
            let attribute = driver::sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
            driver::result::mem_pool::set_attribute(pool, attribute, std::ptr::from_mut(&mut threshold).cast())
        })
    };
    set.map_err(Error::wrap)
}

const MODULE: &str = "bonafide";

/// The kernels, compiled once per process.
fn ptx() -> Result<&'static str> {
    static PTX: OnceLock<std::result::Result<String, String>> = OnceLock::new();
    let compiled = PTX.get_or_init(|| {
        let options = nvrtc::CompileOptions {
            arch: Some(ARCHITECTURE),
            name: Some("kernels.cu".to_owned()),
            ..nvrtc::CompileOptions::default()
        };
        match nvrtc::compile_ptx_with_opts(include_str!("kernels.cu"), options) {
            Ok(ptx) => Ok(ptx.to_src()),
            Err(error) => Err(format!("the kernels cannot be compiled: {error}")),
        }
    });
    compiled.as_deref().map_err(Error::msg)
}

/// Parameters as a kernel takes them: by value.
#[repr(transparent)]
struct Argument<P>(P);

// SAFETY: parameters are plain numbers in the kernel's own layout.
unsafe impl<P: Parameters> DeviceRepr for Argument<P> {}

/// # Safety
/// As for [`super::machine::launch`].
pub(super) unsafe fn launch<P: Parameters>(
    device: &CudaDevice,
    kernel: &'static str,
    parameters: P,
    threads: u32,
) -> Result<()> {
    let function = device.get_or_load_custom_func(kernel, MODULE, ptx()?)?;
    let argument = Argument(parameters);
    let mut builder = function.builder();
    builder.arg(&argument);
    let shape = LaunchConfig {
        grid_dim: (threads.div_ceil(BLOCK), 1, 1),
        block_dim: (BLOCK, 1, 1),
        shared_mem_bytes: 0,
    };
    // SAFETY: the kernel takes this one struct; the rest is the caller's promise. The tensors may be freed before the kernel has run:
    // that, too, happens on the stream, after it.
    unsafe { builder.launch(shape) }.map(|_| ()).map_err(Error::wrap)
}

/// # Safety
/// As for [`super::machine::multiply`].
pub(super) unsafe fn multiply(device: &CudaDevice, product: Product) -> Result<()> {
    let Product {
        rows,
        weights,
        out,
        pixels,
        columns,
        inner,
        half,
    } = product;
    let factor = if half {
        cudaDataType::CUDA_R_16BF
    } else {
        cudaDataType::CUDA_R_32F
    };
    let (one, zero) = (1f32, 0f32);
    let (columns, pixels, inner) = (columns as i32, pixels as i32, inner as i32);
    device.cuda_stream().context().bind_to_thread().map_err(Error::wrap)?;
    // SAFETY: cuBLAS counts down columns: what are rows here are columns there, and the product is outᵀ = weights · rowsᵀ. The sizes
    // are the caller's promise, the handle is the device's own and works on its stream.
    unsafe {
        cublas::result::gemm_ex(
            *device.cublas_handle().handle(),
            cublasOperation_t::CUBLAS_OP_T,
            cublasOperation_t::CUBLAS_OP_N,
            columns,
            pixels,
            inner,
            std::ptr::from_ref(&one).cast(),
            weights as *const c_void,
            factor,
            inner,
            rows as *const c_void,
            factor,
            inner,
            std::ptr::from_ref(&zero).cast(),
            out as *mut c_void,
            cudaDataType::CUDA_R_32F,
            columns,
            cublasComputeType_t::CUBLAS_COMPUTE_32F,
            cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
        )
    }
    .map_err(Error::wrap)
}

/// Where the values of a tensor begin that lie so many values into its storage.
pub(super) fn begin(storage: &mut CudaStorage, offset: usize) -> Result<u64> {
    let stream = storage.device.cuda_stream();
    let (first, bytes) = match &mut storage.slice {
        CudaStorageSlice::F32(values) => (values.device_ptr_mut(&stream).0, size_of::<f32>()),
        CudaStorageSlice::BF16(values) => (values.device_ptr_mut(&stream).0, size_of::<u16>()),
        _ => bail!("values must be f32 or bfloat16"),
    };
    Ok(first + (offset * bytes) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_compiled_without_a_gpu() -> Result<()> {
        let ptx = ptx()?;
        let names = include_str!("kernels.cu").split("__global__ void ").skip(1);
        let names: Vec<&str> = names.filter_map(|rest| rest.split('(').next()).collect();
        assert!(names.len() > 10, "the kernels of the source are found");
        for name in names {
            assert!(ptx.contains(&format!(".entry {name}(")), "{name} is not there");
        }
        Ok(())
    }
}
