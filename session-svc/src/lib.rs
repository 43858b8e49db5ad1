//! The public door: verification sessions, capture and the workers that drive the checks
