//! From two faces to the outcome of the selfie check. Pure: no picture, no network, no clock.

use proto::identity::v1::check_detail::Outcome;
use proto::identity::v1::{CheckDetail, VerificationErrorCode};
use vision::face::quality::Quality;
use vision::face::visibility::Visibility;
use vision::picture::DecodeError;

use crate::calibration::OperatingPoint;
use crate::presentation::Presentation;
use crate::requirements::{DETAIL, QUALITY, Requirement, VISIBILITY};

/// Smallest distance between the eyes, in pixels, at which a face is compared. SFace looks at a crop in which the eyes are
/// 35 pixels apart; from a third of that there is too little left to tell people apart.
pub const MIN_INTER_EYE_DISTANCE: f64 = 12.0;

/// Another face is in the background when it is smaller than this share of the first in length, and neither beside the person nor held
/// before them. At an arm's length from the camera that is somebody two metres or more behind.
pub const BACKGROUND: f64 = 0.25;

/// Smaller ones than this share are not looked at: nobody is verified by them, and what looks like a face to the detector is mostly
/// a pattern.
pub const SPECK: f64 = 0.08;

/// Agreement of two close-ups from which they are one photograph, whatever was done to it since. Chosen on half of the people of the
/// evaluation set, of whose 1,937 pairs of different photographs three lie above (0.29 to 0.30, taken moments apart) and all others
/// below 0.19; what it does for the other half is in the README.
pub const ONE_EXPOSURE: f64 = 0.2;

/// What was found in one picture: its face as measured, where it has one.
#[derive(Clone, Debug)]
pub enum Observation<'a, Face> {
    /// The picture could not be decoded.
    Unreadable(&'a DecodeError),
    /// No face.
    NoFace,
    /// A face.
    Face(Face),
}

/// What the evaluation needs to know of a document's portrait.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// Pixels of the submitted picture.
    pub inter_eye_distance: f64,
}

/// What the evaluation needs to know of the face in a selfie.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Pixels of the submitted picture.
    pub inter_eye_distance: f64,
    /// How well it can be seen.
    pub quality: Quality,
    /// Whether something covers it; none where that was not looked at, for it is refused anyway.
    pub visibility: Option<Visibility>,
    /// Who else is there.
    pub others: Vec<OtherFace>,
}

/// Another face of a selfie.
#[derive(Clone, Copy, Debug)]
pub struct OtherFace {
    /// Its length over that of the first: the square root of how their boxes' areas compare.
    pub size: f64,
    /// Whether its middle is within the first face's width and height of it, or lower than its mouth, as that of a picture that is held
    /// up.
    pub is_near: bool,
}

impl OtherFace {
    fn is_background(&self) -> bool {
        self.size < SPECK || self.size < BACKGROUND && !self.is_near
    }
}

/// How alike two faces are.
#[derive(Clone, Copy, Debug)]
pub struct Likeness {
    /// Cosine of the angle between the embeddings, -1 to 1.
    pub similarity: f64,
    /// How far they are one exposure, 0 to 1 (see [`vision::face::exposure`]).
    pub agreement: f64,
}

impl Likeness {
    /// Whether both are one photograph.
    #[must_use]
    pub fn is_of_one_exposure(&self) -> bool {
        self.agreement >= ONE_EXPOSURE
    }
}

/// The outcome and every test that led to it.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// The first failure, which names the check's error; `None` when the check passed.
    pub failure: Option<(VerificationErrorCode, &'static str)>,
    /// Every test, in order.
    pub checks: Vec<CheckDetail>,
}

impl Evaluation {
    /// Whether the document has a portrait to compare with. It is evaluated first: without one, no other failure names the error.
    pub fn has_portrait(&self) -> bool {
        !matches!(
            self.failure,
            Some((VerificationErrorCode::SelfieDocumentMissingPhoto, _))
        )
    }

    pub(crate) fn passed(&mut self, name: &str) {
        self.checks.push(detail(name, Outcome::Passed, String::new()));
    }

