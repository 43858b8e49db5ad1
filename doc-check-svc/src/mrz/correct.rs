//! What text recognition read, made into a zone that the standard allows.
//!
//! The likeliest zone behind the characters is found twice: among all that the layout allows, and among those whose check digits
//! hold. The second is taken only when it is nearly as likely as the first. A document that is *printed* with wrong check digits
//! therefore keeps them, since making them right would mean to change characters that were read surely.

mod glyph;
mod grammar;
mod lattice;

use proto::country::State;

use super::layout::{FieldKind, Format};

pub use glyph::Glyph;
use lattice::{Lattice, Path};

/// How much less likely (natural logarithm) a zone with right check digits may be than the likeliest one. A runner-up with a
/// probability of 1 % costs 4.6, and a character that was read surely and has no look-alike 11.5.
const BUDGET: f32 = 7.0;

/// Most symbols that check digits may change.
const MOST_CHANGES: usize = 3;

/// How much an unknown state's code may cost to become a known one.
const STATE_BUDGET: f32 = 6.0;

/// Mean cost per position above which lines are no zone. Sharp print costs about 0.1, blurred and noisy print of specimens up to 0.2,
/// other text in capital letters laid along a zone 0.87 and more.
const MOST_COST: f32 = 0.75;

/// How many glyphs a line may have more or fewer than positions.
const MOST_MISCOUNTED: usize = 16;

/// The zone behind lines of glyphs.
#[derive(Clone)]
pub struct Corrected {
    /// Its format.
    pub format: Format,
    /// Lines of the format's length.
    pub lines: Vec<String>,
    /// Symbols that differ from what text recognition read. Fillers added to or taken from a run do not count.
    pub corrected: usize,
    /// Mean probability that text recognition gave its best candidates, 0 to 1.
    pub confidence: f32,
    /// Mean cost per position; lower is more like a zone.
    pub cost: f32,
    /// A zone whose check digits hold was likely enough.
    pub check_digits_hold: bool,
}

/// The lines are personal and do not show.
impl std::fmt::Debug for Corrected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Corrected")
            .field("format", &self.format)
            .field("corrected", &self.corrected)
            .field("cost", &self.cost)
            .field("check_digits_hold", &self.check_digits_hold)
            .finish_non_exhaustive()
    }
}

/// The likeliest zone behind these lines from top to bottom; `None` when they resemble none.
#[must_use]
pub fn correct(lines: &[Vec<Glyph>]) -> Option<Corrected> {
    // The format is that of the likeliest zone. Check digits have no say in it: among five formats, chance alone would make some
    // hold.
    let free_as = |format: Format| {
        let fits = |line: &Vec<Glyph>| line.len().abs_diff(format.line_length()) <= MOST_MISCOUNTED;
        lines
            .iter()
            .all(fits)
            .then(|| Lattice::search(format, lines, false))?
            .map(|free| (format, free))
    };
    let (format, free) = Format::ALL
        .into_iter()
        .filter_map(free_as)
        .min_by(|(_, a), (_, b)| a.cost.total_cmp(&b.cost))?;
    let positions = (format.lines() * format.line_length()) as f32;
    let cost = free.cost / positions;
    if cost > MOST_COST {
        return None;
    }
    let holding = Lattice::search(format, lines, true).filter(|path| {
        path.cost - free.cost <= BUDGET && changed(format, lines, path) <= changed(format, lines, &free) + MOST_CHANGES
    });
    let check_digits_hold = holding.is_some();
    let mut path = holding.unwrap_or(free);
    name_states(format, lines, &mut path);
    Some(Corrected {
        format,
        corrected: changed(format, lines, &path),
        confidence: confidence(lines),
        cost,
        check_digits_hold,
        lines: path
            .placed
            .chunks(format.line_length())
            .map(|line| line.iter().map(|placed| char::from(placed.symbol)).collect())
            .collect(),
    })
}

/// Replaces codes of states that are not assigned by assigned ones, where these look nearly the same. No check digit covers them.
fn name_states(format: Format, lines: &[Vec<Glyph>], path: &mut Path) {
    for kind in [FieldKind::IssuingState, FieldKind::Nationality] {
        let Some(field) = format.field(kind) else { continue };
        let start = field.line * format.line_length() + field.start;
        let Some(glyphs) = lines.get(field.line) else { continue };
        let Some(placed) = path.placed.get_mut(start..start + 3) else {
            continue;
        };
        let code: String = placed.iter().map(|placed| char::from(placed.symbol)).collect();
        if State::of(code.trim_end_matches('<')).is_some() {
            continue;
        }
        let cost = |code: &str| -> f32 {
            let symbols = code.bytes().chain(std::iter::repeat(b'<'));
            let cost_of = |(placed, symbol): (&lattice::Placed, u8)| match placed.glyph.and_then(|at| glyphs.get(at)) {
                Some(glyph) => glyph.cost(symbol, field.class()) - glyph.cost(placed.symbol, field.class()),
                None if placed.symbol == symbol => 0.0,
                None => f32::INFINITY,
            };
            placed.iter().zip(symbols).map(cost_of).sum()
        };
        let likeliest = State::codes()
            .map(|code| (code, cost(code)))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((code, cost)) = likeliest
            && cost <= STATE_BUDGET
        {
            let symbols = code.bytes().chain(std::iter::repeat(b'<'));
            placed
                .iter_mut()
                .zip(symbols)
                .for_each(|(placed, symbol)| placed.symbol = symbol);
        }
    }
}

/// Symbols that differ from what was read, other than fillers in a run.
fn changed(format: Format, lines: &[Vec<Glyph>], path: &Path) -> usize {
    let mut changed = path.dropped;
    for (line, glyphs) in path.placed.chunks(format.line_length()).zip(lines) {
        for placed in line {
            let read = placed.glyph.and_then(|at| glyphs.get(at));
            changed += usize::from(match read {
                Some(glyph) => glyph.best() != Some(placed.symbol),
                None => placed.symbol != b'<',
            });
        }
    }
    changed
}

fn confidence(lines: &[Vec<Glyph>]) -> f32 {
    let count = lines.iter().map(Vec::len).sum::<usize>();
    let sum: f32 = lines.iter().flatten().map(Glyph::confidence).sum();
    if count == 0 { 0.0 } else { sum / count as f32 }
}

#[cfg(test)]
#[path = "correct/correct_tests.rs"]
mod tests;
