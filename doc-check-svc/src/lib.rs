//! Reads and judges identity documents
