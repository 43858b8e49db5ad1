//! The number of the document.

use super::super::letters::Script;
use super::super::text::{Pattern, Reading, Stretch};
use super::super::value::Part;
use super::super::vocabulary::Kind;
use super::super::zone::trimmed;
use super::{Agreement, Comparison, decided};

/// Fewest known symbols of a number that is looked for anywhere on the page.
const LEAST_KNOWN: usize = 5;

/// Fewest letters and digits, and fewest digits, of what can be another number.
const LEAST_LETTERS: usize = 5;
const LEAST_DIGITS: usize = 3;

impl Comparison<'_> {
    pub(super) fn number(&self) -> Agreement<String> {
        let pattern = Pattern {
            seen: trimmed(&self.zone.number),
            is_cut: false,
        };
        let labelled = self.announced(Kind::Number).flat_map(|(_, values)| values);
        let labelled = labelled.filter_map(|value| value.parts.first().copied());
        match decided(labelled.map(|part| self.labelled_number(part, pattern))) {
            Agreement::NotSeen if pattern.known() >= LEAST_KNOWN => self.any_number(pattern),
            decided => decided,
        }
    }

    fn labelled_number(&self, part: Part, pattern: Pattern<'_>) -> Agreement<String> {
        let stretch = self.stretch(&[part], Script::Any);
        if let Some(reading) = stretch.find(pattern).next() {
            let print = self.print_of(&[part], &stretch, reading);
            return print.map_or(Agreement::NotSeen, Agreement::Agrees);
        }
        if !stretch.is_number() || stretch.may_hold(pattern) {
            return Agreement::NotSeen;
        }
        let all = Reading {
            from: 0,
            to: stretch.glyphs.len(),
            symbols: stretch.plain(),
            confirmed: 0,
            fills: false,
        };
        let print = self.print_of(&[part], &stretch, all);
        print.map_or(Agreement::NotSeen, |printed| Agreement::Differs { printed })
    }

    fn any_number(&self, pattern: Pattern<'_>) -> Agreement<String> {
        let lines = (0..self.page.lines.len()).map(|line| [self.whole_line(line)]);
        let found = lines.filter_map(|parts| {
            let stretch = self.stretch(&parts, Script::Any);
            let reading = stretch.find(pattern).next()?;
            self.print_of(&parts, &stretch, reading)
        });
        found.map(Agreement::Agrees).next().unwrap_or(Agreement::NotSeen)
    }
}

impl Stretch<'_> {
    /// It may be the number of a document, and was read surely enough to tell it from another.
    fn is_number(&self) -> bool {
        let counted = |fits: fn(char) -> bool| self.glyphs.iter().filter(|glyph| fits(glyph.character())).count();
        let words = (0..self.glyphs.len()).filter(|&at| self.starts_word(at)).count();
        let letters = counted(|c| c.is_ascii_alphanumeric());
        let others = counted(|c| c.is_alphanumeric() && !c.is_ascii_alphanumeric() || c.is_lowercase());
        letters >= LEAST_LETTERS && counted(|c| c.is_ascii_digit()) >= LEAST_DIGITS && others == 0 && words <= 3
    }

    /// Its letters and digits.
    pub(super) fn plain(&self) -> String {
        let characters = self.glyphs.iter().map(|glyph| glyph.character());
        characters.filter(|c| c.is_alphanumeric()).collect()
    }
}
