//! What the face of a selfie must be like before it is compared: one table of measures, limits and sentences.
//!
//! Limits were chosen on the tuning half of the shared photographs; what they refuse of the other half is in the README.

use vision::face::quality::Quality;
use vision::face::visibility::Visibility;

/// A measure of a selfie's face, the limit that it must keep, and what the person is to do where it does not.
pub(crate) struct Requirement<Measures> {
    /// Name of the test in reports, after the component of ISO/IEC 29794-5.
    pub(crate) test: &'static str,
    /// What is measured, in words.
    measure: &'static str,
    of: fn(&Measures) -> f64,
    limit: Limit,
    pub(crate) sentence: &'static str,
}

enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

impl<Measures> Requirement<Measures> {
    /// Why a face does not keep to it; none where it does.
    pub(crate) fn missed(&self, measures: &Measures) -> Option<String> {
        let value = (self.of)(measures);
        let (kept, limit, words) = match self.limit {
            Limit::AtLeast(limit) => (value >= limit, limit, "at least"),
            Limit::AtMost(limit) => (value <= limit, limit, "at most"),
        };
        // What is not a number keeps to nothing.
        (!kept).then(|| format!("{} is {value:.3}; {words} {limit} is needed", self.measure))
    }
}

/// Whether a picture is so good that it tells what covers a face.
pub(crate) fn are_met(quality: &Quality) -> bool {
    QUALITY.iter().all(|requirement| requirement.missed(quality).is_none())
}

/// What the picture must be like, in the order in which it is told: first what makes others fail, too.
pub(crate) const QUALITY: [Requirement<Quality>; 5] = [
    Requirement {
        test: "selfie_face_cropping",
        measure: "the share of the face beyond the border of the picture",
        of: |quality| quality.cropped,
        limit: Limit::AtMost(0.05),
        sentence: "Your face is cut off. Please hold the camera so that all of it is in the picture.",
    },
    Requirement {
        test: "selfie_under_exposure",
        measure: "the share of the face that is black",
        of: |quality| quality.under_exposure,
        limit: Limit::AtMost(0.6),
        sentence: "Your face is too dark. Please turn to a window or a lamp.",
    },
    Requirement {
        test: "selfie_over_exposure",
        measure: "the share of the face that is white",
        of: |quality| quality.over_exposure,
        limit: Limit::AtMost(0.15),
        sentence: "Your face is too bright. Please turn away from the sun or the lamp.",
    },
    Requirement {
        test: "selfie_head_yaw",
        measure: "the turn of the head in degrees, to either side,",
        of: |quality| quality.yaw.abs(),
        limit: Limit::AtMost(50.0),
        sentence: "Your head is turned away. Please look straight into the camera.",
    },
    Requirement {
        test: "selfie_head_pitch",
        measure: "the nod of the head in degrees, up or down,",
        of: |quality| quality.pitch.abs(),
        limit: Limit::AtMost(35.0),
        sentence: "Your head is bent up or down. Please hold the camera at the height of your eyes and look into it.",
    },
];

/// What must be seen of a face in a good picture.
pub(crate) const VISIBILITY: [Requirement<Visibility>; 4] = [
    Requirement {
        test: "selfie_eyes_visible",
        measure: "what is seen of the eyes",
        of: |visibility| visibility.eyes,
        limit: Limit::AtLeast(0.025),
        sentence: "Your eyes cannot be seen. Please take off glasses, and take away whatever else is before your eyes.",
    },
    Requirement {
        test: "selfie_each_eye_visible",
        measure: "what is seen of the eye of which less is seen",
        of: |visibility| visibility.lesser_eye,
        limit: Limit::AtLeast(0.005),
        sentence: "One of your eyes cannot be seen. Please look straight into the camera, with nothing before your face.",
    },
    Requirement {
        test: "selfie_mouth_visible",
        measure: "what is seen of the mouth",
        of: |visibility| visibility.mouth,
        limit: Limit::AtLeast(0.0027),
        sentence: "Your mouth is covered. Please take off a mask and take away whatever else is before your face.",
    },
    Requirement {
        test: "selfie_nose_visible",
        measure: "what is seen of the nose",
        of: |visibility| visibility.nose,
        limit: Limit::AtLeast(0.01),
        sentence: "Your nose is covered. Please take away whatever is before your face.",
    },
];

/// What else the picture must be like. It is told last: whatever covers a face may be dull.
pub(crate) const DETAIL: [Requirement<Quality>; 2] = [
    Requirement {
        test: "selfie_dynamic_range",
        measure: "the entropy of the face's grey levels in bits",
        of: |quality| quality.dynamic_range,
        limit: Limit::AtLeast(4.5),
        sentence: "Your face can hardly be seen in this light. Please take the picture in even, bright light.",
    },
    Requirement {
        test: "selfie_sharpness",
        measure: "the variance of the face's Laplacian over that of its grey levels",
        of: |quality| quality.sharpness / quality.contrast.powi(2),
        limit: Limit::AtLeast(0.007),
        sentence: "The selfie is blurred. Please hold the camera still and clean its lens.",
    },
];
