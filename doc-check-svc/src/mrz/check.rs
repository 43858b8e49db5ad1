//! The check digit of ICAO 9303-3, section 4.9.

/// The check digit of a field: the sum of its characters' values (`0`–`9` are 0–9, `A`–`Z` are 10–35, the filler `<` is 0)
/// with the weights 7, 3, 1, 7, 3, 1, …, modulo 10. Any other character counts as 0.
#[must_use]
pub fn check_digit(field: &str) -> char {
    let values = field
        .chars()
        .map(|character| character.to_digit(36).filter(|_| !character.is_ascii_lowercase()));
    let sum: u32 = values
        .zip([7, 3, 1].into_iter().cycle())
        .map(|(value, weight)| value.unwrap_or(0) * weight)
        .sum();
    char::from_digit(sum % 10, 10).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::check_digit;

    #[test]
    fn examples_of_the_standard() {
        // 9303-3, 4.9.
        assert_eq!(check_digit("520727"), '3');
        assert_eq!(check_digit("AB2134<<<"), '5');
        assert_eq!(check_digit("HA672242<658022549601086<<<<<<<<<<<<<<0"), '8');
    }
}
