"""Callbacks of the loop: where it stands, moving average, figures, progress and checkpoints."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from fastai.callback.core import Callback, CancelFitException, CancelValidException
from fastai.callback.schedule import LRFinder
from fastai.distributed import DistributedTrainer

from .batches import FINDER_EPOCH, Batches
from .protocol import Progress

if TYPE_CHECKING:
    from .loop import Loop
    from .state import Stage


class Position(Callback):
    """Keeps the count of done batches; makes a resumed epoch begin where it was left."""

    order, run_valid = -9, False  # right after fastai's TrainEvalCallback, which sets pct_train

    def __init__(self, loop: Loop, stage: Stage) -> None:
        """Counts into ``loop.state``."""
        super().__init__()
        self.loop, self.stage = loop, stage

    def before_train(self) -> None:
        """Points the loader at the epoch and past the batches that are done."""
        state, loader = self.loop.state, self.learn.dls.train
        loader.epoch, loader.first = self.stage.first + self.learn.epoch, state.batch
        step = 1.0 / (len(loader) * self.learn.n_epoch)
        for _ in range(state.batch):  # the same sums of floats as an uninterrupted run made
            self.learn.pct_train += step
        self.loop.epoch_started = time.monotonic() - state.seconds

    def before_batch(self) -> None:
        """Keeps the running means as they are between two batches."""
        self.loop.keep_buffers()

    def before_step(self) -> None:
        """Ends the run before a loss that is no number reaches the weights."""
        self.loop.check_finite(self.learn.loss, "the loss")

    def after_batch(self) -> None:
        """Counts the batch and its loss."""
        state, size = self.loop.state, len(self.learn.xb[0])
        self.loop.buffers = []
        state.batch += 1
        state.loss_sum += float(self.learn.loss) * size
        state.seen += size
        state.rate = float(self.learn.opt.hypers[-1]["lr"])


class Watch(Callback):
    """After every batch: progress, a checkpoint where one is due, and the question to stop."""

    order = 90

    def __init__(self, loop: Loop, stage: Stage, epochs: int, batches: tuple[int, int]) -> None:
        """``batches`` are those of a training and of a validation epoch."""
        super().__init__()
        self.loop, self.stage, self.batches = loop, stage, batches
        self.progress = Progress(loop.reporter, stage.name, epochs * sum(batches))

    def after_batch(self) -> None:
        """Reports, saves, polls."""
        state, (train, valid) = self.loop.state, self.batches
        done = state.batch if self.learn.training else train + self.learn.iter + 1
        whole = (state.epoch - self.stage.first) * (train + valid) + done
        where = (state.epoch + 1, self.loop.recipe.total_epochs, done, train + valid)
        self.loop.reporter.progress(self.progress, whole, where)
        if self.learn.training:
            self.loop.save_if_due()
        self.loop.poll()


class Score(Callback):
    """Collects the logits of a validation epoch and closes the epoch with its figures."""

    order = 80

    def __init__(self, loop: Loop, stage: Stage) -> None:
        """Closes epochs of ``stage``."""
        super().__init__()
        self.loop, self.stage, self.rows = loop, stage, []

    def before_validate(self) -> None:
        """Forgets what an interrupted epoch left."""
        self.rows = []

    def after_batch(self) -> None:
        """Keeps the logits and labels of a validation batch."""
        if not self.learn.training:
            self.rows.append((self.learn.pred.detach(), self.learn.yb[0]))

    def after_validate(self) -> None:
        """Ends the epoch; the last stage may end early."""
        logits = torch.cat([row for row, _ in self.rows])
        labels = torch.cat([row for _, row in self.rows])
        self.loop.close_epoch(self.stage, logits, labels)
        self.rows = []
        if self.loop.state.finished:
            raise CancelFitException


class Ema(Callback):
    """timm's moving average of the weights; validation looks at it instead of the network."""

    order = -20  # before TrainEvalCallback puts the model into evaluation mode

    def __init__(self, loop: Loop) -> None:
        """Follows ``loop.net`` with ``loop.average``."""
        super().__init__()
        self.loop, self.kept = loop, None

    def after_batch(self) -> None:
        """Moves the average after a training batch."""
        if self.learn.training:
            self.loop.average.update(self.loop.net)

    def before_validate(self) -> None:
        """Puts the average in the network's place."""
        self.kept, self.learn.model = self.learn.model, self.loop.average.module

    def after_validate(self) -> None:
        """Puts the network back."""
        self.learn.model = self.kept


class OneHot(Callback):
    """Turns class numbers into rows of probabilities, which mixup can mix."""

    order, run_valid = -5, False  # before MixUp

    def __init__(self, classes: int) -> None:
        """``classes`` is the width of a row."""
        super().__init__()
        self.classes = classes

    def before_batch(self) -> None:
        """Replaces the labels of the batch."""
        hot = torch.nn.functional.one_hot(self.learn.yb[0], self.classes)
        self.learn.yb = (hot.float(),)


class Finder(LRFinder):
    """fastai's finder that keeps the network in memory instead of in a pickle on disk."""

    def __init__(self, loop: Loop, iterations: int) -> None:
        """Tries ``iterations`` rates from 1e-7 to 10, as fastai does."""
        super().__init__(num_it=iterations)
        self.loop, self.progress = loop, Progress(loop.reporter, "lr_find", iterations)

    def before_fit(self) -> None:
        """Keeps the network."""
        super(LRFinder, self).before_fit()
        state = self.loop.net.state_dict()
        self.kept = {name: tensor.clone() for name, tensor in state.items()}
        self.best_loss = float("inf")

    def before_train(self) -> None:
        """Draws batches that no epoch of the training draws."""
        loader: Batches = self.learn.dls.train
        loader.epoch = FINDER_EPOCH + self.learn.epoch

    def after_batch(self) -> None:
        """Reports and polls, then does what fastai does."""
        done = min(self.learn.train_iter, self.num_it)
        self.loop.reporter.progress(self.progress, done, (0, 0, 0, 0))
        self.loop.poll()
        super().after_batch()

    def before_validate(self) -> None:
        """There is nothing to validate."""
        raise CancelValidException

    def after_fit(self) -> None:
        """Puts the network back."""
        self.put_back()

    def put_back(self) -> None:
        """The network as it was before the first batch; the optimiser is made anew."""
        self.loop.net.load_state_dict(self.kept)
        if self.loop.average is not None:
            self.loop.average.set(self.loop.net)
        self.learn.opt.zero_grad()
        self.learn.opt = None


class Ranks(DistributedTrainer):
    """fastai's Accelerate callback with this trainer's loaders, which take their own share."""

    def __init__(self, device: torch.device) -> None:
        """Batch norm is shared between GPUs; there is none of that kind for processors."""
        Callback.__init__(self)
        self.sync_bn, self.accelerator = device.type == "cuda", Accelerator()

    def _wrap_dl(self, loader: Batches) -> Batches:
        """The loader as it is."""
        return loader
