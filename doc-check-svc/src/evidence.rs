//! The zone and the print of a document, together: what either says of a field, and how sure the field is then. Pure.
//!
//! The print is one more look at the positions of the zone that it agrees with. It fills those that were not seen, and takes the doubt
//! from those that were: zone and print are not misread alike.

use crate::mrz::{Belief, Class, Field, FieldKind, Format, Name, Posterior, Sex, are_alike, continued, have_same_sum};
use crate::printed::{Agreement, Print, Printed, Seen, ZoneFields};

/// Probability that a symbol is printed otherwise in the zone than a field that agrees elsewhere on the document has it.
const PRINT_DOUBT: f32 = 2e-3;

/// Probability that a name goes on in the zone where its print ends, although fillers were read there.
const LONGER_DOUBT: f32 = 0.05;

/// Share of every word that the print states, and of a worn number or date, which must have been seen in the zone as the print has it for
/// the print to count: whoever soils a word can print another.
const LEAST_SEEN: f32 = 0.5;

/// Shares of the likelihood from which on a symbol of the zone is certain, and from which on it is likely.
const CERTAIN: f32 = 0.95;
const LIKELY: f32 = 0.5;

/// What print may fill of a field of which positions were not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completion {
    /// What whoever hid them could not choose: of a date one digit whose check digit was seen.
    #[default]
    Unforgeable,
    /// All, where half of each word, of a number or of a date was seen: other print may fit fewer, and a check digit does not tell it in one
    /// of ten.
    Worn,
}

/// A field of which a report says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stated {
    /// Names.
    Surname,
    /// Names.
    GivenNames,
    /// Number of the document.
    Number,
    /// Issuing state.
    IssuingState,
    /// Date of birth.
    BirthDate,
    /// Sex.
    Sex,
    /// Date of expiry.
    ExpiryDate,
}

/// What the print says of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrintSays {
    /// The same as the zone.
    Agrees,
    /// Something else.
    Differs,
    /// Nothing that could be read.
    #[default]
    NotSeen,
}

impl<T> From<&Agreement<T>> for PrintSays {
    fn from(agreement: &Agreement<T>) -> Self {
        match agreement {
            Agreement::Agrees(_) => Self::Agrees,
            Agreement::Differs { .. } => Self::Differs,
            Agreement::NotSeen => Self::NotSeen,
        }
    }
}

/// How sure a field of the report is, and by what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FieldEvidence {
    /// Which.
    pub field: Stated,
    /// Probability that the document states it as the report does, 0 to 1.
    pub probability: f64,
    /// Positions of the zone at which nothing was seen.
    pub unseen: usize,
    /// Positions of the zone at which another symbol was likelier by itself.
    pub repaired: usize,
    /// A check digit of the field's own holds that was not used up to repair it.
    pub check_digit: bool,
    /// What the print says.
    pub print: PrintSays,
}

/// Probability from which on a report states a field, and a document may be verified with it.
const SURE: f64 = 0.99;

impl FieldEvidence {
    /// Sure enough to be stated.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        self.probability >= SURE
    }
}

impl Stated {
    /// Every field, in the order of the report.
    pub const ALL: [Self; 7] = [
        Self::Surname,
        Self::GivenNames,
        Self::Number,
        Self::IssuingState,
        Self::BirthDate,
        Self::Sex,
        Self::ExpiryDate,
    ];

    /// Its name in `DocumentReport`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Surname => "last_name",
            Self::GivenNames => "first_name",
            Self::Number => "number",
            Self::IssuingState => "issuing_country",
            Self::BirthDate => "dob",
            Self::Sex => "sex",
            Self::ExpiryDate => "expiration_date",
        }
    }

    /// The field of the zone that says it, and that of its check digit.
    fn of_zone(self) -> (FieldKind, Option<FieldKind>) {
        match self {
            Self::Surname | Self::GivenNames => (FieldKind::Name, None),
            Self::Number => (FieldKind::Number, Some(FieldKind::NumberCheck)),
            Self::IssuingState => (FieldKind::IssuingState, None),
            Self::BirthDate => (FieldKind::BirthDate, Some(FieldKind::BirthCheck)),
            Self::Sex => (FieldKind::Sex, None),
            Self::ExpiryDate => (FieldKind::ExpiryDate, Some(FieldKind::ExpiryCheck)),
        }
    }

    fn print(self, printed: &Printed, posterior: &Posterior) -> PrintSays {
        match self {
            Self::Surname => (&printed.surname).into(),
            Self::GivenNames => (&printed.given_names).into(),
            Self::Number => says_of(&printed.number, &number(posterior)),
            Self::IssuingState => (&printed.issuing_state).into(),
            Self::BirthDate => says_of(&printed.birth_date, posterior.symbols(FieldKind::BirthDate)),
            // Any mark agrees with one that is hidden.
            Self::Sex if posterior.field(FieldKind::Sex).is_some_and(|sex| sex.unseen > 0) => PrintSays::NotSeen,
            Self::Sex => (&printed.sex).into(),
            Self::ExpiryDate => says_of(&printed.expiry_date, posterior.symbols(FieldKind::ExpiryDate)),
        }
    }
}

