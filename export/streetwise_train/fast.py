"""The fast path: what a frozen front computes is computed once, kept on disk, and trained from.

Activations are stored record by record under the content of the picture and the number of the
view, so that runs with other seeds, sizes or countries share them. View 0 is the whole picture,
views 1 and up are the study's random crops, drawn from a seed made of the same content.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import nn

from .augment import Augment, seed_all
from .control import Control
from .recipe import Recipe

#: Pictures in one pass of the front; more is no faster on a processor.
BATCH = {"cpu": 16, "cuda": 128}


class Records:
    """Arrays of one shape, float16, appended to a file; a second file holds their keys in order.

    A key is written after its record is, so that a process killed at any moment leaves whole
    records behind; what is cut is dropped when the files are opened.
    """

    KEY = 64

    def __init__(self, stem: Path, shape: tuple[int, ...]) -> None:
        """Opens or begins ``stem.f16`` and ``stem.keys``."""
        self.shape, self.size = shape, 2 * int(np.prod(shape))
        self.data, self.keys = stem.with_suffix(".f16"), stem.with_suffix(".keys")
        stem.parent.mkdir(parents=True, exist_ok=True)
        for path in (self.data, self.keys):
            path.touch()
        lines = self.keys.read_bytes()
        whole = min(len(lines) // (self.KEY + 1), self.data.stat().st_size // self.size)
        kept = lines[: whole * (self.KEY + 1)].decode().split()
        for path, length in ((self.data, whole * self.size), (self.keys, whole * (self.KEY + 1))):
            with path.open("r+b") as opened:
                opened.truncate(length)
        self.rows = {key: row for row, key in enumerate(kept)}

    def append(self, keys: list[str], values: np.ndarray) -> None:
        """Adds records, [records, *shape]. Raises ``OSError`` on a full disk."""
        with self.data.open("ab") as data:
            largest = np.finfo(np.float16).max
            data.write(np.clip(values, -largest, largest).astype(np.float16).tobytes())
            data.flush()
            os.fsync(data.fileno())
        with self.keys.open("ab") as lines:
            lines.write("".join(f"{key}\n" for key in keys).encode())
        for key in keys:
            self.rows[key] = len(self.rows)

    def array(self) -> np.ndarray:
        """All records as a read-only memory map, float16 [records, *shape]."""
        return np.memmap(self.data, np.float16, "r", shape=(len(self.rows), *self.shape))


def fingerprint(module: nn.Module) -> str:
    """SHA-256 of every tensor of a module: the weights as they are, wherever they came from."""
    total = hashlib.sha256(str(module).encode())
    for name, tensor in sorted(module.state_dict().items()):
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


@dataclass(frozen=True)
class Front:
    """The frozen part of a network, how its pictures are augmented, and where it runs."""

    module: nn.Module
    augment: Augment
    recipe: Recipe
    device: torch.device

    def stem(self, cache: Path) -> Path:
        """Names the files by all that an activation depends on besides the picture's pixels."""
        recipe, size = self.recipe, self.augment.size
        parts = [fingerprint(self.module), size, recipe.min_scale]
        parts += [recipe.brightness, recipe.contrast]
        key = hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]
        return cache / "features" / f"{recipe.preset}-{key}"

    def view(self, pixels: np.ndarray, view: int, key: str) -> torch.Tensor:
        """One view of one picture, float32 [1, 3, size, size]; a crop follows from the key."""
        picture = torch.from_numpy(np.array(pixels)[None]).to(self.device)
        if view:
            seed_all(int(key[:15], 16))
        return self.augment(picture, train=view > 0)

    def shape(self, pixels: np.ndarray) -> tuple[int, ...]:
        """The shape of one picture's activations."""
        with evaluating(self.module):
            return tuple(self.module(self.view(pixels, 0, "")).shape[1:])


def content_keys(pixels: np.ndarray, control: Control) -> list[str]:
    """SHA-256 of each picture's cached pixels."""
    keys = []
    for row in pixels:
        control.poll()
        keys.append(hashlib.sha256(np.ascontiguousarray(row).data).hexdigest())
    return keys


def view_key(content: str, view: int) -> str:
    """The key of one view of one picture."""
    return hashlib.sha256(f"{content}#{view}".encode()).hexdigest()


