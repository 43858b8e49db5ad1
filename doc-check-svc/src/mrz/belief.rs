//! What was seen at one position of a zone, as the likelihood of every symbol.

use super::layout::Class;

/// Number of symbols: ten digits, 26 letters, the filler.
pub const SYMBOLS: usize = 37;

/// Every symbol, the filler last.
pub(super) fn symbols() -> impl Iterator<Item = u8> {
    (b'0'..=b'9').chain(b'A'..=b'Z').chain([b'<'])
}

/// The place of a symbol among [`SYMBOLS`]; `None` for anything else.
#[must_use]
pub fn index(symbol: u8) -> Option<usize> {
    match symbol {
        b'0'..=b'9' => Some(usize::from(symbol - b'0')),
        b'A'..=b'Z' => Some(usize::from(symbol - b'A') + 10),
        b'<' => Some(SYMBOLS - 1),
        _ => None,
    }
}

/// How likely what was seen at a position is for each symbol that may be printed there. Where nothing was seen, all are alike.
#[derive(Clone)]
pub struct Belief {
    /// In a field of letters or of digits, where the layout knows which of two look-alikes was printed.
    known: [f32; SYMBOLS],
    /// In a field of both, where only the eye knows.
    mixed: [f32; SYMBOLS],
    read: Option<u8>,
    /// The print elsewhere on the document says what stands here.
    printed: bool,
}

/// What was read is personal and does not show.
impl std::fmt::Debug for Belief {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Belief")
    }
}

impl Belief {
    /// Nothing was seen: the position is covered, washed out or outside the picture.
    pub const UNKNOWN: Self = Self {
        known: [1.0 / SYMBOLS as f32; SYMBOLS],
        mixed: [1.0 / SYMBOLS as f32; SYMBOLS],
        read: None,
        printed: false,
    };

    /// A position at which each symbol was read with this probability, and with `doubt` any other symbol was printed.
    #[must_use]
    pub fn read(probabilities: &[f32; SYMBOLS], doubt: f32) -> Self {
        let likelihoods = |mixed: bool| {
            let mut likelihoods = [doubt / SYMBOLS as f32; SYMBOLS];
            for (read, &probability) in symbols().zip(probabilities) {
                let probability = probability * (1.0 - doubt);
                let mut own = 1.0;
                for (printed, share) in look_alikes(read, mixed, doubt) {
                    own -= share;
                    add(&mut likelihoods, printed, probability * share);
                }
                add(&mut likelihoods, read, probability * own);
            }
            likelihoods
        };
        let best = symbols().zip(probabilities).max_by(|a, b| a.1.total_cmp(b.1));
        Self {
            known: likelihoods(false),
            mixed: likelihoods(true),
            read: best.map(|(symbol, _)| symbol),
            printed: false,
        }
    }

    /// The same, where the print elsewhere on the document says that this symbol stands here, and is wrong with a probability of
    /// `doubt`; `open` is another symbol that the print may as well be. In a field of letters and digits, print with a 0 may have an O.
    #[must_use]
    pub fn with_print(&self, symbol: u8, open: Option<u8>, doubt: f32) -> Self {
        let factor = |is_printed: bool| {
            if is_printed {
                1.0 - doubt
            } else {
                doubt / SYMBOLS as f32
            }
        };
        let mut belief = self.clone();
        belief.printed = true;
        for (other, likelihood) in symbols().zip(&mut belief.known) {
            *likelihood *= factor(other == symbol || Some(other) == open);
        }
        for (other, likelihood) in symbols().zip(&mut belief.mixed) {
            *likelihood *= factor(are_alike(other, symbol));
            if other != symbol && symbol.is_ascii_alphabetic() && are_alike(other, symbol) {
                *likelihood *= DIGIT_AS_LETTER;
            }
        }
        belief
    }

    /// What was read as `digit` in a field of letters and digits may be this letter, with at least these odds against the digit.
    pub(super) fn or(&mut self, letter: u8, digit: u8, odds: f32) {
        let least = odds * self.likelihood(digit, Class::Any);
        if let Some(likelihood) = index(letter).and_then(|index| self.mixed.get_mut(index)) {
            *likelihood = likelihood.max(least);
        }
    }

    /// In a field of letters and digits, this letter is so many times likelier than was known against the digit that it resembles.
    pub(crate) fn distinguish(&mut self, letter: u8, digit: u8, ratio: f32) {
        let (unlikely, factor) = if ratio < 1.0 {
            (letter, ratio)
        } else {
            (digit, ratio.recip())
        };
        if let Some(likelihood) = index(unlikely).and_then(|index| self.mixed.get_mut(index)) {
            *likelihood *= factor;
        }
    }

    /// Share of a symbol, and of the one that print does not tell from it, in the likelihood of all of its class; 0 where nothing was
    /// seen.
    pub(crate) fn share(&self, symbol: u8, class: Class) -> f32 {
        let sum = |fits: &dyn Fn(u8) -> bool| -> f32 {
            let fitting = symbols().filter(|other| class.allows(*other) && fits(*other));
            fitting.map(|other| self.likelihood(other, class)).sum()
        };
        if self.read.is_some() {
            sum(&|other| are_alike(other, symbol)) / sum(&|_| true)
        } else {
            0.0
        }
    }

    /// The symbol that was read, before anything was known of the document; `None` where nothing was seen.
    #[must_use]
    pub fn symbol(&self) -> Option<u8> {
        self.read
    }

    /// Nothing says what stands here, neither what was seen nor print.
    pub(super) fn is_open(&self) -> bool {
        self.read.is_none() && !self.printed
    }

