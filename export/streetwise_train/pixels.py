"""Pixels of every picture, squished once and kept on disk, so that no epoch decodes a picture.

All runs share one store for each side: ``pixels-SIDE.u8``, uint8 [rows, side, side, 3], grows by
the pictures that are new, and ``pixels-SIDE.index`` names the content of each row, one digest a
line. A line is written when its row is on the disk, so a run that was ended in the middle goes on
with what is left, and another split or a further country costs only the pictures that are new.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from PIL import Image

from . import data
from .datacheck import Memory, Progress, Stop, never, quiet
from .errors import StopTraining, TrainError, is_disk_full

#: Rows written between two flushes: some tens of megabytes.
CHUNK = 32
#: Sides are rounded up to this, so that few different ones come about.
STEP = 32
#: Left free on the disk beside a new cache, in bytes.
SPARE = 256 * 2**20


def side_of(longest: int, pre_resize: int) -> int:
    """The side of the cached squares: the recipe's, or less where no picture is as large.

    Enlarging adds nothing that a picture does not have and costs disk and time, so the longest
    side in the data, rounded up to a multiple of ``STEP``, is the most that is kept.
    """
    return min(pre_resize, -(-longest // STEP) * STEP)


def digests_of(paths: Sequence[str], cache: Path) -> list[str]:
    """A digest of each file's content, from the data check's memory where it is known there."""
    memory = Memory(cache)
    known = [memory.recall(path) for path in paths]
    memory.base.close()
    pairs = zip(paths, known, strict=True)
    return [seen.digest if seen and seen.digest else digest(path) for path, seen in pairs]


def digest(path: str) -> str:
    """The first half of a file's SHA-256. Raises :class:`TrainError` where it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:32]
    except OSError as error:
        raise gone(path, error) from error


def gone(path: str, error: Exception) -> TrainError:
    """The error for a picture that could be read a moment ago."""
    message = f"{path} cannot be read any more: {error}"
    return TrainError("data", message, "start again: the data are looked at anew")


def squish(path: str, side: int) -> np.ndarray:
    """One picture upright and whole at side x side, uint8 [side, side, 3].

    Raises :class:`TrainError` naming the file where it cannot be read (any more).
    """
    try:
        picture = data.load_rgb(Path(path))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise gone(path, error) from error
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))


#: Characters of a digest in the index, with the end of its line.
LINE = 33


class Rows:
    """Pictures in the order asked for, read from the store when they are indexed.

    ``rows[i]`` is uint8 [side, side, 3]; ``rows[array]`` copies uint8 [n, side, side, 3].
    """

    def __init__(self, store: np.memmap, order: np.ndarray) -> None:
        """``order`` are rows of ``store``."""
        self.store, self.order = store, order
        self.shape, self.dtype = (len(order), *store.shape[1:]), store.dtype

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.order)

    def __getitem__(self, which: Any) -> np.ndarray:
        """The pixels of a number, slice, index or mask."""
        return self.store[self.order[which]]

    def __iter__(self) -> Iterator[np.ndarray]:
        """One picture after the other."""
        return (self.store[row] for row in self.order)


def prepare(
    paths: Sequence[str],
    side: int,
    cache: Path,
    progress: Progress = quiet,
    stop: Stop = never,
) -> Rows:
    """The pixels of all pictures, uint8 [pictures, side, side, 3], from the store in ``cache``.

    Only pictures that are not in it yet are made; two runs never write it at once. Raises
    :class:`TrainError` where the disk is too small or a picture cannot be read, and
    :class:`StopTraining` when ``stop`` says so (what is done stays).
    """
    cache.mkdir(parents=True, exist_ok=True)
    digests, base = digests_of(paths, cache), cache / f"pixels-{side}"
    lock = FileLock(f"{base}.lock")
    while True:
        if stop():
            raise StopTraining
        try:
            with lock.acquire(timeout=1):
                known = fill(base, dict(zip(digests, paths, strict=True)), side, progress, stop)
            break
        except Timeout:  # another run adds to the same store
            continue
    shape = (len(known), side, side, 3)
    store = np.memmap(base.with_suffix(".u8"), np.uint8, "r", shape=shape)
    return Rows(store, np.array([known[digest] for digest in digests], np.int64))


def fill(
    base: Path, wanted: dict[str, str], side: int, progress: Progress, stop: Stop
) -> dict[str, int]:
    """Adds the pictures (digest to path) that are missing; returns each digest's row.

    Rows are written, not assigned to a map: a full disk is then an error and not a signal.
    """
    pixels, index = base.with_suffix(".u8"), base.with_suffix(".index")
    row = side * side * 3
    pixels.touch()
    index.touch()
    known = read_index(pixels, index, row)
    left = [digest for digest in wanted if digest not in known]
    progress(len(wanted) - len(left), len(wanted))
    room(base.parent, len(left) * row)
    workers = min(4, os.cpu_count() or 1)
    try:
        with (
            pixels.open("r+b") as out,
            index.open("r+b") as names,
            ThreadPoolExecutor(workers) as pool,
        ):
            for start in range(0, len(left), CHUNK):
                if stop():
                    raise StopTraining
                part = left[start : start + CHUNK]
                squares = pool.map(lambda digest: squish(wanted[digest], side).tobytes(), part)
                append(out, len(known) * row, b"".join(squares))
                append(names, len(known) * LINE, "".join(f"{d}\n" for d in part).encode())
                known |= {digest: len(known) + i for i, digest in enumerate(part)}
                progress(len(wanted) - len(left) + start + len(part), len(wanted))
    except OSError as error:
        kind = "disk-full" if is_disk_full(error) else "cache"
        message = f"{pixels} cannot be written: {error}"
        raise TrainError(kind, message, "free some space, then resume") from error
    return known


def append(out: Any, at: int, content: bytes) -> None:
    """Writes at a place of an open file and waits until it is on the disk."""
    out.seek(at)
    out.write(content)
    out.flush()
    os.fsync(out.fileno())


def read_index(pixels: Path, index: Path, row: int) -> dict[str, int]:
    """The row of every digest whose pixels are on the disk; what was cut short is forgotten."""
    lines = index.read_bytes()
    count = min(len(lines) // LINE, pixels.stat().st_size // row)
    names = [lines[i * LINE : (i + 1) * LINE] for i in range(count)]
    whole = next((i for i, n in enumerate(names) if n[-1:] != b"\n" or not n.isascii()), count)
    return {name[:-1].decode(): i for i, name in enumerate(names[:whole])}


def room(folder: Path, wanted: int) -> None:
    """Raises :class:`TrainError` (``disk-full``) unless so many bytes fit on the folder's disk."""
    free = shutil.disk_usage(folder).free
    if wanted + SPARE > free:
        need, have = wanted / 2**30, free / 2**30
        message = f"the pixels need {need:.1f} GB in {folder}, where {have:.1f} are free"
        hint = "free some space, choose a cache folder on another disk, or a smaller pre_resize"
        raise TrainError("disk-full", message, hint)
