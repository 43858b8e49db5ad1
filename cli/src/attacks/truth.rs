//! What each picture of a set is: one JSON object a line.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::specimen::dice::Dice;

/// One selfie beside one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Presentation {
    /// File name of the selfie.
    pub image: String,
    /// File name of the picture of the document, or of the photograph that a document shows.
    pub reference: String,
    /// Who is on both.
    pub identity: String,
    /// How the selfie is the reference's photograph in disguise, or an unfit one; none where it is bona fide: a photograph of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attack: Option<Kind>,
    /// What was done, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Kind>,
}

/// Half of the people of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Half {
    /// Thresholds may be chosen by them.
    Tuning,
    /// They are for measuring alone.
    Measuring,
}

impl Half {
    /// In which half a person is. It follows from the name, so that all sets agree.
    #[must_use]
    pub fn of(identity: &str) -> Half {
        if Dice::of(identity).chance(0.5) {
            Half::Tuning
        } else {
            Half::Measuring
        }
    }
}
