"""From a trained network to a model folder that the app can verify: evaluate, export, compare."""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image

from . import attention, data, evaluation, files, gate, graft, manifest, outside, usercard, views
from .classifier import Classifier
from .dataset import Samples, Split
from .presets import Preset
from .recipe import Job, Recipe

#: Pictures in one forward pass of PyTorch; more does not run faster on a processor.
BATCH = 8
#: What another engine may make of the same pixels beyond what the stored weights do, as a share of
#: the distance between a picture's highest and lowest logit.
ENGINE_SHARE = 0.01
#: What the app's own gate asks for on the pixels PyTorch saw. A close guess may tip over.
REFERENCE_AGREEMENT, REFERENCE_LOSS = 0.95, 0.02
#: How far the pixels that the app makes of the same files may be away, in levels of 0 to 255: mean
#: absolute difference over all pictures, and of one. JPEG leaves decoders free to round: the app's
#: decoder and libjpeg differ by 0.16 on average over 923 street pictures at 224 x 224 and by 0.38
#: at most. The other filter makes 1.2 (median), swapped channels 13.
LEVELS, LEVELS_OF_ONE = 0.4, 1.0
#: Training pictures that say what is usual, and validation pictures that set the bound, at most.
FAMILIAR, HELD_OUT = 1000, 500
LICENCE = "The rights in the training pictures are the user's; see card.md."

Report = Callable[[str], Callable[[int, int], object]]


def finish(
    model: Classifier,
    preset: Preset,
    recipe: Recipe,
    job: Job,
    samples: Samples,
    split: Split,
    run_dir: Path,
    report: Report,
) -> list[dict]:
    """Evaluates, exports and compares; writes ``evaluation.json`` and the folder ``model``.

    ``model`` is float32 on the processor and in evaluation mode. ``report(phase)`` begins the
    phases ``evaluate`` and ``export`` and returns what is called with (done, total). Returns the
    files made, as artifacts {kind, path, sha256}. Raises :class:`TrainError` of kind
    ``export-gate`` where the graph is not the network; no model folder is left then. A job without
    ``export`` ends with the evaluation.
    """
    model = model.float().cpu().eval()
    size = recipe.size or preset.size
    view = Picture(preset, size)
    labels = samples.labels[split.valid]
    logits = run(model, samples.file[split.valid], view, report("evaluate"))
    found = evaluation.measure(
        logits,
        labels,
        samples.countries,
        samples.name[split.valid],
        samples.place[split.valid],
        samples.source[split.valid],
    )
    text = json.dumps(found.report, indent=1, ensure_ascii=False) + "\n"
    files.write_whole(run_dir / "evaluation.json", text.encode())
    if not job.export:
        return [artifact("evaluation", run_dir / "evaluation.json")]
    folder = run_dir / "model.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        build = Build(model, preset, recipe, job, samples, split, folder, view)
        build.make(found, logits, report("export"))
        return place(folder, run_dir)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place(folder: Path, run_dir: Path) -> list[dict]:
    """Puts the finished folder at ``model`` in one step; returns its artifacts."""
    target = run_dir / "model"
    shutil.rmtree(target, ignore_errors=True)
    folder.replace(target)
    kinds = {
        "model": target / "model.onnx",
        "manifest": target / "model.json",
        "card": target / "card.md",
        "reference": target / "reference.json",
        "evaluation": run_dir / "evaluation.json",
    }
    return [artifact(kind, path) for kind, path in kinds.items()]


