//! Totals in the terms of ISO/IEC 30107-3: counts and intervals beside every rate.

use std::collections::BTreeMap;

use serde::Serialize;

use super::row::Row;
use crate::attacks::{Half, Kind};
use crate::evaluate::interval::wilson;

/// `summary.json`.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// Presentations in the truth.
    pub(super) presentations: usize,
    /// Those without a result: files that cannot be read, and faults.
    pub(super) failed: usize,
    /// Each half of the people that has any.
    pub(super) halves: BTreeMap<Half, Rates>,
    /// Mean of the milliseconds from two files to the report.
    pub(super) mean_ms: f64,
}

/// What became of the presentations of some people.
#[derive(Debug, Serialize)]
pub(super) struct Rates {
    /// Bona fide presentations; an error is one that any test refused, but for the comparison of the faces (BPCER).
    pub(super) bona_fide: Counted,
    /// The same by test.
    pub(super) bona_fide_by_test: BTreeMap<String, Counted>,
    /// Attacks and unfit selfies by kind; an error is one that none of the tests refused that are there for it (APCER).
    pub(super) attacks: BTreeMap<Kind, Counted>,
}

/// Presentations of one kind.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub(super) struct Counted {
    pub(super) presentations: usize,
    /// Those without two faces to compare (APNRR, BPNRR), which count in no rate: the check refuses them.
    pub(super) without_response: usize,
    /// Those that were classified as what they are not.
    pub(super) errors: usize,
    /// Their share of those with a response, and the 95 % interval of it (Wilson). Null without any.
    pub(super) rate: Option<f64>,
    pub(super) interval: Option<(f64, f64)>,
    /// The same of presentation attack detection, which looks at the selfie alone. Null where it is not installed.
    pub(super) presentation_attack_detection: Option<Detected>,
    /// Those that the whole check of the selfie verified; of attacks, IAPAR is their share.
    pub(super) verified: usize,
}

/// How presentation attack detection classified presentations of one kind.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub(super) struct Detected {
    /// Those with a face that it looked at.
    pub(super) presentations: usize,
    pub(super) errors: usize,
    pub(super) rate: f64,
    pub(super) interval: (f64, f64),
}

impl Summary {
    pub(super) fn of(rows: &[Row]) -> Summary {
        let of = |half: Half| {
            let rows = rows.iter().filter(|row| Half::of(&row.truth.identity) == half);
            Rates::of(rows.filter(|row| row.failure.is_none()))
        };
        let timed = rows.iter().filter(|row| row.failure.is_none());
        let (count, sum) = timed.fold((0, 0.0), |(count, sum), row| (count + 1, sum + row.total));
        Summary {
            presentations: rows.len(),
            failed: rows.len() - count,
            halves: [Half::Tuning, Half::Measuring]
                .map(|half| (half, of(half)))
                .into_iter()
                .filter(|(_, rates)| rates.bona_fide.presentations > 0 || !rates.attacks.is_empty())
                .collect(),
            mean_ms: sum / count.max(1) as f64,
        }
    }
}

impl Rates {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Rates {
        let mut rates = Rates {
            bona_fide: Counted::default(),
            bona_fide_by_test: BTreeMap::new(),
            attacks: BTreeMap::new(),
        };
        let mut refused: BTreeMap<String, usize> = BTreeMap::new();
        for row in rows {
            let counted = match row.truth.attack {
                Some(kind) => rates.attacks.entry(kind).or_default(),
                None => &mut rates.bona_fide,
            };
            counted.add(row);
            if row.truth.attack.is_none() && row.has_response() {
                for test in &row.failed_tests {
                    *refused.entry(test.clone()).or_default() += 1;
                }
            }
        }
        let by_test = refused.into_iter().map(|(test, errors)| {
            let counted = Counted {
                errors,
                presentation_attack_detection: None,
                ..rates.bona_fide.clone()
            };
            (test, counted)
        });
        rates.bona_fide_by_test = by_test.collect();
        let by_test = rates.bona_fide_by_test.values_mut();
        for counted in rates.attacks.values_mut().chain(by_test).chain([&mut rates.bona_fide]) {
            counted.conclude();
        }
        rates
    }
}

impl Counted {
    fn add(&mut self, row: &Row) {
        self.presentations += 1;
        self.without_response += usize::from(!row.has_response());
        self.errors += usize::from(row.is_error());
        self.verified += usize::from(row.verified);
        if let Some(is_attack) = row.is_presentation_attack() {
            let detected = self.presentation_attack_detection.get_or_insert_default();
            detected.presentations += 1;
            detected.errors += usize::from(is_attack != row.truth.attack.is_some());
        }
    }

    fn conclude(&mut self) {
        let responses = self.presentations - self.without_response;
        if responses > 0 {
            self.rate = Some(self.errors as f64 / responses as f64);
            self.interval = Some(wilson(self.errors, responses));
        }
        if let Some(detected) = &mut self.presentation_attack_detection {
            detected.rate = detected.errors as f64 / detected.presentations as f64;
            detected.interval = wilson(detected.errors, detected.presentations);
        }
    }
}
