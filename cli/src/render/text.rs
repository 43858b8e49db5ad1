//! One verification as a person reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use prost_types::Timestamp;
use proto::identity::v1::check_detail::Outcome;
use proto::identity::v1::machine_readable_zone::Format;
use proto::identity::v1::{
    CheckDetail, CheckStatus, Date, DocumentInsights, DocumentReport, DocumentType, File, FileLink, ImagePurpose,
    RedactionReceipt, SelfieInsights, SelfieReport, Sex, Timing, VerificationError, VerificationErrorCode,
    VerificationReport, VerificationSession, VerificationSessionStatus,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Style;
use super::json::milliseconds;
use super::names::{Named as _, name};

/// Width of the column of labels.
const LABEL: usize = 22;

/// A finished verification: the outcome, what each check found and why, and where the time went. `elapsed` is what the caller
/// waited in all. Ends with a newline.
pub fn verification(
    session: &VerificationSession,
    report: &VerificationReport,
    elapsed: Duration,
    style: Style,
) -> String {
    let mut page = Page::new(style);
    page.headline(session, elapsed);
    page.report(report);
    page.text
}

/// A report alone. Ends with a newline.
pub fn report(report: &VerificationReport, style: Style) -> String {
    let mut page = Page::new(style);
    page.report(report);
    page.given("session", report.verification_session.clone());
    page.label("created", &time(report.created));
    page.text
}

/// A session alone. Ends with a newline.
pub fn session(session: &VerificationSession, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(&style.bold(&session.id));
    page.given("status", session.status().name());
    if let Some(redaction) = &session.redaction {
        page.given("redaction", redaction.status().name());
    }
    if !session.livemode {
        page.label("mode", "test");
    }
    page.label("created", &time(session.created));
    page.given("reference", session.client_reference_id.as_deref().map(plain));
    page.given("customer", session.related_customer.as_deref().map(plain));
    for (key, value) in BTreeMap::from_iter(&session.metadata) {
        page.label("metadata", &plain(&format!("{key}={value}")));
    }
    if let Some(insights) = &session.insights {
        page.label("attempts", &insights.attempts.to_string());
        if let Some(RedactionReceipt {
            files, reports, events, ..
        }) = &insights.redaction
        {
            let (files, reports) = (files.len(), reports.len());
            page.label(
                "destroyed",
                &format!("pictures {files}, reports {reports}, events {events}"),
            );
        }
    }
    if let Some(error) = &session.last_error {
        page.label("last error", &format!("{}: {}", error_code(error.code()), error.reason));
    }
    if let Some(outputs) = &session.verified_outputs {
        page.given("name", full_name(&outputs.first_name, &outputs.last_name));
        page.given("date of birth", outputs.dob.as_ref().map(date));
        page.given("sex", name::<Sex>(outputs.sex));
    }
    match &session.expanded_last_verification_report {
        Some(report) => page.report(report),
        None => page.given("last report", session.last_verification_report.clone()),
    }
    page.text
}

/// Sessions, one in each line. Ends with a newline unless there are none.
pub fn sessions(sessions: &[VerificationSession]) -> String {
    let line = |session: &VerificationSession| {
        let status = session.status().name().unwrap_or_default();
        let reference = session.client_reference_id.as_deref().map_or("-".to_owned(), plain);
        format!("{}  {status:14}  {}  {reference}\n", session.id, time(session.created))
    };
    sessions.iter().map(line).collect()
}

/// Reports, one in each line, with the code for which a check failed. Ends with a newline unless there are none.
pub fn reports(reports: &[VerificationReport]) -> String {
    let line = |report: &VerificationReport| {
        let session = report.verification_session.as_deref().unwrap_or("-");
        format!(
            "{}  {}  {session}  {}\n",
            report.id,
            time(report.created),
            outcome(report)
        )
    };
    reports.iter().map(line).collect()
}

/// Pictures, one in each line, with the attempts that used them. Ends with a newline unless there are none.
pub fn files(files: &[File]) -> String {
    let line = |file: &File| {
        let purpose = file.purpose().name().unwrap_or_default();
        format!(
            "{}  {purpose:14}  {:>8}  {}  {}\n",
            file.id,
            file.size,
            time(file.created),
            attempts(file)
        )
    };
    files.iter().map(line).collect()
}

/// A picture alone. Ends with a newline.
pub fn file(file: &File, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(&style.bold(&file.id));
    page.given("purpose", file.purpose().name());
    page.label("bytes", &file.size.to_string());
    page.label("created", &time(file.created));
    page.given("session", file.verification_session.clone());
    page.label("attempts", &attempts(file));
    page.text
}

/// Links to the pictures of a verification, which end soon. Ends with a newline unless there are none.
pub fn links(links: &[(ImagePurpose, FileLink)], style: Style) -> String {
    let mut page = Page::new(style);
    if !links.is_empty() {
        page.line(&format!("  {}", style.bold("pictures, for 30 seconds")));
    }
    for (purpose, link) in links {
        page.label(&purpose.name().unwrap_or_default(), &link.url);
    }
    page.text
}

/// The numbers of the attempts that used a picture.
fn attempts(file: &File) -> String {
    let numbers: Vec<_> = file.attempts.iter().map(u32::to_string).collect();
    if numbers.is_empty() {
        "-".to_owned()
    } else {
        numbers.join(",")
    }
}

/// `verified`, or the code or status of the first check that did not pass.
fn outcome(report: &VerificationReport) -> String {
    let document = report.document.as_ref().map(|check| (check.status(), &check.error));
    let selfie = report.selfie.as_ref().map(|check| (check.status(), &check.error));
    let id_number = report.id_number.as_ref().map(|check| (check.status(), &check.error));
    let email = report.email.as_ref().map(|check| (check.status(), &check.error));
    let phone = report.phone.as_ref().map(|check| (check.status(), &check.error));
    let checks: Vec<_> = [document, selfie, id_number, email, phone]
        .into_iter()
        .flatten()
        .collect();
    let failed = checks.iter().find(|(status, _)| *status != CheckStatus::Verified);
    match failed {
        Some((_, Some(error))) => error_code(error.code()),
        Some((status, None)) => status.name().unwrap_or_default(),
        None if checks.is_empty() => "-".to_owned(),
        None => "verified".to_owned(),
    }
}

fn full_name(first: &Option<String>, last: &Option<String>) -> Option<String> {
    let names: Vec<&str> = [first, last].into_iter().flatten().map(String::as_str).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn new(style: Style) -> Self {
        Self {
            text: String::new(),
            style,
        }
    }

    fn report(&mut self, report: &VerificationReport) {
        let insights = report.insights.clone().unwrap_or_default();
        if let Some(document) = &report.document {
            self.check("document", document.status(), document.error.as_ref());
            self.document(document);
            self.document_insights(&insights.document.unwrap_or_default());
        }
        if let Some(selfie) = &report.selfie {
            self.selfie(selfie, &insights.selfie.unwrap_or_default());
        }
        self.timings("time of the checks", &insights.timings);
        if !report.livemode {
            self.label("mode", "test");
        }
        self.label("report", &report.id);
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn label(&mut self, label: &str, value: &str) {
        let label = self.style.faint(&format!("{label:LABEL$}"));
        self.line(&format!("    {label} {value}"));
    }

    fn given(&mut self, label: &str, value: Option<String>) {
        if let Some(value) = value {
            self.label(label, &value);
        }
    }

    fn headline(&mut self, session: &VerificationSession, elapsed: Duration) {
        let verified = session.status() == VerificationSessionStatus::Verified;
        let outcome = match &session.last_error {
            Some(error) if !verified => format!("not verified: {}", error_code(error.code())),
            _ => session.status().name().unwrap_or_default(),
        };
        let mode = if session.livemode { "" } else { " (test mode)" };
        let outcome = self.mark(verified, &format!("{outcome}{mode}"));
        let details = self
            .style
            .faint(&format!("{} in {:.2} s", session.id, elapsed.as_secs_f64()));
        self.line(&format!("{outcome}  {details}"));
    }

    fn mark(&self, good: bool, text: &str) -> String {
        if good {
            self.style.good(&format!("✓ {text}"))
        } else {
            self.style.bad(&format!("✗ {text}"))
        }
    }

    fn check(&mut self, title: &str, status: CheckStatus, error: Option<&VerificationError>) {
        let title = self.style.bold(&format!("{title:LABEL$}"));
        let outcome = match error {
            Some(error) => self.mark(false, &format!("{}: {}", error_code(error.code()), error.reason)),
            None => self.mark(status == CheckStatus::Verified, &status.name().unwrap_or_default()),
        };
        self.line(&format!("  {title}   {outcome}"));
    }

    fn document(&mut self, document: &DocumentReport) {
        self.given("type", name::<DocumentType>(document.r#type));
        self.given("issuing country", document.issuing_country.clone());
        self.given("name", full_name(&document.first_name, &document.last_name));
        self.given("number", document.number.clone());
        self.given("date of birth", document.dob.as_ref().map(date));
        self.given("expires", document.expiration_date.as_ref().map(date));
        self.given("sex", name::<Sex>(document.sex));
    }

    fn document_insights(&mut self, insights: &DocumentInsights) {
        if let Some(zone) = &insights.machine_readable_zone {
            let format = name::<Format>(zone.format).unwrap_or_default().to_uppercase();
            let digits = if zone.check_digits_valid {
                "check digits hold"
            } else {
                "check digits do not hold"
            };
            let mut value = format!("{format}, {digits}, read with confidence {:.3}", zone.confidence);
            match zone.corrected_characters {
                0 => {}
                1 => value.push_str(", 1 character corrected"),
                count => {
                    let _ = write!(value, ", {count} characters corrected");
                }
            }
            self.label("machine-readable zone", &value);
        }
        self.tests(&insights.checks);
        self.timings("time", &insights.timings);
    }

    fn selfie(&mut self, selfie: &SelfieReport, insights: &SelfieInsights) {
        self.check("selfie", selfie.status(), selfie.error.as_ref());
        if let (Some(similarity), Some(threshold), Some(false_match_rate)) =
            (insights.similarity, insights.threshold, insights.false_match_rate)
        {
            let value = format!(
                "{similarity:.3}, where {threshold:.3} is needed (at which {} strangers would pass)",
                one_in(false_match_rate)
            );
            self.label("similarity", &value);
        }
        self.tests(&insights.checks);
        self.timings("time", &insights.timings);
    }

    /// What failed and what could not be tested by name, what passed as a number: a reader looks for the exception.
    fn tests(&mut self, checks: &[CheckDetail]) {
        let passed = checks.iter().filter(|check| check.outcome() == Outcome::Passed).count();
        if !checks.is_empty() {
            self.label("tests", &format!("{passed} of {} passed", checks.len()));
        }
        for check in checks {
            let line = format!("{}: {}", check.name, check.reason);
            match check.outcome() {
                Outcome::Failed => {
                    let line = self.style.bad(&format!("✗ {line}"));
                    self.label("", &line);
                }
                Outcome::NotAvailable => {
                    let line = self.style.faint(&format!("– {line}"));
                    self.label("", &line);
                }
                Outcome::Passed | Outcome::Unspecified => {}
            }
        }
    }

    fn timings(&mut self, label: &str, timings: &[Timing]) {
        let steps: Vec<String> = timings
            .iter()
            .map(|timing| format!("{} {:.0} ms", timing.step.replace('_', " "), milliseconds(timing)))
            .collect();
        if !steps.is_empty() {
            self.label(label, &steps.join(", "));
        }
    }
}

/// A code as the API writes it.
pub fn error_code(code: VerificationErrorCode) -> String {
    code.name().unwrap_or_default()
}

/// RFC 3339, to the second; nothing for a time that has no such form.
pub fn time(time: Option<Timestamp>) -> String {
    let time = time.and_then(|time| OffsetDateTime::from_unix_timestamp(time.seconds).ok());
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// What somebody else wrote, without what a terminal would obey or take for the next line.
fn plain(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .collect()
}

/// ISO 8601, with what is not known as question marks.
fn date(date: &Date) -> String {
    let part = |part: Option<i32>, width: usize| part.map_or("?".repeat(width), |part| format!("{part:0width$}"));
    format!("{}-{}-{}", part(date.year, 4), part(date.month, 2), part(date.day, 2))
}

fn one_in(rate: f64) -> String {
    if rate > 0.0 {
        format!("1 in {:.0}", 1.0 / rate)
    } else {
        "no".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::identity::v1::ReportInsights;

    #[test]
    fn says_what_failed_and_why() {
        let error = VerificationError {
            code: VerificationErrorCode::SelfieFaceMismatch.into(),
            reason: "Another face.".to_owned(),
        };
        let session = VerificationSession {
            livemode: true,
            id: "vs_1".to_owned(),
            status: VerificationSessionStatus::RequiresInput.into(),
            last_error: Some(error.clone()),
            ..VerificationSession::default()
        };
        let test = |name: &str, outcome: Outcome, reason: &str| CheckDetail {
            name: name.to_owned(),
            outcome: outcome.into(),
            reason: reason.to_owned(),
        };
        let report = VerificationReport {
            livemode: true,
            id: "vr_1".to_owned(),
            document: Some(DocumentReport {
                status: CheckStatus::Verified.into(),
                r#type: DocumentType::Passport.into(),
                first_name: Some("ANNA".to_owned()),
                last_name: Some("ERIKSSON".to_owned()),
                expiration_date: Some(Date {
                    year: Some(2032),
                    month: Some(4),
                    day: None,
                }),
                ..DocumentReport::default()
            }),
            selfie: Some(SelfieReport {
                status: CheckStatus::Unverified.into(),
                error: Some(error),
                ..SelfieReport::default()
            }),
            insights: Some(ReportInsights {
                selfie: Some(SelfieInsights {
                    similarity: Some(0.1234),
                    threshold: Some(0.415),
                    false_match_rate: Some(1e-4),
                    checks: vec![
                        test("selfie_face", Outcome::Passed, ""),
                        test("face_match", Outcome::Failed, "too low"),
                    ],
                    ..SelfieInsights::default()
                }),
                ..ReportInsights::default()
            }),
            ..VerificationReport::default()
        };
        let text = verification(&session, &report, Duration::from_millis(1234), Style::PLAIN);
        let expected = "\
✗ not verified: selfie_face_mismatch  vs_1 in 1.23 s
  document                 ✓ verified
    type                   passport
    name                   ANNA ERIKSSON
    expires                2032-04-??
  selfie                   ✗ selfie_face_mismatch: Another face.
    similarity             0.123, where 0.415 is needed (at which 1 in 10000 strangers would pass)
    tests                  1 of 2 passed
                           ✗ face_match: too low
    report                 vr_1
";
        assert_eq!(text, expected);
    }
}
