"""Makes the small ONNX files of the fault tests: `python make.py` in this folder (needs onnx, numpy)."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHT = np.array([[1.0, 0.2, -0.4], [-0.5, 0.9, 0.3], [0.1, -0.7, 1.1]], np.float32)


def model(name, nodes, width, extra=(), size=16, domains=("",), more=()):
    """Saves a classifier: pixels [batch, 3, size, size] to logits [batch, width], and outputs ``more`` [batch]."""
    others = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch"]) for output in more]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", width]), *others],
        list(extra),
    )
    opsets = [helper.make_opsetid(domain, 17 if not domain else 1) for domain in domains]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.save(made, f"{name}.onnx")


def head(weight):
    """Mean colour, then a linear layer."""
    pool = helper.make_node("GlobalAveragePool", ["pixels"], ["pooled"])
    flat = helper.make_node("Flatten", ["pooled"], ["features"], axis=1)
    line = helper.make_node("MatMul", ["features", "weight"], ["scores"])
    return [pool, flat, line], numpy_helper.from_array(weight.astype(np.float32), "weight")


nodes, weight = head(WEIGHT)
same = helper.make_node("Identity", ["scores"], ["logits"])
model("tiny", [*nodes, same], 3, [weight])
model("size8", [*nodes, same], 3, [weight], size=8)
# How far the mean colour lies from middle grey: 0 for grey, 1 for black, white and full colours.
far = [
    helper.make_node("Abs", ["features"], ["distances"]),
    helper.make_node("ReduceMean", ["distances"], ["outside"], axes=[1], keepdims=0),
]
model("outside", [*nodes, same, *far], 3, [weight], more=["outside"])
wide = head(np.concatenate([WEIGHT, WEIGHT[:, :1]], 1))
model("wide", [*wide[0], same], 4, [wide[1]])
# The golden input is answered; a bright picture (mean over 1.5 in every channel) is not a number.
nan = [
    helper.make_node("Sub", ["limit", "scores"], ["left"]),
    helper.make_node("Sqrt", ["left"], ["logits"]),
]
model("nan", [*nodes, *nan], 3, [weight, numpy_helper.from_array(np.float32(0.5), "limit")])
model("custom", [*nodes, helper.make_node("Open", ["scores"], ["logits"], domain="org.elsewhere")], 3, [weight], domains=("", "org.elsewhere"))
outside = TensorProto(name="weight", dims=[3, 3], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
entry = outside.external_data.add()
entry.key, entry.value = "location", "../../secret.bin"
model("external", [*nodes, same], 3, [outside])
