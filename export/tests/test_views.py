from dataclasses import replace

import numpy as np
import pytest

from streetwise_train import cache, views
from streetwise_train.backbones import BACKBONES

BACKBONE = replace(BACKBONES["efficientnet-lite0"], size=32)


def make(picture, view, file="a.jpg"):
    return views.make(picture, BACKBONE, file, view)


@pytest.mark.parametrize("view", ["squish", "crop", "mirror", "random:0", "random:7"])
def test_a_view_is_the_same_every_time(picture, view):
    first = make(picture, view)
    assert first.shape == (3, 32, 32)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, make(picture, view))


def test_random_views_differ_by_number_and_by_file(picture):
    first = make(picture, "random:0")
    assert not np.array_equal(first, make(picture, "random:1"))
    assert not np.array_equal(first, make(picture, "random:0", "b.jpg"))


def test_squish_shows_the_whole_width_and_crop_does_not(picture):
    squished, cropped = make(picture, "squish")[0, -1], make(picture, "crop")[0, -1]
    assert squished[0] < cropped[0]
    assert squished[-1] > cropped[-1]


def test_mirror_swaps_left_and_right(picture):
    np.testing.assert_array_equal(make(picture, "mirror"), make(picture, "squish")[:, :, ::-1])


def test_pixels_are_normalised_by_the_backbone(picture):
    white = views.to_tensor(picture.point(lambda _: 255), BACKBONE)
    np.testing.assert_allclose(white, 1.0)


def test_the_cache_is_keyed_by_view_files_and_weights():
    keys = {
        cache.key(BACKBONE, ["a"], "squish", cache.FLOAT),
        cache.key(BACKBONE, ["a"], "crop", cache.FLOAT),
        cache.key(BACKBONE, ["a", "b"], "squish", cache.FLOAT),
        cache.key(BACKBONE, ["a"], "squish", "int8"),
        cache.key(replace(BACKBONE, weights="other"), ["a"], "squish", cache.FLOAT),
    }
    assert len(keys) == 5
