"""The golden input of a model: a picture-like tensor that any language can compute exactly."""

from __future__ import annotations

import numpy as np

#: The input is noise on an 8 x 8 grid per channel, each cell repeated over its square.
GRID = 8
SEED = 2024
#: Largest difference of a logit that still counts as the same model.
TOLERANCE = 0.01
#: Noise is no picture: a network may answer it with logits in the hundreds, of which engines
#: compute no more digits than of others.
RELATIVE = 1e-4


def tolerance(logits: np.ndarray) -> float:
    """The largest difference allowed of a logit: ``TOLERANCE``, or more where logits are huge."""
    return max(TOLERANCE, round(float(np.abs(logits).max()) * RELATIVE, 4))


def splitmix64(values: np.ndarray) -> np.ndarray:
    """The SplitMix64 output for each counter, uint64 (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        z = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def tensor(size: int, seed: int = SEED) -> np.ndarray:
    """The golden input, float32 [1, 3, size, size], values in [-2, 2).

    ``value[c, y, x] = noise[c * 64 + (y * 8 // size) * 8 + (x * 8 // size)]`` with
    ``noise[i] = (splitmix64(seed + i) >> 40) / 2**24 * 4 - 2``; every step is exact in float32.
    """
    counters = np.arange(3 * GRID * GRID, dtype=np.uint64) + np.uint64(seed)
    high = (splitmix64(counters) >> np.uint64(40)).astype(np.float32)
    noise = (high / np.float32(2**24) * np.float32(4) - np.float32(2)).reshape(3, GRID, GRID)
    cell = np.arange(size) * GRID // size
    return np.ascontiguousarray(noise[:, cell][:, :, cell][None])