    /// The likeliest symbol that a field of this class may hold; `None` where nothing was seen.
    pub(crate) fn best(&self, class: Class) -> Option<u8> {
        self.read?;
        symbols()
            .filter(|symbol| class.allows(*symbol))
            .max_by(|a, b| self.likelihood(*a, class).total_cmp(&self.likelihood(*b, class)))
    }

    /// Likelihood of a symbol in a field of this class.
    pub(super) fn likelihood(&self, symbol: u8, class: Class) -> f32 {
        let likelihoods = if class == Class::Any { &self.mixed } else { &self.known };
        index(symbol)
            .and_then(|index| likelihoods.get(index))
            .copied()
            .unwrap_or_default()
    }
}

fn add(likelihoods: &mut [f32; SYMBOLS], symbol: u8, likelihood: f32) {
    if let Some(place) = index(symbol).and_then(|index| likelihoods.get_mut(index)) {
        *place += likelihood;
    }
}

/// The letter that a digit resembles most; any other symbol itself.
pub(super) fn letter(symbol: u8) -> u8 {
    let resembling = DIGIT_LOOK_ALIKES.iter().find(|(digit, ..)| *digit == symbol);
    resembling.map_or(symbol, |(_, letter, _)| *letter)
}

/// Equal, or not told apart by print.
pub(crate) fn are_alike(a: u8, b: u8) -> bool {
    a == b || TWINS.iter().any(|twins| *twins == (a, b) || *twins == (b, a))
}

/// Symbols that may be behind this one, and how often. `doubt` is the probability that a symbol without a look-alike is another one.
///
/// Text recognition's own probabilities say little where the layout decides: it was taught on words, where 0 and O never compete,
/// and is sure of either. In fields of both kinds its word stands, unless it is in doubt itself: else nearly every wrong check
/// digit could be made right by some look-alike. O and I are the exception: of 273 letters O on drawn zones 158 were read as 0, while
/// most states leave them out of numbers.
fn look_alikes(read: u8, mixed: bool, doubt: f32) -> impl Iterator<Item = (u8, f32)> {
    let doubt = doubt.min(0.05);
    let digits = DIGIT_LOOK_ALIKES.iter().filter_map(move |&(digit, letter, share)| {
        let share = match (mixed, letter) {
            (false, _) => share,
            (true, _) if TWINS.contains(&(digit, letter)) => TWIN.max(doubt),
            (true, _) => doubt,
        };
        match read {
            _ if read == letter => Some((digit, share)),
            _ if read == digit => Some((letter, share)),
            _ => None,
        }
    });
    let letters = LETTER_LOOK_ALIKES.iter().filter_map(move |&(a, b)| match read {
        _ if read == a => Some((b, doubt)),
        _ if read == b => Some((a, doubt)),
        _ => None,
    });
    digits.chain(letters)
}

/// How often one of them stands where the other was read.
const TWIN: f32 = 0.02;

/// How often print with one of these letters has the digit. Text recognition takes the letter for the digit (19 of 24 printed O, 1 of 16
/// I) but not the digit for the letter (0 of 203).
const DIGIT_AS_LETTER: f32 = 0.02;

/// Digits and letters that print does not tell apart surely.
pub(crate) const TWINS: [(u8, u8); 2] = [(b'0', b'O'), (b'1', b'I')];

/// Digits and the letters that resemble them in OCR-B.
const DIGIT_LOOK_ALIKES: &[(u8, u8, f32)] = &[
    (b'0', b'O', 0.5),
    (b'0', b'D', 0.0005),
    (b'0', b'Q', 0.0005),
    (b'1', b'I', 0.1),
    (b'1', b'L', 0.0005),
    (b'2', b'Z', 0.05),
    (b'4', b'A', 0.005),
    (b'5', b'S', 0.05),
    (b'6', b'G', 0.05),
    (b'7', b'T', 0.005),
    (b'8', b'B', 0.05),
];

/// Letters that resemble each other, and those that fillers are read as.
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
    (b'K', b'<'),
    (b'C', b'<'),
    (b'E', b'<'),
    (b'L', b'<'),
    (b'X', b'<'),
    (b'S', b'<'),
    (b'G', b'<'),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn sure(symbol: u8) -> Belief {
        let mut probabilities = [0.0; SYMBOLS];
        add(&mut probabilities, symbol, 1.0);
        Belief::read(&probabilities, 1e-3)
    }

    #[test]
    fn a_look_alike_is_likelier_than_a_stranger_and_likeliest_where_the_layout_decides() {
        let zero = sure(b'0');
        assert_eq!(zero.symbol(), Some(b'0'));
        assert!(zero.likelihood(b'0', Class::Date) > 0.4);
        assert_eq!(
            (zero.best(Class::Letters), zero.best(Class::Any)),
            (Some(b'O'), Some(b'0'))
        );
        assert!(zero.likelihood(b'O', Class::Letters) > zero.likelihood(b'O', Class::Any));
        assert!(zero.likelihood(b'O', Class::Any) > zero.likelihood(b'W', Class::Any));
        assert!(sure(b'6').likelihood(b'G', Class::Letters) > sure(b'6').likelihood(b'G', Class::Any));
    }

    #[test]
    fn nothing_seen_speaks_for_nothing() {
        for symbol in symbols() {
            assert_eq!(Belief::UNKNOWN.likelihood(symbol, Class::Any), 1.0 / 37.0);
        }
        assert_eq!(Belief::UNKNOWN.symbol(), None);
    }
}
