"""Protocol version 1: events as JSON lines on stdout and in ``events.jsonl``, commands on stdin.

``tests/protocol/v1.jsonl`` holds every type of event and is read by the tests of both languages.
Nothing here imports PyTorch: the first event is out before the slow imports begin.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

VERSION = 1
#: Seconds between two heartbeats.
HEARTBEAT = 5.0
#: Seconds between two ``progress`` events of a phase.
PROGRESS = 0.25
#: Longest event that is looked at when a run goes on, and longest command, in bytes.
LONGEST = 1 << 20
#: Every type of event with its fields besides ``type``, ``seq`` and ``time``.
EVENTS: dict[str, frozenset[str]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "hello": "v run pid resumed",
        "phase": "name index of",
        "progress": "phase epoch epochs batch batches done total eta_s",
        "lr_find": "lrs losses suggestion",
        "metrics": "epoch epochs stage train_loss valid_loss accuracy accuracy_multi f1 top3 top5 "
        "macro_f1 ece per_country_f1 lr seconds memory",
        "checkpoint": "epoch batch path sha256",
        "warning": "kind message hint",
        "artifact": "kind path sha256",
        "heartbeat": "memory",
        "done": "seconds metrics",
        "stopped": "epoch batch why",
        "error": "kind message hint",
    }.items()
}
#: The types after which a process says nothing more.
ENDS = frozenset({"done", "stopped", "error"})


def claim_stdout() -> int:
    """Takes stdout for events alone: file descriptor 1 becomes stderr, a private copy is returned.

    What a library prints, from Python or from C, lands on stderr afterwards.
    """
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def memory() -> int:
    """Resident memory of this process in bytes."""
    import psutil

    return psutil.Process().memory_info().rss


def finite(value: Any) -> Any:
    """The value with every NaN or infinity replaced by ``None``: JSON has neither."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def read_events(path: Path) -> Iterator[dict]:
    """The events of a file in order; cut, foreign and overlong lines are left out."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            with contextlib.suppress(ValueError):
                event = json.loads(line) if len(line) <= LONGEST else None
                if isinstance(event, dict) and event.get("type") in EVENTS:
                    yield event


class Reporter:
    """Writes events to a descriptor and appends them to ``events.jsonl``, one whole line each.

    Safe from several threads. A reader that went away or a full disk stops neither the run nor
    the other output; after an end event nothing more is written.
    """

    def __init__(self, run: Path | None, descriptor: int | None) -> None:
        """``run`` is the run's folder; ``None`` for both makes a reporter that keeps silent."""
        self.descriptor, self.lock, self.ended = descriptor, threading.RLock(), False
        self.seq, self.epochs_told, self.next_progress = 0, set(), 0.0
        self.file, self.silent = None, run is None and descriptor is None
        if run is not None:
            path = run / "events.jsonl"
            for event in read_events(path):
                self.seq = max(self.seq, int(event.get("seq", -1)) + 1)
                if event["type"] == "metrics":
                    self.epochs_told.add(event["epoch"])
            self.file = path.open("ab", buffering=0)
            if path.stat().st_size and path.read_bytes()[-1:] != b"\n":
                self.file.write(b"\n")

    def emit(self, kind: str, /, **values: Any) -> None:
        """Writes one event. Raises ``ValueError`` where its fields are not the protocol's."""
        if values.keys() != EVENTS[kind]:
            raise ValueError(f"{kind} has the fields {sorted(values)}, not {sorted(EVENTS[kind])}")
        with self.lock:
            if self.ended:
                return
            self.ended = kind in ENDS
            event = {"type": kind, "seq": self.seq, "time": round(time.time(), 3)}
            line = json.dumps(event | finite(values), ensure_ascii=False, allow_nan=False)
            self.seq += 1
            self.write(line.encode() + b"\n")
            if kind == "metrics":
                self.epochs_told.add(values["epoch"])

    def write(self, line: bytes) -> None:
        """Puts a line on both outputs; an output that fails is left out from then on."""
        if self.file is not None:
            try:
                self.file.write(line)
            except OSError as error:
                print(f"events.jsonl cannot be written: {error}", file=sys.stderr)
        rest = line
        try:
            while rest and self.descriptor is not None:
                rest = rest[os.write(self.descriptor, rest) :]
        except OSError:
            self.descriptor = None

    def warning(self, kind: str, message: str, hint: str = "") -> None:
        """Something the user should know and the run can go on with."""
        self.emit("warning", kind=kind, message=message, hint=hint)

    def progress(self, progress: Progress, done: int, batch: tuple[int, int, int, int]) -> None:
        """A ``progress`` event unless one went out a moment ago (the last of a phase always does).

        ``batch`` is epoch (from 1), epochs, batch and batches, or zeros outside training.
        """
        now = time.monotonic()
        if now < self.next_progress and done < progress.total:
            return
        self.next_progress = now + PROGRESS
        names = ("epoch", "epochs", "batch", "batches")
        where = dict(zip(names, batch if any(batch) else (None,) * 4, strict=True))
        eta = progress.eta(done, now)
        self.emit(
            "progress", phase=progress.phase, done=done, total=progress.total, eta_s=eta, **where
        )


class Progress:
    """How far a phase is; callable as ``progress(done, total)`` by what works it off."""

    def __init__(self, reporter: Reporter, phase: str, total: int = 0) -> None:
        """Starts the clock at the first call."""
        self.reporter, self.phase, self.total = reporter, phase, total
        self.start: tuple[float, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        """Reports progress outside training; another total begins another count."""
        if total != self.total:
            self.total, self.start = total, None
        self.reporter.progress(self, done, (0, 0, 0, 0))

    def eta(self, done: int, now: float) -> float | None:
        """Seconds left at the pace since the first call; unknown until something was done."""
        if self.start is None:
            self.start = (now, done)
        began, before = self.start
        if done >= self.total:
            return 0.0
        if done <= before:
            return None
        return round((now - began) / (done - before) * (self.total - done), 1)


def heartbeat(reporter: Reporter, every: float = HEARTBEAT) -> threading.Thread:
    """Starts the thread that shows that the process lives, whatever the others do."""

    def beat() -> None:
        while not reporter.ended:
            time.sleep(every)
            reporter.emit("heartbeat", memory=memory())

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    return thread


def commands(descriptor: int) -> Iterator[str | None]:
    """Commands from a descriptor: ``stop``, ``pause``, ``resume``, ``None`` for any other line.

    Ends at the end of the input. A line over the limit counts as one foreign line.
    """
    rest, skipping = b"", False
    while chunk := read(descriptor):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            command, skipping = (None if skipping else command_of(line)), False
            if command is not None or line.strip():
                yield command
        if len(rest) > LONGEST:
            rest, skipping = b"", True


def read(descriptor: int) -> bytes:
    """Up to 64 KiB; nothing where the input ended or broke."""
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:
        return b""


def command_of(line: bytes) -> str | None:
    """The command of a line, or ``None`` where it is none."""
    with contextlib.suppress(ValueError, AttributeError):
        kind = json.loads(line).get("type")
        if kind in ("stop", "pause", "resume"):
            return kind
    return None


def listen(descriptor: int, on: Callable[[str], None], reporter: Reporter) -> threading.Thread:
    """Starts the thread that passes commands on, and ``"parent"`` at the end of the input."""

    def run() -> None:
        foreign = 0
        for command in commands(descriptor):
            if command is not None:
                on(command)
            elif not foreign:
                foreign += 1
                reporter.warning("command", "a line on stdin is no command and was left out")
        on("parent")

    thread = threading.Thread(target=run, name="stdin", daemon=True)
    thread.start()
    return thread
