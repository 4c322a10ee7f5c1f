"""The network of a run as its checkpoint holds it, with what its logits mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import checkpoint, checkpoint_names, fast, presets, recipe
from .augment import seed_all
from .classifier import Classifier
from .errors import TrainError
from .recipe import Job, Recipe


@dataclass(frozen=True)
class Trained:
    """A network, float32 and in evaluation mode, and what was asked of it.

    ``countries`` are ISO codes in the order of the logits, ``epoch`` the number of epochs behind
    the weights, ``size`` the side of the input in pixels.
    """

    network: Classifier
    preset: presets.Preset
    countries: list[str]
    size: int
    epoch: int


def weights(run: Path, made: Recipe, saved: checkpoint.Checkpoint) -> tuple[dict, int]:
    """What a run delivers, by name, and after how many epochs.

    The best epoch's weights with early stopping, else the moving average, else the last ones.
    """
    path = run / checkpoint_names.BEST
    if made.early_stopping is not None and path.exists():
        try:
            best = checkpoint.read(path)
        except (OSError, ValueError) as error:
            raise TrainError("checkpoint", str(error), "resume or repeat the run") from error
        return best.tensors, int(best.state["epoch"])
    return saved.part("ema" if made.ema is not None else "net"), int(saved.state["epoch"])


def load(run: Path, warn: Callable[[str, str, str], object] = lambda *_: None) -> Trained:
    """The network of a run, read without its lock: a trainer may go on meanwhile.

    A damaged checkpoint is told to ``warn`` (kind, message, hint) and the one before taken. Raises
    :class:`TrainError` for a folder that is no run or holds no checkpoint, and what
    :func:`presets.build` raises where the frozen part of the network cannot be had again.
    """
    made, job = recipe.load(Recipe, run / "recipe.json"), recipe.load(Job, run / "job.json")
    saved = checkpoint.latest(run, made.hash, warn)
    if saved is None:
        message = f"{run} holds no checkpoint yet"
        raise TrainError("checkpoint", message, "train it first; every epoch writes one")
    countries, preset = countries_of(run), presets.get(made.preset)
    network = build(made, job, len(countries))
    part = network
    if made.unfreeze_last is not None:
        part = fast.Tail(network, network.split(made.unfreeze_last)[1])
    found, epoch = weights(run, made, saved)
    try:
        part.load_state_dict(found)
    except RuntimeError as error:
        message = f"the checkpoint of {run} does not fit its recipe and split.json: {error}"
        raise TrainError("checkpoint", message, "repeat the run in another folder") from error
    network = network.float().eval().requires_grad_(False)
    return Trained(network, preset, countries, made.size or preset.size, epoch)


def countries_of(run: Path) -> list[str]:
    """The countries of the logits. Raises :class:`TrainError` where ``split.json`` has none."""
    path = run / "split.json"
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["countries"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{path} does not say which countries the network knows: {error!r}"
        raise TrainError("run", message, "name the folder of a run that was trained") from error


def build(made: Recipe, job: Job, classes: int) -> Classifier:
    """The network with the preset's weights and a head drawn from the seed."""
    seed_all(made.seed)
    return presets.build(
        made.preset, classes, size=made.size, weights=job.weights, from_scratch=job.from_scratch
    )
