//! Totals: counts beside every rate.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calibration::{self, Bin};
use super::row::Row;
use super::score::{FIELDS, Verdict};
use crate::dataset::{Field, Forgery, name};
use crate::degrade::Kind;
use crate::evaluate::interval::wilson;

/// `summary.json`.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    #[serde(flatten)]
    pub(super) headline: Headline,
    /// Each field of genuine documents.
    pub(super) fields: BTreeMap<Field, Fields>,
    /// Genuine documents by the kinds of degradation and how strong these are.
    pub(super) degradations: Vec<Degraded>,
    /// Why documents were not verified.
    pub(super) reasons: BTreeMap<String, usize>,
    /// Stated probability against measured.
    pub(super) calibration: Vec<Bin>,
    /// Milliseconds of each stage.
    pub(super) stages: BTreeMap<String, Time>,
}

/// What is shown when the evaluation ends.
#[derive(Debug, Serialize)]
pub(super) struct Headline {
    /// Documents in the truth.
    pub(super) documents: usize,
    /// Those without a result: files that cannot be read, and faults.
    pub(super) failed: usize,
    /// Genuine documents.
    pub(super) genuine: Outcome,
    /// Machine-readable zones.
    pub(super) zones: Zones,
    /// Genuine documents whose zone is covered in part.
    pub(super) covered: Outcome,
    /// Of those, the ones whose covered characters are all fillers or stand in a printed field.
    pub(super) recoverable: Outcome,
    /// Forged documents by kind.
    pub(super) forgeries: BTreeMap<Forgery, Caught>,
}

/// What became of some documents.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Outcome {
    pub(super) documents: usize,
    pub(super) verified: usize,
    /// Verified although the report states something that is not so. The figure that must be 0.
    pub(super) verified_wrong: usize,
    /// Not verified, and something that the report states is not so.
    pub(super) refused_wrong: usize,
    /// The zone was read to the last character.
    pub(super) whole: usize,
}

/// How zones were read.
#[derive(Debug, Serialize)]
pub(super) struct Zones {
    /// Documents that have one, forged ones among them.
    pub(super) documents: usize,
    pub(super) found: usize,
    pub(super) whole: usize,
    /// Share of wrong characters in all zones; those of a zone that was not found are all wrong.
    pub(super) character_error_rate: Option<f64>,
    /// The same in the zones that were found.
    pub(super) character_error_rate_of_found: Option<f64>,
}

/// How a field was read.
#[derive(Debug, Default, Serialize)]
pub(super) struct Fields {
    pub(super) right: usize,
    pub(super) wrong: usize,
    pub(super) missing: usize,
    /// Wrong in a verified document.
    pub(super) verified_wrong: usize,
    /// Share of wrong characters; those of a field that is missing are all wrong.
    pub(super) character_error_rate: Option<f64>,
}

/// Thirds of the scale from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Strength {
    Weak,
    Medium,
    Strong,
}

impl Strength {
    fn of(strength: f32) -> Strength {
        match strength * 3.0 {
            third if third < 1.0 => Strength::Weak,
            third if third < 2.0 => Strength::Medium,
            _ => Strength::Strong,
        }
    }
}

