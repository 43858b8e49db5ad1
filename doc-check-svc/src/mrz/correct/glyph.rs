//! What one recognised character may stand for in a machine-readable zone.

use crate::mrz::layout::Class;

/// Number of symbols: ten digits, 26 letters, the filler.
pub(super) const SYMBOLS: usize = 37;

/// Probability that a printed symbol is read as any other at all, spread evenly: what text recognition is sure of and nothing
/// explains costs 11.5 to change.
const FLOOR: f32 = 1e-5;

/// What a single letter between fillers costs, where it resembles one.
const STRAY: f32 = 4.0;

/// One recognised character, as the cost (negative natural logarithm of the probability) of each symbol behind it.
#[derive(Clone)]
pub struct Glyph {
    /// In a field of letters or of digits, where the grammar knows which of two look-alikes was printed.
    known: [f32; SYMBOLS],
    /// In a field of both, where only the reader knows.
    mixed: [f32; SYMBOLS],
    best: Option<u8>,
    confidence: f32,
}

/// What was read is personal and does not show.
impl std::fmt::Debug for Glyph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Glyph")
    }
}

impl Glyph {
    /// Glyphs of one recognised character from its candidates with their probabilities, best first. A double chevron is two.
    /// Empty when there is no candidate.
    #[must_use]
    pub fn of(candidates: &[(char, f32)]) -> Vec<Self> {
        let Some(&(best, confidence)) = candidates.first() else {
            return Vec::new();
        };
        let costs = |mixed: bool| {
            let mut likelihood = [FLOOR; SYMBOLS];
            for &(character, probability) in candidates {
                for (read, share) in symbols(character) {
                    let mut own = 1.0;
                    for (behind, weight) in look_alikes(read, mixed) {
                        own -= weight;
                        add(&mut likelihood, behind, probability * share * weight);
                    }
                    add(&mut likelihood, read, probability * share * own);
                }
            }
            likelihood.map(|probability| -probability.ln())
        };
        let first = symbols(best)
            .into_iter()
            .next()
            .map(|(symbol, _)| symbol)
            .filter(|_| !is_blank(best));
        let glyph = Self {
            known: costs(false),
            mixed: costs(true),
            best: first,
            confidence,
        };
        let count = if matches!(best, '«' | '»' | '《' | '≪') {
            2
        } else {
            1
        };
        vec![glyph; count]
    }

    /// It was read as a filler.
    #[must_use]
    pub fn is_filler(&self) -> bool {
        self.best == Some(b'<')
    }

    /// Cost of this symbol behind the character, from about 0 to about 11.5.
    pub(super) fn cost(&self, symbol: u8, class: Class) -> f32 {
        let costs = if class == Class::Any { &self.mixed } else { &self.known };
        index(symbol)
            .and_then(|index| costs.get(index))
            .copied()
            .unwrap_or(f32::INFINITY)
    }

    /// Cost where both neighbours look like fillers: there a letter that resembles one mostly is one.
    pub(super) fn cost_among_fillers(&self, symbol: u8) -> f32 {
        let stray = FILLER_LOOK_ALIKES.contains(&symbol) && self.best == Some(symbol);
        self.cost(symbol, Class::Letters) + if stray { STRAY } else { 0.0 }
    }

    /// The symbol that was read, before any grammar; `None` when the character resembles no symbol.
    pub(super) fn best(&self) -> Option<u8> {
        self.best
    }

    /// Probability that text recognition gave its best candidate.
    pub(super) fn confidence(&self) -> f32 {
        self.confidence
    }

    /// The filler is a likely reading.
    pub(super) fn may_be_filler(&self) -> bool {
        self.cost(b'<', Class::Any) < 2.0
    }
}

fn add(likelihood: &mut [f32; SYMBOLS], symbol: u8, probability: f32) {
    if let Some(place) = index(symbol).and_then(|index| likelihood.get_mut(index)) {
        *place += probability;
    }
}

/// Every symbol, fillers last.
pub(super) fn all() -> impl Iterator<Item = u8> {
    (b'0'..=b'9').chain(b'A'..=b'Z').chain([b'<'])
}

