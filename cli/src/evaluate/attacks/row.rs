//! One presentation: what the check said of it, and what is so.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use proto::identity::v1::check_detail::Outcome;
use proto::identity::v1::{CheckStatus, FaceQuality};
use proto::selfie::v1::{CheckSelfieRequest, FaceImage};
use selfie_svc::checker::{Checked, Checker};
use selfie_svc::presentation::{Presentation as Seen, TEST as PRESENTATION};
use selfie_svc::rules::Likeness;
use serde::Serialize;
use service_kit::compute::Caller;
use vision::face::presentation::Scores;

use crate::attacks::{Half, Presentation};
use crate::dataset::name;
use crate::evaluate::page::thumbnail;
use crate::evaluate::pictures::{read, refusal};

/// The test that compares two faces. Whom it refuses is nobody's attack: the evaluation of faces counts its errors.
const COMPARISON: &str = "face_match";

/// What became of one presentation.
pub(super) struct Row {
    pub(super) truth: Arc<Presentation>,
    /// Why there is no result; none where there is one.
    pub(super) failure: Option<String>,
    /// How alike the faces of selfie and reference are; none where there were not two to compare.
    pub(super) likeness: Option<Likeness>,
    /// Measures of the selfie's face; none without one.
    pub(super) quality: Option<FaceQuality>,
    /// What the networks for presentation attacks said of the selfie; none where they are not installed, or there was no face.
    pub(super) scores: Option<Scores>,
    /// Names of the tests that refused it, but for the comparison of the faces.
    pub(super) failed_tests: Vec<String>,
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
            likeness: None,
            quality: None,
            scores: None,
            failed_tests: Vec::new(),
            verified: false,
            error: None,
            total: 0.0,
            thumbnails: Vec::new(),
        }
    }

    fn of(truth: Arc<Presentation>, checked: Checked) -> Row {
        let report = checked.response.selfie.unwrap_or_default();
        let insights = checked.response.insights.unwrap_or_default();
        let tests = insights.checks.into_iter();
        let is_warning = |test: &str| test == PRESENTATION && checked.presentation.is_attack() != Some(true);
        let failed = tests
            .filter(|test| test.outcome() == Outcome::Failed && test.name != COMPARISON && !is_warning(&test.name));
        Row {
            failure: None,
            likeness: checked.likeness,
            quality: insights.selfie_face,
            scores: match checked.presentation {
                Seen::Scored(scores) => Some(scores),
                Seen::NoFace | Seen::Unchecked(_) => None,
            },
            failed_tests: failed.map(|test| test.name).collect(),
            verified: report.status() == CheckStatus::Verified,
            error: report.error.map(refusal),
            total: 0.0,
            thumbnails: Vec::new(),
            truth,
        }
    }

    /// Whether there were two faces, so that the tests have a result.
    pub(super) fn has_response(&self) -> bool {
        self.likeness.is_some()
    }

    /// Whether the networks classified it as an attack; none where they did not look at it.
    pub(super) fn is_presentation_attack(&self) -> Option<bool> {
        self.scores
            .map(|_| self.failed_tests.iter().any(|test| test == PRESENTATION))
    }

    /// Whether it was taken for what it is not: an attack that none of the tests refused that are there for it, or a bona fide
    /// presentation that any did.
    pub(super) fn is_error(&self) -> bool {
        self.has_response()
            && match self.truth.attack {
                Some(kind) => !self
                    .failed_tests
                    .iter()
                    .any(|test| kind.refused_by().contains(&test.as_str())),
                None => !self.failed_tests.is_empty(),
            }
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
    similarity: Option<f64>,
    inter_eye_distance: Option<f64>,
    sharpness: Option<f64>,
    contrast: Option<f64>,
    dynamic_range: Option<f64>,
    under_exposure: Option<f64>,
    over_exposure: Option<f64>,
    illumination_uniformity: Option<f64>,
    cropped: Option<f64>,
    yaw: Option<f64>,
    pitch: Option<f64>,
    eyes_visible: Option<f64>,
    mouth_visible: Option<f64>,
    nose_visible: Option<f64>,
    lesser_eye_visible: Option<f64>,
    minifasnet_v2: Option<f64>,
    minifasnet_v1se: Option<f64>,
    failed_tests: String,
    verified: bool,
    error: Option<&'a str>,
    reason: Option<&'a str>,
    total_ms: f64,
}

impl Line<'_> {
    pub(super) fn of(row: &Row) -> Line<'_> {
        let truth = &row.truth;
        let rounded = |value: f64| (value * 1e4).round() / 1e4;
        let quality = |measure: fn(&FaceQuality) -> f64| row.quality.as_ref().map(measure).map(rounded);
        let optional = |measure: fn(&FaceQuality) -> Option<f64>| row.quality.as_ref().and_then(measure);
        Line {
            image: &truth.image,
            reference: &truth.reference,
            identity: &truth.identity,
            half: Half::of(&truth.identity),
            attack: truth.attack.as_ref().map(name).unwrap_or_default(),
            steps: truth.steps.iter().map(name).collect::<Vec<_>>().join(" "),
            failure: row.failure.as_deref(),
            agreement: row.likeness.map(|likeness| rounded(likeness.agreement)),
            similarity: row.likeness.map(|likeness| rounded(likeness.similarity)),
            inter_eye_distance: quality(|face| face.inter_eye_distance),
            sharpness: quality(|face| face.sharpness),
            contrast: quality(|face| face.contrast),
            dynamic_range: optional(|face| face.dynamic_range),
            under_exposure: optional(|face| face.under_exposure),
            over_exposure: optional(|face| face.over_exposure),
            illumination_uniformity: optional(|face| face.illumination_uniformity),
            cropped: optional(|face| face.cropped),
            yaw: quality(|face| face.yaw),
            pitch: quality(|face| face.pitch),
            eyes_visible: optional(|face| face.eyes_visible),
            mouth_visible: optional(|face| face.mouth_visible),
            nose_visible: optional(|face| face.nose_visible),
            lesser_eye_visible: optional(|face| face.lesser_eye_visible),
            minifasnet_v2: row.scores.map(|scores| rounded(scores.v2)),
            minifasnet_v1se: row.scores.map(|scores| rounded(scores.v1se)),
            failed_tests: row.failed_tests.join(" "),
            verified: row.verified,
            error: row.error.as_ref().map(|(code, _)| code.as_str()),
            reason: row.error.as_ref().map(|(_, reason)| reason.as_str()),
            total_ms: (row.total * 1e2).round() / 1e2,
        }
    }
}
