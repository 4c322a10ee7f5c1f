"""Everything a card says about a model: held-out figures, temperature, the unsure rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import calibrate, metrics, world
from .crossval import Study

#: A country or source with fewer places has no figures of its own.
FEW_PLACES = 10
TOO_FEW = "too few pictures to say"
SPLIT = "five folds: whole sources held out, pictures of dashcam sets with their whole drive"


@dataclass(frozen=True)
class Figures:
    """Held-out figures of one model; ``metrics`` is the object for ``model.json``."""

    temperature: float
    unsure: calibrate.Unsure
    metrics: dict


def rounded(value: object) -> object:
    """The same object with every float rounded to four digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return round(value, 4) if isinstance(value, float) else value


def pooled(probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Figures over places with several views, one view against the views' mean log probability."""
    logs, many = np.log(probabilities + 1e-12), []
    for group in np.unique(groups):
        views = np.flatnonzero(groups == group)
        if len(views) > 1 and len(set(labels[views])) == 1:
            many.append(views)
    if not many:
        return {}
    one = metrics.summary(np.stack([logs[v[0]] for v in many]), labels[[v[0] for v in many]])
    mean = metrics.summary(np.stack([logs[v].mean(0) for v in many]), labels[[v[0] for v in many]])
    names = ("balanced_top1", "balanced_top3", "balanced_top5")
    return {
        "places": len(many),
        "one_view": {n: one[n] for n in names},
        "all_views": {n: mean[n] for n in names},
    }


def enough(parts: dict[str, dict], keys: np.ndarray, groups: np.ndarray) -> dict[str, dict]:
    """The same parts with their places; figures are ``None`` where those are too few."""
    for key, part in parts.items():
        part["places"] = len(np.unique(groups[keys == key]))
        if part["places"] < FEW_PLACES:
            part |= {"top1": None, "top5": None}
    return parts


def per_country(
    probabilities: np.ndarray, codes: np.ndarray, groups: np.ndarray, study: Study
) -> dict[str, dict]:
    """Figures of every country of the model; none for those with too few places."""
    labels = np.array([study.countries.index(code) for code in codes])
    found = enough(metrics.by_key(probabilities, labels, codes), codes, groups)
    trained = np.bincount(study.labels, minlength=len(study.countries))
    for number, code in enumerate(study.countries):
        empty = {"images": 0, "top1": None, "top5": None, "places": 0}
        found.setdefault(code, empty)["trained_on"] = int(trained[number])
    return dict(sorted(found.items()))


def describe(study: Study, logits: np.ndarray, temperature: float) -> dict:
    """The figures on pictures with recorded or sure labels."""
    own = study.reportable
    labels, groups, sources = study.labels[own], study.groups[own], study.sources[own]
    probabilities = metrics.softmax(logits[own], temperature)
    codes = np.array(study.countries)[labels]
    ranks = metrics.ranks(probabilities, labels)
    return {
        "data": "street-level pictures with a recorded or surely inferred country, see the card",
        "split": SPLIT,
        "places": len(np.unique(groups)),
        "images": len(labels),
        "countries": len(study.countries),
        "countries_tested": len(np.unique(labels)),
        "chance": 1 / len(study.countries),
        **metrics.summary(probabilities, labels),
        "ece_before_temperature": metrics.ece(metrics.softmax(logits[own]), labels),
        "whole_rounds": world.whole_rounds(ranks, codes, groups, world.domains(sources)),
        "views_of_a_place": pooled(probabilities, labels, groups),
        "per_country": per_country(probabilities, codes, groups, study),
        "per_source": enough(metrics.by_key(probabilities, labels, sources), sources, groups),
    }


def measure(study: Study, logits: np.ndarray) -> Figures:
    """All figures of a model from its held-out logits.

    Temperature and bound are fitted on the held-out pictures, every domain weighing the same: a
    player's pictures come from a camera that the model never met.
    """
    own = study.reportable
    labels, domain = study.labels[own], world.domains(study.sources[own])
    _, number, counts = np.unique(domain, return_inverse=True, return_counts=True)
    weights = 1 / counts[number] / len(counts)
    temperature = round(calibrate.temperature(logits[own], labels, weights), 4)
    sure = calibrate.unsure(metrics.softmax(logits[own], temperature), labels)
    return Figures(temperature, sure, rounded(describe(study, logits, temperature)))
