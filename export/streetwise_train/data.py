"""The index of pictures: reading, cleaning, grouping by place, and folds that do not leak.

An index is a CSV file with the columns ``file, country, place, source, check``; pictures lie under
``images/`` beside it. Pictures of one ``place`` are views of one spot and always share a fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, ImageStat

from . import colour, formats, index

#: A country that was inferred rather than recorded: fit to train on, not to report on, but for the
#: surest tier, of which 97.5 to 98.5 % are right.
INFERRED, SUREST = "label inferred", "label inferred, tier A"
#: A picture whose grey values spread less than this (standard deviation, 0..255) shows nothing.
MIN_SPREAD = 12.0


@dataclass(frozen=True)
class Picture:
    """One row of the index: where it lies, what it shows, where it comes from."""

    file: str
    country: str
    place: str
    source: str
    check: str

    @property
    def reportable(self) -> bool:
        """Whether the label is recorded or of the surest tier, so that figures may rest on it."""
        return not self.check.startswith(INFERRED) or self.check == SUREST


def read_index(root: Path, strict: bool = True) -> list[Picture]:
    """Reads ``root/index.csv``; raises ``OSError``.

    A row that names no picture of a country raises ``ValueError`` with its line, and is left out
    where reading is not ``strict``: collections of screenshots hold unlabelled ones.
    """
    table = root / "index.csv"
    rows, left_out = index.read(table.read_bytes())
    if left_out and strict:
        raise ValueError(f"{table}, {left_out[0]}")
    return [Picture(r.file, r.country, r.place or r.file, r.source, r.check) for r in rows]


def load_rgb(path: Path) -> Image.Image:
    """Opens a picture as upright RGB in sRGB, of the formats that the app reads alone.

    Raises ``OSError`` where it cannot be read whole.
    """
    with Image.open(path, formats=formats.PILLOW) as raw:
        raw.load()
        picture = eight_bits(ImageOps.exif_transpose(raw)).convert("RGB")
        return colour.to_srgb(picture, raw.info.get("icc_profile"), raw.mode)


def eight_bits(picture: Image.Image) -> Image.Image:
    """Grey of 16 bits as grey of 8, rounded as in the app; Pillow's ``convert`` cuts at 255."""
    if not picture.mode.startswith("I"):
        return picture
    levels = np.clip(np.asarray(picture, np.int64), 0, 65535)
    return Image.fromarray(((levels + 128) // 257).astype(np.uint8))


def difference_hash(picture: Image.Image) -> int:
    """The 64-bit difference hash (Krawetz 2013): signs of horizontal steps at 9 x 8 pixels."""
    grey = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    return int.from_bytes(np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes(), "big")


def spread(picture: Image.Image) -> float:
    """Standard deviation of the grey values, 0..255; near nothing for a blank frame."""
    return ImageStat.Stat(picture.convert("L")).stddev[0]


def groups(pictures: list[Picture], hashes: list[int]) -> np.ndarray:
    """A group number for each picture: same place or same difference hash, same group.

    Union-find over both relations, so that copies of one picture filed under two places cannot
    stand on both sides of a split.
    """
    parent = list(range(len(pictures)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    seen: dict[object, int] = {}
    for i, (picture, code) in enumerate(zip(pictures, hashes, strict=True)):
        for key in (("place", picture.place), ("hash", code)):
            parent[root(i)] = root(seen.setdefault(key, i))
    roots = [root(i) for i in range(len(pictures))]
    numbers = {r: n for n, r in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[r] for r in roots])


def place_folds(labels: np.ndarray, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """A fold number for each picture: whole groups, countries spread evenly, fixed by the seed."""
    from sklearn.model_selection import StratifiedGroupKFold

    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.full(len(labels), -1)
    for number, (_, held) in enumerate(split.split(labels, labels, group)):
        fold[held] = number
    return fold
