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
    pub(crate) last_report: bool,
    outputs: bool,
    dob: bool,
    id_number: bool,
}

impl Expand {
    /// Reads the values of `expand`, each of which stands behind `prefix`; a part of the outputs brings the outputs with it.
    pub(crate) fn read(values: &[String], prefix: &str, violations: &mut Violations) -> Self {
        let mut expand = Self::default();
        let mut is_known = true;
        for value in values {
            match value.strip_prefix(prefix) {
                Some("last_verification_report") => expand.last_report = true,
                Some("verified_outputs") => expand.outputs = true,
                Some("verified_outputs.dob") => (expand.outputs, expand.dob) = (true, true),
                Some("verified_outputs.id_number") => (expand.outputs, expand.id_number) = (true, true),
                _ => is_known = false,
            }
        }
        // Once, however many there are.
        if !is_known {
            let names = ["last_verification_report", "verified_outputs", "verified_outputs.dob"];
            let names = names.map(|name| format!("{prefix}{name}")).join(", ");
            let description = format!("must be {names} or {prefix}verified_outputs.id_number");
            violations.require(false, "expand", &description);
        }
        expand
    }

    /// What was asked for, unless this backend may not see it.
    pub(crate) fn allowed_for(self, backend: &Backend) -> Result<Self, Error> {
        if (self.dob || self.id_number) && !backend.reads_sensitive {
            return Err(Error::SensitiveFields);
        }
        Ok(self)
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
    let mut session = listed(stored, backend, expand)?;
    session.client_secret = (session.status() == VerificationSessionStatus::RequiresInput)
        .then(|| client_secrets.issue(&session.id, SystemTime::now()));
    Ok(session)
}

/// A stored session as this backend may see it among others: nobody lists sessions to hand all of them to their persons.
pub(crate) fn listed(stored: StoredSession, backend: &Backend, expand: Expand) -> Result<VerificationSession, Error> {
    let mut session = stored.session.ok_or(Error::Incomplete("session"))?;
    session.verified_outputs = session.verified_outputs.and_then(|outputs| expand.apply(outputs));
    let last_report = stored.last_report.filter(|_| expand.last_report);
    session.expanded_last_verification_report = last_report.map(|last_report| report(last_report, backend));
    if let Some(insights) = &mut session.insights
        && !backend.reads_sensitive
    {
        insights.files.iter_mut().for_each(|file| file.id.clear());
        let destroyed = insights.redaction.iter_mut().flat_map(|receipt| &mut receipt.files);
        destroyed.for_each(String::clear);
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
    if let Some(insights) = &mut report.insights {
        let document = insights.document.as_mut();
        if let Some(zone) = document.and_then(|document| document.machine_readable_zone.as_mut()) {
            zone.file.clear();
        }
        if let Some(selfie) = &mut insights.selfie {
            selfie.document_face_file = None;
            selfie.selfie_face_file = None;
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::identity::v1::Date;

    fn backend(reads_sensitive: bool) -> Backend {
        Backend::new("acme", true, reads_sensitive)
    }

    fn expanded(values: &[&str], reads_sensitive: bool) -> Result<Option<VerifiedOutputs>, Error> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let outputs = VerifiedOutputs {
            dob: Some(Date::default()),
            id_number: Some("1".to_owned()),
            first_name: Some("2".to_owned()),
            ..VerifiedOutputs::default()
        };
        let mut violations = Violations::new();
        let expand = Expand::read(&values, "data.", &mut violations);
        violations.check().map_err(Error::Fields)?;
        Ok(expand.allowed_for(&backend(reads_sensitive))?.apply(outputs))
    }

    #[test]
    fn outputs_are_there_only_when_asked_for() {
        assert!(expanded(&[], true).expect("nothing asked").is_none());
        let plain = expanded(&["data.verified_outputs"], true)
            .expect("allowed")
            .expect("asked for");
        assert!(plain.first_name.is_some() && plain.dob.is_none() && plain.id_number.is_none());
        let dob = expanded(&["data.verified_outputs.dob"], true)
            .expect("allowed")
            .expect("asked for");
        assert!(dob.first_name.is_some() && dob.dob.is_some() && dob.id_number.is_none());
    }

    #[test]
    fn sensitive_outputs_need_a_restricted_key() {
        assert!(expanded(&["data.verified_outputs"], false).expect("allowed").is_some());
        for value in ["data.verified_outputs.dob", "data.verified_outputs.id_number"] {
            assert!(matches!(expanded(&[value], false), Err(Error::SensitiveFields)));
        }
        assert!(
            expanded(&["data.last_verification_report"], true)
                .expect("allowed")
                .is_none()
        );
        for unknown in [
            "last_verification_report",
            "data.",
            "data",
            "data.verified_outputs.",
            "data.client_secret",
        ] {
            assert!(matches!(expanded(&[unknown], true), Err(Error::Fields(_))), "{unknown}");
        }
    }
}
