//! What is wrong with a selfie: a picture that exists already, in disguise, or a face that cannot be seen, or not alone.

use serde::{Deserialize, Serialize};

/// Up to [`Kind::Combined`] disguises of the reference's own photograph, of such strengths that the face is still found, and mostly
/// still the same person's, in most pictures; after it what makes another photograph of the person unfit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// Left and right exchanged.
    Mirrored,
    /// Only the face and a little around it.
    Cropped,
    /// Turned in the picture's plane.
    Turned,
    /// Fewer pixels, or fewer and then as many again.
    Rescaled,
    /// Wider or narrower.
    Stretched,
    /// Another gamma.
    Gamma,
    /// Other gains of red, green and blue.
    WhiteBalance,
    /// Without colour, with more contrast.
    Grey,
    /// A curve with more contrast in the middle, or with more at both ends instead.
    Curve,
    /// A shadow over a part.
    Shadow,
    /// Noise of a sensor.
    Noise,
    /// Out of focus.
    Blur,
    /// Blurred along a line.
    MotionBlur,
    /// Compressed strongly.
    Jpeg,
    /// Stripes, a grid or a checkerboard over all of it.
    Pattern,
    /// Lines of text over the face.
    Text,
    /// Something opaque over a part of the face.
    Sticker,
    /// Seen aslant.
    Perspective,
    /// Mirrored and seen aslant.
    MirroredPerspective,
    /// Seen through a lens that bends lines.
    Lens,
    /// Shown by a screen.
    Screen,
    /// Printed in dots of four inks.
    Printed,
    /// In a frame.
    Frame,
    /// Head and neck before another background.
    CutOut,
    /// Three or four of the above.
    Combined,
    /// In hardly any light.
    UnderExposed,
    /// In far too much light.
    OverExposed,
    /// A mask over nose, mouth and chin.
    Mask,
    /// Dark glasses before the eyes.
    DarkGlasses,
    /// Fingers over the mouth.
    Hand,
    /// Something over one eye.
    EyePatch,
    /// Something over the left or the right half of the face.
    HalfCovered,
    /// A quarter to a half of the face is beyond the border of the picture.
    CutOff,
    /// Somebody else beside the person.
    SecondPerson,
    /// A card with somebody else's photo beside, above or below the face.
    HeldPortrait,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 35] = [
        Kind::Mirrored,
        Kind::Cropped,
        Kind::Turned,
        Kind::Rescaled,
        Kind::Stretched,
        Kind::Gamma,
        Kind::WhiteBalance,
        Kind::Grey,
        Kind::Curve,
        Kind::Shadow,
        Kind::Noise,
        Kind::Blur,
        Kind::MotionBlur,
        Kind::Jpeg,
        Kind::Pattern,
        Kind::Text,
        Kind::Sticker,
        Kind::Perspective,
        Kind::MirroredPerspective,
        Kind::Lens,
        Kind::Screen,
        Kind::Printed,
        Kind::Frame,
        Kind::CutOut,
        Kind::Combined,
        Kind::UnderExposed,
        Kind::OverExposed,
        Kind::Mask,
        Kind::DarkGlasses,
        Kind::Hand,
        Kind::EyePatch,
        Kind::HalfCovered,
        Kind::CutOff,
        Kind::SecondPerson,
        Kind::HeldPortrait,
    ];

    /// Whether it is the photograph of the reference again; otherwise it is another one of the same person.
    #[must_use]
    pub fn is_a_copy(self) -> bool {
        self.refused_by() == [COPY]
    }

    /// The tests of a report that are there to refuse it.
    #[must_use]
    pub fn refused_by(self) -> &'static [&'static str] {
        match self {
            Kind::Mirrored
            | Kind::Cropped
            | Kind::Turned
            | Kind::Rescaled
            | Kind::Stretched
            | Kind::Gamma
            | Kind::WhiteBalance
            | Kind::Grey
            | Kind::Curve
            | Kind::Shadow
            | Kind::Noise
            | Kind::Blur
            | Kind::MotionBlur
            | Kind::Jpeg
            | Kind::Pattern
            | Kind::Text
            | Kind::Sticker
            | Kind::Perspective
            | Kind::MirroredPerspective
            | Kind::Lens
            | Kind::Screen
            | Kind::Printed
            | Kind::Frame
            | Kind::CutOut
            | Kind::Combined => &[COPY],
            Kind::UnderExposed | Kind::OverExposed => {
                &["selfie_under_exposure", "selfie_over_exposure", "selfie_dynamic_range"]
            }
            Kind::Mask | Kind::Hand => &["selfie_mouth_visible"],
            Kind::DarkGlasses => &["selfie_eyes_visible", "selfie_each_eye_visible"],
            Kind::EyePatch | Kind::HalfCovered => &["selfie_each_eye_visible"],
            Kind::CutOff => &["selfie_face_cropping"],
            Kind::SecondPerson | Kind::HeldPortrait => &["selfie_single_person"],
        }
    }
}

/// The test that looks for the document's own photograph.
const COPY: &str = "selfie_is_a_picture_of_its_own";
