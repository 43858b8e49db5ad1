//! Computes everything in an ONNX graph that depends on constants only, so that what is left are the tensors that the
//! network's operators take.
//!
//! Folded are `Constant`, `Identity`, `Reshape` and `DequantizeLinear`: the steps between stored weights and the operators
//! that use them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::ModelError;
use super::onnx::{Constant, GraphProto, NodeProto, Values};

/// An `f32` tensor in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dense {
    pub(super) dims: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// The `f32` constants that operators take, by the name under which they take them. Integer tensors (shapes, axes) and empty
/// ones are left out.
pub(super) fn weights(graph: &GraphProto) -> Result<BTreeMap<String, Dense>, ModelError> {
    let mut constants = Constants::default();
    for tensor in &graph.initializer {
        if let Some(constant) = Constant::read(tensor)? {
            constants.insert(&tensor.name, Rc::new(constant))?;
        }
    }
    let mut used = BTreeMap::new();
    for node in &graph.node {
        if let Some(constant) = constants.fold(node)? {
            let [output] = node.output.as_slice() else {
                return Err(malformed(node, "it does not have one output"));
            };
            constants.insert(output, constant)?;
            continue;
        }
        for name in &node.input {
            if let Some(Constant {
                dims,
                values: Values::F32(values),
            }) = constants.get(name).map(Rc::as_ref)
                && !values.is_empty()
                && !used.contains_key(name)
            {
                used.insert(
                    name.clone(),
                    Dense {
                        dims: dims.clone(),
                        values: values.clone(),
                    },
                );
            }
        }
    }
    Ok(used)
}

#[derive(Default)]
struct Constants<'a>(HashMap<&'a str, Rc<Constant>>);

impl<'a> Constants<'a> {
    fn insert(&mut self, name: &'a str, constant: Rc<Constant>) -> Result<(), ModelError> {
        match self.0.insert(name, constant) {
            None => Ok(()),
            Some(_) => Err(ModelError::Onnx(format!("the name {name} is given twice"))),
        }
    }

    fn get(&self, name: &str) -> Option<&Rc<Constant>> {
        self.0.get(name)
    }

    /// The node's output if it can be computed now.
    fn fold(&self, node: &NodeProto) -> Result<Option<Rc<Constant>>, ModelError> {
        let input = |index: usize| node.input.get(index).and_then(|name| self.get(name));
        match node.op_type.as_str() {
            "Constant" => {
                let tensor = node.attribute.iter().find(|attribute| attribute.name == "value");
                let tensor = tensor.and_then(|attribute| attribute.t.as_ref());
                Ok(tensor.map(Constant::read).transpose()?.flatten().map(Rc::new))
            }
            "Identity" => Ok(input(0).cloned()),
            "Reshape" => match (input(0), input(1)) {
                (Some(data), Some(shape)) => reshape(node, data, shape).map(|constant| Some(Rc::new(constant))),
                _ => Ok(None),
            },
            "DequantizeLinear" => match (input(0), input(1)) {
                (Some(data), Some(scale)) => {
                    let zero_point = match node.input.get(2).filter(|name| !name.is_empty()) {
                        Some(_) => Some(input(2).ok_or_else(|| malformed(node, "its zero point is no constant"))?),
                        None => None,
                    };
                    dequantize(node, data, scale, zero_point.map(Rc::as_ref)).map(|constant| Some(Rc::new(constant)))
                }
                _ => Err(malformed(node, "it works on more than constants")),
            },
            _ => Ok(None),
        }
    }
}

/// ONNX `Reshape`: 0 copies the dimension of the input (unless `allowzero`), one -1 is what remains.
fn reshape(node: &NodeProto, data: &Constant, shape: &Constant) -> Result<Constant, ModelError> {
    let error = || malformed(node, "its shape does not fit its data");
    let Values::I64(wanted) = &shape.values else {
        return Err(error());
    };
    let copy_zero = node.int("allowzero", 0) == 0;
    let mut dims = Vec::with_capacity(wanted.len());
    let mut inferred = None;
    for (index, &dim) in wanted.iter().enumerate() {
        dims.push(match dim {
            -1 if inferred.is_none() => {
                inferred = Some(index);
                1
            }
            0 if copy_zero => *data.dims.get(index).ok_or_else(error)?,
            _ => usize::try_from(dim).map_err(|_| error())?,
        });
    }
    if let Some(dim) = inferred.and_then(|index| dims.get(index).map(|_| index)) {
        let known = dims
            .iter()
            .try_fold(1usize, |product, &dim| product.checked_mul(dim))
            .ok_or_else(error)?;
        let count = data.dims.iter().product::<usize>();
        if let Some(dim) = dims.get_mut(dim) {
            *dim = count.checked_div(known).ok_or_else(error)?;
        }
    }
    Constant::new(dims, data.values.clone()).ok_or_else(error)
}

