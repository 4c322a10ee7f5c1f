import resource
import shutil

import pytest
import torch

from streetwise_train import checkpoint
from streetwise_train.checkpoint import CURRENT, PREVIOUS
from streetwise_train.errors import TrainError


def some(seed):
    torch.manual_seed(seed)
    return {
        "net.a": torch.randn(3, 5),
        "net.n": torch.tensor(seed),
        "opt.0.x": torch.randn(4).half(),
    }


def ignore(*_):
    pass


def fail(*message):
    raise AssertionError(message)


def test_everything_comes_back_and_the_one_before_is_kept(tmp_path):
    path = tmp_path / CURRENT
    checkpoint.write(path, some(1), {"recipe": "r", "epoch": 1})
    checkpoint.write(path, some(2), {"recipe": "r", "epoch": 2, "lr": 0.1 + 0.2})
    found = checkpoint.latest(tmp_path, "r", fail)
    assert found.state["epoch"] == 2
    assert found.state["lr"] == 0.1 + 0.2
    assert all(torch.equal(found.tensors[k], v) for k, v in some(2).items())
    assert set(found.part("net")) == {"a", "n"}
    assert checkpoint.read(tmp_path / PREVIOUS).state["epoch"] == 1
    assert not list(tmp_path.glob("*.partial*"))


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "gone"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, damage):
    path = tmp_path / CURRENT
    for epoch in (1, 2):
        checkpoint.write(path, some(epoch), {"recipe": "r", "epoch": epoch})
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    cases = {"cut": content[:-7], "flipped": content, "empty": b"", "text": b"not a checkpoint"}
    path.unlink() if damage == "gone" else path.write_bytes(cases[damage])
    told = []
    found = checkpoint.latest(tmp_path, "r", lambda *parts: told.append(parts))
    assert found.state["epoch"] == 1
    assert len(told) == (damage != "gone")


def test_without_a_whole_checkpoint_the_run_does_not_begin_silently_anew(tmp_path):
    assert checkpoint.latest(tmp_path, "r", fail) is None
    (tmp_path / CURRENT).write_bytes(b"junk")
    with pytest.raises(TrainError, match="no checkpoint"):
        checkpoint.latest(tmp_path, "r", ignore)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    checkpoint.write(tmp_path / CURRENT, some(1), {"recipe": "r", "epoch": 1})
    with pytest.raises(TrainError, match="another recipe"):
        checkpoint.latest(tmp_path, "other", fail)


def test_a_full_disk_leaves_the_old_checkpoint_whole(tmp_path):
    """The limit on the size of files stands in for a full disk."""
    path = tmp_path / CURRENT
    checkpoint.write(path, some(1), {"recipe": "r", "epoch": 1})
    before = path.read_bytes()
    big = {"net.a": torch.zeros(1_000_000)}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(TrainError, match="disk is full") as caught:
            checkpoint.write(path, big, {"recipe": "r", "epoch": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.kind == "disk-full"
    assert CURRENT in str(caught.value)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [CURRENT]


def test_a_process_killed_while_writing_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / CURRENT
    checkpoint.write(path, some(1), {"recipe": "r", "epoch": 1})

    def half(_tensors, file, **_metadata):
        shutil.copy(path, file)
        with file.open("r+b") as opened:
            opened.truncate(100)
        raise KeyboardInterrupt  # nothing after this point runs, as after kill -9

    monkeypatch.setattr(checkpoint, "save_file", half)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.write(path, some(2), {"recipe": "r", "epoch": 2})
    assert checkpoint.latest(tmp_path, "r", fail).state["epoch"] == 1
