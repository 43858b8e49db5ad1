//! The letters of a line, and words looked for among them with a few misread.

use vision::text::TextChar;

use super::letters::fold;

/// Words of fewer letters must be read right, as whole words.
const SHORT: usize = 7;

/// Words of at least so many letters may begin and end inside a word: spaces between small letters are often not read.
const LONG: usize = 10;

/// A folded letter and the character it comes from.
pub(super) struct Letter {
    pub(super) letter: u8,
    pub(super) char: usize,
    pub(super) begins_word: bool,
}

/// The letters of a text.
pub(super) fn letters(chars: &[TextChar]) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::with_capacity(chars.len());
    let mut previous = ' ';
    for (char, read) in chars.iter().enumerate() {
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

/// Where a word is among the letters of a line.
#[derive(Clone, Copy)]
pub(super) struct Hit {
    pub(super) from: usize,
    /// Before which it ends.
    pub(super) to: usize,
    /// Letters that were read otherwise, or not, or between.
    mistakes: usize,
}

impl Hit {
    /// Every letter as it should be.
    pub(super) fn exact(from: usize, to: usize) -> Self {
        let mistakes = 0;
        Self { from, to, mistakes }
    }

    /// Letters that were read right.
    pub(super) fn right(&self) -> usize {
        (self.to - self.from).saturating_sub(self.mistakes)
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

/// A word prepared for the search: G. Myers, A fast bit-vector algorithm for approximate string matching, 1999.
pub(super) struct Pattern {
    letters: &'static [u8],
    /// For each letter of the alphabet the places where the word has it.
    places: [u64; 26],
}

impl Pattern {
    /// Of a word as [`fold`] writes it, without spaces.
    pub(super) fn of(word: &'static str) -> Self {
        let letters = word.as_bytes();
        let mut places = [0; 26];
        for (at, letter) in letters.iter().enumerate() {
            if let Some(places) = places.get_mut(usize::from(letter.wrapping_sub(b'a'))) {
                *places |= 1 << at;
            }
        }
        Self { letters, places }
    }

    /// Where the word is among the letters, with a few of them misread if it is long.
    pub(super) fn find(&self, letters: &[Letter]) -> Option<Hit> {
        let length = self.letters.len();
        let mistakes = match length {
            0..SHORT => 0,
            SHORT..LONG => 1,
            length => length / 6,
        };
        let begins = |at: usize| letters.get(at).is_none_or(|letter| letter.begins_word);
        let bounded = |from: usize, to: usize| length >= LONG || (begins(from) && begins(to));
        let mut best: Option<(usize, usize, usize)> = None;
        for (end, distance) in self.ends(letters) {
            if distance <= mistakes && best.is_none_or(|(least, ..)| distance < least) {
                // As long as the word, or by its mistakes shorter or longer.
                let near =
                    (0..=distance).flat_map(|off| [end.checked_sub(length + off), (end + off).checked_sub(length)]);
                let from = near.flatten().find(|&from| {
                    from < end
                        && bounded(from, end)
                        && self.distance(letters.get(from..end).unwrap_or_default()) == distance
                });
                best = from.map(|from| (distance, from, end)).or(best);
            }
        }
        best.map(|(mistakes, from, to)| Hit { from, to, mistakes })
    }

    fn places(&self, letter: u8) -> u64 {
        self.places
            .get(usize::from(letter.wrapping_sub(b'a')))
            .copied()
            .unwrap_or(0)
    }

    /// For each place where the word may end, its distance from the letters before.
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

    /// Letters to change, add or drop to make the word of these.
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
