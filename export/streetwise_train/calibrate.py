"""Calibration: one temperature, and the bound below which a guess is called unsure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression

from . import metrics

#: Guesses at the bound must be right at least this often.
WANTED = 0.5


def temperature(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """The temperature that minimises the weighted negative log likelihood (Guo et al. 2017)."""

    def loss(log_t: float) -> float:
        own = metrics.softmax(logits, np.exp(log_t))[np.arange(len(labels)), labels]
        return float(-(weights * np.log(own + 1e-12)).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))


@dataclass(frozen=True)
class Unsure:
    """The rule for calling a guess unsure, with what it was measured to do.

    ``coverage`` is the share of guesses called sure. The first pair of figures is by place, the
    second with whole sources held out.
    """

    min_top1: float
    coverage: float
    accuracy_when_sure: float
    accuracy_when_unsure: float
    source_coverage: float
    source_accuracy_when_sure: float
    source_accuracy_when_unsure: float

    @property
    def rule(self) -> str:
        """The rule in one sentence."""
        return (
            f"A guess is unsure when its calibrated top probability is below {self.min_top1:.2f}, "
            f"the bound from which guesses at places never trained on were right at least half "
            f"of the time."
        )


def bound(top: np.ndarray, right: np.ndarray) -> float:
    """The smallest top probability at which guesses are right at least half of the time.

    Accuracy as a function of the probability is fitted by isotonic regression (Zadrozny and
    Elkan 2002); the bound has two digits, and is 1 where guesses never are right often enough.
    """
    grid = np.arange(1, 100) / 100
    fitted = IsotonicRegression(out_of_bounds="clip").fit(top, right).predict(grid)
    enough = np.flatnonzero((fitted >= WANTED) & (grid <= top.max()))
    return float(grid[enough[0]]) if len(enough) else 1.0


def split_at(top: np.ndarray, right: np.ndarray, least: float) -> tuple[float, float, float]:
    """Share of guesses at or above ``least``, and the accuracy there and below."""
    sure = top >= least
    accuracy = [float(right[part].mean()) if part.any() else 0.0 for part in (sure, ~sure)]
    return float(sure.mean()), accuracy[0], accuracy[1]


def unsure(place: np.ndarray, source: np.ndarray, labels: np.ndarray) -> Unsure:
    """The rule, from calibrated probabilities held out by place; measured by source as well."""
    tops = [(p.max(1), (p.argmax(1) == labels).astype(float)) for p in (place, source)]
    least = bound(*tops[0])
    return Unsure(least, *split_at(*tops[0], least), *split_at(*tops[1], least))
