//! A stretch of printed text, maybe over several lines, and how it reads as a field of the zone.

use std::collections::HashSet;

use vision::text::TextChar;

use super::letters::{Misread, SURE, Script, Spelling, certainty, doubts, open, spellings};
use super::zone::Seen;

/// Marks inside a name or number that the zone leaves out or has fillers for (9303-3 section 4.6).
const SEPARATORS: &[char] = &[' ', '-', '‐', '–', '\'', '’', 'ʼ', '`', '´', '.', ',', '·'];

/// How many known symbols of a field there must be for one letter that is misread, or for two marks: letters without their marks are
/// still the name's. In short fields one mark counts as much.
const SYMBOLS_PER_LETTER: usize = 10;
const MARKS_PER_LETTER: usize = 2;
const SHORT: usize = 8;

/// Fewest known symbols of a field in which anything may be misread.
const LEAST_FOR_A_MISTAKE: usize = 4;

/// Where recognition's candidates together are less likely than this, they may be two characters.
const LEGIBLE: f32 = 0.5;

/// One character of a stretch.
pub(super) struct Glyph<'a> {
    /// `None` between two lines.
    pub(super) read: Option<&'a TextChar>,
    spellings: Vec<Spelling>,
}

impl Glyph<'_> {
    pub(super) fn character(&self) -> char {
        self.read.map_or(' ', |read| read.best.character)
    }

    pub(super) fn is_separator(&self) -> bool {
        SEPARATORS.contains(&self.character())
    }

    pub(super) fn is_sure(&self) -> bool {
        self.read.is_some_and(|read| certainty(read) >= SURE)
    }

    /// It stands for something in the zone.
    fn counts(&self) -> bool {
        self.character().is_alphanumeric()
    }
}

/// Characters in a row, as a field of names or of numbers.
pub(super) struct Stretch<'a> {
    pub(super) glyphs: Vec<Glyph<'a>>,
    script: Script,
}

/// A stretch that reads as a field.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// Where the field begins and ends in the stretch.
    pub(super) from: usize,
    pub(super) to: usize,
    /// The field as the zone writes it.
    pub(super) symbols: String,
    /// Places in it where the zone may as well have another symbol, and which.
    pub(super) open: Vec<(usize, u8)>,
}

/// A field of the zone as a whole, without fillers at its ends.
#[derive(Clone, Copy)]
pub(super) struct Pattern<'a> {
    pub(super) seen: &'a [Seen],
    /// Words may be cut short: the field of names is full (9303-4 section 4.2.3).
    pub(super) is_cut: bool,
    /// Words may be missing at its end, for the same reason.
    pub(super) may_go_on: bool,
}

impl Pattern<'_> {
    /// Symbols that are known and no fillers.
    pub(super) fn known(&self) -> usize {
        let known = |seen: &&Seen| matches!(seen, Seen::Symbol(symbol) if *symbol != b'<');
        self.seen.iter().filter(known).count()
    }
}

impl<'a> Stretch<'a> {
    pub(super) fn of(chars: impl IntoIterator<Item = Option<&'a TextChar>>, script: Script) -> Self {
        let glyphs = chars.into_iter().map(|read| Glyph {
            read,
            spellings: read.map(|read| spellings(read, script)).unwrap_or_default(),
        });
        Self {
            glyphs: glyphs.collect(),
            script,
        }
    }

    /// The text from one character to before another.
    pub(super) fn text(&self, from: usize, to: usize) -> String {
        let glyphs = self.glyphs.get(from..to).unwrap_or_default();
        let text: String = glyphs.iter().map(Glyph::character).collect();
        text.trim_matches(|c: char| SEPARATORS.contains(&c)).to_owned()
    }

    /// Mean probability of the characters.
    pub(super) fn confidence(&self, from: usize, to: usize) -> f32 {
        let reads = self
            .glyphs
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .filter_map(|glyph| glyph.read);
        let (sum, count) = reads.fold((0.0, 0.0), |(sum, count), read| {
            (sum + read.best.probability, count + 1.0)
        });
        if count > 0.0 { sum / count } else { 0.0 }
    }

    /// Every place where words of the stretch read as the field.
    pub(super) fn find<'s>(&'s self, pattern: Pattern<'s>) -> impl Iterator<Item = Reading> + 's {
        (0..self.glyphs.len())
            .filter(|&at| self.starts_word(at))
            .filter_map(move |at| self.read_from(at, pattern))
    }

    /// The field, from this character on.
    pub(super) fn read_from(&self, at: usize, pattern: Pattern<'_>) -> Option<Reading> {
        if pattern.seen.is_empty() {
            return None;
        }
        let marks = match pattern.known() {
            0..LEAST_FOR_A_MISTAKE => 0,
            known => MARKS_PER_LETTER * known.div_ceil(SYMBOLS_PER_LETTER),
        };
        (0..=marks).find_map(|marks| {
            let mut search = Search::new(self, pattern, Trust::Strict);
            let to = search.step(at, 0, marks)?;
            // What fills a gap must be as it looks.
            (!search.fills || marks == 0).then(|| Reading {
                from: at,
                to,
                symbols: String::from_utf8_lossy(&search.symbols).into_owned(),
                open: search.open,
            })
        })
    }

