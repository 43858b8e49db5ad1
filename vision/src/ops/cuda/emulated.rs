//! The CPU in a GPU's place, for tests: the kernels compiled as C++, their threads one after the other.

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use candle_core::{Result, bail};

use super::arguments::{Parameters, Product};

/// What the kernels expect to be there, and a way to say which thread runs.
const AROUND: &str = r#"
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#define __device__
#define __global__
using std::min;
struct Index { unsigned x; };
static thread_local Index blockIdx, blockDim, threadIdx;
static inline unsigned __float_as_uint(float x) { unsigned bits; std::memcpy(&bits, &x, sizeof bits); return bits; }
extern "C" void run_as(unsigned block, unsigned size, unsigned thread) {
    blockIdx.x = block, blockDim.x = size, threadIdx.x = thread;
}
"#;

/// Threads of a block: few, so that there are many blocks.
const BLOCK: u32 = 32;

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// `RTLD_NOW`.
const NOW: c_int = 2;

/// A loaded library, which is never unloaded.
struct Library(*mut c_void);

// SAFETY: it is only looked up in, which any thread may.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

impl Library {
    fn load() -> std::result::Result<Self, String> {
        let text = |error: std::io::Error| error.to_string();
        let folder = tempfile::tempdir().map_err(text)?;
        let (source, library) = (folder.path().join("kernels.cpp"), folder.path().join("kernels.so"));
        fs::write(&source, format!("{AROUND}{}", include_str!("kernels.cu"))).map_err(text)?;
        let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
        let options = ["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-o"];
        let compiled = Command::new(&compiler).args(options).args([&library, &source]).output();
        let compiled = compiled.map_err(|error| format!("there is no C++ compiler {compiler}: {error}"))?;
        assert!(
            compiled.status.success(),
            "the kernels do not compile: {}",
            String::from_utf8_lossy(&compiled.stderr)
        );
        let path = CString::new(library.to_string_lossy().as_bytes()).map_err(|error| error.to_string())?;
        // SAFETY: the path is a string that ends, and the library has nothing that runs when it is loaded.
        let loaded = unsafe { dlopen(path.as_ptr(), NOW) };
        assert!(!loaded.is_null(), "the compiled kernels do not load");
        Ok(Self(loaded))
    }

    fn find(&self, name: &str) -> Result<*mut c_void> {
        let symbol = CString::new(name).map_err(candle_core::Error::wrap)?;
        // SAFETY: the library is loaded and the name is a string that ends.
        let found = unsafe { dlsym(self.0, symbol.as_ptr()) };
        if found.is_null() {
            bail!("there is no kernel {name}");
        }
        Ok(found)
    }
}

/// The compiled kernels, or why there are none.
fn library() -> std::result::Result<&'static Library, &'static str> {
    static LIBRARY: OnceLock<std::result::Result<Library, String>> = OnceLock::new();
    LIBRARY.get_or_init(Library::load).as_ref().map_err(String::as_str)
}

/// Whether kernels can run here; says why where they cannot.
pub(super) fn is_able() -> bool {
    library().inspect_err(|why| service_kit::testing::skipped(why)).is_ok()
}

/// # Safety
/// As for [`super::machine::launch`].
pub(super) unsafe fn launch<P: Parameters>(kernel: &str, parameters: P, threads: u32) -> Result<()> {
    let library = library().map_err(candle_core::Error::msg)?;
    let (run_as, run) = (library.find("run_as")?, library.find(kernel)?);
    // SAFETY: that is how `AROUND` defines it.
    let run_as = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(u32, u32, u32)>(run_as) };
    // SAFETY: a kernel is a function of its one struct; the rest is the caller's promise.
    let run = unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn(P)>(run) };
    // The last one first: the order must not matter.
    for block in (0..threads.div_ceil(BLOCK)).rev() {
        for thread in (0..BLOCK).rev() {
            run_as(block, BLOCK, thread);
            // SAFETY: the caller's promise.
            unsafe { run(parameters) };
        }
    }
    Ok(())
}

/// # Safety
/// As for [`super::machine::multiply`].
pub(super) unsafe fn multiply(product: Product) -> Result<()> {
    let values = |address: u64, count: usize| -> Vec<f32> {
        let first = std::ptr::with_exposed_provenance::<c_void>(address as usize);
        if product.half {
            // SAFETY: so many halves are there, by the caller's promise.
            let bits = unsafe { std::slice::from_raw_parts(first.cast::<u16>(), count) };
            bits.iter().map(|bits| f32::from_bits(u32::from(*bits) << 16)).collect()
        } else {
            // SAFETY: so many numbers are there, by the caller's promise.
            unsafe { std::slice::from_raw_parts(first.cast::<f32>(), count) }.to_vec()
        }
    };
    let rows = values(product.rows, product.pixels * product.inner);
    let weights = values(product.weights, product.columns * product.inner);
    let out = std::ptr::with_exposed_provenance_mut::<f32>(product.out as usize);
    // SAFETY: so much space is there, by the caller's promise, and nothing else reads it now.
    let out = unsafe { std::slice::from_raw_parts_mut(out, product.pixels * product.columns) };
    for (out, row) in out
        .chunks_exact_mut(product.columns)
        .zip(rows.chunks_exact(product.inner))
    {
        for (out, weights) in out.iter_mut().zip(weights.chunks_exact(product.inner)) {
            *out = row.iter().zip(weights).map(|(a, b)| a * b).sum();
        }
    }
    Ok(())
}
