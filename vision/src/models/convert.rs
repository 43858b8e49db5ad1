//! From an ONNX or PyTorch file to a safetensors file.

use std::collections::BTreeMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};

use super::fold::Dense;
use super::weights::Header;
use super::{Model, ModelError, digest, fold, onnx, pytorch};

/// Goes up whenever the same source would be converted to other bytes, so that stores are converted anew.
pub(super) const CONVERTER_VERSION: u32 = 1;

/// A converted file, with what its card says.
pub(super) struct Converted {
    pub(super) file: Vec<u8>,
    pub(super) sha256: String,
    pub(super) tensors: usize,
    pub(super) parameters: usize,
}

/// Converts `source`, the content of `model`'s file. The same source always gives the same bytes.
pub(super) fn convert(model: Model, source: &[u8]) -> Result<Converted, ModelError> {
    let (weights, properties) = match model {
        Model::YuNet | Model::SFace | Model::PpOcrDet | Model::PpOcrRec => of_onnx(source)?,
        Model::MiniFasNetV2 | Model::MiniFasNetV1Se => (pytorch::weights(source)?, BTreeMap::new()),
    };
    let header = Header {
        model: model.name().to_owned(),
        source_sha256: digest::of_bytes(source),
        converter: CONVERTER_VERSION,
        properties,
    };
    let metadata = header
        .to_metadata()
        .map_err(|error| ModelError::Unwritable(error.to_string()))?;

    let bytes = weights.iter().map(|(name, dense)| {
        let bytes: Vec<u8> = dense.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (name, &dense.dims, bytes)
    });
    let bytes: Vec<_> = bytes.collect();
    let views = bytes.iter().map(|(name, dims, bytes)| {
        let view = TensorView::new(Dtype::F32, dims.to_vec(), bytes);
        view.map(|view| (name.as_str(), view))
    });
    let views = views
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ModelError::Unwritable(error.to_string()))?;
    let file = serialize(views, Some(metadata)).map_err(|error| ModelError::Unwritable(error.to_string()))?;
    Ok(Converted {
        sha256: digest::of_bytes(&file),
        file,
        tensors: weights.len(),
        parameters: weights.values().map(|dense| dense.values.len()).sum(),
    })
}

type Contents = (BTreeMap<String, Dense>, BTreeMap<String, String>);

/// Tensors and properties.
fn of_onnx(source: &[u8]) -> Result<Contents, ModelError> {
    let proto = onnx::parse(source)?;
    let graph = proto
        .graph
        .as_ref()
        .ok_or_else(|| ModelError::Onnx("it holds no graph".to_owned()))?;
    let properties = proto.metadata_props.iter();
    let properties = properties.map(|entry| (entry.key.clone(), entry.value.clone()));
    Ok((fold::weights(graph)?, properties.collect()))
}
