//! ONNX graphs that are built for a test.

use prost::Message as _;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto, TensorProto};

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), ints: values.to_vec(), r#type: 7, ..AttributeProto::default() }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: value, r#type: 2, ..AttributeProto::default() }
}

/// The graph `tiny` with an operator in front that the embedded engine panics over: a name for it, and the bytes.
pub fn poisoned() -> Vec<(&'static str, Vec<u8>)> {
    let stride_zero = || vec![ints("kernel_shape", &[1, 1]), ints("strides", &[0, 0])];
    [
        ("transpose", "Transpose", vec![ints("perm", &[0, 0, 9, 1])]),
        ("split", "Split", vec![int("axis", 9)]),
        ("max-pool", "MaxPool", stride_zero()),
        ("conv", "Conv", stride_zero()),
    ]
    .map(|(name, operator, attributes)| (name, behind(operator, attributes)))
    .into()
}

/// The graph `tiny` behind one more operator.
fn behind(operator: &str, attribute: Vec<AttributeProto>) -> Vec<u8> {
    let mut model = ModelProto::decode(super::onnx("tiny").as_slice()).unwrap();
    let graph = model.graph.as_mut().unwrap();
    graph.node[0].input[0] = "changed".into();
    let mut input = vec!["pixels".to_owned()];
    if operator == "Conv" {
        input.push("kernel".into());
        let values = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        graph.initializer.push(TensorProto {
            name: "kernel".into(),
            data_type: 1,
            dims: vec![3, 3, 1, 1],
            float_data: values.to_vec(),
            ..TensorProto::default()
        });
    }
    graph.node.insert(
        0,
        NodeProto {
            name: "poison".into(),
            op_type: operator.into(),
            input,
            output: vec!["changed".into()],
            attribute,
            ..NodeProto::default()
        },
    );
    model.encode_to_vec()
}
