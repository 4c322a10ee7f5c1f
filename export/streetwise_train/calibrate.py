"""Calibration: one temperature, and the bound below which a guess is called unsure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from . import metrics

#: Guesses at the bound must be right at least this often.
WANTED = 0.5
#: Pictures in the window over which accuracy near a probability is measured.
WINDOW = 101
#: The bound where accuracy never reaches ``WANTED``: above every probability, nothing is sure.
NEVER = 1.01


def temperature(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """The temperature that minimises the weighted negative log likelihood (Guo et al. 2017)."""

    def loss(log_t: float) -> float:
        own = metrics.softmax(logits, np.exp(log_t))[np.arange(len(labels)), labels]
        return float(-(weights * np.log(own + 1e-12)).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))


@dataclass(frozen=True)
class Unsure:
    """The rule for calling a guess unsure, with what it was measured to do.

    ``coverage`` is the share of guesses called sure.
    """

    min_top1: float
    coverage: float
    accuracy_when_sure: float
    accuracy_when_unsure: float

    @property
    def rule(self) -> str:
        """The rule in one sentence."""
        if self.min_top1 > 1:
            return (
                "No guess is called sure: at places never trained on, guesses were not right half "
                "of the time at any probability."
            )
        return (
            f"A guess is unsure when its calibrated top probability is below {self.min_top1:.2f}, "
            f"the bound from which guesses at places never trained on were right at least half "
            f"of the time."
        )


def in_words(where: str, coverage: float, when_sure: float, when_unsure: float) -> str:
    """What the rule was measured to do ``where``, as a sentence."""
    if not coverage:
        return f"{where}, no guess is sure, and {when_unsure:.0%} of them are right."
    return (
        f"{where}, {coverage:.0%} of guesses are sure, {when_sure:.0%} of those are right, and "
        f"{when_unsure:.0%} of the others."
    )


def bound(top: np.ndarray, right: np.ndarray) -> float:
    """The smallest top probability from which guesses stay right at least half of the time.

    Accuracy near a probability is a centred moving mean over ``WINDOW`` pictures sorted by top
    probability; the bound is where it last comes up through ``WANTED``, to two digits. Noise in
    the mean can only raise it. Where guesses are right often enough all the way down, the bound is
    the smallest probability there was; where even the most probable window is wrong more often, it
    is ``NEVER``. With fewer than four windows of pictures a window is a
    quarter of them.
    """
    order = np.argsort(top, kind="stable")
    window = min(WINDOW, max(1, len(top) // 4))
    smooth = np.convolve(right[order], np.ones(window) / window, mode="valid")
    below = np.flatnonzero(smooth < WANTED)
    if not len(below):
        return float(np.floor(top.min() * 100) / 100)
    first = below[-1] + 1
    if first == len(smooth):
        return NEVER
    return float(np.round(top[order][first + window // 2], 2))


def split_at(top: np.ndarray, right: np.ndarray, least: float) -> tuple[float, float, float]:
    """Share of guesses at or above ``least``, and the accuracy there and below."""
    sure = top >= least
    accuracy = [float(right[part].mean()) if part.any() else 0.0 for part in (sure, ~sure)]
    return float(sure.mean()), accuracy[0], accuracy[1]


def unsure(held_out: np.ndarray, labels: np.ndarray) -> Unsure:
    """The rule from calibrated probabilities of pictures that were held out."""
    top, right = held_out.max(1), (held_out.argmax(1) == labels).astype(float)
    least = bound(top, right)
    return Unsure(least, *split_at(top, right, least))
