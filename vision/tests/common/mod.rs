//! What the tests of networks share.

use std::sync::OnceLock;

use candle_core::Device;

/// What networks are tested on: the CPU, and a GPU where the tests were built for one and find it.
pub(crate) fn devices() -> Vec<Device> {
    static GPU: OnceLock<Option<Device>> = OnceLock::new();
    let open = || {
        vision::device::open(Some(0))
            .inspect_err(|why| println!("skipped on GPUs: {why}"))
            .ok()
    };
    [Device::Cpu].into_iter().chain(GPU.get_or_init(open).clone()).collect()
}
