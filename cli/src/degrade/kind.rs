//! The kinds of degradation.

use serde::{Deserialize, Serialize};

/// A kind of degradation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// A lamp's reflection washes characters out.
    Glare,
    /// A finger lies over characters.
    Finger,
    /// Correction fluid or a sticker covers characters.
    WhiteOut,
    /// A smear blurs a few characters.
    LocalBlur,
    /// Thin lines cross characters.
    Scratch,
    /// The picture ends before the zone does.
    Cut,
    /// Half of the height of a line is covered.
    HalfHeight,
    /// The page is turned in the picture.
    Rotation,
    /// The picture lies on its side or upside down.
    Turn,
    /// The camera looks at the page aslant.
    Perspective,
    /// The page lies on a table.
    Table,
    /// A shadow falls on a part of the picture.
    Shadow,
    /// Black is grey and white is, too.
    LowContrast,
    /// Out of focus.
    Defocus,
    /// The camera moved.
    MotionBlur,
    /// Noise of the sensor.
    Noise,
    /// Compression.
    Jpeg,
    /// Fewer pixels.
    Scale,
    /// A screen shows the page.
    Screen,
    /// A copy without colour.
    GreyCopy,
    /// A copy from a printer.
    PrintedCopy,
    /// Another document lies beside it.
    TwoDocuments,
    /// A part of the page is outside of the picture.
    CutOff,
}

impl Kind {
    /// What may lie over a few characters of the zone.
    pub const COVERS: [Kind; 7] = [
        Kind::Glare,
        Kind::Finger,
        Kind::WhiteOut,
        Kind::LocalBlur,
        Kind::Scratch,
        Kind::Cut,
        Kind::HalfHeight,
    ];

    /// What light, lens, sensor and file do.
    pub(crate) const OPTICS: [Kind; 7] = [
        Kind::Shadow,
        Kind::LowContrast,
        Kind::Defocus,
        Kind::MotionBlur,
        Kind::Noise,
        Kind::Jpeg,
        Kind::Scale,
    ];

    /// What is no picture of one whole document.
    pub(crate) const NOT_BONA_FIDE: [Kind; 5] = [
        Kind::Screen,
        Kind::GreyCopy,
        Kind::PrintedCopy,
        Kind::TwoDocuments,
        Kind::CutOff,
    ];

    pub(crate) fn is_cover(self) -> bool {
        Kind::COVERS.contains(&self)
    }
}
