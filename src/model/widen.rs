//! A graph that computes in float16, made to compute in float32 with the same weights: the embedded engine lacks some
//! operators for float16, and no processor here is faster with it.

use prost::Message as _;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::type_proto::Value as Kind;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto, ValueInfoProto};
use tract_onnx::prelude::f16;

const HALF: i32 = DataType::Float16 as i32;
const FLOAT: i32 = DataType::Float as i32;

/// The graph with every float16 in it a float32. None where the bytes are no ONNX graph.
pub(super) fn widened(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut proto = ModelProto::decode(bytes).ok()?;
    proto.functions.iter_mut().flat_map(|function| &mut function.node).for_each(node);
    graph(proto.graph.as_mut()?);
    Some(proto.encode_to_vec())
}

fn graph(graph: &mut GraphProto) {
    graph.initializer.iter_mut().for_each(tensor);
    graph.node.iter_mut().for_each(node);
    let outlets = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
    outlets.for_each(outlet);
}

fn node(node: &mut tract_onnx::pb::NodeProto) {
    for attribute in &mut node.attribute {
        // The type that an operator casts to, or makes numbers of.
        if matches!(attribute.name.as_str(), "to" | "dtype") && attribute.i == i64::from(HALF) {
            attribute.i = i64::from(FLOAT);
        }
        attribute.t.iter_mut().chain(&mut attribute.tensors).for_each(tensor);
        attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(graph);
    }
}

fn outlet(outlet: &mut ValueInfoProto) {
    if let Some(Kind::TensorType(tensor)) = outlet.r#type.as_mut().and_then(|kind| kind.value.as_mut())
        && tensor.elem_type == HALF
    {
        tensor.elem_type = FLOAT;
    }
}

/// Float16 values lie in the bytes, two each, or as bits in the integers (onnx.proto).
fn tensor(tensor: &mut TensorProto) {
    if tensor.data_type != HALF {
        return;
    }
    tensor.data_type = FLOAT;
    let of_bytes = tensor.raw_data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let of_integers = tensor.int32_data.iter().map(|bits| *bits as u16);
    tensor.float_data = of_bytes.chain(of_integers).map(|bits| f16::from_bits(bits).to_f32()).collect();
    tensor.raw_data.clear();
    tensor.int32_data.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_and_become_wider_wherever_they_are_stored() {
        let halves = [0.5, -2.0, 65504.0].map(f16::from_f32);
        let bytes = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        let integers = halves.iter().map(|half| i32::from(half.to_bits())).collect();
        for mut stored in [
            TensorProto { raw_data: bytes, ..TensorProto::default() },
            TensorProto { int32_data: integers, ..TensorProto::default() },
        ] {
            stored.data_type = HALF;
            tensor(&mut stored);
            assert_eq!((stored.data_type, &stored.float_data[..]), (FLOAT, &[0.5, -2.0, 65504.0][..]));
            assert!(stored.raw_data.is_empty() && stored.int32_data.is_empty());
        }
    }
}
