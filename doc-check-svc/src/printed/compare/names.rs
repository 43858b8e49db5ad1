//! Surname and given names.

use std::collections::HashSet;

use super::super::name::{Split, splits};
use super::super::page::Line;
use super::super::text::{Pattern, Reading, Stretch};
use super::super::value::{Direction, Part, Value};
use super::super::vocabulary::Kind;
use super::super::zone::Seen;
use super::{Agreement, Comparison, Print, announced, found};

/// Fewest known letters of a name that is looked for anywhere on the page.
const LEAST_KNOWN: usize = 2;

/// Given names whose order may be another one.
const MOST_REORDERED: usize = 4;

/// What others announce is no name of the holder.
const TAKEN: [Kind; 4] = [Kind::OtherName, Kind::BirthPlace, Kind::Other, Kind::IssueDate];

/// Words before a name that are no part of it, and words behind it that another name follows.
const TITLES: &[&str] = &[
    "DR", "DRA", "PROF", "ING", "DIPL", "MAG", "MGR", "BC", "MR", "MRS", "MS", "MISS", "SIR", "HERR", "FRAU",
];
const BORN: &[&str] = &["GEB", "NEE", "EPOUSE", "VVE", "BORN", "FODD", "ROZ", "ROD"];

/// How far apart surname and given names stand at most, in heights.
const MOST_APART: f32 = 3.2;

/// On which side of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

/// One of the two parts of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identifier {
    Surname,
    GivenNames,
}