    /// Whether words of the stretch may be the field, if all that was not read surely was mistaken.
    pub(super) fn may_hold(&self, pattern: Pattern<'_>) -> bool {
        (0..self.glyphs.len()).filter(|&at| self.starts_word(at)).any(|at| {
            Search::new(self, pattern, Trust::Lenient)
                .step(at, 0, usize::MAX)
                .is_some()
        })
    }

    /// Whether the stretch is nearly the field: at most one symbol in three is another.
    pub(super) fn is_nearly(&self, pattern: Pattern<'_>) -> bool {
        let wanted: Vec<Seen> = pattern
            .seen
            .iter()
            .copied()
            .filter(|seen| seen.may_be_filled())
            .collect();
        let written = self.glyphs.iter().filter_map(|glyph| glyph.spellings.first());
        let written: Vec<u8> = written.flat_map(|spelling| spelling.symbols.bytes()).collect();
        let others = wanted
            .iter()
            .zip(&written)
            .filter(|(seen, symbol)| !seen.may_be(**symbol))
            .count();
        wanted.len() == written.len() && 3 * others <= wanted.len()
    }

    pub(super) fn starts_word(&self, at: usize) -> bool {
        let counts = |at: usize| self.glyphs.get(at).is_some_and(Glyph::counts);
        counts(at) && (at == 0 || !counts(at - 1))
    }

    /// No word goes on here.
    pub(super) fn ends_word(&self, at: usize) -> bool {
        !self.glyphs.get(at).is_some_and(Glyph::counts)
    }
}

/// How well a character shows the symbols that it may stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// It was read so, surely.
    Sure,
    /// It was read surely, but for a mark that recognition loses: enough for what the zone seems to have.
    Mark,
    /// It may have been read wrong: enough for what the zone surely has.
    Doubtful,
}

/// How much text recognition may have been mistaken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// As little as makes an agreement.
    Strict,
    /// As much as it may have been: whatever was not read surely may be anything.
    Lenient,
}

/// Depth-first, over characters and positions.
struct Search<'s, 'a> {
    stretch: &'s Stretch<'a>,
    pattern: Pattern<'s>,
    trust: Trust,
    /// Where the rest cannot be read.
    dead: HashSet<(usize, usize, usize)>,
    symbols: Vec<u8>,
    open: Vec<(usize, u8)>,
    fills: bool,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(stretch: &'s Stretch<'a>, pattern: Pattern<'s>, trust: Trust) -> Self {
        Self {
            stretch,
            pattern,
            trust,
            dead: HashSet::new(),
            symbols: Vec::new(),
            open: Vec::new(),
            fills: false,
        }
    }

    /// The end of the field, if the rest of it can be read from this character on with so many marks misread.
    fn step(&mut self, at: usize, position: usize, marks: usize) -> Option<usize> {
        if position == self.pattern.seen.len() && (self.stretch.ends_word(at) || self.pattern.is_cut) {
            return Some(self.word_end(at));
        }
        if !self.dead.insert((at, position, marks)) {
            return None;
        }
        self.filler(at, position, marks)
            .or_else(|| self.letter(at, position, marks))
            .or_else(|| self.pair(at, position, marks))
            .or_else(|| self.cut(at, position, marks))
            .or_else(|| self.doubtful(at, position))
    }

    /// A separator, which the zone has a filler for or leaves out; or a filler for which nothing is printed.
    fn filler(&mut self, at: usize, position: usize, marks: usize) -> Option<usize> {
        let separators = self
            .stretch
            .glyphs
            .iter()
            .skip(at)
            .take_while(|glyph| glyph.is_separator())
            .count();
        let next = self.pattern.seen.get(position)?;
        let is_inside = position > 0 && position < self.pattern.seen.len();
        if is_inside && (*next == Seen::Symbol(b'<') || (separators > 0 && !next.is_known())) {
            let kept = self.mark();
            self.symbols.push(b'<');
            self.fills |= !next.looks_like(b'<');
            if let Some(end) = self.step(at + separators, position + 1, marks) {
                return Some(end);
            }
            self.reset(kept);
        }
        (separators > 0 && is_inside).then(|| self.step(at + separators, position, marks))?
    }

    fn letter(&mut self, at: usize, position: usize, marks: usize) -> Option<usize> {
        let stretch = self.stretch;
        let glyph = stretch.glyphs.get(at)?;
        for spelling in &glyph.spellings {
            let Some(left) = self.left(marks, spelling.misread) else {
                continue;
            };
            let evidence = match glyph.is_sure() && !spelling.doubted {
                true if spelling.misread.is_some() => Evidence::Mark,
                true => Evidence::Sure,
                false => Evidence::Doubtful,
            };
            let kept = self.mark();
            if let [symbol] = spelling.symbols.as_bytes() {
                let other = open(glyph.character(), *symbol, stretch.script);
                self.open.extend(other.map(|other| (self.symbols.len(), other)));
            }
            let end = self.put(spelling.symbols, evidence, (at + 1, position, left));
            if end.is_some() {
                return end;
            }
            self.reset(kept);
        }
        None
    }

