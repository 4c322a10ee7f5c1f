"""The score of :mod:`outside` as one more output of a finished ONNX graph.

It reads what the last layer reads, so it costs next to nothing, fits every architecture, and needs
no training: any classifier's graph can be given it, however its weights are stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from . import export, quantise
from .outside import Distance

#: Operators that may stand between the last layer and the logits.
AFTER = ("Add", "Div", "Identity", "Mul", "ReduceSum", "Reshape")
#: Begins the names of everything that is added.
PREFIX = "outside."


def features_name(graph: onnx.GraphProto) -> str:
    """The tensor that the last layer reads. Raises ``ValueError`` where none is found."""
    made_by = {output: node for node in graph.node for output in node.output}
    node = made_by.get(export.OUTPUT)
    while node is not None and node.op_type in AFTER:
        node = next((made_by[name] for name in node.input if name in made_by), None)
    if node is None or node.op_type not in ("Gemm", "MatMul"):
        raise ValueError("the graph does not end with a linear layer")
    return node.input[0]


def features(path: Path, tensors: Iterable[np.ndarray]) -> np.ndarray:
    """What the last layer of a graph reads for each picture, float32 [pictures, width].

    Pictures, [3, size, size], go through one at a time, as the app runs them.
    """
    model = onnx.load(str(path))
    name = features_name(model.graph)
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    session = export.session_of(model.SerializeToString())
    rows = [session.run([name], {export.INPUT: tensor[None]})[0] for tensor in tensors]
    return np.concatenate(rows)


def add(path: Path, distance: Distance) -> None:
    """Gives the graph at ``path`` the output ``outside``, float32 [batch]; an older one goes."""
    model = onnx.load(str(path))
    graph = model.graph
    remove(graph)
    name = features_name(graph)
    stored, widen = quantise.widened(f"{PREFIX}components", distance.components, -1, "fp16")
    graph.initializer.extend(
        [
            numpy_helper.from_array(distance.mean, f"{PREFIX}mean"),
            numpy_helper.from_array(distance.scale, f"{PREFIX}scale"),
            numpy_helper.from_array(np.array([1], np.int64), f"{PREFIX}axes"),
            *stored,
        ]
    )
    steps = [
        ("Sub", [name, f"{PREFIX}mean"], "centred"),
        ("Mul", [f"{PREFIX}centred", f"{PREFIX}scale"], "standard"),
        ("MatMul", [f"{PREFIX}standard", f"{PREFIX}components"], "whitened"),
        ("Mul", [f"{PREFIX}whitened"] * 2, "squares"),
        ("ReduceSum", [f"{PREFIX}squares", f"{PREFIX}axes"], "sum"),
    ]
    graph.node.extend(widen)
    for operator, inputs, output in steps:
        options = {"keepdims": 0} if operator == "ReduceSum" else {}
        graph.node.append(helper.make_node(operator, inputs, [PREFIX + output], **options))
    graph.node.append(helper.make_node("Sqrt", [f"{PREFIX}sum"], [export.OUTSIDE]))
    batch = graph.input[0].type.tensor_type.shape.dim[0]
    extent = batch.dim_param or batch.dim_value or None
    shape = helper.make_tensor_value_info(export.OUTSIDE, TensorProto.FLOAT, [extent])
    graph.output.append(shape)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def remove(graph: onnx.GraphProto) -> None:
    """Takes the output and all that was added for it away."""
    for field, own in (
        (graph.node, lambda node: node.output[0].startswith(PREFIX)),
        (graph.node, lambda node: node.output[0] == export.OUTSIDE),
        (graph.initializer, lambda tensor: tensor.name.startswith(PREFIX)),
        (graph.output, lambda output: output.name == export.OUTSIDE),
    ):
        for item in [item for item in field if own(item)]:
            field.remove(item)
