//! The few messages of the ONNX format that conversion needs; prost skips every other field.
//!
//! Field numbers and data types: `onnx.proto` of ONNX 1.19 (IR version 11).

use prost::Message;

use super::ModelError;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "14")]
    pub(super) metadata_props: Vec<StringStringEntryProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StringStringEntryProto {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<TensorProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int64, tag = "3")]
    pub(super) i: i64,
    #[prost(message, optional, tag = "5")]
    pub(super) t: Option<TensorProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub(super) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub(super) float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub(super) int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    pub(super) int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub(super) raw_data: Vec<u8>,
    /// 1 when the data lies in another file.
    #[prost(int32, tag = "14")]
    pub(super) data_location: i32,
}

impl NodeProto {
    /// The integer attribute `name`, or `default` when the node does not set it.
    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute
            .iter()
            .find(|attribute| attribute.name == name)
            .map_or(default, |attribute| attribute.i)
    }
}

/// The values of a constant tensor, of the types that weights and shapes use.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    F32(Vec<f32>),
    I8(Vec<i8>),
    I64(Vec<i64>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::I8(values) => values.len(),
            Values::I64(values) => values.len(),
        }
    }
}

/// A constant tensor whose number of values is the product of its dimensions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Constant {
    pub(super) dims: Vec<usize>,
    pub(super) values: Values,
}

impl Constant {
    /// Checks that dimensions and values agree.
    pub(super) fn new(dims: Vec<usize>, values: Values) -> Option<Constant> {
        let count = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim))?;
        (count == values.len()).then_some(Constant { dims, values })
    }

    /// Reads a tensor; `None` for an element type that no weight has.
    pub(super) fn read(tensor: &TensorProto) -> Result<Option<Constant>, ModelError> {
        let malformed = || ModelError::Onnx(format!("tensor {} has data that does not fit its shape", tensor.name));
        if tensor.data_location != 0 {
            return Err(ModelError::Onnx(format!(
                "tensor {} has its data in another file",
                tensor.name
            )));
        }
        let raw = tensor.raw_data.as_slice();
        let values = match (tensor.data_type, raw.is_empty()) {
            (1, true) => Values::F32(tensor.float_data.clone()),
            (1, false) => Values::F32(words(raw, f32::from_le_bytes).ok_or_else(malformed)?),
            (3, true) => {
                let bytes = tensor.int32_data.iter().map(|&value| i8::try_from(value));
                Values::I8(bytes.collect::<Result<_, _>>().map_err(|_| malformed())?)
            }
            (3, false) => Values::I8(raw.iter().map(|&byte| i8::from_le_bytes([byte])).collect()),
            (7, true) => Values::I64(tensor.int64_data.clone()),
            (7, false) => Values::I64(words(raw, i64::from_le_bytes).ok_or_else(malformed)?),
            _ => return Ok(None),
        };
        let dims = tensor.dims.iter().map(|&dim| usize::try_from(dim));
        let dims = dims.collect::<Result<_, _>>().map_err(|_| malformed())?;
        Constant::new(dims, values).map(Some).ok_or_else(malformed)
    }
}

fn words<const N: usize, T>(raw: &[u8], read: fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = raw.as_chunks::<N>();
    rest.is_empty()
        .then(|| chunks.iter().map(|chunk| read(*chunk)).collect())
}

/// Parses a model file.
pub(super) fn parse(file: &[u8]) -> Result<ModelProto, ModelError> {
    ModelProto::decode(file).map_err(|_| ModelError::Onnx("it is not in the onnx format".to_owned()))
}
