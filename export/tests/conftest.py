"""Pictures, studies and a tiny backbone made by code: the tests need nothing from outside."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from streetwise_train.crossval import Study

#: Countries of three regions.
CODES = ["FR", "DE", "JP", "TH", "BR", "PE"]


class TinyFeatures(nn.Module):
    """A backbone of one convolution and one linear layer, random weights, 16 features."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 32, 4, stride=4)
        self.mix = nn.Linear(32, 48)

    def forward(self, pictures):
        return self.mix(self.stem(pictures).clamp(0, 6).mean(dim=(2, 3)))


def make_study(countries=6, places=12, views=2, seed=0, noise=1.0):
    """Countries as blobs; each place has a few views; four sources, one label in ten inferred."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(countries, 48))
    labels = np.repeat(np.arange(countries), places * views)
    groups = np.repeat(np.arange(countries * places), views)
    sources = np.array(["north", "south", "gsv_east", "mly_osv5m_test"])[groups % 4]
    features = centres[labels] + noise * rng.normal(size=(len(labels), 48))
    return Study(
        CODES[:countries],
        np.eye(countries) / 0.02,
        labels,
        groups,
        sources,
        np.zeros(len(labels), int),
        groups % 10 != 0,
        features[:, None].astype(np.float32),
        (48,),
    )


@pytest.fixture
def study():
    return make_study()


@pytest.fixture
def picture():
    """A wide gradient with a bright square off centre."""
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, 100, dtype=np.uint8)
    pixels[10:20, 70:90] = 255
    return Image.fromarray(pixels)