    pub(crate) fn failed(&mut self, name: &str, why: String, code: VerificationErrorCode, sentence: &'static str) {
        self.checks.push(detail(name, Outcome::Failed, why));
        self.failure.get_or_insert((code, sentence));
    }

    /// A failure that decides nothing.
    pub(crate) fn warned(&mut self, name: &str, why: String) {
        self.checks.push(detail(name, Outcome::Failed, why));
    }

    pub(crate) fn not_available(&mut self, name: &str, why: &str) {
        self.checks.push(detail(name, Outcome::NotAvailable, why.to_owned()));
    }

    /// Evaluates whether one picture has a face that can be compared. Answers it where it has.
    fn face<'o, Face>(
        &mut self,
        seen: &'o Observation<'_, Face>,
        inter_eye_distance: impl Fn(&Face) -> f64,
        picture: &PictureOfAFace,
    ) -> Option<&'o Face> {
        let (why, sentence) = match seen {
            Observation::Unreadable(error) => (error.to_string(), picture.unreadable),
            Observation::NoFace => (picture.without_face.to_owned(), picture.no_face),
            Observation::Face(face) if inter_eye_distance(face) < MIN_INTER_EYE_DISTANCE => {
                (too_small(inter_eye_distance(face)), picture.too_small)
            }
            Observation::Face(face) => {
                self.passed(picture.test);
                return Some(face);
            }
        };
        self.failed(picture.test, why, picture.error, sentence);
        None
    }

    /// Evaluates whether the face of a selfie is fit for comparison: alone, and well seen.
    fn fitness(&mut self, subject: &Subject) -> bool {
        let company = subject.others.iter().filter(|other| !other.is_background());
        let largest = company.map(|other| other.size).max_by(f64::total_cmp);
        match largest {
            Some(size) => self.failed(
                "selfie_single_person",
                format!("another face is {:.0} % as large as the first in length", 100.0 * size),
                SELFIE.error,
                "The selfie shows another face, too. Please take it alone, with no picture of a face in your hand.",
            ),
            None => self.passed("selfie_single_person"),
        }
        let is_good = self.keeps_to(&QUALITY, &subject.quality);
        let is_seen = match &subject.visibility {
            Some(visibility) => self.keeps_to(&VISIBILITY, visibility),
            None => {
                for requirement in &VISIBILITY {
                    self.not_available(
                        requirement.test,
                        "it was not looked at, as the selfie is refused anyway",
                    );
                }
                false
            }
        };
        let is_detailed = self.keeps_to(&DETAIL, &subject.quality);
        largest.is_none() && is_good && is_seen && is_detailed
    }

    /// Evaluates every requirement of a table.
    fn keeps_to<Measures>(&mut self, requirements: &[Requirement<Measures>], measures: &Measures) -> bool {
        let mut keeps = true;
        for requirement in requirements {
            match requirement.missed(measures) {
                Some(why) => {
                    keeps = false;
                    self.failed(requirement.test, why, SELFIE.error, requirement.sentence);
                }
                None => self.passed(requirement.test),
            }
        }
        keeps
    }

    /// Evaluates whether the selfie is the document's photograph again.
    fn copy(&mut self, likeness: Likeness) {
        const TEST: &str = "selfie_is_a_picture_of_its_own";
        if likeness.is_of_one_exposure() {
            self.failed(
                TEST,
                format!(
                    "agreement {:.3} with the document's photo is that of the same photograph: at least {ONE_EXPOSURE}",
                    likeness.agreement
                ),
                VerificationErrorCode::SelfieManipulated,
                "The selfie is a copy of the document's photo. Please take a new picture of yourself.",
            );
        } else {
            self.passed(TEST);
        }
    }
}

/// How a picture without a face that can be compared is answered.
struct PictureOfAFace {
    test: &'static str,
    error: VerificationErrorCode,
    /// What was found, in the test's words.
    without_face: &'static str,
    /// What the person is to do: the picture was not opened, shows no face, or one that is too small.
    unreadable: &'static str,
    no_face: &'static str,
    too_small: &'static str,
}

