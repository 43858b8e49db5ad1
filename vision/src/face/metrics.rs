//! Error rates of a comparison, in the terms of ISO/IEC 19795-1.
//!
//! A comparison is a match when its similarity is at least a threshold. FMR (false match rate) is the share of impostor
//! comparisons that match, FNMR (false non-match rate) the share of genuine ones that do not.

/// Similarities of comparisons whose truth is known.
#[derive(Debug, Clone)]
pub struct Roc {
    /// Ascending.
    genuine: Vec<f32>,
    /// Ascending.
    impostor: Vec<f32>,
}

/// The error rates at one threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatingPoint {
    /// Similarities of at least this match.
    pub threshold: f32,
    /// False match rate, 0 to 1.
    pub fmr: f64,
    /// False non-match rate, 0 to 1.
    pub fnmr: f64,
}

impl Roc {
    /// From the similarities of pairs of one person (`genuine`) and of two people (`impostor`), in any order. `None` when there
    /// are none of one kind, or one of them is not a number.
    #[must_use]
    pub fn new(mut genuine: Vec<f32>, mut impostor: Vec<f32>) -> Option<Roc> {
        for values in [&mut genuine, &mut impostor] {
            if values.is_empty() || values.iter().any(|value| value.is_nan()) {
                return None;
            }
            values.sort_unstable_by(f32::total_cmp);
        }
        Some(Roc { genuine, impostor })
    }

    /// Number of genuine comparisons.
    #[must_use]
    pub fn genuine(&self) -> usize {
        self.genuine.len()
    }

    /// Number of impostor comparisons.
    #[must_use]
    pub fn impostor(&self) -> usize {
        self.impostor.len()
    }

    /// The error rates at a threshold.
    #[must_use]
    pub fn at_threshold(&self, threshold: f32) -> OperatingPoint {
        let rejected = self.genuine.partition_point(|&value| value < threshold);
        let accepted = self.impostor.len() - self.impostor.partition_point(|&value| value < threshold);
        OperatingPoint {
            threshold,
            fmr: accepted as f64 / self.impostor.len() as f64,
            fnmr: rejected as f64 / self.genuine.len() as f64,
        }
    }

    /// The lowest threshold at which no more than `fmr` of the impostor comparisons match, and the error rates there. `None`
    /// when there are too few of them to see one false match at that rate.
    #[must_use]
    pub fn at_fmr(&self, fmr: f64) -> Option<OperatingPoint> {
        // A hair is added because 1e-3 * 1000 may come out below 1.
        let allowed = (fmr * self.impostor.len() as f64 + 1e-6) as usize;
        if allowed == 0 {
            return None;
        }
        let threshold = match self
            .impostor
            .len()
            .checked_sub(allowed + 1)
            .and_then(|last| self.impostor.get(last))
        {
            // The highest similarity that must not match, and the next number above it.
            Some(highest) => highest.next_up(),
            None => f32::NEG_INFINITY,
        };
        Some(self.at_threshold(threshold))
    }

    /// Equal error rate: where FMR and FNMR meet, their mean at the threshold at which they differ least.
    #[must_use]
    pub fn eer(&self) -> f64 {
        // FNMR − FMR grows with the threshold. It steps over zero where the threshold passes one of the similarities.
        let gap = |point: &OperatingPoint| point.fnmr - point.fmr;
        let step = |values: &[f32]| {
            let index = values.partition_point(|&value| gap(&self.at_threshold(value.next_up())) < 0.0);
            values.get(index).copied().unwrap_or(f32::INFINITY)
        };
        let step = step(&self.genuine).min(step(&self.impostor));
        let (before, after) = (self.at_threshold(step), self.at_threshold(step.next_up()));
        let nearest = if gap(&before).abs() < gap(&after).abs() {
            before
        } else {
            after
        };
        (nearest.fmr + nearest.fnmr) / 2.0
    }

