use proptest::prelude::*;
use prost::Message;

use super::super::onnx::{AttributeProto, ModelProto, TensorProto, parse};
use super::*;

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: 1,
        raw_data,
        ..TensorProto::default()
    }
}

fn bytes(name: &str, dims: &[i64], values: &[i8]) -> TensorProto {
    let raw_data = values.iter().map(|value| value.to_le_bytes()[0]).collect();
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: 3,
        raw_data,
        ..TensorProto::default()
    }
}

fn ints(name: &str, values: &[i64]) -> TensorProto {
    let dims = vec![values.len() as i64];
    TensorProto {
        name: name.into(),
        dims,
        data_type: 7,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn node(op_type: &str, input: &[&str], output: &str, attributes: &[(&str, i64)]) -> NodeProto {
    let attribute = attributes.iter().map(|&(name, i)| AttributeProto {
        name: name.into(),
        i,
        t: None,
    });
    NodeProto {
        op_type: op_type.into(),
        input: input.iter().map(|&name| name.into()).collect(),
        output: vec![output.into()],
        attribute: attribute.collect(),
    }
}

fn graph(initializer: Vec<TensorProto>, node: Vec<NodeProto>) -> GraphProto {
    GraphProto { initializer, node }
}

/// Dequantizes `data` through a graph and answers what the convolution behind it would take.
fn dequantized(data: TensorProto, scale: TensorProto, zero: TensorProto, attributes: &[(&str, i64)]) -> Vec<f32> {
    let nodes = vec![
        node("DequantizeLinear", &["data", "scale", "zero"], "weight", attributes),
        node("Conv", &["x", "weight"], "y", &[]),
    ];
    let dims: Vec<usize> = data.dims.iter().map(|&dim| dim as usize).collect();
    let found = weights(&graph(vec![data, scale, zero], nodes))
        .unwrap()
        .remove("weight")
        .unwrap();
    assert_eq!(found.dims, dims);
    found.values
}

#[test]
fn blocks_of_the_last_axis_share_a_scale_and_the_last_block_may_be_short() {
    let data = [-128, -1, 0, 1, 2, 3, 127, 10, 20, 30, 40, 50, 60, 70];
    let found = dequantized(
        bytes("data", &[2, 7], &data),
        floats("scale", &[2, 3], &[1.0, 10.0, 100.0, 0.5, 0.25, 2.0]),
        bytes("zero", &[2, 3], &[0, 1, 127, -128, 0, 10]),
        &[("axis", 1), ("block_size", 3)],
    );
    let expected = [
        -128.0,
        -1.0,
        0.0,
        0.0,
        10.0,
        20.0,
        0.0,
        (10.0 + 128.0) * 0.5,
        74.0,
        79.0,
        10.0,
        12.5,
        15.0,
        120.0,
    ];
    assert_eq!(found, expected);
}

#[test]
fn blocks_of_the_first_axis_vary_over_the_other_axes() {
    let found = dequantized(
        bytes("data", &[4, 2], &[1, 1, 2, 2, 3, 3, 4, 4]),
        floats("scale", &[2, 2], &[1.0, 10.0, 100.0, 1000.0]),
        bytes("zero", &[2, 2], &[0; 4]),
        &[("axis", -2), ("block_size", 2)],
    );
    assert_eq!(found, [1.0, 10.0, 2.0, 20.0, 300.0, 3000.0, 400.0, 4000.0]);
}

#[test]
fn one_scale_for_each_index_or_for_the_whole_tensor() {
    let data = bytes("data", &[2, 3], &[1, 2, 3, 4, 5, 6]);
    let scales = floats("scale", &[3], &[1.0, 10.0, 100.0]);
    let found = dequantized(data.clone(), scales, bytes("zero", &[3], &[0, 1, 2]), &[]);
    assert_eq!(found, [1.0, 10.0, 100.0, 4.0, 40.0, 400.0]);
    let found = dequantized(data, floats("scale", &[], &[0.5]), bytes("zero", &[], &[1]), &[]);
    assert_eq!(found, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]);
}

#[test]
fn constants_appear_under_the_names_that_operators_use() {
    let value = AttributeProto {
        name: "value".into(),
        i: 0,
        t: Some(floats("", &[1], &[7.0])),
    };
    let constant = NodeProto {
        attribute: vec![value],
        ..node("Constant", &[], "constant", &[])
    };
    let nodes = vec![
        constant,
        node("Identity", &["stored"], "forwarded", &[]),
        node("Identity", &["forwarded"], "twice", &[]),
        node("Reshape", &["twice", "shape"], "reshaped", &[]),
        node("Mul", &["x", "forwarded"], "a", &[]),
        node("Add", &["a", "stored"], "b", &[]),
        node("Conv", &["b", "reshaped"], "c", &[]),
        node("Reshape", &["c", "shape"], "d", &[]),
        node("Pow", &["d", "constant"], "e", &[]),
    ];
    let initializer = vec![
        floats("stored", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        floats("unused", &[1], &[1.0]),
        ints("shape", &[0, -1, 1]),
    ];
    let found = weights(&graph(initializer, nodes)).unwrap();
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["constant", "forwarded", "reshaped", "stored"]);
    assert_eq!(found["reshaped"].dims, [2, 3, 1]);
    assert_eq!(found["reshaped"].values, found["stored"].values);
    assert_eq!(found["constant"].values, [7.0]);
}

#[test]
fn data_may_lie_in_typed_fields() {
    let typed = TensorProto {
        raw_data: vec![],
        float_data: vec![1.5, 2.5],
        ..floats("w", &[2], &[])
    };
    let found = weights(&graph(vec![typed], vec![node("Add", &["x", "w"], "y", &[])])).unwrap();
    assert_eq!(found["w"].values, [1.5, 2.5]);
}

#[test]
fn malformed_graphs_are_errors() {
    let conv = || vec![node("Conv", &["x", "weight"], "y", &[])];
    let quantized = |scale: TensorProto, zero: &str, attributes: &[(&str, i64)]| {
        let initializer = vec![bytes("data", &[2, 4], &[0; 8]), scale, bytes("zero", &[2, 2], &[0; 4])];
        graph(
            initializer,
            vec![node("DequantizeLinear", &["data", "scale", zero], "weight", attributes)],
        )
    };
    let reshaped = |shape: &[i64]| {
        let initializer = vec![floats("data", &[2, 3], &[0.0; 6]), ints("shape", shape)];
        graph(initializer, vec![node("Reshape", &["data", "shape"], "weight", &[])])
    };
    let blocked = [("axis", 1), ("block_size", 2)];
    let cases = [
        (
            "too few values",
            graph(vec![floats("weight", &[2, 2], &[0.0; 3])], conv()),
        ),
        (
            "half a value",
            graph(
                vec![TensorProto {
                    raw_data: vec![0; 5],
                    ..floats("weight", &[1], &[])
                }],
                conv(),
            ),
        ),
        (
            "negative dimension",
            graph(vec![floats("weight", &[-1], &[0.0])], conv()),
        ),
        (
            "huge dimensions",
            graph(vec![floats("weight", &[i64::MAX, i64::MAX], &[0.0])], conv()),
        ),
        (
            "other file",
            graph(
                vec![TensorProto {
                    data_location: 1,
                    ..floats("weight", &[1], &[0.0])
                }],
                conv(),
            ),
        ),
        (
            "same name",
            graph(
                vec![floats("weight", &[1], &[0.0]), floats("weight", &[1], &[0.0])],
                conv(),
            ),
        ),
        (
            "scales of another shape",
            quantized(floats("scale", &[2, 3], &[1.0; 6]), "zero", &blocked),
        ),
        (
            "scales of another type",
            quantized(ints("scale", &[1, 1]), "zero", &blocked),
        ),
        (
            "axis out of range",
            quantized(floats("scale", &[2, 2], &[1.0; 4]), "zero", &[("axis", 5), blocked[1]]),
        ),
        (
            "axis below range",
            quantized(floats("scale", &[2, 2], &[1.0; 4]), "zero", &[("axis", -3), blocked[1]]),
        ),
        (
            "negative block",
            quantized(
                floats("scale", &[2, 2], &[1.0; 4]),
                "zero",
                &[("axis", 1), ("block_size", -2)],
            ),
        ),
        (
            "zero point unknown",
            quantized(floats("scale", &[2, 2], &[1.0; 4]), "nowhere", &blocked),
        ),
        (
            "more than weights",
            graph(vec![], vec![node("DequantizeLinear", &["x", "scale"], "weight", &[])]),
        ),
        ("reshape to more", reshaped(&[7])),
        ("reshape by two unknowns", reshaped(&[-1, -1])),
        ("reshape to a negative", reshaped(&[-2, 3])),
        ("reshape that does not divide", reshaped(&[4, -1])),
        ("reshape by zero", reshaped(&[2, 3, 0])),
    ];
    for (what, graph) in cases {
        assert!(matches!(weights(&graph), Err(ModelError::Onnx(_))), "{what}");
    }
    // The well-formed relatives of the cases above, so that none of them fails for another reason.
    assert!(weights(&graph(vec![floats("weight", &[1], &[0.0])], conv())).is_ok());
    assert!(weights(&quantized(floats("scale", &[2, 2], &[1.0; 4]), "zero", &blocked)).is_ok());
    assert!(weights(&reshaped(&[3, -1])).is_ok());
}

proptest! {
    #[test]
    fn no_damaged_file_panics(at in 0usize..1000, byte: u8, cut in 0usize..1000) {
        let graph = graph(
            vec![
                bytes("data", &[2, 4], &[1; 8]),
                floats("scale", &[2, 2], &[1.0; 4]),
                bytes("zero", &[2, 2], &[0; 4]),
                ints("shape", &[2, -1, 1]),
            ],
            vec![
                node("DequantizeLinear", &["data", "scale", "zero"], "a", &[("axis", 1), ("block_size", 2)]),
                node("Reshape", &["a", "shape"], "b", &[]),
                node("Conv", &["x", "b"], "y", &[]),
            ],
        );
        let mut file = ModelProto { graph: Some(graph), metadata_props: vec![] }.encode_to_vec();
        let length = file.len();
        file[at % length] = byte;
        file.truncate(length - cut % 20);
        if let Ok(model) = parse(&file) {
            let _ = weights(&model.graph.unwrap_or_default());
        }
    }
}