/// Print agrees with what was sure of a zone at first. Where all evidence together has it otherwise, print is another.
fn says_of<T>(agreement: &Agreement<T>, field: &str) -> PrintSays {
    match agreement {
        Agreement::Agrees(print) if !are_same(&print.symbols, field) => PrintSays::Differs,
        agreement => agreement.into(),
    }
}

/// The same symbols, as far as print tells them apart.
fn are_same(print: &str, field: &str) -> bool {
    let field = field.trim_end_matches('<');
    print.len() == field.len() && print.bytes().zip(field.bytes()).all(|(a, b)| are_alike(a, b))
}

/// With the rest of a long one.
fn number(posterior: &Posterior) -> String {
    format!("{}{}", posterior.symbols(FieldKind::Number), continued(posterior))
}

/// How sure every stated field is, in the order of [`Stated::ALL`].
#[must_use]
pub fn fields(posterior: &Posterior, confirms: impl Fn(FieldKind) -> bool, printed: &Printed) -> Vec<FieldEvidence> {
    let evidence = |field: Stated| {
        let (kind, check) = field.of_zone();
        let own = posterior.field(kind)?;
        // The rest of a long number is in the optional data (9303-5 note j).
        let rest = (field == Stated::Number && !continued(posterior).is_empty())
            .then(|| posterior.field(FieldKind::Optional))
            .flatten();
        let digit = check.and_then(|check| Some((check, posterior.field(check)?)));
        Some(FieldEvidence {
            field,
            probability: own.probability * rest.map_or(1.0, |rest| rest.probability),
            unseen: own.unseen,
            repaired: own.repaired,
            check_digit: digit.is_some_and(|(check, digit)| {
                own.repaired + own.unseen + digit.repaired + digit.unseen == 0 && confirms(check)
            }),
            print: field.print(printed, posterior),
        })
    };
    Stated::ALL.into_iter().filter_map(evidence).collect()
}

/// The fields of a zone as far as they were seen, for comparison with the print.
#[must_use]
pub fn seen(posterior: &Posterior, beliefs: &[Belief]) -> ZoneFields {
    let format = posterior.format;
    let field = |kind| -> Vec<Seen> {
        let Some(field) = format.field(kind) else {
            return Vec::new();
        };
        let symbols = posterior
            .lines
            .get(field.line)
            .map(String::as_bytes)
            .unwrap_or_default();
        (field.start..field.end)
            .map(|at| {
                let belief = beliefs.get(field.line * format.line_length() + at);
                let Some((&symbol, belief)) = symbols.get(at).zip(belief) else {
                    return Seen::Unknown;
                };
                match belief.share(symbol, field.class()) {
                    CERTAIN.. => Seen::Symbol(symbol),
                    LIKELY.. => Seen::Likely(symbol),
                    _ => Seen::Unknown,
                }
            })
            .collect()
    };
    let mut number = field(FieldKind::Number);
    let rest = continued(posterior).len();
    number.extend(field(FieldKind::Optional).into_iter().take(rest));
    ZoneFields {
        document_code: field(FieldKind::DocumentCode),
        name: field(FieldKind::Name),
        number,
        nationality: field(FieldKind::Nationality),
        issuing_state: field(FieldKind::IssuingState),
        birth_date: field(FieldKind::BirthDate),
        expiry_date: field(FieldKind::ExpiryDate),
        sex: field(FieldKind::Sex).first().copied().unwrap_or(Seen::Unknown),
    }
}

/// The symbols of a number with the letters that the print has where the zone may have digits.
fn number_as_printed(number: &Print<String>) -> String {
    let printed: String = number.value.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let printed = printed.to_ascii_uppercase();
    if are_same(&printed, &number.symbols) {
        printed
    } else {
        number.symbols.clone()
    }
}

