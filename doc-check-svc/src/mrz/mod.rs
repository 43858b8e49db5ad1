//! Machine-readable zones of travel documents (ICAO 9303-3 to 9303-7).

mod check;
pub mod compose;

pub use check::check_digit;
