"""What a trained model does on the validation places: ``evaluation.json`` and its calibration."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from . import calibrate, metrics
from .figures import rounded

#: Wrong guesses and confused pairs that are kept, the surest and the most frequent first.
WORST, PAIRS = 24, 12
#: A temperature outside is not believed: so few pictures cannot say that much.
TEMPERATURES = (0.2, 20.0)


@dataclass(frozen=True)
class Evaluation:
    """Figures of one model on its validation pictures.

    ``report`` is ``evaluation.json``; ``metrics`` the figures for ``model.json``. Logits are
    divided by ``temperature`` before the softmax; ``unsure`` is the rule for a guess to be so.
    """

    temperature: float
    unsure: calibrate.Unsure
    report: dict
    metrics: dict


def measure(
    logits: np.ndarray,
    labels: np.ndarray,
    countries: list[str],
    names: np.ndarray,
    places: np.ndarray,
    sources: np.ndarray,
) -> Evaluation:
    """All figures from raw logits [pictures, countries] and class numbers [pictures].

    ``names``, ``places`` and ``sources`` are those of the pictures. The temperature and the bound
    are fitted on the same pictures, by one number each.
    """
    share = np.bincount(labels, minlength=len(countries))[labels]
    fitted = calibrate.temperature(logits, labels, 1 / share / len(countries))
    temperature = float(np.round(np.clip(fitted, *TEMPERATURES), 4))
    before, after = metrics.softmax(logits), metrics.softmax(logits, temperature)
    figures = metrics.summary(after, labels)
    common = {
        "places": len(np.unique(places)),
        "images": len(labels),
        "chance": 1 / len(countries),
        **figures,
    }
    report = {
        "countries": countries,
        **rounded(common | {"ece": metrics.ece(before, labels)}),
        "ece_after": round(figures["ece"], 4),
        "temperature": temperature,
        "per_country": per_country(after, labels, countries),
        "confusion": confusion_matrix(
            labels, after.argmax(1), labels=range(len(countries))
        ).tolist(),
        "worst": worst(after, labels, countries, names),
        "pairs": pairs(after.argmax(1), labels, countries),
    }
    codes = np.array(countries)[labels]
    kept = {
        "data": "the validation pictures of the user's own data, see the card",
        "split": "places held out once from training, and validated on in every epoch",
        "countries": len(countries),
        **common,
        "ece_before_temperature": report["ece"],
        "per_country": metrics.by_key(after, labels, codes),
        "per_source": metrics.by_key(after, labels, sources) if any(sources) else {},
    }
    unsure = calibrate.unsure(after, labels)
    return Evaluation(temperature, unsure, report, rounded(kept))


def per_country(probabilities: np.ndarray, labels: np.ndarray, countries: list[str]) -> dict:
    """Precision, recall, F1 and number of pictures of each country; zero where undefined."""
    columns = precision_recall_fscore_support(
        labels, probabilities.argmax(1), labels=range(len(countries)), zero_division=0
    )
    return {
        country: {
            "f1": round(float(f1), 4),
            "precision": round(float(precision), 4),
            "recall": round(float(recall), 4),
            "support": int(support),
        }
        for country, precision, recall, f1, support in zip(countries, *columns, strict=True)
    }


def worst(
    probabilities: np.ndarray, labels: np.ndarray, countries: list[str], names: np.ndarray
) -> list[dict]:
    """The surest wrong guesses: file, true country, guess, its probability."""
    guesses, top = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero(guesses != labels)
    order = wrong[np.argsort(-top[wrong], kind="stable")][:WORST]
    return [
        {
            "file": str(names[i]),
            "country": countries[labels[i]],
            "guess": countries[guesses[i]],
            "p": round(float(top[i]), 4),
        }
        for i in order
    ]


def pairs(guesses: np.ndarray, labels: np.ndarray, countries: list[str]) -> list[dict]:
    """The countries most often taken for one another, either way round."""
    wrong = guesses != labels
    sides = zip(labels[wrong].tolist(), guesses[wrong].tolist(), strict=True)
    found = Counter(tuple(sorted(pair)) for pair in sides)
    return [
        {"a": countries[a], "b": countries[b], "count": count}
        for (a, b), count in sorted(found.items(), key=lambda row: (-row[1], row[0]))[:PAIRS]
    ]
