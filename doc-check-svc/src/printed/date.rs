//! Dates as people print them.

use vision::text::TextChar;

use super::letters::{SURE, certainty, fold};
use super::month::months;
use super::zone::Seen;
use crate::mrz::{Century, Date};

/// A date in a line, with every meaning that it may have.
#[derive(Clone, PartialEq)]
pub(super) struct PrintedDate {
    /// Characters of the line, from and to before.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Likeliest first; at least one.
    pub(super) meanings: Vec<Meaning>,
    /// Every digit was read surely, and the month is one.
    pub(super) is_sure: bool,
    pub(super) confidence: f32,
}

/// One reading of a date.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    year: Year,
    month: u8,
    day: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Year {
    Full(i32),
    /// The last two digits.
    Short(i32),
}

impl Meaning {
    /// As the zone writes it: YYMMDD.
    pub(super) fn symbols(self) -> String {
        let (Year::Full(year) | Year::Short(year)) = self.year;
        format!("{:02}{:02}{:02}", year.rem_euclid(100), self.month, self.day)
    }

    /// The date; where the print has two digits of the year, the century is found as for the zone.
    pub(super) fn date(self, century: Century, today: time::Date) -> Option<Date> {
        match self.year {
            Year::Full(year) => Date::new(Some(year), Some(self.month), Some(self.day)).ok(),
            Year::Short(_) => Date::parse(&self.symbols(), century, today).ok(),
        }
    }

    /// The year, if all four digits are printed.
    pub(super) fn full_year(self) -> Option<i32> {
        match self.year {
            Year::Full(year) => Some(year),
            Year::Short(_) => None,
        }
    }

    /// Every known symbol of the zone's field is that of this date.
    pub(super) fn fits(self, field: &[Seen]) -> bool {
        let symbols = self.symbols();
        field.len() == symbols.len()
            && field
                .iter()
                .zip(symbols.bytes())
                .all(|(seen, symbol)| seen.may_be(symbol))
    }
}

/// Which number comes first where a date has three of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    DayFirst,
    /// As the United States and some others print it.
    MonthFirst,
}

/// All dates of a line from left to right.
pub(super) fn dates(chars: &[TextChar], order: Order) -> Vec<PrintedDate> {
    let tokens = tokens(chars);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match date(tokens.get(at..).unwrap_or_default(), chars, order) {
            Some((date, used)) => {
                found.push(date);
                at += used;
            }
            None => at += 1,
        }
    }
    found
}

/// A number, a word or a mark.
#[derive(Clone)]
struct Token {
    from: usize,
    to: usize,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    /// Its digits.
    Number(String),
    /// Months that it may name.
    Word(u16),
    Mark(char),
}

/// A letter that text recognition puts for a digit.
fn digit(character: char) -> Option<char> {
    match character {
        '0'..='9' => Some(character),
        'O' | 'o' | 'Q' => Some('0'),
        'I' | 'l' | '|' | '!' => Some('1'),
        'Z' => Some('2'),
        'S' => Some('5'),
        'B' => Some('8'),
        _ => None,
    }
}

/// A digit that text recognition puts for a letter.
fn letter(character: char) -> char {
    match character {
        '0' => 'o',
        '1' | '|' | '!' => 'i',
        '5' => 's',
        '6' => 'g',
        '8' => 'b',
        _ => character,
    }
}

fn tokens(chars: &[TextChar]) -> Vec<Token> {
    let characters: Vec<char> = chars.iter().map(|char| char.best.character).collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = characters.get(at..).filter(|rest| !rest.is_empty()) {
        let (length, kind) = token(rest);
        tokens.push(Token {
            from: at,
            to: at + length,
            kind,
        });
        at += length;
    }
    tokens
}

/// The token at the beginning, and its length.
fn token(rest: &[char]) -> (usize, Kind) {
    let run = |fits: fn(char) -> bool| rest.iter().take_while(|c| fits(**c)).count();
    let whole = run(|c| c.is_alphanumeric() || c == '|' || c == '!');
    let real = run(|c| c.is_ascii_digit());
    let numeric = run(|c| digit(c).is_some());
    let number = |length: usize| Kind::Number(rest.iter().take(length).filter_map(|c| digit(*c)).collect());
    let is_month = |from: usize| rest.get(from..whole).is_some_and(|word| month_word(word).1 != 0);
    if whole == 0 {
        return (1, Kind::Mark(rest.first().copied().unwrap_or_default()));
    }
    if numeric == whole && rest.iter().take(whole).any(char::is_ascii_digit) {
        return (whole, number(whole));
    }
    // Letters follow the number: 07JUN1984. The O of OCT may be among its digits.
    let taken = usize::from(real > 0 && rest.get(real - 1) == Some(&'0') && !is_month(real) && is_month(real - 1));
    if real > taken {
        return (real - taken, number(real - taken));
    }
    let (length, months) = month_word(rest.get(..whole).unwrap_or_default());
    (length, Kind::Word(months))
}

