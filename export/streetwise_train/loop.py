"""The training loop: fastai's ``fine_tune`` that can stop after any batch and go on from there."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from fastai.callback.mixup import MixUp
from fastai.callback.progress import ProgressCallback
from fastai.callback.schedule import valley
from fastai.data.core import DataLoaders
from fastai.losses import CrossEntropyLossFlat
from timm.utils import ModelEmaV3
from torch import nn

from . import checkpoint, checkpoint_names, divergence, stepper
from .batches import Batches
from .checkpoint import Checkpoint
from .control import Control
from .errors import StopTraining, TrainError
from .hooks import Ema, Finder, OneHot, Position, Ranks, Score, Watch
from .protocol import Reporter, memory
from .recipe import Recipe
from .scores import scores
from .state import (
    Place,
    Stage,
    State,
    load_optimiser,
    optimiser_state,
    record_of,
    stages,
    tensors_of,
)

#: Seconds between two checkpoints inside a long epoch.
EVERY = 60.0
#: fastai's ``fine_tune``: how much lower the rate of the first layers is than the head's.
RATE_SPREAD = 100


class Loop:
    """Trains ``net`` from batches by a recipe; reports, saves, stops and goes on."""

    def __init__(
        self,
        recipe: Recipe,
        net: nn.Module,
        batches: tuple[Batches, Batches],
        countries: list[str],
        place: Place,
        reporter: Reporter,
        control: Control,
    ) -> None:
        """``net`` has ``param_groups()``; ``batches`` are those of training and validation."""
        self.recipe, self.net, self.countries, self.place = recipe, net, countries, place
        self.reporter, self.control, self.state = reporter, control, State(lr=recipe.lr)
        self.average = ModelEmaV3(net, decay=recipe.ema) if recipe.ema is not None else None
        self.loaders = DataLoaders(*batches, path=place.run, device=place.device)
        self.learner = self.make_learner()
        self.resumed: Checkpoint | None = None
        self.buffers: list[torch.Tensor] = []
        self.epoch_started = self.saved_at = time.monotonic()
        self.tensorboard, self.told_constant = None, False

    def make_learner(self) -> stepper.Stepper:
        """The learner of fastai for the recipe, silent."""
        extra = [MixUp(self.recipe.mixup), OneHot(len(self.countries))] if self.recipe.mixup else []
        extra += [Ema(self)] if self.average is not None else []
        extra += [Ranks(self.place.device)] if self.place.world > 1 else []
        learner = stepper.Stepper(
            self.loaders,
            self.net,
            loss_func=nn.CrossEntropyLoss(label_smoothing=self.recipe.label_smoothing)
            if self.recipe.mixup
            else CrossEntropyLossFlat(label_smoothing=self.recipe.label_smoothing),
            splitter=lambda net: net.param_groups(),
            wd=self.recipe.weight_decay,
            cbs=extra,
        )
        learner.remove_cb(ProgressCallback)
        learner.logger, learner.on_halved = (lambda *_: None), self.tell_halved
        learner.set_precision("off")
        learner.gradient_clip = self.recipe.gradient_clip
        return learner

    # Running

    def run(self, saved: Checkpoint | None = None, phase: Callable[[str], None] = print) -> None:
        """Trains what is left. ``phase`` is told the name of each phase that begins.

        Raises :class:`StopTraining` after a checkpoint was written where the run is to end.
        """
        self.net.to(self.place.device)
        if saved is not None:
            self.take_up(saved)
        nets = [self.net] + ([self.average.module] if self.average is not None else [])
        guard = self.control.guard(*(nets if self.place.world == 1 else ()))
        try:
            with guard:
                self.decide_precision()
                if self.state.lr is None:
                    phase("lr_find")
                    self.find_rate()
                for stage in stages(self.recipe):
                    if self.state.epoch < stage.last and not self.state.finished:
                        phase(stage.name)
                        self.run_stage(stage)
        except StopTraining:
            if self.buffers:
                stepper.restore(self.net, self.buffers)
            self.save()
            raise

    def run_stage(self, stage: Stage) -> None:
        """One stage of ``fine_tune``, from the epoch and batch where it stands."""
        learner, rate = self.learner, self.state.lr
        frozen = stage.name == "frozen"
        learner.freeze() if frozen else learner.unfreeze()
        begun = self.state.epoch > stage.first or self.state.batch > 0
        if begun and self.resumed is not None:
            load_optimiser(learner.opt, self.resumed, self.place.device)
        batches = (len(self.loaders.train), len(self.loaders.valid))
        hooks = [
            Position(self, stage),
            Score(self, stage),
            Watch(self, stage, stage.epochs, batches),
        ]
        rates = slice(rate) if frozen else slice(rate / 2 / RATE_SPREAD, rate / 2)
        start = self.state.epoch - stage.first
        learner.fit_one_cycle(stage.epochs, rates, cbs=hooks, start_epoch=start, **stage.shape)
        self.resumed = None

    def find_rate(self) -> None:
        """The learning-rate finder of fastai, on the net as the first stage will train it."""
        learner, wanted = self.learner, self.recipe.lr_iterations
        learner.freeze() if stages(self.recipe)[0].name == "frozen" else learner.unfreeze()
        finder = Finder(self, wanted)
        try:
            learner.fit(wanted // len(self.loaders.train) + 1, cbs=finder)
        except StopTraining:
            finder.learn = learner
            finder.put_back()
            raise
        tried = list(map(float, learner.recorder.lrs))
        losses = [float(loss) for loss in learner.recorder.losses]
        self.state.lr = self.suggestion(tried, losses)
        self.reporter.emit("lr_find", lrs=tried, losses=losses, suggestion=self.state.lr)
        self.save()

    def suggestion(self, rates: list[float], losses: list[float]) -> float:
        """The valley of the curve without its ends; fastai's default rate where there is none."""
        first = self.recipe.lr_iterations // 10
        pairs = [p for p in zip(rates, losses, strict=True) if p[1] == p[1]][first:-5]
        if len(pairs) < 3:
            message = "the loss grew at once: no learning rate can be read from the finder's curve"
            self.reporter.warning("lr-find", message, "2e-3 is used; name one with --lr")
            return 2e-3
        found, _ = valley([r for r, _ in pairs], [loss for _, loss in pairs], len(pairs))
        return self.share(found)

    def decide_precision(self) -> None:
        """Measures mixed precision where that is asked for; a resumed run keeps its choice."""
        if self.state.precision is None:
            asked = self.recipe.mixed_precision
            if self.recipe.unfreeze_last == 0 and asked == "auto":
                asked = "off"  # a head is too small to gain
            inputs, _ = next(iter(self.loaders.train))
            chosen = stepper.choose_precision(asked, self.net, inputs)
            names = ("off", *stepper.DTYPES)
            self.state.precision = names[round(self.share(names.index(chosen)))]
        self.learner.set_precision(self.state.precision)
        if self.resumed is not None:
            self.learner.scaler.load_state_dict(self.resumed.state["scaler"])
        if self.state.micro is not None:
            self.learner.micro = self.state.micro

    def tell_halved(self, micro: int) -> None:
        """Takes note that memory ran out."""
        if self.place.world > 1:  # the others would wait for this one's gradients
            message = f"memory ran out in process {self.place.rank} of {self.place.world}"
            raise TrainError("out-of-memory", message, "choose a smaller batch")
        self.state.micro = micro
        self.loaders.train.reseed(self.state.batch, attempt=1)
        message = f"memory ran out; batches are worked off in parts of {micro} pictures"
        self.reporter.warning("out-of-memory", message, "the effective batch stays as it was")

    def poll(self) -> None:
        """Stops where any process was asked to; a pause begins with a checkpoint."""
        if self.place.world > 1:
            flag = torch.tensor([float(self.control.stopping)], device=self.place.device)
            torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
            if flag.item():
                raise StopTraining
            return
        if self.control.paused and not self.control.stopping:
            self.save()
        self.control.poll()

    def check_finite(self, values: torch.Tensor, what: str) -> None:
        """Ends the run where a loss or logits are not finite; its last checkpoint is older."""
        state = self.state
        divergence.refuse(
            values, f"{what} of epoch {state.epoch + 1}", self.recipe, (state.lr, state.precision)
        )

    # Closing an epoch

    def close_epoch(self, stage: Stage, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Figures, checkpoint and event of an epoch whose validation is done."""
        logits, labels = self.gather(logits).cpu(), self.gather(labels).cpu()
        self.check_finite(logits, "an answer for a held-out picture")
        if divergence.constant(logits) and not self.told_constant:
            self.told_constant = True
            message = (
                f"after epoch {self.state.epoch + 1} the network says the same of every picture"
            )
            self.reporter.warning("constant", message, divergence.CONSTANT_HINT)
        loss = nn.functional.cross_entropy(
            logits, labels, label_smoothing=self.recipe.label_smoothing
        )
        state = self.state
        figures = {
            "epoch": state.epoch + 1,
            "epochs": self.recipe.total_epochs,
            "stage": stage.name,
            "train_loss": state.loss_sum / max(state.seen, 1),
            "valid_loss": float(loss),
            **scores(logits, labels, self.countries),
            "lr": state.rate,
            "seconds": round(time.monotonic() - self.epoch_started, 3),
            "memory": memory(),
        }
        state.history.append(figures)
        state.epoch, state.batch, state.loss_sum, state.seen = state.epoch + 1, 0, 0.0, 0
        state.seconds, self.buffers = 0.0, []
        self.keep_best(stage)
        # Before the event: a run that dies in between tells it when it goes on.
        self.save()
        self.tell_epochs()

    def keep_best(self, stage: Stage) -> None:
        """Keeps the best weights and decides about the end where early stopping is asked for."""
        patience, history = self.recipe.early_stopping, self.state.history
        if patience is None:
            return
        best = max(range(len(history)), key=lambda i: (history[i]["macro_f1"], -i))
        if best == len(history) - 1 and self.place.rank == 0:
            checkpoint.write(
                self.place.run / checkpoint_names.BEST, self.weights(), {"epoch": best + 1}
            )
        if stage == stages(self.recipe)[-1]:
            self.state.finished = len(history) - 1 - max(best, stage.first) >= patience

    def tell_epochs(self) -> None:
        """The ``metrics`` events that no earlier process got out."""
        for figures in self.state.history:
            if figures["epoch"] not in self.reporter.epochs_told:
                self.reporter.emit("metrics", **figures)
                self.chart(figures)

    def chart(self, figures: dict) -> None:
        """TensorBoard's scalars of an epoch; a chart that cannot be written stops nothing."""
        if self.place.rank:
            return
        try:
            if self.tensorboard is None:
                from torch.utils.tensorboard import SummaryWriter

                self.tensorboard = SummaryWriter(self.place.run / "tb")
            for name, value in figures.items():
                if isinstance(value, float):
                    self.tensorboard.add_scalar(name, value, figures["epoch"])
            self.tensorboard.flush()
        except OSError as error:
            self.reporter.warning("tensorboard", f"the charts cannot be written: {error}")

    # Several processes

    def gather(self, share: torch.Tensor) -> torch.Tensor:
        """The rows of all processes in the order of the pictures, without the padding."""
        if self.place.world == 1:
            return share
        parts = [torch.empty_like(share) for _ in range(self.place.world)]
        torch.distributed.all_gather(parts, share.contiguous())
        return torch.stack(parts, 1).flatten(0, 1)[: len(self.loaders.valid.rows)]

    def share(self, value: float) -> float:
        """The first process's value."""
        if self.place.world > 1:
            box = torch.tensor([value], device=self.place.device, dtype=torch.float64)
            torch.distributed.broadcast(box, 0)
            return float(box.item())
        return value

    # Saving

    def keep_buffers(self) -> None:
        """Clones the running means, which a batch given up half-way would leave changed."""
        self.buffers = [buffer.clone() for buffer in self.net.buffers()]

    def weights(self) -> dict[str, torch.Tensor]:
        """What is validated and delivered: the moving average where there is one."""
        source = self.net if self.average is None else self.average.module
        return dict(source.state_dict())

    def save_if_due(self) -> None:
        """A checkpoint where the last one is a minute old."""
        if time.monotonic() - self.saved_at >= EVERY:
            self.save()

    def save(self) -> None:
        """Writes the checkpoint and tells it. Raises :class:`TrainError` on a full disk."""
        self.saved_at = time.monotonic()
        if self.place.rank:
            return
        state = self.state
        if state.batch:
            state.seconds = time.monotonic() - self.epoch_started
        moments, optimiser = optimiser_state(self.learner.opt)
        average = self.average.module if self.average is not None else None
        tensors = tensors_of(self.net, average) | moments
        record = record_of(state, self.recipe, self.learner.scaler.state_dict(), optimiser)
        path = self.place.run / checkpoint.CURRENT
        sha = checkpoint.write(path, tensors, record)
        self.control.saved = (state.epoch, state.batch)
        self.reporter.emit(
            "checkpoint", epoch=state.epoch, batch=state.batch, path=path.name, sha256=sha
        )

    def take_up(self, saved: Checkpoint) -> None:
        """Puts network, average and counts back as the checkpoint has them."""
        self.resumed = saved
        self.state = State.of(saved)
        self.net.load_state_dict(saved.part("net"))
        if self.average is not None:
            self.average.module.load_state_dict(saved.part("ema"))
        self.control.saved = (self.state.epoch, self.state.batch)
        if self.place.rank == 0:
            self.tell_epochs()

    def final(self) -> dict[str, torch.Tensor]:
        """The weights to deliver: the best epoch's with early stopping, else the last ones."""
        best = self.place.run / checkpoint_names.BEST
        if self.recipe.early_stopping is not None and best.exists():
            return checkpoint.read(best).tensors
        return self.weights()
