//! How sure a zone is, given what was seen at each of its positions.
//!
//! A zone is a symbol for every position. Its prior is that of the layout: which symbols a field may hold, how names are laid out,
//! that check digits are those of what they cover save for misprints. Its likelihood is the product of the beliefs. Sums over all
//! zones are exact: the running sums of the check digits modulo 10 and the place in a name are the whole memory of the prior, so a
//! pass over the positions reaches every zone (forward algorithm; Rabiner 1989, section III.A).
//!
//! Hence a check digit confirms what was read, and one that was used up to tell what could not be read confirms nothing any more:
//! the zones that differ there share what is left.

use std::ops::Range;

use proto::country::State as Country;

use super::belief::{Belief, SYMBOLS, letter, symbols};
use super::grammar::{START, Slot, State, slots};
use super::layout::{Field, FieldKind, Format, Shape};

/// Share of documents with a code that no state has, specimens among them.
const UNASSIGNED: f64 = 1e-2;

/// Share of holders who are nationals of the issuing state, among documents of all kinds.
const NATIONALS: f64 = 0.9;

/// Taken off the logarithm for each position of a zone at which nothing was seen: few are, but most of a grid beside the zone.
const UNSEEN: f64 = 1.3;

/// How much likelier what was seen is for a zone than for symbols at random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Natural logarithm of it. Grows with every position that was seen; each takes from it where it is text of another kind, a zone
    /// upside down or on a wrong grid.
    pub log_ratio: f64,
    /// Positions at which something was seen.
    pub seen: usize,
}

impl Evidence {
    /// Least [`Self::fit`] of a zone that says something of its page: below, what was read may be a zone on a wrong grid.
    pub const WELL_READ: f64 = -0.5;

    /// That of the likeliest format of a shape; `None` where none allows any zone. Costs a part of what [`Posterior::of`] does.
    #[must_use]
    pub fn of(shape: Shape, beliefs: &[Belief]) -> Option<Self> {
        let totals = Format::of_shape(shape).map(|format| Forward::over(format, beliefs).total());
        let best = totals.fold(f64::NEG_INFINITY, f64::max);
        best.is_finite().then(|| Self::new(best, beliefs))
    }

    fn new(total: f64, beliefs: &[Belief]) -> Self {
        let seen = beliefs.iter().filter(|belief| belief.symbol().is_some()).count();
        let unseen = beliefs.len() - seen;
        Self {
            log_ratio: total + seen as f64 * (SYMBOLS as f64).ln() - unseen as f64 * UNSEEN,
            seen,
        }
    }

    /// Natural logarithm of the likelihood per position seen. Near 0 for sharp print, −3.6 for symbols at random.
    #[must_use]
    pub fn fit(&self) -> f64 {
        self.log_ratio / self.seen.max(1) as f64 - (SYMBOLS as f64).ln()
    }
}

/// A zone as it was most likely printed.
#[derive(Clone)]
pub struct Posterior {
    /// Size and arrangement.
    pub format: Format,
    /// The likeliest lines.
    pub lines: Vec<String>,
    /// How sure each field is, in reading order.
    pub fields: Vec<FieldPosterior>,
    /// That it is one.
    pub evidence: Evidence,
}

/// The lines are personal and do not show.
impl std::fmt::Debug for Posterior {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Posterior")
            .field("format", &self.format)
            .field("fields", &self.fields)
            .field("evidence", &self.evidence)
            .finish_non_exhaustive()
    }
}

/// How sure one field is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FieldPosterior {
    /// Which.
    pub kind: FieldKind,
    /// Probability that the field is printed as the lines have it, 0 to 1.
    pub probability: f64,
    /// Positions at which nothing was seen.
    pub unseen: usize,
    /// Positions at which another of the symbols that the field may hold was likelier than the one that the lines have.
    pub repaired: usize,
}

