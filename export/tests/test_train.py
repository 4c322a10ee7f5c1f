"""Whole runs in processes of their own: killed, orphaned, stopped, locked out, and gone on with.

Processes are forked from a server that has imported PyTorch, so that each starts at once.
"""

import hashlib
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streetwise_train import recipe
from streetwise_train.recipe import Job, Recipe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and signals")
CODES = ("AU", "JP", "ZA")
TINY = Recipe("tiny", epochs=3, batch=12, lr=0.01, mixed_precision="off", pre_resize=64)
FAST = replace(TINY, unfreeze_last=0, crops=2, epochs=8)


def child(run, inputs, outputs, variables, slow, resume, detached):
    """One trainer process: a tiny network, ``slow`` seconds a batch, a loud library, no export."""
    os.environ.update(variables)
    for number, stream in enumerate((inputs, outputs)):
        os.dup2(stream.fileno(), number)
    errors = os.open(run / "stderr.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(errors, 2)
    import torch

    from streetwise_train import fast, presets, session, train
    from streetwise_train.loop import Loop

    torch.set_num_threads(1)
    fast.BATCH["cpu"] = 4
    presets.PRESETS["tiny"] = replace(
        presets.PRESETS["resnet18"], id="tiny", timm_name="test_resnet.r160_in1k", size=32
    )
    ask, compute = Loop.poll, fast.Records.append

    def poll(loop):
        os.write(1, b"junk of a C library\n")
        print("junk of a Python library")
        time.sleep(slow)
        ask(loop)

    def append(records, *values):
        time.sleep(slow)
        compute(records, *values)

    Loop.poll, fast.Records.append = poll, append
    if "EXPORT" not in variables:
        train.finish = evaluate
    if "LIMIT" in variables:  # stands for a full disk
        limit = int(variables["LIMIT"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    os._exit(session.main(run, resume, detached))


def evaluate(session, _network, _data, phases):
    """Stands for evaluation and export, which have tests of their own."""
    phases("evaluate")
    phases("export")
    session.reporter.emit("artifact", kind="model", path="model/model.onnx", sha256="0" * 64)


class Trainer:
    """A trainer process as the app holds it."""

    def __init__(self, run, slow=0.0, resume=False, detached=False, variables=None):
        reading, self.stdin = multiprocessing.Pipe(duplex=False)
        self.stdout, writing = multiprocessing.Pipe(duplex=False)
        self.run = run
        variables = {"OMP_NUM_THREADS": "1"} | (variables or {})
        arguments = (run, reading, writing, variables, slow, resume, detached)
        self.process = CONTEXT.Process(target=child, args=arguments, daemon=True)
        self.process.start()
        reading.close()
        writing.close()

    def wait_for(self, kind, /, seconds=60, **fields):
        """Waits until an event with these fields is in events.jsonl."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for event in events(self.run)[::-1]:
                if event["type"] == kind and fields.items() <= event.items():
                    return event
            assert self.process.is_alive() or kind in ("done", "stopped", "error"), log(self.run)
            time.sleep(0.02)
        raise AssertionError(f"no {kind} {fields}: {log(self.run)}")

    def end(self, seconds=60):
        """Waits for the end; returns the exit status."""
        self.process.join(seconds)
        assert self.process.exitcode is not None, "the trainer did not end"
        return self.process.exitcode

    def said(self):
        """All that came out of stdout."""
        content = b""
        while chunk := os.read(self.stdout.fileno(), 1 << 16):
            content += chunk
        return content.decode().splitlines()


CONTEXT = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
CONTEXT.set_forkserver_preload(["streetwise_train.train", "torch.utils.tensorboard"])


def log(run):
    path = run / "stderr.log"
    return path.read_text()[-3000:] if path.exists() else "no stderr"


def events(run):
    path = run / "events.jsonl"
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three countries of noise in a colour of their own, 20 pictures each."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number, code in enumerate(CODES):
        (root / code).mkdir()
        for i in range(20):
            pixels = rng.integers(0, 160, (48, 64, 3))
            pixels[..., number] += 70
            Image.fromarray(pixels.astype(np.uint8)).save(root / code / f"{i}.png")
    return root


@pytest.fixture
def begin(tmp_path, pictures):
    """Makes run folders with a recipe and a job."""

    def make(folder="run", made=TINY, **job):
        run = tmp_path / folder
        run.mkdir()
        where = {"data": str(pictures), "cache": str(tmp_path / "cache"), "from_scratch": True}
        recipe.save(made, run / "recipe.json")
        recipe.save(Job(**where | job), run / "job.json")
        return run

    return make


def losses(run):
    """What training and validation came to in every epoch, without the clock."""
    told = [e for e in events(run) if e["type"] == "metrics"]
    return [(e["epoch"], e["train_loss"], e["valid_loss"], e["macro_f1"]) for e in told]


def test_a_run_goes_through_its_phases_and_stdout_carries_events_alone(begin):
    run = begin()
    trainer = Trainer(run)
    said, status = trainer.said(), trainer.end()
    assert status == 0, log(run)
    told = [json.loads(line) for line in said]
    assert told == events(run)
    assert told[0]["type"] == "hello"
    assert told[0]["v"] == 1
    assert told[-1]["type"] == "done"
    names = [event["name"] for event in told if event["type"] == "phase"]
    assert names == ["check", "cache", "frozen", "train", "evaluate", "export"]
    assert [event["epoch"] for event in told if event["type"] == "metrics"] == [1, 2, 3, 4]
    assert set(told[-1]["seconds"]) == set(names)
    assert told[-1]["metrics"]["last"]["epoch"] == 4
    split = json.loads((run / "split.json").read_text())
    assert len(split["train"]) == 48
    assert len(split["valid"]) == 12
    first = Path(json.loads((run / "job.json").read_text())["data"]) / split["train"][0]
    content = hashlib.sha256(first.read_bytes()).hexdigest()
    assert split["digests"]["train"][0] == content[:32]
    assert {side: len(of) for side, of in split["digests"].items()} == {"train": 48, "valid": 12}
    assert "junk of a C library" in log(run)
    assert "junk of a Python library" in log(run)


@pytest.mark.parametrize("made", [TINY, FAST], ids=["plain", "fast"])
def test_a_run_killed_at_any_moment_goes_on_to_the_same_end(begin, made):
    expected = begin("expected", made)
    Trainer(expected).end()
    run, rng = begin("killed", made), random.Random(1)
    for attempt in range(5):
        trainer = Trainer(run, slow=0.05, resume=attempt > 0)
        trainer.process.join(0.4 + rng.random() * 1.2)
        trainer.process.kill()
        trainer.end()
    assert Trainer(run, resume=True).end() == 0, log(run)
    assert len(losses(expected)) == made.total_epochs
    assert losses(run) == losses(expected)
    numbers = [event["seq"] for event in events(run)]
    assert numbers == sorted(set(numbers))


MOMENTS = {
    "frozen": (replace(TINY, freeze_epochs=50), 0.2, "phase", {"name": "frozen"}),
    "train": (replace(TINY, epochs=50), 0.2, "phase", {"name": "train"}),
    "lr_find": (replace(TINY, lr=None), 0.2, "phase", {"name": "lr_find"}),
    "features": (replace(FAST, crops=20), 0.2, "progress", {"phase": "cache", "total": 1068 - 48}),
    "hello": (TINY, 0.0, "hello", {}),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_when_the_parent_dies_the_trainer_saves_and_ends(begin, moment):
    made, slow, kind, fields = MOMENTS[moment]
    run = begin(made=made)
    trainer = Trainer(run, slow)
    trainer.wait_for(kind, **fields)
    trainer.stdin.close()
    started = time.monotonic()
    assert trainer.end(10) == 0
    assert time.monotonic() - started < 10
    last = events(run)[-1]
    assert (last["type"], last["why"]) == ("stopped", "parent")
    if moment in ("frozen", "train"):
        saved = [event for event in events(run) if event["type"] == "checkpoint"][-1]
        assert (saved["epoch"], saved["batch"]) == (last["epoch"], last["batch"])


def test_features_of_a_stopped_run_are_not_computed_twice(begin):
    run = begin(made=replace(FAST, crops=20))
    trainer = Trainer(run, 0.2)
    trainer.wait_for("progress", phase="cache", total=1020)
    time.sleep(0.7)
    trainer.stdin.close()
    trainer.end(10)
    assert Trainer(run, resume=True).end() == 0, log(run)
    totals = [e["total"] for e in events(run) if e["type"] == "progress" and e["phase"] == "cache"]
    assert 60 < totals[-1] < 1020


def test_a_detached_trainer_outlives_its_parent(begin):
    run = begin()
    trainer = Trainer(run, slow=0.02, detached=True)
    trainer.stdin.close()
    assert trainer.end() == 0
    assert events(run)[-1]["type"] == "done"


def test_pause_stop_and_resume(begin):
    run = begin(made=replace(TINY, epochs=40))
    trainer = Trainer(run, slow=0.05)
    trainer.wait_for("phase", name="train")
    os.write(trainer.stdin.fileno(), b'noise\n{"type":"pause"}\n')
    trainer.wait_for("warning", kind="command")
    time.sleep(0.5)
    paused = events(run)
    time.sleep(0.5)
    assert len(events(run)) == len(paused)
    assert paused[-1]["type"] == "checkpoint"
    os.write(trainer.stdin.fileno(), b'{"type":"resume"}\n')
    trainer.wait_for("progress", phase="train")
    os.write(trainer.stdin.fileno(), b'{"type":"stop"}\n')
    assert trainer.end() == 0
    assert events(run)[-1]["why"] == "asked"


def test_a_full_disk_is_an_error_that_says_so_and_the_run_goes_on_later(begin):
    run = begin()
    trainer = Trainer(run, slow=0.05)
    trainer.wait_for("checkpoint", epoch=1)
    trainer.stdin.close()
    trainer.end()
    before = (run / "checkpoint.safetensors").read_bytes()
    assert Trainer(run, resume=True, variables={"LIMIT": "1000000"}).end() == 1
    last = events(run)[-1]
    assert (last["type"], last["kind"]) == ("error", "disk-full")
    assert "checkpoint.safetensors" in last["message"]
    assert (run / "checkpoint.safetensors").read_bytes() == before
    assert Trainer(run, resume=True).end() == 0
    assert [row[0] for row in losses(run)] == [1, 2, 3, 4]


def test_a_diverged_run_is_an_error_that_says_what_to_change_and_no_figure_of_it_is_told(begin):
    run = begin(made=replace(TINY, lr=100.0, weight_decay=10.0, epochs=20))
    assert Trainer(run).end() != 0
    last = events(run)[-1]
    assert (last["type"], last["kind"]) == ("error", "diverged")
    assert "--lr" in last["hint"]
    assert "it was 1.0e+02" in last["hint"]
    assert all(e["valid_loss"] is not None for e in events(run) if e["type"] == "metrics")


def test_a_run_delivers_a_model_of_what_it_trained(begin):
    run = begin(made=replace(FAST, epochs=1), model_id="mine", name="My model")
    assert Trainer(run, variables={"EXPORT": "1"}).end(120) == 0, log(run)
    made = {e["kind"]: run / e["path"] for e in events(run) if e["type"] == "artifact"}
    assert {"model", "manifest", "evaluation"} <= made.keys()
    manifest = json.loads(made["manifest"].read_text())
    assert (manifest["id"], manifest["name"]) == ("mine", "My model")
    assert manifest["countries"] == list(CODES)
    assert events(run)[-1]["type"] == "done"
    assert {"evaluate", "export"} <= events(run)[-1]["seconds"].keys()


def test_ctrl_c_is_a_stop(begin):
    run = begin(made=replace(TINY, epochs=40))
    trainer = Trainer(run, slow=0.05)
    trainer.wait_for("phase", name="train")
    os.kill(trainer.process.pid, signal.SIGINT)
    assert trainer.end() == 0
    assert (events(run)[-1]["type"], events(run)[-1]["why"]) == ("stopped", "asked")


def test_a_second_trainer_is_told_that_the_run_is_taken(begin):
    run = begin()
    first = Trainer(run, slow=0.2)
    first.wait_for("phase", name="frozen")
    before = [event for event in events(run) if event["type"] == "hello"]
    second = Trainer(run, resume=True)
    said = [json.loads(line) for line in second.said()]
    assert second.end() == 1
    assert said[-1]["kind"] == "run-locked"
    assert [event for event in events(run) if event["type"] == "hello"] == before
    first.process.kill()
    first.end()


def test_a_begun_run_is_not_begun_again_by_mistake(begin):
    run = begin()
    Trainer(run).end()
    before = (run / "checkpoint.safetensors").read_bytes()
    assert Trainer(run).end() == 1
    assert events(run)[-1]["kind"] == "run-exists"
    assert (run / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda run: (run / "recipe.json").write_text('{"preset": "tiny", "colour": 1}'), "recipe"),
        (lambda run: (run / "job.json").unlink(), "recipe"),
        (lambda run: spoil_job(run, data="/nowhere"), "data"),
        (lambda run: spoil_job(run, weights="/nowhere.safetensors"), "preset"),
    ],
)
def test_what_cannot_be_done_is_an_error_event(begin, spoil, kind):
    run = begin()
    spoil(run)
    assert Trainer(run).end() == 1
    last = events(run)[-1]
    assert (last["type"], last["kind"]) == ("error", kind)
    assert last["message"]
    assert last["hint"]


def spoil_job(run, **changes):
    job = json.loads((run / "job.json").read_text())
    (run / "job.json").write_text(json.dumps(job | changes))


def test_two_processes_train_as_one_does(begin, unused_port):
    """Gloo on processors, the environment as Accelerate's launcher sets it."""
    made = replace(TINY, epochs=5)
    alone, together = begin("alone", made), begin("together", made)
    Trainer(alone).end()
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(unused_port), "WORLD_SIZE": "2"}
    shared |= {"ACCELERATE_USE_CPU": "true"}
    both = [
        Trainer(together, variables=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in (0, 1)
    ]
    assert [trainer.end() for trainer in both] == [0, 0], log(together)
    assert both[1].said() == []
    ours, theirs = losses(together), losses(alone)
    assert [row[0] for row in ours] == [row[0] for row in theirs] == [1, 2, 3, 4, 5, 6]
    assert abs(ours[-1][2] - theirs[-1][2]) < 0.5
    assert ours[-1][2] < ours[0][2]


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def test_the_command_line_writes_a_new_run_and_never_over_an_old_one(tmp_path, monkeypatch):
    from streetwise_train import cli, session

    asked = []
    monkeypatch.setattr(session, "main", lambda *given: asked.append(given) or 0)
    run = tmp_path / "a run"
    words = ["train", "--run", str(run)]
    new = [*words, "--data", "pictures", "--preset", "vit-tiny", "--countries", "FR,JP"]
    assert cli.main([*new, "--lr", "0.001", "--unfreeze-last", "0", "--allow", "blank"]) == 0
    made = recipe.load(Recipe, run / "recipe.json")
    assert made == Recipe("vit-tiny", countries=("FR", "JP"), lr=0.001, unfreeze_last=0)
    job = recipe.load(Job, run / "job.json")
    assert Path(job.data).is_absolute()
    assert (job.allow, job.model_id, job.cache) == (("blank",), "a-run", str(tmp_path / "cache"))
    assert cli.main([*words, "--resume", "--detached"]) == 0
    assert asked == [(run, False, False), (run, True, True)]
    for bad in (new, [*words, "--epochs", "3"], ["train", "--run", str(tmp_path / "none")]):
        with pytest.raises(SystemExit) as caught:
            cli.main(bad)
        assert caught.value.code == 2
    with pytest.raises(SystemExit):
        cli.main(["train", "--run", str(tmp_path / "b"), "--data", "x", "--epochs", "3"])
    assert not (tmp_path / "b").exists()
