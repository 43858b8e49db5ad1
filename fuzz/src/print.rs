//! The print of a page compared with its zone: labels, dates, values. The input is what the zone says (code, name, number,
//! nationality, issuing state, birth, expiry, sex; a `?` is a position that was not seen), then lines of print, each with its left
//! and upper edge, its height and its slope in degrees:
//!
//! ```text
//! P<|ERIKSSON<<ANNA|L898902C3|UTO|UTO|740812|340415|F
//! 200 60 14 0 Surname/ Nom
//! 200 82 25 0 ERIKSS~0ON
//! ```
//!
//! `~0` says that the character before was read in doubt, and may be a 0.

use doc_check_svc::mrz::{Date, Sex, transliterate};
use doc_check_svc::printed::{Agreement, Print, Printed, Seen, ZoneFields, compare};
use vision::geometry::{Point, Quad};
use vision::text::{Candidate, TextChar, TextLine};

use crate::TODAY;

/// Lines and characters that are looked at.
const MOST_LINES: usize = 60;
const MOST_CHARACTERS: usize = 100;

/// Width of a field of names.
const NAME: usize = 39;

/// What agrees is the zone's and stands on the page; what differs is not the zone's; a date is a day.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.lines();
    let zone = zone(lines.next().unwrap_or_default());
    let page: Vec<TextLine> = lines
        .take(MOST_LINES)
        .enumerate()
        .map(|(row, text)| line(row, text))
        .collect();
    let printed = compare(&page, &zone, TODAY);
    assert!(compare(&page, &zone, TODAY) == printed, "compared twice");
    Checked {
        zone: &zone,
        page: &page,
    }
    .all(&printed);
}

fn zone(text: &str) -> ZoneFields {
    let mut fields = text.split('|');
    let mut field = |width: usize| -> Vec<Seen> {
        let symbol = |symbol: u8| match symbol {
            b'A'..=b'Z' | b'0'..=b'9' | b'<' => Seen::Symbol(symbol),
            b'a'..=b'z' => Seen::Likely(symbol.to_ascii_uppercase()),
            _ => Seen::Unknown,
        };
        let stated = fields.next().unwrap_or_default().bytes().map(symbol);
        stated
            .chain(std::iter::repeat(Seen::Symbol(b'<')))
            .take(width)
            .collect()
    };
    ZoneFields {
        document_code: field(2),
        name: field(NAME),
        number: field(15),
        nationality: field(3),
        issuing_state: field(3),
        birth_date: field(6),
        expiry_date: field(6),
        sex: field(1).first().copied().unwrap_or(Seen::Unknown),
    }
}

fn line(row: usize, text: &str) -> TextLine {
    let mut words = text.splitn(5, ' ');
    let mut place = || words.next()?.parse::<f32>().ok();
    let (place, text) = match (place(), place(), place(), place(), words.next()) {
        (Some(x), Some(y), Some(height), Some(slope), Some(rest)) => ((x, y, height, slope), rest),
        _ => ((0.0, 30.0 * row as f32, 25.0, 0.0), text),
    };
    let mut read: Vec<TextChar> = Vec::new();
    let mut characters = text.chars().take(MOST_CHARACTERS);
    while let Some(character) = characters.next() {
        match (character, read.last_mut()) {
            ('~', Some(doubted)) => {
                doubted.best.probability = 0.5;
                let other = characters.next().map(|character| Candidate {
                    character,
                    probability: 0.3,
                });
                doubted.alternatives.extend(other);
            }
            _ => read.push(TextChar {
                best: Candidate {
                    character,
                    probability: 0.99,
                },
                alternatives: Vec::new(),
                position: 0.0,
            }),
        }
    }
    let count = read.len().max(1) as f32;
    for (at, char) in read.iter_mut().enumerate() {
        char.position = (at as f32 + 0.5) / count;
    }
    TextLine {
        text: read.iter().map(|char| char.best.character).collect(),
        confidence: 0.9,
        quad: quad(place, count),
        chars: read,
    }
}