    /// `rn` that was an m, `CE` that was an Œ, and the like.
    fn pair(&mut self, at: usize, position: usize, marks: usize) -> Option<usize> {
        let left = self.left(marks, Some(Misread::Letter))?;
        let glyph = self.stretch.glyphs.get(at)?;
        let character = |at: usize| self.stretch.glyphs.get(at).map(Glyph::character);
        let (symbols, width) = match (self.stretch.script, character(at)?, character(at + 1)) {
            (Script::Letters(_), 'r', Some('n')) => ("M", 2),
            (Script::Letters(_), 'v', Some('v')) | (Script::Letters(_), 'V', Some('V')) => ("W", 2),
            (Script::Letters(_), 'c', Some('l')) => ("D", 2),
            (Script::Letters(_), 'C', Some('E')) | (Script::Letters(_), 'c', Some('e')) if !glyph.is_sure() => {
                ("OE", 2)
            }
            (Script::Letters(_), 'm', _) => ("RN", 1),
            (Script::Letters(_), 'w' | 'W', _) => ("VV", 1),
            (Script::Letters(_), 'd', _) => ("CL", 1),
            _ => return None,
        };
        self.put(symbols, Evidence::Doubtful, (at + width, position, left))
    }

    /// The rest of a word that the zone cuts short.
    fn cut(&mut self, at: usize, position: usize, marks: usize) -> Option<usize> {
        let is_cut =
            self.pattern.is_cut && position > 0 && self.pattern.seen.get(position) == Some(&Seen::Symbol(b'<'));
        let end = self.word_end(at);
        (is_cut && end > at).then(|| self.step(end, position, marks))?
    }

    /// What was not read surely may be what recognition thinks it might, or nothing at all where it found no character likely; and
    /// of two equal letters one may be lost.
    fn doubtful(&mut self, at: usize, position: usize) -> Option<usize> {
        if self.trust == Trust::Strict {
            return None;
        }
        let seen = |at: usize| self.pattern.seen.get(at);
        let is_double = position > 0 && seen(position).is_some() && seen(position - 1) == seen(position);
        if let Some(end) = is_double.then(|| self.step(at, position + 1, usize::MAX)).flatten() {
            return Some(end);
        }
        let stretch = self.stretch;
        let glyph = stretch.glyphs.get(at)?;
        let read = glyph.read.filter(|_| !glyph.is_sure())?;
        for symbols in doubts(read, stretch.script) {
            let end = self.put(symbols, Evidence::Doubtful, (at + 1, position, usize::MAX));
            if end.is_some() {
                return end;
            }
        }
        let explained: f32 = read.candidates().map(|candidate| candidate.probability).sum();
        let most = match explained {
            SURE.. => return None,
            LEGIBLE.. => 1,
            _ => 2,
        };
        (0..=most)
            .take_while(|taken| position + taken <= self.pattern.seen.len())
            .find_map(|taken| self.step(at + 1, position + taken, usize::MAX))
    }

    /// Takes these symbols for the next positions and goes on.
    fn put(
        &mut self,
        symbols: &str,
        evidence: Evidence,
        (at, position, marks): (usize, usize, usize),
    ) -> Option<usize> {
        let places = self.pattern.seen.get(position..position + symbols.len())?;
        let fits = |(place, symbol): (&Seen, u8)| {
            let is_shown = match evidence {
                Evidence::Sure => true,
                Evidence::Mark => place.looks_like(symbol),
                // Of two that are not sure neither confirms the other.
                Evidence::Doubtful => place.is_known(),
            };
            place.may_be(symbol) && (is_shown || self.trust == Trust::Lenient)
        };
        if !places.iter().zip(symbols.bytes()).all(fits) {
            return None;
        }
        let kept = self.mark();
        self.symbols.extend(symbols.bytes());
        self.fills |= !places
            .iter()
            .zip(symbols.bytes())
            .all(|(place, symbol)| place.looks_like(symbol));
        let end = self.step(at, position + symbols.len(), marks);
        if end.is_none() {
            self.reset(kept);
        }
        end
    }

    /// Marks that may still be misread after this.
    fn left(&self, marks: usize, misread: Option<Misread>) -> Option<usize> {
        let cost = match misread {
            None => 0,
            Some(Misread::Mark) if self.pattern.known() >= SHORT => 1,
            Some(Misread::Mark | Misread::Letter) => MARKS_PER_LETTER,
        };
        match self.trust {
            Trust::Strict => marks.checked_sub(cost),
            Trust::Lenient => Some(marks),
        }
    }

    fn word_end(&self, at: usize) -> usize {
        let rest = self.stretch.glyphs.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|glyph| glyph.counts()).count()
    }

    fn mark(&self) -> (usize, usize, bool) {
        (self.symbols.len(), self.open.len(), self.fills)
    }

    fn reset(&mut self, (symbols, open, fills): (usize, usize, bool)) {
        self.symbols.truncate(symbols);
        self.open.truncate(open);
        self.fills = fills;
    }
}
