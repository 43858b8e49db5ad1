//! The classes of the recogniser and the characters they stand for.

use crate::models::{ModelError, Weights};

/// From here on Unicode has the radicals, syllables and ideographs of Eastern Asia.
const FIRST_IDEOGRAPHIC: char = '\u{2E80}';

/// Marks in names, dates and numbers besides those of ASCII.
const PUNCTUATION: [char; 13] = ['‐', '–', '—', '‘', '’', '´', '·', '°', '№', '«', '»', '‹', '›'];

/// Signs of ASCII that no field of a document has, and that text recognition takes marked letters for: Ș looks like $.
const NEVER_PRINTED: [char; 10] = ['$', '%', '@', '^', '~', '=', '_', '\\', '{', '}'];

/// Which characters may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alphabet {
    /// All that the network knows.
    #[default]
    Any,
    /// Letters, digits and punctuation of documents: no ideographs, syllables or pictographs, which are most of what the network knows
    /// and most of the work. Probabilities are among these.
    Letters,
    /// Those of a machine-readable zone: A–Z, 0–9 and the filler < (ICAO 9303 part 3, section 4.3). Everything else is taken for
    /// the likeliest of these, and probabilities are among these.
    Mrz,
}

impl Alphabet {
    fn allows(self, character: char) -> bool {
        match self {
            Alphabet::Any => true,
            Alphabet::Letters => {
                let is_letter = character.is_alphabetic() && character < FIRST_IDEOGRAPHIC;
                let is_ascii = character.is_ascii() && !NEVER_PRINTED.contains(&character);
                is_letter || is_ascii || PUNCTUATION.contains(&character)
            }
            Alphabet::Mrz => matches!(character, 'A'..='Z' | '0'..='9' | '<'),
        }
    }
}

/// The character of each class. Class 0 is no character and stands before the first of these.
pub(super) struct Dictionary(Vec<char>);

impl Dictionary {
    /// The dictionary in the model file: one character per line, to which the network adds the space as the last class.
    pub(super) fn load(weights: &Weights) -> Result<Dictionary, ModelError> {
        let characters = weights.property("character")?.split('\n').filter_map(|entry| {
            let mut chars = entry.chars();
            chars.next().filter(|_| chars.next().is_none())
        });
        Ok(Dictionary(characters.chain([' ']).collect()))
    }

    /// The characters of the classes from 1 on.
    pub(super) fn characters(&self) -> &[char] {
        &self.0
    }

    /// How many classes there are, with that for no character.
    pub(super) fn classes(&self) -> usize {
        self.0.len() + 1
    }

    /// The characters of the alphabet, and the numbers of their classes with class 0 before them.
    pub(super) fn select(&self, alphabet: Alphabet) -> (Dictionary, Vec<u32>) {
        let allowed = || {
            (1u32..)
                .zip(&self.0)
                .filter(|(_, character)| alphabet.allows(**character))
        };
        let characters = allowed().map(|(_, character)| *character).collect();
        let classes = std::iter::once(0).chain(allowed().map(|(class, _)| class)).collect();
        (Dictionary(characters), classes)
    }

    /// The character of a class. `None` for class 0.
    pub(super) fn character(&self, class: usize) -> Option<char> {
        self.0.get(class.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, HashMap};

    #[test]
    fn a_selection_keeps_classes_and_characters_together() {
        let properties = BTreeMap::from([("character".to_owned(), "a\nB\n7\n<\n\u{3000}\n$".to_owned())]);
        let weights = Weights::new("test", HashMap::new(), properties);
        let all = Dictionary::load(&weights).unwrap();
        assert_eq!(all.classes(), 8, "six characters, the space, and no character");
        assert_eq!(
            (all.character(0), all.character(1), all.character(7)),
            (None, Some('a'), Some(' '))
        );
        assert_eq!(all.character(8), None);

        let (mrz, classes) = all.select(Alphabet::Mrz);
        assert_eq!(classes, [0, 2, 3, 4]);
        assert_eq!(mrz.classes(), classes.len());
        assert_eq!(
            all.select(Alphabet::Letters).1,
            [0, 1, 2, 3, 4, 7],
            "all but the ideographic space and the dollar"
        );
        for (index, class) in classes.into_iter().enumerate() {
            assert_eq!(mrz.character(index), all.character(class as usize));
        }
    }
}
