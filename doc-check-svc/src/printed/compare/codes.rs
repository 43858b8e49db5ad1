//! Sex, nationality and issuing state, as far as marks and codes are printed.

use super::super::letters::Script;
use super::super::text::Stretch;
use super::super::value::Part;
use super::super::vocabulary::Kind;
use super::super::zone::{Seen, trimmed};
use super::{Agreement, Comparison, Print, announced, found};
use crate::mrz::{Sex, State};

/// Longest mark of a sex.
const LONGEST_MARK: usize = 6;

impl Comparison<'_> {
    pub(super) fn sex(&self) -> Agreement<Sex> {
        announced(self.announced(Kind::Sex).map(|(_, values)| {
            let parts = values.into_iter().filter_map(|value| value.parts.first().copied());
            found(parts.filter_map(|part| self.labelled_sex(part)))
        }))
    }

    fn labelled_sex(&self, part: Part) -> Option<Agreement<Sex>> {
        let (sex, is_sure) = self.mark(part)?;
        let symbol = match sex {
            Sex::Female => "F",
            Sex::Male => "M",
            Sex::Unspecified => "X",
        };
        let sureness = self.stretch(&[part], Script::Letters).sureness();
        let print = self.print(part.line, sex, symbol.to_owned(), sureness)?;
        let zone = match self.zone.sex {
            Seen::Symbol(b'F') => Some(Sex::Female),
            Seen::Symbol(b'M') => Some(Sex::Male),
            Seen::Symbol(b'X' | b'<') => Some(Sex::Unspecified),
            Seen::Symbol(_) | Seen::Unknown => None,
        };
        match zone {
            None if is_sure => Some(Agreement::Agrees(print)),
            Some(zone) if zone == sex => Some(Agreement::Agrees(print)),
            Some(_) if is_sure => Some(Agreement::Differs { printed: print }),
            _ => None,
        }
    }

    /// The sex that a mark stands for, in English or French where there are several: `K/F`, `Ž/F`. Letters that mean one sex in one
    /// language and the other in another (V: `vrouw`, `vyras`) mean none here.
    fn mark(&self, part: Part) -> Option<(Sex, bool)> {
        let stretch = self.stretch(&[part], Script::Letters);
        let text = stretch.text(0, stretch.glyphs.len());
        let first = text.split(' ').next()?;
        if first.chars().count() > LONGEST_MARK {
            return None;
        }
        let sex = match first.rsplit('/').next()? {
            "F" | "K" | "W" | "Ž" | "KVK" | "MOT" => Sex::Female,
            "M" | "KK" | "VYR" => Sex::Male,
            "X" => Sex::Unspecified,
            _ => return None,
        };
        Some((sex, stretch.sureness() >= super::super::letters::SURE))
    }

    /// A code of a state, where its label announces it, or else where it stands alone.
    pub(super) fn code(&self, kind: Kind, field: &[Seen]) -> Agreement<String> {
        let code = trimmed(field);
        let labelled = announced(self.announced(kind).map(|(_, values)| {
            let parts = values.into_iter().filter_map(|value| value.parts.first().copied());
            found(parts.map(|part| self.labelled_code(part, code)))
        }));
        if kind == Kind::Nationality || labelled != Agreement::NotSeen || code.len() < 3 {
            return labelled;
        }
        let lines = (0..self.page.lines.len()).map(|line| self.whole_line(line));
        let alone = lines
            .filter(|part| part.to == 3)
            .filter_map(|part| self.word(part, code).next());
        alone.map(Agreement::Agrees).next().unwrap_or(Agreement::NotSeen)
    }

    fn labelled_code(&self, part: Part, code: &[Seen]) -> Agreement<String> {
        if let Some(print) = self.word(part, code).next() {
            return Agreement::Agrees(print);
        }
        // Another code differs; the state's name in any language does not.
        let stretch = self.stretch(&[part], Script::Letters);
        let text = stretch.text(0, stretch.glyphs.len());
        let is_other = text.len() == 3
            && State::of(&text).is_some()
            && stretch.sureness() >= super::super::letters::SURE
            && !code.contains(&Seen::Unknown);
        let print = is_other
            .then(|| self.print(part.line, text.clone(), text, stretch.sureness()))
            .flatten();
        print.map_or(Agreement::NotSeen, |printed| Agreement::Differs { printed })
    }

    /// Words of a line that are the code.
    fn word(&self, part: Part, code: &[Seen]) -> impl Iterator<Item = Print<String>> {
        let stretch = self.stretch(&[part], Script::Letters);
        let text = stretch.text(0, stretch.glyphs.len());
        let fits = |word: &&str| {
            let known = !code.is_empty() && code.iter().any(|seen| *seen != Seen::Unknown);
            known && word.len() == code.len() && code.iter().zip(word.bytes()).all(|(seen, symbol)| seen.may_be(symbol))
        };
        let confidence = stretch.sureness();
        let words = text.split(|c: char| !c.is_ascii_uppercase());
        let found: Vec<_> = words
            .filter(fits)
            .filter(|word| State::of(word).is_some())
            .filter_map(|word| self.print(part.line, word.to_owned(), word.to_owned(), confidence))
            .collect();
        found.into_iter()
    }
}

impl Stretch<'_> {
    /// Mean probability of all its characters.
    fn sureness(&self) -> f32 {
        self.confidence(0, self.glyphs.len())
    }
}
