//! One presentation: what the check said of it, and what is so.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use proto::identity::v1::CheckStatus;
use proto::selfie::v1::{CheckSelfieRequest, FaceImage};
use selfie_svc::checker::{Checked, Checker};
use selfie_svc::presentation::Presentation as Seen;
use serde::Serialize;
use service_kit::compute::Caller;
use vision::face::presentation::Scores;

use crate::attacks::{Half, Presentation};
use crate::dataset::name;
use crate::evaluate::page::thumbnail;
use crate::evaluate::pictures::{read, refusal};

/// What became of one presentation.
pub(super) struct Row {
    pub(super) truth: Arc<Presentation>,
    /// Why there is no result; none where there is one.
    pub(super) failure: Option<String>,
    /// How far selfie and reference are one exposure; none where there were not two faces to compare.
    pub(super) agreement: Option<f64>,
    /// Whether it was classified as an attack; none where there were not two faces to compare.
    pub(super) is_attack: Option<bool>,
    /// What the networks for presentation attacks said of the selfie, whatever it was compared with.
    pub(super) scores: Option<Scores>,
    /// Whether they classified it as an attack; none where they are not installed, or there was no face.
    pub(super) is_presentation_attack: Option<bool>,
    pub(super) similarity: Option<f64>,
    pub(super) verified: bool,
    /// Code and reason of a selfie that was not verified.
    pub(super) error: Option<(String, String)>,
    /// Milliseconds from the files to the report.
    pub(super) total: f64,
    /// JPEG files of reference and selfie, small, where the presentation was not classified as what it is.
    pub(super) thumbnails: Vec<Vec<u8>>,
}

/// Checks one presentation.
pub(super) fn check(checker: &Checker, images: &Path, truth: &Arc<Presentation>, caller: &Caller) -> Row {
    let request = match request(images, truth) {
        Ok(request) => request,
        Err(error) => return Row::failed(Arc::clone(truth), format!("{error:#}")),
    };
    let started = Instant::now();
    let checked = checker.check(&request, caller);
    let total = started.elapsed().as_secs_f64() * 1e3;
    let mut row = match checked {
        Ok(checked) => Row::of(Arc::clone(truth), checked),
        Err(status) => Row::failed(Arc::clone(truth), status.message().to_owned()),
    };
    row.total = total;
    if row.is_error() {
        let pictures = request.documents.iter().chain(&request.selfie);
        row.thumbnails = pictures.filter_map(|picture| thumbnail(&picture.data)).collect();
    }
    row
}

/// What the service is asked: the files of reference and selfie.
fn request(images: &Path, truth: &Presentation) -> anyhow::Result<CheckSelfieRequest> {
    let image = |name| {
        let data = read(images, name)?;
        anyhow::Ok(FaceImage {
            file: String::new(),
            data,
        })
    };
    Ok(CheckSelfieRequest {
        documents: vec![image(&truth.reference)?],
        selfie: Some(image(&truth.image)?),
        with_face_crops: false,
    })
}

impl Row {
    /// A presentation without a result.
    pub(super) fn failed(truth: Arc<Presentation>, failure: String) -> Row {
        Row {
            truth,
            failure: Some(failure),
            agreement: None,
            is_attack: None,
            scores: None,
            is_presentation_attack: None,
            similarity: None,
            verified: false,
            error: None,
            total: 0.0,
            thumbnails: Vec::new(),
        }
    }

    fn of(truth: Arc<Presentation>, checked: Checked) -> Row {
        let report = checked.response.selfie.unwrap_or_default();
        Row {
            failure: None,
            agreement: checked.likeness.map(|likeness| likeness.agreement),
            is_attack: checked.likeness.map(|likeness| likeness.is_of_one_exposure()),
            scores: match checked.presentation {
                Seen::Scored(scores) => Some(scores),
                Seen::NoFace | Seen::Unchecked(_) => None,
            },
            is_presentation_attack: checked.presentation.is_attack(),
            similarity: checked.likeness.map(|likeness| likeness.similarity),
            verified: report.status() == CheckStatus::Verified,
            error: report.error.map(refusal),
            total: 0.0,
            thumbnails: Vec::new(),
            truth,
        }
    }

    /// Whether it was classified as what it is not.
    pub(super) fn is_error(&self) -> bool {
        self.is_attack
            .is_some_and(|attack| attack != self.truth.attack.is_some())
    }
}

/// A line of `results.csv`.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    image: &'a str,
    reference: &'a str,
    identity: &'a str,
    half: Half,
    attack: String,
    steps: String,
    failure: Option<&'a str>,
    agreement: Option<f64>,
    classified_as_attack: Option<bool>,
    minifasnet_v2: Option<f64>,
    minifasnet_v1se: Option<f64>,
    classified_as_presentation_attack: Option<bool>,
    similarity: Option<f64>,
    verified: bool,
    error: Option<&'a str>,
    reason: Option<&'a str>,
    total_ms: f64,
}

impl Line<'_> {
    pub(super) fn of(row: &Row) -> Line<'_> {
        let truth = &row.truth;
        let rounded = |value: f64| (value * 1e4).round() / 1e4;
        Line {
            image: &truth.image,
            reference: &truth.reference,
            identity: &truth.identity,
            half: Half::of(&truth.identity),
            attack: truth.attack.as_ref().map(name).unwrap_or_default(),
            steps: truth.steps.iter().map(name).collect::<Vec<_>>().join(" "),
            failure: row.failure.as_deref(),
            agreement: row.agreement.map(rounded),
            classified_as_attack: row.is_attack,
            minifasnet_v2: row.scores.map(|scores| rounded(scores.v2)),
            minifasnet_v1se: row.scores.map(|scores| rounded(scores.v1se)),
            classified_as_presentation_attack: row.is_presentation_attack,
            similarity: row.similarity.map(rounded),
            verified: row.verified,
            error: row.error.as_ref().map(|(code, _)| code.as_str()),
            reason: row.error.as_ref().map(|(_, reason)| reason.as_str()),
            total_ms: (row.total * 1e2).round() / 1e2,
        }
    }
}
