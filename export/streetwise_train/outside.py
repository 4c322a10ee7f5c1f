"""How unlike the street pictures of its training a picture is: a distance, and its bound.

A softmax is as sure of a grey gradient as of a street: it only compares countries. What tells them
apart is where the features lie. The score is the Mahalanobis distance of a picture's features to
those of the training pictures (Lee et al. 2018, without classes) in their leading principal
components, divided by the root of the number of components: near 1 for a picture that is like the
training pictures. README.md has what else was tried; :mod:`graft` puts it into a graph.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

import numpy as np
from sklearn.utils.extmath import randomized_svd

from . import export

#: Leading principal components; at most a quarter of the pictures they are fitted on.
COMPONENTS = 128
#: Share of held-out street pictures that the bound keeps.
KEPT = 0.95
#: Under a standard deviation, so that a feature that never changes does not count without end.
FLAT = 1e-3
#: Fewer training pictures cannot say what is usual.
LEAST = 40
FOLDS = 5
#: Power iterations of the randomised decomposition (Halko et al. 2011); more change no digit.
ROUNDS = 6


@dataclass(frozen=True)
class Distance:
    """Raw features, [pictures, width], to scores, [pictures]; larger is stranger.

    ``score = |((features - mean) * scale) @ components|``; ``mean`` and ``scale`` are [width],
    ``components`` [width, components], all float32.
    """

    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """The scores, float32 [pictures]."""
        return np.linalg.norm(((features - self.mean) * self.scale) @ self.components, axis=1)


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


def fit(features: np.ndarray, sources: np.ndarray) -> Distance:
    """The distance to training pictures' features [pictures, width].

    ``sources`` names where each picture comes from: a source weighs as the root of its number of
    pictures, so that the largest does not decide alone what is usual.
    """
    count = Counter(sources.tolist())
    weight = np.array([count[s] ** -0.5 for s in sources.tolist()])
    weight = (weight / weight.sum()).astype(np.float32)
    features = features.astype(np.float32)
    mean = weight @ features
    spread = np.sqrt(weight @ (features - mean) ** 2) + np.float32(FLAT)
    x = (features - mean) / spread * np.sqrt(weight)[:, None]
    wide = x.shape[1]
    kept = max(1, min(COMPONENTS, len(x) // 4, wide))
    # The seed makes it the same every time; a full decomposition takes a hundred times as long.
    _, lengths, components = randomized_svd(x, kept, n_iter=ROUNDS, random_state=0)
    whitened = components.T / np.sqrt(np.maximum(lengths**2, FLAT) * kept)
    return Distance(*(v.astype(np.float32) for v in (mean, 1 / spread, whitened)))


def folds(groups: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """A fold number for each picture: whole sources, the largest first, where the fold is emptiest.

    A source with more than a fold's share of the pictures is spread by ``groups`` (places).
    """
    count = Counter(sources.tolist())
    whole = np.array([count[s] * FOLDS <= len(sources) for s in sources.tolist()])
    units = np.where(whole, [f"s{s}" for s in sources], [f"g{g}" for g in groups])
    names, inverse, sizes = np.unique(units, return_inverse=True, return_counts=True)
    fold, filled = np.zeros(len(names), int), np.zeros(FOLDS)
    for i in np.argsort(-sizes, kind="stable"):
        fold[i] = filled.argmin()
        filled[fold[i]] += sizes[i]
    return fold[inverse]


def held_out(features: np.ndarray, sources: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Every picture's score by a distance that was fitted without its fold, [pictures]."""
    scores = np.zeros(len(features), np.float32)
    for number in np.unique(fold):
        held = fold == number
        scores[held] = fit(features[~held], sources[~held])(features[held])
    return scores


def rule(scores: np.ndarray, fitted_on: str) -> Rule:
    """The bound that keeps ``KEPT`` of the scores of street pictures that were held out."""
    bound = float(np.ceil(float(np.quantile(scores, KEPT)) * 1000) / 1000)
    return Rule(bound, round(float(np.mean(scores <= bound)), 4), fitted_on)
