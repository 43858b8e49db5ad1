//! Lines of print that are a zone's, as text recognition with its whole alphabet reads them.

use vision::text::TextLine;

/// Fewest symbols of a zone's line, fillers at its end left out: the printed zone has no fillers.
const LEAST_SYMBOLS: usize = 8;

/// Fewest fillers of it.
const LEAST_FILLERS: usize = 3;

/// Share of the symbols of a line that may be other ones in a second reading of it. Fewer are the same in lines of different people.
const MOST_CHANGED: f32 = 0.25;

/// The lines of zones among lines of print, without fillers.
pub(super) fn among(lines: &[TextLine]) -> impl Iterator<Item = Vec<char>> + '_ {
    lines.iter().filter_map(|line| symbols(&line.text))
}

/// Whether a line of print is one of a zone, or a piece of one.
pub(crate) fn is_one(text: &str) -> bool {
    symbols(text).is_some()
}

fn symbols(text: &str) -> Option<Vec<char>> {
    let (mut symbols, mut fillers, mut others) = (Vec::new(), 0, 0);
    for symbol in text.chars() {
        match symbol {
            '<' | '‹' => fillers += 1,
            '«' => fillers += 2,
            'A'..='Z' | '0'..='9' => symbols.push(symbol),
            ' ' => {}
            _ => others += 1,
        }
    }
    let is_one = symbols.len() >= LEAST_SYMBOLS && fillers >= LEAST_FILLERS && others * 5 <= symbols.len();
    is_one.then_some(symbols)
}

/// Whether a line, or a piece of one, is of this zone.
pub(super) fn is_of(line: Vec<char>, zone: &[String]) -> bool {
    let most = (MOST_CHANGED * line.len() as f32) as usize;
    zone.iter().any(|whole| {
        let whole: Vec<char> = whole.chars().filter(|symbol| *symbol != '<').collect();
        changes(&line, &whole) <= most
    })
}

/// Symbols that must be changed, added or left out to make `piece` some piece of `whole` (Sellers, "The theory and computation of
/// evolutionary distances", 1980).
fn changes(piece: &[char], whole: &[char]) -> usize {
    // Of each place in `whole`: the fewest changes with which the piece so far ends there.
    let mut ends = vec![0; whole.len() + 1];
    for (index, symbol) in piece.iter().enumerate() {
        let mut diagonal = ends[0];
        ends[0] = index + 1;
        for (place, other) in whole.iter().enumerate() {
            let changed = diagonal + usize::from(symbol != other);
            diagonal = ends[place + 1];
            ends[place + 1] = changed.min(diagonal + 1).min(ends[place] + 1);
        }
    }
    ends.into_iter().min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> Vec<String> {
        [
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
            "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
        ]
        .map(str::to_owned)
        .into()
    }

    #[test]
    fn print_is_no_zone() {
        for text in [
            "ERIKSSON",
            "SPECIMEN · NOT A VALID DOCUMENT",
            "Fecha de caducidad / Date of expiry",
            "<<<<<<<<<<<",
            "12 APR 1974 <",
        ] {
            assert!(!is_one(text), "{text}");
        }
        for text in [
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<",
            "ERIKSSON<<ANNA<<<",
            "L898902C36UT07408122F1204159<<<<<<<0",
            "KALNINS «ULDIS««",
        ] {
            assert!(is_one(text), "{text}");
        }
    }

    #[test]
    fn a_line_is_of_its_zone_though_cut_and_misread_and_of_no_other() {
        let is_of = |text: &str| is_of(symbols(text).unwrap(), &zone());
        assert!(is_of("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<"));
        assert!(is_of("UT0ERlKSSON<<ANNA<MARIA<<<"));
        assert!(is_of("6UTO7408122F1204159ZE184226B<<<<<10"));
        assert!(!is_of("P<UTOKALNINS<<ULDIS<<<<<<<<<<<<<<<"));
        assert!(!is_of("EWF0170375UTO6812104M3509216<<<<<<<2"));
    }

    #[test]
    fn pieces_cost_nothing_at_their_ends() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(changes(&chars("CDE"), &chars("ABCDEFG")), 0);
        assert_eq!(changes(&chars("CXE"), &chars("ABCDEFG")), 1);
        assert_eq!(changes(&chars("CE"), &chars("ABCDEFG")), 1);
        assert_eq!(changes(&chars("XYZ"), &chars("ABCDEFG")), 3);
        assert_eq!(changes(&chars("ABC"), &[]), 3);
    }
}
