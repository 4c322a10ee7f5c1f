"""``model.json``: what the app must know of a model, and the golden answer it checks first."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from . import __version__, assemble, export, golden
from .backbones import Backbone
from .figures import Figures, rounded

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


def golden_entry(graph: Path, size: int, countries: list[str]) -> dict:
    """The logits of the shipped graph on the golden input, on ONNX Runtime."""
    logits = assemble.run_graph(graph, golden.tensor(size))[0]
    return {
        "kind": "tensor",
        "seed": golden.SEED,
        "logits": [round(float(v), 6) for v in logits],
        "top5": [countries[i] for i in np.argsort(-logits, kind="stable")[:5]],
        "tolerance": golden.TOLERANCE,
    }


def build(
    folder: Path, backbone: Backbone, countries: list[str], figures: Figures, provenance: dict
) -> dict:
    """The manifest of the model whose ``model.onnx`` and ``card.md`` lie in ``folder``."""
    unsure = asdict(figures.unsure) | {"rule": figures.unsure.rule}
    return {
        "schema": SCHEMA,
        "id": backbone.id,
        "name": backbone.name,
        "architecture": backbone.timm_name,
        "files": [file_entry(folder / name) for name in ("model.onnx", "card.md")],
        "input": {
            "name": export.INPUT,
            "size": backbone.size,
            "layout": "NCHW",
            "dtype": "float32",
        },
        "preprocess": {
            "resize": "squish",
            "interpolation": backbone.interpolation,
            "mean": list(backbone.mean),
            "std": list(backbone.std),
        },
        "output": {"name": export.OUTPUT, "temperature": figures.temperature},
        "countries": countries,
        "unsure": rounded(unsure),
        "metrics": figures.place | {"source_held_out": figures.source},
        "provenance": {"licence": LICENCE, "trained_with": f"streetwise_train {__version__}"}
        | provenance,
        "golden": golden_entry(folder / "model.onnx", backbone.size, countries),
    }


def write(folder: Path, manifest: dict) -> None:
    """Writes ``model.json`` whole or not at all."""
    partial = folder / "model.json.partial"
    partial.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / "model.json")
