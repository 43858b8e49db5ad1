//! Presentation attack detection of the selfie (ISO/IEC 30107-3): the networks, where they are installed, and what follows from what
//! they say.

use candle_core::Device;
use proto::identity::v1::{PresentationAttackDetection, VerificationErrorCode};
use vision::VisionError;
use vision::face::presentation::{AttackDetector, Scores};
use vision::models::{Model, ModelError, ModelStore};

use crate::rules::Evaluation;

/// Score below which a presentation is taken for an attack.
pub const THRESHOLD: f64 = 0.5;

/// The test's name.
const TEST: &str = "presentation_attack_detection";

/// What is to become of selfies that nothing tells from attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// They are verified by the other tests; the report says that this one was not made.
    Pass,
    /// They are refused.
    Refused,
}

/// What selfie-svc tells attacks by.
pub enum Detection {
    /// Both networks.
    Installed(Box<Networks>),
    /// Nothing.
    NotInstalled(Unchecked),
}

/// The networks, loaded once and shared by all workers.
pub struct Networks {
    detector: AttackDetector,
    used: [(String, String); 2],
}

/// What is known of one selfie's presentation.
#[derive(Clone, Copy, Debug)]
pub enum Presentation {
    /// The networks looked at the face.
    Scored(Scores),
    /// They had no face to look at.
    NoFace,
    /// There are none.
    Unchecked(Unchecked),
}

impl Detection {
    /// Loads the networks from the store onto `device`, where they are installed.
    ///
    /// # Errors
    /// When one of them is damaged, or is not what it should be.
    pub fn load(store: &ModelStore, device: &Device, otherwise: Unchecked) -> Result<Self, VisionError> {
        let mut weights = Vec::new();
        for model in Model::OPTIONAL {
            match store.weights(model, device) {
                Ok(found) => weights.push(found),
                Err(ModelError::Absent(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let [v2, v1se] = weights.as_slice() else {
            return Ok(Self::NotInstalled(otherwise));
        };
        let used = [v2, v1se].map(|weights| (weights.model().to_owned(), weights.source_sha256().to_owned()));
        Ok(Self::Installed(Box::new(Networks {
            detector: AttackDetector::new(v2, v1se, device)?,
            used,
        })))
    }

    /// Name and SHA-256 of the networks; none where they are not installed.
    #[must_use]
    pub fn models(&self) -> &[(String, String)] {
        match self {
            Self::Installed(networks) => &networks.used,
            Self::NotInstalled(_) => &[],
        }
    }

    /// The networks' detector, where it is installed.
    pub(crate) fn detector(&self) -> Option<&AttackDetector> {
        match self {
            Self::Installed(networks) => Some(&networks.detector),
            Self::NotInstalled(_) => None,
        }
    }

    /// What is known of a selfie with these scores; it has none where there was no face.
    pub(crate) fn of(&self, scores: Option<Scores>) -> Presentation {
        match (self, scores) {
            (Self::NotInstalled(unchecked), _) => Presentation::Unchecked(*unchecked),
            (Self::Installed(_), Some(scores)) => Presentation::Scored(scores),
            (Self::Installed(_), None) => Presentation::NoFace,
        }
    }

    /// What the report says in numbers.
    pub(crate) fn insights(&self, presentation: Presentation) -> Option<PresentationAttackDetection> {
        let Presentation::Scored(scores) = presentation else {
            return None;
        };
        Some(PresentationAttackDetection {
            score: scores.mean(),
            threshold: THRESHOLD,
            models: self.models().iter().map(|(name, _)| name.clone()).collect(),
        })
    }
}

impl Presentation {
    /// Whether it was classified as an attack; none where the networks did not look.
    #[must_use]
    pub fn is_attack(&self) -> Option<bool> {
        match self {
            Self::Scored(scores) => Some(scores.mean() < THRESHOLD),
            Self::NoFace | Self::Unchecked(_) => None,
        }
    }

    /// Evaluates the test.
    pub(crate) fn evaluate(&self, evaluation: &mut Evaluation) {
        match self {
            Self::Scored(scores) if scores.mean() < THRESHOLD => evaluation.failed(
                TEST,
                format!("score {:.3} is below the threshold {THRESHOLD}", scores.mean()),
                VerificationErrorCode::SelfieManipulated,
                "The selfie looks like a picture of a screen or of a print. Please take it of yourself, in even light, with nothing \
                 before your face.",
            ),
            Self::Scored(_) => evaluation.passed(TEST),
            Self::NoFace => evaluation.not_available(TEST, "there was no face to look at"),
            Self::Unchecked(Unchecked::Pass) => {
                // Said out loud in every report, so that nobody takes a match for proof of a living person.
                evaluation.not_available(TEST, "no presentation attack detection model is installed");
            }
            Self::Unchecked(Unchecked::Refused) => evaluation.failed(
                TEST,
                "no presentation attack detection model is installed, and it is required".to_owned(),
                VerificationErrorCode::SelfieUnverifiedOther,
                "Selfies cannot be checked here at present. Please turn to whoever asked you for it.",
            ),
        }
    }
}
