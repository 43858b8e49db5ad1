//! The policy: from single tests to the outcome of the document check, as one table. Pure.
//!
//! A new test is a new row at the place where it decides, and whoever can make it makes a [`Finding`]. A test that nobody made counts as
//! one that is not available: where that refuses, no document is verified because a test was forgotten.

use std::borrow::Cow;

use proto::identity::v1::{CheckDetail, VerificationErrorCode, check_detail};

use Code::{CountryNotSupported, Expired, TypeNotSupported, UnderSupportedAge, UnverifiedOther};
use Effect::{Explains, Informs, Refuses};

table! {
    // The first row that refuses, from top to bottom, decides: what keeps from reading the document, then what makes its data doubtful,
    // then what the data say.
    //
    // test                   name in `insights`                 when it failed                               when it is not available
    PictureReadable         = "picture_readable",              Refuses(UnverifiedOther, UNREADABLE),        Informs;
    TwoSides                = "document_two_sides",            Refuses(UnverifiedOther, SAME_SIDE),         Informs;
    ZoneResolution          = "mrz_resolution",                Explains(TOO_SMALL),                         Informs;
    ZoneSharpness           = "mrz_sharpness",                 Explains(BLURRED),                           Informs;
    ZoneContrast            = "mrz_contrast",                  Explains(PALE),                              Informs;
    ZoneWithoutGlare        = "mrz_without_glare",             Explains(WASHED_OUT),                        Informs;
    ZoneUncovered           = "mrz_uncovered",                 Explains(COVERED),                           Informs;
    MrzFound                = "mrz_found",                     Refuses(UnverifiedOther, NO_ZONE),           Refuses(UnverifiedOther, NO_ZONE);
    DocumentType            = "document_type",                 Refuses(TypeNotSupported, UNKNOWN_TYPE),     Refuses(TypeNotSupported, UNKNOWN_TYPE);
    DocumentTypeAllowed     = "document_type_allowed",         Refuses(TypeNotSupported, NOT_ALLOWED),      Refuses(TypeNotSupported, NOT_ALLOWED);
    OneDocument             = "one_document",                  Refuses(UnverifiedOther, TWO_DOCUMENTS),     Informs;
    SidesAgree              = "document_sides_agree",          Refuses(UnverifiedOther, SIDES_DIFFER),      Informs;
    DocumentWhole           = "document_whole",                Refuses(UnverifiedOther, CUT_OFF),           Informs;
    // Put right in the report.
    SidesInOrder            = "document_sides_in_order",       Informs,                                     Informs;
    // Many documents lie on something of their own colour.
    DocumentOutline         = "document_outline",              Informs,                                     Informs;
    // Cards have it on the other side.
    PortraitInPlace         = "portrait_in_place",             Refuses(UnverifiedOther, NO_PORTRAIT),       Informs;
    ZoneDarkOnLight         = "mrz_dark_on_light",             Refuses(UnverifiedOther, NEGATIVE),          Informs;
    InColour                = "document_in_colour",            Refuses(UnverifiedOther, COPY),              Informs;
    NotOnAScreen            = "document_not_on_screen",        Refuses(UnverifiedOther, SCREEN),            Informs;
    PictureUnedited         = "picture_unedited",              Refuses(UnverifiedOther, EDITED),            Informs;
    MrzLegible              = "mrz_legible",                   Refuses(UnverifiedOther, DOUBTFUL),          Refuses(UnverifiedOther, DOUBTFUL);
    NumberCheckDigit        = "mrz_number_check_digit",        Refuses(UnverifiedOther, DOUBTFUL),          Refuses(UnverifiedOther, DOUBTFUL);
    BirthDateCheckDigit     = "mrz_birth_date_check_digit",    Refuses(UnverifiedOther, DOUBTFUL),          Refuses(UnverifiedOther, DOUBTFUL);
    ExpiryDateCheckDigit    = "mrz_expiry_date_check_digit",   Refuses(UnverifiedOther, DOUBTFUL),          Refuses(UnverifiedOther, DOUBTFUL);
    // Only passports have it.
    OptionalDataCheckDigit  = "mrz_optional_data_check_digit", Refuses(UnverifiedOther, DOUBTFUL),          Informs;
    // Visas have none, and are of no type that is supported.
    CompositeCheckDigit     = "mrz_composite_check_digit",     Refuses(UnverifiedOther, DOUBTFUL),          Refuses(UnverifiedOther, DOUBTFUL);
    MrzFields               = "mrz_fields",                    Refuses(UnverifiedOther, DOUBTFUL),          Refuses(UnverifiedOther, DOUBTFUL);
    IssuingState            = "issuing_state",                 Refuses(UnverifiedOther, DOUBTFUL),          Refuses(UnverifiedOther, DOUBTFUL);
    PrintedName             = "printed_name",                  Refuses(UnverifiedOther, DIFFERS),           Refuses(UnverifiedOther, NO_PRINT);
    PrintedNumber           = "printed_number",                Refuses(UnverifiedOther, DIFFERS),           Refuses(UnverifiedOther, NO_PRINT);
    PrintedBirthDate        = "printed_birth_date",            Refuses(UnverifiedOther, DIFFERS),           Refuses(UnverifiedOther, NO_PRINT);
    PrintedExpiryDate       = "printed_expiry_date",           Refuses(UnverifiedOther, DIFFERS),           Refuses(UnverifiedOther, NO_PRINT);
    PrintedState            = "printed_state",                 Refuses(UnverifiedOther, DIFFERS),           Refuses(UnverifiedOther, NO_PRINT);
    // Marks of sexes are not printed everywhere.
    PrintedSex              = "printed_sex",                   Refuses(UnverifiedOther, DIFFERS),           Informs;
    BirthDateStated         = "birth_date_stated",             Refuses(UnverifiedOther, NO_BIRTH_DATE),     Refuses(UnverifiedOther, NO_BIRTH_DATE);
    // Not available: the issuer is known to print none.
    ExpiryDateStated        = "expiry_date_stated",            Refuses(UnverifiedOther, NO_EXPIRY_DATE),    Informs;
    // Not available: specimens are allowed.
    NotASpecimen            = "document_not_specimen",         Refuses(UnverifiedOther, SPECIMEN),          Informs;
    CountryAllowed          = "country_allowed",               Refuses(CountryNotSupported, COUNTRY),       Refuses(CountryNotSupported, COUNTRY);
    // Not available: it has no expiry date, which is for the rows above and below to decide.
    NotExpired              = "document_not_expired",          Refuses(Expired, EXPIRED),                   Informs;
    ValidityPlausible       = "validity_plausible",            Refuses(UnverifiedOther, VALIDITY),          Informs;
    IssueDatePlausible      = "issue_date_plausible",          Refuses(UnverifiedOther, ISSUE_DATE),        Informs;
    BirthBeforeIssue        = "birth_before_issue",            Refuses(UnverifiedOther, BIRTH_DATE),        Refuses(UnverifiedOther, BIRTH_DATE);
    HolderAgePlausible      = "holder_age_plausible",          Refuses(UnverifiedOther, BIRTH_DATE),        Refuses(UnverifiedOther, BIRTH_DATE);
    HolderOfAge             = "holder_of_age",                 Refuses(UnderSupportedAge, TOO_YOUNG),       Refuses(UnverifiedOther, AGE_UNKNOWN);
}

