//! Connectionist temporal classification (Graves et al. 2006): from scores per place to characters.

use super::alphabet::Dictionary;
use super::line::{Candidate, TextChar};

/// Scores this far below the best add less than 2e-9 of its weight to the softmax and are skipped.
const NEGLIGIBLE: f32 = 20.0;

/// A run of places with the same best class.
struct Emission<'a> {
    class: usize,
    first: usize,
    last: usize,
    /// Where the class is likeliest.
    probability: f32,
    scores: &'a [f32],
}

/// The likeliest class at each place, runs of one class taken as one character, and places without character left out. `scores`
/// holds a row of one score per class of the dictionary for each place, the line covers the first `places` of them.
pub(super) fn decode(scores: &[f32], dictionary: &Dictionary, places: f32) -> Vec<TextChar> {
    let mut emissions: Vec<Emission<'_>> = Vec::new();
    let mut previous = 0;
    for (place, scores) in scores.chunks_exact(dictionary.classes()).enumerate() {
        let class = likeliest(scores);
        if class != 0 {
            let probability = softmax(scores, scores.get(class).copied().unwrap_or(f32::MIN));
            match emissions.last_mut().filter(|_| class == previous) {
                Some(run) => {
                    run.last = place;
                    if probability > run.probability {
                        run.probability = probability;
                        run.scores = scores;
                    }
                }
                None => emissions.push(Emission {
                    class,
                    first: place,
                    last: place,
                    probability,
                    scores,
                }),
            }
        }
        previous = class;
    }
    emissions
        .into_iter()
        .filter_map(|run| {
            Some(TextChar {
                best: Candidate {
                    character: dictionary.character(run.class)?,
                    probability: run.probability,
                },
                alternatives: runners_up(run.scores, run.class, dictionary),
                position: (((run.first + run.last + 1) as f32 / 2.0) / places).clamp(0.0, 1.0),
            })
        })
        .collect()
}

fn likeliest(scores: &[f32]) -> usize {
    let best = scores.iter().copied().fold(f32::MIN, f32::max);
    scores.iter().position(|&score| score == best).unwrap_or(0)
}

/// The probability of each class.
pub(super) fn distribution(scores: &[f32]) -> impl Iterator<Item = f32> {
    let best = scores.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = scores.iter().map(|score| (score - best).exp()).sum();
    scores.iter().map(move |score| (score - best).exp() / sum)
}

/// The probability of a class with this score.
fn softmax(scores: &[f32], score: f32) -> f32 {
    let best = scores.iter().copied().fold(f32::MIN, f32::max);
    let weights = scores.iter().filter(|&&s| s > best - NEGLIGIBLE);
    (score - best).exp() / weights.map(|s| (s - best).exp()).sum::<f32>()
}

/// The best classes besides `class` and that for no character.
fn runners_up(scores: &[f32], class: usize, dictionary: &Dictionary) -> Vec<Candidate> {
    let mut top: Vec<(usize, f32)> = Vec::with_capacity(TextChar::ALTERNATIVES + 1);
    for (other, &score) in scores.iter().enumerate().skip(1) {
        let full = top.len() == TextChar::ALTERNATIVES;
        if other == class || (full && top.last().is_some_and(|(_, least)| *least >= score)) {
            continue;
        }
        let at = top.partition_point(|(_, better)| *better >= score);
        top.insert(at, (other, score));
        top.truncate(TextChar::ALTERNATIVES);
    }
    top.into_iter()
        .filter_map(|(class, score)| {
            Some(Candidate {
                character: dictionary.character(class)?,
                probability: softmax(scores, score),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Weights;
    use std::collections::{BTreeMap, HashMap};

    /// Classes: none, A, B, C, space.
    fn abc() -> Dictionary {
        let properties = BTreeMap::from([("character".to_owned(), "A\nB\nC".to_owned())]);
        Dictionary::load(&Weights::new("test", HashMap::new(), properties)).unwrap()
    }

    fn logits(probabilities: &[[f32; 5]]) -> Vec<f32> {
        probabilities.iter().flatten().map(|p| p.ln()).collect()
    }

    #[test]
    fn runs_are_one_character_and_blanks_part_them() {
        let scores = logits(&[
            [0.90, 0.05, 0.03, 0.01, 0.01],
            [0.10, 0.60, 0.20, 0.06, 0.04],
            [0.05, 0.80, 0.10, 0.03, 0.02],
            [0.70, 0.20, 0.05, 0.03, 0.02],
            [0.10, 0.70, 0.10, 0.06, 0.04],
            [0.10, 0.10, 0.10, 0.65, 0.05],
            [0.05, 0.05, 0.05, 0.05, 0.80],
            [0.96, 0.01, 0.01, 0.01, 0.01],
        ]);
        let chars = decode(&scores, &abc(), 8.0);
        let text: String = chars.iter().map(|c| c.best.character).collect();
        assert_eq!(text, "AAC ");
        let first = &chars[0];
        assert!(
            (first.best.probability - 0.8).abs() < 1e-5,
            "that of the likelier of the two places"
        );
        assert_eq!(first.position, 2.0 / 8.0);
        let rest: Vec<char> = first.alternatives.iter().map(|c| c.character).collect();
        assert_eq!(rest, ['B', 'C', ' '], "neither itself nor no character");
        assert!((first.alternatives[0].probability - 0.1).abs() < 1e-5);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert!(decode(&[], &abc(), 1.0).is_empty());
        assert!(decode(&logits(&[[0.9, 0.025, 0.025, 0.025, 0.025]; 3]), &abc(), 3.0).is_empty());
        let broken = [f32::NAN; 10];
        assert!(decode(&broken, &abc(), 2.0).is_empty());
    }
}
