//! From fields to the lines of a machine-readable zone, check digits included.

use proto::country::State;

use super::check_digit::check_digit;
use super::date::Date;
use super::layout::{Class, FieldKind, Format};
use super::name::{Name, transliterate};
use super::parse::Sex;

/// What a zone is to say.
#[derive(Clone)]
pub struct Fields<'text> {
    /// Size and arrangement.
    pub format: Format,
    /// One or two letters that begin as the format asks: P for TD3, A, C, D or I for TD1, A, C or I for TD2, V for visas.
    pub document_code: &'text str,
    /// Code of the issuing state without fillers; must be assigned.
    pub issuing_state: &'text str,
    /// As the person writes it.
    pub surname: &'text str,
    /// As the person writes them; may be empty.
    pub given_names: &'text str,
    /// Letters and digits; at most nine, on TD1 and TD2 as many as fit the optional data with a check digit and a filler.
    pub number: &'text str,
    /// Code of the nationality without fillers; must be assigned.
    pub nationality: &'text str,
    /// Date of birth.
    pub birth_date: Date,
    /// Sex.
    pub sex: Sex,
    /// Date of expiry.
    pub expiry_date: Date,
    /// Symbols of the zone.
    pub optional: &'text str,
    /// Symbols of the zone; TD1 only.
    pub second_optional: &'text str,
}

/// Fields that no zone can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The code does not belong to the format.
    #[error("the document code must be one or two letters and begin with one of {0}")]
    DocumentCode(&'static str),
    /// A state whose code is not assigned.
    #[error("{0} is not the code of a state in ISO 3166-1 alpha-3 or ICAO 9303-3")]
    State(&'static str),
    /// A character without transliteration.
    #[error("the name holds the character U+{:04X}, which has no transliteration here", *.0 as u32)]
    Name(char),
    /// There is no surname.
    #[error("the surname must hold a letter")]
    NoSurname,
    /// The number has other characters than letters and digits, or too many.
    #[error("the document number must have 1 to {0} letters and digits")]
    Number(usize),
    /// Optional data with other symbols, or too many.
    #[error("{field} must have at most {longest} letters, digits and fillers")]
    Optional {
        /// Which.
        field: &'static str,
        /// Positions left.
        longest: usize,
    },
}

/// The lines of a zone that says this.
///
/// # Errors
/// [`ComposeError`] for the first field that the format cannot carry.
pub fn compose(fields: &Fields<'_>) -> Result<Vec<String>, ComposeError> {
    let format = fields.format;
    let mut lines = vec![vec![b'<'; format.line_length()]; format.lines()];
    let mut put = |kind, text: &str| {
        if let Some(field) = format.field(kind)
            && let Some(line) = lines.get_mut(field.line)
            && let Some(place) = line.get_mut(field.start..field.end)
        {
            place
                .iter_mut()
                .zip(text.bytes())
                .for_each(|(place, symbol)| *place = symbol);
        }
    };
    let length = |kind| format.field(kind).map_or(0, |field| field.end - field.start);

    put(FieldKind::DocumentCode, document_code(fields)?);
    put(
        FieldKind::IssuingState,
        state("the issuing state", fields.issuing_state)?,
    );
    put(FieldKind::Nationality, state("the nationality", fields.nationality)?);
    let surname = transliterate(fields.surname).map_err(ComposeError::Name)?;
    let given = transliterate(fields.given_names).map_err(ComposeError::Name)?;
    if surname.is_empty() {
        return Err(ComposeError::NoSurname);
    }
    put(
        FieldKind::Name,
        &Name::to_field(&surname, &given, length(FieldKind::Name)),
    );

    // On cards a long number continues in the optional data, followed by its check digit and a filler.
    let number = fields.number.to_ascii_uppercase();
    let longest = match format {
        Format::Td1 | Format::Td2 => length(FieldKind::Number) + length(FieldKind::Optional) - 2,
        Format::Td3 | Format::MrvA | Format::MrvB => length(FieldKind::Number),
    };
    if number.is_empty() || number.len() > longest || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(ComposeError::Number(longest));
    }
    let (head, tail) = number
        .split_at_checked(length(FieldKind::Number))
        .unwrap_or((&number, ""));
    put(FieldKind::Number, head);
    let continued = if tail.is_empty() {
        put(FieldKind::NumberCheck, &digit(&format!("{head:<<9}")));
        String::new()
    } else {
        format!("{tail}{}<", digit(&number))
    };

    let optional = format!("{continued}{}", fields.optional);
    for (kind, name, text) in [
        (FieldKind::Optional, "the optional data", optional.as_str()),
        (
            FieldKind::SecondOptional,
            "the second optional data",
            fields.second_optional,
        ),
    ] {
        if text.len() > length(kind) || !text.bytes().all(|symbol| Class::Any.allows(symbol)) {
            let taken = if kind == FieldKind::Optional {
                continued.len()
            } else {
                0
            };
            return Err(ComposeError::Optional {
                field: name,
                longest: length(kind) - taken,
            });
        }
        put(kind, text);
    }
    let (birth, expiry) = (fields.birth_date.to_field(), fields.expiry_date.to_field());
    put(FieldKind::BirthDate, &birth);
    put(FieldKind::BirthCheck, &digit(&birth));
    put(FieldKind::ExpiryDate, &expiry);
    put(FieldKind::ExpiryCheck, &digit(&expiry));
    put(
        FieldKind::Sex,
        match fields.sex {
            Sex::Female => "F",
            Sex::Male => "M",
            Sex::Unspecified => "<",
        },
    );
    put(
        FieldKind::OptionalCheck,
        &digit(&format!("{optional:<<width$}", width = length(FieldKind::Optional))),
    );

    let covered: Vec<u8> = format
        .fields()
        .iter()
        .filter(|field| field.in_composite())
        .filter_map(|field| lines.get(field.line)?.get(field.start..field.end))
        .flatten()
        .copied()
        .collect();
    if let Some(field) = format.field(FieldKind::CompositeCheck)
        && let Some(place) = lines.get_mut(field.line).and_then(|line| line.get_mut(field.start))
        && let Some(digit) = check_digit(covered)
    {
        *place = digit;
    }
    Ok(lines
        .into_iter()
        .map(|line| line.into_iter().map(char::from).collect())
        .collect())
}

fn document_code<'text>(fields: &Fields<'text>) -> Result<&'text str, ComposeError> {
    let code = fields.document_code;
    let allowed = match fields.format {
        Format::Td1 => "ACDI",
        Format::Td2 => "ACI",
        Format::Td3 => "P",
        Format::MrvA | Format::MrvB => "V",
    };
    let fits = matches!(code.len(), 1 | 2)
        && code.bytes().all(|byte| byte.is_ascii_uppercase())
        && code.chars().next().is_some_and(|first| allowed.contains(first));
    if fits {
        Ok(code)
    } else {
        Err(ComposeError::DocumentCode(allowed))
    }
}

fn state<'text>(field: &'static str, code: &'text str) -> Result<&'text str, ComposeError> {
    State::of(code).map(|_| code).ok_or(ComposeError::State(field))
}

/// The check digit over symbols that are known to belong into a zone.
fn digit(covered: &str) -> String {
    check_digit(covered.bytes()).map_or_else(String::new, |digit| char::from(digit).to_string())
}
