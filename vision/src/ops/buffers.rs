//! Memory that is used again: results of a layer are megabytes, and new ones would have to be cleared page by page.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor};

/// Values that may lie idle: 128 MiB.
const MOST_IDLE: usize = 32 << 20;

/// Smaller ones are left to the allocator, which has them at hand.
const SMALLEST: usize = 16 << 10;

/// Buffers that nobody uses, the one given back last at the end.
static IDLE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Memory of this length for a result that is written from end to end: what it holds until then is left over from others.
pub(crate) fn take(len: usize) -> Vec<f32> {
    if 2 * len < SMALLEST {
        return vec![0.0; len];
    }
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = |buffer: &Vec<f32>| (len..=2 * len).contains(&buffer.capacity());
    let best = idle.iter().enumerate().filter(|(_, buffer)| fits(buffer));
    let best = best.min_by_key(|(_, buffer)| buffer.capacity()).map(|(at, _)| at);
    let buffer = best.map(|at| idle.remove(at));
    drop(idle);
    let Some(mut buffer) = buffer else {
        return vec![0.0; len];
    };
    buffer.resize(len, 0.0);
    buffer
}

/// Gives a tensor's memory back before the tensor is gone. Nothing else may use the tensor, not even a clone: it holds no values
/// any more. On devices other than the CPU nothing happens.
pub(crate) fn recycle(tensor: Tensor) {
    if tensor.device().is_cpu() && tensor.is_contiguous() && tensor.elem_count() >= SMALLEST {
        // A tensor that is borrowed at the moment is freed as all others are.
        let _ = tensor.inplace_op1(&GiveBack);
    }
}

struct GiveBack;

impl InplaceOp1 for GiveBack {
    fn name(&self) -> &'static str {
        "give-back"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, _: &Layout) -> Result<()> {
        if let CpuStorage::F32(values) = storage {
            give_back(std::mem::take(values));
        }
        Ok(())
    }
}

fn give_back(values: Vec<f32>) {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    idle.push(values);
    let mut total: usize = idle.iter().map(Vec::capacity).sum();
    while total > MOST_IDLE {
        total -= idle.remove(0).capacity();
    }
}

/// A buffer for what is written before it is read, given back when it is dropped.
#[derive(Default)]
pub(super) struct Buffer(Vec<f32>);

impl Buffer {
    /// One of this length; see [`take`].
    pub(super) fn new(len: usize) -> Self {
        Self(take(len))
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.capacity() >= SMALLEST {
            give_back(std::mem::take(&mut self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn memory_comes_back() -> Result<()> {
        // Larger than what any other test takes from those that lie idle.
        let len = 3 << 20;
        recycle(Tensor::full(7f32, len, &Device::Cpu)?.contiguous()?);
        let again = take(len - 5);
        assert_eq!(again.len(), len - 5);
        assert!(again.iter().all(|value| *value == 7.0), "this is new memory");
        Ok(())
    }
}
