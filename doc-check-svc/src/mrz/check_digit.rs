//! Check digits: ICAO Doc 9303-3 §4.9, modulus 10 with the weights 7, 3, 1 repeating.

/// The number that a symbol counts as (9303-3 table 5): digits their value, A to Z 10 to 35, the filler 0. `None` for
/// anything that cannot stand in a machine-readable zone.
#[must_use]
pub(super) fn value(symbol: u8) -> Option<u32> {
    match symbol {
        b'0'..=b'9' => Some(u32::from(symbol - b'0')),
        b'A'..=b'Z' => Some(u32::from(symbol - b'A') + 10),
        b'<' => Some(0),
        _ => None,
    }
}

/// No check digit tells one from the other.
pub(crate) fn have_same_sum(a: u8, b: u8) -> bool {
    let rest = |symbol| value(symbol).map(|value| value % 10);
    rest(a) == rest(b)
}

/// The weight of the symbol at a position, counted from 0.
#[must_use]
pub(super) fn weight(position: usize) -> u32 {
    match position % 3 {
        0 => 7,
        1 => 3,
        _ => 1,
    }
}

/// The check digit over symbols, as an ASCII digit; `None` when one of them cannot stand in a machine-readable zone.
#[must_use]
pub fn check_digit(symbols: impl IntoIterator<Item = u8>) -> Option<u8> {
    let mut sum = 0;
    for (position, symbol) in symbols.into_iter().enumerate() {
        sum = (sum + value(symbol)? * weight(position)) % 10;
    }
    u8::try_from(sum).ok().map(|digit| b'0' + digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_examples_of_the_standard() {
        // 9303-3 §4.9: a date, a number, and a number with fillers.
        assert_eq!(check_digit(*b"520727"), Some(b'3'));
        assert_eq!(check_digit(*b"AB2134<<<"), Some(b'5'));
        // 9303-4 appendix B, composite: lower line positions 1 to 10, 14 to 20, 22 to 43.
        assert_eq!(check_digit(*b"HA672242<658022549601086<<<<<<<<<<<<<<0"), Some(b'8'));
        assert_eq!(check_digit(*b"ab"), None);
    }
}