fn quad((x, y, height, slope): (f32, f32, f32, f32), count: f32) -> Quad {
    let (sin, cos) = slope.to_radians().sin_cos();
    let at = |along: f32, down: f32| Point::new(x + along * cos - down * sin, y + along * sin + down * cos);
    let width = 0.55 * height * count;
    Quad([at(0.0, 0.0), at(width, 0.0), at(width, height), at(0.0, height)])
}

/// What was compared.
struct Checked<'a> {
    zone: &'a ZoneFields,
    page: &'a [TextLine],
}

impl Checked<'_> {
    fn all(&self, printed: &Printed) {
        let zone = self.zone;
        let [surname, given] = names(&zone.name);
        self.name(&printed.surname, &surname);
        self.name(&printed.given_names, &given);
        self.text(&printed.number, &zone.number);
        self.text(&printed.nationality, &zone.nationality);
        self.text(&printed.issuing_state, &zone.issuing_state);
        self.date(&printed.birth_date, &zone.birth_date);
        self.date(&printed.expiry_date, &zone.expiry_date);
        self.sex(&printed.sex);
        if let Some(print) = &printed.issue_date {
            self.real(print);
        }
        if let Some(print) = &printed.birth_place {
            self.on_page(print);
        }
    }

    /// Numbers and codes.
    fn text(&self, agreement: &Agreement<String>, field: &[Seen]) {
        match agreement {
            Agreement::Agrees(print) => {
                assert!(fits(&print.symbols, field), "agrees with another field");
                self.on_page(print);
                self.likely(print);
            }
            Agreement::Differs { printed } => {
                self.on_page(printed);
                // A filler is never printed outside a zone.
                let is_same = !printed.value.contains('<') && fits(&printed.value, field);
                assert!(!is_same, "differs from itself");
            }
            Agreement::NotSeen => {}
        }
    }

    /// Surname or given names.
    fn name(&self, agreement: &Agreement<String>, own: &str) {
        let name = &self.zone.name;
        match agreement {
            Agreement::Agrees(print) => {
                let mut words = print.symbols.split('<').filter(|word| !word.is_empty());
                assert!(
                    words.all(|word| name.windows(word.len()).any(|part| fits(word, part))),
                    "no name of the zone"
                );
                self.on_page(print);
                // A full field has names cut short.
                if name.last() == Some(&Seen::Symbol(b'<')) {
                    self.likely(print);
                }
            }
            Agreement::Differs { printed } => {
                self.on_page(printed);
                let whole = transliterate(&printed.value).unwrap_or_default();
                assert!(whole.is_empty() || whole != own, "differs from itself");
            }
            Agreement::NotSeen => {}
        }
    }

    fn date(&self, agreement: &Agreement<Date>, field: &[Seen]) {
        match agreement {
            Agreement::Agrees(print) => {
                self.real(print);
                assert!(fits(&print.symbols, field), "agrees with another date");
            }
            Agreement::Differs { printed } => {
                self.real(printed);
                assert!(!fits(&printed.symbols, field), "differs from itself");
            }
            Agreement::NotSeen => {}
        }
    }

    fn sex(&self, agreement: &Agreement<Sex>) {
        let zone = match self.zone.sex {
            Seen::Symbol(b'F') => Some(Sex::Female),
            Seen::Symbol(b'M') => Some(Sex::Male),
            Seen::Symbol(b'X' | b'<') => Some(Sex::Unspecified),
            Seen::Symbol(_) | Seen::Likely(_) | Seen::Unknown => None,
        };
        match agreement {
            Agreement::Agrees(print) => assert!(zone.is_none_or(|zone| zone == print.value)),
            Agreement::Differs { printed } => assert!(zone != Some(printed.value)),
            Agreement::NotSeen => {}
        }
    }

    /// A day of the calendar whose digits stand on the page.
    fn real(&self, print: &Print<Date>) {
        let date = print.value;
        assert_eq!(date.to_field(), print.symbols);
        let day = date.candidates().find_map(|date| {
            let month = time::Month::try_from(date.month()?).ok()?;
            time::Date::from_calendar_date(date.year()?, month, date.day()?).ok()
        });
        assert!(day.is_some(), "no day of the calendar");
        self.located(print);
        let digits: String = self
            .text_of_page()
            .chars()
            .map(digit)
            .filter(char::is_ascii_digit)
            .collect();
        let day = print.symbols[4..].trim_start_matches('0');
        assert!(
            digits.contains(day) && digits.contains(&print.symbols[..2]),
            "a date that no line has"
        );
    }

    /// Every word of the value stands on the page.
    fn on_page(&self, print: &Print<String>) {
        self.located(print);
        let text = self.text_of_page();
        let mut words = print.value.split(|character: char| !character.is_alphanumeric());
        assert!(words.all(|word| text.contains(word)), "a word that no line has");
    }

    /// It is where a line is that is none of the zone, as sure as can be.
    fn located<T>(&self, print: &Print<T>) {
        let line = self.page.get(print.line).expect("one of the lines");
        assert!(!line.text.contains("<<"), "a line of the zone");
        assert!((0.0..=1.0).contains(&print.confidence));
    }

    /// All of it: a value may go on over several lines, and a line in several pieces.
    fn text_of_page(&self) -> String {
        let texts: Vec<&str> = self.page.iter().map(|line| line.text.as_str()).collect();
        texts.join("\n")
    }

    /// The symbols are the value's, with no more of them changed than print and recognition explain: one in ten read wrong, each
    /// national character in another spelling, and those read in doubt.
    fn likely(&self, print: &Print<String>) {
        let (value, symbols) = (plain(&print.value), plain(&print.symbols));
        let foreign = value
            .iter()
            .filter(|character| !character.is_ascii_alphanumeric())
            .count();
        let chars = self.page.iter().flat_map(|line| &line.chars);
        let doubted = chars.filter(|char| !char.alternatives.is_empty()).count();
        let allowed = 2 * symbols.len().div_ceil(10) + 4 * foreign + 2 * doubted;
        // Names may stand in another order.
        let others = if print.symbols.contains('<') {
            uncommon(value, symbols)
        } else {
            distance(&value, &symbols)
        };
        assert!(
            others <= allowed,
            "{others} symbols are others than printed, {allowed} may be"
        );
    }
}

