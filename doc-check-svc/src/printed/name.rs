//! Names of the zone's field, found in print.

use super::text::Pattern;
use super::zone::{Seen, trimmed};

/// More ways to part a field with unknown positions than these are not tried.
const MOST_SPLITS: usize = 64;

/// One way to part the field of names: positions of the surname and of the given names.
#[derive(Clone, Copy)]
pub(super) struct Split<'z> {
    pub(super) surname: Pattern<'z>,
    pub(super) given: Pattern<'z>,
}

/// Every way in which the field may be parted: one where all of it is known.
pub(super) fn splits(field: &[Seen]) -> Vec<Split<'_>> {
    let is_cut = field
        .last()
        .is_some_and(|last| matches!(last, Seen::Symbol(symbol) if *symbol != b'<'));
    let pattern = |seen, is_last| Pattern {
        seen,
        is_cut,
        may_go_on: is_cut && is_last,
    };
    let mut splits = Vec::new();
    let begins = field.iter().take_while(|seen| **seen == Seen::Symbol(b'<')).count();
    for end in begins..=field.len() {
        let Some(surname) = field.get(begins..end) else { break };
        let rest = field.get(end..).unwrap_or_default();
        let is_parted = rest.iter().take(2).all(|seen| seen.may_be(b'<'));
        if is_word(surname) && is_parted {
            let given = rest.get(2..).unwrap_or_default();
            for given in givens(given) {
                splits.push(Split {
                    surname: pattern(surname, false),
                    given: pattern(given, true),
                });
            }
        }
        // What is certain to part them does.
        let is_certain = rest.iter().take(2).all(|seen| *seen == Seen::Symbol(b'<'));
        if (is_certain && end > begins) || splits.len() >= MOST_SPLITS {
            break;
        }
    }
    splits
}

/// Given names that the positions may hold: with unknown ones at the end, of several lengths.
fn givens(rest: &[Seen]) -> Vec<&[Seen]> {
    let longest = trimmed(rest);
    let known = |seen: &Seen| matches!(seen, Seen::Symbol(symbol) if *symbol != b'<');
    let least = longest.iter().rposition(known).map_or(0, |at| at + 1);
    (least..=longest.len())
        .filter_map(|end| longest.get(..end))
        .filter(|given| given.is_empty() || is_word(given))
        .collect()
}

/// It neither begins nor ends with a filler.
fn is_word(seen: &[Seen]) -> bool {
    let filled = |seen: Option<&Seen>| seen.is_some_and(|seen| seen.may_be_filled());
    filled(seen.first()) && filled(seen.last())
}
