"""Looks at every picture before the first epoch, and says what is wrong with the data.

A picture is read and decoded once; what was seen is kept in the cache by path, size and time of
change, so that a second run asks only the file system.
"""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageFile

from . import data, dataset, formats
from .dataset import Samples, Split
from .errors import StopTraining, TrainError, is_disk_full

#: A country with fewer training pictures or without a validation picture cannot be judged.
MIN_TRAIN, MIN_VALID = 10, 1
#: Pictures decoded between two looks at the clock, the database and the stop flag.
CHUNK = 64
#: Files named in a message; all of them stand in the problem itself.
NAMED = 3

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]


def quiet(*_: int) -> None:
    """Progress that nobody looks at."""


def never() -> bool:
    """A stop flag that is never set."""
    return False


@dataclass(frozen=True)
class Seen:
    """What one picture was seen to be; ``state`` is empty where it is fine.

    ``code`` is the 64-bit difference hash, ``spread`` the standard deviation of grey (0..255),
    ``digest`` the first half of the SHA-256 of the file's content.
    """

    state: str
    code: int
    spread: float
    width: int
    height: int
    digest: str


@dataclass(frozen=True)
class Problem:
    """One kind of fault in the data: its files (or countries, or places), and the way out."""

    kind: str
    files: tuple[str, ...]
    message: str
    hint: str

    def __str__(self) -> str:
        """One line: the message with the first files."""
        more = f" and {len(self.files) - NAMED} more" if len(self.files) > NAMED else ""
        return f"{self.message}: {', '.join(self.files[:NAMED])}{more}"


def look(path: Path, root: Path) -> Seen:
    """Reads and decodes one picture whole; never raises for what is wrong with it.

    A link that leads out of ``root`` is not opened.
    """
    bad = {"code": 0, "spread": 0.0, "width": 0, "height": 0, "digest": ""}
    if dataset.escapes(path, root):
        return Seen("link-outside", **bad)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Seen("missing", **bad)
    except OSError:
        return Seen("unreadable", **bad)
    try:
        if not formats.is_read(content):
            return Seen("unsupported", **bad)
        picture = data.load_rgb(io.BytesIO(content))
    except Exception as error:  # decoders raise nearly anything on bad bytes
        if isinstance(error, MemoryError):
            raise
        cut = isinstance(error, OSError) and "truncated" in str(error)
        return Seen("truncated" if cut else "unreadable", **bad)
    spread, digest = data.spread(picture), hashlib.sha256(content).hexdigest()[:32]
    state = "blank" if spread < data.MIN_SPREAD else ""
    return Seen(state, data.difference_hash(picture), spread, *picture.size, digest)