/// Surname and given names as the zone has them.
fn names(field: &[Seen]) -> [String; 2] {
    let symbol = |seen: &Seen| match seen {
        Seen::Symbol(symbol) => char::from(*symbol),
        Seen::Likely(_) | Seen::Unknown => '?',
    };
    let field: String = field.iter().map(symbol).collect();
    let parts = field.trim_matches('<').split_once("<<");
    let (surname, given) = parts.unwrap_or((field.trim_matches('<'), ""));
    [surname, given].map(|name| name.trim_matches('<').to_owned())
}

/// The symbols are those of the field, as far as it is known.
fn fits(symbols: &str, field: &[Seen]) -> bool {
    let padded = symbols.bytes().chain(std::iter::repeat(b'<'));
    let fits = |(seen, symbol): (&Seen, u8)| !matches!(seen, Seen::Symbol(_)) || *seen == Seen::Symbol(symbol);
    !symbols.is_empty() && symbols.len() <= field.len() && field.iter().zip(padded).all(fits)
}

/// A digit that a letter may be.
fn digit(character: char) -> char {
    match character {
        'O' | 'o' | 'Q' => '0',
        'I' | 'l' | '|' | '!' => '1',
        'Z' => '2',
        'S' => '5',
        'B' => '8',
        _ => character,
    }
}

/// Letters and digits in capitals, look-alikes as one.
fn plain(text: &str) -> Vec<char> {
    let counts = |character: &char| character.is_alphanumeric() || matches!(character, '|' | '!');
    let capitals = text.chars().filter(counts).flat_map(char::to_uppercase);
    let one = |character| match digit(character) {
        'L' => '1',
        'G' => '6',
        other => other,
    };
    capitals.map(one).collect()
}

/// How many characters one has and the other has not, in whatever order.
fn uncommon(mut one: Vec<char>, mut other: Vec<char>) -> usize {
    one.retain(|character| {
        let common = other.iter().position(|other| other == character);
        common.map(|at| other.swap_remove(at)).is_none()
    });
    one.len().max(other.len())
}

/// Levenshtein's.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, one) in from.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (place, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(one != other);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
