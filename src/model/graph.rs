//! What may not be in an ONNX file: weights kept elsewhere, and operators that are not standard.

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
