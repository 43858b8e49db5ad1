//! Names: between how people write them and how the machine-readable zone does (ICAO Doc 9303-3 §4.6 and §6).

use super::layout::Class;

/// A name as the zone carries it: capitals, words separated by spaces. Apostrophes are gone and hyphens are spaces
/// (9303-3 §4.6), so it is not how the person writes it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Name {
    /// Primary identifier.
    pub surname: String,
    /// Secondary identifiers; empty when there are none.
    pub given_names: String,
    /// The field is full: the name may have been cut.
    pub may_be_truncated: bool,
}

/// Names are personal and do not show.
impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Name")
    }
}

impl Name {
    /// Reads the name field: surname, `<<`, given names, fillers.
    #[must_use]
    pub fn parse(field: &str) -> Self {
        let (surname, given) = field.trim_start_matches('<').split_once("<<").unwrap_or((field, ""));
        Self {
            surname: words(surname),
            given_names: words(given),
            may_be_truncated: !field.ends_with('<'),
        }
    }

    /// Writes a field of exactly `length` symbols. A name that does not fit is cut so that as much of the surname as possible
    /// and at least the first given letter remain, and the last symbol is a letter (9303-4 §4.2.3).
    pub(crate) fn to_field(surname: &str, given_names: &str, length: usize) -> String {
        let separator = if given_names.is_empty() || surname.is_empty() {
            ""
        } else {
            "<<"
        };
        let least = separator.len() + usize::from(!separator.is_empty());
        let surname = surname.get(..length.saturating_sub(least)).unwrap_or(surname);
        let surname = surname.trim_end_matches('<');
        let mut whole = format!("{surname}{separator}{given_names}");
        // A cut between two names shortens the one before instead, where it has letters to spare.
        let end = whole.as_bytes().get(length.saturating_sub(3)..length.saturating_add(1));
        if let Some([b'A'..=b'Z', b'A'..=b'Z', b'<', _]) = end {
            whole.remove(length - 2);
        }
        let cut = whole.get(..length).unwrap_or(&whole);
        format!("{cut:<<length$}")
    }
}

fn words(part: &str) -> String {
    let words: Vec<&str> = part.split('<').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// A name in symbols of the zone: national characters by their transliteration (9303-3 §6, parts A and B), apostrophes, full
/// stops and commas left out, hyphens and spaces as fillers.
///
/// # Errors
/// The first character that has no transliteration here (Arabic and other scripts are not covered).
pub fn transliterate(name: &str) -> Result<String, char> {
    let mut symbols = String::new();
    for character in name.trim().chars() {
        match character {
            'A'..='Z' => symbols.push(character),
            'a'..='z' => symbols.push(character.to_ascii_uppercase()),
            ' ' | '-' | '‐' | '–' | '<' => symbols.push('<'),
            '\'' | '’' | 'ʼ' | '.' | ',' => {}
            other => symbols.push_str(transliteration(other).ok_or(other)?),
        }
    }
    debug_assert!(symbols.bytes().all(|symbol| Class::Letters.allows(symbol)));
    let words: Vec<&str> = symbols.split('<').filter(|word| !word.is_empty()).collect();
    Ok(words.join("<"))
}

/// The transliteration of one national character.
pub(crate) fn transliteration(character: char) -> Option<&'static str> {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => LETTERS
            .iter()
            .find_map(|(symbols, letters)| letters.contains(upper).then_some(*symbols)),
        // ß becomes two letters when made upper-case.
        _ => (character == 'ß').then_some("SS"),
    }
}

