"""Stop, pause and the end of the parent: one object that every long loop asks."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .errors import StopTraining
from .protocol import Reporter

if TYPE_CHECKING:
    from torch import nn

#: Seconds after the parent's end in which a run must be gone; the protocol says ten.
PARENT_DEADLINE = 8.0
#: Seconds after an asked stop; saving a big network to a slow disk must not be cut off.
ASKED_DEADLINE = 120.0


class Control:
    """What was asked of the run. Threads set it, loops call :meth:`poll`.

    A loop that does not come round in time is ended by a watchdog with ``stopped``: the last
    checkpoint is whole at any moment, so nothing but work since then is lost.
    """

    def __init__(self, reporter: Reporter, leave: Callable[[int], None] = os._exit) -> None:
        """``leave`` ends the process at the deadline."""
        self.reporter, self.leave = reporter, leave
        self.why: str | None = None
        self.paused = False
        #: Epochs and batches of the last checkpoint, for the ``stopped`` event of the watchdog.
        self.saved = (0, 0)
        self.deadline: threading.Timer | None = None

    @property
    def stopping(self) -> bool:
        """Whether the run is to end; the ``stop`` argument of what takes long."""
        return self.why is not None

    def command(self, name: str) -> None:
        """Takes ``stop``, ``pause``, ``resume`` or ``parent`` (the input ended)."""
        if name in ("pause", "resume"):
            self.paused = name == "pause"
        else:
            self.ask("parent" if name == "parent" else "asked")

    def ask(self, why: str) -> None:
        """Asks for the end, ``asked`` or ``parent``, and sets the deadline.

        The parent's end shortens the deadline of a stop that was asked for before.
        """
        if self.why == why or self.why == "parent":
            return
        self.why = why
        if self.deadline is not None:
            self.deadline.cancel()
        seconds = PARENT_DEADLINE if why == "parent" else ASKED_DEADLINE
        self.deadline = threading.Timer(seconds, self.expire)
        self.deadline.daemon = True
        self.deadline.start()

    def expire(self) -> None:
        """Ends the process at the deadline."""
        self.say_stopped(*self.saved)
        self.leave(0)

    def say_stopped(self, epoch: int, batch: int) -> None:
        """The ``stopped`` event; later events are dropped by the reporter."""
        self.reporter.emit("stopped", epoch=epoch, batch=batch, why=self.why or "asked")

    def poll(self) -> None:
        """Waits while paused. Raises :class:`StopTraining` where the run is to end."""
        while self.paused and not self.stopping:
            time.sleep(0.1)
        if self.stopping:
            raise StopTraining

    def on_signals(self) -> None:
        """Ctrl-C and a polite kill are an asked stop; the second one ends at once."""

        def handle(number: int, _frame: object) -> None:
            signal.signal(number, signal.SIG_DFL)
            threading.Thread(target=self.ask, args=("asked",), daemon=True).start()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, handle)

    @contextlib.contextmanager
    def guard(self, *networks: nn.Module) -> Iterator[None]:
        """While it lasts, a stop is noticed between two layers, forward and backward.

        A batch can take a minute on a processor; the deadline cannot wait for it. The exception
        leaves parameters as they were, for no optimiser step has been made; the caller restores
        the buffers (running means).
        """
        import torch

        def check(*_: object) -> None:
            if self.stopping:
                raise StopTraining

        def after(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, torch.Tensor) and output.requires_grad:
                output.register_hook(check)

        handles = []
        for module in (module for network in networks for module in network.modules()):
            if (
                next(module.children(), None) is None
                and next(module.parameters(), None) is not None
            ):
                handles.append(module.register_forward_pre_hook(check))
                handles.append(module.register_forward_hook(after))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
