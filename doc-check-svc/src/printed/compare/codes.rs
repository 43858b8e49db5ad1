//! Sex, nationality and issuing state: their marks, codes and names.

use super::super::pattern::letters;
use super::super::states;
use super::super::text::Stretch;
use super::super::value::Part;
use super::super::vocabulary::Kind;
use super::super::zone::{Seen, trimmed};
use super::{Agreement, Comparison, Print, announced, first_parts, found, text};
use crate::mrz::{Sex, State};

/// Longest mark of a sex.
const LONGEST_MARK: usize = 6;

/// Characters of a code of a state, but for Germany's.
const CODE: usize = 3;

/// How much higher a line is than another that is larger.
const LARGER: f32 = 1.15;

/// What names a state under these labels is not the one that issued the document.
const ELSEWHERE: [Kind; 6] = [
    Kind::Surname,
    Kind::GivenNames,
    Kind::Name,
    Kind::OtherName,
    Kind::BirthPlace,
    Kind::Nationality,
];

impl Comparison<'_> {
    /// The sex by its label, or else by a mark behind the date of birth or alone: labels of so few letters are often not read.
    pub(super) fn sex(&self) -> Agreement<Sex> {
        let labelled = announced(
            self.announced(Kind::Sex)
                .map(|(_, values)| found(first_parts(&values).filter_map(|part| self.sex_in(part)))),
        );
        if labelled != Agreement::NotSeen {
            return labelled;
        }
        let lines = || (0..self.page.lines.len()).map(|line| self.whole_line(line));
        let behind_birth = lines().filter(|part| self.is_of_birth(*part));
        let behind_birth = behind_birth.filter_map(|part| self.sex_by(part, self.mark_behind_date(part)?));
        match announced(behind_birth) {
            Agreement::NotSeen => found(lines().filter(|part| part.to == 1).filter_map(|part| self.sex_in(part))),
            behind => behind,
        }
    }

    /// The date of birth stands there.
    fn is_of_birth(&self, part: Part) -> bool {
        let mut dates = self.dates.get(part.line).into_iter().flatten();
        dates.any(|date| date.meanings.iter().any(|meaning| meaning.fits(&self.zone.birth_date)))
    }

    fn sex_in(&self, part: Part) -> Option<Agreement<Sex>> {
        self.sex_by(part, self.mark(part)?)
    }

    /// What a mark in these characters says of the zone's sex.
    fn sex_by(&self, part: Part, (sex, is_sure): (Sex, bool)) -> Option<Agreement<Sex>> {
        let symbol = match sex {
            Sex::Female => "F",
            Sex::Male => "M",
            Sex::Unspecified => "X",
        };
        let sureness = self.stretch(&[part], self.letters).sureness();
        let print = self.print(part.line, sex, symbol.to_owned(), sureness)?;
        let zone = match self.zone.sex {
            Seen::Symbol(b'F') => Some(Sex::Female),
            Seen::Symbol(b'M') => Some(Sex::Male),
            Seen::Symbol(b'X' | b'<') => Some(Sex::Unspecified),
            Seen::Symbol(_) | Seen::Likely(_) | Seen::Unknown => None,
        };
        match zone {
            None if is_sure => Some(Agreement::Agrees(print)),
            Some(zone) if zone == sex => Some(Agreement::Agrees(print)),
            Some(_) if is_sure => Some(Agreement::Differs { printed: print }),
            _ => None,
        }
    }

    /// The sex that the first word stands for, or the last one behind a date: pieces of a row may have been read as one line.
    fn mark(&self, part: Part) -> Option<(Sex, bool)> {
        let first = self.sex_of(part, |text| text.split(' ').next());
        first.or_else(|| self.mark_behind_date(part))
    }

    fn mark_behind_date(&self, part: Part) -> Option<(Sex, bool)> {
        let dates = self.dates.get(part.line).filter(|dates| !dates.is_empty());
        dates.and_then(|_| self.sex_of(part, |text| text.rsplit(' ').next()))
    }

    /// The sex that a word of a text stands for, in English or French where there are several: `K/F`, `Ž/F`. Letters that mean one sex
    /// in one language and the other in another (V: `vrouw`, `vyras`) mean none here.
    fn sex_of(&self, part: Part, word: fn(&str) -> Option<&str>) -> Option<(Sex, bool)> {
        let stretch = self.stretch(&[part], self.letters);
        let text = stretch.text(0, stretch.glyphs.len());
        let sex = match word(&text)?.rsplit('/').next()? {
            mark if mark.chars().count() > LONGEST_MARK => None,
            "F" | "K" | "W" | "Ž" | "KVK" | "MOT" => Some(Sex::Female),
            "M" | "KK" | "VYR" => Some(Sex::Male),
            "X" => Some(Sex::Unspecified),
            _ => None,
        }?;
        Some((sex, stretch.sureness() >= super::super::letters::SURE))
    }

    /// Nationality, where its label announces it.
    pub(super) fn nationality(&self) -> Agreement<String> {
        self.labelled_state(Kind::Nationality, trimmed(&self.zone.nationality))
    }

    /// The issuing state, where a label announces its code, or else where its code stands alone or its name stands at all.
    pub(super) fn issuing_state(&self) -> Agreement<String> {
        let code = trimmed(&self.zone.issuing_state);
        match self.labelled_state(Kind::State, code) {
            Agreement::NotSeen => self.any_state(code),
            labelled => labelled,
        }
    }

    fn labelled_state(&self, kind: Kind, code: &[Seen]) -> Agreement<String> {
        announced(self.announced(kind).map(|(_, values)| {
            let mut says = first_parts(&values).map(|part| self.state_in(part, code));
            says.find(|says| *says != Agreement::NotSeen)
                .unwrap_or(Agreement::NotSeen)
        }))
    }

    fn any_state(&self, code: &[Seen]) -> Agreement<String> {
        let taken = self.taken(&ELSEWHERE);
        let lines = || {
            let lines = (0..self.page.lines.len()).filter(|line| !taken.contains(line));
            lines.map(|line| self.whole_line(line))
        };
        let alone = lines().filter(|part| part.to == CODE && code.len() == CODE);
        let alone = alone.filter_map(|part| self.word(part, code).next());
        let named = lines().filter_map(|part| self.name_of_state(part, code));
        let height = |print: &Print<String>| print.quad.height();
        let Some(print) = alone.chain(named).max_by(|a, b| height(a).total_cmp(&height(b))) else {
            return Agreement::NotSeen;
        };
        // Whoever adds a name to a page leaves the heading where it is.
        let is_other = |part: Part| {
            let line = self.page.lines.get(part.line);
            line.is_some_and(|line| line.height > LARGER * height(&print))
                && self.name_of_state(part, code).is_none()
                && !states::named(&letters(self.chars(part))).is_empty()
        };
        if lines().any(is_other) {
            Agreement::NotSeen
        } else {
            Agreement::Agrees(print)
        }
    }

    /// The lines that name the state of the zone.
    pub(super) fn headings(&self) -> impl Iterator<Item = usize> {
        let code = trimmed(&self.zone.issuing_state);
        let names = move |line: &usize| self.name_of_state(self.whole_line(*line), code).is_some();
        (0..self.page.lines.len()).filter(names)
    }

    /// The state of the zone in a text that names it, if any code of one may stand in the zone.
    fn name_of_state(&self, part: Part, code: &[Seen]) -> Option<Print<String>> {
        let letters = letters(self.chars(part));
        let known: Option<State> = State::of(&text(code));
        let state = match known {
            Some(state) => Some(state).filter(|state| states::names(&letters, *state)),
            None if !code.iter().any(|seen| seen.is_known()) => None,
            None => states::named(&letters)
                .into_iter()
                .find(|state| may_be(code, state.code())),
        }?;
        let sureness = self.stretch(&[part], self.letters).sureness();
        let code = state.code().to_owned();
        self.print(part.line, code.clone(), code, sureness)
    }

    /// What a text under a label of states says of the zone's: another code or the name of another one differs.
    fn state_in(&self, part: Part, code: &[Seen]) -> Agreement<String> {
        let same = self.word(part, code).next().or_else(|| self.name_of_state(part, code));
        if let Some(print) = same {
            return Agreement::Agrees(print);
        }
        let stretch = self.stretch(&[part], self.letters);
        let printed = stretch.text(0, stretch.glyphs.len());
        let other = State::of(&printed).filter(|_| printed.len() == CODE);
        let is_other = match State::of(&text(code)) {
            None => other.is_some() && code.iter().all(|seen| seen.is_known()),
            Some(state) => match other {
                Some(other) => other.reported() != state.reported(),
                None => states::is_known(state) && !states::named(&letters(self.chars(part))).is_empty(),
            },
        };
        let print = (is_other && stretch.sureness() >= super::super::letters::SURE)
            .then(|| self.print(part.line, printed.clone(), printed, stretch.sureness()))
            .flatten();
        print.map_or(Agreement::NotSeen, |printed| Agreement::Differs { printed })
    }

    /// Words of a line that are the code.
    fn word(&self, part: Part, code: &[Seen]) -> impl Iterator<Item = Print<String>> {
        let stretch = self.stretch(&[part], self.letters);
        let text = stretch.text(0, stretch.glyphs.len());
        let fits = |word: &&str| {
            let known = !code.is_empty() && code.iter().any(|seen| seen.is_known());
            known && may_be(code, word)
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

/// The symbols may stand in the field.
fn may_be(field: &[Seen], symbols: &str) -> bool {
    symbols.len() == field.len()
        && field
            .iter()
            .zip(symbols.bytes())
            .all(|(seen, symbol)| seen.may_be(symbol))
}

impl Stretch<'_> {
    /// Mean probability of all its characters.
    fn sureness(&self) -> f32 {
        self.confidence(0, self.glyphs.len())
    }
}