const DOCUMENT: PictureOfAFace = PictureOfAFace {
    test: "document_portrait",
    error: VerificationErrorCode::SelfieDocumentMissingPhoto,
    without_face: "no face was found in the pictures of the document",
    unreadable: "The picture of the document could not be opened. Please take it again.",
    no_face: "No portrait was found on the document. Please show the side with the photo, in even light.",
    too_small: "The portrait on the document is too small. Please take the picture from nearer.",
};

const SELFIE: PictureOfAFace = PictureOfAFace {
    test: "selfie_face",
    error: VerificationErrorCode::SelfieUnverifiedOther,
    without_face: "no face was found in the selfie",
    unreadable: "The selfie could not be opened. Please take it again.",
    no_face: "No face was found in the selfie. Please look into the camera, in even light.",
    too_small: "The face in the selfie is too small. Please come nearer to the camera.",
};

fn detail(name: &str, outcome: Outcome, reason: String) -> CheckDetail {
    CheckDetail {
        name: name.to_owned(),
        outcome: outcome.into(),
        reason,
    }
}

/// Evaluates what was seen. `likeness` is `Some` exactly when both observations are faces.
pub fn evaluate(
    document: &Observation<'_, Portrait>,
    selfie: &Observation<'_, Subject>,
    likeness: Option<Likeness>,
    presentation: Presentation,
    point: OperatingPoint,
) -> Evaluation {
    let mut evaluation = Evaluation::default();

    let portrait = evaluation.face(document, |portrait| portrait.inter_eye_distance, &DOCUMENT);
    // Where selfies are refused for want of a detector nothing that the person does helps: that is told before all that would.
    if presentation.is_unchecked() {
        presentation.evaluate(&mut evaluation);
    }
    let subject = evaluation.face(selfie, |subject| subject.inter_eye_distance, &SELFIE);
    // A copy comes before what hides that it is one.
    match likeness {
        Some(likeness) => evaluation.copy(likeness),
        None => evaluation.not_available("selfie_is_a_picture_of_its_own", NO_TWO_FACES),
    }
    let is_fit = subject.is_some_and(|subject| evaluation.fitness(subject));
    match likeness {
        Some(_) if !is_fit => {
            evaluation.not_available(
                "face_match",
                "the face in the selfie is not fit for it: its similarity decides nothing",
            );
        }
        Some(likeness) if likeness.similarity < point.threshold => evaluation.failed(
            "face_match",
            format!(
                "similarity {:.3} is below the threshold {:.3}",
                likeness.similarity, point.threshold
            ),
            VerificationErrorCode::SelfieFaceMismatch,
            "The face in the selfie does not match the photo on the document.",
        ),
        Some(_) => evaluation.passed("face_match"),
        // Nothing is verified that was not compared.
        None if portrait.is_some() && subject.is_some() => evaluation.failed(
            "face_match",
            "the faces were not compared".to_owned(),
            SELFIE.error,
            "The selfie could not be compared. Please take it again.",
        ),
        None => evaluation.not_available("face_match", NO_TWO_FACES),
    }
    if !presentation.is_unchecked() {
        presentation.evaluate(&mut evaluation);
    }
    evaluation
}

/// Why two tests have no result.
const NO_TWO_FACES: &str = "there were not two faces to compare";

