//! Writes machine-readable zones: the inverse of reading them, for specimens and tests.
//!
//! Layouts: ICAO 9303-4 (TD3), 9303-5 (TD1), 9303-6 (TD2); transliteration and truncation of names: 9303-3, sections 4 and 6.

use super::check_digit;

/// The three sizes of machine-readable travel documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Card; three lines of 30.
    Td1,
    /// Larger card; two lines of 36.
    Td2,
    /// Passport; two lines of 44.
    Td3,
}

impl Size {
    /// Number of lines and of characters in each.
    #[must_use]
    pub fn shape(self) -> (usize, usize) {
        match self {
            Size::Td1 => (3, 30),
            Size::Td2 => (2, 36),
            Size::Td3 => (2, 44),
        }
    }
}

/// What a zone says. Text is transliterated: any Latin letters, spaces, hyphens and apostrophes are welcome. No `Debug`,
/// since all of it is personal.
#[derive(Clone, Copy)]
pub struct Contents<'a> {
    /// One or two letters, such as `P` or `ID`.
    pub document_code: &'a str,
    /// Three-letter code of the issuing state.
    pub issuing_state: &'a str,
    /// Primary identifier.
    pub surname: &'a str,
    /// Secondary identifiers; may be empty.
    pub given_names: &'a str,
    /// Document number; longer than 9 only where [`compose`] says so.
    pub number: &'a str,
    /// Three-letter code.
    pub nationality: &'a str,
    /// Two digits each of year, month and day.
    pub birth: &'a str,
    /// `M`, `F` or `<`.
    pub sex: char,
    /// Two digits each of year, month and day.
    pub expiry: &'a str,
    /// The personal number of a passport, the optional data of a card; may be empty.
    pub optional: &'a str,
}

/// A value that has no room in the zone or cannot be written in its alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} does not fit the machine-readable zone: shorten it or use the letters A to Z, digits and spaces")]
pub struct DoesNotFit(
    /// The value's name.
    pub &'static str,
);

/// The lines of the zone, with all check digits.
///
/// Names that are too long are cut so that both identifiers stay. A card (TD1, TD2) continues a document number of more than
/// nine characters in its optional data, which must then be empty (9303-5, 4.2.2.1 note j; 9303-6, 4.2.2.1 note j).
///
/// # Errors
/// [`DoesNotFit`] names the first value that does not.
pub fn compose(size: Size, contents: &Contents<'_>) -> Result<Vec<String>, DoesNotFit> {
    let Contents {
        document_code,
        issuing_state,
        surname,
        given_names,
        number,
        nationality,
        ..
    } = *contents;
    let code = pad("document code", document_code, 2)?;
    let state = pad("issuing state", issuing_state, 3)?;
    let nationality = pad("nationality", nationality, 3)?;
    let birth = date("date of birth", contents.birth)?;
    let expiry = date("date of expiry", contents.expiry)?;
    let sex = Some(contents.sex)
        .filter(|sex| "MF<".contains(*sex))
        .ok_or(DoesNotFit("sex"))?;
    let names = |length| names(surname, given_names, length);
    Ok(match size {
        Size::Td1 => {
            let (number, optional) = long_number(number, contents.optional, 15)?;
            let first = format!("{code}{state}{number}{optional}");
            let rest = pad("optional data", "", 11)?;
            let checked: String = first.chars().skip(5).collect();
            let composite = check_digit(&format!("{checked}{birth}{expiry}{rest}"));
            vec![
                first,
                format!("{birth}{sex}{expiry}{nationality}{rest}{composite}"),
                names(30)?,
            ]
        }
        Size::Td2 => {
            let (number, optional) = long_number(number, contents.optional, 7)?;
            let composite = check_digit(&format!("{number}{birth}{expiry}{optional}"));
            let second = format!("{number}{nationality}{birth}{sex}{expiry}{optional}{composite}");
            vec![format!("{code}{state}{}", names(31)?), second]
        }
        Size::Td3 => {
            let number = checked("document number", number, 9)?;
            let personal = checked("personal number", contents.optional, 14)?;
            let composite = check_digit(&format!("{number}{birth}{expiry}{personal}"));
            let second = format!("{number}{nationality}{birth}{sex}{expiry}{personal}{composite}");
            vec![format!("{code}{state}{}", names(39)?), second]
        }
    })
}