const UNREADABLE: &str = "The picture of the document could not be opened. Please take it again.";

const TOO_SMALL: &str = "The document is too small in the picture. Please go nearer, so that it fills the picture.";

const BLURRED: &str =
    "The picture is blurred. Please hold the camera still, wait until it has focused, and take it again.";

const PALE: &str =
    "The print of the document is hardly darker than its paper. Please take the picture in bright, even light.";

const WASHED_OUT: &str = "A reflection hides a part of the machine-readable lines. Please tilt the document away from the lamp and take \
                          the picture again.";

const COVERED: &str = "A part of the machine-readable lines is covered or not in the picture. Please take the picture again with all of \
                       the page in it, and no finger on it.";

const NO_ZONE: &str = "The machine-readable lines of the document were not found. Please show the whole page or side that carries \
                       them, flat and in even light.";

const SAME_SIDE: &str =
    "Both pictures show the same side of the document. Please take one picture of its front and one of its back.";

const TWO_DOCUMENTS: &str = "There is more than one document in the picture. Please take a picture of yours alone.";

const SIDES_DIFFER: &str = "The two pictures show different documents. Please take one picture of the front and one of the back of the \
                            same document.";

const CUT_OFF: &str =
    "A part of the document is outside of the picture. Please take the picture again with all of it in view.";