/// ONNX `DequantizeLinear` (opset 21): `(x - zero_point) * scale`, one scale for the whole tensor, for each index of `axis`,
/// or for each block of `block_size` indices of `axis`.
fn dequantize(
    node: &NodeProto,
    data: &Constant,
    scale: &Constant,
    zero_point: Option<&Constant>,
) -> Result<Constant, ModelError> {
    let error = || malformed(node, "its scales or zero points do not fit its data");
    let (Values::I8(quantized), Values::F32(scales)) = (&data.values, &scale.values) else {
        return Err(malformed(node, "only int8 with float32 scales is supported"));
    };
    let zero_points = match zero_point {
        None => Cow::Owned(vec![0i8; scales.len()]),
        Some(Constant {
            dims,
            values: Values::I8(values),
        }) if dims == &scale.dims => Cow::Borrowed(values.as_slice()),
        Some(_) => return Err(error()),
    };

    // The data seen as [outer, axis, inner] and the scales as [outer, blocks, inner], with 1 for what they do not vary over.
    let rank = i64::try_from(data.dims.len()).map_err(|_| error())?;
    let axis = node.int("axis", 1);
    let axis = usize::try_from(if axis < 0 { axis + rank } else { axis }).map_err(|_| error())?;
    let block = usize::try_from(node.int("block_size", 0)).map_err(|_| error())?;
    let view = if scale.dims.is_empty() || (block == 0 && scales.len() == 1) {
        View {
            axis: 1,
            inner: quantized.len(),
            block: 1,
            blocks: 1,
            varies: false,
        }
    } else {
        let length = *data.dims.get(axis).ok_or_else(error)?;
        let inner = data.dims.iter().skip(axis + 1).product();
        if block == 0 {
            if scale.dims != [length] {
                return Err(error());
            }
            View {
                axis: length,
                inner,
                block: 1,
                blocks: length,
                varies: false,
            }
        } else {
            let blocks = length.div_ceil(block);
            let mut expected = data.dims.clone();
            if let Some(dim) = expected.get_mut(axis) {
                *dim = blocks;
            }
            if scale.dims != expected {
                return Err(error());
            }
            View {
                axis: length,
                inner,
                block,
                blocks,
                varies: true,
            }
        }
    };
    let mut values = Vec::with_capacity(quantized.len());
    for (index, &value) in quantized.iter().enumerate() {
        let at = view.scale_index(index).ok_or_else(error)?;
        let (Some(&scale), Some(&zero_point)) = (scales.get(at), zero_points.get(at)) else {
            return Err(error());
        };
        values.push(f32::from(i16::from(value) - i16::from(zero_point)) * scale);
    }
    Constant::new(data.dims.clone(), Values::F32(values)).ok_or_else(error)
}

/// How scales lie over data.
struct View {
    /// Length of the axis along which scales vary.
    axis: usize,
    /// Number of values for each index of the axis.
    inner: usize,
    /// Indices of the axis that share a scale.
    block: usize,
    /// Number of scales along the axis.
    blocks: usize,
    /// Whether the scales vary over the other axes too.
    varies: bool,
}

impl View {
    fn scale_index(&self, index: usize) -> Option<usize> {
        let row = index.checked_div(self.inner)?;
        let block = row.checked_rem(self.axis)?.checked_div(self.block)?;
        if self.varies {
            let outer = row.checked_div(self.axis)?;
            Some((outer * self.blocks + block) * self.inner + index % self.inner)
        } else {
            Some(block)
        }
    }
}

fn malformed(node: &NodeProto, why: &str) -> ModelError {
    let name = node.output.first().map_or("", String::as_str);
    ModelError::Onnx(format!("cannot compute {name} ({}): {why}", node.op_type))
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
