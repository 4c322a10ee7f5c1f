"""The loop on a tiny network and random pixels: it stops anywhere and goes on as if it had not."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from streetwise_train import checkpoint, fast
from streetwise_train.augment import Augment, seed_all
from streetwise_train.batches import Batches, Pixels
from streetwise_train.control import Control
from streetwise_train.errors import StopTraining, TrainError
from streetwise_train.loop import Loop
from streetwise_train.protocol import Reporter
from streetwise_train.recipe import Recipe
from streetwise_train.state import Place

CPU = torch.device("cpu")
PLAIN = Recipe("resnet18", epochs=2, batch=8, lr=0.01, mixed_precision="off")


class Tiny(nn.Module):
    """A convolution with batch norm under a head with dropout: all that holds state or chance."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.25), nn.Linear(8 * 64, 3))

    def forward(self, x):
        return self.head(self.body(x))

    def param_groups(self):
        return [list(self.body.parameters()), list(self.head.parameters())]


@pytest.fixture(scope="module")
def pixels():
    """Three countries told apart by their colour, [48, 40, 40, 3]."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 160, (48, 40, 40, 3))
    images[np.arange(48), :, :, np.arange(48) % 3] += 60
    return images.astype(np.uint8)


def make(run, recipe, pixels, reporter=None, leave=lambda _: None):
    run.mkdir(exist_ok=True)
    seed_all(recipe.seed)
    net = Tiny()
    source = Pixels(pixels, Augment(recipe, 32, (0.5,) * 3, (0.25,) * 3))
    rows, labels = np.arange(len(pixels)), np.arange(len(pixels)) % 3
    batches = (
        Batches(source, rows[:36], labels[:36], recipe.batch, CPU, train=True, seed=recipe.seed),
        Batches(source, rows[36:], labels[36:], recipe.batch, CPU, train=False),
    )
    reporter = reporter or Reporter(run, None)
    control = Control(reporter, leave=leave)
    return Loop(recipe, net, batches, ["AU", "JP", "ZA"], Place(run, CPU), reporter, control)


def quiet(_name):
    pass


def whole(run, recipe, pixels):
    """A run from its beginning to its end."""
    loop = make(run, recipe, pixels)
    loop.run(None, quiet)
    return loop


def go_on(run, recipe, pixels):
    """A new process of the same run."""
    loop = make(run, recipe, pixels)
    loop.run(checkpoint.latest(run, recipe.hash, pytest.fail), quiet)
    return loop


def stop_at(loop, calls):
    """Makes the loop stop at the n-th question whether it should."""
    left = iter(range(calls - 1, -1, -1))

    def poll():
        if next(left, 0) == 0:
            raise StopTraining

    loop.poll = poll


def figures(loop):
    """What must not depend on interruptions: everything but the clock and the memory."""
    return [
        {k: v for k, v in epoch.items() if k not in ("seconds", "memory")}
        for epoch in loop.state.history
    ]


def events(run, kind):
    lines = (run / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["type"] == kind]


def test_it_learns_and_tells_every_epoch(tmp_path, pixels):
    loop = whole(tmp_path / "run", replace(PLAIN, epochs=6), pixels)
    told = events(tmp_path / "run", "metrics")
    assert [event["epoch"] for event in told] == [1, 2, 3, 4, 5, 6, 7]
    assert [event["stage"] for event in told] == ["frozen"] + ["train"] * 6
    assert told[-1]["train_loss"] < told[0]["train_loss"]
    assert loop.state.history[-1]["macro_f1"] > 0.9
    assert list((tmp_path / "run" / "tb").iterdir())


EVERYTHING = replace(PLAIN, ema=0.9, mixup=0.4, label_smoothing=0.1)


@pytest.mark.parametrize("recipe", [PLAIN, EVERYTHING], ids=["plain", "ema-mixup-smoothing"])
@pytest.mark.parametrize("calls", [1, 3, 4, 5, 6, 8, 9, 12, 17])
def test_an_interrupted_run_has_the_losses_of_an_uninterrupted_one(tmp_path, pixels, recipe, calls):
    """An epoch asks 6 times: after each of 4 training and 2 validation batches."""
    expected = whole(tmp_path / "whole", recipe, pixels)
    loop = make(tmp_path / "run", recipe, pixels)
    stop_at(loop, calls)
    with pytest.raises(StopTraining):
        loop.run(None, quiet)
    epoch, asked = divmod(calls - 1, 6)
    assert (loop.state.epoch, loop.state.batch) == (epoch, min(asked + 1, 4))
    resumed = go_on(tmp_path / "run", recipe, pixels)
    assert figures(resumed) == figures(expected)
    for name, tensor in expected.final().items():
        assert torch.equal(tensor, resumed.final()[name]), name
    assert [e["epoch"] for e in events(tmp_path / "run", "metrics")] == [1, 2, 3]


def test_a_stop_in_the_middle_of_a_batch_gives_the_batch_up(tmp_path, pixels):
    """The flag rises while the first layer works in the sixth batch; running means go back."""
    expected = whole(tmp_path / "whole", PLAIN, pixels)
    loop = make(tmp_path / "run", PLAIN, pixels)
    passes = []

    def raise_flag(*_):
        passes.append(1)
        if len(passes) == 8:  # 4 + 2 passes of the first epoch, then the second of the next
            loop.control.why = "asked"

    loop.net.body[1].register_forward_hook(raise_flag)
    with pytest.raises(StopTraining):
        loop.run(None, quiet)
    assert (loop.state.epoch, loop.state.batch) == (1, 1)
    assert figures(go_on(tmp_path / "run", PLAIN, pixels)) == figures(expected)


def test_a_stop_is_noticed_in_the_backward_pass(tmp_path, pixels):
    loop = make(tmp_path / "run", PLAIN, pixels)
    gradients = []

    def raise_flag(_module, _inputs, output):
        if output.requires_grad:
            output.register_hook(lambda _: (gradients.append(1), loop.control.ask("asked"))[0])

    loop.net.head[2].register_forward_hook(raise_flag)
    with pytest.raises(StopTraining):
        loop.run(None, quiet)
    assert loop.state.batch == 0
    assert gradients == [1]


def test_a_run_killed_between_checkpoint_and_event_tells_the_epoch_later(tmp_path, pixels):
    class Killed(BaseException):
        pass

    loop = make(tmp_path / "run", PLAIN, pixels)

    def killed():
        raise Killed

    loop.tell_epochs = killed
    with pytest.raises(Killed):
        loop.run(None, quiet)
    go_on(tmp_path / "run", PLAIN, pixels)
    assert [e["epoch"] for e in events(tmp_path / "run", "metrics")] == [1, 2, 3]


def test_memory_that_runs_out_halves_the_parts_and_keeps_the_batch(tmp_path, pixels):
    """One injected failure: batches of 8 go on in parts of 4, with the same number of steps."""
    loop = make(tmp_path / "run", PLAIN, pixels)
    sizes = []

    def count(_module, _inputs, output):
        sizes.append(len(output))
        if len(sizes) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    loop.net.body[0].register_forward_hook(count)
    loop.run(None, quiet)
    assert sizes[:7] == [8, 8, 8, 4, 4, 4, 4]
    (warning,) = events(tmp_path / "run", "warning")
    assert warning["kind"] == "out-of-memory"
    assert checkpoint.read(tmp_path / "run" / checkpoint.CURRENT).state["micro"] == 4
    assert len(loop.state.history) == 3


def test_parts_give_the_gradients_of_the_whole(tmp_path, pixels):
    """Without batch norm and dropout nothing but rounding tells parts from the whole."""
    losses = []
    for micro in (1 << 30, 3):
        loop = make(tmp_path / str(micro), PLAIN, pixels)
        loop.net.body[1], loop.net.head[1] = nn.Identity(), nn.Identity()
        loop.learner.micro = micro
        loop.run(None, quiet)
        losses.append([epoch["train_loss"] for epoch in loop.state.history])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_memory_that_never_suffices_is_an_error_with_a_way_out(tmp_path, pixels):
    loop = make(tmp_path / "run", PLAIN, pixels)

    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    loop.net.body[0].register_forward_hook(fail)
    with pytest.raises(TrainError, match="memory") as caught:
        loop.run(None, quiet)
    assert caught.value.kind == "out-of-memory"


def test_the_finder_suggests_a_rate_and_leaves_the_network_as_it_was(tmp_path, pixels):
    recipe = replace(PLAIN, lr=None, lr_iterations=40, ema=0.9)
    loop = make(tmp_path / "run", recipe, pixels)
    before = {k: v.clone() for k, v in loop.net.state_dict().items()}
    loop.learner.set_precision("off")
    loop.find_rate()
    assert all(torch.equal(v, before[k]) for k, v in loop.net.state_dict().items())
    assert all(torch.equal(v, before[k]) for k, v in loop.weights().items())
    (found,) = events(tmp_path / "run", "lr_find")
    assert 1e-6 < found["suggestion"] < 10
    assert len(found["lrs"]) == len(found["losses"]) > 10
    assert not list((tmp_path / "run").glob("**/*.pth"))
    resumed = make(tmp_path / "run", recipe, pixels)
    resumed.take_up(checkpoint.latest(tmp_path / "run", recipe.hash, pytest.fail))
    assert resumed.state.lr == found["suggestion"]


def test_a_stop_in_the_finder_leaves_nothing_half_done(tmp_path, pixels):
    recipe = replace(PLAIN, lr=None, lr_iterations=12)
    expected = whole(tmp_path / "whole", recipe, pixels)
    loop = make(tmp_path / "run", recipe, pixels)
    stop_at(loop, 5)
    with pytest.raises(StopTraining):
        loop.run(None, quiet)
    assert figures(go_on(tmp_path / "run", recipe, pixels)) == figures(expected)


def test_early_stopping_ends_the_run_and_delivers_the_best_epoch(tmp_path, pixels):
    recipe = replace(PLAIN, epochs=30, early_stopping=2)
    loop = whole(tmp_path / "run", recipe, pixels)
    scores = [epoch["macro_f1"] for epoch in loop.state.history]
    best = scores.index(max(scores))
    assert len(scores) < 31
    assert len(scores) - 1 - max(best, 1) == 2
    kept = checkpoint.read(tmp_path / "run" / "best.safetensors")
    assert kept.state["epoch"] == best + 1
    again = go_on(tmp_path / "run", recipe, pixels)
    assert figures(again) == figures(loop)
    assert all(torch.equal(v, kept.tensors[k]) for k, v in again.final().items())


def test_a_pause_saves_first(tmp_path, pixels):
    loop = make(tmp_path / "run", PLAIN, pixels)
    loop.control.paused = True
    saved = []

    def save():
        saved.append((loop.state.epoch, loop.state.batch))
        loop.control.paused = False

    keep, loop.save = loop.save, save
    loop.poll()
    assert saved == [(0, 0)]
    loop.save = keep


def test_automatic_precision_is_measured_and_changes_no_network(tmp_path, pixels):
    loop = make(tmp_path / "run", replace(PLAIN, mixed_precision="auto"), pixels)
    before = {k: v.clone() for k, v in loop.net.state_dict().items()}
    loop.decide_precision()
    assert loop.state.precision in ("off", "bf16")
    assert all(torch.equal(v, before[k]) for k, v in loop.net.state_dict().items())


def test_bf16_trains(tmp_path, pixels):
    loop = whole(tmp_path / "run", replace(PLAIN, mixed_precision="bf16", epochs=3), pixels)
    assert loop.state.history[-1]["train_loss"] < loop.state.history[0]["train_loss"]
    assert all(v.dtype != torch.bfloat16 for v in loop.final().values())


@pytest.mark.parametrize("stage", ["training", "validation"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_run_that_diverges_ends_and_says_what_to_change(tmp_path, pixels, stage, value):
    """In the second epoch every answer becomes ``value``; the checkpoint of the first stays."""
    loop = make(tmp_path / "run", PLAIN, pixels)

    def spoil(network, _inputs, output):
        wanted = network.training == (stage == "training")
        return output * value if wanted and loop.state.epoch else output

    loop.net.register_forward_hook(spoil)
    with pytest.raises(TrainError, match="epoch 2 is not a finite number") as caught:
        loop.run(None, quiet)
    assert caught.value.kind == "diverged"
    for way in ("--lr", "it was 1.0e-02", "--gradient-clip 1"):
        assert way in caught.value.hint
    assert "mixed-precision" not in caught.value.hint
    assert [e["epoch"] for e in events(tmp_path / "run", "metrics")] == [1]
    saved = checkpoint.read(tmp_path / "run" / checkpoint.CURRENT)
    assert saved.state["epoch"] == 1
    assert all(torch.isfinite(tensor).all() for tensor in saved.part("net").values())


def test_a_loss_that_is_no_number_in_half_precision_names_it(tmp_path, pixels):
    loop = make(tmp_path / "run", replace(PLAIN, mixed_precision="bf16"), pixels)
    loop.net.register_forward_hook(lambda _net, _inputs, output: output * float("nan"))
    with pytest.raises(TrainError) as caught:
        loop.run(None, quiet)
    assert "--mixed-precision off" in caught.value.hint
    assert all(torch.isfinite(tensor).all() for tensor in loop.net.state_dict().values())


def test_a_network_that_says_the_same_of_every_picture_is_right_by_chance_and_told(
    tmp_path, pixels
):
    loop = make(tmp_path / "run", PLAIN, pixels)
    loop.net.register_forward_hook(lambda _net, _inputs, output: output * 0.0)
    loop.run(None, quiet)
    last = loop.state.history[-1]
    assert last["accuracy"] == pytest.approx(1 / 3)
    assert last["macro_f1"] == pytest.approx(1 / 6)
    (told,) = events(tmp_path / "run", "warning")
    assert told["kind"] == "constant"
    assert "after epoch 1 the network says the same of every picture" in told["message"]


def test_gradients_are_clipped_to_the_norm_asked_for_and_else_left_alone(tmp_path, pixels):
    norms = {}
    for clip in (None, 0.01):
        loop = make(tmp_path / str(clip), replace(PLAIN, gradient_clip=clip), pixels)
        seen = norms.setdefault(clip, [])
        step = loop.learner.scaler.step

        def watched(opt, step=step, seen=seen, net=loop.net):
            gradients = [p.grad.norm() for p in net.parameters() if p.grad is not None]
            seen.append(float(torch.stack(gradients).norm()))
            return step(opt)

        set_precision = loop.learner.set_precision

        def watching(precision, loop=loop, watched=watched, set_precision=set_precision):
            set_precision(precision)
            loop.learner.scaler.step = watched

        loop.learner.set_precision = watching
        loop.run(None, quiet)
    assert min(norms[None]) > 0.01
    assert max(norms[0.01]) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("blocks", [0, 1])
def test_the_fast_path_trains_from_cached_activations(tmp_path, pixels, blocks):
    """The body (or its front) runs once over every view; later epochs never call it."""
    recipe = replace(PLAIN, epochs=3, crops=2, unfreeze_last=blocks)
    loop, calls = cached(tmp_path, recipe, pixels, blocks)
    assert sum(calls) == 1 + 36 * 3 + 12
    loop.run(None, quiet)
    assert sum(calls) == 1 + 36 * 3 + 12
    assert loop.state.history[-1]["train_loss"] < loop.state.history[0]["train_loss"]
    stages = {epoch["stage"] for epoch in loop.state.history}
    assert stages == ({"frozen", "train"} if blocks else {"frozen"})
    again, calls = cached(tmp_path, replace(recipe, seed=5), pixels, blocks)
    assert sum(calls) == 1  # the shape alone
    stop_at(again, 2)
    with pytest.raises(StopTraining):
        again.run(None, quiet)


class Whole(nn.Module):
    """A classifier as the presets make it: a body, a head, ``head_of``."""

    def __init__(self):
        super().__init__()
        seed_all(1)
        self.front = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(8, 8, 2, 2), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(8 * 16, 3)

    def head_of(self, features):
        return self.head(features)


def cached(tmp_path, recipe, pixels, blocks):
    network, calls = Whole(), []
    parts = [network.front, network.last]
    front = nn.Sequential(*parts[: 2 - blocks])
    front[0].register_forward_hook(lambda _m, _i, o: calls.append(len(o)))
    loop = make(tmp_path / f"run{recipe.seed}", recipe, pixels)
    augment = Augment(recipe, 32, (0.5,) * 3, (0.25,) * 3)
    sides = (np.arange(36), np.arange(36, 48))
    given = fast.Front(front, augment, recipe, CPU)
    sources = fast.activations(given, pixels, sides, tmp_path, loop.control, lambda *_: None)
    tail = fast.Tail(network, nn.Sequential(*parts[2 - blocks :]))
    labels = np.arange(48) % 3
    batches = tuple(
        Batches(source, side, labels[side], 8, CPU, train=train, seed=recipe.seed)
        for source, side, train in zip(sources, sides, (True, False), strict=True)
    )
    place, names = loop.place, loop.countries
    return Loop(recipe, tail, batches, names, place, loop.reporter, loop.control), calls
