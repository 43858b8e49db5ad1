//! What is left of a session and of a report when what is personal has been removed.
//!
//! Texts become [`REDACTED`], dates 1/1/1; enums, countries, times, settings and the ids of sessions and reports stay. Messages are taken
//! apart field by field, so that one that gets a new field does not compile before it is decided here what becomes of it.

use proto::identity::v1::{
    Address, CheckDetail, Date, DocumentInsights, DocumentReport, EmailReport, IdNumberReport, MachineReadableZone,
    PhoneReport, ProvidedDetails, RelatedPerson, ReportInsights, SelfieInsights, SelfieReport, Sex, VerificationReport,
    VerificationSession,
};

/// Stands where a text stood.
pub const REDACTED: &str = "[redacted]";

/// Stands where a date stood.
const NO_DATE: Date = Date {
    day: Some(1),
    month: Some(1),
    year: Some(1),
};

/// Removes what is personal.
pub(crate) trait Redact {
    /// What is left.
    fn redacted(self) -> Self;
}

impl Redact for String {
    /// An empty text states nothing.
    fn redacted(self) -> Self {
        if self.is_empty() { self } else { REDACTED.to_owned() }
    }
}

impl Redact for Date {
    fn redacted(self) -> Self {
        NO_DATE
    }
}

impl<T: Redact> Redact for Option<T> {
    fn redacted(self) -> Self {
        self.map(T::redacted)
    }
}

impl<T: Redact> Redact for Vec<T> {
    fn redacted(self) -> Self {
        self.into_iter().map(T::redacted).collect()
    }
}

fn redacted_sex(sex: i32) -> i32 {
    match Sex::try_from(sex) {
        Ok(Sex::Unspecified) => sex,
        _ => Sex::Redacted.into(),
    }
}

impl Redact for VerificationSession {
    fn redacted(self) -> Self {
        let Self {
            id,
            client_reference_id,
            client_secret: _,
            created,
            last_error,
            last_verification_report,
            livemode,
            metadata: _,
            options,
            provided_details,
            redaction,
            related_customer,
            related_customer_account,
            related_person,
            status,
            r#type,
            url: _,
            verification_flow,
            verified_outputs: _,
            expanded_last_verification_report: _,
            insights,
        } = self;
        Self {
            id,
            client_reference_id: client_reference_id.redacted(),
            client_secret: None,
            created,
            // Its reason holds nothing personal.
            last_error,
            last_verification_report,
            livemode,
            metadata: Default::default(),
            options,
            provided_details: provided_details.redacted(),
            redaction,
            related_customer: related_customer.redacted(),
            related_customer_account: related_customer_account.redacted(),
            related_person: related_person.redacted(),
            status,
            r#type,
            url: None,
            verification_flow,
            verified_outputs: None,
            expanded_last_verification_report: None,
            insights,
        }
    }
}

impl Redact for ProvidedDetails {
    fn redacted(self) -> Self {
        let Self { email, phone } = self;
        Self {
            email: email.redacted(),
            phone: phone.redacted(),
        }
    }
}

impl Redact for RelatedPerson {
    fn redacted(self) -> Self {
        let Self { account, person } = self;
        Self {
            account: account.redacted(),
            person: person.redacted(),
        }
    }
}

impl Redact for VerificationReport {
    fn redacted(self) -> Self {
        let Self {
            id,
            created,
            livemode,
            r#type,
            client_reference_id,
            verification_session,
            verification_flow,
            options,
            document,
            selfie,
            id_number,
            email,
            phone,
            insights,
        } = self;
        Self {
            id,
            created,
            livemode,
            r#type,
            client_reference_id: client_reference_id.redacted(),
            verification_session,
            verification_flow,
            options,
            document: document.redacted(),
            selfie: selfie.redacted(),
            id_number: id_number.redacted(),
            email: email.redacted(),
            phone: phone.redacted(),
            insights: insights.redacted(),
        }
    }
}

