"""Augmentation is fastai's, and batches are the same for any number of processes."""

import numpy as np
import pytest
import torch
from fastai.torch_core import TensorImage
from fastai.vision.augment import Brightness, Contrast, RandomResizedCropGPU

from streetwise_train.augment import Augment, seed_all
from streetwise_train.batches import Batches
from streetwise_train.fast import Records
from streetwise_train.recipe import Recipe
from streetwise_train.scores import scores

CPU = torch.device("cpu")


def test_the_crop_from_bytes_is_fastais_from_floats():
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 50, 50, 3), np.uint8))
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    seed_all(3)
    ours = Augment(Recipe("resnet18"), 24, mean, std)(pixels, train=True)
    seed_all(3)
    picture = TensorImage(pixels.permute(0, 3, 1, 2).float() / 255)
    for transform in (RandomResizedCropGPU(24, min_scale=0.5), Brightness(), Contrast()):
        picture = transform(picture, split_idx=0)
    shape = (1, 3, 1, 1)
    theirs = (picture.as_subclass(torch.Tensor) - torch.tensor(mean).view(shape)) / torch.tensor(
        std
    ).view(shape)
    torch.testing.assert_close(ours, theirs)


def test_validation_sees_the_whole_picture_without_chance():
    pixels = torch.arange(2 * 40 * 40 * 3).reshape(2, 40, 40, 3).remainder(255).byte()
    augment = Augment(Recipe("resnet18"), 40, (0.0,) * 3, (1.0,) * 3)
    expected = pixels.permute(0, 3, 1, 2).float() / 255
    torch.testing.assert_close(augment(pixels, train=False), expected, atol=1e-4, rtol=0)


class Numbers:
    """A source whose pictures are their own row numbers."""

    def fetch(self, rows, epoch):  # noqa: ARG002
        return torch.from_numpy(np.asarray(rows))

    def prepare(self, fetched, train):  # noqa: ARG002
        return fetched


def make(count, batch, train, rank=0, world=1):
    rows = np.arange(100, 100 + count)
    return Batches(
        Numbers(), rows, rows % 7, batch, CPU, train=train, seed=5, rank=rank, world=world
    )


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_the_batches_of_one(world):
    alone = make(50, 12, True)
    alone.epoch = 4
    parts = [make(50, 12, True, rank, world) for rank in range(world)]
    for part in parts:
        part.epoch = 4
    for whole, *shares in zip(alone, *parts, strict=True):
        assert len({len(inputs) for inputs, _ in shares}) == 1
        together = torch.cat([inputs for inputs, _ in shares])
        assert sorted(together.tolist()) == sorted(whole[0].tolist())
        for inputs, labels in (whole, *shares):
            assert torch.equal(inputs % 7, labels)


def test_validation_shares_are_equal_and_cover_everything():
    shares = [make(50, 12, False, rank, 4) for rank in range(4)]
    rows = [torch.cat([inputs for inputs, _ in share]) for share in shares]
    assert {len(row) for row in rows} == {13}
    assert torch.stack(rows, 1).flatten()[:50].tolist() == list(range(100, 150))


def test_an_epoch_can_begin_in_its_middle():
    whole = [inputs.tolist() for inputs, _ in make(50, 12, True)]
    late = make(50, 12, True)
    late.first = 3
    assert [inputs.tolist() for inputs, _ in late] == whole[3:]
    assert [inputs.tolist() for inputs, _ in late] == whole  # the offset held for one epoch
    late.epoch = 1
    assert [inputs.tolist() for inputs, _ in late] != whole


def test_fewer_pictures_than_a_batch_are_one_batch():
    assert [len(inputs) for inputs, _ in make(5, 64, True)] == [5]
    assert [len(inputs) for inputs, _ in make(70, 64, False)] == [64, 6]


@pytest.mark.parametrize("cut", [("f16", 1), ("f16", 7), ("keys", 3), ("keys", 65), ("keys", 66)])
def test_records_cut_by_a_kill_are_dropped_and_made_again(tmp_path, cut):
    stem, names = tmp_path / "r", [f"{i:064d}" for i in range(4)]
    values = np.arange(12, dtype=np.float16).reshape(4, 3)
    Records(stem, (3,)).append(names[:3], values[:3])
    with stem.with_suffix("." + cut[0]).open("r+b") as file:
        file.truncate(file.seek(0, 2) - cut[1])
    opened = Records(stem, (3,))
    lost = 2 if cut in (("f16", 7), ("keys", 66)) else 1
    assert list(opened.rows) == names[: 3 - lost]
    opened.append(names[3 - lost :], values[3 - lost :])
    np.testing.assert_array_equal(Records(stem, (3,)).array(), values)


def test_figures_of_known_logits():
    logits = torch.tensor([[4.0, 0, 0], [0, 4.0, 0], [3.0, 2.9, 0], [0, 0.1, 0.0]])
    found = scores(logits, torch.tensor([0, 1, 1, 0]), ["AU", "JP", "ZA"])
    assert found["accuracy"] == 0.5
    assert found["top3"] == 1.0
    assert found["macro_f1"] == pytest.approx(0.5)
    assert found["per_country_f1"] == {"AU": 0.5, "JP": 0.5, "ZA": None}
    # One yes for the first two pictures, a wrong yes (0.51) for the third, none for the last.
    assert found["accuracy_multi"] == pytest.approx(1 - 3 / 12)
    assert 0 < found["ece"] < 1
