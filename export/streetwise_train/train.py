"""A run from pictures to a delivered model: the phases in order, each able to stop and go on."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import checkpoint, datacheck, dataset, fast, files, formats, pixels, presets, trained
from .augment import Augment
from .batches import Batches, Pixels, Source
from .loop import Loop
from .protocol import Progress
from .recipe import Recipe
from .session import Session, ranks
from .state import Place, stages

#: Waiting for the first process while it fills the caches may take long.
PATIENCE = datetime.timedelta(hours=48)


class Phases:
    """Tells the reader which phase begins, out of how many, and keeps how long each took."""

    def __init__(self, session: Session) -> None:
        """The phases that this recipe goes through, in order."""
        finder = ["lr_find"] if session.recipe.lr is None else []
        middle = [stage.name for stage in stages(session.recipe)]
        last = ["export"] if session.job.export else []
        self.names = ["check", "cache", *finder, *middle, "evaluate", *last]
        self.session, self.began, self.current = session, time.monotonic(), ""

    def __call__(self, name: str) -> Progress:
        """Begins a phase; returns what reports its progress."""
        self.close()
        self.current = name
        index = self.names.index(name) + 1
        self.session.reporter.emit("phase", name=name, index=index, of=len(self.names))
        self.session.control.poll()
        return Progress(self.session.reporter, name)

    def close(self) -> None:
        """Adds the time of the phase that ends."""
        now, seconds = time.monotonic(), self.session.seconds
        if self.current:
            seconds[self.current] = round(seconds.get(self.current, 0) + now - self.began, 3)
        self.began, self.current = now, ""


@dataclass(frozen=True)
class Data:
    """Checked pictures, their split, and their pixels.

    ``rows`` are indices into the samples, train then valid; ``memory`` holds their pixels in that
    order, uint8 [rows, side, side, 3].
    """

    samples: dataset.Samples
    split: dataset.Split
    rows: np.ndarray
    memory: np.ndarray

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of ``memory`` that are trained on, and validated on."""
        count = len(self.split.train)
        return np.arange(count), np.arange(count, len(self.rows))


def setup(session: Session) -> Place:
    """Chooses the device and joins the other processes where a launcher started several."""
    rank, world = ranks()
    if session.job.threads is not None:
        torch.set_num_threads(session.job.threads)
    if world > 1:
        from accelerate import Accelerator, InitProcessGroupKwargs

        waiting = InitProcessGroupKwargs(timeout=PATIENCE)
        return Place(session.run, Accelerator(kwargs_handlers=[waiting]).device, rank, world)
    return Place(session.run, torch.device("cuda" if torch.cuda.is_available() else "cpu"))


@contextmanager
def first_alone(place: Place) -> Iterator[None]:
    """Lets the first process fill the caches before the others read them."""
    if place.world > 1 and place.rank:
        torch.distributed.barrier()
    yield
    if place.world > 1 and not place.rank:
        torch.distributed.barrier()


def check(session: Session, progress: Progress) -> tuple[datacheck.Admitted, dataset.Split]:
    """Looks at the data and splits them, or takes the split of the first start.

    Raises :class:`TrainError` of kind ``data`` that lists what is wrong.
    """
    control, path = session.control, session.run / "split.json"
    found = datacheck.admit(session.job, session.recipe, progress, lambda: control.stopping)
    not_read = formats.left_out(found.samples.not_read)
    if not_read:
        session.reporter.warning("left-out", not_read, formats.CONVERT)
    for problem in found.allowed:
        session.reporter.warning(problem.kind, str(problem), problem.hint)
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        return found, dataset.Split.from_json(kept, found.samples)
    if not session.reporter.silent:
        seen, sides = found.seen, {"train": found.split.train, "valid": found.split.valid}
        # By these a picture is known again wherever it lies: the first half of its SHA-256.
        digests = {side: [seen[i].digest for i in rows] for side, rows in sides.items()}
        kept = found.split.to_json(found.samples) | {"digests": digests}
        files.write_whole(path, json.dumps(kept, indent=1).encode())
    return found, found.split


def cache(
    session: Session, found: datacheck.Admitted, split: dataset.Split, progress: Progress
) -> Data:
    """Squishes every picture of the split once; later runs read the result back."""
    rows = np.concatenate([split.train, split.valid])
    side = pixels.side_of(found.longest, session.recipe.pre_resize)
    memory = pixels.prepare(
        list(found.samples.file[rows]),
        side,
        Path(session.job.cache),
        progress,
        lambda: session.control.stopping,
    )
    return Data(found.samples, split, rows, memory)


