//! What the networks run on.

use candle_core::{DType, Device, Tensor};

/// Why the networks cannot run on a GPU.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The feature `cuda` was off when the program was built.
    #[error("this program was built without CUDA: build it with --features cuda, or choose the device cpu")]
    NotBuilt,
    /// The driver does not give us the GPU.
    #[error("GPU {ordinal} cannot be used: look at what nvidia-smi shows, or choose the device cpu")]
    Unusable {
        /// The GPU's number.
        ordinal: usize,
        /// What the driver says.
        source: candle_core::Error,
    },
}

/// The CPU, or the GPU of a number.
///
/// # Errors
/// Where there is no such GPU or the program was built without CUDA.
pub fn open(gpu: Option<usize>) -> Result<Device, DeviceError> {
    match gpu {
        None => Ok(Device::Cpu),
        #[cfg(feature = "cuda")]
        Some(ordinal) => crate::ops::open_gpu(ordinal).map_err(|source| DeviceError::Unusable { ordinal, source }),
        #[cfg(not(feature = "cuda"))]
        Some(_) => Err(DeviceError::NotBuilt),
    }
}

/// Whether the device still computes. A GPU does not any more once it has failed: all that this process asks of it fails until the
/// process has started anew.
#[must_use]
pub fn answers(device: &Device) -> bool {
    let one = Tensor::ones(1, DType::F32, device).and_then(|one| one.to_vec1::<f32>());
    one.is_ok_and(|one| one == [1.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there() {
        let cpu = open(None).expect("the CPU");
        assert!(cpu.is_cpu() && answers(&cpu));
    }

    #[test]
    fn a_gpu_that_is_not_there_is_an_error() {
        let error = open(Some(4096)).expect_err("no machine has so many");
        assert_eq!(matches!(error, DeviceError::NotBuilt), !cfg!(feature = "cuda"));
        assert!(error.to_string().contains("choose the device cpu"));
    }
}