impl Comparison<'_> {
    pub(super) fn names(&self) -> (Agreement<String>, Agreement<String>) {
        let mut taken = self.taken(&TAKEN);
        taken.extend(self.headings());
        let splits = splits(&self.zone.name);
        let tried = splits.iter().map(|split| {
            let surname = self.identifier(Identifier::Surname, *split, &taken);
            let given = self.identifier(Identifier::GivenNames, *split, &taken);
            (surname, given)
        });
        // Where unknown positions leave a choice, the print decides it.
        let agreeing = |agreement: &Agreement<String>| usize::from(agreement.agrees());
        let best = tried.reduce(|best, next| {
            let count = |(surname, given): &(Agreement<String>, Agreement<String>)| agreeing(surname) + agreeing(given);
            if count(&next) > count(&best) { next } else { best }
        });
        let (surname, given) = best.unwrap_or((Agreement::NotSeen, Agreement::NotSeen));
        let [split] = splits.as_slice() else {
            return (surname, given);
        };
        // One above the other they stand on most documents.
        match (&surname, &given) {
            (Agreement::NotSeen, Agreement::Agrees(below)) => {
                (self.beside(below, Side::Above, split.surname, &taken), given)
            }
            (Agreement::Agrees(above), Agreement::NotSeen) if !split.given.seen.is_empty() => {
                let given = self.beside(above, Side::Below, split.given, &taken);
                (surname, given)
            }
            _ => (surname, given),
        }
    }

    /// The name that stands where the other part of the zone's name must, if it is none of the zone's: next to the part that
    /// agrees, aligned with it and printed alike.
    fn beside(
        &self,
        part: &Print<String>,
        side: Side,
        pattern: Pattern<'_>,
        taken: &HashSet<usize>,
    ) -> Agreement<String> {
        let Some(line) = self.page.lines.iter().find(|line| line.index == part.line) else {
            return Agreement::NotSeen;
        };
        let is_capital = |text: &str| !text.chars().any(char::is_lowercase);
        let distance = |other: &Line| match side {
            Side::Above => (line.down - other.down) / line.height,
            Side::Below => (other.down - line.down) / line.height,
        };
        let alike = |other: &Line| {
            let aligned = (other.start - line.start).abs() < 0.5 * line.height;
            let height = other.height / line.height;
            aligned && (0.8..1.25).contains(&height) && (0.7..MOST_APART).contains(&distance(other))
        };
        let free = |number: usize| !taken.contains(&number) && !self.labels.is_label(number);
        let near = self
            .page
            .lines
            .iter()
            .enumerate()
            .filter(|(number, other)| free(*number) && alike(other));
        let nearest = near.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
        let print = nearest.and_then(|(number, _)| {
            let stretch = self.stretch(&[self.whole_line(number)], self.letters);
            let all = stretch.glyphs.len();
            let text = stretch.text(0, all);
            let is_other = stretch.is_name() && is_capital(&text) == is_capital(&part.value);
            let is_other = is_other && !stretch.may_hold(pattern) && !stretch.is_part_of(pattern);
            let confidence = stretch.confidence(0, all);
            is_other.then(|| self.print(number, text, stretch.zone_symbols(), confidence))?
        });
        print.map_or(Agreement::NotSeen, |printed| Agreement::Differs { printed })
    }

    fn identifier(&self, identifier: Identifier, split: Split<'_>, taken: &HashSet<usize>) -> Agreement<String> {
        let (pattern, other) = match identifier {
            Identifier::Surname => (split.surname, split.given),
            Identifier::GivenNames => (split.given, split.surname),
        };
        if pattern.seen.is_empty() {
            return Agreement::NotSeen;
        }
        let kind = match identifier {
            Identifier::Surname => Kind::Surname,
            Identifier::GivenNames => Kind::GivenNames,
        };
        let under = |kind, is_alone| {
            self.announced(kind).map(move |(_, values)| {
                let names = values.into_iter();
                found(names.map(|value| self.labelled_name(&value, pattern, other, is_alone)))
            })
        };
        match announced(under(kind, true).chain(under(Kind::Name, false))) {
            Agreement::NotSeen => self.any_name(pattern, other, &self.taken_by(identifier, taken)),
            announced => announced,
        }
    }

    /// The lines that are no names of this kind: those taken, and those under the other kind's label.
    fn taken_by(&self, identifier: Identifier, taken: &HashSet<usize>) -> HashSet<usize> {
        let other = match identifier {
            Identifier::Surname => Kind::GivenNames,
            Identifier::GivenNames => Kind::Surname,
        };
        taken | &self.taken(&[other])
    }

    /// The name in a value. With `is_alone` its label announces nothing else.
    fn labelled_name(
        &self,
        value: &Value,
        pattern: Pattern<'_>,
        other: Pattern<'_>,
        is_alone: bool,
    ) -> Agreement<String> {
        for lines in 1..=value.parts.len() {
            let parts = value.parts.get(..lines).unwrap_or_default();
            let stretch = self.stretch(parts, self.letters);
            let mut readings = stretch.find(pattern).chain(reordered(&stretch, pattern));
            if let Some(reading) = readings.find(|reading| stretch.is_explained(reading, pattern, other)) {
                let print = self.print_of(parts, &stretch, reading);
                return print.map_or(Agreement::NotSeen, Agreement::Agrees);
            }
        }
        self.other_name(value, pattern, other, is_alone)
            .map_or(Agreement::NotSeen, |printed| Agreement::Differs { printed })
    }

    /// The value, if it surely is another name.
    fn other_name(
        &self,
        value: &Value,
        pattern: Pattern<'_>,
        other: Pattern<'_>,
        is_alone: bool,
    ) -> Option<Print<String>> {
        let first = *value.parts.first()?;
        let is_plain = |parts: &[Part]| self.stretch(parts, self.letters).is_name();
        // A whole name may have the other part first.
        let stretch = self.stretch(&value.parts, self.letters);
        let may_hold = stretch.may_hold(pattern) || (!is_alone && stretch.may_hold(other));
        let line = self.stretch(&[first], self.letters);
        // Some of the words, where the rest was not found or is left out.
        let is_part = line.is_part_of(pattern) || line.find(other).next().is_some();
        if value.direction == Direction::Behind || !is_plain(&[first]) || may_hold || is_part {
            return None;
        }
        let all = line.glyphs.len();
        let symbols = line.zone_symbols();
        self.print(first.line, line.text(0, all), symbols, line.confidence(0, all))
    }

    /// The name anywhere on the page.
    fn any_name(&self, pattern: Pattern<'_>, other: Pattern<'_>, taken: &HashSet<usize>) -> Agreement<String> {
        // What is looked for must be mostly known.
        if pattern.known() < LEAST_KNOWN || 2 * pattern.known() < pattern.seen.len() {
            return Agreement::NotSeen;
        }
        let lines = (0..self.page.lines.len()).filter(|line| !taken.contains(line) && !self.labels.is_label(*line));
        let mut whole = lines.clone().filter_map(|line| {
            let parts = [self.whole_line(line)];
            let stretch = self.stretch(&parts, self.letters);
            let reading = stretch
                .find(pattern)
                .find(|reading| stretch.is_explained(reading, pattern, other))?;
            self.print_of(&parts, &stretch, reading)
        });
        match whole.next() {
            Some(print) => Agreement::Agrees(print),
            None => self.altered_name(lines, pattern),
        }
    }

    /// A name that is the zone's but for a few letters, on a page that has the zone's nowhere.
    fn altered_name(&self, mut lines: impl Iterator<Item = usize>, pattern: Pattern<'_>) -> Agreement<String> {
        let altered = lines.find_map(|line| {
            let parts = [self.whole_line(line)];
            let stretch = self.stretch(&parts, self.letters);
            let is_altered = stretch.is_name() && stretch.is_nearly(pattern) && !stretch.may_hold(pattern);
            let all = stretch.glyphs.len();
            let print = || {
                let confidence = stretch.confidence(0, all);
                self.print(line, stretch.text(0, all), stretch.zone_symbols(), confidence)
            };
            is_altered.then(print)?
        });
        altered.map_or(Agreement::NotSeen, |printed| Agreement::Differs { printed })
    }
}

