"""Logits for pictures the head never saw: every fold of ``holdout`` in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import head, holdout


@dataclass(frozen=True)
class Study:
    """The pictures of one experiment, as parallel arrays, and their features.

    ``features`` is [pictures, views, width], its first view being the one the app makes, and
    ``widths`` is each backbone's share of the width. ``labels`` are indices into ``countries``,
    ``kinship`` is the prior covariance of their weights. ``groups`` are pictures of one place or
    drive, ``domains`` the kinds of picture as numbers from 0. A figure may be
    reported where ``reportable`` is true.
    """

    countries: list[str]
    kinship: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    sources: np.ndarray
    domains: np.ndarray
    reportable: np.ndarray
    features: np.ndarray
    widths: tuple[int, ...]


def fit(study: Study, train: np.ndarray, recipe: head.Recipe) -> head.Head:
    """The head of a recipe, fitted on the pictures where ``train`` is true."""
    labels, groups = study.labels[train], study.groups[train]
    weights = head.sample_weights(labels, study.sources[train], groups, recipe)
    rows = study.features[train]
    return head.fit(
        rows, labels, study.domains[train], study.kinship, weights, recipe, study.widths
    )


@dataclass(frozen=True)
class HeldOut:
    """Each picture's fold, the folds' heads, and the logits of heads that never met the picture."""

    fold: np.ndarray
    heads: list[head.Head]
    logits: np.ndarray

    def apply(self, features: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Logits of the pictures ``which`` from other features, each by its own fold's head."""
        pairs = zip(self.fold[which], features, strict=True)
        return np.concatenate([self.heads[fold](row[None]) for fold, row in pairs])


def held_out(study: Study, recipe: head.Recipe) -> HeldOut:
    """Cross-validation over the folds of ``holdout.folds``."""
    fold = holdout.folds(study.labels, study.groups, study.sources)
    logits = np.zeros((len(study.labels), len(study.countries)), np.float32)
    heads = []
    for number in range(holdout.FOLDS):
        held = fold == number
        heads.append(fit(study, holdout.training(fold, study.groups, number), recipe))
        logits[held] = heads[-1](study.features[held, 0])
    return HeldOut(fold, heads, logits)
