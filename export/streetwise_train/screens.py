"""Real game screenshots: read, turned into features with and without the HUD, and measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import data, world

#: The whole screenshot, and its middle without HUD; see ``views.HUD``.
VIEWS = {"whole": "squish", "without HUD": "game"}


@dataclass(frozen=True)
class Screens:
    """Screenshots of a folder laid out like the training data, as parallel arrays."""

    root: Path
    files: list[str]
    codes: np.ndarray
    places: np.ndarray
    recorded: np.ndarray


def read(root: Path, known: list[str]) -> Screens:
    """The labelled screenshots of a folder with ``index.csv`` and ``images``."""
    rows = [row for row in data.read_index(root, strict=False) if row.country in known]
    return Screens(
        root,
        [row.file for row in rows],
        np.array([row.country for row in rows]),
        np.unique([row.place for row in rows], return_inverse=True)[1],
        np.array([not row.check.startswith(data.INFERRED) for row in rows]),
    )


def measure(shown: Screens, logits: dict[str, np.ndarray], known: list[str]) -> dict:
    """Figures over whole rounds, by view, on all labels and on recorded ones alone.

    ``logits`` are by name of the view (``VIEWS``) and of a head that met none of the screenshots'
    authors.
    """
    found = {}
    for view, rows in logits.items():
        rank = world.ranks(rows, known, shown.codes)
        for labels, own in (("all labels", rank >= 0), ("recorded labels", shown.recorded)):
            found[f"{world.SCREENSHOTS}, {view}, {labels}"] = world.summary(
                rank[own], shown.codes[own], shown.places[own]
            )
    return found