/// The field `text` in `length` characters, filled up with `<`.
fn pad(field: &'static str, text: &str, length: usize) -> Result<String, DoesNotFit> {
    let written = transliterate(text).ok_or(DoesNotFit(field))?;
    if written.len() <= length {
        Ok(format!("{written:<<length$}"))
    } else {
        Err(DoesNotFit(field))
    }
}

/// A padded field and its check digit.
fn checked(field: &'static str, text: &str, length: usize) -> Result<String, DoesNotFit> {
    let padded = pad(field, text, length)?;
    Ok(format!("{padded}{}", check_digit(&padded)))
}

fn date(field: &'static str, digits: &str) -> Result<String, DoesNotFit> {
    if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        checked(field, digits, 6)
    } else {
        Err(DoesNotFit(field))
    }
}

/// Document number with check digit, and the optional data of `room` characters. What a long number has beyond nine
/// characters stands at the start of the optional data, with the check digit of the whole number behind it and `<` in the
/// check digit's usual place.
fn long_number(number: &str, optional: &str, room: usize) -> Result<(String, String), DoesNotFit> {
    const FIELD: &str = "document number";
    let number = transliterate(number).ok_or(DoesNotFit(FIELD))?;
    match number.split_at_checked(9) {
        Some((first, rest)) if !rest.is_empty() => {
            if !optional.is_empty() {
                return Err(DoesNotFit("optional data"));
            }
            let continued = pad(FIELD, &format!("{rest}{}", check_digit(&number)), room)?;
            // At least one filler ends the number.
            if continued.ends_with('<') {
                Ok((format!("{first}<"), continued))
            } else {
                Err(DoesNotFit(FIELD))
            }
        }
        _ => Ok((checked(FIELD, &number, 9)?, pad("optional data", optional, room)?)),
    }
}

/// `SURNAME<<GIVEN<NAMES` in `length` characters. A surname that would leave no room for given names is cut.
fn names(surname: &str, given_names: &str, length: usize) -> Result<String, DoesNotFit> {
    let mut written = transliterate(surname)
        .filter(|name| !name.is_empty())
        .ok_or(DoesNotFit("surname"))?;
    let given = transliterate(given_names).ok_or(DoesNotFit("given names"))?;
    if !given.is_empty() {
        written.truncate(length.saturating_sub(3));
        written.push_str("<<");
        written.push_str(&given);
    }
    written.truncate(length);
    Ok(format!("{written:<<length$}"))
}

/// Text in the alphabet of the zone: `A` to `Z`, `0` to `9` and `<` (9303-3, section 6 A). `None` for other letters.
fn transliterate(text: &str) -> Option<String> {
    let mut written = String::new();
    for character in text.trim().chars().flat_map(char::to_uppercase) {
        match character {
            'A'..='Z' | '0'..='9' | '<' => written.push(character),
            ' ' | '-' => written.push('<'),
            '\'' | '’' | '.' | ',' => {}
            _ => written.push_str(latin(character)?),
        }
    }
    Some(written)
}

