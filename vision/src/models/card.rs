//! What is known about a stored model, in a form that people and programs can read.

use serde::{Deserialize, Serialize};

use super::convert::{CONVERTER_VERSION, Converted};
use super::{Model, Origin};

/// The model card: a JSON file beside the weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCard {
    /// [`Model::name`].
    pub name: String,
    /// What the model does.
    pub description: String,
    /// SPDX expression of the weights' licence.
    pub licence: String,
    /// Package that carried the model file, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Version of that package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_version: Option<String>,
    /// Repository of the project that publishes the model file, where no package carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Path of the model file inside the package or repository.
    pub source_file: String,
    /// SHA-256 of the model file.
    pub source_sha256: String,
    /// Version of the converter that wrote the weights.
    pub converter: u32,
    /// SHA-256 of the converted weights.
    pub sha256: String,
    /// Size of the converted weights in bytes.
    pub size: u64,
    /// Number of tensors.
    pub tensors: usize,
    /// Number of values in all tensors.
    pub parameters: usize,
}

impl ModelCard {
    pub(super) fn new(model: Model, converted: &Converted) -> ModelCard {
        let source = model.source();
        let (package, project) = match source.origin {
            Origin::Package(package) => (Some(package), None),
            Origin::Project(project) => (None, Some(project)),
        };
        ModelCard {
            name: model.name().to_owned(),
            description: model.description().to_owned(),
            licence: source.licence.to_owned(),
            package: package.map(|package| package.name.to_owned()),
            package_version: package.map(|package| package.version.to_owned()),
            project: project.map(str::to_owned),
            source_file: source.path.to_owned(),
            source_sha256: source.sha256.to_owned(),
            converter: CONVERTER_VERSION,
            sha256: converted.sha256.clone(),
            size: converted.file.len() as u64,
            tensors: converted.tensors,
            parameters: converted.parameters,
        }
    }

    /// Whether the weights it describes are those that this program would write today.
    pub(super) fn is_current(&self, model: Model) -> bool {
        self.source_sha256 == model.source().sha256 && self.converter == CONVERTER_VERSION
    }
}
