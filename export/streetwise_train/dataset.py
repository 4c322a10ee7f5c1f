"""A user's pictures: an index or a folder per country, split by place for training.

Nothing outside the folder is read: links to folders are not followed, and pictures whose real path
lies elsewhere are named by :mod:`datacheck` and never opened.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from . import country_names, data, formats, index
from .errors import TrainError

#: Folders that give the side of the split themselves, and the side.
SIDES = {"train": "train", "valid": "valid", "val": "valid", "test": "valid"}
FORMATS = (
    "the data are a folder with index.csv (columns file, country, place) and images/, or a folder "
    "per country named by its code or name (AU/…jpg, Japan/place/…jpg)"
)
#: Folders whose name begins so are of other programs: ``.ipynb_checkpoints``, ``__MACOSX``.
HIDDEN = (".", "__")


@dataclass(frozen=True)
class Samples:
    """Pictures as parallel arrays of strings, each [pictures].

    ``root`` is the folder that no picture may leave. ``file`` is the absolute path (not resolved),
    ``name`` the path as the data name it, ``country`` an ISO 3166-1 alpha-2 code, ``place`` names
    the views of one spot, ``source`` where a picture comes from, ``check`` a remark (``label
    inferred``), ``side`` is ``train`` or ``valid`` where the data are split already and empty where
    they are not. ``links`` are links to folders that were not followed because they lead out of
    ``root``; ``left_out`` rows (``line 4: why``) and folders that name no picture of a country;
    ``not_read`` counts the files of the countries' folders that are not taken, by format.
    """

    root: Path
    file: np.ndarray
    name: np.ndarray
    country: np.ndarray
    place: np.ndarray
    source: np.ndarray
    check: np.ndarray
    side: np.ndarray
    links: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    not_read: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.file)

    @property
    def countries(self) -> list[str]:
        """The countries present, in alphabetical order: the order of a model's outputs."""
        return sorted(set(self.country.tolist()))

    @property
    def labels(self) -> np.ndarray:
        """Class numbers, int64 [pictures]: positions in :attr:`countries`."""
        number = {code: i for i, code in enumerate(self.countries)}
        return np.array([number[code] for code in self.country], np.int64)

    @property
    def reportable(self) -> np.ndarray:
        """Whether a label is recorded rather than inferred, bool [pictures]."""
        return self.check != data.INFERRED

    def take(self, which: np.ndarray) -> Samples:
        """The pictures of an index or mask, in that order."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        columns = {name: v[which] for name, v in values.items() if isinstance(v, np.ndarray)}
        return replace(self, **columns)


@dataclass(frozen=True)
class Split:
    """Indices into the samples: those trained on, those validated on."""

    train: np.ndarray
    valid: np.ndarray

    def to_json(self, samples: Samples) -> dict:
        """``split.json``: names of the pictures on each side, and the countries."""
        sides = {"train": self.train, "valid": self.valid}
        rows = {side: samples.name[which].tolist() for side, which in sides.items()}
        return rows | {"countries": samples.countries}

    @classmethod
    def from_json(cls, value: dict, samples: Samples) -> Split:
        """The split of an earlier start. Raises :class:`TrainError` where a picture is gone."""
        number = {name: i for i, name in enumerate(samples.name)}
        try:
            sides = [np.array([number[n] for n in value[s]], np.int64) for s in ("train", "valid")]
        except KeyError as error:
            hint = "start a new run on the data as they are now, or bring the picture back"
            message = f"split.json names {error}, which is not in {samples.root} any more"
            raise TrainError("data", message, hint) from error
        return cls(*sides)


def load(source: Path | str, countries: Sequence[str] = ()) -> Samples:
    """Reads an ``index.csv``, a folder that has one, or a folder per country.

    ``countries`` keeps those only. Raises :class:`TrainError` (kind ``data``) that names the file
    or folder where the data are none of these, or a country asked for is absent.
    """
    path = Path(os.path.abspath(source))  # noqa: PTH100  (links must stay visible)
    table = path / "index.csv" if path.is_dir() else path
    if table.is_file():
        samples = from_index(table)
    elif path.is_dir():
        samples = from_folders(path)
    else:
        raise TrainError("data", f"{path} is not there", FORMATS)
    absent = sorted(set(countries) - set(samples.countries))
    if absent:
        hint = f"the data have {', '.join(samples.countries) or 'none'}"
        raise TrainError("data", f"{path} has no picture of {', '.join(absent)}", hint)
    if not len(samples):
        why = f": {'; '.join(samples.left_out[:3])}" if samples.left_out else ""
        raise TrainError("data", f"{path} holds no picture{why}", FORMATS)
    return samples.take(np.isin(samples.country, list(countries))) if countries else samples


def from_index(table: Path) -> Samples:
    """The samples of a CSV file; pictures lie in ``images/`` beside it, or beside it."""
    images = table.parent / "images"
    base = images if images.is_dir() else table.parent
    try:
        rows, left_out = index.read(table.read_bytes())
    except (OSError, index.NoIndexError) as error:
        raise TrainError("data", f"{table} cannot be used: {error}", FORMATS) from error
    cells = [
        (r.file, r.country, r.place or r.file, r.source, r.check, SIDES.get(r.split.lower(), ""))
        for r in rows
    ]
    return replace(arrays(table.parent, base, cells), left_out=tuple(left_out))


def from_folders(root: Path) -> Samples:
    """The samples of a folder per country, or of ``train/`` and ``valid/`` with such folders."""
    if (root / "images").is_dir() and not has_countries(root):
        root = root / "images"
    table, links, left_out, not_read = [], [], [], Counter()
    split = {name: side for name, side in SIDES.items() if (root / name).is_dir()}
    for top, side in split.items() if split else (("", ""),):
        for folder in sorted((root / top).iterdir()):
            if not folder.is_dir() or folder.name.startswith(HIDDEN):
                continue
            if escapes(folder, root):
                links.append(folder.relative_to(root).as_posix())
                continue
            code = country_names.read(folder.name)
            others = not_read if code else Counter()
            rows = walk(root, folder, code or folder.name, side, links, others)
            if code:
                table += rows
            elif rows:
                name = folder.relative_to(root).as_posix()
                left_out.append(f"folder {name}: {country_names.unknown(folder.name)}")
    samples = arrays(root, root, table)
    return replace(samples, links=tuple(links), left_out=tuple(left_out), not_read=not_read)


def has_countries(root: Path) -> bool:
    """Whether a folder named by a country lies in ``root``."""
    return any(country_names.read(entry.name) and entry.is_dir() for entry in root.iterdir())


def escapes(path: Path, root: Path) -> bool:
    """Whether a path really lies outside ``root`` (by a link or by ``..``)."""
    folder, name = os.path.split(path)
    linked = name in ("", ".", "..") or os.path.islink(path)  # noqa: PTH114  (a million times)
    target = os.path.realpath(path) if linked else os.path.join(real(folder), name)  # noqa: PTH118
    base = real(str(root))
    return target != base and not target.startswith(os.path.join(base, ""))  # noqa: PTH118


@lru_cache(2**16)
def real(folder: str) -> str:
    """The real path of a folder, asked once."""
    return os.path.realpath(folder)


def walk(
    root: Path, folder: Path, country: str, side: str, links: list[str], not_read: Counter[str]
) -> list[tuple[str, ...]]:
    """The rows of one country's folder; folders inside it are places.

    A place is named by the country and the path inside its folder, so that it has one name on both
    sides of a split. Links to folders are not followed: those inside are there anyway, those that
    lead out are added to ``links``. Files that are no pictures the app reads are counted in
    ``not_read``.
    """
    rows = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(HIDDEN))
        linked = [Path(here) / f for f in folders if (Path(here) / f).is_symlink()]
        links += [f.relative_to(root).as_posix() for f in linked if escapes(f, root)]
        for name in sorted(names):
            if name.startswith(HIDDEN):
                continue
            if not formats.is_picture(name):
                not_read[formats.kind(name)] += 1
                continue
            file = (Path(here) / name).relative_to(root).as_posix()
            inside = Path(here, name) if Path(here) == folder else Path(here)
            place = f"{country}/{inside.relative_to(folder).as_posix()}"
            rows.append((file, country, place, "", "", side))
    return rows


def arrays(root: Path, base: Path, table: list[tuple[str, ...]]) -> Samples:
    """Samples of rows (name inside ``base``, country, place, source, check, side)."""
    columns: list[Any] = [np.array(c, object) for c in zip(*table, strict=True)] if table else []
    columns = columns or [np.array([], object)] * 6
    file = np.array([os.path.join(base, name) for name in columns[0]], object)  # noqa: PTH118
    return Samples(root, file, *columns)


def split(samples: Samples, recipe: Any, hashes: np.ndarray | None = None) -> Split:
    """Training and validation pictures: whole places, the same share of each country's.

    Views of one place and pictures with the same difference hash (``hashes``, uint64 [pictures])
    stay together. ``recipe`` gives ``valid_fraction``, ``per_label`` and ``seed``; a country's
    places are drawn from the seed and its code, so that another country changes nothing. Data that
    are split already keep their sides. Inferred labels are never validated on where recorded ones
    exist. ``per_label`` caps the training pictures of a country after the split.
    """
    valid = samples.side == "valid"
    if not valid.any() or not (samples.side == "train").any():
        valid = draw(samples, recipe, hashes)
    train = np.flatnonzero(~valid)
    if recipe.per_label is not None:
        codes = samples.country[train]
        kept = [capped(train[codes == c], recipe, c) for c in samples.countries]
        train = np.sort(np.concatenate(kept))
    shown = valid & samples.reportable if samples.reportable.any() else valid
    return Split(train, np.flatnonzero(shown))


def capped(rows: np.ndarray, recipe: Any, country: str) -> np.ndarray:
    """At most ``per_label`` of a country's pictures, by the seed; more contain fewer."""
    return generator(recipe.seed, country, "cap").permutation(rows)[: recipe.per_label]


