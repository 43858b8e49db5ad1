//! Error rates over more comparisons than memory holds.
//!
//! The threshold at a false match rate is one of the highest impostor similarities, so that only those are kept: with a
//! highest rate of 1 %, a hundredth of them. The result is exact, not binned.

use serde::Serialize;

/// False match rates that are reported, highest first.
pub(super) const RATES: [f64; 5] = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// One line of `summary.json`'s `fnmr`: how many genuine pairs are refused where so many impostor pairs pass.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Row {
    /// False match rate, 0 to 1.
    pub(super) fmr: f64,
    /// False non-match rate at it, 0 to 1.
    pub(super) fnmr: f64,
    /// Similarities of at least this match.
    pub(super) threshold: f32,
    /// Genuine comparisons.
    pub(super) genuine: u64,
    /// Impostor comparisons.
    pub(super) impostor: u64,
}

/// All genuine similarities and the highest impostor similarities.
#[derive(Debug, Default)]
pub(super) struct Tail {
    genuine: Vec<f32>,
    /// Holds at least the `keep` highest of those seen.
    impostor: Vec<f32>,
    impostors: u64,
    keep: usize,
}

impl Tail {
    /// For `impostors` impostor comparisons in all.
    pub(super) fn of(impostors: u64) -> Self {
        // One more than may match: the first that may not sets the threshold.
        let keep = allowed(RATES[0], impostors).saturating_add(1);
        Self {
            keep,
            ..Self::default()
        }
    }

    /// Takes in one comparison's similarity.
    pub(super) fn add(&mut self, similarity: f32, same: bool) {
        if same {
            return self.genuine.push(similarity);
        }
        self.impostors += 1;
        self.impostor.push(similarity);
        if self.impostor.len() >= self.keep.saturating_mul(2).max(1024) {
            self.trim();
        }
    }

    /// Takes in all that another part of the comparisons saw.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.genuine.extend(other.genuine);
        self.impostor.extend(other.impostor);
        self.impostors += other.impostors;
        self.keep = self.keep.max(other.keep);
        self.trim();
        self
    }

    fn trim(&mut self) {
        if self.keep < self.impostor.len() {
            self.impostor.select_nth_unstable_by(self.keep, |a, b| b.total_cmp(a));
            self.impostor.truncate(self.keep);
        }
    }

    /// The rows for all rates at which this many comparisons can show a false match; empty where nothing genuine was compared.
    pub(super) fn rows(mut self) -> Vec<Row> {
        self.genuine.sort_unstable_by(f32::total_cmp);
        self.impostor.sort_unstable_by(|a, b| b.total_cmp(a));
        RATES.into_iter().filter_map(|rate| self.row(rate)).collect()
    }

    fn row(&self, fmr: f64) -> Option<Row> {
        let allowed = allowed(fmr, self.impostors);
        if allowed == 0 || self.genuine.is_empty() {
            return None;
        }
        // The highest similarity that must not match, and the next number above it.
        let threshold = self.impostor.get(allowed)?.next_up();
        let refused = self.genuine.partition_point(|similarity| *similarity < threshold);
        Some(Row {
            fmr,
            fnmr: refused as f64 / self.genuine.len() as f64,
            threshold,
            genuine: self.genuine.len() as u64,
            impostor: self.impostors,
        })
    }
}

/// How many of the impostor comparisons may match at a rate.
fn allowed(rate: f64, impostors: u64) -> usize {
    // A hair is added because 1e-3 * 1000 may come out below 1.
    (rate * impostors as f64 + 1e-6) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use vision::face::metrics::Roc;

    /// Similarities without a pattern, in [-1, 1): a linear congruential generator (Knuth's MMIX constants).
    fn similarities(count: usize, mut seed: u64) -> Vec<f32> {
        let mut next = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 40) as f32 / (1u32 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn agrees_with_keeping_everything() {
        let impostor = similarities(25_000, 1);
        let genuine: Vec<f32> = similarities(700, 2)
            .into_iter()
            .map(|value| value / 2.0 + 0.5)
            .collect();
        let all = |part: &[f32], genuine: &[f32]| {
            let mut tail = Tail::of(25_000);
            part.iter().for_each(|similarity| tail.add(*similarity, false));
            genuine.iter().for_each(|similarity| tail.add(*similarity, true));
            tail
        };
        let tail = all(&impostor[..9_000], &genuine[..10]).merge(all(&impostor[9_000..], &genuine[10..]));
        assert!(tail.impostor.len() <= 251, "only the highest are kept");
        let rows = tail.rows();
        let roc = Roc::new(genuine, impostor).expect("both kinds");
        assert_eq!(rows.len(), 3, "25,000 comparisons cannot show a rate of 1e-5");
        for row in rows {
            let point = roc.at_fmr(row.fmr).expect("enough comparisons");
            assert_eq!((row.threshold, row.fnmr), (point.threshold, point.fnmr));
            assert_eq!((row.genuine, row.impostor), (700, 25_000));
        }
    }

    #[test]
    fn promises_nothing_without_comparisons() {
        assert!(Tail::of(0).rows().is_empty());
        let mut tail = Tail::of(1000);
        (0..1000).for_each(|_| tail.add(0.1, false));
        assert!(tail.rows().is_empty());
    }
}
