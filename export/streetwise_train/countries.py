"""Which countries a model may name: enough places, more than one source, and learnable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from . import metrics
from .crossval import Study

MIN_PLACES, MIN_SOURCES = 20, 2
#: One-sided level of the test of recall by place against chance.
LEVEL = 0.05
#: The rank that counts as found when a country's sources are held out.
TOP = 5

RULE = (
    f"at least {MIN_PLACES} places with a recorded label from at least {MIN_SOURCES} sources; "
    f"top-1 recall above chance when the place was never trained on (one-sided binomial test "
    f"over places, level {LEVEL}); and top-{TOP} recall of at least chance when the picture's "
    f"whole source was never trained on. Recalls are the mean of the models built together, so "
    f"that they name the same countries"
)


@dataclass(frozen=True)
class Evidence:
    """What speaks for a country: recall by place with its p-value, recall with sources held out."""

    country: str
    places: int
    recall: float
    p_value: float
    held_out: float
    chance: float

    @property
    def learnable(self) -> bool:
        """Whether the country passes the rule."""
        return self.p_value < LEVEL and self.held_out >= TOP * self.chance


def candidates(
    codes: np.ndarray, groups: np.ndarray, sources: np.ndarray, reportable: np.ndarray
) -> list[str]:
    """Countries with enough recorded places from enough sources, in alphabetical order."""
    kept = []
    for code in np.unique(codes):
        own = (codes == code) & reportable
        places, origins = np.unique(groups[own]), np.unique(sources[own])
        if len(places) >= MIN_PLACES and len(origins) >= MIN_SOURCES:
            kept.append(str(code))
    return kept


def place_rates(hits: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The mean of ``hits`` over the pictures of each place: views are not independent trials."""
    return np.array([hits[groups == g].mean() for g in np.unique(groups)])


def evidence(study: Study, place: list[np.ndarray], source: list[np.ndarray]) -> list[Evidence]:
    """The evidence for each country, averaged over models.

    ``place`` and ``source`` are each model's logits held out by place and by source.
    """
    found, chance = [], 1 / len(study.countries)
    for number, country in enumerate(study.countries):
        own = (study.labels == number) & study.reportable
        labels, groups = study.labels[own], study.groups[own]
        first = np.mean([metrics.ranks(x[own], labels) < 1 for x in place], axis=0)
        near = np.mean([metrics.ranks(x[own], labels) < TOP for x in source], axis=0)
        rates = place_rates(first, groups)
        wins = int(np.floor(rates.sum()))
        p_value = binomtest(wins, len(rates), chance, alternative="greater").pvalue
        held_out = float(place_rates(near, groups).mean())
        found.append(
            Evidence(country, len(rates), float(rates.mean()), float(p_value), held_out, chance)
        )
    return found
