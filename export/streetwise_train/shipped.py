"""The two models that ship, from pictures and backbones to verified model folders."""

from __future__ import annotations

import csv
import sys
import time
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from . import assemble, attention, cache, card, countries, crossval, data, figures, manifest
from .backbones import BACKBONES, Backbone, Features
from .crossval import Study
from .head import Recipe

#: The recipe of each model, chosen by the figures in README.md.
RECIPES = {
    "dinov2-vit-s": Recipe(decay=0.1, views=("squish", "random:0")),
    "efficientnet-lite0": Recipe(decay=0.1, views=("squish", "random:0", "random:1")),
}
#: How each model's weights are stored: the smallest that passes the gate. Spreads of early layers
#: are small differences, which int8 blurs in EfficientNet: it lost 0.9 points of balanced top-1.
STORED = {"dinov2-vit-s": "int8", "efficientnet-lite0": "fp16"}
#: About this many held-out pictures measure what smaller weights cost.
GATE_PICTURES = 600


def say(text: str) -> None:
    """One line of progress on stderr."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def exclusions() -> dict[str, str]:
    """Files that show no street, with the reason; found by eye, see README.md."""
    text = resources.files(__package__).joinpath("exclusions.csv").read_text(encoding="utf-8")
    return {row["file"]: row["reason"] for row in csv.DictReader(text.splitlines())}


@dataclass(frozen=True)
class Collection:
    """The cleaned pictures as parallel arrays; ``files`` includes those that were cleaned out."""

    files: list[str]
    kept: np.ndarray
    codes: np.ndarray
    groups: np.ndarray
    sources: np.ndarray
    reportable: np.ndarray

    def study(self, chosen: list[str], features: np.ndarray) -> Study:
        """The study of some countries on features of every file."""
        own = self.kept & np.isin(self.codes, chosen)
        labels = np.array([chosen.index(c) for c in self.codes[own]])
        return Study(
            chosen, labels, self.groups[own], self.sources[own], self.reportable[own], features[own]
        )

    def files_of(self, chosen: list[str]) -> list[str]:
        """The files behind the rows of :meth:`study`."""
        own = self.kept & np.isin(self.codes, chosen)
        return [f for f, keep in zip(self.files, own, strict=True) if keep]


def collect(root: Path) -> Collection:
    """Reads the index, groups copies with their places, and marks what is no street."""
    pictures, removed = data.read_index(root), exclusions()
    shown, hashes = np.ones(len(pictures), bool), []
    for i, picture in enumerate(pictures):
        loaded = data.load_rgb(root / "images" / picture.file)
        shown[i] = data.spread(loaded) >= data.MIN_SPREAD
        hashes.append(data.difference_hash(loaded))
    return Collection(
        [p.file for p in pictures],
        shown & np.array([p.file not in removed for p in pictures]),
        np.array([p.country for p in pictures]),
        data.groups(pictures, hashes),
        np.array([p.source for p in pictures]),
        np.array([p.reportable for p in pictures]),
    )


def load_features(store: cache.Store, pictures: Collection, backbone: Backbone) -> np.ndarray:
    """Features of a recipe's views, float32 [pictures, views, width]."""
    recipe = RECIPES[backbone.id]
    rows = [cache.features(store, pictures.files, backbone, view) for view in recipe.views]
    return np.stack(rows, axis=1)


def choose(
    pictures: Collection, features: dict[str, np.ndarray]
) -> tuple[list[str], list[countries.Evidence]]:
    """The countries both models name, and the evidence on every candidate."""
    candidates = countries.candidates(
        pictures.codes[pictures.kept],
        pictures.groups[pictures.kept],
        pictures.sources[pictures.kept],
        pictures.reportable[pictures.kept],
    )
    say(f"{len(candidates)} candidate countries")
    place, source = [], []
    for name, rows in features.items():
        study = pictures.study(candidates, rows)
        place.append(crossval.by_place(study, RECIPES[name]).logits)
        source.append(crossval.by_source(study, RECIPES[name]))
        say(f"{name}: asked about {len(candidates)} countries")
    found = countries.evidence(study, place, source)
    return [e.country for e in found if e.learnable], found


def gate(
    store: cache.Store, backbone: Backbone, study: Study, files: list[str], held: crossval.OutOfFold
) -> tuple[float, float, int]:
    """Agreement and loss of the small weights on a spread of held-out pictures, and their count.

    The head is not shrunk, so out-of-fold heads on the small backbone's features give exactly
    what the shipped graph would. Raises ``ValueError`` where too much accuracy is lost.
    """
    reportable = np.flatnonzero(study.reportable)
    which = reportable[:: max(1, len(reportable) // GATE_PICTURES)]
    small = cache.features(
        store, [files[i] for i in which], backbone, "squish", STORED[backbone.id]
    )
    labels = study.labels[which]
    agreement, loss = assemble.compare(held.logits[which], held.apply(small, which), labels)
    if loss > assemble.MAX_LOSS:
        raise ValueError(
            f"{backbone.id}: {STORED[backbone.id]} weights lose {loss:.4f} of balanced top-1"
        )
    return agreement, loss, len(which)


def build_one(
    store: cache.Store, pictures: Collection, backbone: Backbone, rows: np.ndarray,
    chosen: list[str], found: list[countries.Evidence], folder: Path, date: str,
) -> None:  # fmt: skip
    """Measures, trains on everything, exports, compares and writes one model folder."""
    recipe, study = RECIPES[backbone.id], pictures.study(chosen, rows)
    held = crossval.by_place(study, recipe)
    measured = figures.measure(study, held.logits, crossval.by_source(study, recipe))
    say(f"{backbone.id}: top-1 {measured.place['top1']}, sources out {measured.source['top1']}")
    agreement, loss, count = gate(store, backbone, study, pictures.files_of(chosen), held)
    final = crossval.fit(study, np.ones(len(study.labels), bool), recipe)
    model = assemble.Classifier(Features(backbone, store.weights), final)
    folder.mkdir(parents=True, exist_ok=True)
    difference = assemble.write_graph(
        model, backbone.size, folder / "model.onnx", STORED[backbone.id]
    )
    passed = assemble.Gate(STORED[backbone.id], difference, agreement, loss, count)
    text = card.write(backbone, recipe, study, measured, passed, found)
    (folder / "card.md").write_text(text, encoding="utf-8")
    provenance = {
        "backbone": f"timm {backbone.timm_name}, Apache-2.0",
        "data": "street-level pictures of the sources listed in card.md",
        "recipe": asdict(recipe),
        "training_images": len(study.labels),
        "gate": figures.rounded(asdict(passed)) | {"float_difference": difference},
        "seed": crossval.SEED,
        "date": date,
    }
    grid = attention.grid(model)
    manifest.write(folder, manifest.build(folder, backbone, chosen, measured, provenance, grid))
    say(f"{backbone.id}: wrote {folder}")


def build_all(store: cache.Store, out: Path, names: list[str], date: str) -> None:
    """Builds the named models into ``out/<id>``; all of them choose the countries together."""
    pictures = collect(store.root)
    say(f"{pictures.kept.sum()} of {len(pictures.files)} pictures kept")
    features = {name: load_features(store, pictures, BACKBONES[name]) for name in RECIPES}
    chosen, found = choose(pictures, features)
    say(f"{len(chosen)} countries: {' '.join(chosen)}")
    for name in names:
        build_one(store, pictures, BACKBONES[name], features[name], chosen, found, out / name, date)