class Cached:
    """Activations as a source of batches: a training epoch takes one view of each picture."""

    def __init__(self, array: np.ndarray, views: np.ndarray, seed: int) -> None:
        """``views`` [pictures, views] are rows of ``array``; -1 where a view was not computed."""
        self.array, self.views, self.seed = array, views, seed

    def fetch(self, rows: np.ndarray, epoch: int) -> torch.Tensor:
        """Reads the activations of the epoch's view of each picture, float16."""
        return torch.from_numpy(self.array[self.views[rows, self.choose(rows, epoch)]])

    def choose(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """A view for each row, drawn from (seed, epoch, row) so that order does not matter."""
        draws = np.random.default_rng([self.seed, epoch, 1]).random(len(self.views))[rows]
        return (draws * self.views.shape[1]).astype(int)

    def prepare(self, fetched: torch.Tensor, train: bool) -> torch.Tensor:  # noqa: ARG002
        """Widens to float32."""
        return fetched.float()


class Tail(nn.Module):
    """What is trained from the cache: the last blocks (possibly none) and the head."""

    def __init__(self, classifier: nn.Module, back: nn.Module) -> None:
        """Shares its parameters with ``classifier``."""
        super().__init__()
        self.back, self.head, self._whole = back, classifier.head, (classifier,)

    def forward(self, activations: torch.Tensor) -> torch.Tensor:
        """Logits of activations as the front gives them."""
        return self._whole[0].head_of(self.back(activations))

    def param_groups(self) -> list[list[nn.Parameter]]:
        """Blocks, then head; the head alone where no block is trained."""
        blocks = list(self.back.parameters())
        return ([blocks] if blocks else []) + [list(self.head.parameters())]


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, without gradients, for a while."""
    was = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        module.train(was)


@contextmanager
def locked(path: Path, control: Control) -> Iterator[None]:
    """Holds a lock file; while another run holds it, this one waits and can be stopped."""
    lock = FileLock(path)
    while not lock.is_locked:
        control.poll()
        with suppress(Timeout):
            lock.acquire(timeout=0.5)
    try:
        yield
    finally:
        lock.release()


def compute(
    front: Front,
    pixels: np.ndarray,
    wanted: list[tuple[int, int, str]],
    records: Records,
    control: Control,
    progress: Callable[[int, int], None],
) -> None:
    """Computes and keeps views that are missing; ``wanted`` holds picture, view and key.

    Stops between two batches (or layers) with :class:`StopTraining`; what was done is kept.
    """
    step = BATCH.get(front.device.type, 16)
    progress(0, len(wanted))
    with evaluating(front.module), control.guard(front.module):
        for start in range(0, len(wanted), step):
            control.poll()
            part = wanted[start : start + step]
            views = torch.cat([front.view(pixels[row], view, key) for row, view, key in part])
            records.append([key for _, _, key in part], front.module(views).float().cpu().numpy())
            progress(start + len(part), len(wanted))


def activations(
    front: Front,
    pixels: np.ndarray,
    sides: tuple[np.ndarray, np.ndarray],
    cache: Path,
    control: Control,
    progress: Callable[[int, int], None],
) -> tuple[Cached, Cached]:
    """Sources of batches for training and validation from cached activations of ``front``.

    ``sides`` are rows of ``pixels``: those trained on get ``recipe.crops`` crops beside the whole
    picture, the others the whole picture alone. Only what no run has computed yet is computed.
    """
    recipe, stem = front.recipe, front.stem(cache)
    stem.parent.mkdir(parents=True, exist_ok=True)
    counts = np.ones(len(pixels), int)
    counts[sides[0]] += recipe.crops
    contents = content_keys(pixels, control)
    views = [[view_key(c, v) for v in range(n)] for c, n in zip(contents, counts, strict=True)]
    with locked(stem.with_suffix(".lock"), control):
        records = Records(stem, front.shape(pixels[0]))
        missing = {
            key: (row, view, key)
            for row, names in enumerate(views)
            for view, key in enumerate(names)
            if key not in records.rows
        }
        compute(front, pixels, list(missing.values()), records, control, progress)
        array = records.array()
    table = np.full((len(pixels), 1 + recipe.crops), -1)
    for row, names in enumerate(views):
        table[row, : len(names)] = [records.rows[key] for key in names]
    return Cached(array, table, recipe.seed), Cached(array, table[:, :1], recipe.seed)
