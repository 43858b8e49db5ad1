//! The fields of the zone, each looked for in print: first where a label announces it, then anywhere.

mod codes;
mod dates;
mod names;
mod number;

use std::collections::HashSet;

use vision::text::{TextChar, TextLine};

use super::date::{Order, PrintedDate, dates};
use super::label::{Label, Labels};
use super::letters::{Alphabet, Script};
use super::page::Page;
use super::text::{Reading, Stretch};
use super::value::{Part, Value, values};
use super::vocabulary::Kind;
use super::zone::{Seen, ZoneFields};
use super::{Agreement, Print, Printed};

/// States that print the month before the day: the United States with its territories, and states that took it over.
const MONTH_FIRST: [&str; 10] = ["USA", "ASM", "GUM", "MNP", "PRI", "VIR", "FSM", "MHL", "PLW", "PHL"];

/// The states whose names have letters that text recognition mistakes: Iceland's, Turkey's and Azerbaijan's, and those of ICAO's specimens,
/// where people have names of all languages.
const ALPHABETS: [(&str, Alphabet); 4] = [
    ("ISL", Alphabet::Icelandic),
    ("TUR", Alphabet::Turkish),
    ("AZE", Alphabet::Turkish),
    ("UTO", Alphabet::All),
];

/// Height in pixels of a line, with the margin that detection leaves, below which recognition is often sure of the wrong letter.
const LEAST_HEIGHT: f32 = 20.0;

/// One page beside one zone.
pub(super) struct Comparison<'a> {
    page: Page,
    labels: Labels,
    /// The dates of each line of the page.
    dates: Vec<Vec<PrintedDate>>,
    zone: &'a ZoneFields,
    /// What fields of names hold on this page.
    letters: Script,
    today: time::Date,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(lines: &'a [TextLine], zone: &'a ZoneFields, today: time::Date) -> Self {
        let page = Page::of(lines);
        let issuer = text(&zone.issuing_state);
        let order = if MONTH_FIRST.contains(&issuer.as_str()) {
            Order::MonthFirst
        } else {
            Order::DayFirst
        };
        Self {
            labels: Labels::of(&page),
            dates: page.lines.iter().map(|line| dates(&line.chars, order)).collect(),
            page,
            zone,
            letters: Script::Letters(alphabet(zone)),
            today,
        }
    }

    pub(super) fn printed(&self) -> Printed {
        let (surname, given_names) = self.names();
        let [birth_date, expiry_date] = self.birth_and_expiry();
        Printed {
            surname: legible(surname),
            given_names: legible(given_names),
            number: legible(self.number()),
            birth_date: legible(birth_date),
            expiry_date: legible(expiry_date),
            sex: legible(self.sex()),
            nationality: legible(self.nationality()),
            issuing_state: legible(self.issuing_state()),
            issue_date: self.issue_date(),
            birth_place: self.birth_place(),
        }
    }

    /// Labels of a kind with the texts that they may announce.
    fn announced(&self, kind: Kind) -> impl Iterator<Item = (&Label, Vec<Value>)> {
        self.labels
            .of_kind(kind)
            .map(|label| (label, values(&self.page, &self.labels, label)))
    }

    /// Lines that a label announces as something else than what is looked for.
    fn taken(&self, by: &[Kind]) -> HashSet<usize> {
        let labels = self.labels.all.iter().filter(|label| by.contains(&label.kind));
        let values = labels.flat_map(|label| values(&self.page, &self.labels, label));
        values
            .filter_map(|value| value.parts.first().map(|part| part.line))
            .collect()
    }

    /// Parts of lines as one text, with a space between lines.
    fn stretch(&self, parts: &[Part], script: Script) -> Stretch<'_> {
        let mut chars = Vec::new();
        for part in parts {
            if !chars.is_empty() {
                chars.push(None);
            }
            chars.extend(self.chars(*part).iter().map(Some));
        }
        Stretch::of(chars, script)
    }

    fn chars(&self, part: Part) -> &[TextChar] {
        let line = self.page.lines.get(part.line);
        line.and_then(|line| line.chars.get(part.from..part.to))
            .unwrap_or_default()
    }

    fn whole_line(&self, line: usize) -> Part {
        Part {
            line,
            from: 0,
            to: self.page.lines.get(line).map_or(0, |line| line.chars.len()),
        }
    }

    fn print<T>(&self, line: usize, value: T, symbols: String, confidence: f32) -> Option<Print<T>> {
        let line = self.page.lines.get(line)?;
        Some(Print {
            value,
            symbols,
            open: Vec::new(),
            line: line.index,
            quad: line.quad,
            confidence,
        })
    }

    /// What was found of a field in these parts of lines.
    fn print_of(&self, parts: &[Part], stretch: &Stretch<'_>, reading: Reading) -> Option<Print<String>> {
        // Parts are joined by one character each.
        let mut before = 0;
        let part = parts.iter().find(|part| {
            before += part.to - part.from + 1;
            reading.from < before
        });
        let print = self.print(
            part.or(parts.first())?.line,
            stretch.text(reading.from, reading.to),
            reading.symbols,
            stretch.confidence(reading.from, reading.to),
        )?;
        Some(Print {
            open: reading.open,
            ..print
        })
    }

    fn birth_place(&self) -> Option<Print<String>> {
        let value = self.announced(Kind::BirthPlace).find_map(|(_, values)| {
            let text = |value: &Value| {
                let part = *value.parts.first()?;
                let stretch = self.stretch(&[part], self.letters);
                let is_place = !self.labels.is_label(part.line)
                    && self.dates.get(part.line).is_some_and(Vec::is_empty)
                    && stretch.letters() >= 2;
                let all = stretch.glyphs.len();
                let print = || {
                    self.print(
                        part.line,
                        stretch.text(0, all),
                        String::new(),
                        stretch.confidence(0, all),
                    )
                };
                is_place.then(print)?
            };
            values.iter().find_map(text)
        });
        value.filter(|print| !print.value.is_empty())
    }
}

