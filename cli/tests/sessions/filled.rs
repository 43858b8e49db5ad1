//! Sessions and reports with every field and every value that the contract has, whether or not a service gives it yet. Errors are left
//! out: which codes a check has is for services to show.

use prost_types::Timestamp;
use proto::identity::v1::matching_options::Strictness;
use proto::identity::v1::{
    Address, CheckStatus, Date, DocumentOptions, DocumentReport, DocumentType, EmailOptions, EmailReport,
    IdNumberOptions, IdNumberReport, IdNumberType, MatchingOptions, PhoneOptions, PhoneReport, ProvidedDetails,
    Redaction, RelatedPerson, SelfieReport, Sex, VerificationReport, VerificationReportOptions, VerificationSession,
    VerificationSessionOptions, VerificationSessionStatus, VerificationType, VerifiedOutputs, redaction,
};

/// How deep messages lie in each other.
const DEEPEST: usize = 4;

/// More than any of the enums has values.
const TURNS: usize = 32;

/// One way to fill messages.
#[derive(Clone, Copy)]
pub(crate) struct Filled {
    /// What is optional is given so many levels down.
    depth: usize,
    /// Which of its values each enum has.
    turn: usize,
}

impl Filled {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..=DEEPEST).flat_map(|depth| (0..TURNS).map(move |turn| Self { depth, turn }))
    }

    fn given(self) -> bool {
        self.depth > 0
    }

    fn text(self) -> Option<String> {
        self.given().then(|| "text".to_owned())
    }

    fn message<M>(self, message: fn(Self) -> M) -> Option<M> {
        let depth = self.depth.checked_sub(1)?;
        Some(message(Self { depth, ..self }))
    }

    fn one<E: TryFrom<i32>>(self) -> i32 {
        let values: Vec<_> = (1..=TURNS as i32).filter(|value| E::try_from(*value).is_ok()).collect();
        values[self.turn % values.len()]
    }

    /// As [`Self::one`], of a field that may be empty.
    fn one_if_given<E: TryFrom<i32>>(self) -> i32 {
        if self.given() { self.one::<E>() } else { 0 }
    }

    pub(crate) fn session(self) -> VerificationSession {
        VerificationSession {
            id: "vs_1".to_owned(),
            client_reference_id: self.text(),
            client_secret: self.text(),
            created: Some(Timestamp::default()),
            last_error: None,
            last_verification_report: self.text(),
            livemode: self.given(),
            metadata: self.text().map(|text| ("key".to_owned(), text)).into_iter().collect(),
            options: self.message(Self::session_options),
            provided_details: self.message(|filled| ProvidedDetails {
                email: filled.text(),
                phone: filled.text(),
            }),
            redaction: self.message(|filled| Redaction {
                status: filled.one::<redaction::Status>(),
            }),
            related_customer: self.text(),
            related_customer_account: self.text(),
            related_person: self.message(|_| RelatedPerson {
                account: "text".to_owned(),
                person: "text".to_owned(),
            }),
            status: self.one::<VerificationSessionStatus>(),
            r#type: self.one::<VerificationType>(),
            url: self.text(),
            verification_flow: self.text(),
            verified_outputs: self.message(Self::verified_outputs),
            expanded_last_verification_report: None,
            insights: None,
        }
    }

    fn session_options(self) -> VerificationSessionOptions {
        VerificationSessionOptions {
            document: self.message(Self::document_options),
            email: self.message(|filled| EmailOptions {
                require_verification: filled.given(),
            }),
            id_number: self.message(|_| IdNumberOptions {}),
            matching: self.message(|filled| MatchingOptions {
                dob: filled.one_if_given::<Strictness>(),
                name: filled.one_if_given::<Strictness>(),
            }),
            phone: self.message(|filled| PhoneOptions {
                require_verification: filled.given(),
            }),
        }
    }

    fn document_options(self) -> DocumentOptions {
        DocumentOptions {
            allowed_types: self.given().then(|| self.one::<DocumentType>()).into_iter().collect(),
            require_id_number: self.given(),
            require_live_capture: self.given(),
            require_matching_selfie: self.given(),
        }
    }

    fn verified_outputs(self) -> VerifiedOutputs {
        VerifiedOutputs {
            address: self.message(Self::address),
            dob: self.message(Self::date),
            email: self.text(),
            first_name: self.text(),
            id_number: self.text(),
            id_number_type: self.one_if_given::<IdNumberType>(),
            last_name: self.text(),
            phone: self.text(),
            sex: self.one_if_given::<Sex>(),
            unparsed_place_of_birth: self.text(),
            unparsed_sex: self.text(),
        }
    }

    fn address(self) -> Address {
        Address {
            city: self.text(),
            country: self.text(),
            line1: self.text(),
            line2: self.text(),
            postal_code: self.text(),
            state: self.text(),
        }
    }

    fn date(self) -> Date {
        let part = self.given().then_some(1);
        Date {
            day: part,
            month: part,
            year: part,
        }
    }

    pub(crate) fn report(self) -> VerificationReport {
        VerificationReport {
            id: "vr_1".to_owned(),
            created: Some(Timestamp::default()),
            livemode: self.given(),
            r#type: self.one::<VerificationType>(),
            client_reference_id: self.text(),
            verification_session: self.text(),
            verification_flow: self.text(),
            options: self.message(|filled| VerificationReportOptions {
                document: filled.message(Self::document_options),
                id_number: filled.message(|_| IdNumberOptions {}),
            }),
            document: self.message(Self::document),
            selfie: self.message(|filled| SelfieReport {
                status: filled.one::<CheckStatus>(),
                error: None,
                document: filled.text(),
                selfie: filled.text(),
            }),
            id_number: self.message(Self::id_number),
            email: self.message(|filled| EmailReport {
                status: filled.one::<CheckStatus>(),
                error: None,
                email: filled.text(),
            }),
            phone: self.message(|filled| PhoneReport {
                status: filled.one::<CheckStatus>(),
                error: None,
                phone: filled.text(),
            }),
            insights: None,
        }
    }

    fn document(self) -> DocumentReport {
        DocumentReport {
            status: self.one::<CheckStatus>(),
            error: None,
            address: self.message(Self::address),
            dob: self.message(Self::date),
            expiration_date: self.message(Self::date),
            files: self.text().into_iter().collect(),
            first_name: self.text(),
            issued_date: self.message(Self::date),
            issuing_country: self.text(),
            last_name: self.text(),
            number: self.text(),
            sex: self.one_if_given::<Sex>(),
            r#type: self.one_if_given::<DocumentType>(),
            unparsed_place_of_birth: self.text(),
            unparsed_sex: self.text(),
        }
    }

    fn id_number(self) -> IdNumberReport {
        IdNumberReport {
            status: self.one::<CheckStatus>(),
            error: None,
            dob: self.message(Self::date),
            first_name: self.text(),
            id_number: self.text(),
            id_number_type: self.one_if_given::<IdNumberType>(),
            last_name: self.text(),
        }
    }
}
