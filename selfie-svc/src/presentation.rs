//! Presentation attack detection of the selfie (ISO/IEC 30107-3): the networks, where they are installed, and what follows from what
//! they say.
//!
//! Both limits were measured on the photographs of the evaluation set that the README names, which are small and show less around the
//! face than the networks were trained to see, and on simulated screens and prints of them. No real attack is among them.

use candle_core::Device;
use proto::identity::v1::{PresentationAttackDetection, VerificationErrorCode};
use vision::VisionError;
use vision::face::presentation::{AttackDetector, Scores};
use vision::models::{Model, ModelError, ModelStore};

use crate::rules::Evaluation;

/// Score below which a presentation is taken for an attack and refused. Below it lie 1 % of the photographs of half of the people; of
/// the other half's 0.65 %, 49 % of the simulated screens and 16 % of the simulated prints.
pub const THRESHOLD: f64 = 0.0101;

/// Score below which the report warns: both attacks of the networks' authors lie there, but so do 9.6 % of the photographs, too many to
/// refuse.
pub const WARNING_THRESHOLD: f64 = 0.5;

/// The test's name in reports.
pub const TEST: &str = "presentation_attack_detection";

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
            warning_threshold: WARNING_THRESHOLD,
            models: self.models().iter().map(|(name, _)| name.clone()).collect(),
        })
    }
}

/// What a score is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    BonaFide,
    /// Perhaps an attack: told, and left to whoever reads the report.
    Suspicious,
    Attack,
}

impl Verdict {
    fn of(score: f64) -> Self {
        // What is not a number is no score of a living person.
        if score >= WARNING_THRESHOLD {
            Self::BonaFide
        } else if score >= THRESHOLD {
            Self::Suspicious
        } else {
            Self::Attack
        }
    }
}

impl Presentation {
    /// Whether it was classified as an attack; none where the networks did not look.
    #[must_use]
    pub fn is_attack(&self) -> Option<bool> {
        match self {
            Self::Scored(scores) => Some(Verdict::of(scores.mean()) == Verdict::Attack),
            Self::NoFace | Self::Unchecked(_) => None,
        }
    }

    /// Whether there are no networks to tell.
    pub(crate) fn is_unchecked(&self) -> bool {
        matches!(self, Self::Unchecked(_))
    }

    /// Evaluates the test.
    pub(crate) fn evaluate(&self, evaluation: &mut Evaluation) {
        match self {
            Self::Scored(scores) => evaluate(scores.mean(), evaluation),
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

fn evaluate(score: f64, evaluation: &mut Evaluation) {
    match Verdict::of(score) {
        Verdict::BonaFide => evaluation.passed(TEST),
        Verdict::Suspicious => evaluation.warned(
            TEST,
            format!(
                "score {score:.3} is below {WARNING_THRESHOLD}, a warning; it refuses below {THRESHOLD}"
            ),
        ),
        Verdict::Attack => evaluation.failed(
            TEST,
            format!("score {score:.3} is below the threshold {THRESHOLD}"),
            VerificationErrorCode::SelfieManipulated,
            "The selfie looks like a picture of a screen or of a print. Please take a new picture of yourself, in even light, with \
             your whole head in it.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use proto::identity::v1::check_detail::Outcome;

    use super::*;

    fn evaluated(presentation: Presentation) -> (Outcome, Option<VerificationErrorCode>) {
        let mut evaluation = Evaluation::default();
        presentation.evaluate(&mut evaluation);
        let [test] = evaluation.checks.as_slice() else {
            panic!("one test")
        };
        assert_eq!(test.name, "presentation_attack_detection");
        (test.outcome(), evaluation.failure.map(|(code, _)| code))
    }

    #[test]
    fn the_mean_of_both_networks_decides() {
        let scored = |v2, v1se| Presentation::Scored(Scores { v2, v1se });
        let manipulated = Some(VerificationErrorCode::SelfieManipulated);
        for (presentation, outcome, failure) in [
            (scored(0.9, 0.1), Outcome::Passed, None),
            (scored(0.5, 0.4), Outcome::Failed, None),
            (scored(0.0, 2.0 * THRESHOLD), Outcome::Failed, None),
            (scored(0.01, 0.01), Outcome::Failed, manipulated),
            (scored(f64::NAN, 0.9), Outcome::Failed, manipulated),
        ] {
            assert_eq!(evaluated(presentation), (outcome, failure), "{presentation:?}");
            assert_eq!(presentation.is_attack(), Some(failure.is_some()), "{presentation:?}");
        }
    }

    #[test]
    fn without_networks_no_living_person_is_claimed() {
        let unchecked = |unchecked| evaluated(Presentation::Unchecked(unchecked));
        assert_eq!(unchecked(Unchecked::Pass), (Outcome::NotAvailable, None));
        let other = Some(VerificationErrorCode::SelfieUnverifiedOther);
        assert_eq!(unchecked(Unchecked::Refused), (Outcome::Failed, other));
        assert_eq!(evaluated(Presentation::NoFace), (Outcome::NotAvailable, None));
    }
}