fn index(symbol: u8) -> Option<usize> {
    match symbol {
        b'0'..=b'9' => Some(usize::from(symbol - b'0')),
        b'A'..=b'Z' => Some(usize::from(symbol - b'A') + 10),
        b'<' => Some(SYMBOLS - 1),
        _ => None,
    }
}

/// Symbols that a character of the recogniser's alphabet resembles, likeliest first, and with which share.
fn symbols(character: char) -> Vec<(u8, f32)> {
    // Full-width forms are the same shapes, 0xFEE0 further on.
    let character = match u32::from(character) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(character),
        _ => character,
    };
    let ascii = |upper: char| u8::try_from(upper).ok();
    match character {
        'A'..='Z' | '0'..='9' | '<' => ascii(character).map(|symbol| (symbol, 1.0)).into_iter().collect(),
        '«' | '»' | '《' | '〈' | '‹' | '≪' | '≤' | 'く' | 'ㄑ' | '∠' | '巜' | '﹤' | '>' => {
            vec![(b'<', 1.0)]
        }
        '(' | '[' | '{' | '（' | '【' | '〔' | '「' | '€' => vec![(b'<', 0.8), (b'C', 0.2)],
        _ if is_blank(character) => vec![(b'<', 0.3)],
        'l' => vec![(b'I', 0.45), (b'1', 0.45), (b'L', 0.1)],
        '|' | '!' | 'i' | 'í' | 'ı' => vec![(b'I', 0.5), (b'1', 0.5)],
        'o' | '°' | '〇' | '○' | 'о' | 'ο' => vec![(b'O', 0.5), (b'0', 0.5)],
        'Ø' | 'ø' | 'θ' | 'Θ' => vec![(b'0', 0.8), (b'O', 0.2)],
        'c' | 'с' | 'ç' | 'Ç' | '¢' => vec![(b'C', 0.5), (b'<', 0.5)],
        'k' | 'к' => vec![(b'K', 0.5), (b'<', 0.5)],
        'b' => vec![(b'B', 0.5), (b'6', 0.5)],
        'g' => vec![(b'G', 0.5), (b'9', 0.5)],
        'q' => vec![(b'Q', 0.5), (b'9', 0.5)],
        's' | '$' => vec![(b'S', 0.6), (b'5', 0.4)],
        'z' => vec![(b'Z', 0.6), (b'2', 0.4)],
        't' | '+' => vec![(b'T', 0.8)],
        '&' => vec![(b'8', 0.8)],
        '¥' => vec![(b'Y', 0.9)],
        'А' | 'Α' | 'Á' | 'À' | 'Â' | 'Ä' | 'Å' => vec![(b'A', 1.0)],
        'В' | 'Β' | 'ß' => vec![(b'B', 1.0)],
        'С' => vec![(b'C', 1.0)],
        'Е' | 'Ε' | 'É' | 'È' | 'Ê' | 'Ë' => vec![(b'E', 1.0)],
        'Н' | 'Η' => vec![(b'H', 1.0)],
        'І' | 'Ι' | 'Í' | 'Ì' | 'İ' => vec![(b'I', 1.0)],
        'К' | 'Κ' => vec![(b'K', 1.0)],
        'М' | 'Μ' => vec![(b'M', 1.0)],
        'Ν' | 'Ñ' => vec![(b'N', 1.0)],
        'О' | 'Ο' | 'Ó' | 'Ö' | 'Ô' => vec![(b'O', 0.6), (b'0', 0.4)],
        'Р' | 'Ρ' => vec![(b'P', 1.0)],
        'Т' | 'Τ' => vec![(b'T', 1.0)],
        'Ú' | 'Ü' => vec![(b'U', 1.0)],
        'Х' | 'Χ' => vec![(b'X', 1.0)],
        'У' | 'Υ' => vec![(b'Y', 1.0)],
        'Ζ' | 'Ž' => vec![(b'Z', 1.0)],
        'З' => vec![(b'3', 1.0)],
        'Б' => vec![(b'6', 1.0)],
        'a'..='z' => ascii(character.to_ascii_uppercase())
            .map(|symbol| (symbol, 0.9))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

/// Gaps and specks: a filler, or nothing.
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '-' | '_' | '.' | ',' | '·' | '~' | '–' | '—' | '、')
}

