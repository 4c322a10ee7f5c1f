"""One process of a run: its lock, its events, its watchers, and how it ends.

Imports of PyTorch happen inside :func:`train`, after ``hello`` is out and the watchers run.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from . import checkpoint_names, protocol, recipe
from .control import Control
from .errors import StopTraining, TrainError, describe

#: Standard input.
STDIN = 0
#: Seconds to wait for a run's lock: a reader that asks for the run's state holds it for a moment.
PATIENCE = 2.0


@dataclass
class Session:
    """What the phases of a run need: folder, recipe, job, and the way to the reader."""

    run: Path
    recipe: recipe.Recipe
    job: recipe.Job
    reporter: protocol.Reporter
    control: Control
    seconds: dict[str, float] = field(default_factory=dict)


def ranks() -> tuple[int, int]:
    """The number of this process and how many there are, as Accelerate's launcher says."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def main(run: Path, resume: bool, detached: bool) -> int:
    """Trains in the folder ``run``; returns the exit status, 0 for done or stopped, 1 for an error.

    Only the first of several processes holds the lock, reads stdin and reports.
    """
    descriptor, lead = protocol.claim_stdout(), ranks()[0] == 0
    with ExitStack() as held:
        if lead:
            try:
                run.mkdir(parents=True, exist_ok=True)
                held.enter_context(FileLock(run / "run.lock").acquire(timeout=PATIENCE))
            except (Timeout, OSError) as error:
                return refuse_locked(run, descriptor, error)
        reporter = protocol.Reporter(run if lead else None, descriptor if lead else None)
        control = greet(run, resume, reporter, detached)

        def work() -> dict:
            found = load(run, resume, reporter, control)
            from . import train

            return train.train(found)

        return guarded(work, reporter, control)


def greet(run: Path, resume: bool, reporter: protocol.Reporter, detached: bool) -> Control:
    """Says hello and starts the watchers: signals, heartbeat, commands and end of stdin."""
    control = Control(reporter)
    reporter.emit("hello", v=protocol.VERSION, run=run.name, pid=os.getpid(), resumed=resume)
    control.on_signals()
    if not reporter.silent:
        protocol.heartbeat(reporter)
        if not detached:
            protocol.listen(STDIN, control.command, reporter)
    return control


def refuse_locked(run: Path, descriptor: int, error: Exception) -> int:
    """Says that the folder cannot be had, on stdout alone: its events are another process's."""
    reporter = protocol.Reporter(None, descriptor)
    reporter.emit("hello", v=protocol.VERSION, run=run.name, pid=os.getpid(), resumed=False)
    message = f"another trainer works in {run}"
    if not isinstance(error, Timeout):
        message = f"{run} cannot be written: {error}"
    reporter.emit("error", kind="run-locked", message=message, hint="stop it, or wait for its end")
    return 1


def guarded(work: Callable[[], dict], reporter: protocol.Reporter, control: Control) -> int:
    """Runs ``work``, which gives the fields of ``done``.

    Whatever happens, the last event says how it ended; returns the exit status.
    """
    try:
        reporter.emit("done", **work())
    except StopTraining:
        control.say_stopped(*control.saved)
    except BaseException as error:
        traceback.print_exc(file=sys.stderr)
        kind, message, hint = describe(error)
        reporter.emit("error", kind=kind, message=message, hint=hint)
        return 1
    return 0


def load(run: Path, resume: bool, reporter: protocol.Reporter, control: Control) -> Session:
    """Reads recipe and job. Raises :class:`TrainError` for a begun run without ``--resume``."""
    begun = [name for name in checkpoint_names.ALL if (run / name).exists()]
    if begun and not resume:
        message = f"{run} holds a run that was begun ({begun[0]})"
        raise TrainError("run-exists", message, "go on with --resume, or choose another folder")
    loaded = recipe.load(recipe.Recipe, run / "recipe.json")
    job = recipe.load(recipe.Job, run / "job.json")
    return Session(run, loaded, job, reporter, control)
