"""A network that answers what is no number, or the same to everything: no figure of it counts."""

from __future__ import annotations

import torch

from .errors import TrainError
from .recipe import Recipe

#: Logits that move less than this from picture to picture are the same.
SAME = 1e-6
#: The way out of a network that says the same of every picture.
CONSTANT_HINT = "lower the learning rate, or train more pictures or epochs"


def refuse(values: torch.Tensor, where: str, recipe: Recipe, state: tuple) -> None:
    """Raises :class:`TrainError` of kind ``diverged`` where a loss or a logit is not finite.

    ``where`` names the values in the message; ``state`` is the learning rate (``None`` where it
    is not known) and the precision (``off``, ``bf16``, ``fp16``) that the hint speaks of.
    """
    if torch.isfinite(values).all():
        return
    rate, precision = state
    now = f" (it was {rate:.1e})" if rate is not None else ""
    ways = [f"a lower learning rate{now}: --lr"]
    if recipe.gradient_clip is None:
        ways.append("clipped gradients: --gradient-clip 1")
    if precision not in (None, "off"):
        ways.append(f"full precision instead of {precision}: --mixed-precision off")
    hint = "copy the run with " + ", or ".join(ways) + "; resuming it would end the same way"
    raise TrainError("diverged", f"training diverged: {where} is not a finite number", hint)


def constant(logits: torch.Tensor) -> bool:
    """Whether a network gave the same logits [pictures, countries] for every picture."""
    spread = logits.amax(0) - logits.amin(0)
    return len(logits) > 1 and bool((spread < SAME).all())
