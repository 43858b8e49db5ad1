//! One document: what the check said of it, and what is so.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use doc_check_svc::checker::{Checked, Checker};
use proto::document::v1::{CheckDocumentRequest, DocumentImage, DocumentPolicy};
use proto::identity::v1::{CheckStatus, Date, DocumentInsights, DocumentReport, ImagePurpose, Timing};
use service_kit::compute::Caller;

use super::score::{FIELDS, Scored, Verdict, distance, fields};
use crate::dataset::{Field, Truth, name};
use crate::evaluate::page::thumbnail;
use crate::evaluate::pictures::{read, refusal};

/// What became of one document.
pub(super) struct Row {
    pub(super) truth: Arc<Truth>,
    /// Why there is no result; none where there is one.
    pub(super) failure: Option<String>,
    pub(super) verified: bool,
    /// Code and reason of a document that was not verified.
    pub(super) error: Option<(String, String)>,
    /// The lines of the zone as read; none where none was found.
    pub(super) zone: Vec<String>,
    pub(super) confidence: Option<f64>,
    pub(super) corrected: u32,
    pub(super) fields: Vec<Scored>,
    /// Milliseconds of each stage, and from the files to the report.
    pub(super) stages: BTreeMap<String, f64>,
    pub(super) total: f64,
    /// JPEG files of the pictures, small, where the document was not verified or was verified wrongly.
    pub(super) thumbnails: Vec<Vec<u8>>,
}

/// Checks one document.
pub(super) fn check(
    checker: &Checker,
    images: &Path,
    truth: &Arc<Truth>,
    today: time::Date,
    policy: &DocumentPolicy,
    caller: &Caller,
) -> Row {
    let names = std::iter::once(&truth.image).chain(&truth.back);
    let files: Vec<Vec<u8>> = match names.map(|name| read(images, name)).collect::<anyhow::Result<_>>() {
        Ok(files) => files,
        Err(error) => return Row::failed(Arc::clone(truth), format!("{error:#}")),
    };
    let started = Instant::now();
    let checked = checker.check(request(&files, today, policy), caller);
    let total = started.elapsed().as_secs_f64() * 1e3;
    let mut row = match checked {
        Ok(Checked { response, zone }) => {
            let report = response.document.unwrap_or_default();
            let insights = response.insights.unwrap_or_default();
            Row::of(Arc::clone(truth), today, &report, &insights, zone)
        }
        Err(status) => Row::failed(Arc::clone(truth), status.message().to_owned()),
    };
    row.total = total;
    if !row.verified || row.is_wrong() || truth.forgery.is_some() {
        row.thumbnails = files.iter().filter_map(|file| thumbnail(file)).collect();
    }
    row
}

/// What the service is asked.
fn request(files: &[Vec<u8>], today: time::Date, policy: &DocumentPolicy) -> CheckDocumentRequest {
    let sides = [ImagePurpose::DocumentFront, ImagePurpose::DocumentBack];
    let images = files.iter().zip(sides).map(|(data, side)| DocumentImage {
        file: String::new(),
        purpose: side.into(),
        data: data.clone(),
    });
    CheckDocumentRequest {
        images: images.collect(),
        today: Some(Date {
            year: Some(today.year()),
            month: Some(u8::from(today.month()).into()),
            day: Some(today.day().into()),
        }),
        policy: Some(policy.clone()),
        ..CheckDocumentRequest::default()
    }
}

impl Row {
    /// A document without a result.
    pub(super) fn failed(truth: Arc<Truth>, failure: String) -> Row {
        Row {
            truth,
            failure: Some(failure),
            verified: false,
            error: None,
            zone: Vec::new(),
            confidence: None,
            corrected: 0,
            fields: Vec::new(),
            stages: BTreeMap::new(),
            total: 0.0,
            thumbnails: Vec::new(),
        }
    }

    fn of(
        truth: Arc<Truth>,
        today: time::Date,
        report: &DocumentReport,
        insights: &DocumentInsights,
        zone: Vec<String>,
    ) -> Row {
        let read = insights.machine_readable_zone.as_ref();
        let stage = |timing: &Timing| {
            let spent = timing.duration.unwrap_or_default();
            (
                timing.step.clone(),
                spent.seconds as f64 * 1e3 + f64::from(spent.nanos) / 1e6,
            )
        };
        Row {
            verified: report.status() == CheckStatus::Verified,
            error: report.error.clone().map(refusal),
            confidence: read.map(|zone| zone.confidence),
            corrected: read.map_or(0, |zone| zone.corrected_characters),
            fields: fields(&truth, today, report, insights),
            stages: insights.timings.iter().map(stage).collect(),
            failure: None,
            total: 0.0,
            thumbnails: Vec::new(),
            truth,
            zone,
        }
    }

    /// Whether the report states something that is not so.
    pub(super) fn is_wrong(&self) -> bool {
        self.fields.iter().any(|field| field.verdict == Verdict::Wrong)
    }

    /// Whether a document was verified that must not have been: something that it states is not so, or it is forged.
    pub(super) fn is_wrongly_verified(&self) -> bool {
        self.verified && (self.is_wrong() || self.truth.forgery.is_some())
    }

