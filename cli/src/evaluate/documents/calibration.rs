//! Stated probabilities against measured ones.

use serde::Serialize;

use super::row::Row;
use super::score::Verdict;

/// Edges of the ten bins: narrow where a verified document's fields are.
const EDGES: [f64; 11] = [0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0];

/// The fields whose stated probability lies between two edges, the upper one in the last bin only.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bin {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) fields: usize,
    /// Mean of the stated probabilities.
    pub(super) stated: Option<f64>,
    /// Share of the fields that are right.
    pub(super) measured: Option<f64>,
}

/// Ten bins over all stated fields of documents that are not forged.
pub(super) fn bins(rows: &[Row]) -> Vec<Bin> {
    let genuine = rows.iter().filter(|row| row.truth.forgery.is_none());
    let stated: Vec<(f64, bool)> = genuine
        .flat_map(|row| &row.fields)
        .filter_map(|field| Some((field.probability?, field.verdict == Verdict::Right)))
        .collect();
    of(&stated)
}

fn of(stated: &[(f64, bool)]) -> Vec<Bin> {
    EDGES
        .windows(2)
        .map(|edges| {
            let (from, to) = (edges[0], edges[1]);
            let inside = |probability: f64| probability >= from && (probability < to || to == 1.0);
            let fields: Vec<&(f64, bool)> = stated.iter().filter(|(probability, _)| inside(*probability)).collect();
            let mean = |sum: f64| (!fields.is_empty()).then(|| sum / fields.len() as f64);
            Bin {
                from,
                to,
                fields: fields.len(),
                stated: mean(fields.iter().map(|(probability, _)| probability).sum()),
                measured: mean(fields.iter().filter(|(_, right)| *right).count() as f64),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probability_is_in_one_bin() {
        let stated: Vec<(f64, bool)> = (0..=1000)
            .map(|part| (f64::from(part) / 1000.0, part % 2 == 0))
            .collect();
        let bins = of(&stated);
        assert_eq!(bins.len(), 10);
        assert_eq!(bins.iter().map(|bin| bin.fields).sum::<usize>(), stated.len());
        assert_eq!(bins[0].fields, 500);
        assert_eq!(bins[0].measured, Some(0.5));
        let last = bins.last().expect("ten");
        assert_eq!((last.fields, last.stated), (2, Some(0.9995)));
    }
}