const NO_PORTRAIT: &str = "The portrait on the document was not seen. Please take the picture again with nothing on the page and \
                           without reflections.";

const COPY: &str =
    "This looks like a copy without colour. Please take a picture of the document itself, in even light.";

const NEGATIVE: &str =
    "The light and the dark of this picture are exchanged. Please take a picture of the document itself.";

const EDITED: &str =
    "This picture looks as if a part of it had been replaced. Please take a new picture of the document itself.";

const SCREEN: &str = "This looks like a picture of a screen. Please take a picture of the document itself.";

const DOUBTFUL: &str = "The machine-readable lines of the document could not be read without doubt. Please take the picture again, \
                        sharp and without reflections.";

const DIFFERS: &str = "What is printed on the document is not what its machine-readable lines say. Please take the pictures again, sharp \
                       and without reflections, or use another document.";

const NO_PRINT: &str = "The print on the document could not be read. Please show all of the page, and of a card both sides, sharp and \
                        without reflections.";

const UNKNOWN_TYPE: &str = "Documents of this type cannot be checked. Please use a passport or an identity card.";

const NOT_ALLOWED: &str = "Documents of this type are not accepted here. Please use another one.";

const NO_BIRTH_DATE: &str = "No date of birth was found on the document. Please take the picture again, sharp and without reflections, \
                             or use another document.";

const NO_EXPIRY_DATE: &str = "No date of expiry was found on the document. Please take the picture again, sharp and without \
                              reflections, or use another document.";

const SPECIMEN: &str =
    "This is a specimen, not the document of a person. Please use a passport or an identity card of your own.";

const COUNTRY: &str = "Documents of this country are not accepted here. Please use one of another country.";

const EXPIRED: &str = "The document has expired. Please use one that is still valid.";

const VALIDITY: &str = "The date of expiry of the document lies further ahead than it can. Please take the picture again, sharp and \
                        without reflections, or use another document.";

const ISSUE_DATE: &str = "The date of issue on the document cannot be right. Please take the picture again, sharp and without \
                          reflections, or use another document.";

const BIRTH_DATE: &str = "The date of birth on the document cannot be right. Please take the picture again, sharp and without \
                          reflections, or use another document.";

const TOO_YOUNG: &str = "You are too young for this service.";

const AGE_UNKNOWN: &str = "How old you are could not be told from the document. Please take the picture again with all of the page in \
                           it, or use another document.";

/// The codes with which the document check can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The document has expired.
    Expired,
    /// It is of a type that is not accepted.
    TypeNotSupported,
    /// Anything else about the document.
    UnverifiedOther,
    /// It is of a country that is not accepted.
    CountryNotSupported,
    /// Its holder is too young.
    UnderSupportedAge,
}

impl Code {
    /// What the session's `last_error` says.
    #[must_use]
    pub fn of_session(self) -> VerificationErrorCode {
        match self {
            Expired => VerificationErrorCode::DocumentExpired,
            TypeNotSupported => VerificationErrorCode::DocumentTypeNotSupported,
            UnverifiedOther => VerificationErrorCode::DocumentUnverifiedOther,
            CountryNotSupported => VerificationErrorCode::CountryNotSupported,
            UnderSupportedAge => VerificationErrorCode::UnderSupportedAge,
        }
    }

    /// What the document's report says: countries and age have codes for sessions only.
    #[must_use]
    pub fn of_report(self) -> VerificationErrorCode {
        match self {
            Expired | TypeNotSupported | UnverifiedOther => self.of_session(),
            CountryNotSupported | UnderSupportedAge => VerificationErrorCode::DocumentUnverifiedOther,
        }
    }
}

