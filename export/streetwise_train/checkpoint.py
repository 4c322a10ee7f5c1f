"""Checkpoints: one safetensors file written whole, the one before kept beside it.

The tensors are those of the network, the optimiser and the moving average; the metadata holds
``state``, a JSON object with everything else. No pickle is written or read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .checkpoint_names import ALL, CURRENT, PREVIOUS
from .errors import TrainError, is_disk_full
from .files import sync

#: Version of the layout of ``state``.
VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """What was read back: tensors by name, the state, and the file they came from."""

    tensors: dict[str, torch.Tensor]
    state: dict
    path: Path

    def part(self, prefix: str) -> dict[str, torch.Tensor]:
        """The tensors whose names begin with ``prefix.``, without it."""
        start = prefix + "."
        return {k[len(start) :]: v for k, v in self.tensors.items() if k.startswith(start)}


def digest(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, kinds, shapes and bytes of all tensors, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def write(path: Path, tensors: dict[str, torch.Tensor], state: dict) -> str:
    """Writes a file whole or not at all; the one it replaces is whole until the rename.

    Returns the SHA-256 of the tensors. Raises :class:`TrainError` of kind ``disk-full`` or
    ``checkpoint`` that names the file.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    sha = digest(plain)
    text = json.dumps(state | {"version": VERSION, "sha256": sha})
    partial = path.with_name(path.stem + ".partial.safetensors")
    try:
        save_file(plain, partial, metadata={"state": text})
        sync(partial)
        if path.name == CURRENT and path.exists():
            path.replace(path.with_name(PREVIOUS))
        partial.replace(path)
        sync(path.parent)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise failure(path, plain, error) from error
    return sha


def failure(path: Path, tensors: dict[str, torch.Tensor], error: Exception) -> TrainError:
    """The error of a file that could not be written, with the room it takes."""
    need = sum(t.numel() * t.element_size() for t in tensors.values()) / 1e6
    kept = "; the checkpoint before it is whole"
    if is_disk_full(error):
        message = f"{path} could not be written: the disk is full (or a limit reached){kept}"
        return TrainError("disk-full", message, f"free {need:.0f} MB there, then resume the run")
    message = f"{path} could not be written: {error}{kept}"
    return TrainError("checkpoint", message, "see to the folder's disk, then resume the run")


def read(path: Path) -> Checkpoint:
    """Reads and verifies one file. Raises ``ValueError`` or ``OSError`` where it is not whole."""
    try:
        with safe_open(path, framework="pt") as opened:
            state = json.loads((opened.metadata() or {})["state"])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path} is not a whole checkpoint: {error}") from error
    if state.get("version") != VERSION:
        raise ValueError(f"{path} has the layout {state.get('version')}, not {VERSION}")
    if state.get("sha256") != digest(tensors):
        raise ValueError(f"{path} is damaged: its tensors do not match their checksum")
    return Checkpoint(tensors, state, path)


def latest(run: Path, recipe_hash: str, warn: Callable[[str, str, str], None]) -> Checkpoint | None:
    """The newest checkpoint of a run that is whole, or ``None`` where none was written yet.

    A damaged one is reported through ``warn`` and the one before taken. Raises
    :class:`TrainError` where files are there and none can be used, or the recipe has changed.
    """
    paths = [run / name for name in ALL if (run / name).exists()]
    for path in paths:
        try:
            found = read(path)
        except (OSError, ValueError) as error:
            warn("checkpoint", str(error), "the one before is used")
            continue
        if found.state.get("recipe") != recipe_hash:
            message = f"{path} belongs to another recipe than recipe.json beside it"
            raise TrainError("recipe-changed", message, "start a new run for the changed recipe")
        return found
    if paths:
        message = f"no checkpoint in {run} can be read"
        raise TrainError("checkpoint", message, "delete them to begin the run again")
    return None
