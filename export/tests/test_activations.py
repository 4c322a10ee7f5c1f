import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_gate import train_two_steps

from streetwise_train import activations, checkpoint, dreams, presets, protocol, recipe, trained
from streetwise_train.control import Control
from streetwise_train.errors import StopTraining, TrainError
from streetwise_train.fast import Tail
from streetwise_train.recipe import Job, Recipe

SIDE, CODES = 64, ("AU", "JP", "ZA")
TINY = replace(presets.PRESETS["resnet18"], id="tiny", timm_name="test_resnet.r160_in1k", size=SIDE)
WANTED = activations.Wanted(("JP", "AU"), steps=40, seed=3)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "tiny", TINY)


def make_run(folder, **changes):
    """A run of a tiny network after two steps; the network itself."""
    folder.mkdir()
    made = Recipe("tiny", **changes)
    job = Job(data="unused", cache="unused", from_scratch=True)
    recipe.save(made, folder / "recipe.json")
    recipe.save(job, folder / "job.json")
    network = trained.build(made, job, len(CODES))
    part = network
    if made.unfreeze_last is None:
        train_two_steps(network, SIDE)
    else:
        part = Tail(network, network.split(made.unfreeze_last)[1])
        torch.nn.init.normal_(network.head[-1].weight)  # a head unlike the one of the seed
    tensors = {f"net.{name}": tensor for name, tensor in part.state_dict().items()}
    state = {"recipe": made.hash, "epoch": 2}
    checkpoint.write(folder / checkpoint.CURRENT, tensors, state)
    split = {"train": [], "valid": [], "countries": CODES}
    (folder / "split.json").write_text(json.dumps(split))
    return network.eval()


def paint(run, out, wanted=WANTED):
    """Paints in this process; returns the fields of ``done`` and the events."""
    reading, writing = os.pipe()
    done = activations.paint_all(run, out, wanted, Control(protocol.Reporter(None, writing)))
    os.close(writing)
    with os.fdopen(reading) as lines:
        return done, [json.loads(line) for line in lines]


def logits(network, pixels):
    """The network's answer to a picture as it is written."""
    return dreams.logits_of(dreams.Eye(network, SIDE, TINY.mean, TINY.std), pixels)


def test_a_picture_excites_its_country_and_its_pixels_shuffled_do_not(tmp_path):
    network = make_run(tmp_path / "run")
    before = {path.name for path in (tmp_path / "run").iterdir()}
    done, events = paint(tmp_path / "run", tmp_path / "out", replace(WANTED, steps=100))
    assert {path.name for path in (tmp_path / "run").iterdir()} == before
    table = json.loads((tmp_path / "out" / "activations.json").read_text())
    assert (table["epoch"], table["seed"], table["steps"], table["size"]) == (2, 3, 100, SIDE)
    assert [row["country"] for row in table["countries"]] == ["JP", "AU"]
    rng = np.random.default_rng(0)
    chance = rng.integers(0, 256, (32, SIDE, SIDE, 3)).astype(np.uint8)
    for row in table["countries"]:
        position = CODES.index(row["country"])
        pixels = np.array(Image.open(tmp_path / "out" / row["file"]))
        found = logits(network, pixels)
        assert float(found[position]) == pytest.approx(row["logit_end"], abs=1e-3)
        assert float(found.softmax(0)[position]) == pytest.approx(row["probability"], abs=1e-3)
        shuffled = rng.permutation(pixels.reshape(-1, 3)).reshape(pixels.shape)
        clear = 3 * float(np.std([float(logits(network, noise)[position]) for noise in chance]))
        assert row["logit_end"] > row["logit_start"] + clear
        assert row["logit_end"] > float(logits(network, shuffled)[position]) + clear
    assert set(done) == protocol.EVENTS["done"]
    made = [e for e in events if e["type"] == "artifact"]
    assert [(e["kind"], e["path"]) for e in made] == [
        ("activation", "JP.png"), ("activation", "AU.png"), ("activations", "activations.json"),
    ]  # fmt: skip
    for event in made:
        content = (tmp_path / "out" / event["path"]).read_bytes()
        assert event["sha256"] == hashlib.sha256(content).hexdigest()
    steps = [e for e in events if e["type"] == "progress"]
    assert {e["phase"] for e in steps} == {"activations"}
    assert (steps[0]["done"], steps[-1]["done"], steps[-1]["total"]) == (0, 200, 200)


def test_the_same_seed_gives_the_same_bytes_whatever_else_is_painted(tmp_path):
    make_run(tmp_path / "run")
    few = replace(WANTED, steps=5, size=48)
    for out, wanted in {
        "a": few, "b": replace(few, countries=("AU",)), "c": replace(few, seed=4),
    }.items():  # fmt: skip
        paint(tmp_path / "run", tmp_path / out, wanted)
    first, same, other = ((tmp_path / out / "AU.png").read_bytes() for out in "abc")
    assert first == same != other
    assert Image.open(tmp_path / "a" / "AU.png").size == (48, 48)


