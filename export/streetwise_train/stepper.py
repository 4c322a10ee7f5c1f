"""fastai's learner with three additions to its batch: parts, precision, and chance by number."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable

import torch
from fastai.callback.core import CancelStepException
from fastai.learner import Learner
from torch import nn

from .errors import TrainError

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
#: Pictures and rounds of the measurement that decides about mixed precision on a processor.
PROBE, ROUNDS = 8, 3
#: bf16 must be this much faster to be chosen: it costs accuracy, and a measurement has noise.
GAIN = 1.1
#: Batch norm cannot learn from a single picture.
LEAST = 2


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or for a processor's tensors."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


class Stepper(Learner):
    """Works a batch off in parts of at most ``micro`` pictures, gradients added up.

    One step of the optimiser a batch whatever ``micro`` is, so that the effective batch stays.
    When memory runs out ``micro`` is halved, ``on_halved`` told, and the batch tried again.
    """

    micro: int = 1 << 30
    precision: str = "off"
    #: Largest norm of all gradients together; longer ones are shortened (Pascanu et al. 2013).
    gradient_clip: float | None = None
    on_halved: Callable[[int], None]

    def set_precision(self, precision: str) -> None:
        """``off``, ``bf16`` or ``fp16``; the last one brings a gradient scaler."""
        self.precision = precision
        self.scaler = torch.amp.GradScaler(self.dls.device.type, enabled=precision == "fp16")

    def autocast(self) -> contextlib.AbstractContextManager:
        """Mixed precision for a forward pass, or nothing."""
        if self.precision == "off":
            return contextlib.nullcontext()
        return torch.autocast(self.dls.device.type, dtype=DTYPES[self.precision])

    def _do_one_batch(self) -> None:
        """One batch of fastai's loop."""
        if not self.training:
            with self.autocast(), torch.no_grad():
                self.pred = self.model(*self.xb).float()
                self.loss = self.loss_func(self.pred, *self.yb)
            return
        while True:
            try:
                self._accumulate()
                break
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                self._halve(error)
        self._with_events(self._step, "step", CancelStepException)
        self.opt.zero_grad()

    def _accumulate(self) -> None:
        """Forward and backward over the parts; sets ``loss`` to the mean over the batch."""
        inputs, labels = self.xb[0], self.yb[0]
        parts = max(1, math.ceil(len(inputs) / self.micro))
        self.loss = torch.zeros((), device=inputs.device)
        for x, y in zip(inputs.tensor_split(parts), labels.tensor_split(parts), strict=True):
            with self.autocast():
                self.pred = self.model(x)
                loss = self.loss_func(self.pred, y) * (len(x) / len(inputs))
            self.scaler.scale(loss).backward()
            self.loss = self.loss + loss.detach().float()

    def _step(self) -> None:
        """The optimiser's step, left out by the scaler where a gradient overflowed."""
        if self.gradient_clip is not None:
            self.scaler.unscale_(self.opt)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.gradient_clip)
        self.scaler.step(self.opt)
        self.scaler.update()

    def _halve(self, error: BaseException) -> None:
        """Makes the parts half as big. Raises :class:`TrainError` where they cannot be."""
        size = min(self.micro, len(self.xb[0]))
        if size // 2 < LEAST:
            message = f"memory ran out with parts of {size} pictures: {error}"
            hint = "choose a smaller preset or size, or close other programs"
            raise TrainError("out-of-memory", message, hint) from error
        self.micro = size // 2
        # The traceback holds the tensors of the failed pass; free them before the cache.
        error.__traceback__ = None
        self.pred = self.loss = None
        for parameter in self.model.parameters():
            parameter.grad = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.on_halved(self.micro)


def one_pass(network: nn.Module, inputs: torch.Tensor, precision: str) -> float:
    """Seconds of one forward and backward pass in training mode."""
    kind = inputs.device.type
    enabled = precision != "off"
    started = time.perf_counter()
    with torch.autocast(kind, dtype=DTYPES.get(precision, torch.bfloat16), enabled=enabled):
        total = network(inputs).float().square().mean()
    if total.requires_grad:
        total.backward()
    return time.perf_counter() - started


def choose_precision(asked: str, network: nn.Module, inputs: torch.Tensor) -> str:
    """``asked``, or for ``auto`` what pays on this machine.

    A GPU takes bf16 where it has it and fp16 otherwise. On a processor a few passes over
    ``inputs`` (up to eight pictures) are timed; the network comes out as it went in.
    """
    kind = inputs.device.type
    if asked != "auto":
        return asked
    if kind == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if kind != "cpu":
        return "off"
    buffers = [buffer.clone() for buffer in network.buffers()]
    was_training = network.training
    network.train()
    try:
        best = {
            name: min(one_pass(network, inputs[:PROBE], name) for _ in range(ROUNDS))
            for name in ("off", "bf16")
        }
    finally:
        network.train(was_training)
        for parameter in network.parameters():
            parameter.grad = None
        restore(network, buffers)
    return "bf16" if best["off"] > GAIN * best["bf16"] else "off"


def restore(network: nn.Module, buffers: list[torch.Tensor]) -> None:
    """Puts back buffers (running means) that were cloned from the same network."""
    with torch.no_grad():
        for buffer, kept in zip(network.buffers(), buffers, strict=True):
            buffer.copy_(kept)
