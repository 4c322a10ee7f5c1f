"""Pixels of every picture, squished once and kept on disk, so that no epoch decodes a picture.

A cache is two files named by what they hold: ``KEY.u8``, uint8 [pictures, side, side, 3], and
``KEY.done``, one byte a picture that is 1 once its row is on the disk. A run that was ended in the
middle goes on with the rows that are left.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from PIL import Image

from . import data, files
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


def key_of(digests: Sequence[str], side: int) -> str:
    """Names a cache by the content of its pictures, their order, and the side."""
    text = "\n".join((f"squish bicubic {side}", *digests))
    return f"pixels-{side}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


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


def prepare(
    paths: Sequence[str],
    side: int,
    cache: Path,
    progress: Progress = quiet,
    stop: Stop = never,
) -> np.memmap:
    """The pixels of all pictures, a read-only memory map uint8 [pictures, side, side, 3].

    Only rows that are not on the disk yet are made; two runs never write one cache at once. Raises
    :class:`TrainError` where the disk is too small or a picture cannot be read, and
    :class:`StopTraining` when ``stop`` says so (what is done stays).
    """
    cache.mkdir(parents=True, exist_ok=True)
    base = cache / key_of(digests_of(paths, cache), side)
    shape = (len(paths), side, side, 3)
    lock = FileLock(f"{base}.lock")
    while True:
        if stop():
            raise StopTraining
        try:
            with lock.acquire(timeout=1):
                fill(base, paths, shape, progress, stop)
            break
        except Timeout:  # another run makes the same cache
            time.sleep(0.1)
    return np.memmap(base.with_suffix(".u8"), np.uint8, "r", shape=shape)


def fill(
    base: Path, paths: Sequence[str], shape: tuple[int, ...], progress: Progress, stop: Stop
) -> None:
    """Writes the rows that are missing; see :func:`prepare`.

    Rows are written, not assigned to a map: a full disk is then an error and not a signal.
    """
    pixels, marks = base.with_suffix(".u8"), base.with_suffix(".done")
    count, side = shape[:2]
    row = side * side * 3
    done = read_marks(pixels, marks, count, row)
    left = np.flatnonzero(done == 0)
    progress(count - len(left), count)
    if not len(left):
        return
    room(base.parent, len(left) * row - (pixels.stat().st_size if pixels.exists() else 0))
    workers = min(4, os.cpu_count() or 1)
    try:
        pixels.touch()
        with pixels.open("r+b") as out, ThreadPoolExecutor(workers) as pool:
            for start in range(0, len(left), CHUNK):
                if stop():
                    raise StopTraining
                part = left[start : start + CHUNK]
                squares = pool.map(lambda i: squish(paths[i], side), part)
                for i, square in zip(part, squares, strict=True):
                    out.seek(int(i) * row)
                    out.write(square.tobytes())
                out.flush()
                os.fsync(out.fileno())
                done[part] = 1
                files.write_whole(marks, done.tobytes())
                progress(count - len(left) + start + len(part), count)
    except OSError as error:
        kind = "disk-full" if is_disk_full(error) else "cache"
        message = f"{pixels} cannot be written: {error}"
        raise TrainError(kind, message, "free some space, then resume") from error


def read_marks(pixels: Path, marks: Path, count: int, row: int) -> np.ndarray:
    """Which rows are on the disk, uint8 [count]; none where the files do not fit together."""
    none = np.zeros(count, np.uint8)
    if not (pixels.exists() and marks.exists()):
        return none
    found = np.frombuffer(marks.read_bytes(), np.uint8).copy()
    if len(found) != count or set(np.unique(found)) - {0, 1}:
        return none
    found[pixels.stat().st_size // row :] = 0
    return found


def room(folder: Path, wanted: int) -> None:
    """Raises :class:`TrainError` (``disk-full``) unless so many bytes fit on the folder's disk."""
    free = shutil.disk_usage(folder).free
    if wanted + SPARE > free:
        need, have = wanted / 2**30, free / 2**30
        message = f"the pixels need {need:.1f} GB in {folder}, where {have:.1f} are free"
        hint = "free some space, choose a cache folder on another disk, or a smaller pre_resize"
        raise TrainError("disk-full", message, hint)