fn latin(character: char) -> Option<&'static str> {
    Some(match character {
        'À' | 'Á' | 'Â' | 'Ã' | 'Ā' | 'Ă' | 'Ą' => "A",
        'Ä' | 'Æ' => "AE",
        'Å' => "AA",
        'Ç' | 'Ć' | 'Ĉ' | 'Ċ' | 'Č' => "C",
        'Ð' | 'Ď' | 'Đ' => "D",
        'È' | 'É' | 'Ê' | 'Ë' | 'Ē' | 'Ĕ' | 'Ė' | 'Ę' | 'Ě' => "E",
        'Ĝ' | 'Ğ' | 'Ġ' | 'Ģ' => "G",
        'Ĥ' | 'Ħ' => "H",
        'Ì' | 'Í' | 'Î' | 'Ï' | 'Ĩ' | 'Ī' | 'Ĭ' | 'Į' | 'İ' => "I",
        'Ĵ' => "J",
        'Ķ' => "K",
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ŀ' | 'Ł' => "L",
        'Ñ' | 'Ń' | 'Ņ' | 'Ň' | 'Ŋ' => "N",
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ō' | 'Ŏ' | 'Ő' => "O",
        'Ö' | 'Ø' | 'Œ' => "OE",
        'Ŕ' | 'Ŗ' | 'Ř' => "R",
        'Ś' | 'Ŝ' | 'Ş' | 'Š' | 'Ș' => "S",
        'ẞ' => "SS",
        'Þ' => "TH",
        'Ţ' | 'Ť' | 'Ŧ' | 'Ț' => "T",
        'Ù' | 'Ú' | 'Û' | 'Ũ' | 'Ū' | 'Ŭ' | 'Ů' | 'Ű' | 'Ų' => "U",
        'Ü' => "UE",
        'Ŵ' => "W",
        'Ý' | 'Ŷ' | 'Ÿ' => "Y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The holder of the specimens in ICAO 9303-4 to 9303-6.
    const SPECIMEN: Contents<'_> = Contents {
        document_code: "I",
        issuing_state: "UTO",
        surname: "Eriksson",
        given_names: "Anna Maria",
        number: "D23145890",
        nationality: "UTO",
        birth: "740812",
        sex: 'F',
        expiry: "120415",
        optional: "",
    };

    #[test]
    fn the_standards_own_specimens() {
        let passport = Contents {
            document_code: "P",
            number: "L898902C3",
            optional: "ZE184226B",
            ..SPECIMEN
        };
        assert_eq!(
            compose(Size::Td3, &passport).unwrap(),
            [
                "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
                "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
            ]
        );
        assert_eq!(
            compose(Size::Td1, &SPECIMEN).unwrap(),
            [
                "I<UTOD231458907<<<<<<<<<<<<<<<",
                "7408122F1204159UTO<<<<<<<<<<<6",
                "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
            ]
        );
        assert_eq!(
            compose(Size::Td2, &SPECIMEN).unwrap(),
            [
                "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<",
                "D231458907UTO7408122F1204159<<<<<<<6"
            ]
        );
    }

    #[test]
    fn a_long_number_continues_in_the_optional_data() {
        // 9303-5, appendix: the number D23145890734 with the check digit 9.
        let long = Contents {
            number: "D23145890734",
            ..SPECIMEN
        };
        let lines = compose(Size::Td1, &long).unwrap();
        assert_eq!(lines.first().unwrap(), "I<UTOD23145890<7349<<<<<<<<<<<");
        assert_eq!(compose(Size::Td3, &long), Err(DoesNotFit("document number")));
    }

    #[test]
    fn names_are_transliterated_and_cut() {
        let name = |surname, given_names| {
            let contents = Contents {
                surname,
                given_names,
                ..SPECIMEN
            };
            compose(Size::Td1, &contents).map(|lines| lines.last().unwrap().clone())
        };
        assert_eq!(
            name("Müller-Größ", "Zoë d'Arc").unwrap(),
            "MUELLER<GROESS<<ZOE<DARC<<<<<<"
        );
        assert_eq!(
            name("van der Muellerhausen-Schmidt", "Jo").unwrap(),
            "VAN<DER<MUELLERHAUSEN<SCHMI<<J"
        );
        assert_eq!(name("Arkfreith", "").unwrap(), "ARKFREITH<<<<<<<<<<<<<<<<<<<<<");
        assert_eq!(name("Иванов", ""), Err(DoesNotFit("surname")));
        assert_eq!(name("'", ""), Err(DoesNotFit("surname")));
    }

    #[test]
    fn every_line_has_its_length() {
        for size in [Size::Td1, Size::Td2, Size::Td3] {
            let (count, length) = size.shape();
            let lines = compose(
                size,
                &Contents {
                    given_names: "A very long list of names",
                    ..SPECIMEN
                },
            )
            .unwrap();
            assert_eq!(
                (lines.len(), lines.iter().all(|line| line.len() == length)),
                (count, true)
            );
        }
        assert_eq!(
            compose(
                Size::Td3,
                &Contents {
                    birth: "74081",
                    ..SPECIMEN
                }
            ),
            Err(DoesNotFit("date of birth"))
        );
        assert_eq!(
            compose(Size::Td3, &Contents { sex: 'x', ..SPECIMEN }),
            Err(DoesNotFit("sex"))
        );
    }
}
