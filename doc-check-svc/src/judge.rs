//! From what was read to the outcome of the document check. Pure: no picture, no network, no clock.
//!
//! A driving licence without a machine-readable zone fails as `document_unverified_other`: nothing that was read says what it is.

use proto::identity::v1::check_detail::Outcome;
use proto::identity::v1::{CheckDetail, VerificationErrorCode};
use vision::picture::DecodeError;

use crate::mrz::{Date, DocumentType, FieldKind, Mrz};

const UNREADABLE: &str = "The picture of the document could not be opened. Please take it again.";

const NO_ZONE: &str = "The machine-readable lines of the document were not found. Please show the whole page or side that carries \
                       them, flat and in even light.";

const DOUBTFUL: &str = "The machine-readable lines of the document could not be read without doubt. Please take the picture again, \
                        sharp and without reflections.";

const UNKNOWN_TYPE: &str = "Documents of this type cannot be checked. Please use a passport or an identity card.";

const NOT_ALLOWED: &str = "Documents of this type are not accepted here. Please use another one.";

const EXPIRED: &str = "The document has expired. Please use one that is still valid.";

/// The check digits that a zone can have, and the names of their tests.
const CHECK_DIGITS: [(FieldKind, &str); 5] = [
    (FieldKind::NumberCheck, "mrz_number_check_digit"),
    (FieldKind::BirthCheck, "mrz_birth_date_check_digit"),
    (FieldKind::ExpiryCheck, "mrz_expiry_date_check_digit"),
    (FieldKind::OptionalCheck, "mrz_optional_data_check_digit"),
    (FieldKind::CompositeCheck, "mrz_composite_check_digit"),
];

/// The outcome and every test that led to it.
#[derive(Debug, Default)]
pub struct Judgement {
    /// The first failure, which names the check's error; `None` when the check passed.
    pub failure: Option<(VerificationErrorCode, &'static str)>,
    /// Every test, in order.
    pub checks: Vec<CheckDetail>,
}

impl Judgement {
    fn tell(&mut self, name: &str, outcome: Outcome, reason: &str) {
        self.checks.push(CheckDetail {
            name: name.to_owned(),
            outcome: outcome.into(),
            reason: reason.to_owned(),
        });
    }

    fn test(&mut self, name: &str, holds: bool, why: &str, code: VerificationErrorCode, sentence: &'static str) {
        if holds {
            self.tell(name, Outcome::Passed, "");
        } else {
            self.tell(name, Outcome::Failed, why);
            self.failure.get_or_insert((code, sentence));
        }
    }
}

/// Judges the zone of a document, if one was found on its `pictures`, of which some may have been `unreadable`.
///
/// `allowed` lists the accepted types; all are when it is empty. `today` is the day on which the document must be valid.
#[must_use]
pub fn judge(
    mrz: Option<&Mrz>,
    unreadable: &[DecodeError],
    pictures: usize,
    allowed: &[DocumentType],
    today: time::Date,
) -> Judgement {
    use VerificationErrorCode::DocumentUnverifiedOther as Other;
    let mut judgement = Judgement::default();
    match unreadable.first() {
        None => judgement.tell("picture_readable", Outcome::Passed, ""),
        // The other picture may carry all that is needed.
        Some(error) if unreadable.len() < pictures => {
            judgement.tell("picture_readable", Outcome::NotAvailable, &error.to_string());
        }
        Some(error) => judgement.test("picture_readable", false, &error.to_string(), Other, UNREADABLE),
    }
    let Some(mrz) = mrz else {
        if unreadable.len() < pictures {
            judgement.test("mrz_found", false, "no machine-readable zone was found", Other, NO_ZONE);
        } else {
            judgement.tell("mrz_found", Outcome::NotAvailable, "no picture could be read");
        }
        return judgement;
    };
    judgement.tell("mrz_found", Outcome::Passed, "");
    test_type(&mut judgement, mrz, allowed);
    test_check_digits(&mut judgement, mrz);
    let well_formed = mrz.malformed.is_empty();
    judgement.test(
        "mrz_fields",
        well_formed,
        "a field holds what the standard does not allow there",
        Other,
        DOUBTFUL,
    );
    judgement.test(
        "issuing_state",
        mrz.issuer().is_some(),
        "no state has this code",
        Other,
        DOUBTFUL,
    );
    test_expiry(&mut judgement, mrz, today);
    judgement
}

fn test_type(judgement: &mut Judgement, mrz: &Mrz, allowed: &[DocumentType]) {
    use VerificationErrorCode::DocumentTypeNotSupported as NotSupported;
    let name = "document_type";
    match mrz.document_type().filter(|_| !mrz.is_former_french_card()) {
        None => judgement.test(
            name,
            false,
            "neither passport nor identity card",
            NotSupported,
            UNKNOWN_TYPE,
        ),
        Some(kind) => {
            let accepted = allowed.is_empty() || allowed.contains(&kind);
            judgement.test(name, accepted, "not among the allowed types", NotSupported, NOT_ALLOWED);
        }
    }
}

fn test_check_digits(judgement: &mut Judgement, mrz: &Mrz) {
    for (kind, name) in CHECK_DIGITS {
        let mut digits = mrz.checks.iter().filter(|check| check.kind == kind).peekable();
        if digits.peek().is_none() {
            judgement.tell(name, Outcome::NotAvailable, "documents of this format have none");
        } else {
            let holds = digits.all(|check| check.holds);
            judgement.test(
                name,
                holds,
                "it does not hold",
                VerificationErrorCode::DocumentUnverifiedOther,
                DOUBTFUL,
            );
        }
    }
}

/// A document is valid to the end of its last day. A part of the date that is not stated counts in the holder's favour.
fn test_expiry(judgement: &mut Judgement, mrz: &Mrz, today: time::Date) {
    let name = "document_not_expired";
    match mrz.expiry_date.and_then(Date::latest) {
        Some(last_day) => {
            let code = VerificationErrorCode::DocumentExpired;
            judgement.test(name, today <= last_day, "its last day has passed", code, EXPIRED);
        }
        None => judgement.tell(name, Outcome::NotAvailable, "no date of expiry is stated"),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