def build(session: Session, countries: list[str]) -> presets.Classifier:
    """The network with the preset's weights and a head drawn from the seed."""
    return trained.build(session.recipe, session.job, len(countries))


def prepare(
    session: Session, place: Place, data: Data, network: presets.Classifier, progress: Progress
) -> tuple[nn.Module, Source, Source]:
    """What is trained, and the sources of training and validation batches.

    Everything from pixels, or the tail of the network from cached activations.
    """
    recipe, preset = session.recipe, presets.get(session.recipe.preset)
    augment = Augment(recipe, recipe.size or preset.size, preset.mean, preset.std)
    if recipe.unfreeze_last is None:
        source = Pixels(data.memory, augment)
        return network, source, source
    module, back = network.to(place.device).split(recipe.unfreeze_last)
    front = fast.Front(module, augment, recipe, place.device)
    cache, control = Path(session.job.cache), session.control
    train, valid = fast.activations(front, data.memory, data.sides, cache, control, progress)
    return fast.Tail(network, back), train, valid


def make_loop(
    session: Session,
    place: Place,
    data: Data,
    net: nn.Module,
    sources: tuple[Source, Source],
) -> Loop:
    """The loop over the batches of the recipe."""
    recipe, labels = session.recipe, data.samples.labels[data.rows]
    batch = recipe.batch or presets.get(recipe.preset).batch
    batches = tuple(
        Batches(
            source,
            side,
            labels[side],
            batch,
            place.device,
            train=train,
            seed=recipe.seed,
            rank=place.rank,
            world=place.world,
        )
        for source, side, train in zip(sources, data.sides, (True, False), strict=True)
    )
    countries = data.samples.countries
    return Loop(recipe, net, batches, countries, place, session.reporter, session.control)


def summary(loop: Loop) -> dict:
    """The figures of the last epoch and of the best one by macro-F1; nothing without epochs."""
    history = loop.state.history
    if not history:
        return {"last": None, "best": None}
    return {"last": history[-1], "best": max(history, key=lambda figures: figures["macro_f1"])}


@contextmanager
def few_threads(recipe: Recipe, place: Place) -> Iterator[None]:
    """One thread while a head trains alone.

    Its steps are so small that threads wait for one another longer than they work: on two cores
    shared with other programs an epoch of 500 features took 0.31 s with two and 0.14 s with one.
    """
    before = torch.get_num_threads()
    if recipe.unfreeze_last == 0 and place.device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train(session: Session) -> dict:
    """Runs all phases; returns the fields of ``done``.

    Raises :class:`StopTraining` where the run is to end before, and :class:`TrainError` or the
    typed errors of the phases.
    """
    place, phases = setup(session), Phases(session)
    with first_alone(place):
        found, split = check(session, phases("check"))
        progress = phases("cache")
        data = cache(session, found, split, progress)
        network = build(session, data.samples.countries)
        net, *sources = prepare(session, place, data, network, progress)
    loop = make_loop(session, place, data, net, sources)
    saved = checkpoint.latest(session.run, session.recipe.hash, session.reporter.warning)
    with few_threads(session.recipe, place):
        loop.run(saved, phases)
    if place.rank == 0:
        net.load_state_dict(loop.final())
        finish(session, network.cpu().float().eval(), data, phases)
    phases.close()
    return {"seconds": session.seconds, "metrics": summary(loop)}


def finish(session: Session, network: presets.Classifier, data: Data, phases: Phases) -> None:
    """Evaluates, exports, compares and delivers the model into the run's folder.

    A stop is noticed between two steps of either; nothing half-done is left.
    """
    from . import deliver

    def report(name: str) -> Callable[[int, int], None]:
        progress = phases(name)

        def step(done: int, total: int) -> None:
            session.control.poll()
            progress(done, total)

        return step

    preset, parts = presets.get(session.recipe.preset), (data.samples, data.split)
    made = deliver.finish(network, preset, session.recipe, session.job, *parts, session.run, report)
    for artifact in made:
        path = Path(artifact["path"]).relative_to(session.run).as_posix()
        session.reporter.emit("artifact", **artifact | {"path": path})