impl Posterior {
    /// The likeliest zone of a shape behind the beliefs of its positions in reading order; `None` where no format allows any.
    #[must_use]
    pub fn of(shape: Shape, beliefs: &[Belief]) -> Option<Self> {
        let weighed: Vec<(Format, Forward<'_>)> = Format::of_shape(shape)
            .map(|format| (format, Forward::over(format, beliefs)))
            .collect();
        let best = weighed
            .iter()
            .map(|(_, forward)| forward.total())
            .fold(f64::MIN, f64::max);
        let all: f64 = weighed.iter().map(|(_, forward)| (forward.total() - best).exp()).sum();
        let (format, forward) = weighed.iter().max_by(|a, b| a.1.total().total_cmp(&b.1.total()))?;
        if !best.is_finite() {
            return None;
        }
        let mut zone = forward.likeliest()?;
        let backward = forward.backward();
        let states = states(*format, beliefs);
        for (field, code, _) in &states {
            zone.splice(
                range(*format, field),
                code.bytes().chain(std::iter::repeat(b'<')).take(3),
            );
        }
        let fields = format.fields().iter().map(|field| {
            let range = range(*format, field);
            let probability = match states.iter().find(|(other, ..)| other.kind == field.kind) {
                Some((_, _, probability)) => *probability,
                None => forward.probability(&backward, &zone, range.clone()),
            };
            let places = || {
                zone.get(range.clone())
                    .into_iter()
                    .flatten()
                    .zip(beliefs.get(range.clone()).into_iter().flatten())
            };
            FieldPosterior {
                kind: field.kind,
                probability: probability / all,
                unseen: places().filter(|(_, belief)| belief.symbol().is_none()).count(),
                repaired: places()
                    .filter(|(symbol, belief)| belief.best(field.class()).is_some_and(|best| best != **symbol))
                    .count(),
            }
        });
        Some(Self {
            format: *format,
            fields: fields.collect(),
            evidence: Evidence::new(forward.total(), beliefs),
            lines: zone
                .chunks(shape.length)
                .map(|line| line.iter().copied().map(char::from).collect())
                .collect(),
        })
    }

    /// Positions in all at which another symbol was read than the lines have.
    #[must_use]
    pub fn repaired(&self) -> usize {
        self.fields.iter().map(|field| field.repaired).sum()
    }

    /// Probability that every field is printed as the lines have it, were each one's sure apart from the others'.
    #[must_use]
    pub fn probability(&self) -> f64 {
        self.fields.iter().map(|field| field.probability).product()
    }

    /// The field as the lines have it; empty where the format has none of this kind.
    #[must_use]
    pub fn symbols(&self, kind: FieldKind) -> &str {
        let field = self.format.field(kind);
        let symbols = field.and_then(|field| self.lines.get(field.line)?.get(field.start..field.end));
        symbols.unwrap_or_default()
    }

    /// How sure a field is; `None` where the format has none of this kind.
    #[must_use]
    pub fn field(&self, kind: FieldKind) -> Option<&FieldPosterior> {
        self.fields.iter().find(|field| field.kind == kind)
    }
}

/// The positions of a field in reading order.
fn range(format: Format, field: &Field) -> Range<usize> {
    let start = field.line * format.line_length();
    start + field.start..start + field.end
}

/// A message of the passes: for each state, the sum over all ways to reach it or to go on from it, relative to `scale`.
#[derive(Clone)]
struct Message {
    weights: Vec<f64>,
    /// Natural logarithm of what the weights are to be multiplied by.
    scale: f64,
}

impl Message {
    fn empty() -> Self {
        Self {
            weights: vec![0.0; State::COUNT],
            scale: 0.0,
        }
    }

    /// Weights that add up to 1; what they added up to goes into the scale.
    fn normalised(mut self, scale: f64) -> Self {
        let sum: f64 = self.weights.iter().sum();
        if sum > 0.0 {
            self.weights.iter_mut().for_each(|weight| *weight /= sum);
        }
        self.scale = scale + sum.ln();
        self
    }

    fn states(&self) -> impl Iterator<Item = (State, f64)> {
        let weights = self.weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
        weights.filter_map(|(index, weight)| Some((State::at(index)?, *weight)))
    }
}

/// The forward pass over one format.
struct Forward<'a> {
    beliefs: &'a [Belief],
    slots: Vec<Slot>,
    /// Before each position, and after the last.
    messages: Vec<Message>,
}

impl<'a> Forward<'a> {
    fn over(format: Format, beliefs: &'a [Belief]) -> Self {
        let slots = slots(format);
        let mut start = Message::empty();
        if let Some(weight) = start.weights.get_mut(START.index()) {
            *weight = 1.0;
        }
        let mut messages = vec![start];
        for (slot, belief) in slots.iter().zip(beliefs) {
            let candidates = candidates(slot, belief);
            let next = messages.last().map(|before| advance(before, slot, &candidates));
            messages.extend(next);
        }
        Self {
            beliefs,
            slots,
            messages,
        }
    }

    /// Logarithm of the sum over all zones.
    fn total(&self) -> f64 {
        self.messages.last().map_or(f64::NEG_INFINITY, |message| message.scale)
    }

