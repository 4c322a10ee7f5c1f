"""How unlike the street pictures of its training a picture is, as one more output of a graph.

A softmax is as sure of a grey gradient as of a street: it only compares countries. What tells them
apart is where the features lie. The score is the Mahalanobis distance of a picture's features to
those of the training pictures (Lee et al. 2018, without classes), with the covariance of
probabilistic PCA (Tipping and Bishop 1999): the leading directions have their own variance, all
others share one. Divided by the root of the number of features it is near 1 for a picture that is
like the training pictures. README.md has what else was tried.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

import numpy as np
import torch
from scipy.linalg import eigh
from torch import nn

from . import export

#: Directions with a variance of their own; at most a quarter of the pictures they are fitted on.
DIRECTIONS = 128
#: Share of held-out street pictures that the bound keeps.
KEPT = 0.95
#: Under a standard deviation, so that a feature that never changes does not count without end.
FLAT = 1e-3


class Distance(nn.Module):
    """Raw features, float32 [batch, width], to scores, [batch]; larger is stranger."""

    def __init__(self, features: np.ndarray, sources: np.ndarray) -> None:
        """Fits it on the training pictures' features [pictures, width].

        ``sources`` names where each picture comes from: a source weighs as the root of its number
        of pictures, so that the largest does not decide alone what is usual.
        """
        super().__init__()
        count = Counter(sources.tolist())
        weight = np.array([count[s] ** -0.5 for s in sources.tolist()])
        weight /= weight.sum()
        features = features.astype(np.float64)
        mean = weight @ features
        spread = np.sqrt(weight @ (features - mean) ** 2) + FLAT
        x = (features - mean) / spread * np.sqrt(weight)[:, None]
        wide = x.shape[1]
        kept = max(1, min(DIRECTIONS, len(x) // 4, wide - 1))
        variance, directions = eigh(x.T @ x, subset_by_index=[wide - kept, wide - 1])
        rest = max((np.square(x).sum() - variance.sum()) / (wide - kept), FLAT)
        # Directions come scaled, so that the sum of squares below needs no weights.
        gain = np.sqrt(1 - rest / np.maximum(variance, rest))
        self.register_buffer("mean", torch.from_numpy(mean).float())
        self.register_buffer("scale", torch.from_numpy(1 / spread / np.sqrt(rest)).float())
        self.weight = nn.Parameter(torch.from_numpy(directions * gain).float(), False)
        self.width = wide

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scores, float32 [batch]."""
        z = (features - self.mean) * self.scale
        square = z.square().sum(1) - (z @ self.weight).square().sum(1)
        return (square.clamp(min=0) / self.width).sqrt()

    def score(self, features: np.ndarray) -> np.ndarray:
        """The scores of many pictures, float32 [pictures]."""
        with torch.inference_mode():
            return self(torch.from_numpy(features.astype(np.float32))).numpy()


class Measured(nn.Module):
    """A classifier with the score beside its logits."""

    outputs = (export.OUTPUT, export.OUTSIDE)

    def __init__(self, model: nn.Module, outside: Distance) -> None:
        """``model`` has ``features(pictures)`` and ``head_of(features)``; all is shared with it."""
        super().__init__()
        self.model, self.outside = model, outside
        self.eval()

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Raw logits [batch, countries] and scores [batch]."""
        features = self.model.features(pictures)
        return self.model.head_of(features), self.outside(features)


@dataclass(frozen=True)
class Rule:
    """The score above which a picture is called outside, and what that was measured to do.

    ``kept`` is the share of held-out street pictures at or below ``bound``; ``fitted_on`` says in
    words what those were.
    """

    bound: float
    kept: float
    fitted_on: str

    def entry(self) -> dict:
        """``output.outside`` of the manifest."""
        return {"name": export.OUTSIDE} | asdict(self)


def rule(scores: np.ndarray, fitted_on: str) -> Rule:
    """The bound that keeps ``KEPT`` of the scores of street pictures that were held out."""
    bound = float(np.ceil(np.quantile(scores, KEPT) * 1000) / 1000)
    return Rule(bound, round(float(np.mean(scores <= bound)), 4), fitted_on)
