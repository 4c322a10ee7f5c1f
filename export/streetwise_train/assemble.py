"""Backbone and head as one network, and the gate an exported graph must pass."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import attention, export, golden, metrics, quantise
from .cache import FLOAT
from .head import Head

#: Largest difference of a logit between PyTorch and the float32 graph that is accepted.
MAX_DIFFERENCE = 1e-3
#: Largest loss of balanced top-1 that smaller weights may cost.
MAX_LOSS = 0.005


class Classifier(nn.Module):
    """Normalised pictures, [batch, 3, size, size], to raw logits, [batch, countries]."""

    def __init__(self, features: nn.Module, head: Head) -> None:
        """Joins ``features`` and the linear ``head``."""
        super().__init__()
        self.features = features
        self.head = nn.Linear(head.weight.shape[1], head.weight.shape[0])
        self.head.weight.data = torch.from_numpy(head.weight)
        self.head.bias.data = torch.from_numpy(head.bias)
        self.eval()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Raw logits, before the temperature."""
        return self.head_of(self.features(pictures))

    def head_of(self, features: torch.Tensor) -> torch.Tensor:
        """Raw logits of features [batch, width]."""
        return self.head(features)


@dataclass(frozen=True)
class Gate:
    """What the comparison of PyTorch, the float32 graph and the shipped graph found.

    ``float_difference``: largest logit difference of the float32 graph to PyTorch.
    ``agreement`` and ``loss``: share of equal top guesses, and balanced top-1 lost, between the
    shipped weights and the float ones on ``pictures`` held-out pictures.
    """

    stored: str
    float_difference: float
    agreement: float
    loss: float
    pictures: int


def run_graph(path: Path, tensors: np.ndarray, output: str = export.OUTPUT) -> np.ndarray:
    """One output of an ONNX file on ONNX Runtime, one picture at a time as the app runs it."""
    session = export.open_session(path)
    rows = [session.run([output], {export.INPUT: tensor[None]})[0] for tensor in tensors]
    return np.concatenate(rows)


def check_float(model: nn.Module, path: Path, size: int) -> float:
    """The largest difference to PyTorch on the golden input, alone and in a batch of two.

    It is that of a logit or, relative to its size, that of a score of :mod:`outside`. Raises
    ``ValueError`` above ``MAX_DIFFERENCE``.
    """
    picture = golden.tensor(size)
    pair = np.concatenate([picture, picture[:, :, ::-1]])
    with torch.inference_mode():
        answer = model(torch.from_numpy(pair))
    difference, session = 0.0, export.open_session(path)
    names = getattr(model, "outputs", (export.OUTPUT,))
    for name, values in zip(names, answer if len(names) > 1 else (answer,), strict=True):
        expected = values.numpy()
        scale = 1.0 if name == export.OUTPUT else max(1.0, np.abs(expected).max())
        for found in (
            session.run([name], {export.INPUT: pair})[0],
            run_graph(path, pair, name),
        ):
            difference = max(difference, float(np.abs(found - expected).max() / scale))
    if not difference <= MAX_DIFFERENCE:
        raise ValueError(f"{path.name} differs from PyTorch by {difference:.2e} on a logit")
    return difference


def compare(exact: np.ndarray, small: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Top-1 agreement of two sets of logits, and the balanced top-1 the second one loses."""
    right = [(logits.argmax(1) == labels).astype(float) for logits in (exact, small)]
    loss = metrics.balanced(right[0], labels) - metrics.balanced(right[1], labels)
    return float(np.mean(exact.argmax(1) == small.argmax(1))), loss


def write_graph(model: nn.Module, size: int, target: Path, stored: str) -> float:
    """Writes the graph with small weights to ``target``; returns the float graph's difference.

    ``model`` is a :class:`Classifier`, or one inside :class:`outside.Measured`. A ViT's graph tells
    its attention as well (``attention.grid`` says how). The float32 graph is exported and compared
    with PyTorch first, and is not kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "float.onnx"
        attention.export_onnx(model, size, exact)
        difference = check_float(model, exact, size)
        if stored == FLOAT:
            shutil.copyfile(exact, target)
        else:
            quantise.shrink(exact, target, stored)
    return difference
