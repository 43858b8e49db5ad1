//! Labels: where a page says what a field is.

use std::sync::LazyLock;

use vision::text::TextLine;

use super::letters::fold;
use super::page::{Line, Page};
use super::vocabulary::{Kind, LABELS};

/// Labels of fewer letters must be read right, as whole words.
const SHORT: usize = 7;

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
    pub(super) fn of(page: &Page) -> Self {
        let mut all = Vec::new();
        let mut is_label = Vec::with_capacity(page.lines.len());
        for (number, line) in page.lines.iter().enumerate() {
            let letters = letters(line);
            let hits = hits(&letters);
            let covered: usize = hits.iter().map(|hit| hit.to - hit.from).sum();
            is_label.push(covered as f32 > LABEL_SHARE * letters.len() as f32);
            let char = |at: usize| letters.get(at).map_or(0, |letter| letter.char);
            let hits = joined(hits);
            for (at, hit) in hits.iter().enumerate() {
                let (from, to) = (char(hit.from), char(hit.to - 1) + 1);
                // What stands before and behind is the label in other languages.
                let before = at.checked_sub(1).and_then(|at| hits.get(at));
                let start = before.map_or(line.start, |_| line.place(from));
                let end = hits.get(at + 1).map_or(line.end, |next| line.place(char(next.from)));
                all.push(Label {
                    kind: hit.kind,
                    line: number,
                    from,
                    to,
                    start,
                    end,
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

/// A line by itself is a label.
pub(super) fn is_label(line: &TextLine) -> bool {
    let page = Page::of(std::slice::from_ref(line));
    Labels::of(&page).is_label(0)
}

/// A folded letter and the character it comes from.
struct Letter {
    letter: u8,
    char: usize,
    begins_word: bool,
}

fn letters(line: &Line) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::with_capacity(line.chars.len());
    let mut previous = ' ';
    for (char, read) in line.chars.iter().enumerate() {
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
    /// Letters that were read otherwise, or not, or between.
    mistakes: usize,
}

/// Labels that do not overlap, the one with the most letters read right first taken, in their order.
fn hits(letters: &[Letter]) -> Vec<Hit> {
    let mut found: Vec<Hit> = PATTERNS.iter().filter_map(|label| find(letters, label)).collect();
    found.sort_by_key(|hit| (hit.to - hit.from).saturating_sub(hit.mistakes));
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
fn find(letters: &[Letter], label: &Pattern) -> Option<Hit> {
    let length = label.letters.len();
    let mistakes = match length {
        0..SHORT => 0,
        SHORT..LONG => 1,
        length => length / 6,
    };
    let begins = |at: usize| letters.get(at).is_none_or(|letter| letter.begins_word);
    let bounded = |from: usize, to: usize| length >= LONG || (begins(from) && begins(to));
    let mut best: Option<(usize, usize, usize)> = None;
    for (end, distance) in label.ends(letters) {
        if distance <= mistakes && best.is_none_or(|(least, ..)| distance < least) {
            // As long as the label, or by its mistakes shorter or longer.
            let near = (0..=distance).flat_map(|off| [end.checked_sub(length + off), (end + off).checked_sub(length)]);
            let from = near.flatten().find(|&from| {
                from < end
                    && bounded(from, end)
                    && label.distance(letters.get(from..end).unwrap_or_default()) == distance
            });
            best = from.map(|from| (distance, from, end)).or(best);
        }
    }
    best.map(|(mistakes, from, to)| Hit {
        kind: label.kind,
        from,
        to,
        mistakes,
    })
}

/// A label prepared for the search: G. Myers, A fast bit-vector algorithm for approximate string matching, 1999.
struct Pattern {
    kind: Kind,
    letters: &'static [u8],
    /// For each letter of the alphabet the places where the label has it.
    places: [u64; 26],
}

/// All labels, prepared once.
static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let labels = LABELS
        .iter()
        .flat_map(|(kind, labels)| labels.iter().map(|label| (*kind, label.as_bytes())));
    labels.map(|(kind, letters)| Pattern::new(kind, letters)).collect()
});

impl Pattern {
    fn new(kind: Kind, letters: &'static [u8]) -> Self {
        let mut places = [0; 26];
        for (at, letter) in letters.iter().enumerate() {
            if let Some(places) = places.get_mut(usize::from(letter.wrapping_sub(b'a'))) {
                *places |= 1 << at;
            }
        }
        Self { kind, letters, places }
    }

    fn places(&self, letter: u8) -> u64 {
        self.places
            .get(usize::from(letter.wrapping_sub(b'a')))
            .copied()
            .unwrap_or(0)
    }

    /// For each place where the label may end, its distance from the letters before.
    fn ends(&self, letters: &[Letter]) -> impl Iterator<Item = (usize, usize)> {
        let last = 1u64 << (self.letters.len() - 1);
        let (mut more, mut less) = (u64::MAX, 0u64);
        let mut distance = self.letters.len();
        letters.iter().enumerate().map(move |(at, letter)| {
            let equal = self.places(letter.letter);
            let vertical = equal | less;
            let horizontal = (((equal & more).wrapping_add(more)) ^ more) | equal;
            let up = less | !(horizontal | more);
            let down = more & horizontal;
            distance = distance + usize::from(up & last != 0) - usize::from(down & last != 0);
            let (up, down) = (up << 1, down << 1);
            more = down | !(vertical | up);
            less = up & vertical;
            (at + 1, distance)
        })
    }

    /// Letters to change, add or drop to make the label of these.
    fn distance(&self, letters: &[Letter]) -> usize {
        let mut row: Vec<usize> = (0..=self.letters.len()).collect();
        for (at, letter) in letters.iter().enumerate() {
            let mut diagonal = std::mem::replace(row.first_mut().unwrap_or(&mut 0), at + 1);
            let mut left = at + 1;
            for (cell, wanted) in row.iter_mut().skip(1).zip(self.letters) {
                let changed = diagonal + usize::from(letter.letter != *wanted);
                diagonal = *cell;
                *cell = changed.min(left + 1).min(*cell + 1);
                left = *cell;
            }
        }
        row.last().copied().unwrap_or(0)
    }
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