/// 9303-3 §6: part A (Latin) and part B (Cyrillic). Where the standard leaves a choice, the first is taken.
const LETTERS: &[(&str, &str)] = &[
    ("A", "ÁÀÂÃĂĀĄ"),
    ("AE", "ÄÆ"),
    ("AA", "Å"),
    ("C", "ĆĈČĊÇ"),
    ("D", "ĐĎÐ"),
    ("E", "ÉÈÊËĚĖĒĘĔ"),
    ("G", "ĜĞĠĢ"),
    ("H", "ĤĦ"),
    ("I", "ÍÌÎÏĨİĪĮĬ"),
    ("J", "Ĵ"),
    ("K", "Ķ"),
    ("L", "ŁĹĽĻĿ"),
    ("N", "ŃÑŇŅŊ"),
    ("O", "ÓÒÔÕŌŎ"),
    ("OE", "ÖØŐŒ"),
    ("R", "ŔŘŖ"),
    ("S", "ŚŜŠŞȘ"),
    ("SS", "ẞ"),
    ("T", "ŤŢȚŦ"),
    ("TH", "Þ"),
    ("U", "ÚÙÛŨŬŪŲŮ"),
    ("UE", "ÜŰ"),
    ("W", "ŴẀẂẄ"),
    ("Y", "ÝŶŸỲ"),
    ("Z", "ŹŽŻ"),
    ("A", "А"),
    ("B", "Б"),
    ("V", "В"),
    ("G", "Г"),
    ("D", "ДЂ"),
    ("DJ", "Ѓ"),
    ("E", "ЕЁЭ"),
    ("IE", "ЄЪ"),
    ("ZH", "Ж"),
    ("Z", "З"),
    ("I", "ИЙІЇЫѴ"),
    ("J", "Ј"),
    ("K", "К"),
    ("L", "Л"),
    ("LJ", "Љ"),
    ("M", "М"),
    ("N", "Н"),
    ("NJ", "Њ"),
    ("O", "О"),
    ("P", "П"),
    ("R", "Р"),
    ("S", "С"),
    ("DZ", "Ѕ"),
    ("T", "Т"),
    ("C", "Ћ"),
    ("K", "Ќ"),
    ("U", "УЎ"),
    ("DZ", "Џ"),
    ("F", "Ф"),
    ("KH", "Х"),
    ("TS", "Ц"),
    ("CH", "Ч"),
    ("SH", "Ш"),
    ("SHCH", "Щ"),
    ("IU", "Ю"),
    ("IA", "Я"),
    // The soft sign is not transliterated.
    ("", "Ь"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names() {
        let name = Name::parse("VAN<DER<MUELLEN<<MARIA<OLIVIA<<<<<<<<<<");
        assert_eq!(
            (name.surname.as_str(), name.given_names.as_str()),
            ("VAN DER MUELLEN", "MARIA OLIVIA")
        );
        assert!(!name.may_be_truncated);
        let alone = Name::parse("ARKFREITH<<<<<<<<<<<<<");
        assert_eq!((alone.surname.as_str(), alone.given_names.as_str()), ("ARKFREITH", ""));
        assert!(Name::parse("UNITED<KINGDOM<<JODIE<PI").may_be_truncated);
        assert_eq!(
            Name::parse(""),
            Name {
                may_be_truncated: true,
                ..Name::default()
            }
        );
    }

    #[test]
    fn transliterates() {
        for (name, symbols) in [
            ("Müller-Lüdenscheidt", "MUELLER<LUEDENSCHEIDT"),
            ("O'Connor, Jr.", "OCONNOR<JR"),
            ("Ævarsdóttir", "AEVARSDOTTIR"),
            ("Þuríður", "THURIDUR"),
            ("Strauß", "STRAUSS"),
            ("Łukasz  Żak", "LUKASZ<ZAK"),
            ("Щербаков", "SHCHERBAKOV"),
            ("İnci", "INCI"),
        ] {
            assert_eq!(transliterate(name).as_deref(), Ok(symbols), "{name}");
        }
        assert_eq!(transliterate("محمد"), Err('م'));
        assert_eq!(transliterate("R2D2"), Err('2'));
    }

    #[test]
    fn cuts_names_that_do_not_fit() {
        assert_eq!(Name::to_field("ERIKSSON", "ANNA", 16), "ERIKSSON<<ANNA<<");
        assert_eq!(
            Name::to_field("NILAVADHANANANDA", "CHAYAPA", 20),
            "NILAVADHANANANDA<<CH"
        );
        assert_eq!(Name::to_field("ABCDEFGHIJKLMNOP", "XYZ", 12), "ABCDEFGHI<<X");
        assert_eq!(Name::to_field("ABC<EFG", "XYZ", 7), "ABC<<XY");
        assert_eq!(Name::to_field("SMITH", "JOHN<PAUL", 12), "SMITH<<JOH<P");
        assert_eq!(Name::to_field("ARKFREITH", "", 12), "ARKFREITH<<<");
    }
}
