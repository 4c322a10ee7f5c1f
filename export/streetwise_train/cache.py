"""Features of every picture and view, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from . import data, views
from .backbones import Backbone, Features
from .export import INPUT, export_onnx, open_session
from .quantise import shrink

#: Pictures in one forward pass; more does not run faster on a processor.
BATCH = 8
#: Weights as the backbone came.
FLOAT = "float"


def key(backbone: Backbone, files: list[str], view: str, stored: str) -> str:
    """Names a cache file by all that its content depends on but the pixels themselves."""
    recipe = f"{asdict(backbone)}|{view}|{views.recipe()}|{chr(10).join(files)}"
    if stored != FLOAT:
        recipe += f"|{stored}"
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    return f"{backbone.id}-{view.replace(':', '')}-{digest}"


@dataclass(frozen=True)
class Store:
    """Where pictures and weights are read from and features are kept."""

    root: Path
    weights: Path
    cache: Path


def features(
    store: Store, files: list[str], backbone: Backbone, view: str, stored: str = FLOAT
) -> np.ndarray:
    """Features of one view of every file, float32 [pictures, width]; read back where known.

    ``stored`` is how the backbone's weights are stored: ``float``, ``int8`` or ``fp16``.

    The backbone runs on ONNX Runtime, which is about three times as fast as eager PyTorch for
    the convolutional one. Raises ``OSError`` naming a picture that cannot be read.
    """
    store.cache.mkdir(parents=True, exist_ok=True)
    kept = store.cache / f"{key(backbone, files, view, stored)}.npy"
    if kept.exists():
        return np.load(kept).astype(np.float32)
    result = run_all(backbone_graph(store, backbone, stored), store.root, files, backbone, view)
    partial = kept.with_suffix(".partial.npy")
    np.save(partial, result.astype(np.float16))
    partial.replace(kept)
    return np.load(kept).astype(np.float32)


def backbone_graph(store: Store, backbone: Backbone, stored: str) -> Path:
    """The backbone alone as ONNX, its weights stored as asked; exported where it is missing."""
    exact = store.cache / f"{backbone.id}.{backbone.weights}.onnx"
    if not exact.exists():
        export_onnx(Features(backbone, store.weights), backbone.size, exact)
    if stored == FLOAT:
        return exact
    small = exact.with_suffix(f".{stored}.onnx")
    if not small.exists():
        shrink(exact, small, stored)
    return small


def run_all(graph: Path, root: Path, files: list[str], backbone: Backbone, view: str) -> np.ndarray:
    """Runs the graph over one view of every file, with a progress line on stderr."""
    session, rows, started = open_session(graph), [], time.monotonic()
    for start in range(0, len(files), BATCH):
        part = files[start : start + BATCH]
        batch = [views.make(data.load_rgb(root / "images" / f), backbone, f, view) for f in part]
        rows.append(session.run(None, {INPUT: np.stack(batch)})[0])
        done = start + len(part)
        left = (time.monotonic() - started) / done * (len(files) - done)
        line = f"\r{backbone.id} {view}: {done}/{len(files)}, {left:.0f} s left "
        print(line, end="", file=sys.stderr)
    print(file=sys.stderr)
    return np.concatenate(rows)
