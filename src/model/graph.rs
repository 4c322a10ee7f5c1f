//! ONNX files before an engine sees them: what may not be in one (weights kept elsewhere, operators that are not
//! standard), how exact their weights are, and the form the embedded engine runs.

use std::collections::BTreeSet;

use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Extent;
use tract_onnx::pb::type_proto::Value as Kind;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, ValueInfoProto,
};

use super::golden::Precision;
use super::{Input, ModelError};

/// Operator domains that ONNX itself and ONNX Runtime define.
const KNOWN_DOMAINS: [&str; 4] = ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"];
/// `TensorProto.DataLocation.EXTERNAL` of onnx.proto.
const EXTERNAL: i32 = 1;

/// What `tract`'s protobuf types leave out of a function: default values of its attributes (onnx.proto, IR version 9),
/// which may hold tensors and graphs.
#[derive(Clone, PartialEq, Message)]
struct Functions {
    #[prost(message, repeated, tag = "25")]
    functions: Vec<Defaults>,
}

#[derive(Clone, PartialEq, Message)]
struct Defaults {
    #[prost(message, repeated, tag = "11")]
    attribute: Vec<AttributeProto>,
}

/// Reads the ONNX file without running anything of it and refuses what the app will not load; says how exact its weights
/// are.
pub(super) fn check(model: &str, bytes: &[u8]) -> Result<Precision, ModelError> {
    let not_onnx = |why: String| ModelError::NotOnnx { model: model.to_owned(), why };
    let proto = ModelProto::decode(bytes).map_err(|error| not_onnx(error.to_string()))?;
    let graph = proto.graph.as_ref().ok_or_else(|| not_onnx("it holds no graph".into()))?;
    if graph.node.is_empty() || graph.output.is_empty() {
        return Err(not_onnx("its graph computes nothing".into()));
    }
    let defined = proto.functions.iter().map(|f| (f.domain().to_owned(), f.name().to_owned())).collect();
    let mut check = Check { model, defined, precision: Precision::Float32 };
    check.graph(graph)?;
    for function in &proto.functions {
        check.nodes(&function.node)?;
    }
    for training in &proto.training_info {
        training.initialization.iter().chain(&training.algorithm).try_for_each(|graph| check.graph(graph))?;
    }
    let defaults = Functions::decode(bytes).map_err(|error| not_onnx(error.to_string()))?.functions;
    defaults.iter().flat_map(|function| &function.attribute).try_for_each(|a| check.attribute(a))?;
    Ok(check.precision)
}

/// A walk over everything in a file that may hold a tensor or name an operator.
struct Check<'a> {
    model: &'a str,
    /// Domain and name of the operators that the file defines itself.
    defined: BTreeSet<(String, String)>,
    /// The coarsest weights met.
    precision: Precision,
}

impl Check<'_> {
    fn graph(&mut self, graph: &GraphProto) -> Result<(), ModelError> {
        graph.initializer.iter().try_for_each(|tensor| self.tensor(tensor))?;
        graph.sparse_initializer.iter().try_for_each(|sparse| self.sparse(sparse))?;
        self.nodes(&graph.node)
    }

    fn nodes(&mut self, nodes: &[NodeProto]) -> Result<(), ModelError> {
        for node in nodes {
            let defined = self.defined.contains(&(node.domain.clone(), node.op_type.clone()));
            if !defined && !KNOWN_DOMAINS.contains(&node.domain.as_str()) {
                let operator = format!("{}::{}", node.domain, node.op_type);
                return Err(ModelError::CustomOperator { model: self.model.to_owned(), operator });
            }
            node.attribute.iter().try_for_each(|attribute| self.attribute(attribute))?;
        }
        Ok(())
    }

    fn attribute(&mut self, attribute: &AttributeProto) -> Result<(), ModelError> {
        attribute.t.iter().chain(&attribute.tensors).try_for_each(|tensor| self.tensor(tensor))?;
        let sparse = attribute.sparse_tensor.iter().chain(&attribute.sparse_tensors);
        sparse.into_iter().try_for_each(|sparse| self.sparse(sparse))?;
        attribute.g.iter().chain(&attribute.graphs).try_for_each(|graph| self.graph(graph))
    }

    fn sparse(&mut self, sparse: &SparseTensorProto) -> Result<(), ModelError> {
        sparse.values.iter().chain(&sparse.indices).try_for_each(|tensor| self.tensor(tensor))
    }

    fn tensor(&mut self, tensor: &TensorProto) -> Result<(), ModelError> {
        self.precision = self.precision.max(precision(tensor));
        if tensor.data_location != Some(EXTERNAL) && tensor.external_data.is_empty() {
            return Ok(());
        }
        let location = tensor.external_data.iter().find(|entry| entry.key == "location");
        let location = location.map_or_else(|| "unnamed".to_owned(), |entry| entry.value.clone());
        Err(ModelError::ExternalData { model: self.model.to_owned(), location })
    }
}

