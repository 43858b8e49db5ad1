//! How a printed character may stand in the zone: transliteration (ICAO Doc 9303-3 section 6), and what text recognition takes it for.

use vision::text::TextChar;

use crate::mrz::transliteration;

/// A character below this probability may be another one, if text recognition says which.
const DOUBTFUL: f32 = 0.9;

/// How likely that other one must be.
const LEAST_ALTERNATIVE: f32 = 0.1;

/// An alternative that is likelier than this keeps a character from contradicting the zone.
const LEAST_DOUBT: f32 = 0.01;

/// A character that may fill an unknown position, or contradict a known one.
pub(super) const SURE: f32 = 0.9;

/// Which symbols a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Letters: names.
    Letters(Alphabet),
    /// Letters and digits: numbers.
    Any,
}

/// Which letters print may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Those of most states, with any mark.
    Latin,
    /// With Þ, which no other language has.
    Icelandic,
    /// With Ğ, which hardly another language has.
    Turkish,
    /// Those of all languages.
    All,
}

impl Alphabet {
    /// Letters that text recognition takes for others, as [`LOST_MARKS`].
    fn lost(self, upper: char) -> impl Iterator<Item = &'static str> {
        let thorn = matches!(self, Self::Icelandic | Self::All).then(|| others(LOST_THORN, without_mark(upper)));
        let breve = matches!(self, Self::Turkish | Self::All).then(|| others(LOST_BREVE, upper));
        thorn.into_iter().flatten().chain(breve.into_iter().flatten())
    }
}

/// Symbols that a character may stand for in the zone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Spelling {
    pub(super) symbols: &'static str,
    /// Only if text recognition took it for what it read.
    pub(super) misread: Option<Misread>,
    /// Only if it was not sure, and what it thought possible beside is right.
    pub(super) doubted: bool,
}

/// What text recognition took for something else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Misread {
    /// A mark beside a letter: it reads another, or none.
    Mark,
    /// The letter itself.
    Letter,
}

/// The capital letters and digits, to have each as a string.
const SYMBOLS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Other spellings than the first that 9303-3 section 6 names: those it leaves a choice of, and those that issuers use.
const OTHER_SPELLINGS: &[(char, &[&str])] = &[
    ('Ä', &["A"]),
    ('Å', &["A"]),
    ('Æ', &["A"]),
    ('Đ', &["DJ"]),
    ('Ð', &["DH"]),
    ('Ñ', &["NXX"]),
    ('Ĳ', &["IJ", "Y"]),
    ('Ö', &["O"]),
    ('Ø', &["O"]),
    ('Ő', &["O"]),
    ('Œ', &["O"]),
    ('Ü', &["UXX", "U"]),
    ('Ű', &["U"]),
    ('Ů', &["UO"]),
    ('β', &["SS"]),
];

/// Letters beside which text recognition loses a mark, or takes it for another: what is read, without marks, and what the zone then has.
const LOST_MARKS: &[(char, &[&str])] = &[
    ('A', &["AE", "AA"]),
    ('E', &["AE", "OE"]),
    ('O', &["OE"]),
    ('U', &["UE", "UXX"]),
];

/// What Ğ is read as, and what the zone then has.
const LOST_BREVE: &[(char, &[&str])] = &[('Č', &["G"]), ('Ć', &["G"])];

/// The same for Þ.
const LOST_THORN: &[(char, &[&str])] = &[('P', &["TH"]), ('D', &["TH"])];

/// Digits that are letters where a field has only letters.
const DIGITS_FOR_LETTERS: &[(char, &[&str])] = &[
    ('0', &["O", "OE"]),
    ('1', &["I", "L"]),
    ('2', &["Z"]),
    ('5', &["S"]),
    ('6', &["G"]),
    ('8', &["B"]),
    ('|', &["I", "L"]),
    ('!', &["I"]),
];

/// Another symbol that a name may have in the zone where print of this character reads as `symbol`: nobody tells I from l, and text
/// recognition takes Ğ for other marked letters, or for none.
pub(super) fn open(character: char, symbol: u8, script: Script) -> Option<u8> {
    let Script::Letters(alphabet) = script else { return None };
    let is_upright = matches!(character, 'I' | 'l' | '1' | '|' | '!');
    let may_be_breve = matches!(alphabet, Alphabet::Turkish | Alphabet::All) && fold(character) == "c";
    match symbol {
        b'I' if is_upright => Some(b'L'),
        b'L' if is_upright => Some(b'I'),
        b'C' if may_be_breve => Some(b'G'),
        b'G' if may_be_breve => Some(b'C'),
        _ => None,
    }
}