/// The beliefs with what the print says of their positions. Print that fits what is left of a field may have been altered to fit: it
/// counts only where at least half of every word was seen as the print has it or, of a date, where its check digit was seen and one
/// position at most was not. The composite check digit does not make it two: its weights are odd like the date's own, so that two digits
/// may both be 5 more or less. In a number one counts only where it was read as another symbol, which the check digit tells from it: to
/// check digits 1, B, L and V are the same. Positions at which nothing was seen are filled in dates alone, in the others where they may be
/// worn.
#[must_use]
pub fn with_print(format: Format, beliefs: &[Belief], printed: &Printed, completion: Completion) -> Vec<Belief> {
    let mut with = beliefs.to_vec();
    let places = |kind: FieldKind| {
        let field = format.field(kind)?;
        let start = field.line * format.line_length();
        Some(start + field.start..start + field.end)
    };
    let is_seen = |at: usize| beliefs.get(at).is_some_and(|belief| belief.symbol().is_some());
    let check_seen = |kind| places(kind).is_some_and(|mut check| check.all(is_seen));
    // Whoever soils a character can print another that looks like it.
    let best = |at: usize, class: Class| beliefs.get(at).and_then(|belief| belief.best(class));
    let is_seen_as = |at: usize, class, symbol| best(at, class).is_some_and(|best| are_alike(best, symbol));
    let is_told_by_digit = |at: usize, class, symbol| best(at, class).is_some_and(|best| !have_same_sum(best, symbol));
    let mut confirm = |kind: FieldKind, symbols: &str, open: &[(usize, u8)], check: Option<FieldKind>| {
        let Some(field) = places(kind) else { return };
        let stated = field.start..field.end.min(field.start + symbols.len());
        let class = format.field(kind).map_or(Class::Any, Field::class);
        let seen: Vec<bool> = stated
            .clone()
            .zip(symbols.bytes())
            .map(|(at, symbol)| is_seen_as(at, class, symbol))
            .collect();
        let is_enough = |from: usize, length: usize| {
            let seen = seen.iter().skip(from).take(length).filter(|seen| **seen);
            seen.count() as f32 >= LEAST_SEEN * length as f32
        };
        let is_worn = completion == Completion::Worn && is_enough(0, seen.len());
        let others = stated.clone().zip(symbols.bytes()).zip(&seen);
        let others = others.filter(|(_, seen)| !**seen).map(|(place, _)| place);
        let mut others = others.filter(|(at, _)| !is_worn || is_seen(*at));
        let counts = match check {
            Some(check @ FieldKind::NumberCheck) => {
                let other = others.next();
                let is_told = other.is_none_or(|(at, symbol)| check_seen(check) && is_told_by_digit(at, class, symbol));
                is_told && others.next().is_none()
            }
            Some(check) => others.count() <= usize::from(check_seen(check)),
            None => {
                let mut at = 0;
                symbols.split('<').all(|word| {
                    let from = at;
                    at += word.len() + 1;
                    is_enough(from, word.len())
                })
            }
        };
        if !counts {
            return;
        }
        let beliefs = with.get_mut(stated).into_iter().flatten();
        for (place, (belief, symbol)) in beliefs.zip(symbols.bytes()).enumerate() {
            if belief.symbol().is_some() || check.is_some() || completion == Completion::Worn {
                let open = open.iter().find(|(at, _)| *at == place).map(|(_, other)| *other);
                *belief = belief.with_print(symbol, open, PRINT_DOUBT);
            }
        }
    };
    let length = |kind| format.field(kind).map_or(0, |field| field.end - field.start);
    let whole = |kind, symbols: &str| format!("{symbols:<<width$}", width = length(kind));
    let mut end = None;
    match (&printed.surname, &printed.given_names) {
        (Agreement::Agrees(surname), Agreement::Agrees(given)) => {
            let name = Name::to_field(&surname.symbols, &given.symbols, length(FieldKind::Name));
            let name = name.trim_end_matches('<');
            let behind = name.find("<<").map_or(name.len(), |end| end + "<<".len());
            let given = given.open.iter().map(|&(at, other)| (behind + at, other));
            let open: Vec<(usize, u8)> = surname.open.iter().copied().chain(given).collect();
            confirm(FieldKind::Name, name, &open, None);
            end = places(FieldKind::Name).map(|field| field.start + name.len()..field.end);
        }
        (Agreement::Agrees(surname), _) => confirm(FieldKind::Name, &surname.symbols, &surname.open, None),
        _ => {}
    }
    if let Agreement::Agrees(print) = &printed.number {
        let symbols = number_as_printed(print);
        let (number, rest) = symbols
            .split_at_checked(length(FieldKind::Number))
            .unwrap_or((&symbols, ""));
        confirm(
            FieldKind::Number,
            &whole(FieldKind::Number, number),
            &[],
            Some(FieldKind::NumberCheck),
        );
        confirm(FieldKind::Optional, rest, &[], None);
    }
    let dates = [
        (FieldKind::BirthDate, FieldKind::BirthCheck, &printed.birth_date),
        (FieldKind::ExpiryDate, FieldKind::ExpiryCheck, &printed.expiry_date),
    ];
    for (kind, check, date) in dates {
        if let Agreement::Agrees(Print { symbols, .. }) = date {
            confirm(kind, symbols, &[], Some(check));
        }
    }
    let codes = [
        (FieldKind::Nationality, &printed.nationality),
        (FieldKind::IssuingState, &printed.issuing_state),
    ];
    for (kind, code) in codes {
        if let Agreement::Agrees(Print { symbols, .. }) = code {
            confirm(kind, &whole(kind, symbols), &[], None);
        }
    }
    if let Agreement::Agrees(Print { value, .. }) = &printed.sex {
        match value {
            Sex::Female => confirm(FieldKind::Sex, "F", &[], None),
            Sex::Male => confirm(FieldKind::Sex, "M", &[], None),
            // The zone may have either mark.
            Sex::Unspecified => {}
        }
    }
    // The two fillers that end it, where they were read: the print that was found may be less than all of the name.
    for belief in end.and_then(|end| with.get_mut(end)).into_iter().flatten().take(2) {
        if belief.symbol() == Some(b'<') {
            *belief = belief.with_print(b'<', None, LONGER_DOUBT);
        }
    }
    with
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