/// How exact the values of a tensor are. A scalar is a constant of a node, such as a zero point, and no weight.
fn precision(tensor: &TensorProto) -> Precision {
    /// float8, int4 and float4 of later versions of onnx.proto.
    const LATER: std::ops::RangeInclusive<i32> = 17..=26;
    match tensor.data_type {
        _ if tensor.dims.iter().all(|extent| *extent <= 1) => Precision::Float32,
        kind if kind == DataType::Int8 as i32 || kind == DataType::Uint8 as i32 => Precision::Int8,
        kind if LATER.contains(&kind) => Precision::Int8,
        kind if kind == DataType::Float16 as i32 || kind == DataType::Bfloat16 as i32 => Precision::Float16,
        _ => Precision::Float32,
    }
}

/// The same graph for exactly one picture of the manifest's size: the embedded engine takes every shape from that of the
/// input. Extents that the graph leaves open are written into the input, its first axis becomes 1. Weights that are listed
/// among the inputs (as up to IR version 3 of ONNX) are constants. The shapes noted on the way, which speak of any
/// picture, are left out, and so are those of the outputs where they are open. None where the bytes are no ONNX graph.
pub(super) fn for_one_picture(bytes: &[u8], input: &Input) -> Option<Vec<u8>> {
    let mut proto = ModelProto::decode(bytes).ok()?;
    let graph = proto.graph.as_mut()?;
    graph.value_info.clear();
    let stored = graph.initializer.iter().map(|tensor| tensor.name.clone());
    let sparse =
        graph.sparse_initializer.iter().filter_map(|sparse| Some(sparse.values.as_ref()?.name.clone()));
    let weights: BTreeSet<String> = stored.chain(sparse).collect();
    graph.input.retain(|outlet| !weights.contains(&outlet.name));
    let size = i64::from(input.size);
    for outlet in graph.input.iter_mut().filter(|outlet| outlet.name == input.name) {
        fix(outlet, [1, 3, size, size]);
    }
    graph.output.iter_mut().for_each(forget_open_shape);
    Some(proto.encode_to_vec())
}

/// Writes `extents` where the shape says no number, and the first of them anyway.
fn fix(outlet: &mut ValueInfoProto, extents: [i64; 4]) {
    let Some(Kind::TensorType(tensor)) = outlet.r#type.as_mut().and_then(|kind| kind.value.as_mut()) else {
        return;
    };
    let shape = tensor.shape.get_or_insert_default();
    if shape.dim.is_empty() {
        shape.dim.resize_with(extents.len(), Default::default);
    }
    // Another number of axes is refused by name after the load.
    if shape.dim.len() != extents.len() {
        return;
    }
    for (axis, (dim, extent)) in shape.dim.iter_mut().zip(extents).enumerate() {
        let open = !matches!(dim.value, Some(Extent::DimValue(known)) if known > 0);
        if axis == 0 || open {
            dim.value = Some(Extent::DimValue(extent));
        }
    }
}

