//! ONNX files before an engine sees them: what may not be in one (weights kept elsewhere, operators that are not
//! standard), and the form the embedded engine runs fastest.

use prost::Message as _;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Extent;
use tract_onnx::pb::type_proto::Value as Kind;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, TensorProto};
use tract_onnx::prelude::Framework as _;

use super::ModelError;

/// Operator domains that ONNX itself and ONNX Runtime define.
const KNOWN_DOMAINS: [&str; 4] = ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"];
/// `TensorProto.DataLocation.EXTERNAL` of onnx.proto.
const EXTERNAL: i32 = 1;

/// Reads the ONNX file without running anything of it and refuses what the app will not load.
pub(super) fn check(model: &str, bytes: &[u8]) -> Result<(), ModelError> {
    let not_onnx = |why: String| ModelError::NotOnnx { model: model.to_owned(), why };
    let mut reader = bytes;
    let proto =
        tract_onnx::onnx().proto_model_for_read(&mut reader).map_err(|error| not_onnx(error.to_string()))?;
    let graph = proto.graph.as_ref().ok_or_else(|| not_onnx("it holds no graph".into()))?;
    if graph.node.is_empty() || graph.output.is_empty() {
        return Err(not_onnx("its graph computes nothing".into()));
    }
    check_graph(model, &proto, graph)
}

/// The same graph for a batch of exactly one picture: the first axis of every input and output becomes 1, and the
/// shapes noted on the way, which speak of any batch, are left out. None where the bytes are no ONNX graph.
pub(super) fn for_one_picture(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut proto = ModelProto::decode(bytes).ok()?;
    let graph = proto.graph.as_mut()?;
    graph.value_info.clear();
    for outlet in graph.input.iter_mut().chain(&mut graph.output) {
        let Some(Kind::TensorType(tensor)) = outlet.r#type.as_mut().and_then(|kind| kind.value.as_mut())
        else {
            continue;
        };
        if let Some(batch) = tensor.shape.as_mut().and_then(|shape| shape.dim.first_mut()) {
            batch.value = Some(Extent::DimValue(1));
        }
    }
    Some(proto.encode_to_vec())
}

fn check_graph(model: &str, proto: &ModelProto, graph: &GraphProto) -> Result<(), ModelError> {
    for tensor in &graph.initializer {
        check_tensor(model, tensor)?;
    }
    for node in &graph.node {
        let defined = proto.functions.iter().any(|f| f.name() == node.op_type && f.domain() == node.domain);
        if !defined && !KNOWN_DOMAINS.contains(&node.domain.as_str()) {
            let operator = format!("{}::{}", node.domain, node.op_type);
            return Err(ModelError::CustomOperator { model: model.to_owned(), operator });
        }
        for attribute in &node.attribute {
            check_attribute(model, proto, attribute)?;
        }
    }
    Ok(())
}

fn check_attribute(model: &str, proto: &ModelProto, attribute: &AttributeProto) -> Result<(), ModelError> {
    for tensor in attribute.t.iter().chain(&attribute.tensors) {
        check_tensor(model, tensor)?;
    }
    for graph in attribute.g.iter().chain(&attribute.graphs) {
        check_graph(model, proto, graph)?;
    }
    Ok(())
}

fn check_tensor(model: &str, tensor: &TensorProto) -> Result<(), ModelError> {
    if tensor.data_location != Some(EXTERNAL) && tensor.external_data.is_empty() {
        return Ok(());
    }
    let location = tensor.external_data.iter().find(|entry| entry.key == "location");
    let location = location.map_or_else(|| "unnamed".to_owned(), |entry| entry.value.clone());
    Err(ModelError::ExternalData { model: model.to_owned(), location })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_axes(bytes: &[u8]) -> Vec<Option<Extent>> {
        let graph = ModelProto::decode(bytes).unwrap().graph.unwrap();
        let axis = |outlet: &tract_onnx::pb::ValueInfoProto| {
            let Kind::TensorType(tensor) = outlet.r#type.as_ref()?.value.as_ref()?;
            tensor.shape.as_ref()?.dim.first()?.value.clone()
        };
        graph.input.iter().chain(&graph.output).map(axis).collect()
    }

    #[test]
    fn a_graph_for_any_batch_becomes_one_for_a_single_picture() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/efficientnet-lite0/model.onnx");
        let bytes = std::fs::read(path).unwrap();
        let any = first_axes(&bytes);
        assert!(any.iter().all(|axis| matches!(axis, Some(Extent::DimParam(_)))), "{any:?}");
        let fixed = for_one_picture(&bytes).unwrap();
        assert_eq!(first_axes(&fixed), vec![Some(Extent::DimValue(1)); any.len()]);
        assert!(for_one_picture(b"no graph").is_none());
    }
}