def artifact(kind: str, path: Path) -> dict:
    """What the reader is told of a file that was made."""
    return {
        "kind": kind,
        "path": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


class Picture:
    """The tensor the app makes of a file: decoded upright, squished, normalised."""

    def __init__(self, preset: Preset, size: int) -> None:
        """``size`` is the side in pixels."""
        self.size, self.interpolation = size, preset.interpolation
        self.scale = SimpleNamespace(mean=preset.mean, std=preset.std)

    def __call__(self, file: str) -> np.ndarray:
        """float32 [3, size, size]. Raises ``OSError`` naming a file that cannot be read."""
        return views.to_tensor(self.pixels(file), self.scale)

    def pixels(self, file: str) -> Image.Image:
        """What the network sees of a file, before the normalisation. Raises as the call does."""
        return views.squish(data.load_rgb(Path(file)), self.size, self.interpolation)


def run(
    model: Classifier, paths: np.ndarray, view: Picture, progress: Callable[[int, int], object]
) -> np.ndarray:
    """PyTorch's logits of files, float32 [files, countries]."""
    rows = []
    for start in range(0, len(paths), BATCH):
        part = paths[start : start + BATCH]
        batch = torch.from_numpy(np.stack([view(file) for file in part]))
        with torch.inference_mode():
            rows.append(model(batch).numpy())
        progress(start + len(part), len(paths))
    return np.concatenate(rows)


class Build:
    """The making of one model folder; see :func:`finish` for what it is given."""

    def __init__(
        self,
        model: Classifier,
        preset: Preset,
        recipe: Recipe,
        job: Job,
        samples: Samples,
        split: Split,
        folder: Path,
        view: Picture,
    ) -> None:
        """``folder`` is empty and becomes the model folder."""
        self.model, self.preset, self.recipe, self.job = model, preset, recipe, job
        self.samples, self.split, self.folder, self.view = samples, split, folder, view

    def make(
        self,
        found: evaluation.Evaluation,
        logits: np.ndarray,
        progress: Callable[[int, int], object],
    ) -> None:
        """Writes every file of the folder; ``logits`` are those of all validation pictures."""
        steps = iter(range(1, 8))
        total = 7
        some = spread(len(self.split.valid), gate.PICTURES)
        exact = self.folder / "exact.onnx"
        grid = attention.export_onnx(self.model, self.view.size, exact)
        progress(next(steps), total)
        tensors = np.stack([self.view(f) for f in self.samples.file[self.split.valid[some]]])
        labels = self.samples.labels[self.split.valid[some]]
        trained = self.split.train[spread(len(self.split.train), gate.CALIBRATION)]
        calibration = np.stack([self.view(f) for f in self.samples.file[trained]])
        all_ways = gate.variants(
            exact,
            (tensors, logits[some], labels),
            calibration,
            last_layer(self.model),
            lambda _: progress(next(steps), total),
        )
        chosen = gate.choose(all_ways)
        gate.path_of(exact, chosen.name).replace(self.folder / "model.onnx")
        for left in self.folder.glob("exact*"):
            left.unlink()
        rule = self.measure_outside()
        progress(next(steps), total)
        self.describe(found, grid, rule, (chosen, all_ways, len(some)))
        self.reference(chosen, some, logits)
        progress(total, total)

    def measure_outside(self) -> outside.Rule | None:
        """Gives the graph the score of :mod:`outside`; ``None`` with too few pictures for one.

        It is fitted on training pictures, its bound on validation pictures: the network knows its
        training pictures better than any other.
        """
        train = self.split.train[spread(len(self.split.train), FAMILIAR)]
        valid = self.split.valid[spread(len(self.split.valid), HELD_OUT)]
        if min(len(train), len(valid)) < outside.LEAST:
            return None
        graph, files = self.folder / "model.onnx", self.samples.file
        usual, held = (graft.features(graph, map(self.view, files[w])) for w in (train, valid))
        distance = outside.fit(usual, self.samples.source[train])
        graft.add(graph, distance)
        text = f"{len(valid)} validation pictures, at places that were never trained on"
        return outside.rule(distance(held), text)

    def describe(
        self,
        found: evaluation.Evaluation,
        grid: attention.Grid | None,
        rule: outside.Rule | None,
        ways: tuple[gate.Variant, list[gate.Variant], int],
    ) -> None:
        """Writes ``card.md`` and ``model.json``."""
        name = self.job.name or self.preset.name
        parts = (self.preset, self.recipe, self.samples, self.split)
        text = usercard.write(name, *parts, found, ways, self.beginning(), rule)
        (self.folder / "card.md").write_text(text, encoding="utf-8")
        about = manifest.Found(found.temperature, found.unsure, found.metrics, self.about(ways))
        made = manifest.describe(
            self.folder,
            self.preset,
            self.job.model_id,
            name,
            self.samples.countries,
            about,
            self.view.size,
            grid,
            rule,
        )
        manifest.write(self.folder, made)

    def beginning(self) -> str:
        """What training started from, in words."""
        if self.job.weights:
            return f"the file `{Path(self.job.weights).name}`"
        return "random numbers" if self.job.from_scratch else "timm's pretrained weights"

    def about(self, ways: tuple[gate.Variant, list[gate.Variant], int]) -> dict:
        """The manifest's provenance, without the paths of this machine."""
        return {
            "licence": LICENCE,
            "backbone": f"timm {self.preset.timm_name}, from {self.beginning()}",
            "data": "the user's own pictures",
            "recipe": asdict(self.recipe) | {"countries": list(self.recipe.countries)},
            "training_images": len(self.split.train),
            "gate": gate.report(*ways),
            "seed": self.recipe.seed,
            "date": datetime.date.today().isoformat(),
        }

    def reference(self, chosen: gate.Variant, some: np.ndarray, logits: np.ndarray) -> None:
        """Writes ``reference.json`` for the app's own gate, and ``reference/`` beside it.

        They hold PyTorch's logits on real files, and the pixels those were computed from: the app
        tells by them whether its network or its pixels differ.
        """
        rows = self.split.valid[some]
        distance = float(np.median(np.ptp(logits[some], axis=1)))
        tolerance = {
            "logit": round(chosen.difference + ENGINE_SHARE * distance, 4),
            "agreement": REFERENCE_AGREEMENT,
            "accuracy": REFERENCE_LOSS,
            "levels": LEVELS,
            "levels_of_one": LEVELS_OF_ONE,
        }
        (self.folder / "reference").mkdir()
        pictures = [
            self.shown(number, row, logits[i])
            for number, (row, i) in enumerate(zip(rows, some, strict=True))
        ]
        text = json.dumps({"tolerance": tolerance, "pictures": pictures}, ensure_ascii=False)
        files.write_whole(self.folder / "reference.json", text.encode())

    def shown(self, number: int, row: int, logits: np.ndarray) -> dict:
        """One picture of the reference; writes the pixels it was shown as."""
        seen = f"reference/{number:03d}.png"
        self.view.pixels(self.samples.file[row]).save(self.folder / seen)
        return {
            "file": str(self.samples.file[row]),
            "seen": seen,
            "country": str(self.samples.country[row]),
            "logits": [round(float(v), 6) for v in logits],
        }


def spread(count: int, most: int) -> np.ndarray:
    """At most ``most`` indices spread evenly over ``count``."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def last_layer(model: Classifier) -> tuple[str, ...]:
    """How the names of the last layer's weights begin; they are few and stay float32."""
    number = len(model.head) - 1
    return (f"head.{number}.", f"model.head.{number}.")
