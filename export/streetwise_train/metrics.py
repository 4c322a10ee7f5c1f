"""Figures of a ranking: top-k, of all pictures and balanced over countries, F1, calibration."""

from __future__ import annotations

import numpy as np

#: Bins of the expected calibration error (Guo et al. 2017).
ECE_BINS = 15


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities, float64 [pictures, countries], of logits divided by a temperature."""
    scaled = logits.astype(np.float64) / temperature
    exp = np.exp(scaled - scaled.max(1, keepdims=True))
    return exp / exp.sum(1, keepdims=True)


def ranks(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The rank (0 is best) of each picture's true country; see :func:`order` for equal scores."""
    return np.argmax(order(scores) == labels[:, None], axis=1)


def guesses(scores: np.ndarray) -> np.ndarray:
    """The country of each picture that is ranked first; see :func:`order` for equal scores."""
    return order(scores)[:, 0]


def order(scores: np.ndarray) -> np.ndarray:
    """The countries of each picture from best to worst, [pictures, countries].

    Equal scores stand in the order of the countries, so that a network that says the same of all
    is right by chance alone; NaN stands behind every number. The app ranks the same way
    (``tests/golden/figures.json``).
    """
    return np.argsort(-np.where(np.isnan(scores), -np.inf, scores), axis=1, kind="stable")


def balanced(values: np.ndarray, labels: np.ndarray) -> float:
    """The mean over the countries present of each country's mean."""
    return float(np.mean([values[labels == c].mean() for c in np.unique(labels)]))


def macro_f1(guessed: np.ndarray, labels: np.ndarray) -> float:
    """The mean of F1 over the countries present among the labels."""
    scores = []
    for country in np.unique(labels):
        hit = np.sum((guessed == country) & (labels == country))
        scores.append(2 * hit / (np.sum(guessed == country) + np.sum(labels == country)))
    return float(np.mean(scores))


def ece(probabilities: np.ndarray, labels: np.ndarray, bins: int = ECE_BINS) -> float:
    """Expected calibration error of the top guess over equal-width bins (Guo et al. 2017)."""
    top, right = probabilities.max(1), guesses(probabilities) == labels
    bin_of = np.minimum((top * bins).astype(int), bins - 1)
    gaps = [
        abs(top[bin_of == b].mean() - right[bin_of == b].mean()) * np.mean(bin_of == b)
        for b in np.unique(bin_of)
    ]
    return float(np.sum(gaps))


def summary(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Every figure of one set of pictures.

    ``top1`` is the share of pictures whose country is guessed first, ``balanced_top1`` the mean
    over the countries present of the same share within each; 3 and 5 likewise.
    """
    rank = ranks(probabilities, labels)
    figures = {f"top{k}": float(np.mean(rank < k)) for k in (1, 3, 5)}
    figures |= {f"balanced_top{k}": balanced(rank < k, labels) for k in (1, 3, 5)}
    figures["macro_f1"] = macro_f1(guesses(probabilities), labels)
    figures["ece"] = ece(probabilities, labels)
    return figures


def by_key(probabilities: np.ndarray, labels: np.ndarray, keys: np.ndarray) -> dict[str, dict]:
    """Pictures, top-1 and top-5 for each value of ``keys`` (a country, a source)."""
    rank = ranks(probabilities, labels)
    return {
        str(key): {
            "images": int(np.sum(keys == key)),
            "top1": float(np.mean(rank[keys == key] < 1)),
            "top5": float(np.mean(rank[keys == key] < 5)),
        }
        for key in np.unique(keys)
    }
