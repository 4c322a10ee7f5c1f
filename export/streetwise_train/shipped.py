"""The models that ship, from pictures and backbones to verified model folders."""

from __future__ import annotations

import csv
import sys
import time
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np

from . import (
    assemble,
    attention,
    cache,
    card,
    crossval,
    data,
    figures,
    geography,
    graft,
    holdout,
    manifest,
    outside,
    screens,
    world,
)
from .backbones import BACKBONES, Backbone, Features, SideBySide
from .crossval import Study
from .head import Recipe

#: About this many held-out pictures measure what smaller weights cost.
GATE_PICTURES = 300
#: The backbone whose features tell drives apart.
EYE = "efficientnet-lite0"


@dataclass(frozen=True)
class Model:
    """A model that ships: backbones on one picture under one head, and how weights are stored.

    ``recipe`` was chosen by the figures in README.md; ``stored`` is for each backbone the smallest
    that passes the gate. Spreads of early layers are small differences, which int8 blurs in
    EfficientNet.
    """

    id: str
    name: str
    backbones: tuple[Backbone, ...]
    recipe: Recipe
    stored: tuple[str, ...]

    @property
    def network(self) -> Backbone:
        """The backbone whose preprocessing the app does, under the model's own name."""
        return replace(self.backbones[0], id=self.id, name=self.name)

    def features(self, weights: Path) -> Features | SideBySide:
        """The frozen part as a module."""
        if len(self.backbones) == 1:
            return Features(self.backbones[0], weights)
        return SideBySide(self.backbones, weights)


VIT, LITE = BACKBONES["dinov2-vit-s"], BACKBONES["efficientnet-lite0"]
MODELS = {
    m.id: m
    for m in (
        Model(
            "street-world", "Street World", (VIT, LITE),
            Recipe(components=(950, 600)), ("int8", "fp16"),
        ),
        Model("efficientnet-lite0", LITE.name, (LITE,), Recipe(components=(600,)), ("fp16",)),
    )
}  # fmt: skip


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

    def with_drives(self, features: np.ndarray) -> Collection:
        """The same pictures, those of one drive in one group; ``features`` [files, width]."""
        dashcam = np.isin(self.sources, holdout.BY_DRIVE)
        return replace(self, groups=holdout.drives(features, self.groups, dashcam))

    def study(self, features: np.ndarray, widths: tuple[int, ...], recipe: Recipe) -> Study:
        """The study of the countries of the world on features of every file."""
        countries, vectors = geography.prototypes()
        own = np.flatnonzero(self.kept & np.isin(self.codes, countries))
        return Study(
            countries,
            geography.kinship(vectors, recipe.shared, recipe.own),
            np.array([countries.index(code) for code in self.codes[own]]),
            self.groups[own],
            self.sources[own],
            world.domain_numbers(self.sources[own]),
            self.reportable[own],
            features[own],
            widths,
        )

    def files_of(self, countries: list[str]) -> list[str]:
        """The files behind the rows of :meth:`study`."""
        own = self.kept & np.isin(self.codes, countries)
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


def load_features(store: cache.Store, files: list[str], model: Model) -> np.ndarray:
    """Features of a recipe's views, float32 [pictures, views, width]."""
    return np.stack([of_view(store, files, model, v) for v in model.recipe.views], axis=1)


def of_view(
    store: cache.Store, files: list[str], model: Model, view: str, small: bool = False
) -> np.ndarray:
    """Features of one view by all backbones of a model; ``small``: with weights as they ship."""
    stored = model.stored if small else (cache.FLOAT,) * len(model.backbones)
    pairs = zip(model.backbones, stored, strict=True)
    return np.concatenate([cache.features(store, files, b, view, s) for b, s in pairs], axis=1)