/// How much of these characters is a word rather than a year behind it (JUN1984), and the months that it may name.
fn month_word(characters: &[char]) -> (usize, u16) {
    let year = [4, 2].into_iter().find(|years| {
        let tail = characters
            .len()
            .checked_sub(*years)
            .and_then(|from| characters.get(from..));
        characters.len() > years + 2 && tail.is_some_and(|tail| tail.iter().all(char::is_ascii_digit))
    });
    let length = characters.len() - year.unwrap_or(0);
    let word: String = characters.iter().take(length).map(|c| fold(letter(*c))).collect();
    (length, named_months(&word))
}

/// The months that a word may name; `augiaout` is `aug/aout` with its stroke misread.
fn named_months(word: &str) -> u16 {
    let whole = months(word);
    if whole != 0 || word.len() < 6 {
        return whole;
    }
    let tails = (3..=4).filter_map(|length| word.get(word.len() - length..));
    word.get(..3)
        .map_or(0, |head| months(head) & tails.fold(0, |set, tail| set | months(tail)))
}

/// A date at the first token, and how many tokens it takes.
fn date(tokens: &[Token], chars: &[TextChar], order: Order) -> Option<(PrintedDate, usize)> {
    let [with_names, numbers, bare] = [named(tokens), numeric(tokens, order), undivided(tokens, order)];
    let (meanings, used) = with_names.or(numbers).or(bare)?;
    let (from, to) = (tokens.first()?.from, tokens.get(used - 1)?.to);
    let read = chars.get(from..to)?;
    let certain = |char: &TextChar| certainty(char) >= SURE || !char.best.character.is_alphanumeric();
    let confidence = read.iter().map(|char| char.best.probability).sum::<f32>() / read.len() as f32;
    let found = PrintedDate {
        from,
        to,
        meanings,
        is_sure: read.iter().all(certain),
        confidence,
    };
    Some((found, used))
}

/// The tokens without the marks between them, each with its number among all.
struct Parts<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl<'t> Parts<'t> {
    /// The next number or word, after at most three of these marks.
    fn next(&mut self, marks: &[char]) -> Option<&'t Kind> {
        let rest = self.tokens.get(self.at..)?;
        let skipped = rest
            .iter()
            .take(4)
            .take_while(|token| matches!(token.kind, Kind::Mark(m) if marks.contains(&m)));
        let skipped = skipped.count();
        let token = rest.get(skipped)?;
        (!matches!(token.kind, Kind::Mark(_))).then(|| {
            self.at += skipped + 1;
            &token.kind
        })
    }
}

/// Marks that stand between the parts of a date with the month's name.
const AROUND_NAMES: &[char] = &[' ', '.', '-', ',', '/', '\'', '’'];

/// `07 JUN 1984`, `07 JUN/JUIN 84`, `7. Juni 1984`, `Aug 12, 1974`.
fn named(tokens: &[Token]) -> Option<(Vec<Meaning>, usize)> {
    let mut parts = Parts { tokens, at: 0 };
    let (day, month, year) = match parts.next(&[])? {
        Kind::Number(day) => {
            let (month, year) = month_and_next(&mut parts)?;
            (day, month, year)
        }
        Kind::Word(_) => {
            parts.at = 0;
            let (month, day) = month_and_next(&mut parts)?;
            let Kind::Number(year) = parts.next(AROUND_NAMES)? else {
                return None;
            };
            (day, month, year)
        }
        Kind::Mark(_) => return None,
    };
    let meanings: Vec<Meaning> = (1..=12)
        .filter(|month_number| month & 1 << (month_number - 1) != 0)
        .filter_map(|month| meaning(year, month, part(day)?))
        .collect();
    (!meanings.is_empty()).then_some((meanings, parts.at))
}

