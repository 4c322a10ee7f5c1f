"""Maximum-activation images of a trained run: one picture a country, told like a training."""

from __future__ import annotations

import hashlib
import io
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import files, protocol, session
from .control import Control
from .errors import TrainError

if TYPE_CHECKING:
    import numpy as np

    from .trained import Trained

#: The one phase, and the kinds of artifacts.
PHASE, PICTURE, TABLE = "activations", "activation", "activations"
#: Pull of the total variation against that of the network; see ``dreams.ascent``.
SMOOTHNESS = 2.0
#: What the pictures maximise, in words, for ``activations.json``.
OBJECTIVE = "the country's logit minus the mean of the other countries' logits"


@dataclass(frozen=True)
class Wanted:
    """What is asked for: ISO codes (empty: all), steps a picture, pixels a side, seed, threads.

    ``size`` ``None`` is the side of the network's input, ``threads`` ``None`` PyTorch's choice.
    """

    countries: tuple[str, ...] = ()
    steps: int = 256
    size: int | None = None
    seed: int = 0
    threads: int | None = None


def main(run: Path, out: Path, wanted: Wanted, detached: bool) -> int:
    """Paints into ``out``, talks on stdout; returns the exit status as a training does.

    Nothing in the run's folder is locked or written, so that a trainer may work in it meanwhile.
    """
    reporter = protocol.Reporter(None, protocol.claim_stdout())
    control = session.greet(run, False, reporter, detached)
    return session.guarded(lambda: paint_all(run, out, wanted, control), reporter, control)


def paint_all(run: Path, out: Path, wanted: Wanted, control: Control) -> dict:
    """Paints one country after another; returns the fields of ``done``.

    Raises :class:`StopTraining` where asked to end (the pictures finished until then stay), and
    :class:`TrainError` with the way out.
    """
    began, reporter = time.monotonic(), control.reporter
    reporter.emit("phase", name=PHASE, index=1, of=1)
    control.poll()
    import torch

    from . import dreams, stepper, trained

    if wanted.threads is not None:
        torch.set_num_threads(wanted.threads)
    found = trained.load(run, reporter.warning)
    control.saved = (found.epoch, 0)
    countries = choose(run, found, wanted)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size = wanted.size or found.size
    try:
        out.mkdir(parents=True, exist_ok=True)
        eye = dreams.Eye(found.network, found.size, found.preset.mean, found.preset.std)
        rows = paint(eye.to(device).eval(), found, countries, size, wanted, out, control)
        about = {"countries": rows, "steps": wanted.steps, "size": size, "seed": wanted.seed}
        about |= {"epoch": found.epoch, "objective": OBJECTIVE}
        text = json.dumps(about, indent=1, allow_nan=False) + "\n"
        keep(out / "activations.json", text.encode(), TABLE, reporter)
    except (RuntimeError, MemoryError) as error:
        if not stepper.out_of_memory(error):
            raise
        message = f"memory ran out while painting {size} pixels a side with {found.preset.id}"
        hint = "choose a smaller --size, or end other programs"
        raise TrainError("out-of-memory", message, hint) from error
    seconds = {PHASE: round(time.monotonic() - began, 3)}
    return {"seconds": seconds, "metrics": {"last": None, "best": None}}


def choose(run: Path, found: Trained, wanted: Wanted) -> list[str]:
    """The countries to paint, each once. Raises :class:`TrainError` for one the run lacks."""
    unknown = [code for code in wanted.countries if code not in found.countries]
    if unknown:
        message = f"the network of {run} does not know {', '.join(unknown)}"
        raise TrainError("countries", message, f"it knows {', '.join(found.countries)}")
    return list(dict.fromkeys(wanted.countries)) or found.countries


def paint(
    eye: object,
    found: Trained,
    countries: list[str],
    size: int,
    wanted: Wanted,
    out: Path,
    control: Control,
) -> list[dict]:
    """Writes ``<ISO2>.png`` of each country into ``out``; returns the rows of the table.

    ``eye`` is a ``dreams.Eye``. Progress counts steps over all countries.
    """
    from . import dreams

    progress, rows = protocol.Progress(control.reporter, PHASE), []
    total = len(countries) * wanted.steps
    progress(0, total)
    for number, code in enumerate(countries):

        def step(done: int, before: int = number * wanted.steps) -> None:
            control.poll()
            progress(before + done, total)

        seed = (wanted.seed, *code.encode())  # a country's picture does not depend on the others
        with control.guard(eye):
            position = found.countries.index(code)
            made = dreams.excite(eye, position, size, wanted.steps, seed, SMOOTHNESS, step)
        keep(out / f"{code}.png", png(made.pixels), PICTURE, control.reporter)
        rows.append({
            "country": code,
            "file": f"{code}.png",
            "logit_start": made.start,
            "logit_end": made.end,
            "probability": made.probability,
        })  # fmt: skip
    return rows


def png(pixels: np.ndarray) -> bytes:
    """Pixels, uint8 [height, width, 3], as a PNG file; the same ones give the same bytes."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def keep(path: Path, content: bytes, kind: str, reporter: protocol.Reporter) -> None:
    """Writes a file whole and tells it, by its name in the folder. Raises ``OSError``."""
    files.write_whole(path, content)
    digest = hashlib.sha256(content).hexdigest()
    reporter.emit("artifact", kind=kind, path=path.name, sha256=digest)