fn forget_open_shape(outlet: &mut ValueInfoProto) {
    let Some(Kind::TensorType(tensor)) = outlet.r#type.as_mut().and_then(|kind| kind.value.as_mut()) else {
        return;
    };
    let number = |value: &Option<Extent>| matches!(value, Some(Extent::DimValue(known)) if *known > 0);
    if tensor.shape.as_ref().is_some_and(|shape| !shape.dim.iter().all(|dim| number(&dim.value))) {
        tensor.shape = None;
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{FunctionProto, StringStringEntryProto, TrainingInfoProto, TypeProto, type_proto};

    use super::*;

    fn onnx(path: &str) -> Vec<u8> {
        std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    }

    /// The graph of `tests/golden/onnx/tiny.onnx`: pixels to logits through one weight.
    fn tiny() -> ModelProto {
        ModelProto::decode(onnx("tests/golden/onnx/tiny.onnx").as_slice()).unwrap()
    }

    fn shape(outlet: &ValueInfoProto) -> Option<Vec<i64>> {
        let Kind::TensorType(tensor) = outlet.r#type.as_ref()?.value.as_ref()?;
        let extent = |value: &Option<Extent>| match value {
            Some(Extent::DimValue(known)) => *known,
            _ => -1,
        };
        Some(tensor.shape.as_ref()?.dim.iter().map(|dim| extent(&dim.value)).collect())
    }

    fn pixels(size: u32) -> Input {
        Input { name: "pixels".into(), size, layout: "NCHW".into(), dtype: "float32".into() }
    }

    #[test]
    fn a_graph_for_any_picture_becomes_one_for_a_single_picture() {
        let bytes = onnx("models/efficientnet-lite0/model.onnx");
        let before = ModelProto::decode(bytes.as_slice()).unwrap().graph.unwrap();
        assert_eq!(shape(&before.input[0]).unwrap()[0], -1);
        let size = u32::try_from(shape(&before.input[0]).unwrap()[2]).unwrap();
        let input = Input { name: before.input[0].name.clone(), ..pixels(size) };
        let fixed = for_one_picture(&bytes, &input).unwrap();
        let graph = ModelProto::decode(fixed.as_slice()).unwrap().graph.unwrap();
        assert_eq!(shape(&graph.input[0]), Some(vec![1, 3, i64::from(size), i64::from(size)]));
        assert_eq!((shape(&graph.output[0]), graph.value_info.len()), (None, 0));
        assert!(for_one_picture(b"no graph", &input).is_none());
    }

    #[test]
    fn open_extents_take_the_size_and_weights_among_the_inputs_become_constants() {
        let weight = |name: &str| ValueInfoProto {
            name: name.into(),
            r#type: Some(TypeProto {
                value: Some(Kind::TensorType(type_proto::Tensor { elem_type: 1, shape: None })),
                ..TypeProto::default()
            }),
            ..ValueInfoProto::default()
        };
        for (open, expected) in [(&[0, 2, 3][..], [1, 3, 24, 24]), (&[0, 1, 2, 3], [1, 3, 24, 24])] {
            let mut model = tiny();
            let graph = model.graph.as_mut().unwrap();
            graph.input.insert(0, weight("weight"));
            let Some(Kind::TensorType(tensor)) =
                graph.input[1].r#type.as_mut().and_then(|kind| kind.value.as_mut())
            else {
                panic!("pixels is a tensor");
            };
            for axis in open {
                tensor.shape.as_mut().unwrap().dim[*axis].value = Some(Extent::DimParam("any".into()));
            }
            let fixed = for_one_picture(&model.encode_to_vec(), &pixels(24)).unwrap();
            let graph = ModelProto::decode(fixed.as_slice()).unwrap().graph.unwrap();
            let names: Vec<&str> = graph.input.iter().map(|outlet| outlet.name.as_str()).collect();
            assert_eq!(names, ["pixels"]);
            assert_eq!(shape(&graph.input[0]).unwrap(), expected);
            assert_eq!(graph.initializer.len(), 1);
        }
    }

    #[test]
    fn a_size_that_the_graph_says_itself_stays() {
        let fixed = for_one_picture(&tiny().encode_to_vec(), &pixels(24)).unwrap();
        let graph = ModelProto::decode(fixed.as_slice()).unwrap().graph.unwrap();
        assert_eq!(shape(&graph.input[0]).unwrap(), [1, 3, 16, 16]);
    }

    fn outside() -> TensorProto {
        let entry = StringStringEntryProto { key: "location".into(), value: "/etc/secret".into() };
        TensorProto { data_location: Some(EXTERNAL), external_data: vec![entry], ..TensorProto::default() }
    }

    fn custom() -> NodeProto {
        NodeProto { domain: "org.elsewhere".into(), op_type: "Open".into(), ..NodeProto::default() }
    }

    fn with(attribute: AttributeProto) -> NodeProto {
        NodeProto { op_type: "Constant".into(), attribute: vec![attribute], ..NodeProto::default() }
    }

    /// Every place of a file where a tensor or an operator may stand.
    #[test]
    fn weights_elsewhere_and_custom_operators_are_found_wherever_they_stand() {
        let sparse = || SparseTensorProto { values: Some(outside()), ..SparseTensorProto::default() };
        let graph = |node: NodeProto| GraphProto { node: vec![node], ..GraphProto::default() };
        let function = |node: NodeProto| FunctionProto {
            name: Some("f".into()),
            node: vec![node],
            ..FunctionProto::default()
        };
        let of_tensor = || with(AttributeProto { t: Some(outside()), ..AttributeProto::default() });
        let training = |graph: GraphProto, first: bool| {
            let (initialization, algorithm) = if first { (Some(graph), None) } else { (None, Some(graph)) };
            TrainingInfoProto { initialization, algorithm, ..TrainingInfoProto::default() }
        };
        type Edit<'a> = &'a dyn Fn(&mut ModelProto);
        let places: [(&str, Edit<'_>, &str); 12] = [
            ("initializer", &|m| m.graph.as_mut().unwrap().initializer.push(outside()), "secret"),
            (
                "sparse initializer",
                &|m| m.graph.as_mut().unwrap().sparse_initializer.push(sparse()),
                "secret",
            ),
            (
                "sparse indices",
                &|m| {
                    let indices =
                        SparseTensorProto { indices: Some(outside()), ..SparseTensorProto::default() };
                    m.graph.as_mut().unwrap().sparse_initializer.push(indices);
                },
                "secret",
            ),
            ("attribute", &|m| m.graph.as_mut().unwrap().node.push(of_tensor()), "secret"),
            (
                "sparse attribute",
                &|m| {
                    let attribute =
                        AttributeProto { sparse_tensor: Some(sparse()), ..AttributeProto::default() };
                    m.graph.as_mut().unwrap().node.push(with(attribute));
                },
                "secret",
            ),
            (
                "sparse attributes",
                &|m| {
                    let attribute =
                        AttributeProto { sparse_tensors: vec![sparse()], ..AttributeProto::default() };
                    m.graph.as_mut().unwrap().node.push(with(attribute));
                },
                "secret",
            ),
            (
                "body",
                &|m| {
                    let attribute = AttributeProto { g: Some(graph(custom())), ..AttributeProto::default() };
                    m.graph.as_mut().unwrap().node.push(with(attribute));
                },
                "org.elsewhere::Open",
            ),
            ("function", &|m| m.functions.push(function(custom())), "org.elsewhere::Open"),
            ("function's tensor", &|m| m.functions.push(function(of_tensor())), "secret"),
            ("initialization", &|m| m.training_info.push(training(graph(custom()), true)), "org.elsewhere"),
            ("algorithm", &|m| m.training_info.push(training(graph(of_tensor()), false)), "secret"),
            ("nothing", &|_| (), ""),
        ];
        for (place, edit, expected) in places {
            let mut model = tiny();
            edit(&mut model);
            match check("spoilt", &model.encode_to_vec()) {
                Err(error) => {
                    assert!(!expected.is_empty() && error.to_string().contains(expected), "{place}: {error}");
                }
                Ok(precision) => assert_eq!((expected, precision), ("", Precision::Float32), "{place}"),
            }
        }
    }

    #[test]
    fn default_values_of_a_functions_attributes_are_looked_through_as_well() {
        let attribute = AttributeProto { t: Some(outside()), ..AttributeProto::default() };
        let defaults = Functions { functions: vec![Defaults { attribute: vec![attribute] }] };
        let mut bytes = tiny().encode_to_vec();
        bytes.extend(defaults.encode_to_vec());
        let error = check("spoilt", &bytes).unwrap_err();
        assert!(error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn the_weights_say_how_exact_they_are() {
        for (kind, extents, expected) in [
            (DataType::Float, &[4, 4][..], Precision::Float32),
            (DataType::Int64, &[4], Precision::Float32),
            (DataType::Int8, &[], Precision::Float32),
            (DataType::Float16, &[4, 4], Precision::Float16),
            (DataType::Int8, &[4, 4], Precision::Int8),
        ] {
            let mut model = tiny();
            let extra =
                TensorProto { data_type: kind as i32, dims: extents.to_vec(), ..TensorProto::default() };
            model.graph.as_mut().unwrap().initializer.push(extra);
            assert_eq!(check("tiny", &model.encode_to_vec()).unwrap(), expected, "{kind:?} {extents:?}");
        }
    }
}
