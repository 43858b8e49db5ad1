//! Starts all four services for real and tests them together
