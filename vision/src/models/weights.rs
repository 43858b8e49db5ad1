//! The tensors of one network, as a network asks for them.

use std::collections::{BTreeMap, HashMap};

use candle_core::{Device, Shape, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::ModelError;

/// The key of the one metadata entry of a converted file. One JSON entry instead of one entry per property, because
/// safetensors keeps entries in a hash map and the file's bytes, hence its SHA-256, would depend on their order.
const HEADER_KEY: &str = "bonafide";

/// What a converted file says about itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    /// [`super::Model::name`].
    pub(super) model: String,
    /// SHA-256 of the file it was converted from.
    pub(super) source_sha256: String,
    /// [`super::convert::CONVERTER_VERSION`] at the time.
    pub(super) converter: u32,
    /// The model file's own key-value pairs (ONNX `metadata_props`).
    pub(super) properties: BTreeMap<String, String>,
}

impl Header {
    /// The metadata of the safetensors file.
    pub(super) fn to_metadata(&self) -> Result<HashMap<String, String>, serde_json::Error> {
        Ok(HashMap::from([(HEADER_KEY.to_owned(), serde_json::to_string(self)?)]))
    }
}

/// The tensors of one network by the name under which the ONNX graph's operators use them, with the model file's properties.
///
/// All tensors are `f32` on one device. A tensor that the graph quantizes, reshapes or forwards has the name of the last of
/// these steps: the name that the convolution or matrix product takes as its input.
#[derive(Debug, Clone)]
pub struct Weights {
    model: String,
    source_sha256: String,
    properties: BTreeMap<String, String>,
    tensors: HashMap<String, Tensor>,
}

impl Weights {
    /// Weights put together by hand, for tests of networks.
    #[must_use]
    pub fn new(model: &str, tensors: HashMap<String, Tensor>, properties: BTreeMap<String, String>) -> Weights {
        Weights {
            model: model.to_owned(),
            source_sha256: String::new(),
            properties,
            tensors,
        }
    }

    /// Reads a converted file. `None` when the bytes are not one.
    pub(super) fn parse(file: &[u8], device: &Device) -> Result<Option<Weights>, ModelError> {
        let (Ok((_, metadata)), Ok(tensors)) = (SafeTensors::read_metadata(file), SafeTensors::deserialize(file))
        else {
            return Ok(None);
        };
        let header = metadata.metadata().as_ref().and_then(|entries| entries.get(HEADER_KEY));
        let Some(header) = header.and_then(|json| serde_json::from_str::<Header>(json).ok()) else {
            return Ok(None);
        };
        let tensors = tensors
            .iter()
            .map(|(name, view)| {
                use candle_core::safetensors::Load;
                Ok((name.to_owned(), view.load(device)?))
            })
            .collect::<Result<_, candle_core::Error>>()?;
        let Header {
            model,
            source_sha256,
            properties,
            ..
        } = header;
        Ok(Some(Weights {
            model,
            source_sha256,
            properties,
            tensors,
        }))
    }

    /// The tensor `name`, which must have the shape `shape`.
    ///
    /// # Errors
    /// [`ModelError::MissingTensor`], [`ModelError::WrongShape`].
    pub fn get(&self, name: &str, shape: impl Into<Shape>) -> Result<Tensor, ModelError> {
        let shape = shape.into();
        let tensor = self.tensors.get(name).ok_or_else(|| ModelError::MissingTensor {
            model: self.model.clone(),
            name: name.to_owned(),
        })?;
        if tensor.shape() == &shape {
            Ok(tensor.clone())
        } else {
            Err(ModelError::WrongShape {
                model: self.model.clone(),
                name: name.to_owned(),
                expected: shape.into_dims(),
                found: tensor.dims().to_vec(),
            })
        }
    }

    /// A key-value pair of the model file, such as PP-OCR's `character`.
    ///
    /// # Errors
    /// [`ModelError::MissingProperty`].
    pub fn property(&self, key: &str) -> Result<&str, ModelError> {
        self.properties
            .get(key)
            .map(String::as_str)
            .ok_or_else(|| ModelError::MissingProperty {
                model: self.model.clone(),
                key: key.to_owned(),
            })
    }

    /// The names of all tensors, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The model's name, as reports carry it.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// SHA-256 of the file that the weights were converted from, lowercase hexadecimal; empty for weights made with
    /// [`Weights::new`].
    #[must_use]
    pub fn source_sha256(&self) -> &str {
        &self.source_sha256
    }
}
