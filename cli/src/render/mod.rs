//! Sessions and reports for programs ([`json`]) and for people ([`text`]).

pub mod json;
mod names;
mod style;
pub mod text;

pub use style::Style;