def generator(seed: int, country: str, purpose: str) -> np.random.Generator:
    """A random generator that depends on the seed, the country and what it is used for."""
    return np.random.default_rng([seed, zlib.crc32(f"{purpose}:{country}".encode())])


def draw(samples: Samples, recipe: Any, hashes: np.ndarray | None) -> np.ndarray:
    """Which pictures stand on the validation side, bool [pictures]; always whole groups.

    A group belongs to the country of its first picture. Groups without a recorded label are drawn
    only where there are no others. A country with a single group keeps it for training: nothing
    could be learned otherwise.
    """
    codes = np.arange(len(samples)) if hashes is None else hashes
    group = data.groups([At(place) for place in samples.place], codes.tolist())
    _, first = np.unique(group, return_index=True)
    owner, valid = samples.country[first], np.zeros(len(first), bool)
    recorded = np.bincount(group, samples.reportable) > 0
    for country in samples.countries:
        every = np.flatnonzero(owner == country)
        own = every[recorded[every]] if recorded.any() else every
        count = min(max(1, round(recipe.valid_fraction * len(own))), max(len(every) - 1, 0))
        valid[generator(recipe.seed, country, "split").permutation(own)[:count]] = True
    return valid[group]


@dataclass(frozen=True)
class At:
    """What :func:`data.groups` must know of a picture: its place."""

    place: str
