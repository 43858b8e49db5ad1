//! [`fuzz::jpeg`] for cargo-fuzz.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::jpeg::check(data));