    /// The largest share of comparisons that one threshold gets right, and that threshold. It is chosen on the same comparisons,
    /// so that it flatters a little.
    #[must_use]
    pub fn best_accuracy(&self) -> (f64, f32) {
        let total = (self.genuine.len() + self.impostor.len()) as f64;
        // The best threshold is at a genuine similarity: raising it to the next one only ever loses false matches.
        let accuracy = |(below, &threshold): (usize, &f32)| {
            let refused = self.impostor.partition_point(|&value| value < threshold);
            ((self.genuine.len() - below + refused) as f64 / total, threshold)
        };
        let best = self
            .genuine
            .iter()
            .enumerate()
            .map(accuracy)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        // Or above all of them, where nothing matches.
        let none = (self.impostor.len() as f64 / total, f32::INFINITY);
        best.filter(|best| best.0 >= none.0).unwrap_or(none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let roc = Roc::new(vec![0.9, 0.8, 0.3, 0.7], vec![0.1, 0.5, 0.2, 0.0, 0.6]).unwrap();
        assert_eq!(
            roc.at_threshold(0.5),
            OperatingPoint {
                threshold: 0.5,
                fmr: 0.4,
                fnmr: 0.25
            }
        );
        let point = roc.at_fmr(0.2).unwrap();
        assert_eq!((point.fmr, point.fnmr), (0.2, 0.25));
        assert!(point.threshold > 0.5 && point.threshold < 0.5001);
        assert_eq!(roc.at_fmr(0.19), None, "five comparisons cannot show it");
        assert_eq!(roc.at_fmr(1.0).unwrap().fnmr, 0.0);
        assert_eq!(roc.best_accuracy(), (8.0 / 9.0, 0.7));
        assert!((roc.eer() - 0.225).abs() < 1e-9, "{}", roc.eer());
    }

    #[test]
    fn separable_comparisons_have_no_errors() {
        let roc = Roc::new(vec![0.8, 0.9], vec![0.1, 0.2]).unwrap();
        assert_eq!(roc.eer(), 0.0);
        assert_eq!(roc.best_accuracy(), (1.0, 0.8));
        assert_eq!(roc.at_fmr(0.5).unwrap().fnmr, 0.0);
        let reversed = Roc::new(vec![0.1, 0.2], vec![0.8, 0.9]).unwrap();
        assert_eq!(reversed.eer(), 1.0);
        assert_eq!(reversed.best_accuracy().0, 0.5);
    }

    #[test]
    fn nothing_to_measure_is_refused() {
        assert!(Roc::new(vec![], vec![0.1]).is_none());
        assert!(Roc::new(vec![0.1], vec![]).is_none());
        assert!(Roc::new(vec![f32::NAN], vec![0.1]).is_none());
    }

    /// Similarities with many ties.
    fn similarities() -> impl Strategy<Value = Vec<f32>> {
        proptest::collection::vec((-10i32..=10).prop_map(|v| v as f32 / 10.0), 1..40)
    }

    proptest! {
        #[test]
        fn agrees_with_counting(genuine in similarities(), impostor in similarities(), fmr in 0.0f64..1.0) {
            let roc = Roc::new(genuine.clone(), impostor.clone()).unwrap();
            let rates = |threshold: f32| {
                let fm = impostor.iter().filter(|&&v| v >= threshold).count() as f64 / impostor.len() as f64;
                let fnm = genuine.iter().filter(|&&v| v < threshold).count() as f64 / genuine.len() as f64;
                (fm, fnm)
            };
            let thresholds: Vec<f32> = (-12..=12).flat_map(|v| [v as f32 / 10.0, (v as f32 / 10.0).next_up()]).collect();

            let right = |threshold: f32| {
                let hits = genuine.iter().filter(|&&v| v >= threshold).count() + impostor.iter().filter(|&&v| v < threshold).count();
                hits as f64 / (genuine.len() + impostor.len()) as f64
            };
            let best = thresholds.iter().map(|&t| right(t)).fold(0.0, f64::max);
            prop_assert_eq!(roc.best_accuracy().0, best);

            let gap = thresholds.iter().map(|&t| { let (fm, fnm) = rates(t); (fm - fnm).abs() }).fold(1.0, f64::min);
            let meets = thresholds.iter().any(|&t| {
                let (fm, fnm) = rates(t);
                ((fm - fnm).abs() - gap).abs() < 1e-12 && ((fm + fnm) / 2.0 - roc.eer()).abs() < 1e-12
            });
            prop_assert!(meets, "eer {}", roc.eer());

            if let Some(point) = roc.at_fmr(fmr) {
                prop_assert!(point.fmr <= fmr + 1e-6);
                prop_assert_eq!((point.fmr, point.fnmr), rates(point.threshold));
                // No lower threshold that keeps the rate misses fewer.
                let least = thresholds.iter().map(|&t| rates(t)).filter(|r| r.0 <= fmr).map(|r| r.1).fold(1.0, f64::min);
                prop_assert!(point.fnmr <= least);
            }
        }
    }
}
