//! Labels: where a page says what a field is.

use super::letters::fold;
use super::page::{Line, Page};
use super::vocabulary::{Kind, LABELS};

/// Labels of fewer letters must be read right, as whole words.
const SHORT: usize = 6;

/// Labels of at least so many letters may begin and end inside a word: spaces between small letters are often not read.
const LONG: usize = 10;

/// A line is a label, not a value, if labels make up this share of its letters.
const LABEL_SHARE: f32 = 0.3;

/// A label on a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    pub(super) kind: Kind,
    /// Place of its line among those of the page.
    pub(super) line: usize,
    /// Its characters, from and to before.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Where it is along the text.
    pub(super) start: f32,
    pub(super) end: f32,
}

/// The labels of a page, and which lines are such rather than values.
pub(super) struct Labels {
    pub(super) all: Vec<Label>,
    is_label: Vec<bool>,
}

impl Labels {
    pub(super) fn of(page: &Page<'_>) -> Self {
        let mut all = Vec::new();
        let mut is_label = Vec::with_capacity(page.lines.len());
        for (number, line) in page.lines.iter().enumerate() {
            let letters = letters(line);
            let hits = hits(&letters);
            let covered: usize = hits.iter().map(|hit| hit.to - hit.from).sum();
            is_label.push(covered as f32 > LABEL_SHARE * letters.len() as f32);
            let char = |at: usize| letters.get(at).map_or(0, |letter| letter.char);
            for hit in joined(hits) {
                let (from, to) = (char(hit.from), char(hit.to - 1) + 1);
                all.push(Label {
                    kind: hit.kind,
                    line: number,
                    from,
                    to,
                    start: line.place(from),
                    end: line.place(to - 1),
                });
            }
        }
        Self { all, is_label }
    }

    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Label> {
        self.all.iter().filter(move |label| label.kind == kind)
    }

    /// The line is a label.
    pub(super) fn is_label(&self, line: usize) -> bool {
        self.is_label.get(line).copied().unwrap_or(false)
    }

    pub(super) fn on_line(&self, line: usize) -> impl Iterator<Item = &Label> {
        self.all.iter().filter(move |label| label.line == line)
    }
}

/// A folded letter and the character it comes from.
struct Letter {
    letter: u8,
    char: usize,
    begins_word: bool,
}

fn letters(line: &Line<'_>) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::with_capacity(line.chars().len());
    let mut previous = ' ';
    for (char, read) in line.chars().iter().enumerate() {
        let character = read.best.character;
        let mut begins_word = !previous.is_alphabetic() || (previous.is_lowercase() && character.is_uppercase());
        for letter in fold(character).bytes() {
            letters.push(Letter {
                letter,
                char,
                begins_word,
            });
            begins_word = false;
        }
        previous = character;
    }
    letters
}

/// A label among the letters of a line.
#[derive(Clone, Copy)]
struct Hit {
    kind: Kind,
    from: usize,
    to: usize,
}

/// Labels that do not overlap, longest first taken, in their order.
fn hits(letters: &[Letter]) -> Vec<Hit> {
    let mut found: Vec<Hit> = LABELS
        .iter()
        .flat_map(|(kind, labels)| labels.iter().map(move |label| (*kind, label.as_bytes())))
        .filter_map(|(kind, label)| find(letters, label).map(|(from, to)| Hit { kind, from, to }))
        .collect();
    found.sort_by_key(|hit| hit.from.abs_diff(hit.to));
    let mut kept: Vec<Hit> = Vec::new();
    for hit in found.into_iter().rev() {
        if kept.iter().all(|other| hit.to <= other.from || other.to <= hit.from) {
            kept.push(hit);
        }
    }
    kept.sort_by_key(|hit| hit.from);
    kept
}

/// Where the label is among the letters, with a few of them misread if it is long.
fn find(letters: &[Letter], label: &[u8]) -> Option<(usize, usize)> {
    let mistakes = match label.len() {
        0..SHORT => 0,
        SHORT..LONG => 1,
        length => length / 6,
    };
    let bounded = |from: usize, to: usize| {
        let begins = |at: usize| letters.get(at).is_none_or(|letter| letter.begins_word);
        label.len() >= LONG || (begins(from) && begins(to))
    };
    // The distance of each beginning of the label from the letters that end here, and where these began.
    let mut row: Vec<(usize, usize)> = (0..=label.len()).map(|distance| (distance, 0)).collect();
    let mut best: Option<(usize, usize, usize)> = None;
    for (at, letter) in letters.iter().enumerate() {
        let mut diagonal = row.first().copied().unwrap_or_default();
        let mut left = (0, at + 1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, wanted) in row.iter_mut().skip(1).zip(label) {
            let kept = (diagonal.0 + usize::from(letter.letter != *wanted), diagonal.1);
            let dropped = (left.0 + 1, left.1);
            let added = (cell.0 + 1, cell.1);
            diagonal = *cell;
            *cell = [kept, dropped, added]
                .into_iter()
                .min_by_key(|(distance, _)| *distance)
                .unwrap_or(kept);
            left = *cell;
        }
        let Some(&(distance, from)) = row.last() else { continue };
        if distance <= mistakes && bounded(from, at + 1) && best.is_none_or(|(least, ..)| distance < least) {
            best = Some((distance, from, at + 1));
        }
    }
    best.map(|(_, from, to)| (from, to))
}

/// One label for several words, or languages, that say the same.
fn joined(hits: Vec<Hit>) -> Vec<Hit> {
    let has = |kind| hits.iter().any(|hit| hit.kind == kind);
    let names = match (has(Kind::OtherName), has(Kind::Surname), has(Kind::GivenNames)) {
        (true, ..) => Kind::OtherName,
        (_, true, true) => Kind::Name,
        (_, true, false) => Kind::Surname,
        (_, false, true) => Kind::GivenNames,
        _ => Kind::Name,
    };
    let mut joined: Vec<Hit> = Vec::new();
    for mut hit in hits {
        if matches!(hit.kind, Kind::Surname | Kind::GivenNames | Kind::Name) {
            hit.kind = names;
        }
        match joined.last_mut().filter(|last| last.kind == hit.kind) {
            Some(last) => last.to = hit.to,
            None => joined.push(hit),
        }
    }
    joined
}
