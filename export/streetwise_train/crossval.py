"""Logits for pictures the head never saw: by place, and by whole source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import data, head

FOLDS = 5
#: The seed of the folds; heads themselves are fitted without randomness.
SEED = 0


@dataclass(frozen=True)
class Study:
    """The pictures of one experiment, as parallel arrays, and their features.

    ``features`` is [pictures, views, width], its first view being the one the app makes.
    ``labels`` are indices into ``countries``.
    """

    countries: list[str]
    labels: np.ndarray
    groups: np.ndarray
    sources: np.ndarray
    reportable: np.ndarray
    features: np.ndarray

    def restricted(self, countries: list[str]) -> Study:
        """The same study on fewer countries."""
        codes = np.array(self.countries)[self.labels]
        keep = np.isin(codes, countries)
        return Study(
            countries,
            np.array([countries.index(c) for c in codes[keep]]),
            self.groups[keep],
            self.sources[keep],
            self.reportable[keep],
            self.features[keep],
        )


def fit(study: Study, train: np.ndarray, recipe: head.Recipe) -> head.Head:
    """The head of a recipe, fitted on the pictures where ``train`` is true."""
    labels, sources = study.labels[train], study.sources[train]
    features = study.features[train]
    weights = head.sample_weights(labels, sources, study.groups[train], recipe)
    return head.fit(features, labels, len(study.countries), weights, recipe)


@dataclass(frozen=True)
class OutOfFold:
    """Cross-validation by place: each picture's fold, the folds' heads, and their logits."""

    fold: np.ndarray
    heads: list[head.Head]
    logits: np.ndarray

    def apply(self, features: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Logits of the pictures ``which`` from other features, each by its own fold's head."""
        pairs = zip(self.fold[which], features, strict=True)
        return np.stack([self.heads[fold](row) for fold, row in pairs])


def by_place(study: Study, recipe: head.Recipe) -> OutOfFold:
    """Five-fold cross-validation: no place and no copy stands on both sides of a fold."""
    fold = data.place_folds(study.labels, study.groups, FOLDS, SEED)
    logits = np.zeros((len(study.labels), len(study.countries)), np.float32)
    heads = []
    for number in range(FOLDS):
        held = fold == number
        heads.append(fit(study, ~held, recipe))
        logits[held] = heads[-1](study.features[held, 0])
    return OutOfFold(fold, heads, logits)


def by_source(study: Study, recipe: head.Recipe) -> np.ndarray:
    """Logits of heads that never saw a picture's source, [pictures, countries].

    Every source with recorded labels is held out in turn, with all pictures that share a place
    or are a copy. Pictures without a recorded label are NaN.
    """
    logits = np.full((len(study.labels), len(study.countries)), np.nan, np.float32)
    for source in np.unique(study.sources[study.reportable]):
        held = study.sources == source
        train = ~held & ~np.isin(study.groups, study.groups[held])
        logits[held] = fit(study, train, recipe)(study.features[held, 0])
    return logits
