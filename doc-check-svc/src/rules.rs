//! The tests of what was read: each becomes a finding, and [`crate::policy`] says what follows from them. Pure: no picture, no network,
//! no clock.
//!
//! A driving licence without a machine-readable zone fails as `document_unverified_other`: nothing that was read says what it is.

use proto::country::State;
use vision::picture::DecodeError;

use crate::evidence::{FieldEvidence, PrintSays, Stated};
use crate::mrz::{Date, DocumentType, Evidence, FieldKind, Mrz, age};
use crate::policy::{Finding, Refusal, Test, decide};
use crate::requirements::Requirements;

/// The check digits that a zone can have, and their tests.
const CHECK_DIGITS: [(FieldKind, Test); 5] = [
    (FieldKind::NumberCheck, Test::NumberCheckDigit),
    (FieldKind::BirthCheck, Test::BirthDateCheckDigit),
    (FieldKind::ExpiryCheck, Test::ExpiryDateCheckDigit),
    (FieldKind::OptionalCheck, Test::OptionalDataCheckDigit),
    (FieldKind::CompositeCheck, Test::CompositeCheckDigit),
];

/// Issuers of cards that have no expiry date: Moldova's for older people have fillers in its place.
const CARDS_WITHOUT_EXPIRY: [&str; 1] = ["MDA"];

/// Nobody has lived longer than 122 years.
const OLDEST_HOLDER: i32 = 120;

/// Who seems older may be a hundred years younger: the zone has two digits of the year, and the print of the others may be altered.
const OLDEST_BY_PRINT: i32 = 105;

/// What was read of a document.
#[derive(Clone, Copy, Default)]
pub struct Reading<'a> {
    /// Number of pictures.
    pub pictures: usize,
    /// Why some of them could not be opened.
    pub unreadable: &'a [DecodeError],
    /// Its machine-readable zone, if one was found.
    pub mrz: Option<&'a Mrz>,
    /// How well what was seen is that of a zone; see [`Evidence::fit`].
    pub fit: f64,
    /// How sure each field of the report is.
    pub fields: &'a [FieldEvidence],
    /// What the print says of the holder's nationality.
    pub nationality: PrintSays,
    /// The word for it is printed on it.
    pub says_specimen: bool,
    /// The date of its issue, which no zone states.
    pub issued: Option<Date>,
}

/// The outcome and every test that led to it.
#[derive(Debug)]
pub struct Evaluation {
    /// Why the document is not verified; `None` when it is.
    pub refusal: Option<Refusal>,
    /// Every test, in the order of the policy's table.
    pub findings: Vec<Finding>,
}

impl Evaluation {
    /// What the policy makes of these tests.
    #[must_use]
    pub fn of(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| finding.test);
        Self {
            refusal: decide(&findings),
            findings,
        }
    }
}

/// Evaluates what was read, beside what was `seen` of the pictures. `today` is the day on which the document must be valid.
#[must_use]
pub fn evaluate(
    reading: &Reading<'_>,
    seen: Vec<Finding>,
    requirements: &Requirements,
    today: time::Date,
) -> Evaluation {
    let mut findings = seen;
    findings.extend([picture_readable(reading), mrz_found(reading)]);
    if let Some(mrz) = reading.mrz {
        findings.extend(document_type(mrz, &requirements.types));
        findings.push(legible(reading));
        findings.extend(print(mrz, reading));
        findings.extend(CHECK_DIGITS.map(|(kind, test)| check_digit(mrz, kind, test)));
        let well_formed = mrz.malformed.is_empty();
        findings.extend([
            Finding::holds(
                Test::MrzFields,
                well_formed,
                "a field holds what the standard does not allow there",
            ),
            Finding::holds(Test::IssuingState, mrz.issuer().is_some(), "no state has this code"),
            not_a_specimen(mrz, reading.says_specimen, requirements),
            country_allowed(mrz, requirements),
        ]);
        findings.extend(expiry(mrz, reading.issued, requirements, today));
        findings.extend(birth(mrz, reading.issued, requirements, today));
        findings.push(issue(mrz, reading.issued, today));
    }
    Evaluation::of(findings)
}

fn picture_readable(reading: &Reading<'_>) -> Finding {
    let test = Test::PictureReadable;
    match reading.unreadable.first() {
        None => Finding::passed(test),
        // The other picture may carry all that is needed.
        Some(error) if reading.unreadable.len() < reading.pictures => Finding::not_available(test, error.to_string()),
        Some(error) => Finding::failed(test, error.to_string()),
    }
}

fn mrz_found(reading: &Reading<'_>) -> Finding {
    let test = Test::MrzFound;
    match reading.mrz {
        Some(_) => Finding::passed(test),
        None if reading.unreadable.len() < reading.pictures => {
            Finding::failed(test, "no machine-readable zone was found")
        }
        None => Finding::not_available(test, "no picture could be read"),
    }
}

