"""The export gate: every way to store a model is compared with PyTorch on real pictures.

What is delivered is the smallest graph that still gives PyTorch's guesses; a model of which not
even the float32 graph does is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from . import assemble, export, quantise
from .errors import TrainError

#: Real pictures compared at most; their labels are known.
PICTURES = 200
#: Training pictures that activations are calibrated on.
CALIBRATION = 32
#: Smaller weights must give PyTorch's first guess on so many of the pictures ...
MIN_AGREEMENT = 0.97
#: ... and may lose at most so much of top-1 (2 of 200 pictures).
MAX_LOSS = 0.01
#: The names of the variants, in the order in which they are chosen.
INT8, FP16, FP32, QDQ = "int8", "fp16", "fp32", "int8-qdq"
ORDER = (INT8, FP16, FP32)


@dataclass(frozen=True)
class Variant:
    """One graph against PyTorch on the same pictures.

    ``difference`` is the largest of a logit, ``agreement`` the share of equal first guesses,
    ``loss`` the top-1 lost (negative where it is gained); ``passed`` whether all of them
    are within tolerance, ``why`` what was not, or why there is no graph.
    """

    name: str
    bytes: int
    difference: float
    agreement: float
    loss: float
    passed: bool
    why: str = ""

    def __str__(self) -> str:
        """The figures in one line."""
        return (
            f"{self.name}: logits differ by at most {self.difference:.2g}, {self.agreement:.1%} "
            f"equal guesses, {self.loss:+.1%} accuracy lost"
        )


def judge(
    name: str, size: int, exact: np.ndarray, found: np.ndarray, labels: np.ndarray
) -> Variant:
    """Compares two sets of logits [pictures, countries]; see :class:`Variant`."""
    right = [float(np.mean(logits.argmax(1) == labels)) for logits in (exact, found)]
    agreement = float(np.mean(exact.argmax(1) == found.argmax(1)))
    difference, loss = float(np.abs(exact - found).max()), right[0] - right[1]
    why = ""
    if not np.isfinite(found).all():
        difference, why = float("inf"), "it gives logits that are not finite"
    elif name == FP32 and difference > assemble.MAX_DIFFERENCE:
        why = f"a logit differs by more than {assemble.MAX_DIFFERENCE}"
    elif agreement < MIN_AGREEMENT:
        why = f"fewer than {MIN_AGREEMENT:.0%} of the first guesses are equal"
    elif loss > MAX_LOSS:
        why = f"more than {MAX_LOSS:.0%} of accuracy is lost"
    return Variant(name, size, difference, agreement, loss, not why, why)


def logits_of(graph: Path, tensors: np.ndarray) -> np.ndarray:
    """Logits of a graph on ONNX Runtime, one picture at a time as the app runs it.

    The first pictures are also run together: raises ``ValueError`` where the batch matters.
    """
    session = export.open_session(graph)
    rows = [session.run([export.OUTPUT], {export.INPUT: t[None]})[0] for t in tensors]
    alone, pair = np.concatenate(rows), tensors[:2]
    together = session.run([export.OUTPUT], {export.INPUT: pair})[0]
    if not np.allclose(together, alone[:2], rtol=1e-3, atol=1e-3):
        raise ValueError(f"{graph.name} gives other logits for a batch than for its pictures")
    return alone


def variants(
    exact: Path,
    pictures: tuple[np.ndarray, np.ndarray, np.ndarray],
    calibration: np.ndarray,
    kept_float: tuple[str, ...],
    step: Callable[[str], None] = lambda _: None,
) -> list[Variant]:
    """Makes and judges all variants of the float32 graph ``exact``, files beside it.

    ``pictures`` are tensors [n, 3, size, size], PyTorch's logits on them, and class numbers;
    ``calibration`` tensors of training pictures. ``step`` is told which variant begins. Only the
    calibrated variant may fail to be made: it is measured, and not delivered.
    """
    makers: dict[str, Callable[[Path], object]] = {
        FP32: lambda _: None,
        FP16: lambda target: quantise.shrink(exact, target, "fp16", kept_float),
        INT8: lambda target: quantise.shrink(exact, target, "int8", kept_float),
        QDQ: lambda target: quantise.calibrated(exact, target, export.INPUT, calibration),
    }
    result = []
    for name, make in makers.items():
        step(name)
        target = path_of(exact, name)
        try:
            make(target)
            found = logits_of(target, pictures[0])
        except Exception as error:  # the quantiser raises nearly anything
            if name != QDQ:
                raise
            print(f"{name} could not be made: {error!r}", file=sys.stderr)
            result.append(Variant(name, 0, float("inf"), 0.0, 1.0, False, "could not be made"))
            continue
        result.append(judge(name, target.stat().st_size, pictures[1], found, pictures[2]))
    return result


def path_of(exact: Path, name: str) -> Path:
    """Where a variant of the graph ``exact`` lies; the float32 one is the graph itself."""
    return exact if name == FP32 else exact.with_suffix(f".{name}.onnx")


def choose(found: Sequence[Variant]) -> Variant:
    """The smallest variant that passed, if float32 did.

    Raises :class:`TrainError` (kind ``export-gate``) that names the variant and its figures.
    """
    by_name = {variant.name: variant for variant in found}
    exact = by_name[FP32]
    if not exact.passed:
        hint = "nothing was delivered; the checkpoint stays. Please report this architecture"
        message = f"the exported graph is not the network that was trained ({exact.why}): {exact}"
        raise TrainError("export-gate", message, hint)
    return next(by_name[name] for name in ORDER if by_name[name].passed)


def report(chosen: Variant, found: Sequence[Variant], pictures: int) -> dict:
    """The gate's figures for ``model.json``; infinite ones are ``None``."""
    rows = [asdict(variant) for variant in found]
    for row in rows:
        row |= {k: None for k, v in row.items() if isinstance(v, float) and not np.isfinite(v)}
    return {
        "delivered": chosen.name,
        "pictures": pictures,
        "tolerance": {
            "logit": assemble.MAX_DIFFERENCE,
            "agreement": MIN_AGREEMENT,
            "accuracy": MAX_LOSS,
        },
        "variants": rows,
    }