    /// For each position, and after the last, the sum over all ways to go on from each state.
    fn backward(&self) -> Vec<Message> {
        let end = Message {
            weights: vec![1.0; State::COUNT],
            scale: 0.0,
        };
        let mut messages = vec![end];
        let steps = self.slots.iter().zip(self.beliefs).zip(&self.messages).rev();
        for ((slot, belief), reached) in steps {
            let Some(after) = messages.last() else { break };
            let candidates = candidates(slot, belief);
            let mut before = Message::empty();
            for (state, _) in reached.states() {
                let sum = candidates
                    .iter()
                    .flat_map(|candidate| {
                        steps_of(slot, state, candidate.symbol).map(|(next, prior)| (next, candidate.sum * prior))
                    })
                    .map(|(next, weight)| weight * after.weights.get(next.index()).copied().unwrap_or_default())
                    .sum();
                if let Some(weight) = before.weights.get_mut(state.index()) {
                    *weight = sum;
                }
            }
            messages.push(before.normalised(after.scale));
        }
        messages.reverse();
        messages
    }

    /// The zone with the greatest product of prior and likelihood (Viterbi).
    fn likeliest(&self) -> Option<Vec<u8>> {
        let mut best: Vec<f64> = vec![f64::NEG_INFINITY; State::COUNT];
        *best.get_mut(START.index())? = 0.0;
        let mut steps: Vec<Vec<(usize, u8)>> = Vec::with_capacity(self.slots.len());
        for (slot, belief) in self.slots.iter().zip(self.beliefs) {
            let candidates = candidates(slot, belief);
            let mut next = vec![f64::NEG_INFINITY; State::COUNT];
            let mut from = vec![(usize::MAX, b'<'); State::COUNT];
            for (index, score) in best.iter().enumerate().filter(|(_, score)| score.is_finite()) {
                let Some(state) = State::at(index) else { continue };
                for &Candidate { symbol, most, .. } in &candidates {
                    for (after, prior) in steps_of(slot, state, symbol) {
                        let score = score + (most * prior).ln();
                        let (Some(place), Some(way)) = (next.get_mut(after.index()), from.get_mut(after.index()))
                        else {
                            continue;
                        };
                        if score > *place {
                            (*place, *way) = (score, (index, symbol));
                        }
                    }
                }
            }
            best = next;
            steps.push(from);
        }
        let mut at = (0..State::COUNT).max_by(|&a, &b| best[a].total_cmp(&best[b]))?;
        let mut zone = Vec::with_capacity(steps.len());
        for step in steps.iter().rev() {
            let &(before, symbol) = step.get(at)?;
            zone.push(symbol);
            at = before;
        }
        zone.reverse();
        Some(zone)
    }

    /// Share of all zones that have these symbols at these positions.
    fn probability(&self, backward: &[Message], zone: &[u8], range: Range<usize>) -> f64 {
        let (Some(before), Some(after)) = (self.messages.get(range.start), backward.get(range.end)) else {
            return 0.0;
        };
        let mut message = before.clone();
        for at in range {
            let (Some(slot), Some(belief), Some(&symbol)) = (self.slots.get(at), self.beliefs.get(at), zone.get(at))
            else {
                return 0.0;
            };
            let Some(weight) = weight(slot, belief, symbol) else {
                return 0.0;
            };
            let only = Candidate {
                symbol,
                most: weight,
                sum: weight,
            };
            message = advance(&message, slot, &[only]);
        }
        let shared: f64 = message.weights.iter().zip(&after.weights).map(|(a, b)| a * b).sum();
        (message.scale + after.scale + shared.ln() - self.total())
            .exp()
            .clamp(0.0, 1.0)
    }
}

/// Symbols at a position that lead to the same states.
struct Candidate {
    /// The likeliest of them.
    symbol: u8,
    /// Prior times likelihood of that one, and of all together.
    most: f64,
    sum: f64,
}

