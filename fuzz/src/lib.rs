//! What must hold whatever is sent. Each module has one `check` that takes any bytes and panics where a promise is broken: a
//! panic, but also a picture of another size than its header says, a probability above 1, print that agrees with what no line says.
//!
//! ```text
//! fuzz_targets/ ──▶ check ◀── tests/corpus.rs
//! cargo-fuzz, nightly,         every kept input and seeded neighbours of it,
//! as long as one likes         on any compiler, in every test run
//! ```
//!
//! Inputs are pictures, or text that a person can read and write: see the modules for how.

pub mod jpeg;
pub mod lattice;
pub mod picture;
pub mod print;
pub mod zone;

/// Counts what is allocated, for the limits of [`picture`].
#[global_allocator]
static ALLOCATED: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// The day of every check, so that an input means the same for ever.
const TODAY: time::Date = time::macros::date!(2026 - 11 - 26);

/// One of the checks.
pub struct Target {
    /// Name of the module, of its program and of its folder in `corpus/`.
    pub name: &'static str,
    /// Panics where a promise is broken.
    pub check: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 5] = [
    Target {
        name: "picture",
        check: picture::check,
    },
    Target {
        name: "jpeg",
        check: jpeg::check,
    },
    Target {
        name: "zone",
        check: zone::check,
    },
    Target {
        name: "lattice",
        check: lattice::check,
    },
    Target {
        name: "print",
        check: print::check,
    },
];
