"""Figures over whole rounds: all pictures of a domain, whatever their country.

A round shows any country. A model that does not know it is wrong, and that is counted.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from . import metrics
from .geography import REGION, REGIONS

#: What a picture is, told by how its source is named (SOURCES of a card).
DASHCAMS, STREET_VIEW, SCREENSHOTS = "dashcams", "Street View frames", "game screenshots"
DOMAIN_OF = {"mly_osv5m": DASHCAMS, "gsv_": STREET_VIEW}
#: Resamples of places behind an interval, its level, and their seed.
RESAMPLES, LEVEL, SEED = 2000, 0.95, 0


def domains(sources: np.ndarray) -> np.ndarray:
    """The domain of each picture, ``""`` for the sources that are neither."""
    found = [next((d for k, d in DOMAIN_OF.items() if s.startswith(k)), "") for s in sources]
    return np.array(found)


def domain_numbers(sources: np.ndarray) -> np.ndarray:
    """The domain of each picture as a number from 0: dashcams, Street View, all others."""
    names = np.array([DASHCAMS, STREET_VIEW, ""])
    return (domains(sources)[:, None] == names).argmax(1)


def ranks(logits: np.ndarray, known: list[str], codes: np.ndarray) -> np.ndarray:
    """The rank of each picture's country among the countries known; unknown ones rank last."""
    place = {code: i for i, code in enumerate(known)}
    labels = np.array([place.get(code, -1) for code in codes])
    found = metrics.ranks(logits, np.maximum(labels, 0))
    return np.where(labels < 0, len(known), found)


def interval(hits: np.ndarray, groups: np.ndarray) -> list[float]:
    """Bootstrap interval of the mean of ``hits``, places (or drives) drawn with replacement."""
    _, place = np.unique(groups, return_inverse=True)
    total, count = np.bincount(place, hits), np.bincount(place)
    drawn = np.random.default_rng(SEED).integers(0, len(count), (RESAMPLES, len(count)))
    means = total[drawn].sum(1) / count[drawn].sum(1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(low), float(high)]


def summary(rank: np.ndarray, codes: np.ndarray, groups: np.ndarray) -> dict:
    """Figures of one domain: over whole rounds with intervals, balanced, by region and country."""
    figures: dict = {
        "images": len(rank),
        "places": len(np.unique(groups)),
        "countries": len(np.unique(codes)),
    }
    for k in (1, 5):
        hits = (rank < k).astype(float)
        figures[f"top{k}"] = float(hits.mean())
        figures[f"top{k}_interval"] = interval(hits, groups)
        figures[f"balanced_top{k}"] = metrics.balanced(hits, codes)
    regions = np.array([REGION.get(code, "") for code in codes])
    figures["per_region"] = {r: part(rank[regions == r]) for r in REGIONS if np.any(regions == r)}
    return figures


def part(rank: np.ndarray) -> dict:
    """Pictures, first and among five, of a part of a domain."""
    return {
        "images": len(rank),
        "top1": float(np.mean(rank < 1)),
        "top5": float(np.mean(rank < 5)),
    }


def whole_rounds(
    rank: np.ndarray, codes: np.ndarray, groups: np.ndarray, domain: np.ndarray,
    names: Iterable[str] = (DASHCAMS, STREET_VIEW),
) -> dict:  # fmt: skip
    """:func:`summary` for each domain that has pictures."""
    return {
        name: summary(rank[domain == name], codes[domain == name], groups[domain == name])
        for name in names
        if np.any(domain == name)
    }