/// Documents with a kind of degradation.
#[derive(Debug, Serialize)]
pub(super) struct Degraded {
    pub(super) kind: Kind,
    pub(super) strength: Strength,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// Forged documents of a kind.
#[derive(Debug, Default, Serialize)]
pub(super) struct Caught {
    pub(super) documents: usize,
    pub(super) caught: usize,
    /// The share that is caught, and the 95 % interval of it (Wilson).
    pub(super) rate: f64,
    pub(super) interval: (f64, f64),
}

/// Milliseconds.
#[derive(Debug, Serialize)]
pub(super) struct Time {
    pub(super) median: f64,
    pub(super) p95: f64,
    pub(super) mean: f64,
}

impl Summary {
    pub(super) fn of(rows: &[Row]) -> Summary {
        let genuine: Vec<&Row> = rows.iter().filter(|row| row.truth.forgery.is_none()).collect();
        let covered: Vec<&Row> = genuine
            .iter()
            .copied()
            .filter(|row| !row.truth.covered.is_empty())
            .collect();
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for (code, reason) in rows.iter().filter_map(|row| row.error.as_ref()) {
            *reasons.entry(format!("{code}: {reason}")).or_default() += 1;
        }
        Summary {
            headline: Headline {
                documents: rows.len(),
                failed: rows.iter().filter(|row| row.failure.is_some()).count(),
                genuine: Outcome::of(genuine.iter().copied()),
                zones: Zones::of(rows),
                recoverable: Outcome::of(covered.iter().copied().filter(|row| row.is_recoverable())),
                covered: Outcome::of(covered.into_iter()),
                forgeries: forgeries(rows),
            },
            fields: FIELDS
                .into_iter()
                .map(|field| (field, Fields::of(&genuine, field)))
                .collect(),
            degradations: degradations(&genuine),
            reasons,
            calibration: calibration::bins(rows),
            stages: stages(rows),
        }
    }
}

impl Outcome {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Outcome {
        let mut outcome = Outcome::default();
        for row in rows {
            outcome.documents += 1;
            outcome.verified += usize::from(row.verified);
            outcome.verified_wrong += usize::from(row.is_wrongly_verified());
            outcome.refused_wrong += usize::from(!row.verified && row.is_wrong());
            outcome.whole += usize::from(row.is_whole());
        }
        outcome
    }
}

impl Zones {
    fn of(rows: &[Row]) -> Zones {
        let with: Vec<&Row> = rows.iter().filter(|row| !row.truth.mrz.is_empty()).collect();
        let rate = |found_only: bool| {
            let rows = with.iter().filter(|row| !found_only || !row.zone.is_empty());
            let (errors, symbols) = rows.fold((0, 0), |(errors, symbols), row| {
                (errors + row.zone_errors(), symbols + row.truth.mrz.concat().len())
            });
            share(errors, symbols)
        };
        Zones {
            documents: with.len(),
            found: with.iter().filter(|row| !row.zone.is_empty()).count(),
            whole: with.iter().filter(|row| row.is_whole()).count(),
            character_error_rate: rate(false),
            character_error_rate_of_found: rate(true),
        }
    }
}

impl Fields {
    fn of(rows: &[&Row], field: Field) -> Fields {
        let mut fields = Fields::default();
        let (mut errors, mut characters) = (0, 0);
        for row in rows {
            let Some(scored) = row.fields.iter().find(|scored| scored.field == field) else {
                continue;
            };
            match scored.verdict {
                Verdict::Right => fields.right += 1,
                Verdict::Missing => fields.missing += 1,
                Verdict::Wrong => {
                    fields.wrong += 1;
                    fields.verified_wrong += usize::from(row.verified);
                }
            }
            errors += scored.errors;
            characters += scored.characters;
        }
        fields.character_error_rate = share(errors, characters);
        fields
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn degradations(rows: &[&Row]) -> Vec<Degraded> {
    let mut groups: BTreeMap<(Kind, Strength), Vec<&Row>> = BTreeMap::new();
    for &row in rows {
        let mut strongest: BTreeMap<Kind, f32> = BTreeMap::new();
        for each in &row.truth.degradations {
            let strength = strongest.entry(each.kind).or_default();
            *strength = strength.max(each.strength);
        }
        for (kind, strength) in strongest {
            groups.entry((kind, Strength::of(strength))).or_default().push(row);
        }
    }
    let groups = groups.into_iter().map(|((kind, strength), rows)| Degraded {
        kind,
        strength,
        outcome: Outcome::of(rows.into_iter()),
    });
    groups.collect()
}

fn forgeries(rows: &[Row]) -> BTreeMap<Forgery, Caught> {
    let mut kinds: BTreeMap<Forgery, Caught> = BTreeMap::new();
    for row in rows {
        if let Some(forgery) = row.truth.forgery {
            let kind = kinds.entry(forgery).or_default();
            kind.documents += 1;
            kind.caught += usize::from(!row.verified);
        }
    }
    for kind in kinds.values_mut() {
        kind.rate = kind.caught as f64 / kind.documents as f64;
        kind.interval = wilson(kind.caught, kind.documents);
    }
    kinds
}

fn stages(rows: &[Row]) -> BTreeMap<String, Time> {
    let mut stages: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.failure.is_none()) {
        stages.entry("total".to_owned()).or_default().push(row.total);
        for (stage, ms) in &row.stages {
            stages.entry(stage.clone()).or_default().push(*ms);
        }
    }
    let time = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            times
                .get(((times.len() - 1) as f64 * share).round() as usize)
                .copied()
                .unwrap_or(0.0)
        };
        Time {
            median: at(0.5),
            p95: at(0.95),
            mean: times.iter().sum::<f64>() / times.len() as f64,
        }
    };
    stages.into_iter().map(|(stage, times)| (stage, time(times))).collect()
}

impl Degraded {
    /// For people.
    pub(super) fn title(&self) -> String {
        format!("{}, {}", name(&self.kind).replace('_', " "), name(&self.strength))
    }
}