/// Sentences that ask for another picture and cannot say what was wrong with this one.
const UNEXPLAINED: [&str; 5] = [NO_ZONE, DOUBTFUL, NO_BIRTH_DATE, NO_EXPIRY_DATE, AGE_UNKNOWN];

/// What follows from a test that did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing but a line in `insights`.
    Informs,
    /// Nothing by itself: a document that was read without doubt may be in a poor picture. But where a row below could not be sure of
    /// what it read, this sentence says why.
    Explains(&'static str),
    /// The document is not verified, for this reason, unless a row above has another one. The sentence is for the person.
    Refuses(Code, &'static str),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    test: Test,
    failed: Effect,
    not_available: Effect,
}

/// How a test ended. The reasons are for an operator, and hold no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed(Cow<'static, str>),
    /// It could not be made, or there is nothing to test.
    NotAvailable(Cow<'static, str>),
}

/// One test and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which test.
    pub test: Test,
    /// How it ended.
    pub outcome: Outcome,
}

impl Finding {
    /// A test that passed.
    #[must_use]
    pub fn passed(test: Test) -> Self {
        let outcome = Outcome::Passed;
        Self { test, outcome }
    }

    /// A test that failed, and why.
    pub fn failed(test: Test, why: impl Into<Cow<'static, str>>) -> Self {
        let outcome = Outcome::Failed(why.into());
        Self { test, outcome }
    }

    /// A test that could not be made, and why.
    pub fn not_available(test: Test, why: impl Into<Cow<'static, str>>) -> Self {
        let outcome = Outcome::NotAvailable(why.into());
        Self { test, outcome }
    }

    /// A test that passed if this `holds`, and why it failed if not.
    pub fn holds(test: Test, holds: bool, why: impl Into<Cow<'static, str>>) -> Self {
        if holds {
            Self::passed(test)
        } else {
            Self::failed(test, why)
        }
    }
}

impl From<Finding> for CheckDetail {
    fn from(finding: Finding) -> Self {
        let (outcome, reason) = match finding.outcome {
            Outcome::Passed => (check_detail::Outcome::Passed, Cow::default()),
            Outcome::Failed(why) => (check_detail::Outcome::Failed, why),
            Outcome::NotAvailable(why) => (check_detail::Outcome::NotAvailable, why),
        };
        Self {
            name: finding.test.name().to_owned(),
            outcome: outcome.into(),
            reason: reason.into_owned(),
        }
    }
}

/// Why a document is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: Code,
    /// For the person.
    pub sentence: &'static str,
}

/// The outcome of the check: `None` when the document is verified. Of findings of one test the worst counts.
#[must_use]
pub fn decide(findings: &[Finding]) -> Option<Refusal> {
    let mut why = None;
    for row in TABLE {
        match effect(row, findings) {
            Informs => {}
            Explains(sentence) => why = why.or(Some(sentence)),
            Refuses(code, sentence) => {
                let explained = why.filter(|_| UNEXPLAINED.contains(&sentence));
                return Some(Refusal {
                    code,
                    sentence: explained.unwrap_or(sentence),
                });
            }
        }
    }
    None
}

/// What follows from the findings of one row.
fn effect(row: &Row, findings: &[Finding]) -> Effect {
    let outcomes = || {
        findings
            .iter()
            .filter(|found| found.test == row.test)
            .map(|found| &found.outcome)
    };
    if outcomes().any(|outcome| matches!(outcome, Outcome::Failed(_))) {
        row.failed
    } else if outcomes().count() > 0 && outcomes().all(|outcome| *outcome == Outcome::Passed) {
        Informs
    } else {
        row.not_available
    }
}

/// Makes the tests and the table of the rows.
macro_rules! table {
    ($($test:ident = $name:literal, $failed:expr, $not_available:expr;)+) => {
        /// Every test of the document check, in the order of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Test {
            $(#[doc = concat!("`", $name, "`")] $test,)+
        }

        impl Test {
            /// All, from top to bottom.
            pub const ALL: &[Self] = &[$(Self::$test,)+];

            /// Stable name in `insights`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$test => $name,)+
                }
            }
        }

        const TABLE: &[Row] = &[$(Row { test: Test::$test, failed: $failed, not_available: $not_available },)+];
    };
}
use table;

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