/// The symbols that may stand at a position.
fn candidates(slot: &Slot, belief: &Belief) -> Vec<Candidate> {
    let mut groups: Vec<(u32, Candidate)> = Vec::new();
    for symbol in symbols() {
        let (Some(weight), Some(transition)) = (weight(slot, belief, symbol), slot.transition(symbol)) else {
            continue;
        };
        match groups.iter_mut().find(|(other, _)| *other == transition) {
            Some((_, group)) => {
                group.sum += weight;
                if weight > group.most {
                    (group.symbol, group.most) = (symbol, weight);
                }
            }
            None => groups.push((
                transition,
                Candidate {
                    symbol,
                    most: weight,
                    sum: weight,
                },
            )),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Prior times likelihood of a symbol at a position; `None` where it cannot stand there.
fn weight(slot: &Slot, belief: &Belief, symbol: u8) -> Option<f64> {
    let prior = (-slot.cost(symbol)?).exp();
    let likelihood = belief.likelihood(symbol, slot.class);
    Some(match belief.symbol() {
        Some(_) => f64::from(prior * likelihood),
        None => slot.unseen(symbol, belief.is_open()) * f64::from(likelihood) * SYMBOLS as f64,
    })
}

/// Where a symbol leads, with the prior of each way.
fn steps_of(slot: &Slot, state: State, symbol: u8) -> impl Iterator<Item = (State, f64)> {
    let steps = slot.step(state, symbol).into_iter().flatten();
    steps.map(|(next, cost)| (next, f64::from(-cost).exp()))
}

fn advance(before: &Message, slot: &Slot, candidates: &[Candidate]) -> Message {
    let mut after = Message::empty();
    for (state, weight) in before.states() {
        for candidate in candidates {
            for (next, prior) in steps_of(slot, state, candidate.symbol) {
                if let Some(place) = after.weights.get_mut(next.index()) {
                    *place += weight * candidate.sum * prior;
                }
            }
        }
    }
    after.normalised(before.scale)
}

/// The likeliest issuing state and nationality, and how sure each is. Neither is covered by a check digit; that most codes are not
/// assigned and most holders are nationals of the issuer is all that is known before.
fn states(format: Format, beliefs: &[Belief]) -> Vec<(&'static Field, String, f64)> {
    let field = |kind| format.field(kind).map(|field| (field, weights(format, field, beliefs)));
    let (Some((issuer_field, issuers)), Some((nation_field, nations))) =
        (field(FieldKind::IssuingState), field(FieldKind::Nationality))
    else {
        return Vec::new();
    };
    let all: f64 = nations.iter().map(|(_, weight)| weight).sum();
    let nation = |code: &str| {
        nations
            .iter()
            .find(|(other, _)| other == code)
            .map_or(0.0, |(_, weight)| *weight)
    };
    let count = nations.len() as f64;
    let joint = |issuer: &str, own: f64| own * (NATIONALS * nation(issuer) + (1.0 - NATIONALS) * all / count);
    let issuer_total: f64 = issuers.iter().map(|(code, own)| joint(code, *own)).sum();
    let issuer = issuers
        .iter()
        .max_by(|a, b| joint(&a.0, a.1).total_cmp(&joint(&b.0, b.1)));
    let issuer_weight: f64 = issuers.iter().map(|(_, own)| own).sum();
    let holder = |code: &str, own: f64| {
        let issued = issuers
            .iter()
            .find(|(other, _)| other == code)
            .map_or(0.0, |(_, weight)| *weight);
        own * (NATIONALS * issued + (1.0 - NATIONALS) * issuer_weight / count)
    };
    let holder_total: f64 = nations.iter().map(|(code, own)| holder(code, *own)).sum();
    let nationality = nations
        .iter()
        .max_by(|a, b| holder(&a.0, a.1).total_cmp(&holder(&b.0, b.1)));
    let mut found = Vec::new();
    if let Some((code, own)) = issuer {
        found.push((issuer_field, code.clone(), joint(code, *own) / issuer_total));
    }
    if let Some((code, own)) = nationality {
        found.push((nation_field, code.clone(), holder(code, *own) / holder_total));
    }
    found
}

/// Prior times likelihood of every assigned code, and of the likeliest that is none.
fn weights(format: Format, field: &Field, beliefs: &[Belief]) -> Vec<(String, f64)> {
    let Some([a, b, c]) = beliefs.get(range(format, field)) else {
        return Vec::new();
    };
    let likelihood = |code: &str| -> f64 {
        let symbols = code.bytes().chain(std::iter::repeat(b'<'));
        let places = [a, b, c].into_iter().zip(symbols);
        places
            .map(|(belief, symbol)| f64::from(belief.likelihood(symbol, field.class())))
            .product()
    };
    let assigned: Vec<&str> = Country::codes().collect();
    let prior = (1.0 - UNASSIGNED) / assigned.len() as f64;
    let mut weights: Vec<(String, f64)> = assigned
        .iter()
        .map(|code| ((*code).to_owned(), prior * likelihood(code)))
        .collect();
    // As it was read, digits too where they resemble no letter: what is printed wrong is stated, not made right.
    let read: String = [a, b, c]
        .into_iter()
        .map(|belief| char::from(belief.symbol().map_or(b'<', letter)))
        .collect();
    let read = read.trim_end_matches('<').to_owned();
    if !assigned.contains(&read.as_str()) {
        // One of the 37³ that three symbols can make.
        let weight = UNASSIGNED / (SYMBOLS as f64).powi(3) * likelihood(&read);
        weights.push((read, weight));
    }
    weights
}

#[cfg(test)]
#[path = "posterior_tests.rs"]
mod tests;