impl Redact for DocumentReport {
    fn redacted(self) -> Self {
        let Self {
            status,
            error,
            address,
            dob,
            expiration_date,
            files,
            first_name,
            issued_date,
            issuing_country,
            last_name,
            number,
            sex,
            r#type,
            unparsed_place_of_birth,
            unparsed_sex,
        } = self;
        Self {
            status,
            error,
            address: address.redacted(),
            dob: dob.redacted(),
            expiration_date: expiration_date.redacted(),
            files: files.redacted(),
            first_name: first_name.redacted(),
            issued_date: issued_date.redacted(),
            issuing_country,
            last_name: last_name.redacted(),
            number: number.redacted(),
            sex: redacted_sex(sex),
            r#type,
            unparsed_place_of_birth: unparsed_place_of_birth.redacted(),
            unparsed_sex: unparsed_sex.redacted(),
        }
    }
}

impl Redact for Address {
    fn redacted(self) -> Self {
        let Self {
            city,
            country,
            line1,
            line2,
            postal_code,
            state,
        } = self;
        Self {
            city: city.redacted(),
            country,
            line1: line1.redacted(),
            line2: line2.redacted(),
            postal_code: postal_code.redacted(),
            state: state.redacted(),
        }
    }
}

impl Redact for SelfieReport {
    fn redacted(self) -> Self {
        let Self {
            status,
            error,
            document,
            selfie,
        } = self;
        Self {
            status,
            error,
            document: document.redacted(),
            selfie: selfie.redacted(),
        }
    }
}

impl Redact for IdNumberReport {
    fn redacted(self) -> Self {
        let Self {
            status,
            error,
            dob,
            first_name,
            id_number,
            id_number_type,
            last_name,
        } = self;
        Self {
            status,
            error,
            dob: dob.redacted(),
            first_name: first_name.redacted(),
            id_number: id_number.redacted(),
            id_number_type,
            last_name: last_name.redacted(),
        }
    }
}

impl Redact for EmailReport {
    fn redacted(self) -> Self {
        let Self { status, error, email } = self;
        Self {
            status,
            error,
            email: email.redacted(),
        }
    }
}

impl Redact for PhoneReport {
    fn redacted(self) -> Self {
        let Self { status, error, phone } = self;
        Self {
            status,
            error,
            phone: phone.redacted(),
        }
    }
}

impl Redact for ReportInsights {
    fn redacted(self) -> Self {
        let Self {
            attempt,
            document,
            selfie,
            timings,
        } = self;
        Self {
            attempt,
            document: document.redacted(),
            selfie: selfie.redacted(),
            timings,
        }
    }
}

impl Redact for DocumentInsights {
    fn redacted(self) -> Self {
        let Self {
            machine_readable_zone,
            checks,
            timings,
            models,
            fields,
        } = self;
        Self {
            machine_readable_zone: machine_readable_zone.redacted(),
            checks: checks.redacted(),
            timings,
            models,
            fields,
        }
    }
}

impl Redact for CheckDetail {
    /// Its reason may say what was measured.
    fn redacted(self) -> Self {
        let Self { name, outcome, reason } = self;
        Self {
            name,
            outcome,
            reason: reason.redacted(),
        }
    }
}

impl Redact for MachineReadableZone {
    fn redacted(self) -> Self {
        let Self {
            format,
            check_digits_valid,
            corrected_characters,
            confidence,
            file,
            rotation,
        } = self;
        Self {
            format,
            check_digits_valid,
            corrected_characters,
            confidence,
            file: file.redacted(),
            rotation,
        }
    }
}

