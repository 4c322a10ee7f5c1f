"""Colour profiles: a picture of a wide colour space is brought to sRGB, as the app does it.

The rule is that of ``src/imaging/colour.rs``: the intent is relative colorimetric, a profile that
moves no probe by more than ``SAME`` levels is sRGB and changes nothing, and grey pictures and inks
stay as they are stored.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

#: Levels (of 255) that the many profiles called sRGB differ by.
SAME = 4
#: Levels of each channel among the probes.
STEPS = (0, 51, 102, 153, 204, 255)
#: Modes of pictures without colour.
GREY = ("1", "L", "LA", "La", "I", "F")


def to_srgb(picture: Image.Image, profile: bytes | None, mode: str) -> Image.Image:
    """An RGB picture in sRGB; ``profile`` is its ICC profile, ``mode`` the one it was stored in."""
    if not profile or mode in GREY or mode.startswith("I;16"):
        return picture
    transform = transform_of(profile)
    return ImageCms.applyTransform(picture, transform) if transform else picture


@lru_cache(64)
def transform_of(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB; ``None`` where it is sRGB, not RGB, or cannot be used."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != "RGB":
            return None
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            "RGB",
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.NOCACHE,
        )
    except (OSError, ImageCms.PyCMSError):
        return None
    steps = np.array(STEPS, np.uint8)
    probes = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    moved = np.asarray(ImageCms.applyTransform(Image.fromarray(probes), transform), np.int16)
    return transform if np.abs(moved - probes).max() > SAME else None
