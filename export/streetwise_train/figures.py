"""Everything a card says about a model: held-out figures, temperature, the unsure rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import calibrate, metrics
from .crossval import Study


@dataclass(frozen=True)
class Figures:
    """Held-out figures of one model; ``place`` and ``source`` are objects for ``model.json``."""

    temperature: float
    temperature_by_place: float
    unsure: calibrate.Unsure
    place: dict
    source: dict


def rounded(value: object) -> object:
    """The same object with every float rounded to four digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
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


def describe(study: Study, logits: np.ndarray, temperature: float, split: str) -> dict:
    """The figures of one way of holding out, on pictures with recorded labels."""
    own = study.reportable
    labels, groups, sources = study.labels[own], study.groups[own], study.sources[own]
    probabilities = metrics.softmax(logits[own], temperature)
    codes = np.array(study.countries)[labels]
    return rounded(
        {
            "data": "street-level pictures with a recorded country, see the card",
            "split": split,
            "places": len(np.unique(groups)),
            "images": len(labels),
            "countries": len(study.countries),
            "chance": 1 / len(study.countries),
            **metrics.summary(probabilities, labels),
            "ece_before_temperature": metrics.ece(metrics.softmax(logits[own]), labels),
            "views_of_a_place": pooled(probabilities, labels, groups),
            "per_country": metrics.by_key(probabilities, labels, codes),
            "per_source": metrics.by_key(probabilities, labels, sources),
        }
    )


def measure(study: Study, place: np.ndarray, source: np.ndarray) -> Figures:
    """All figures of a model from its logits held out by place and by source.

    The temperature is fitted where the whole source was held out. Fitted by place it would be
    far too sure of itself on any camera it has not met, which is every picture of a player.
    """
    own = study.reportable
    labels = study.labels[own]
    share = np.bincount(labels, minlength=len(study.countries))[labels]
    weights = 1 / share / len(study.countries)
    by_place = calibrate.temperature(place[own], labels, weights)
    temperature = round(calibrate.temperature(source[own], labels, weights), 4)
    sure = calibrate.unsure(
        metrics.softmax(place[own], temperature),
        metrics.softmax(source[own], temperature),
        labels,
    )
    return Figures(
        temperature,
        round(by_place, 4),
        sure,
        describe(study, place, temperature, "five-fold cross-validation by place"),
        describe(study, source, temperature, "every source held out in turn"),
    )
