//! The ways in which a picture that exists already is disguised.

use serde::{Deserialize, Serialize};

/// A disguise. Strengths are such that the face is still found, and mostly still the same person's, in most pictures.
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
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 25] = [
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
    ];
}
