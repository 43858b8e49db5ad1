//! Letters of a document's number that text recognition takes for digits.
//!
//! It reads most letters O as 0, and check digits cannot tell a number with two of them from one with two zeros where their weights are
//! 7 and 3. How likely letters are is seen in the rest of the number: where letters stand among the digits, issuers draw from both.

use super::belief::{Belief, are_alike};
use super::layout::{FieldKind, Format};
use super::posterior::Posterior;

/// Letters, the digits that they are read as, and how often: of 273 printed letters O 158 were, of 16 letters I one was.
const READ_AS_DIGITS: [(u8, u8, f32); 2] = [(b'O', b'0', 0.58), (b'I', b'1', 0.06)];

/// Germany's numbers have neither.
const WITHOUT: [&str; 1] = ["D"];

/// The beliefs of a zone with these lines, where a digit of the number may be a letter as likely as the rest of the number says, or
/// surely is none.
#[must_use]
pub fn with_letters_in_number(posterior: &Posterior, beliefs: &[Belief]) -> Vec<Belief> {
    let mut all = beliefs.to_vec();
    let has_neither = has_neither(posterior);
    let number: String = parts(posterior).map(|(_, symbols)| symbols).collect();
    let letters = share_of_letters(number.as_bytes());
    let mut series = series(number.as_bytes());
    for (start, symbols) in parts(posterior) {
        let places = all.get_mut(start..start + symbols.len()).into_iter().flatten();
        for (belief, symbol) in places.zip(symbols.bytes()) {
            let letters = if series > 0 { MOST } else { letters };
            series = series.saturating_sub(1);
            if let Some(&(letter, digit, rate)) = READ_AS_DIGITS.iter().find(|(_, digit, _)| *digit == symbol) {
                if has_neither {
                    belief.distinguish(letter, digit, 0.0);
                } else {
                    let odds = rate * (letters / 26.0) / ((1.0 - letters) / 10.0);
                    belief.or(letter, digit, odds);
                }
            }
        }
    }
    all
}

/// The places of a number that has neither O nor I because its issuer gives it none; none of any other number.
pub(crate) fn without_twins(posterior: &Posterior) -> impl Iterator<Item = usize> {
    let parts = parts(posterior).filter(|_| has_neither(posterior));
    parts.flat_map(|(start, symbols)| start..start + symbols.len())
}

/// The issuer's numbers have neither O nor I.
fn has_neither(posterior: &Posterior) -> bool {
    WITHOUT.contains(&posterior.symbols(FieldKind::IssuingState).trim_end_matches('<'))
}

/// The document number, in one part or two: where each begins in the zone, and its symbols.
fn parts(posterior: &Posterior) -> impl Iterator<Item = (usize, &str)> {
    let number = posterior.symbols(FieldKind::Number).trim_end_matches('<');
    let parts = [(FieldKind::Number, number), (FieldKind::Optional, continued(posterior))];
    parts.into_iter().filter_map(|(kind, symbols)| {
        let field = posterior.format.field(kind)?;
        Some((field.line * posterior.format.line_length() + field.start, symbols))
    })
}

/// Where a long number goes on in the optional data (9303-5 note j), without its check digit; empty where it does not.
pub(crate) fn continued(posterior: &Posterior) -> &str {
    let is_card = matches!(posterior.format, Format::Td1 | Format::Td2);
    if !is_card || posterior.symbols(FieldKind::NumberCheck) != "<" {
        return "";
    }
    let rest = posterior
        .symbols(FieldKind::Optional)
        .split('<')
        .next()
        .unwrap_or_default();
    rest.get(..rest.len().saturating_sub(1)).unwrap_or_default()
}

/// The most that the share of letters can be: that of numbers whose symbols are drawn from all alike.
const MOST: f32 = 26.0 / 36.0;

fn is_either(symbol: u8) -> bool {
    READ_AS_DIGITS.iter().any(|(letter, ..)| are_alike(symbol, *letter))
}

/// How many symbols a number begins with that are letters, up to the last that surely is one: before D, what is read as 0 may be an O.
fn series(number: &[u8]) -> usize {
    let of_letters = number
        .iter()
        .take_while(|symbol| symbol.is_ascii_uppercase() || is_either(**symbol));
    let surely = of_letters.enumerate().filter(|(_, symbol)| !is_either(**symbol));
    surely.last().map_or(0, |(last, _)| last + 1)
}

/// The share of letters behind the first digit, of the symbols that are read for what they are. Letters before it are a series.
fn share_of_letters(number: &[u8]) -> f32 {
    let behind = number.iter().skip_while(|symbol| !symbol.is_ascii_digit());
    let plain = behind.filter(|symbol| !is_either(**symbol));
    let (letters, all) = plain.fold((0.0, 0.0f32), |(letters, all), symbol| {
        (letters + f32::from(u8::from(symbol.is_ascii_uppercase())), all + 1.0)
    });
    // Half a letter more than were seen: few symbols say little.
    ((letters + 0.5) / (all + 1.0)).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::super::layout::Shape;
    use super::super::{SYMBOLS, index};
    use super::*;

    /// How sure the number of a zone is that reads as these lines.
    fn number(lines: [&str; 3]) -> f64 {
        let beliefs: Vec<Belief> = lines
            .concat()
            .bytes()
            .map(|symbol| {
                let mut read = [0.0; SYMBOLS];
                read[index(symbol).expect("a symbol")] = 1.0;
                Belief::read(&read, 5e-5)
            })
            .collect();
        let shape = Shape { lines: 3, length: 30 };
        let first = Posterior::of(shape, &beliefs).expect("a zone");
        let zone = Posterior::of(shape, &with_letters_in_number(&first, &beliefs)).expect("a zone");
        zone.field(FieldKind::Number).expect("the field").probability
    }

    #[test]
    fn two_zeros_among_letters_may_be_letters() {
        let zone = |first, second| number([first, second, "JAERVINEN<<PEKKA<<<<<<<<<<<<<<"]);
        // Printed O08COB60A: either way the check digit holds.
        let printed = zone("I<UTO008C0B60A5<<<<<<<<<<<<<<<", "4212216M3004283UTO<<<<<<<<<<<2");
        assert!(printed < 0.95, "{printed}");
        // Of one weight, two of them do not cancel out.
        let printed = zone("I<UTO0C8B2B07A9<<<<<<<<<<<<<<<", "4212216M3004283UTO<<<<<<<<<<<4");
        assert!(printed > 0.99, "{printed}");
        let german = zone("IDD<<008C0B60A5<<<<<<<<<<<<<<<", "4212216M3004283D<<<<<<<<<<<<<2");
        assert!(german > 0.9999, "{german}");
    }

    #[test]
    fn zeros_before_a_letter_may_be_letters_of_its_series() {
        let zone = |first| {
            number([
                first,
                "9405169M2711184UTO<<<<<<<<<<<4",
                "KOCEVAR<<ZIGA<<<<<<<<<<<<<<<<<",
            ])
        };
        // Printed OOD655362: either way the check digit holds.
        assert!(zone("I<UTO00D6553626<<<<<<<<<<<<<<<") < 0.95);
        assert_eq!(
            ["00D655362", "10A4O1234", "A70000001", "000000001"].map(|number| series(number.as_bytes())),
            [3, 3, 1, 0]
        );
    }

    #[test]
    fn letters_before_all_digits_are_a_series() {
        assert!(share_of_letters(b"AB1234567") < 0.08);
        assert!((share_of_letters(b"A12CD34E0") - 0.5).abs() < 1e-6);
        assert!(share_of_letters(b"0ABCDEFGH") < 0.73);
    }
}
