//! Fitness of a face for comparison.
