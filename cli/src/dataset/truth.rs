//! What stands on a document and what was done to its pictures: one JSON object a line.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::forge::Forgery;
use crate::degrade::{Covered, Degradation};
use crate::specimen::Format;

/// One document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Truth {
    /// File name of the picture, of the front where there are two.
    pub image: String,
    /// File name of the picture of the back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<String>,
    /// The lines of the zone as printed; none where there is no zone.
    #[serde(default)]
    pub mrz: Vec<String>,
    /// Whether the check digits of the zone as printed hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_digits_valid: Option<bool>,
    /// Size and kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Language of the holder's name (ISO 639-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What stands in each field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<Field, Value>,
    /// What was done to the pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degradations: Vec<Degradation>,
    /// The characters of the zone that are covered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<Covered>,
    /// How the document is no genuine one; none where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgery: Option<Forgery>,
}

/// A field of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Primary identifier.
    Surname,
    /// Secondary identifiers.
    GivenNames,
    /// Document number.
    Number,
    /// Code of the nationality.
    Nationality,
    /// Code of the issuing state.
    IssuingState,
    /// Date of birth.
    BirthDate,
    /// Sex.
    Sex,
    /// Last day of validity.
    ExpiryDate,
    /// Day of issue.
    IssueDate,
    /// Place of birth.
    BirthPlace,
}

impl Field {
    /// All fields.
    pub const ALL: [Field; 10] = [
        Field::Surname,
        Field::GivenNames,
        Field::Number,
        Field::Nationality,
        Field::IssuingState,
        Field::BirthDate,
        Field::Sex,
        Field::ExpiryDate,
        Field::IssueDate,
        Field::BirthPlace,
    ];
}

/// What stands in a field. On a forged document print and zone differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// As the holder writes it; dates as YYYY-MM-DD, with their century.
    pub value: String,
    /// As it is printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
    /// As it stands in the zone, without fillers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// The lines of `truth.jsonl`.
///
/// # Errors
/// When the file cannot be read or a line is no such object.
pub fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).with_context(|| format!("line {} of {}", index + 1, path.display()))
        })
        .collect()
}

/// Writes such lines.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write<T: Serialize>(path: &Path, truths: &[T]) -> anyhow::Result<()> {
    let mut text = String::new();
    for truth in truths {
        text += &serde_json::to_string(truth)?;
        text.push('\n');
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A value's name as it stands in JSON.
pub(crate) fn name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
