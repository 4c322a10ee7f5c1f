"""From cached pixels to what a network takes: the study's random crop and light, on the device.

The transforms are fastai's own; only their order differs in one point: the crop is cut from bytes
before they become floats, which gives the same numbers for a fraction of the memory.
"""

from __future__ import annotations

import random

import numpy as np
import torch
from fastai.torch_core import TensorImage
from fastai.vision.augment import Brightness, Contrast, RandomResizedCropGPU

from .recipe import Recipe


def seed_all(*numbers: int) -> None:
    """Seeds Python, NumPy and PyTorch (every device) from the numbers, each at least 0.

    What a batch draws (crop, light, dropout, mixup) depends on (seed, epoch, batch) alone, so that
    a run that goes on in the middle of an epoch draws what it would have drawn.
    """
    state = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    random.seed(state)
    np.random.seed(state % 2**32)  # noqa: NPY002  (what libraries draw from)
    torch.manual_seed(state % 2**63)


class Augment:
    """Pixels, uint8 [batch, side, side, 3], to normalised float32 [batch, 3, size, size].

    Training: ``RandomResizedCropGPU`` (one crop for the batch, as fastai does), ``Brightness`` and
    ``Contrast`` (a draw for each picture, with probability 0.75). Otherwise the whole picture.
    """

    def __init__(self, recipe: Recipe, size: int, mean: tuple, std: tuple) -> None:
        """``size`` is the side of the network's input in pixels; ``mean``, ``std`` of 0..1."""
        self.size = size
        self.crop = RandomResizedCropGPU(size, min_scale=recipe.min_scale)
        #: The light transforms whose strength is not nothing.
        self.light = [
            kind(max_lighting=strength)
            for kind, strength in ((Brightness, recipe.brightness), (Contrast, recipe.contrast))
            if strength > 0
        ]
        self.mean = torch.tensor(mean).view(1, 3, 1, 1)
        self.std = torch.tensor(std).view(1, 3, 1, 1)

    def __call__(self, pixels: torch.Tensor, train: bool) -> torch.Tensor:
        """One batch on the device that ``pixels`` lie on. Draws from the global generators."""
        planes = pixels.permute(0, 3, 1, 2)
        self.crop.before_call(planes, 0 if train else 1)
        (top, left), (height, width) = self.crop.tl, self.crop.cp_size
        cut = planes[..., top : top + height, left : left + width]
        picture = TensorImage(cut.float().div_(255)).affine_coord(sz=(self.size, self.size))
        for transform in self.light if train else ():
            picture = transform(picture, split_idx=0)
        plain = picture.as_subclass(torch.Tensor)
        return plain.sub_(self.mean.to(plain.device)).div_(self.std.to(plain.device))
