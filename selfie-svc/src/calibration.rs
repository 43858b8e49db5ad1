//! What a similarity is worth: the false match rate at each threshold.
//!
//! Measured with `bonafide evaluate faces` over all combinations of the pictures in the evaluation set that the README names
//! (3,811 pictures, 7,255,541 impostor and 4,414 genuine pairs). Another population has other rates: whoever has pictures of
//! theirs should measure again.
//!
//! The embeddings were made with products of bytes. Where a machine has none, similarities of strangers are up to 0.002 lower at the
//! same rate, so that these thresholds err on the strict side there.

/// Thresholds on the cosine similarity, from lenient to strict: `(false match rate, threshold)`.
const MEASURED: [(f64, f64); 5] = [
    (1e-2, 0.3039),
    (1e-3, 0.3704),
    (1e-4, 0.4249),
    (1e-5, 0.4757),
    (1e-6, 0.5279),
];

/// The threshold at which impostors pass at a given rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatingPoint {
    /// Cosine similarity from which two faces count as the same person's.
    pub threshold: f64,
    /// Share of impostor pairs at or over the threshold.
    pub false_match_rate: f64,
}

/// The rate asked for lies outside what was measured.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("a false match rate of {0} was not measured: choose one from 0.000001 to 0.01")]
pub struct OutOfRange(pub f64);

/// The operating point for a false match rate. Between measured rates the threshold is interpolated linearly over the
/// logarithm of the rate, which is how the tail of impostor similarities falls.
pub fn operating_point(false_match_rate: f64) -> Result<OperatingPoint, OutOfRange> {
    let wanted = false_match_rate.log10();
    let between = MEASURED.windows(2).find_map(|pair| {
        let (lenient, strict) = (pair[0], pair[1]);
        let (from, to) = (lenient.0.log10(), strict.0.log10());
        // A hair of tolerance: log10(1e-3) and the logarithm of a parsed 0.001 may differ in the last bit.
        let share = (wanted - from) / (to - from);
        (-1e-9..=1.0 + 1e-9)
            .contains(&share)
            .then_some(lenient.1 + share * (strict.1 - lenient.1))
    });
    between
        .map(|threshold| OperatingPoint {
            threshold,
            false_match_rate,
        })
        .ok_or(OutOfRange(false_match_rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meets_what_was_measured() {
        for (rate, threshold) in MEASURED {
            let point = operating_point(rate).expect("measured");
            assert!((point.threshold - threshold).abs() < 1e-6, "{rate}");
        }
    }

    #[test]
    fn is_stricter_for_lower_rates() {
        let thresholds: Vec<f64> = [5e-3, 5e-4, 5e-5, 5e-6]
            .map(|rate| operating_point(rate).expect("between measured rates").threshold)
            .into();
        assert!(thresholds.is_sorted());
    }

    #[test]
    fn promises_nothing_that_was_not_measured() {
        for rate in [0.0, -1.0, 0.02, 1e-7, f64::NAN] {
            assert!(operating_point(rate).is_err(), "{rate}");
        }
    }
}
