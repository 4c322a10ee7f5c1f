"""Backbone and head as one network, and the gate an exported graph must pass."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
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
        """Joins ``features`` and the ``head``."""
        super().__init__()
        self.features = features
        domains, self.countries, width = head.weight.shape
        self.head = linear(head.weight.reshape(-1, width), head.bias.reshape(-1))
        self.gate = linear(head.gate, head.gate_bias) if domains > 1 else None
        self.eval()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Raw logits, before the temperature."""
        found = self.features(pictures)
        if self.gate is None:
            return self.head(found)
        share = torch.softmax(self.gate(found), 1).unsqueeze(2)
        each = self.head(found).unflatten(1, (-1, self.countries))
        return (each * share).sum(1)


def linear(weight: np.ndarray, bias: np.ndarray) -> nn.Linear:
    """The layer ``x @ weight.T + bias``."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data = torch.from_numpy(weight)
    layer.bias.data = torch.from_numpy(bias)
    return layer


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


def run_graph(path: Path, tensors: Iterable[np.ndarray], output: str = export.OUTPUT) -> np.ndarray:
    """An output of an ONNX file on ONNX Runtime, one picture at a time as the app runs it."""
    session = export.open_session(path)
    rows = [session.run([output], {export.INPUT: tensor[None]})[0] for tensor in tensors]
    return np.concatenate(rows)


def check_float(model: Classifier, path: Path, size: int) -> float:
    """The largest logit difference to PyTorch on the golden input, alone and in a batch of two.

    Raises ``ValueError`` above ``MAX_DIFFERENCE``.
    """
    picture = golden.tensor(size)
    pair = np.concatenate([picture, picture[:, :, ::-1]])
    with torch.inference_mode():
        expected = model(torch.from_numpy(pair)).numpy()
    together = export.open_session(path).run(None, {export.INPUT: pair})[0]
    alone = run_graph(path, pair)
    difference = float(max(np.abs(together - expected).max(), np.abs(alone - expected).max()))
    if not difference <= MAX_DIFFERENCE:
        raise ValueError(f"{path.name} differs from PyTorch by {difference:.2e} on a logit")
    return difference


def compare(exact: np.ndarray, small: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Top-1 agreement of two sets of logits, and the balanced top-1 the second one loses."""
    right = [(logits.argmax(1) == labels).astype(float) for logits in (exact, small)]
    loss = metrics.balanced(right[0], labels) - metrics.balanced(right[1], labels)
    return float(np.mean(exact.argmax(1) == small.argmax(1))), loss


def write_graph(
    model: Classifier,
    size: int,
    target: Path,
    stored: str,
    exceptions: dict[str, str] | None = None,
) -> float:
    """Writes the graph with small weights to ``target``; returns the float graph's difference.

    ``exceptions`` are as in ``quantise.shrink``.
    A ViT's graph tells its attention as well (``attention.grid`` says how). The float32 graph is
    exported and compared with PyTorch first, and is not kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "float.onnx"
        attention.export_onnx(model, size, exact)
        difference = check_float(model, exact, size)
        if stored == FLOAT:
            shutil.copyfile(exact, target)
        else:
            quantise.shrink(exact, target, stored, exceptions=exceptions)
    return difference
