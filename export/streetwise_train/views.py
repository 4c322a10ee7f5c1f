"""Views of a picture: the two the app can make (squish, crop) and the study's random crops."""

from __future__ import annotations

import zlib

import numpy as np
from PIL import Image, ImageEnhance

from .backbones import Backbone

#: The study's recipe: RandomResizedCrop of at least half the area, brightness and contrast.
MIN_SCALE, ASPECT, JITTER = 0.5, (3 / 4, 4 / 3), 0.2
#: Left, top, right and bottom shares of a game window that its HUD may cover.
HUD = (0.04, 0.10, 0.04, 0.12)
RESAMPLE = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def recipe() -> str:
    """All constants a view depends on, for the name of a cache file."""
    return f"{MIN_SCALE}|{ASPECT}|{JITTER}|{HUD}"


def without_hud(picture: Image.Image) -> Image.Image:
    """The middle of a game window, where no HUD is drawn."""
    left, top, right, bottom = HUD
    width, height = picture.size
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return picture.crop(tuple(round(edge) for edge in box))


def squish(picture: Image.Image, size: int, interpolation: str) -> Image.Image:
    """The whole picture at size x size, aspect ratio given up."""
    return picture.resize((size, size), RESAMPLE[interpolation])


def crop(picture: Image.Image, size: int, interpolation: str) -> Image.Image:
    """The shorter side at ``size``, then the square in the centre."""
    side = min(picture.size)
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), RESAMPLE[interpolation], box=box)


def random_view(picture: Image.Image, size: int, interpolation: str, seed: int) -> Image.Image:
    """A random resized crop of the squished picture with brightness and contrast, by the seed."""
    rng = np.random.default_rng(seed)
    width, height = picture.size
    aspect = np.exp(rng.uniform(np.log(ASPECT[0]), np.log(ASPECT[1])))
    area = rng.uniform(MIN_SCALE, 1.0)
    w, h = min(1.0, np.sqrt(area * aspect)), min(1.0, np.sqrt(area / aspect))
    x, y = rng.uniform(0, 1 - w), rng.uniform(0, 1 - h)
    box = (x * width, y * height, (x + w) * width, (y + h) * height)
    view = picture.resize((size, size), RESAMPLE[interpolation], box=box)
    view = ImageEnhance.Brightness(view).enhance(1 + rng.uniform(-JITTER, JITTER))
    return ImageEnhance.Contrast(view).enhance(1 + rng.uniform(-JITTER, JITTER))


def make(picture: Image.Image, backbone: Backbone, file: str, view: str) -> np.ndarray:
    """One view as a normalised tensor, float32 [3, size, size].

    ``view`` is ``squish``, ``crop``, ``random:N``, ``mirror`` (squish, left and right swapped), or
    ``game`` (squish without the HUD); the same file and N give the same crop on every machine.
    """
    kind, _, number = view.partition(":")
    if kind == "game":
        picture = without_hud(picture)
    if kind == "random":
        seed = zlib.crc32(f"{file}#{number}".encode())
        small = random_view(picture, backbone.size, backbone.interpolation, seed)
    elif kind == "crop":
        small = crop(picture, backbone.size, backbone.interpolation)
    else:
        small = squish(picture, backbone.size, backbone.interpolation)
        if kind == "mirror":
            small = small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return to_tensor(small, backbone)


def to_tensor(picture: Image.Image, backbone: Backbone) -> np.ndarray:
    """Pixels 0..255 to the normalised tensor the backbone expects, float32 [3, height, width]."""
    pixels = np.asarray(picture, np.float32) / 255
    normalised = (pixels - np.float32(backbone.mean)) / np.float32(backbone.std)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1))