impl Redact for SelfieInsights {
    /// What was measured of the faces goes; how the check decided stays.
    fn redacted(self) -> Self {
        let Self {
            similarity: _,
            threshold,
            false_match_rate,
            document_face: _,
            selfie_face: _,
            checks,
            timings,
            models,
            document_face_file,
            selfie_face_file,
            presentation_attack_detection: _,
        } = self;
        Self {
            similarity: None,
            threshold,
            false_match_rate,
            document_face: None,
            selfie_face: None,
            checks: checks.redacted(),
            timings,
            models,
            document_face_file: document_face_file.redacted(),
            selfie_face_file: selfie_face_file.redacted(),
            presentation_attack_detection: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::identity::v1::check_detail::Outcome;
    use proto::identity::v1::{
        CheckStatus, DocumentField, DocumentOptions, DocumentType, FaceQuality, PresentationAttackDetection,
        VerificationError, VerificationErrorCode, VerificationReportOptions, VerificationSessionOptions,
        VerificationSessionStatus, VerificationType, VerifiedOutputs,
    };

    use super::*;

    /// Stands in every text of a person, for it to be looked for.
    const PLANTED: &str = "Zyxwv";

    fn planted() -> Option<String> {
        Some(format!("{PLANTED} 1"))
    }

    fn date() -> Option<Date> {
        Some(Date {
            day: Some(23),
            month: Some(11),
            year: Some(1987),
        })
    }

    fn error() -> Option<VerificationError> {
        Some(VerificationError {
            code: VerificationErrorCode::DocumentExpired.into(),
            reason: "The document has expired.".to_owned(),
        })
    }

    fn measured() -> CheckDetail {
        CheckDetail {
            name: "face_match".to_owned(),
            outcome: Outcome::Failed.into(),
            reason: "similarity 0.625 is below the threshold".to_owned(),
        }
    }

    fn report() -> VerificationReport {
        VerificationReport {
            id: "vr_1".to_owned(),
            client_reference_id: planted(),
            verification_session: Some("vs_1".to_owned()),
            options: Some(VerificationReportOptions {
                document: Some(DocumentOptions::default()),
                id_number: None,
            }),
            document: Some(DocumentReport {
                status: CheckStatus::Unverified.into(),
                error: error(),
                address: Some(Address {
                    city: planted(),
                    country: Some("DE".to_owned()),
                    line1: planted(),
                    line2: planted(),
                    postal_code: planted(),
                    state: planted(),
                }),
                dob: date(),
                expiration_date: date(),
                files: vec![planted().unwrap_or_default(); 2],
                first_name: planted(),
                issued_date: date(),
                issuing_country: Some("UTO".to_owned()),
                last_name: planted(),
                number: planted(),
                sex: Sex::Female.into(),
                r#type: DocumentType::Passport.into(),
                unparsed_place_of_birth: planted(),
                unparsed_sex: planted(),
            }),
            selfie: Some(SelfieReport {
                document: planted(),
                selfie: planted(),
                ..SelfieReport::default()
            }),
            id_number: Some(IdNumberReport {
                dob: date(),
                first_name: planted(),
                id_number: planted(),
                last_name: planted(),
                ..IdNumberReport::default()
            }),
            email: Some(EmailReport {
                email: planted(),
                ..EmailReport::default()
            }),
            phone: Some(PhoneReport {
                phone: planted(),
                ..PhoneReport::default()
            }),
            insights: Some(ReportInsights {
                attempt: 3,
                document: Some(DocumentInsights {
                    machine_readable_zone: Some(MachineReadableZone {
                        file: planted().unwrap_or_default(),
                        confidence: 0.5,
                        ..MachineReadableZone::default()
                    }),
                    checks: vec![measured()],
                    fields: vec![DocumentField::default()],
                    ..DocumentInsights::default()
                }),
                selfie: Some(SelfieInsights {
                    similarity: Some(0.625),
                    threshold: Some(0.4),
                    document_face: Some(FaceQuality::default()),
                    selfie_face: Some(FaceQuality::default()),
                    document_face_file: planted(),
                    selfie_face_file: planted(),
                    presentation_attack_detection: Some(PresentationAttackDetection {
                        score: 0.625,
                        ..PresentationAttackDetection::default()
                    }),
                    checks: vec![measured()],
                    ..SelfieInsights::default()
                }),
                timings: Vec::new(),
            }),
            ..VerificationReport::default()
        }
    }

    #[test]
    fn a_redacted_report_says_how_it_was_decided_and_nothing_of_the_person() {
        let before = report();
        let after = before.clone().redacted();
        let text = format!("{after:?}");
        for personal in [PLANTED, "1987", "23", "Female", "0.625", "FaceQuality"] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
        let document = after.document.as_ref().expect("stays");
        assert_eq!((document.dob, document.issued_date), (Some(NO_DATE), Some(NO_DATE)));
        assert_eq!(document.first_name.as_deref(), Some(REDACTED));
        assert_eq!(document.sex(), Sex::Redacted);
        assert_eq!(document.issuing_country.as_deref(), Some("UTO"));
        assert_eq!(
            document.address.as_ref().and_then(|address| address.country.as_deref()),
            Some("DE")
        );
        assert_eq!(
            document.error,
            before.document.as_ref().and_then(|document| document.error.clone())
        );
        assert_eq!(
            (&after.id, &after.verification_session),
            (&before.id, &before.verification_session)
        );
        assert_eq!(after.options, before.options);
        let insights = after.insights.as_ref().expect("stays");
        assert_eq!(insights.attempt, 3);
        let check = insights
            .selfie
            .as_ref()
            .and_then(|selfie| selfie.checks.first())
            .expect("stays");
        assert_eq!((check.name.as_str(), check.outcome()), ("face_match", Outcome::Failed));
        assert_eq!(insights.selfie.as_ref().and_then(|selfie| selfie.threshold), Some(0.4));
        assert_eq!(after.clone().redacted(), after, "once is enough");
    }

    #[test]
    fn what_was_not_stated_is_not_redacted() {
        let empty = VerificationReport {
            document: Some(DocumentReport::default()),
            selfie: Some(SelfieReport::default()),
            ..VerificationReport::default()
        };
        assert_eq!(empty.clone().redacted(), empty);
        let session = VerificationSession::default();
        assert_eq!(session.clone().redacted(), session);
    }

    #[test]
    fn a_redacted_session_keeps_ids_status_and_settings() {
        let before = VerificationSession {
            id: "vs_1".to_owned(),
            client_reference_id: planted(),
            last_error: error(),
            last_verification_report: Some("vr_1".to_owned()),
            livemode: true,
            metadata: [(PLANTED.to_owned(), PLANTED.to_owned())].into(),
            options: Some(VerificationSessionOptions::default()),
            provided_details: Some(ProvidedDetails {
                email: planted(),
                phone: None,
            }),
            related_customer: planted(),
            related_customer_account: planted(),
            related_person: Some(RelatedPerson {
                account: PLANTED.to_owned(),
                person: PLANTED.to_owned(),
            }),
            status: VerificationSessionStatus::Verified.into(),
            r#type: VerificationType::Document.into(),
            verified_outputs: Some(VerifiedOutputs {
                dob: date(),
                first_name: planted(),
                ..VerifiedOutputs::default()
            }),
            ..VerificationSession::default()
        };
        let after = before.clone().redacted();
        assert!(!format!("{after:?}").contains(PLANTED), "{after:?}");
        let kept = VerificationSession {
            client_reference_id: Some(REDACTED.to_owned()),
            metadata: Default::default(),
            provided_details: Some(ProvidedDetails {
                email: Some(REDACTED.to_owned()),
                phone: None,
            }),
            related_customer: Some(REDACTED.to_owned()),
            related_customer_account: Some(REDACTED.to_owned()),
            related_person: Some(RelatedPerson {
                account: REDACTED.to_owned(),
                person: REDACTED.to_owned(),
            }),
            verified_outputs: None,
            ..before
        };
        assert_eq!(after, kept);
    }
}
