//! Error rates of a comparison.