/// What is printed too small to be read surely contradicts nothing, whatever recognition makes of it.
fn legible<T>(agreement: Agreement<T>) -> Agreement<T> {
    match agreement {
        Agreement::Differs { printed } if printed.quad.height() < LEAST_HEIGHT => Agreement::NotSeen,
        agreement => agreement,
    }
}

/// The first line of each value: what is short has no other.
fn first_parts(values: &[Value]) -> impl Iterator<Item = Part> + '_ {
    values.iter().filter_map(|value| value.parts.first().copied())
}

/// What labels of one kind announce: the first that differs, or else the first that agrees. Whoever adds another value to a page leaves
/// the true one where it is.
fn announced<T>(agreements: impl IntoIterator<Item = Agreement<T>>) -> Agreement<T> {
    let all = agreements.into_iter();
    all.reduce(Agreement::and).unwrap_or(Agreement::NotSeen)
}

/// What is found anywhere on a page: the first that agrees, or else the first that differs.
fn found<T>(agreements: impl IntoIterator<Item = Agreement<T>>) -> Agreement<T> {
    let mut best = Agreement::NotSeen;
    for agreement in agreements {
        match agreement {
            Agreement::Agrees(_) => return agreement,
            Agreement::Differs { .. } if matches!(best, Agreement::NotSeen) => best = agreement,
            _ => {}
        }
    }
    best
}

/// The letters that the page may have: a residence permit names its holder with those of the holder's state.
fn alphabet(zone: &ZoneFields) -> Alphabet {
    let states = [&zone.issuing_state, &zone.nationality];
    let known = states.into_iter().find_map(|state| {
        let state = text(state);
        ALPHABETS.iter().find(|(of, _)| *of == state)
    });
    known.map_or(Alphabet::Latin, |(_, alphabet)| *alphabet)
}

/// The known symbols of a field without fillers.
fn text(field: &[Seen]) -> String {
    let known = |seen: &Seen| match seen {
        Seen::Symbol(b'<') => None,
        Seen::Symbol(symbol) => Some(char::from(*symbol)),
        Seen::Likely(_) | Seen::Unknown => Some('?'),
    };
    field.iter().filter_map(known).collect()
}