/// The words of a field in another order, if all of it is known.
fn reordered(stretch: &Stretch<'_>, pattern: Pattern<'_>) -> Option<Reading> {
    let words: Vec<&[Seen]> = pattern.seen.split(|seen| *seen == Seen::Symbol(b'<')).collect();
    if !(2..=MOST_REORDERED).contains(&words.len())
        || !pattern.seen.iter().all(|seen| seen.is_known())
        || pattern.is_cut
    {
        return None;
    }
    let mut left: Vec<Option<&[Seen]>> = words.into_iter().map(Some).collect();
    let start = (0..stretch.glyphs.len()).find(|&at| stretch.starts_word(at))?;
    let mut all = Reading {
        from: start,
        to: start,
        symbols: String::new(),
        open: Vec::new(),
    };
    while left.iter().any(Option::is_some) {
        let at = (all.to..stretch.glyphs.len()).find(|&at| stretch.starts_word(at))?;
        let (word, reading) = left.iter().enumerate().find_map(|(number, word)| {
            let pattern = Pattern {
                seen: (*word)?,
                is_cut: false,
                may_go_on: false,
            };
            Some((number, stretch.read_from(at, pattern)?))
        })?;
        *left.get_mut(word)? = None;
        if !all.symbols.is_empty() {
            all.symbols.push('<');
        }
        let before = all.symbols.len();
        all.open
            .extend(reading.open.iter().map(|&(at, other)| (before + at, other)));
        all.symbols.push_str(&reading.symbols);
        all.to = reading.to;
    }
    Some(all)
}

impl Stretch<'_> {
    pub(super) fn letters(&self) -> usize {
        self.glyphs
            .iter()
            .filter(|glyph| glyph.character().is_alphabetic())
            .count()
    }

    /// It may be a name and nothing else, read surely enough to tell it from another. A digit is a letter misread.
    fn is_name(&self) -> bool {
        let counted = |fits: fn(char) -> bool| self.glyphs.iter().filter(|glyph| fits(glyph.character())).count();
        let letters = self.letters();
        let sure = self
            .glyphs
            .iter()
            .filter(|glyph| glyph.character().is_alphabetic() && glyph.is_sure())
            .count();
        let digits = counted(|c| c.is_ascii_digit());
        let others =
            self.glyphs.len() - letters - digits - self.glyphs.iter().filter(|glyph| glyph.is_separator()).count();
        let capitals = counted(char::is_uppercase);
        others == 0 && 4 * digits <= letters && capitals > 0 && letters >= 2 && 3 * sure >= 2 * letters
    }

    /// What it says beside the field is the other part of the name, no name, or what the zone had no space for.
    fn is_explained(&self, reading: &Reading, pattern: Pattern<'_>, other: Pattern<'_>) -> bool {
        let others: Vec<Reading> = self.find(other).collect();
        let mut at = 0;
        while at < self.glyphs.len() {
            if at == reading.from {
                at = reading.to;
                continue;
            }
            let after_other = others
                .iter()
                .find(|reading| reading.from == at)
                .map(|reading| reading.to);
            if let Some(end) = after_other {
                at = end;
            } else if self.starts_word(at) {
                let end = (at..=self.glyphs.len())
                    .find(|&end| self.ends_word(end))
                    .unwrap_or(self.glyphs.len());
                let word: String = self.text(at, end).to_uppercase().replace('É', "E");
                let is_behind = at >= reading.to;
                let is_after_other = others.iter().any(|other| other.to <= at);
                let may_go_on = pattern.may_go_on || (other.may_go_on && is_after_other);
                if is_behind && may_go_on && word.chars().all(char::is_alphabetic) {
                    at = end;
                    continue;
                }
                if is_behind && BORN.contains(&word.as_str()) {
                    return true;
                }
                if is_behind || !TITLES.contains(&word.as_str()) {
                    return false;
                }
                at = end;
            } else {
                at += 1;
            }
        }
        true
    }

    /// All its words are among those of the field, which has more.
    fn is_part_of(&self, pattern: Pattern<'_>) -> bool {
        let words: Vec<&[Seen]> = pattern.seen.split(|seen| *seen == Seen::Symbol(b'<')).collect();
        let mut at = 0;
        while let Some(start) = (at..self.glyphs.len()).find(|&at| self.starts_word(at)) {
            let seen = words.iter().find_map(|seen| {
                let pattern = Pattern {
                    seen,
                    is_cut: pattern.is_cut,
                    may_go_on: pattern.may_go_on,
                };
                self.read_from(start, pattern)
            });
            let Some(reading) = seen else { return false };
            at = reading.to.max(start + 1);
        }
        at > 0
    }

    /// As the zone would write it, where it can.
    fn zone_symbols(&self) -> String {
        crate::mrz::transliterate(&self.text(0, self.glyphs.len())).unwrap_or_default()
    }
}
