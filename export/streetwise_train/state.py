"""Where a run stands, and how that is put into a checkpoint and taken out again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from fastai.optimizer import Optimizer
from torch import nn

from .checkpoint import Checkpoint
from .recipe import Recipe


@dataclass(frozen=True)
class Stage:
    """A run of epochs under one schedule: its name, its epochs, and the epochs before it.

    ``shape`` are the arguments of fastai's ``fit_one_cycle``.
    """

    name: str
    epochs: int
    first: int
    shape: dict = field(default_factory=dict)

    @property
    def last(self) -> int:
        """Epochs done when the stage is."""
        return self.first + self.epochs


def stages(recipe: Recipe) -> list[Stage]:
    """The stages of a recipe: fastai's ``fine_tune``, or one cycle where a head trains alone."""
    if recipe.unfreeze_last == 0:
        return [Stage("frozen", recipe.total_epochs, 0)]
    frozen = Stage("frozen", recipe.freeze_epochs, 0, {"pct_start": 0.99})
    whole = Stage("train", recipe.epochs, recipe.freeze_epochs, {"pct_start": 0.3, "div": 5.0})
    return [stage for stage in (frozen, whole) if stage.epochs]


@dataclass
class State:
    """Done epochs and batches, sums of the epoch begun, what was decided, figures of epochs.

    ``rate`` is the head's learning rate in the last batch, ``lr`` the base rate of the run;
    ``micro`` is the size of the parts that batches are worked off in after memory ran out.
    """

    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    seen: int = 0
    seconds: float = 0.0
    finished: bool = False
    rate: float | None = None
    lr: float | None = None
    precision: str | None = None
    micro: int | None = None
    history: list[dict] = field(default_factory=list)

    @classmethod
    def of(cls, saved: Checkpoint) -> State:
        """The state that a checkpoint holds."""
        return cls(**{k: v for k, v in saved.state.items() if k in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Place:
    """Where the loop runs: the run's folder, the device, and which of how many processes."""

    run: Path
    device: torch.device
    rank: int = 0
    world: int = 1


def optimiser_state(opt: Optimizer | None) -> tuple[dict[str, torch.Tensor], dict | None]:
    """The optimiser's tensors by name, and everything else of it as plain values."""
    if opt is None:
        return {}, None
    whole, tensors, plain = opt.state_dict(), {}, []
    for number, values in enumerate(whole["state"]):
        moments = {k: v for k, v in values.items() if isinstance(v, torch.Tensor)}
        tensors |= {f"opt.{number}.{k}": v for k, v in moments.items()}
        plain.append({k: v for k, v in values.items() if k not in moments})
    hypers = [{k: float(v) for k, v in group.items()} for group in whole["hypers"]]
    return tensors, {"state": plain, "hypers": hypers}


def load_optimiser(opt: Optimizer, saved: Checkpoint, device: torch.device) -> None:
    """Puts an optimiser back as it was; to be called after freezing, which clears it."""
    plain = saved.state["optimiser"]
    states = [dict(values) for values in plain["state"]]
    for name, tensor in saved.part("opt").items():
        number, key = name.split(".", 1)
        states[int(number)][key] = tensor.to(device)
    opt.load_state_dict({"state": states, "hypers": plain["hypers"]})


def tensors_of(net: nn.Module, average: nn.Module | None) -> dict[str, torch.Tensor]:
    """The network's tensors under ``net.``, those of its moving average under ``ema.``."""
    tensors = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    if average is not None:
        tensors |= {f"ema.{name}": tensor for name, tensor in average.state_dict().items()}
    return tensors


def record_of(state: State, recipe: Recipe, scaler: dict, optimiser: dict | None) -> dict:
    """Everything of a checkpoint that is no tensor."""
    return asdict(state) | {
        "recipe": recipe.hash,
        "seed": recipe.seed,
        "random": "each batch seeds its own by (seed, epoch, batch)",
        "scaler": scaler,
        "optimiser": optimiser,
    }