/// The type of a document that can be checked.
fn supported_type(mrz: &Mrz) -> Option<DocumentType> {
    mrz.document_type().filter(|_| !mrz.is_former_french_card())
}

fn document_type(mrz: &Mrz, allowed: &[DocumentType]) -> [Finding; 2] {
    let (known, accepted) = (Test::DocumentType, Test::DocumentTypeAllowed);
    match supported_type(mrz) {
        None => [
            Finding::failed(known, "neither passport nor identity card"),
            Finding::not_available(accepted, "its type is not known"),
        ],
        Some(kind) => {
            let holds = allowed.is_empty() || allowed.contains(&kind);
            let why = "not among the allowed types";
            [Finding::passed(known), Finding::holds(accepted, holds, why)]
        }
    }
}

fn check_digit(mrz: &Mrz, kind: FieldKind, test: Test) -> Finding {
    let mut digits = mrz.checks.iter().filter(|check| check.kind == kind).peekable();
    if digits.peek().is_none() {
        Finding::not_available(test, "documents of this format have none")
    } else {
        Finding::holds(test, digits.all(|check| check.holds), "it does not hold")
    }
}

fn legible(reading: &Reading<'_>) -> Finding {
    let test = Test::MrzLegible;
    let doubtful: Vec<String> = reading
        .fields
        .iter()
        // Without a sex that is sure the report states none.
        .filter(|evidence| evidence.field != Stated::Sex && !evidence.is_sure())
        .map(|evidence| {
            let FieldEvidence { unseen, .. } = evidence;
            format!("{} ({unseen} positions not seen)", evidence.field.name())
        })
        .collect();
    if reading.fields.is_empty() {
        Finding::not_available(test, "no field was read")
    } else if reading.fit < Evidence::WELL_READ {
        Finding::failed(test, "what was read resembles no zone closely enough")
    } else if doubtful.is_empty() {
        Finding::passed(test)
    } else {
        Finding::failed(test, format!("not sure enough: {}", doubtful.join(", ")))
    }
}

/// What the print says, field by field. All that every document prints must be seen: what is hidden may be altered.
fn print(mrz: &Mrz, reading: &Reading<'_>) -> Vec<Finding> {
    let says = |field| {
        let evidence = reading.fields.iter().find(|evidence| evidence.field == field);
        evidence.map_or(PrintSays::NotSeen, |evidence| evidence.print)
    };
    let both = |a, b| match (a, b) {
        (PrintSays::Differs, _) | (_, PrintSays::Differs) => PrintSays::Differs,
        (PrintSays::NotSeen, _) | (_, PrintSays::NotSeen) => PrintSays::NotSeen,
        (PrintSays::Agrees, PrintSays::Agrees) => PrintSays::Agrees,
    };
    let finding = |test, says| match says {
        PrintSays::Agrees => Finding::passed(test),
        PrintSays::Differs => Finding::failed(test, "the print says something else than the zone"),
        PrintSays::NotSeen => Finding::not_available(test, "it was not seen in print"),
    };
    // Some people have one name only, and the zone has it where the surname stands.
    let given_names = if mrz.name.given_names.is_empty() {
        PrintSays::Agrees
    } else {
        says(Stated::GivenNames)
    };
    // Where the zone states none, nor does the print.
    let states_expiry = mrz.expiry_date.is_some_and(|date| date != Date::default());
    let expiry = match says(Stated::ExpiryDate) {
        PrintSays::NotSeen if !states_expiry => PrintSays::Agrees,
        says => says,
    };
    let state = match (says(Stated::IssuingState), reading.nationality) {
        (PrintSays::Differs, _) | (_, PrintSays::Differs) => PrintSays::Differs,
        (PrintSays::Agrees, _) => PrintSays::Agrees,
        // Where both are one state, the printed nationality names the issuer, too.
        (_, PrintSays::Agrees) if mrz.nationality == mrz.issuing_state => PrintSays::Agrees,
        (PrintSays::NotSeen, _) => PrintSays::NotSeen,
    };
    vec![
        finding(Test::PrintedName, both(says(Stated::Surname), given_names)),
        finding(Test::PrintedNumber, says(Stated::Number)),
        finding(Test::PrintedBirthDate, says(Stated::BirthDate)),
        finding(Test::PrintedExpiryDate, expiry),
        finding(Test::PrintedSex, says(Stated::Sex)),
        finding(Test::PrintedState, state),
    ]
}

fn not_a_specimen(mrz: &Mrz, says_specimen: bool, requirements: &Requirements) -> Finding {
    let test = Test::NotASpecimen;
    let states = [mrz.issuer(), State::of(&mrz.nationality)];
    let is_fictional = states.into_iter().flatten().any(State::is_fictional);
    let why = match (is_fictional, says_specimen) {
        (true, _) => "its state is fictional",
        (false, true) => "it says that it is a specimen",
        (false, false) => return Finding::passed(test),
    };
    if requirements.specimens {
        Finding::not_available(test, format!("{why}, and specimens are allowed"))
    } else {
        Finding::failed(test, why)
    }
}