/// The months that one or more words in a row may name, and the number after them.
fn month_and_next<'t>(parts: &mut Parts<'t>) -> Option<(u16, &'t String)> {
    let mut set: Option<u16> = None;
    loop {
        match parts.next(AROUND_NAMES)? {
            // Another language, or the same month in two.
            Kind::Word(0) if set.is_some() => {}
            Kind::Word(0) => return None,
            Kind::Word(named) => {
                let both = set.map_or(*named, |set| set & named);
                set = Some(both);
            }
            Kind::Number(next) => return Some((set?, next)),
            Kind::Mark(_) => return None,
        }
    }
}

/// `07.06.1984`, `07/06/84`, `07 06 1984`, `1984-06-07`.
fn numeric(tokens: &[Token], order: Order) -> Option<(Vec<Meaning>, usize)> {
    const MARKS: &[char] = &['.', '/', '-', ' ', ',', '–', ':'];
    let mut parts = Parts { tokens, at: 0 };
    let mut numbers = Vec::with_capacity(3);
    for _ in 0..3 {
        let marks: &[char] = if numbers.is_empty() { &[] } else { MARKS };
        match parts.next(marks)? {
            Kind::Number(digits) => numbers.push(digits),
            _ => return None,
        }
    }
    let [first, second, third] = numbers.as_slice() else {
        return None;
    };
    let meanings = match (first.len(), second.len(), third.len()) {
        // With both digits of the day (ISO 8601): where the picture ends behind the first, it is another day.
        (4, 2, 2) => meaning(first, part(second)?, part(third)?).into_iter().collect(),
        (1..=2, 1..=2, 2 | 4) => ordered(part(first)?, part(second)?, third, order),
        _ => Vec::new(),
    };
    (!meanings.is_empty()).then_some((meanings, parts.at))
}

/// `07061984`, and `0706.1984` or `07 0684` where one separator was not seen.
fn undivided(tokens: &[Token], order: Order) -> Option<(Vec<Meaning>, usize)> {
    let number = |at: usize| match &tokens.get(at)?.kind {
        Kind::Number(digits) => Some(digits.as_str()),
        _ => None,
    };
    let first = number(0)?;
    let is_mark = tokens
        .get(1)
        .is_some_and(|token| matches!(token.kind, Kind::Mark('.' | '/' | '-' | ' ')));
    // `06 1984` is a date without its day.
    let is_year = |digits: &&str| digits.len() == 4 && matches!(digits.parse(), Ok(1900..=2099));
    let second = number(2).filter(|second| is_mark && first.len() < 8 && !(first.len() == 2 && is_year(second)));
    let (digits, used) = match second {
        Some(second) => (format!("{first}{second}"), 3),
        None => (first.to_owned(), 1),
    };
    let two = |at: usize| part(digits.get(at..at + 2)?);
    let mut meanings = match (digits.len(), used) {
        (8, _) | (6, 3) => ordered(two(0)?, two(2)?, digits.get(4..)?, order),
        _ => return None,
    };
    if digits.len() == 8 {
        meanings.extend(meaning(digits.get(..4)?, two(4)?, two(6)?));
        meanings.retain(|meaning| matches!(meaning.year, Year::Full(1900..=2099)));
    }
    (!meanings.is_empty()).then_some((meanings, used))
}

/// Day, month and year, or month, day and year.
fn ordered(first: u8, second: u8, year: &str, order: Order) -> Vec<Meaning> {
    let (day, month) = match order {
        Order::DayFirst => (first, second),
        Order::MonthFirst => (second, first),
    };
    let usual = meaning(year, month, day);
    // Where that is no day, the other order it must be.
    usual.or_else(|| meaning(year, day, month)).into_iter().collect()
}

fn part(digits: &str) -> Option<u8> {
    (digits.len() <= 2).then(|| digits.parse().ok())?
}

fn meaning(year: &str, month: u8, day: u8) -> Option<Meaning> {
    let number: i32 = year.parse().ok()?;
    let year = match year.len() {
        4 => Year::Full(number),
        2 => Year::Short(number),
        _ => return None,
    };
    let plausible = match year {
        Year::Full(year) => (1850..=2150).contains(&year),
        Year::Short(_) => true,
    };
    let any_year = match year {
        Year::Full(year) => Some(year),
        Year::Short(_) => None,
    };
    let is_day = month > 0 && day > 0 && Date::new(any_year, Some(month), Some(day)).is_ok();
    (plausible && is_day).then_some(Meaning { year, month, day })
}