class Memory:
    """What was seen of files before, in ``scan.sqlite`` of the cache folder.

    A file counts as the same while its path, size and time of change are the same. A damaged
    database is thrown away: it holds nothing that cannot be seen again.
    """

    def __init__(self, cache: Path) -> None:
        """Opens or makes the database. Raises ``OSError`` where the folder cannot be made."""
        cache.mkdir(parents=True, exist_ok=True)
        self.path = cache / "scan.sqlite"
        try:
            self.base = self.open()
        except sqlite3.DatabaseError:
            self.path.unlink(missing_ok=True)
            self.base = self.open()

    def open(self) -> sqlite3.Connection:
        """A connection to the table."""
        base = sqlite3.connect(self.path, timeout=60)
        if base.execute("pragma quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("damaged")
        base.execute(
            "create table if not exists looked (path text primary key, size integer, time integer, "
            "state text, code text, spread real, width integer, height integer, digest text)"
        )
        return base

    def recall(self, file: str) -> Seen | None:
        """What is known of a file as it is now; ``None`` for nothing."""
        try:
            now = os.stat(file)  # noqa: PTH116  (a million times)
        except OSError:
            return None
        row = self.base.execute(
            "select state, code, spread, width, height, digest from looked "
            "where path = ? and size = ? and time = ?",
            (file, now.st_size, now.st_mtime_ns),
        ).fetchone()
        return Seen(row[0], int(row[1], 16), *row[2:]) if row else None

    def keep(self, found: dict[str, Seen]) -> None:
        """Remembers pictures; links that lead out are looked at again each time."""
        rows = []
        for file, seen in found.items():
            try:
                now = os.stat(file)  # noqa: PTH116
            except OSError:
                continue
            if seen.state != "link-outside":
                code = f"{seen.code:x}"
                row = (seen.state, code, seen.spread, seen.width, seen.height, seen.digest)
                rows.append((file, now.st_size, now.st_mtime_ns, *row))
        try:
            with self.base:
                self.base.executemany(f"insert or replace into looked values ({'?,' * 8}?)", rows)
        except sqlite3.OperationalError as error:
            message = f"{self.path} cannot be written: {error}"
            kind = "disk-full" if "full" in str(error) or is_disk_full(error) else "cache"
            raise TrainError(kind, message, "free some space, then start again") from error


def scan(
    samples: Samples, cache: Path, progress: Progress = quiet, stop: Stop = never
) -> list[Seen]:
    """What every picture is, in the order of the samples; only new and changed files are decoded.

    Raises :class:`StopTraining` when ``stop`` says so; what was seen until then is kept.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    memory = Memory(cache)
    result: list[Seen | None] = [memory.recall(file) for file in samples.file]
    result = [None if s and dataset.escapes(f, samples.root) else s  # a file may become a link
              for f, s in zip(samples.file, result, strict=True)]  # fmt: skip
    left = [i for i, seen in enumerate(result) if seen is None]
    progress(len(samples) - len(left), len(samples))
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for start in range(0, len(left), CHUNK):
            if stop():
                raise StopTraining
            part = left[start : start + CHUNK]
            seen = list(pool.map(lambda i: look(Path(samples.file[i]), samples.root), part))
            memory.keep(dict(zip(samples.file[part], seen, strict=True)))
            for i, one in zip(part, seen, strict=True):
                result[i] = one
            progress(len(samples) - len(left) + start + len(part), len(samples))
    memory.base.close()
    return result  # type: ignore[return-value]  (no None is left)


#: What is said of a picture's state, and what can be done about it.
STATES = {
    "missing": ("pictures that are not there", "check the paths of the index"),
    "unreadable": ("pictures that cannot be read", "remove or replace them"),
    "unsupported": ("pictures that Streetwise does not read", formats.CONVERT),
    "truncated": ("pictures that are cut short", "copy them again"),
    "link-outside": (
        "files that lie outside the folder and are never opened",
        "copy the pictures into the folder",
    ),
    "blank": ("pictures that show nothing but one tone", "remove them"),
}


def picture_problems(samples: Samples, seen: list[Seen]) -> list[Problem]:
    """Problems of single pictures, of rows, and of folders (links, and names of no country)."""
    problems = []
    if samples.left_out:
        message = f"rows and folders that name no picture of a country ({len(samples.left_out)})"
        hint = "correct them; a code such as GB or a name in English will do"
        problems.append(Problem("bad-label", samples.left_out, message, hint))
    for kind, (message, hint) in STATES.items():
        files = [n for n, s in zip(samples.name, seen, strict=True) if s.state == kind]
        files += samples.links if kind == "link-outside" else ()
        if kind == "missing" and files:
            first = samples.file[[s.state for s in seen].index(kind)]
            message = f"{message}, the first was looked for at {first}"
        if files:
            problems.append(Problem(kind, tuple(files), f"{message} ({len(files)})", hint))
    return problems


#: Kinds of problems in which a training picture would be validated on.
LEAKS = ("duplicate-across-split", "place-in-both-sides")


def split_problems(samples: Samples, split: Split, codes: np.ndarray) -> list[Problem]:
    """Copies of one picture (same ``codes``) and views of one place on both sides."""
    problems = []
    copied = np.isin(codes[split.train], codes[split.valid])
    shared = np.isin(samples.place[split.train], samples.place[split.valid])
    for kind, leaks, message in (
        (LEAKS[0], copied & ~shared, "training pictures that are also validated on"),
        (LEAKS[1], shared, "training pictures of a place that is validated on"),
    ):
        if leaks.any():
            files = tuple(samples.name[split.train[leaks]])
            hint = "remove them from one side, or leave the training copies out"
            problems.append(Problem(kind, files, f"{message} ({len(files)})", hint))
    return problems


def too_few(samples: Samples, split: Split, lost: Sequence[str]) -> list[Problem]:
    """Countries that cannot be learned or judged."""
    few, sides = [], (split.train, split.valid)
    for country in sorted({*samples.countries, *lost}):
        train, valid = (int(np.sum(samples.country[side] == country)) for side in sides)
        if train < MIN_TRAIN or valid < MIN_VALID:
            few.append(f"{country} ({train} to train on, {valid} to validate on)")
    hint = "add pictures of other places, or leave the countries out"
    message = f"countries with too few pictures, {MIN_TRAIN} to train on are needed ({len(few)})"
    return [Problem("too-few-pictures", tuple(few), message, hint)] if few else []


def check(
    samples: Samples, split: Split, seen: list[Seen], lost: Sequence[str] = ()
) -> list[Problem]:
    """Everything that is wrong with the data; an empty list where nothing is.

    ``lost`` are countries of which no picture can be used.
    """
    problems = picture_problems(samples, seen)
    if len(samples.countries) < 2:
        message = f"{samples.root} has pictures of a single country"
        hint = "a model tells countries apart: add a second one"
        problems.append(Problem("single-country", tuple(samples.countries), message, hint))
    codes = np.array([s.code for s in seen], np.uint64)
    # A picture that could not be decoded has no hash of its own.
    codes[[bool(s.state) for s in seen]] = np.arange(len(seen))[[bool(s.state) for s in seen]]
    return problems + split_problems(samples, split, codes) + too_few(samples, split, lost)


@dataclass(frozen=True)
class Admitted:
    """Data that may be trained on: pictures, what they are, the split, what was allowed."""

    samples: Samples
    seen: list[Seen]
    split: Split
    allowed: list[Problem]

    @property
    def longest(self) -> int:
        """The longest side of any picture, in pixels."""
        return max(max(s.width, s.height) for s in self.seen)


def admit(job: Any, recipe: Any, progress: Progress = quiet, stop: Stop = never) -> Admitted:
    """Loads, looks at and splits the data of a job.

    Kinds of problems in ``job.allow`` are repaired where they can be: unreadable, truncated, blank
    and outside pictures are left out, and so are training pictures that would leak into the
    validation. Raises :class:`TrainError` (kind ``data``) that lists all others, one a line.
    """
    samples = dataset.load(job.data, recipe.countries)
    seen = scan(samples, Path(job.cache), progress, stop)
    allowed = [p for p in picture_problems(samples, seen) if p.kind in job.allow]
    refused = [p for p in picture_problems(samples, seen) if p.kind not in job.allow]
    fine = np.array([not s.state for s in seen], bool)
    if not fine.any():
        raise refusal(refused or allowed, samples)
    lost = sorted(set(samples.countries) - set(samples.take(fine).countries))
    samples = replace(samples.take(fine), links=(), left_out=())
    seen = [s for s in seen if not s.state]
    codes = np.array([s.code for s in seen], np.uint64)
    split = dataset.split(samples, recipe, codes)
    for problem in check(samples, split, seen, lost):
        fatal = problem.kind == "single-country" or problem.kind not in job.allow
        (refused if fatal else allowed).append(problem)
    if refused:
        raise refusal(refused, samples)
    leaks = [
        p.files for p in allowed if p.kind in ("duplicate-across-split", "place-in-both-sides")
    ]
    if leaks:
        out = np.isin(samples.name[split.train], np.concatenate(leaks))
        split = Split(split.train[~out], split.valid)
    if not len(split.train) or not len(split.valid):
        hint = "add places: a picture's place is trained on or validated on, never both"
        message = f"{samples.root} leaves {len(split.train)} pictures to train on and "
        raise TrainError("data", f"{message}{len(split.valid)} to validate on", hint)
    return Admitted(samples, seen, split, allowed)


def refusal(problems: list[Problem], samples: Samples) -> TrainError:
    """The error that lists all problems, and how to go on in spite of them.

    A message names the first files of a kind; standard error gets all of them.
    """
    for problem in problems:
        if len(problem.files) > NAMED:
            print(problem.kind, *problem.files, sep="\n  ", file=sys.stderr)
    lines = "\n".join(f"- {p.kind}: {p}; {p.hint}" for p in problems)
    kinds = [p.kind for p in problems if p.kind != "single-country"]
    allow = " ".join(f"--allow {kind}" for kind in dict.fromkeys(kinds))
    hint = f"repair the data, or go on without what is at fault: {allow}" if allow else FIX
    return TrainError("data", f"{samples.root} cannot be trained on as it is:\n{lines}", hint)


FIX = "repair the data"
