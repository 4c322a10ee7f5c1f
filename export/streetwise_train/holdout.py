"""Five folds that hold out whole sources and whole drives, so that no camera is on both sides.

A picture of a dashcam set is held out with its whole drive; any other picture with its whole
source. Every picture is held out once, and the figures of a card come from these folds alone.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from . import data

FOLDS = 5
SEED = 0
#: Sources that are many cameras and many drives in one: split by drive, not as a whole.
BY_DRIVE = ("mly_osv5m_test", "mly_osv5m_samples")
#: Standardised features of Lite0 nearer than this are one car on one drive (see README.md).
SAME_DRIVE = 0.65
#: Sources that share a hand with game screenshots are held out together, to test on those.
TOGETHER = ("gsv_tevin_ru", "gsv_pradyutnair")


def drives(features: np.ndarray, groups: np.ndarray, dashcam: np.ndarray) -> np.ndarray:
    """Groups in which the pictures of one drive are one group; ``features`` [pictures, width].

    Two pictures where ``dashcam`` is true belong together when the cosine of their features,
    standardised over all such pictures, is above ``SAME_DRIVE``. Groups that meet become one.
    """
    own = np.flatnonzero(dashcam)
    x = (features[own] - features[own].mean(0)) / (features[own].std(0) + 1e-6)
    x /= np.linalg.norm(x, axis=1, keepdims=True) + 1e-9
    first, second = np.nonzero(np.triu(x @ x.T > SAME_DRIVE, 1))
    count, pairs = groups.max() + 1, (groups[own[first]], groups[own[second]])
    links = coo_array((np.ones(len(first)), pairs), shape=(count, count))
    return connected_components(links, directed=False)[1][groups]


def folds(labels: np.ndarray, groups: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """A fold number for each picture.

    Drives are spread evenly by country; whole sources go, the largest first, to the fold that has
    the fewest pictures of whole sources yet.
    """
    fold = np.full(len(labels), -1)
    by_drive = np.isin(sources, BY_DRIVE)
    if by_drive.any():
        fold[by_drive] = data.place_folds(labels[by_drive], groups[by_drive], FOLDS, SEED)
    units = np.where(np.isin(sources, TOGETHER), "+".join(TOGETHER), sources)
    names, counts = np.unique(units[~by_drive], return_counts=True)
    filled = np.zeros(FOLDS)
    for i in np.argsort(-counts, kind="stable"):
        number = int(filled.argmin())
        filled[number] += counts[i]
        fold[~by_drive & (units == names[i])] = number
    return fold


def training(fold: np.ndarray, groups: np.ndarray, number: int) -> np.ndarray:
    """Which pictures a fold trains on: not its own, nor those that share a group with one."""
    held = fold == number
    return ~held & ~np.isin(groups, groups[held])