/// How sure it is what a character stands for: a small letter or a capital one, an O or a 0 make no difference.
pub(super) fn certainty(char: &TextChar) -> f32 {
    let key = |character: char| match character {
        '0' => "o",
        '1' | '|' | '!' | 'l' => "i",
        character => fold(character),
    };
    let best = char.best.character;
    let same = |other: char| other == best || (!key(best).is_empty() && key(other) == key(best));
    let alike = char.candidates().filter(|candidate| same(candidate.character));
    alike.map(|candidate| candidate.probability).sum()
}

/// What a character may stand for if text recognition was not sure.
pub(super) fn doubts(char: &TextChar, script: Script) -> impl Iterator<Item = &'static str> {
    let likely = char
        .alternatives
        .iter()
        .filter(|other| other.probability >= LEAST_DOUBT);
    likely.flat_map(move |other| written(other.character, script))
}

/// What a character may stand for in the zone, likeliest first.
pub(super) fn spellings(char: &TextChar, script: Script) -> Vec<Spelling> {
    let mut all = Vec::with_capacity(2);
    let mut add = |symbols, misread, doubted| {
        if !all.iter().any(|known: &Spelling| known.symbols == symbols) {
            all.push(Spelling {
                symbols,
                misread,
                doubted,
            });
        }
    };
    let best = char.best.character;
    for symbols in written(best, script) {
        add(symbols, None, false);
    }
    for (symbols, misread) in look_alikes(best, script) {
        add(symbols, misread, false);
    }
    if char.best.probability < DOUBTFUL {
        let likely = |candidate: &vision::text::Candidate| candidate.probability >= LEAST_ALTERNATIVE;
        for candidate in char.alternatives.iter().copied().filter(likely) {
            for symbols in written(candidate.character, script) {
                add(symbols, Some(Misread::Letter), true);
            }
        }
    }
    all
}

/// The spellings of a character that was read right.
fn written(character: char, script: Script) -> Vec<&'static str> {
    let upper = capital(character);
    let first = match upper {
        'A'..='Z' => symbol(upper),
        '0'..='9' if script == Script::Any => symbol(upper),
        _ => transliteration(upper).filter(|symbols| !symbols.is_empty()),
    };
    first.into_iter().chain(others(OTHER_SPELLINGS, upper)).collect()
}

/// What text recognition may have taken for this character.
fn look_alikes(character: char, script: Script) -> Vec<(&'static str, Option<Misread>)> {
    let Script::Letters(alphabet) = script else {
        // Nobody can tell these from each other in print.
        let alike: &[_] = match character {
            'O' | 'o' => &["0"],
            '0' => &["O"],
            'I' | 'i' | 'l' | '|' | '!' => &["1", "I"],
            '1' => &["I"],
            _ => &[],
        };
        return alike.iter().map(|symbols| (*symbols, None)).collect();
    };
    let upper = capital(character);
    let marks = others(LOST_MARKS, without_mark(upper)).map(|symbols| (symbols, Some(Misread::Mark)));
    let letters = (character == 'l')
        .then_some("I")
        .into_iter()
        .chain(alphabet.lost(upper))
        .chain(others(DIGITS_FOR_LETTERS, upper));
    marks
        .chain(letters.map(|symbols| (symbols, Some(Misread::Letter))))
        .collect()
}

/// The letter that a marked one is made of; any other character itself.
fn without_mark(upper: char) -> char {
    match fold(upper).as_bytes() {
        [letter] => char::from(letter.to_ascii_uppercase()),
        _ => upper,
    }
}

fn others(table: &'static [(char, &'static [&'static str])], character: char) -> impl Iterator<Item = &'static str> {
    let row = table.iter().find(|(from, _)| *from == character);
    row.into_iter().flat_map(|(_, to)| to.iter().copied())
}

/// The capital letter; the character itself where that is more than one.
pub(super) fn capital(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) if character != 'β' => upper,
        _ => character,
    }
}

fn symbol(character: char) -> Option<&'static str> {
    let at = SYMBOLS.find(character)?;
    SYMBOLS.get(at..=at)
}

/// Small letters without marks, as labels and months are compared: `Född` is `fodd`, `Straße` is `strasse`.
pub(super) fn fold(character: char) -> &'static str {
    const SMALL: &str = "abcdefghijklmnopqrstuvwxyz";
    let single = |letter: u8| {
        let at = usize::from(letter.to_ascii_lowercase().wrapping_sub(b'a'));
        SMALL.get(at..at + 1).unwrap_or_default()
    };
    match capital(character) {
        letter @ 'A'..='Z' => single(letter as u8),
        'Æ' => "ae",
        'Œ' => "oe",
        'ß' | 'ẞ' | 'β' => "ss",
        'Þ' => "th",
        other => {
            let unmarked = written(other, Script::Letters(Alphabet::Latin))
                .into_iter()
                .min_by_key(|symbols| symbols.len());
            unmarked.and_then(|symbols| symbols.bytes().next()).map_or("", single)
        }
    }
}