@pytest.mark.parametrize("changes", [{}, {"unfreeze_last": 0}, {"unfreeze_last": 1}])
def test_the_network_of_a_run_is_the_one_that_was_trained(tmp_path, changes):
    network = make_run(tmp_path / "run", **changes)
    found, pictures = trained.load(tmp_path / "run"), torch.randn(2, 3, SIDE, SIDE)
    assert (found.countries, found.size, found.epoch) == (list(CODES), SIDE, 2)
    with torch.inference_mode():
        torch.testing.assert_close(found.network(pictures), network(pictures))


def test_early_stopping_and_an_average_deliver_their_own_weights(tmp_path):
    run = tmp_path / "run"
    network = make_run(run, early_stopping=3, ema=0.9)
    saved = checkpoint.read(run / checkpoint.CURRENT)
    zeros = {name: torch.zeros_like(tensor) for name, tensor in network.state_dict().items()}
    made = recipe.load(Recipe, run / "recipe.json")
    both = saved.tensors | {f"ema.{name}": tensor for name, tensor in zeros.items()}
    checkpoint.write(run / checkpoint.CURRENT, both, {"recipe": made.hash, "epoch": 9})
    found = trained.load(run)
    assert found.epoch == 9
    assert not any(p.any() for p in found.network.parameters())
    checkpoint.write(run / "best.safetensors", network.state_dict(), {"epoch": 4})
    found = trained.load(run)
    assert found.epoch == 4
    assert any(p.any() for p in found.network.parameters())


def test_what_cannot_be_painted_is_refused_in_a_sentence(tmp_path, monkeypatch):
    run, out = tmp_path / "run", tmp_path / "out"
    make_run(run)

    def kind(folder=run, wanted=WANTED):
        with pytest.raises(TrainError) as error:
            paint(folder, out, wanted)
        assert error.value.hint
        return error.value.kind

    assert kind(wanted=replace(WANTED, countries=("AU", "FR"))) == "countries"
    assert kind(tmp_path) == "recipe"
    monkeypatch.setattr(dreams, "excite", fail("can't allocate memory: you tried to allocate"))
    assert kind() == "out-of-memory"
    monkeypatch.undo()
    monkeypatch.setitem(presets.PRESETS, "tiny", TINY)
    saved = checkpoint.read(run / checkpoint.CURRENT)
    for name in saved.tensors:
        if name.endswith("weight"):
            saved.tensors[name].fill_(torch.nan)
    checkpoint.write(run / checkpoint.CURRENT, saved.tensors, saved.state)
    assert kind() == "not-finite"
    for path in run.glob("checkpoint*"):
        path.unlink()
    assert kind() == "checkpoint"
    assert not list(out.glob("*"))


def fail(message):
    """A function that only raises."""

    def fails(*_):
        raise RuntimeError(message)

    return fails


def test_a_stop_keeps_the_pictures_that_are_done(tmp_path):
    run, out = tmp_path / "run", tmp_path / "out"
    make_run(run)
    control = Control(protocol.Reporter(None, None), leave=lambda _: None)
    emit = control.reporter.emit

    def watched(kind, /, **values):
        emit(kind, **values)
        if kind == "artifact":
            control.ask("asked")

    control.reporter.emit = watched
    with pytest.raises(StopTraining):
        activations.paint_all(run, out, WANTED, control)
    control.deadline.cancel()
    assert control.saved == (2, 0)
    assert [path.name for path in out.iterdir()] == ["JP.png"]


CHILD = """
import sys
from dataclasses import replace
from streetwise_train import presets, cli
presets.PRESETS["tiny"] = replace(presets.PRESETS["resnet18"], id="tiny",
    timm_name="test_resnet.r160_in1k", size=64)
sys.exit(cli.main(sys.argv[1:]))
"""


def test_the_command_speaks_the_protocol_and_ends_with_its_parent(tmp_path):
    make_run(tmp_path / "run")
    options = ["--run", tmp_path / "run", "--out", tmp_path / "out", "--threads", "1"]
    command = [sys.executable, "-c", CHILD, "activations", *options, "--steps", "100000"]
    where = {"cwd": Path(__file__).parents[1], "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **where) as child:
        seen = []
        while not seen or seen[-1]["type"] != "progress":
            seen.append(json.loads(child.stdout.readline()))
        child.stdin.close()
        seen += [json.loads(line) for line in child.stdout]
        assert child.wait(30) == 0
    assert (seen[0]["type"], seen[0]["v"], seen[0]["run"]) == ("hello", 1, "run")
    assert seen[1] | {"time": 0} == {
        "type": "phase", "seq": 1, "time": 0, "name": "activations", "index": 1, "of": 1,
    }  # fmt: skip
    assert (seen[-1]["type"], seen[-1]["why"], seen[-1]["epoch"]) == ("stopped", "parent", 2)
    assert not (tmp_path / "run" / "events.jsonl").exists()
