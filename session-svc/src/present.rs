//! What a caller gets to see of what report-svc keeps.

use std::time::SystemTime;

use proto::identity::v1::{File, VerificationReport, VerificationSession, VerificationSessionStatus, VerifiedOutputs};
use proto::store::v1::StoredSession;
use service_kit::status::Violations;

use crate::auth::{Backend, Caller, ClientSecrets};
use crate::error::Error;

/// The parts of a session that are only there when asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expand {
    outputs: bool,
    dob: bool,
    id_number: bool,
}

impl Expand {
    /// Reads the values of `expand`; a part of the outputs brings the outputs with it.
    pub(crate) fn parse(values: &[String], backend: &Backend) -> Result<Self, Error> {
        let mut expand = Self::default();
        let mut violations = Violations::new();
        for value in values {
            match value.as_str() {
                "verified_outputs" => {}
                "verified_outputs.dob" => expand.dob = true,
                "verified_outputs.id_number" => expand.id_number = true,
                _ => {
                    violations.require(
                        false,
                        "expand",
                        "must be verified_outputs, verified_outputs.dob or verified_outputs.id_number",
                    );
                }
            }
            expand.outputs = true;
        }
        violations.check().map_err(Error::Fields)?;
        if (expand.dob || expand.id_number) && !backend.reads_sensitive {
            return Err(Error::SensitiveFields);
        }
        Ok(expand)
    }

    fn apply(self, outputs: VerifiedOutputs) -> Option<VerifiedOutputs> {
        self.outputs.then(|| VerifiedOutputs {
            dob: outputs.dob.filter(|_| self.dob),
            id_number: outputs.id_number.filter(|_| self.id_number),
            ..outputs
        })
    }
}

/// A stored session as this backend may see it, with a fresh client secret while it requires input.
pub(crate) fn session(
    stored: StoredSession,
    backend: &Backend,
    expand: Expand,
    client_secrets: &ClientSecrets,
) -> Result<VerificationSession, Error> {
    let mut session = stored.session.ok_or(Error::Incomplete("session"))?;
    session.client_secret = (session.status() == VerificationSessionStatus::RequiresInput)
        .then(|| client_secrets.issue(&session.id, SystemTime::now()));
    session.verified_outputs = session.verified_outputs.and_then(|outputs| expand.apply(outputs));
    if let Some(insights) = &mut session.insights
        && !backend.reads_sensitive
    {
        insights.files.iter_mut().for_each(|file| file.id.clear());
    }
    Ok(session)
}

/// A stored picture as this caller may see it.
pub(crate) fn file(mut file: File, caller: &Caller) -> File {
    if !caller.reads_sensitive() {
        file.id.clear();
    }
    file
}

/// A report as this backend may see it.
pub(crate) fn report(mut report: VerificationReport, backend: &Backend) -> VerificationReport {
    if backend.reads_sensitive {
        return report;
    }
    if let Some(document) = &mut report.document {
        document.dob = None;
        document.expiration_date = None;
        document.number = None;
        document.files.clear();
    }
    if let Some(selfie) = &mut report.selfie {
        selfie.document = None;
        selfie.selfie = None;
    }
    if let Some(id_number) = &mut report.id_number {
        id_number.dob = None;
        id_number.id_number = None;
    }
    let insights = report.insights.as_mut().and_then(|insights| insights.document.as_mut());
    if let Some(zone) = insights.and_then(|document| document.machine_readable_zone.as_mut()) {
        zone.file.clear();
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::identity::v1::Date;
    use std::sync::Arc;

    fn backend(reads_sensitive: bool) -> Backend {
        Backend {
            account: Arc::from("acme"),
            reads_sensitive,
        }
    }

    fn expanded(values: &[&str], reads_sensitive: bool) -> Result<Option<VerifiedOutputs>, Error> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let outputs = VerifiedOutputs {
            dob: Some(Date::default()),
            id_number: Some("1".to_owned()),
            first_name: Some("2".to_owned()),
            ..VerifiedOutputs::default()
        };
        Ok(Expand::parse(&values, &backend(reads_sensitive))?.apply(outputs))
    }

    #[test]
    fn outputs_are_there_only_when_asked_for() {
        assert!(expanded(&[], true).expect("nothing asked").is_none());
        let plain = expanded(&["verified_outputs"], true)
            .expect("allowed")
            .expect("asked for");
        assert!(plain.first_name.is_some() && plain.dob.is_none() && plain.id_number.is_none());
        let dob = expanded(&["verified_outputs.dob"], true)
            .expect("allowed")
            .expect("asked for");
        assert!(dob.first_name.is_some() && dob.dob.is_some() && dob.id_number.is_none());
    }

    #[test]
    fn sensitive_outputs_need_a_restricted_key() {
        assert!(expanded(&["verified_outputs"], false).expect("allowed").is_some());
        for value in ["verified_outputs.dob", "verified_outputs.id_number"] {
            assert!(matches!(expanded(&[value], false), Err(Error::SensitiveFields)));
        }
        assert!(matches!(
            expanded(&["last_verification_report"], true),
            Err(Error::Fields(_))
        ));
    }
}