/// A document is issued after the birth of its holder, before it expires, and not in the days to come.
fn issue(mrz: &Mrz, issued: Option<Date>, today: time::Date) -> Finding {
    let test = Test::IssueDatePlausible;
    let Some(first) = issued.and_then(Date::earliest) else {
        return Finding::not_available(test, "no date of issue was found");
    };
    let born = mrz.birth_date.and_then(Date::earliest);
    let expires = mrz.expiry_date.and_then(Date::latest);
    let holds =
        first <= today && born.is_none_or(|born| born <= first) && expires.is_none_or(|expires| first <= expires);
    Finding::holds(
        test,
        holds,
        "before the holder's birth, after its expiry, or in the future",
    )
}

fn country_allowed(mrz: &Mrz, requirements: &Requirements) -> Finding {
    let allowed = &requirements.countries;
    let issuer = mrz.issuer().map(State::reported);
    let holds = allowed.is_empty() || issuer.is_some_and(|issuer| allowed.contains(&issuer));
    Finding::holds(Test::CountryAllowed, holds, "not among the allowed countries")
}

/// A document is valid to the end of its last day. A part of the date that is not stated counts in the holder's favour.
fn expiry(mrz: &Mrz, issued: Option<Date>, requirements: &Requirements, today: time::Date) -> [Finding; 3] {
    let (stated, valid, plausible) = (Test::ExpiryDateStated, Test::NotExpired, Test::ValidityPlausible);
    let date = mrz.expiry_date.unwrap_or_default();
    let kind = supported_type(mrz);
    let (Some(first), Some(last)) = (date.earliest(), date.latest()) else {
        let why = "no date of expiry is stated";
        let issuer_has_none = kind == Some(DocumentType::IdCard)
            && date == Date::default()
            && CARDS_WITHOUT_EXPIRY.contains(&mrz.issuing_state.as_str());
        let stated = if issuer_has_none {
            Finding::not_available(stated, "cards of this issuer may have none")
        } else {
            Finding::failed(stated, why)
        };
        return [
            stated,
            Finding::not_available(valid, why),
            Finding::not_available(plausible, why),
        ];
    };
    let grace = i64::from(requirements.expiry_grace_days);
    let expired_for = (today - last).whole_days();
    let from = issued.and_then(Date::latest).unwrap_or(today).min(today);
    let plausible = match kind {
        None => Finding::not_available(plausible, "its type is not known"),
        Some(kind) => {
            let for_ever = date.is_for_ever() && kind != DocumentType::Passport;
            let years = i64::from(requirements.longest_validity.of(kind));
            // Up to the same day of the last year.
            let before = first.previous_day().unwrap_or(first);
            let holds = for_ever || i64::from(age(from, before)) < years;
            Finding::holds(plausible, holds, "documents of its type are not valid for so long")
        }
    };
    [
        Finding::passed(stated),
        Finding::holds(valid, expired_for <= grace, "its last day has passed"),
        plausible,
    ]
}

/// Where the century of the birth is open, what is said of the holder must be true of both dates, or it is not known.
fn birth(mrz: &Mrz, issued: Option<Date>, requirements: &Requirements, today: time::Date) -> [Finding; 4] {
    let stated = Test::BirthDateStated;
    let (before_issue, plausible, of_age) = (Test::BirthBeforeIssue, Test::HolderAgePlausible, Test::HolderOfAge);
    let date = mrz.birth_date.unwrap_or_default();
    let (Some(first), Some(last)) = (date.earliest(), date.latest()) else {
        let why = "no year of birth is stated";
        return [
            Finding::failed(stated, why),
            Finding::not_available(before_issue, why),
            Finding::not_available(plausible, why),
            Finding::not_available(of_age, why),
        ];
    };
    let least = i64::from(requirements.least_age);
    let (oldest, youngest) = (age(first, today), age(last, today));
    let of_age = if youngest > OLDEST_BY_PRINT {
        Finding::not_available(of_age, "so old a holder may be one a hundred years younger")
    } else if i64::from(youngest) >= least {
        Finding::passed(of_age)
    } else if i64::from(oldest) < least {
        Finding::failed(of_age, "below the least age")
    } else {
        Finding::not_available(
            of_age,
            "what is known of the date of birth allows for more and for less than the least age",
        )
    };
    let issue = issued.and_then(Date::latest).unwrap_or(today).min(today);
    [
        Finding::passed(stated),
        Finding::holds(before_issue, first <= issue, "born after the document was issued"),
        Finding::holds(plausible, youngest <= OLDEST_HOLDER, "nobody is so old"),
        of_age,
    ]
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