    /// Whether the zone was read to the last character.
    pub(super) fn is_whole(&self) -> bool {
        !self.truth.mrz.is_empty() && self.zone == self.truth.mrz
    }

    /// By how many characters the zone was read wrongly.
    pub(super) fn zone_errors(&self) -> usize {
        distance(&self.zone.concat(), &self.truth.mrz.concat())
    }

    /// Whether all of the zone that is covered is filler, or stands in a printed field.
    pub(super) fn is_recoverable(&self) -> bool {
        let Some(format) = self.truth.format.map(|format| format.zone()) else {
            return false;
        };
        self.truth.covered.iter().all(|covered| {
            let line = covered.line - 1;
            let symbols = self.truth.mrz.get(line).map_or(&[][..], |text| text.as_bytes());
            (covered.first - 1..covered.last).all(|position| {
                let field = format
                    .fields()
                    .iter()
                    .find(|field| field.line == line && (field.start..field.end).contains(&position));
                symbols.get(position) == Some(&b'<') || field.is_some_and(|field| self.is_printed(field.kind))
            })
        })
    }

    fn is_printed(&self, kind: doc_check_svc::mrz::FieldKind) -> bool {
        use doc_check_svc::mrz::FieldKind as Kind;
        let printed = |field| {
            self.truth
                .fields
                .get(&field)
                .is_some_and(|value| value.printed.is_some())
        };
        match kind {
            Kind::Name => printed(Field::Surname) && printed(Field::GivenNames),
            Kind::Number | Kind::NumberCheck => printed(Field::Number),
            Kind::BirthDate | Kind::BirthCheck => printed(Field::BirthDate),
            Kind::ExpiryDate | Kind::ExpiryCheck => printed(Field::ExpiryDate),
            Kind::Sex => printed(Field::Sex),
            Kind::Nationality => printed(Field::Nationality),
            Kind::IssuingState => printed(Field::IssuingState),
            // Follows from all others.
            Kind::CompositeCheck => true,
            Kind::DocumentCode | Kind::Optional | Kind::OptionalCheck | Kind::SecondOptional => false,
        }
    }
}

/// Writes a row for each document.
pub(super) fn write(path: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut table = csv::Writer::from_path(path).with_context(context)?;
    let stages: Vec<&String> = {
        let all: std::collections::BTreeSet<&String> = rows.iter().flat_map(|row| row.stages.keys()).collect();
        all.into_iter().collect()
    };
    let mut header: Vec<String> = [
        "image",
        "back",
        "format",
        "degradations",
        "covered",
        "forgery",
        "failure",
        "status",
        "error",
        "reason",
        "mrz",
        "mrz_exact",
        "mrz_errors",
        "corrected",
        "confidence",
        "wrongly_verified",
    ]
    .map(str::to_owned)
    .into();
    for field in FIELDS {
        let name = name(&field);
        header.extend([name.clone(), format!("{name}_read"), format!("{name}_probability")]);
    }
    header.extend(stages.iter().map(|stage| format!("{stage}_ms")));
    header.push("total_ms".to_owned());
    table.write_record(&header).with_context(context)?;
    for row in rows {
        table.write_record(record(row, &stages)).with_context(context)?;
    }
    table.flush().with_context(context)
}

fn record(row: &Row, stages: &[&String]) -> Vec<String> {
    let truth = &row.truth;
    let joined = |parts: Vec<String>| parts.join(" ");
    let degradations = truth
        .degradations
        .iter()
        .map(|each| format!("{}:{:.2}", name(&each.kind), each.strength));
    let covered = truth
        .covered
        .iter()
        .map(|each| format!("{}.{}-{}", each.line, each.first, each.last));
    let (error, reason) = row.error.clone().unwrap_or_default();
    let mut record = vec![
        truth.image.clone(),
        truth.back.clone().unwrap_or_default(),
        truth.format.as_ref().map(name).unwrap_or_default(),
        joined(degradations.collect()),
        joined(covered.collect()),
        truth.forgery.as_ref().map(name).unwrap_or_default(),
        row.failure.clone().unwrap_or_default(),
        if row.verified { "verified" } else { "unverified" }.to_owned(),
        error,
        reason,
        row.zone.join(" "),
        row.is_whole().to_string(),
        row.zone_errors().to_string(),
        row.corrected.to_string(),
        row.confidence.map(|value| format!("{value:.4}")).unwrap_or_default(),
        row.is_wrongly_verified().to_string(),
    ];
    for field in FIELDS {
        let scored = row.fields.iter().find(|scored| scored.field == field);
        record.push(scored.map(|scored| name(&scored.verdict)).unwrap_or_default());
        record.push(scored.map(|scored| scored.read.clone()).unwrap_or_default());
        let probability = scored.and_then(|scored| scored.probability);
        record.push(probability.map(|value| format!("{value:.5}")).unwrap_or_default());
    }
    record.extend(
        stages
            .iter()
            .map(|stage| row.stages.get(*stage).map(|ms| format!("{ms:.2}")).unwrap_or_default()),
    );
    record.push(format!("{:.2}", row.total));
    record
}