def gate(
    store: cache.Store, model: Model, study: Study, files: list[str], held: crossval.HeldOut
) -> tuple[float, float, int]:
    """Agreement and loss of the small weights on a spread of held-out pictures, and their count.

    Out-of-fold heads on the small backbones' features give what the shipped graph would. Raises
    ``ValueError`` where too much accuracy is lost.
    """
    reportable = np.flatnonzero(study.reportable)
    which = reportable[:: max(1, len(reportable) // GATE_PICTURES)]
    small = of_view(store, [files[i] for i in which], model, "squish", small=True)
    labels = study.labels[which]
    agreement, loss = assemble.compare(held.logits[which], held.apply(small, which), labels)
    if loss > assemble.MAX_LOSS:
        raise ValueError(f"{model.id}: {model.stored} weights lose {loss:.4f} of balanced top-1")
    return agreement, loss, len(which)


def on_screens(
    store: cache.Store, model: Model, study: Study, held: crossval.HeldOut, shown: screens.Screens
) -> dict:
    """Figures on game screenshots, by the head that met none of their authors' pictures."""
    own = held.fold[np.isin(study.sources, holdout.TOGETHER)]
    head = held.heads[int(own[0])]
    there = replace(store, root=shown.root)
    rows = {n: head(of_view(there, shown.files, model, v)) for n, v in screens.VIEWS.items()}
    return screens.measure(shown, rows, study.countries)


def build_one(
    store: cache.Store, pictures: Collection, model: Model, shots: Path | None, folder: Path,
    date: str,
) -> None:  # fmt: skip
    """Measures, trains on everything, exports, compares and writes one model folder."""
    rows = load_features(store, pictures.files, model)
    measured, study, held = evaluate(store, pictures, model, rows, shots)
    files = pictures.files_of(study.countries)
    agreement, loss, count = gate(store, model, study, files, held)
    final = crossval.fit(study, np.ones(len(study.labels), bool), model.recipe)
    classifier = assemble.Classifier(model.features(store.weights), final)
    folder.mkdir(parents=True, exist_ok=True)
    exceptions = {f"features.parts.{i}.": kind for i, kind in enumerate(model.stored)}
    exceptions["head."] = "fp16"
    difference = assemble.write_graph(
        classifier, model.network.size, folder / "model.onnx", model.stored[0], exceptions
    )
    rule = measure_outside(study, held, folder / "model.onnx")
    passed = assemble.Gate(" and ".join(model.stored), difference, agreement, loss, count)
    text = card.write(model, study, measured, passed)
    (folder / "card.md").write_text(text, encoding="utf-8")
    provenance = {
        "backbone": ", ".join(f"timm {b.timm_name}, Apache-2.0" for b in model.backbones),
        "prior": "GeoCLIP location encoder, MIT; GeoNames towns, CC BY 4.0",
        "data": "street-level pictures of the sources listed in card.md",
        "recipe": asdict(model.recipe),
        "training_images": len(study.labels),
        "gate": figures.rounded(asdict(passed)) | {"float_difference": difference},
        "date": date,
    }
    parts = (folder, model.network, study.countries, measured, provenance)
    manifest.write(folder, manifest.build(*parts, attention.grid(classifier), rule))
    say(f"{model.id}: wrote {folder}")


def measure_outside(study: Study, held: crossval.HeldOut, graph: Path) -> outside.Rule:
    """Gives the graph its score of how unlike the training pictures a picture is, and its bound."""
    rows = study.features[:, 0]
    scores = outside.held_out(rows, study.sources, held.fold)
    graft.add(graph, outside.fit(rows, study.sources))
    wanted = scores[study.reportable]
    return outside.rule(wanted, f"{len(wanted)} street pictures, whole sources and drives held out")


def evaluate(
    store: cache.Store, pictures: Collection, model: Model, rows: np.ndarray, shots: Path | None
) -> tuple[figures.Figures, Study, crossval.HeldOut]:
    """Held-out figures of a model, with the study and the heads they come from."""
    widths = tuple(Features(b, None).width for b in model.backbones)
    study = pictures.study(rows, widths, model.recipe)
    say(f"{model.id}: {len(study.labels)} pictures, {len(study.countries)} countries")
    held = crossval.held_out(study, model.recipe)
    measured = figures.measure(study, held.logits)
    if shots:
        found = on_screens(store, model, study, held, screens.read(shots, study.countries))
        measured.metrics["whole_rounds"] |= figures.rounded(found)
    for name, part in measured.metrics["whole_rounds"].items():
        say(f"{model.id}: {name}: top-1 {part['top1']}, top-5 {part['top5']}")
    return measured, study, held


def gather(store: cache.Store) -> Collection:
    """The pictures, cleaned and grouped by place and by drive."""
    pictures = collect(store.root)
    say(f"{pictures.kept.sum()} of {len(pictures.files)} pictures kept")
    return pictures.with_drives(cache.features(store, pictures.files, BACKBONES[EYE], "squish"))


def build_all(
    store: cache.Store, out: Path, names: list[str], date: str, shots: Path | None
) -> None:
    """Builds the named models into ``out/<id>``; ``shots`` is a folder of game screenshots."""
    pictures = gather(store)
    for name in names:
        build_one(store, pictures, MODELS[name], shots, out / name, date)
