"""The study's chart of an ablation: macro-F1 by pictures a label, one line an architecture."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from .errors import TrainError

#: Colours that colour-blind people tell apart (Okabe and Ito 2008), and marks beside them.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = "osD^vPX"
#: Least distance of two labels, in units of F1.
LABEL_GAP = 0.05
NEEDED = ("preset", "per_label", "seeds", "macro_f1", "macro_f1_sd", "countries", "places")


@dataclass(frozen=True)
class Point:
    """Mean and standard deviation (``None`` for one seed) of macro-F1 at one number of pictures."""

    per_label: str
    mean: float
    spread: float | None


def read(table: Path) -> tuple[dict[str, list[Point]], dict[str, str]]:
    """The points of each preset in the table's order, and the first row for the title.

    ``table`` is what ``train ablation --csv`` writes. Raises :class:`TrainError` (kind ``table``)
    where a column is missing or nothing is in it.
    """
    with table.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    missing = [name for name in NEEDED if not rows or name not in rows[0]]
    if missing:
        hint = "make it with `streetwise train ablation --csv FILE`"
        raise TrainError("table", f"{table} has no rows with {', '.join(missing)}", hint)
    points: dict[str, list[Point]] = defaultdict(list)
    for row in rows:
        spread = float(row["macro_f1_sd"]) if row["macro_f1_sd"] else None
        points[row["preset"]].append(Point(row["per_label"], float(row["macro_f1"]), spread))
    return dict(points), rows[0]


def apart(heights: list[float], gap: float) -> list[float]:
    """Heights for labels in the same order, each at least ``gap`` above the one below it."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    moved, below = list(heights), float("-inf")
    for i in order:
        below = moved[i] = max(heights[i], below + gap)
    return moved


def draw(table: Path, target: Path) -> None:
    """Draws the table into ``target``, SVG, PNG or PDF by its ending.

    Error bars are standard deviations over seeds; the dotted line is chance.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "streetwise"  # the same table gives the same file
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text
    from matplotlib import pyplot as plt

    points, first = read(table)
    sizes = list(dict.fromkeys(p.per_label for row in points.values() for p in row))
    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    labels = apart([row[-1].mean for row in points.values()], LABEL_GAP)
    for number, (preset, row) in enumerate(points.items()):
        at = [sizes.index(p.per_label) + 0.03 * number for p in row]
        colour = COLOURS[number % len(COLOURS)]
        axes.errorbar(
            at,
            [p.mean for p in row],
            yerr=[p.spread or 0 for p in row],
            color=colour,
            marker=MARKS[number % len(MARKS)],
            capsize=3,
        )
        axes.annotate(
            preset,
            (at[-1], labels[number]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
        )
    countries = int(float(first["countries"]))
    axes.axhline(1 / countries, color="#666666", linestyle=":", linewidth=1)
    label = f"chance, {countries} countries"
    axes.annotate(label, (0, 1 / countries), (0, 3), textcoords="offset points")
    axes.set_xticks(range(len(sizes)), sizes)
    axes.set_xlim(-0.2, len(sizes) - 0.2)
    axes.set_ylim(0, 1)
    axes.set_xlabel("training pictures of a country")
    axes.set_ylabel("macro-F1 on places held out")
    axes.spines[["top", "right"]].set_visible(False)
    metadata = {"Date": None} if target.suffix == ".svg" else None
    figure.savefig(target, metadata=metadata)
    plt.close(figure)
