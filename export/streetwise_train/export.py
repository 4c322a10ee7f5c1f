"""A PyTorch module to one ONNX graph, and the session that runs it."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import nn

#: Every operator of this set is known to both engines of the app (ONNX Runtime and tract 0.23).
OPSET = 18
INPUT, OUTPUT, ATTENTION, OUTSIDE = "pictures", "logits", "attention", "outside"


def export_onnx(
    model: nn.Module, size: int, path: Path, outputs: tuple[str, ...] = (OUTPUT,)
) -> None:
    """Writes ``model`` ([batch, 3, size, size] to ``outputs``) as a self-contained ONNX file.

    The batch is the only dynamic dimension; shapes are checked by ``onnx.checker``.
    """
    model.eval()
    example = torch.zeros(2, 3, size, size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (example,),
            str(path),
            dynamo=True,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            opset_version=OPSET,
            verbose=False,
        )
    plain = strip(onnx.load(str(path)))
    onnx.checker.check_model(plain, full_check=True)
    onnx.save(plain, str(path))


def strip(model: onnx.ModelProto) -> onnx.ModelProto:
    """Takes away what the exporter notes about its own work: stack traces with paths, scopes."""
    graph = model.graph
    parts = [graph.node, graph.initializer, graph.value_info, graph.input, graph.output]
    for holder in (model, graph, *(item for part in parts for item in part)):
        holder.ClearField("metadata_props")
    return model


def open_session(path: Path, threads: int = 0) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the processor; ``threads = 0`` leaves the count to the runtime."""
    return session_of(str(path), threads)


def session_of(graph: str | bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    """As :func:`open_session`, for a path or for the bytes of a graph."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
