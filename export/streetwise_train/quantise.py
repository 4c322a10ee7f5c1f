"""Smaller weights with full-precision arithmetic (int8 per channel, or fp16), and full int8.

Only the stored weights shrink. A node in front of every consumer widens them to float32 again
(``w = q * scale``), so activations stay float and any engine computes the same numbers. The pair
``Cast`` and ``Mul`` says the same as ``DequantizeLinear``, but engines fold it away when the model
is loaded, where they keep a ``DequantizeLinear`` in the graph and pay for it in every pass.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quant_pre_process,
    quantize_static,
)

#: Initialisers with fewer elements (norms, biases) stay float32: they weigh nothing.
MIN_ELEMENTS = 1024
#: Symmetric int8, so that zero stays zero.
LEVELS = 127
#: The head stays float32: it is small, and its weights are what was fitted.
FLOAT_PREFIX = ("head.",)
#: What ``attention.Explained`` puts before the names of the classifier it wraps.
WRAPPER = "model."


def channel_axis(graph: onnx.GraphProto, name: str) -> int | None:
    """The output-channel axis of a weight, from the node that reads it; ``None`` for no weight."""
    for node in graph.node:
        if name not in list(node.input)[1:2]:
            continue
        if node.op_type == "Conv":
            return 0
        if node.op_type == "MatMul":
            return -1
        if node.op_type == "Gemm":
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            return 0 if transposed else 1
    return None


def to_int8(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric per-channel int8 and its scale, shaped to broadcast: ``q * scale ~ values``.

    The error of a weight is at most half its channel's scale.
    """
    others = tuple(i for i in range(values.ndim) if i != axis % values.ndim)
    scale = np.abs(values).max(axis=others, keepdims=True) / LEVELS
    scale = np.where(scale == 0, 1.0, scale).astype(np.float32)
    levels = np.clip(np.rint(values / scale), -LEVELS, LEVELS)
    return levels.astype(np.int8), scale


def shrink(
    source: Path,
    target: Path,
    kind: str,
    kept_float: tuple[str, ...] = FLOAT_PREFIX,
    exceptions: dict[str, str] | None = None,
) -> int:
    """Writes ``source`` with weights stored as ``int8`` or ``fp16``; returns how many shrank.

    Initialisers whose names begin with a key of ``exceptions`` are stored as it says, others that
    begin with one of ``kept_float`` stay float32; ``WRAPPER`` before a name does not count.
    """
    model = onnx.load(str(source))
    graph, nodes, kept, shrunk = model.graph, [], [], 0
    for tensor in graph.initializer:
        values, axis = numpy_helper.to_array(tensor), channel_axis(graph, tensor.name)
        own = own_kind(tensor.name, exceptions)
        spared = own is None and plain(tensor.name).startswith(kept_float)
        if axis is None or spared or values.size < MIN_ELEMENTS or values.dtype != np.float32:
            kept.append(tensor)
            continue
        stored, widen = widened(tensor.name, values, axis, own or kind)
        kept += stored
        nodes += widen
        shrunk += 1
    graph.ClearField("initializer")
    graph.initializer.extend(kept)
    graph_nodes = nodes + list(graph.node)
    graph.ClearField("node")
    graph.node.extend(graph_nodes)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(target))
    return shrunk


def plain(name: str) -> str:
    """The name of an initialiser in the classifier, whether or not its attention is told."""
    return name.removeprefix(WRAPPER)


def own_kind(name: str, exceptions: dict[str, str] | None) -> str | None:
    """How ``exceptions`` say that ``name`` is stored; ``None`` where they do not."""
    fitting = [prefix for prefix in exceptions or {} if plain(name).startswith(prefix)]
    return exceptions[max(fitting, key=len)] if fitting else None


def widened(
    name: str, values: np.ndarray, axis: int, kind: str
) -> tuple[list[TensorProto], list[onnx.NodeProto]]:
    """Stored tensors and the nodes that turn them back into the float32 tensor ``name``."""
    if kind == "fp16":
        half = numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
        return [half], [helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT)]
    if kind != "int8":
        raise ValueError(f"weights can be stored as int8 or fp16, not {kind}")
    levels, scale = to_int8(values, axis)
    q = numpy_helper.from_array(levels, f"{name}.int8")
    s = numpy_helper.from_array(scale, f"{name}.scale")
    wide = f"{name}.wide"
    return [q, s], [
        helper.make_node("Cast", [q.name], [wide], to=TensorProto.FLOAT),
        helper.make_node("Mul", [wide, s.name], [name]),
    ]


class Pictures(CalibrationDataReader):
    """Feeds prepared pictures, float32 [pictures, 3, size, size], to ONNX Runtime one by one."""

    def __init__(self, name: str, tensors: np.ndarray) -> None:
        """``name`` is the graph's input."""
        self.rows = iter([{name: tensor[None]} for tensor in tensors])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next picture; ``None`` at the end."""
        return next(self.rows, None)


def calibrated(source: Path, target: Path, name: str, tensors: np.ndarray) -> None:
    """Writes ``source`` with int8 weights and activations (QDQ), calibrated on ``tensors``.

    Weights are symmetric per channel; activations get their range from the pictures (least and
    most value). Only matrix products and convolutions are quantised. Whatever ONNX Runtime's
    quantiser cannot do it raises.
    """
    with tempfile.TemporaryDirectory() as folder:
        shaped = Path(folder) / "shaped.onnx"
        quant_pre_process(str(source), str(shaped), skip_symbolic_shape=True)
        quantize_static(
            str(shaped),
            str(target),
            Pictures(name, tensors),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        )
