"""``model.json``: what the app must know of a model, and the golden answer it checks first."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from . import __version__, assemble, export, golden
from .attention import Grid
from .backbones import Backbone
from .calibrate import Unsure
from .figures import Figures, rounded
from .outside import Rule
from .presets import Preset

SCHEMA = 1
LICENCE = (
    "Backbone Apache-2.0. The head was trained on pictures whose terms differ (see card.md); "
    "for study and non-commercial use."
)


def file_entry(path: Path) -> dict:
    """Name, SHA-256 (hexadecimal) and size of a file of the model folder."""
    content = path.read_bytes()
    return {
        "path": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def golden_entry(graph: Path, size: int, countries: list[str], measured: bool = False) -> dict:
    """The logits of the shipped graph on the golden input, on ONNX Runtime.

    ``measured`` says whether the graph has the output of :mod:`outside`, whose score then stands
    beside them.
    """
    tensor = golden.tensor(size)
    logits = assemble.run_graph(graph, tensor)[0]
    entry = {
        "kind": "tensor",
        "seed": golden.SEED,
        "logits": [round(float(v), 6) for v in logits],
        "top5": [countries[i] for i in np.argsort(-logits, kind="stable")[:5]],
        "tolerance": golden.tolerance(logits),
    }
    if measured:
        score = assemble.run_graph(graph, tensor, export.OUTSIDE)[0]
        entry["outside"] = round(float(score), 6)
    return entry


def build(
    folder: Path,
    backbone: Backbone,
    countries: list[str],
    figures: Figures,
    provenance: dict,
    grid: Grid | None = None,
    outside: Rule | None = None,
) -> dict:
    """The manifest of the shipped model whose files lie in ``folder``; the rest as in describe."""
    about = {"licence": LICENCE} | provenance
    found = Found(figures.temperature, figures.unsure, figures.metrics, about)
    return describe(
        folder, backbone, backbone.id, backbone.name, countries, found, None, grid, outside
    )


@dataclass(frozen=True)
class Found:
    """What was measured on a model: temperature, rule for unsure, figures, and its provenance."""

    temperature: float
    unsure: Unsure
    metrics: dict
    provenance: dict


def describe(
    folder: Path,
    network: Backbone | Preset,
    id: str,  # noqa: A002  (the manifest's word)
    name: str,
    countries: list[str],
    found: Found,
    size: int | None = None,
    grid: Grid | None = None,
    outside: Rule | None = None,
) -> dict:
    """The manifest of the model whose ``model.onnx`` and ``card.md`` lie in ``folder``.

    ``size`` is the side of the input in pixels where it is not the network's own, ``grid`` how
    the graph's attention lies on the picture, where it has one, ``outside`` the rule for its output
    of that name, where it has that.
    """
    side = size or network.size
    unsure = asdict(found.unsure)
    output = {"name": export.OUTPUT, "temperature": found.temperature}
    return {
        "schema": SCHEMA,
        "id": id,
        "name": name,
        "architecture": network.timm_name,
        "files": [file_entry(folder / name) for name in ("model.onnx", "card.md")],
        "input": {"name": export.INPUT, "size": side, "layout": "NCHW", "dtype": "float32"},
        "preprocess": {
            "resize": "squish",
            "interpolation": network.interpolation,
            "mean": list(network.mean),
            "std": list(network.std),
        },
        "output": output
        | ({"attention": grid.entry()} if grid else {})
        | ({"outside": outside.entry()} if outside else {}),
        "countries": countries,
        "unsure": rounded(unsure | {"rule": found.unsure.rule}),
        "metrics": found.metrics,
        "provenance": {"trained_with": f"streetwise_train {__version__}"} | found.provenance,
        "golden": golden_entry(folder / "model.onnx", side, countries, outside is not None),
    }


def write(folder: Path, manifest: dict) -> None:
    """Writes ``model.json`` whole or not at all."""
    partial = folder / "model.json.partial"
    partial.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / "model.json")