/// Symbols that may be behind this one, and how often.
///
/// Text recognition's own probabilities say little where the grammar decides: it was taught on words, where 0 and O never
/// compete, and is sure of either. In fields of both kinds its word stands, unless it is in doubt itself: else nearly every
/// wrong check digit could be made right by some look-alike. O and I are the exception: most states leave them out of numbers.
fn look_alikes(read: u8, mixed: bool) -> impl Iterator<Item = (u8, f32)> {
    let digits = DIGIT_LOOK_ALIKES
        .iter()
        .filter_map(move |&(digit, letter, weight)| match read {
            _ if read == letter => Some((
                digit,
                if !mixed {
                    weight
                } else if avoided(letter) {
                    0.01
                } else {
                    0.0005
                },
            )),
            _ if read == digit => Some((letter, if mixed { 0.0005 } else { weight })),
            _ => None,
        });
    let letters = LETTER_LOOK_ALIKES.iter().filter_map(move |&(a, b)| match read {
        _ if read == a => Some((b, if mixed { 0.0005 } else { 0.005 })),
        _ if read == b => Some((a, if mixed { 0.0005 } else { 0.005 })),
        _ => None,
    });
    // A filler is read as a letter when it is blurred, but a letter hardly ever as a filler.
    let fillers = FILLER_LOOK_ALIKES.iter().filter(move |letter| **letter == read);
    digits
        .chain(letters)
        .chain(fillers.map(move |_| (b'<', if mixed { 0.0005 } else { 0.03 })))
}

/// Letters that most states leave out of document numbers.
fn avoided(letter: u8) -> bool {
    matches!(letter, b'O' | b'I')
}

/// Digits and the letters that resemble them in OCR-B.
const DIGIT_LOOK_ALIKES: &[(u8, u8, f32)] = &[
    (b'0', b'O', 0.05),
    (b'0', b'D', 0.01),
    (b'0', b'Q', 0.01),
    (b'1', b'I', 0.05),
    (b'1', b'L', 0.01),
    (b'2', b'Z', 0.05),
    (b'4', b'A', 0.02),
    (b'5', b'S', 0.05),
    (b'6', b'G', 0.05),
    (b'7', b'T', 0.02),
    (b'8', b'B', 0.05),
];

/// Letters that resemble each other.
const LETTER_LOOK_ALIKES: &[(u8, u8)] = &[
    (b'O', b'D'),
    (b'O', b'Q'),
    (b'I', b'L'),
    (b'I', b'T'),
    (b'C', b'G'),
    (b'E', b'F'),
    (b'U', b'V'),
    (b'M', b'N'),
    (b'P', b'R'),
    (b'K', b'X'),
];

/// Letters that fillers are read as.
const FILLER_LOOK_ALIKES: &[u8] = b"KCELXSGZV";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sure_reading_is_cheap_and_a_look_alike_cheaper_than_a_stranger() {
        let glyphs = Glyph::of(&[('0', 0.99), ('6', 0.004)]);
        let glyph = &glyphs[0];
        assert!(glyph.cost(b'0', Class::Date) < 0.3);
        assert!(glyph.cost(b'O', Class::Letters) < glyph.cost(b'6', Class::Letters));
        assert!(glyph.cost(b'6', Class::Any) < glyph.cost(b'O', Class::Any));
        assert!(glyph.cost(b'O', Class::Any) < glyph.cost(b'W', Class::Any));
        assert!(glyph.cost(b'W', Class::Any) > 11.0);
        assert_eq!(glyph.best(), Some(b'0'));
    }

    #[test]
    fn a_double_chevron_is_two_fillers() {
        let glyphs = Glyph::of(&[('«', 0.8), ('<', 0.1)]);
        assert_eq!(glyphs.len(), 2);
        assert!(glyphs.iter().all(Glyph::may_be_filler));
        assert!(Glyph::of(&[]).is_empty());
    }

    #[test]
    fn what_resembles_nothing_may_be_anything() {
        let glyphs = Glyph::of(&[('国', 0.9)]);
        assert_eq!(glyphs[0].best(), None);
        assert_eq!(glyphs[0].cost(b'A', Class::Any), glyphs[0].cost(b'7', Class::Any));
    }
}