fn too_small(inter_eye_distance: f64) -> String {
    format!("the eyes are {inter_eye_distance:.0} pixels apart; at least {MIN_INTER_EYE_DISTANCE:.0} are needed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presentation::Unchecked;
    use VerificationErrorCode::*;

    const POINT: OperatingPoint = OperatingPoint {
        threshold: 0.4,
        false_match_rate: 1e-4,
    };
    const DOCUMENT: Observation<'static, Portrait> = Observation::Face(Portrait {
        inter_eye_distance: 60.0,
    });

    /// A face that keeps to everything, once `change` was made to it.
    fn selfie(change: impl FnOnce(&mut Subject)) -> Observation<'static, Subject> {
        let mut subject = Subject {
            inter_eye_distance: 60.0,
            quality: Quality {
                sharpness: 200.0,
                brightness: 120.0,
                contrast: 40.0,
                dynamic_range: 7.0,
                under_exposure: 0.01,
                over_exposure: 0.0,
                illumination_uniformity: 0.6,
                cropped: 0.0,
                yaw: 5.0,
                pitch: -5.0,
                roll: 0.0,
            },
            visibility: Some(Visibility {
                eyes: 0.15,
                lesser_eye: 0.05,
                nose: 0.1,
                mouth: 0.02,
            }),
            others: Vec::new(),
        };
        change(&mut subject);
        Observation::Face(subject)
    }

    fn good() -> Observation<'static, Subject> {
        selfie(|_| {})
    }

    const UNCHECKED: Presentation = Presentation::Unchecked(Unchecked::Pass);

    fn alike(similarity: f64) -> Option<Likeness> {
        Some(Likeness {
            similarity,
            agreement: 0.1,
        })
    }

    fn code(
        document: &Observation<'_, Portrait>,
        selfie: &Observation<'_, Subject>,
        likeness: Option<Likeness>,
    ) -> Option<VerificationErrorCode> {
        evaluate(document, selfie, likeness, UNCHECKED, POINT)
            .failure
            .map(|(code, _)| code)
    }

    fn tiny_portrait() -> Observation<'static, Portrait> {
        Observation::Face(Portrait {
            inter_eye_distance: 5.0,
        })
    }

    #[test]
    fn each_cause_has_its_code() {
        let damaged = DecodeError::Truncated;
        let copy = Some(Likeness {
            similarity: 0.5,
            agreement: ONE_EXPOSURE,
        });
        for (document, selfie, likeness, expected) in [
            (DOCUMENT, good(), alike(0.4), None),
            (DOCUMENT, good(), alike(0.399), Some(SelfieFaceMismatch)),
            (DOCUMENT, good(), copy, Some(SelfieManipulated)),
            (
                DOCUMENT,
                selfie(|face| face.inter_eye_distance = 5.0),
                alike(0.7),
                Some(SelfieUnverifiedOther),
            ),
            (DOCUMENT, Observation::NoFace, None, Some(SelfieUnverifiedOther)),
            (
                DOCUMENT,
                Observation::Unreadable(&damaged),
                None,
                Some(SelfieUnverifiedOther),
            ),
            (tiny_portrait(), good(), alike(0.7), Some(SelfieDocumentMissingPhoto)),
            (Observation::NoFace, good(), None, Some(SelfieDocumentMissingPhoto)),
            (
                Observation::Unreadable(&damaged),
                good(),
                None,
                Some(SelfieDocumentMissingPhoto),
            ),
            // What is wrong with the document is told first.
            (
                Observation::NoFace,
                Observation::NoFace,
                None,
                Some(SelfieDocumentMissingPhoto),
            ),
        ] {
            assert_eq!(
                code(&document, &selfie, likeness),
                expected,
                "{document:?} {selfie:?} {likeness:?}"
            );
        }
    }

    #[test]
    fn other_faces_are_background_when_they_are_small_and_not_held_up() {
        for (size, is_near, refused) in [
            (1.1, false, true),
            (0.26, false, true),
            (0.24, false, false),
            // A document in the hand.
            (0.15, true, true),
            // A pattern on a shirt.
            (0.07, true, false),
        ] {
            let other = OtherFace { size, is_near };
            let selfie = selfie(|face| face.others = vec![other]);
            let expected = refused.then_some(SelfieUnverifiedOther);
            assert_eq!(code(&DOCUMENT, &selfie, alike(0.7)), expected, "{other:?}");
        }
    }

    fn seen(face: &mut Subject) -> &mut Visibility {
        face.visibility.as_mut().expect("it was looked at")
    }

    #[test]
    fn a_copy_is_told_as_one_however_unfit_it_is() {
        let copy = Some(Likeness {
            similarity: 0.9,
            agreement: ONE_EXPOSURE,
        });
        let covered = selfie(|face| seen(face).mouth = 0.0);
        assert_eq!(code(&DOCUMENT, &covered, copy), Some(SelfieManipulated));
    }

    #[test]
    fn nothing_is_verified_that_was_not_looked_at_or_compared() {
        let unseen = selfie(|face| face.visibility = None);
        let evaluation = evaluate(&DOCUMENT, &unseen, alike(0.9), UNCHECKED, POINT);
        let compared = evaluation.checks.iter().find(|check| check.name == "face_match");
        assert_eq!(compared.expect("always told").outcome(), Outcome::NotAvailable);
        assert_eq!(code(&DOCUMENT, &good(), None), Some(SelfieUnverifiedOther));
    }

    #[test]
    fn where_no_selfie_can_pass_that_is_told_before_what_a_person_could_mend() {
        let dark = selfie(|face| face.quality.under_exposure = 0.9);
        let refused = Presentation::Unchecked(Unchecked::Refused);
        let (_, sentence) = evaluate(&DOCUMENT, &dark, alike(0.9), refused, POINT)
            .failure
            .expect("refused");
        assert!(sentence.contains("cannot be checked here"), "{sentence}");
    }

    #[test]
    fn what_is_not_fit_is_refused_with_its_sentence_and_not_compared() {
        type Change = fn(&mut Subject);
        let unfit: [(&str, Change); 13] = [
            ("selfie_under_exposure", |face| face.quality.under_exposure = 0.9),
            ("selfie_over_exposure", |face| face.quality.over_exposure = 0.5),
            ("selfie_dynamic_range", |face| face.quality.dynamic_range = 3.0),
            ("selfie_sharpness", |face| face.quality.sharpness = 0.2),
            ("selfie_face_cropping", |face| face.quality.cropped = 0.3),
            ("selfie_head_yaw", |face| face.quality.yaw = -80.0),
            ("selfie_head_pitch", |face| face.quality.pitch = 70.0),
            ("selfie_eyes_visible", |face| seen(face).eyes = 0.0),
            ("selfie_each_eye_visible", |face| seen(face).lesser_eye = 0.0),
            ("selfie_nose_visible", |face| seen(face).nose = 0.0),
            ("selfie_mouth_visible", |face| seen(face).mouth = 0.0),
            ("selfie_eyes_visible", |face| seen(face).eyes = f64::NAN),
            ("selfie_single_person", |face| {
                face.others = vec![OtherFace {
                    size: 0.9,
                    is_near: false,
                }];
            }),
        ];
        for (test, change) in unfit {
            // The same person without doubt, and still not.
            let evaluation = evaluate(&DOCUMENT, &selfie(change), alike(0.9), UNCHECKED, POINT);
            let failed = |check: &&CheckDetail| check.outcome() == Outcome::Failed;
            let failed: Vec<&str> = evaluation
                .checks
                .iter()
                .filter(failed)
                .map(|check| check.name.as_str())
                .collect();
            assert_eq!(failed, [test]);
            assert_eq!(evaluation.failure.map(|(code, _)| code), Some(SelfieUnverifiedOther));
            let compared = evaluation.checks.iter().find(|check| check.name == "face_match");
            assert_eq!(compared.expect("always told").outcome(), Outcome::NotAvailable);
        }
    }

    #[test]
    fn a_portrait_is_there_when_its_test_passed() {
        for document in [
            DOCUMENT,
            tiny_portrait(),
            Observation::NoFace,
            Observation::Unreadable(&DecodeError::Truncated),
        ] {
            for selfie in [good(), Observation::NoFace] {
                let evaluation = evaluate(&document, &selfie, alike(0.1), UNCHECKED, POINT);
                let test = evaluation.checks.iter().find(|check| check.name == "document_portrait");
                let passed = test.expect("always told").outcome() == Outcome::Passed;
                assert_eq!(evaluation.has_portrait(), passed, "{document:?} {selfie:?}");
            }
        }
    }
}
