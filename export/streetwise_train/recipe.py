"""What is trained and how (``recipe.json``), and where on this machine (``job.json``).

The recipe is the same struct in Rust; ``tests/protocol/recipe.json`` is read by both languages'
tests. It names no path and can be shared.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from . import files
from .errors import TrainError

#: The version of the format; another one is refused.
VERSION = 1
PRECISIONS = ("auto", "off", "bf16", "fp16")


@dataclass(frozen=True)
class Recipe:
    """Everything that changes what a network learns. Defaults are the study's.

    ``countries`` are ISO 3166-1 alpha-2 codes, empty for all in the data. ``per_label`` is the
    number of training pictures a country, ``None`` for all. ``valid_fraction`` is a share of the
    places. ``pre_resize`` and ``size`` are pixels a side. ``unfreeze_last`` chooses the way:
    ``None`` trains everything from pictures, 0 the head from cached features, N the head and the
    last N blocks from cached activations; ``crops`` is the number of augmented crops cached of
    each picture. ``lr`` ``None`` is what the finder suggests after ``lr_iterations`` batches.
    ``early_stopping`` is a patience in epochs, ``ema`` a decay per batch, ``mixup`` the alpha of
    its Beta distribution, ``gradient_clip`` the largest norm of the gradients (``None``: any).
    """

    preset: str
    version: int = VERSION
    countries: tuple[str, ...] = ()
    per_label: int | None = None
    valid_fraction: float = 0.2
    seed: int = 0
    pre_resize: int = 800
    size: int | None = None
    min_scale: float = 0.5
    brightness: float = 0.2
    contrast: float = 0.2
    unfreeze_last: int | None = None
    crops: int = 4
    freeze_epochs: int = 1
    epochs: int = 100
    batch: int | None = None
    lr: float | None = None
    lr_iterations: int = 100
    weight_decay: float = 0.01
    mixed_precision: str = "auto"
    early_stopping: int | None = None
    ema: float | None = None
    label_smoothing: float = 0.0
    mixup: float = 0.0
    gradient_clip: float | None = None

    def __post_init__(self) -> None:
        """Refuses values outside their range. Raises :class:`TrainError` naming the field."""
        object.__setattr__(self, "countries", tuple(self.countries))
        if self.version != VERSION:
            raise refusal(f"version {self.version} is not known", "this trainer reads version 1")
        for name, (low, high, optional) in RANGES.items():
            check_number(name, getattr(self, name), low, high, optional, INTEGER[name])
        if self.mixed_precision not in PRECISIONS:
            raise refusal(f"mixed_precision {self.mixed_precision!r} is not known", one_of())
        bad = [c for c in self.countries if not re.fullmatch("[A-Z]{2}", str(c))]
        if bad or len(set(self.countries)) != len(self.countries) or len(self.countries) == 1:
            hint = "name two countries or more by two capital letters, each once, or none for all"
            raise refusal(f"countries {list(self.countries)} cannot be used", hint)

    @property
    def total_epochs(self) -> int:
        """Epochs of the frozen and the unfrozen stage together."""
        return self.freeze_epochs + self.epochs

    @property
    def hash(self) -> str:
        """SHA-256 of all fields: a checkpoint of another recipe is not resumed from.

        Fields of ``LATER`` count only where they are set, so that checkpoints from before they
        were there still belong to their recipe.
        """
        values = asdict(self)
        fields = {k: v for k, v in values.items() if k not in LATER or v is not None}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """All fields, in the order of the golden file."""
        values = asdict(self) | {"countries": list(self.countries)}
        return json.dumps({"version": values.pop("version"), **values}, indent=2) + "\n"


#: Allowed values: least, most, and whether ``null`` is allowed. Above ``epochs`` and sizes stand
#: only typing errors, not what a machine can do.
RANGES: dict[str, tuple[float, float, bool]] = {
    "per_label": (1, 10_000_000, True),
    "valid_fraction": (0.01, 0.9, False),
    "seed": (0, 2**32 - 1, False),
    "pre_resize": (32, 4096, False),
    "size": (32, 1024, True),
    "min_scale": (0.01, 1.0, False),
    "brightness": (0.0, 0.95, False),
    "contrast": (0.0, 0.95, False),
    "unfreeze_last": (0, 1000, True),
    "crops": (1, 64, False),
    "freeze_epochs": (0, 100_000, False),
    "epochs": (0, 100_000, False),
    "batch": (2, 65_536, True),
    "lr": (1e-10, 100.0, True),
    "lr_iterations": (10, 100_000, False),
    "weight_decay": (0.0, 10.0, False),
    "early_stopping": (1, 100_000, True),
    "ema": (0.0, 0.999999, True),
    "label_smoothing": (0.0, 0.9, False),
    "mixup": (0.0, 100.0, False),
    "gradient_clip": (1e-6, 1e6, True),
}
#: Fields that the format did not have at first; ``null`` is how it was without them.
LATER = ("gradient_clip",)
INTEGER = {f.name: "int" in str(f.type) for f in fields(Recipe)}


def refusal(message: str, hint: str) -> TrainError:
    """A recipe that is not accepted, and what would be."""
    return TrainError("recipe", f"the recipe is refused: {message}", hint)


def one_of() -> str:
    """The values that ``mixed_precision`` takes."""
    return "choose one of " + ", ".join(PRECISIONS)


def check_number(
    name: str, value: Any, low: float, high: float, optional: bool, whole: bool
) -> None:
    """Raises :class:`TrainError` unless the value is a number in its range (or an allowed null)."""
    if value is None and optional:
        return
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        hint = f"{name} is {kind} from {low:g} to {high:g}" + (" or null" if optional else "")
        raise refusal(f"{name} is {value!r}", hint)


@dataclass(frozen=True)
class Job:
    """Where a recipe runs on this machine. ``data`` is a folder or an ``index.csv``.

    ``weights`` is a safetensors file in timm's naming, ``cache`` a folder shared by runs, ``allow``
    the kinds of problems in the data that are accepted, ``threads`` those of the processor
    (``None``: PyTorch's choice), ``model_id`` and ``name`` those of the model that comes out.
    Without ``export`` a run ends with its evaluation.
    """

    data: str
    cache: str
    weights: str | None = None
    from_scratch: bool = False
    allow: tuple[str, ...] = ()
    name: str = ""
    threads: int | None = None
    model_id: str = "model"
    export: bool = True

    def __post_init__(self) -> None:
        """Turns the list of the file into a tuple."""
        object.__setattr__(self, "allow", tuple(self.allow))

    def to_json(self) -> str:
        """All fields."""
        return json.dumps(asdict(self) | {"allow": list(self.allow)}, indent=2) + "\n"


def parse(kind: type, text: str, source: str) -> Any:
    """A :class:`Recipe` or :class:`Job` from JSON.

    Raises :class:`TrainError` that names ``source`` and the unknown, missing or bad field.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise TrainError("recipe", f"{source} is not JSON: {error}", "write it again") from error
    if not isinstance(values, dict):
        raise TrainError("recipe", f"{source} holds no object", "write it again")
    known = {f.name for f in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        hint = "the file may be of a newer version; known are " + ", ".join(sorted(known))
        raise TrainError("recipe", f"{source} has the unknown field {unknown[0]!r}", hint)
    try:
        return kind(**values)
    except TypeError as error:
        raise TrainError("recipe", f"{source} lacks a field: {error}", "add it") from error


def load(kind: type, path: Path) -> Any:
    """Reads a file written by :func:`save`. Raises :class:`TrainError` naming it."""
    try:
        return parse(kind, path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        hint = "a run folder holds recipe.json and job.json"
        raise TrainError("recipe", f"{path} cannot be read: {error}", hint) from error


def save(value: Recipe | Job, path: Path) -> None:
    """Writes the file whole or not at all. Raises ``OSError``."""
    files.write_whole(path, value.to_json().encode())


def override(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """The recipe with the given fields changed, checked again."""
    return replace(recipe, **changes)
