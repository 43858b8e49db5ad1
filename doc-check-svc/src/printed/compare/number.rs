//! The number of the document.

use super::super::letters::Script;
use super::super::text::{Pattern, Reading, Stretch};
use super::super::value::Part;
use super::super::vocabulary::Kind;
use super::super::zone::{Seen, trimmed};
use super::{Agreement, Comparison, announced, first_parts, found};

/// Fewest known symbols of a number that is looked for anywhere on the page.
const LEAST_KNOWN: usize = 5;

/// Fewest letters and digits together, fewest digits of several words, and most words of what can be another number.
const LEAST_LETTERS: usize = 5;
const LEAST_DIGITS: usize = 3;
const MOST_WORDS: usize = 3;

impl Comparison<'_> {
    pub(super) fn number(&self) -> Agreement<String> {
        let number = trimmed(&self.zone.number);
        // What was not seen at its end may be fillers: it may have any of these lengths, and differs only if it does with each.
        let least = number.iter().rposition(|seen| seen.is_known());
        let lengths = (least.map_or(0, |at| at + 1)..=number.len()).rev();
        let said = lengths.filter_map(|length| Some(self.number_of(number.get(..length)?)));
        let said = said.reduce(|one, other| match (&one, &other) {
            (Agreement::Agrees(_), _) | (_, Agreement::Differs { .. }) => one,
            _ => other,
        });
        said.unwrap_or(Agreement::NotSeen)
    }

    fn number_of(&self, seen: &[Seen]) -> Agreement<String> {
        let pattern = Pattern {
            seen,
            is_cut: false,
            may_go_on: false,
        };
        let labelled = self.announced(Kind::Number).map(|(_, values)| {
            let numbers = first_parts(&values).filter(|part| !self.has_date(*part));
            found(numbers.map(|part| self.labelled_number(part, pattern)))
        });
        match announced(labelled) {
            Agreement::NotSeen if pattern.known() >= LEAST_KNOWN => self.any_number(pattern),
            announced => announced,
        }
    }

    /// A date stands there, whose digits are no number.
    fn has_date(&self, part: Part) -> bool {
        let dates = self.dates.get(part.line).into_iter().flatten();
        dates.into_iter().any(|date| (part.from..part.to).contains(&date.from))
    }

    fn labelled_number(&self, part: Part, pattern: Pattern<'_>) -> Agreement<String> {
        let stretch = self.stretch(&[part], Script::Any);
        if let Some(reading) = stretch.find(pattern).next() {
            let print = self.print_of(&[part], &stretch, reading);
            return print.map_or(Agreement::NotSeen, Agreement::Agrees);
        }
        // A visa's zone has its own number or the passport's (9303-7 section 4.2.2.2), and the print has both.
        let is_visa = self.zone.document_code.first().is_none_or(|code| code.may_be(b'V'));
        if is_visa || !stretch.is_number(pattern) || stretch.may_hold(pattern) {
            return Agreement::NotSeen;
        }
        self.other_number(part, &stretch)
    }

    /// All of the part as another number than the zone's.
    fn other_number(&self, part: Part, stretch: &Stretch<'_>) -> Agreement<String> {
        let all = Reading {
            from: 0,
            to: stretch.glyphs.len(),
            symbols: stretch.plain(),
            open: Vec::new(),
        };
        let print = self.print_of(&[part], stretch, all);
        print.map_or(Agreement::NotSeen, |printed| Agreement::Differs { printed })
    }

    fn any_number(&self, pattern: Pattern<'_>) -> Agreement<String> {
        let taken = self.taken(&[Kind::BirthPlace]);
        let lines = (0..self.page.lines.len())
            .filter(|line| !taken.contains(line))
            .map(|line| self.whole_line(line))
            .filter(|part| !self.has_date(*part));
        let whole = lines.clone().find_map(|part| {
            let stretch = self.stretch(&[part], Script::Any);
            let reading = stretch.find(pattern).next()?;
            self.print_of(&[part], &stretch, reading)
        });
        // A number that is the zone's but for a few symbols, on a page that has the zone's nowhere.
        let altered = lines.filter_map(|part| {
            let stretch = self.stretch(&[part], Script::Any);
            let is_altered = stretch.is_number(pattern) && stretch.is_nearly(pattern) && !stretch.may_hold(pattern);
            is_altered.then(|| self.other_number(part, &stretch))
        });
        match whole {
            Some(print) => Agreement::Agrees(print),
            None => found(altered),
        }
    }
}

impl Stretch<'_> {
    /// It may be the number of a document, and nothing else. Several words must have the more digits; one may have
    /// none if the zone's has none.
    fn is_number(&self, pattern: Pattern<'_>) -> bool {
        let counted = |fits: fn(char) -> bool| self.glyphs.iter().filter(|glyph| fits(glyph.character())).count();
        let words = (0..self.glyphs.len()).filter(|&at| self.starts_word(at)).count();
        let others = counted(|c| c.is_alphanumeric() && !c.is_ascii_digit() && !c.is_ascii_uppercase());
        let is_digit = |seen: &Seen| matches!(seen, Seen::Symbol(b'0'..=b'9'));
        let least_digits = match words {
            1 => usize::from(pattern.seen.iter().any(is_digit)),
            _ => LEAST_DIGITS,
        };
        let (letters, digits) = (counted(char::is_alphanumeric), counted(|c| c.is_ascii_digit()));
        others == 0 && words <= MOST_WORDS && letters >= LEAST_LETTERS && digits >= least_digits
    }

    /// Its letters and digits.
    pub(super) fn plain(&self) -> String {
        let characters = self.glyphs.iter().map(|glyph| glyph.character());
        characters.filter(|c| c.is_alphanumeric()).collect()
    }
}
