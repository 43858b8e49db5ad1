//! What the face of a selfie must be like before it is compared: one table of measures, limits and sentences.
//!
//! Limits were chosen on the tuning half of the shared photographs; what they refuse of the other half is in the README.

use crate::rules::Subject;

/// A measure of a selfie's face, the limit that it must keep, and what the person is to do where it does not.
pub(crate) struct Requirement {
    /// Name of the test in reports, after the component of ISO/IEC 29794-5.
    pub(crate) test: &'static str,
    /// What is measured, in words.
    measure: &'static str,
    of: fn(&Subject) -> f64,
    limit: Limit,
    pub(crate) sentence: &'static str,
}

enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

impl Requirement {
    /// Why a face does not keep to it; none where it does.
    pub(crate) fn missed(&self, subject: &Subject) -> Option<String> {
        let value = (self.of)(subject);
        let (kept, limit, words) = match self.limit {
            Limit::AtLeast(limit) => (value >= limit, limit, "at least"),
            Limit::AtMost(limit) => (value <= limit, limit, "at most"),
        };
        // What is not a number keeps to nothing.
        (!kept).then(|| format!("{} is {value:.3}; {words} {limit} is needed", self.measure))
    }
}

/// All of them, in the order in which they are told: first what makes others fail, too.
pub(crate) const REQUIREMENTS: [Requirement; 9] = [
    Requirement {
        test: "selfie_face_cropping",
        measure: "the share of the face beyond the border of the picture",
        of: |subject| subject.quality.cropped,
        limit: Limit::AtMost(0.05),
        sentence: "Your face is cut off. Please hold the camera so that all of it is in the picture.",
    },
    Requirement {
        test: "selfie_under_exposure",
        measure: "the share of the face that is black",
        of: |subject| subject.quality.under_exposure,
        limit: Limit::AtMost(0.6),
        sentence: "Your face is too dark. Please turn to a window or a lamp.",
    },
    Requirement {
        test: "selfie_over_exposure",
        measure: "the share of the face that is white",
        of: |subject| subject.quality.over_exposure,
        limit: Limit::AtMost(0.15),
        sentence: "Your face is too bright. Please turn away from the sun or the lamp.",
    },
    Requirement {
        test: "selfie_head_yaw",
        measure: "the turn of the head in degrees, to either side,",
        of: |subject| subject.quality.yaw.abs(),
        limit: Limit::AtMost(50.0),
        sentence: "Your head is turned away. Please look straight into the camera.",
    },
    Requirement {
        test: "selfie_head_pitch",
        measure: "the nod of the head in degrees, up or down,",
        of: |subject| subject.quality.pitch.abs(),
        limit: Limit::AtMost(35.0),
        sentence: "Your head is bent up or down. Please hold the camera at the height of your eyes and look into it.",
    },
    Requirement {
        test: "selfie_eyes_visible",
        measure: "what is seen of the eyes",
        of: |subject| subject.visibility.eyes,
        limit: Limit::AtLeast(0.028),
        sentence: "Your eyes are covered. Please take off dark glasses and whatever else is before your eyes.",
    },
    Requirement {
        test: "selfie_mouth_visible",
        measure: "what is seen of the mouth",
        of: |subject| subject.visibility.mouth,
        limit: Limit::AtLeast(0.0027),
        sentence: "Your mouth is covered. Please take off a mask and take away whatever else is before your face.",
    },
    Requirement {
        test: "selfie_dynamic_range",
        measure: "the entropy of the face's grey levels in bits",
        of: |subject| subject.quality.dynamic_range,
        limit: Limit::AtLeast(5.4),
        sentence: "Your face can hardly be seen in this light. Please take the picture in even, bright light.",
    },
    Requirement {
        test: "selfie_sharpness",
        measure: "the variance of the face's Laplacian",
        of: |subject| subject.quality.sharpness,
        limit: Limit::AtLeast(10.0),
        sentence: "The selfie is blurred. Please hold the camera still and clean its lens.",
    },
];
