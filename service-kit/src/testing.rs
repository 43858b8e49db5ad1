//! For tests: skipping what a machine has not got, except where it must have it.

/// Says that a test is skipped for want of something.
///
/// # Panics
/// With `BONAFIDE_REQUIRE_ALL=1`, which continuous integration sets: there a skipped test is a failed one.
pub fn skipped(missing: &str) {
    let required = std::env::var_os("BONAFIDE_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "BONAFIDE_REQUIRE_ALL=1, but {missing}");
    println!("skipped: {missing}");
}
