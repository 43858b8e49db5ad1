//! Machine-readable zones of travel documents (ICAO Doc 9303 parts 3 to 7): layout, parsing, check digits, composing, and how
//! sure a zone is, given what was seen at each of its positions.
//!
//! Pure: no clock, no I/O. What needs a day takes one. Every type that holds a person's data hides it in `Debug`.
//!
//! Not read: identity cards of France issued before August 2021. Their two lines of 36 look like TD2 and are another layout
//! (given names in the second line, no expiry); [`Mrz::is_former_french_card`] tells them, so that a caller can say so.

mod belief;
mod check_digit;
mod compose;
mod date;
mod grammar;
mod layout;
mod name;
mod numbering;
mod parse;
mod posterior;

pub use belief::{Belief, SYMBOLS, index};
pub(crate) use belief::{TWINS, are_alike};
pub use check_digit::check_digit;
pub(crate) use check_digit::have_same_sum;
pub use compose::{ComposeError, Fields, compose};
pub use date::{Century, Date, NotADate, age};
pub use layout::{Class, Field, FieldKind, Format, Shape};
pub(crate) use name::transliteration;
pub use name::{Name, transliterate};
pub use numbering::with_letters_in_number;
pub(crate) use numbering::{continued, without_twins};
pub use parse::{Check, DocumentType, Mrz, ParseError, Sex};
pub use posterior::{Evidence, FieldPosterior, Posterior};
pub use proto::country::State;
