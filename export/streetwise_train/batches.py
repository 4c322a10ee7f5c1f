"""Batches whose order and chance depend on (seed, epoch, batch) alone, for fastai's learner."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch

from .augment import Augment, seed_all

#: Stands for an epoch in the seeds of the learning-rate finder, past every real epoch.
FINDER_EPOCH = 1_000_000


class Source(Protocol):
    """Where batches come from: cached pixels, or cached activations of a frozen front."""

    def fetch(self, rows: np.ndarray, epoch: int) -> torch.Tensor:
        """Reads rows from memory or disk; runs on a thread beside the training."""

    def prepare(self, fetched: torch.Tensor, train: bool) -> torch.Tensor:
        """What the network takes, on the device; may draw from the global generators."""


class Pixels:
    """Cached pixels, uint8 [pictures, side, side, 3], augmented on the device."""

    def __init__(self, pixels: np.ndarray, augment: Augment) -> None:
        """``pixels`` is usually a memory map."""
        self.pixels, self.augment = pixels, augment

    def fetch(self, rows: np.ndarray, epoch: int) -> torch.Tensor:  # noqa: ARG002
        """Copies the rows' pixels."""
        return torch.from_numpy(self.pixels[rows])

    def prepare(self, fetched: torch.Tensor, train: bool) -> torch.Tensor:
        """Crop, light, normalise."""
        return self.augment(fetched, train)


class Batches:
    """An epoch of (input, label) on the device; iterating gives batch ``first`` and those after.

    Training batches are shuffled, all of one size, and the rest of the epoch is left out, as
    fastai does. With several processes each takes its share of every batch, so that the batch
    of the recipe is the same for any number of them; validation rows are padded to equal shares.
    """

    def __init__(
        self,
        source: Source,
        rows: np.ndarray,
        labels: np.ndarray,
        batch: int,
        device: torch.device,
        *,
        train: bool,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """``rows`` into the source; ``labels`` of those rows, class numbers."""
        self.source, self.rows, self.labels = source, np.asarray(rows), np.asarray(labels)
        self.device, self.train, self.seed = device, train, seed
        self.rank, self.world = rank, world
        self.bs = min(batch, len(self.rows)) if train else batch
        self.bs = max(self.bs // world, 1) * world
        self.epoch, self.first = 0, 0

    def __len__(self) -> int:
        """Batches in a whole epoch."""
        whole, rest = divmod(len(self.rows), self.bs)
        return whole if self.train else whole + bool(rest)

    def to(self, device: torch.device) -> Batches:
        """Sends later batches to ``device``."""
        self.device = device
        return self

    def order(self) -> np.ndarray:
        """Positions of the epoch's pictures in order; those of this process in each batch."""
        if self.train:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.rows))
            order = order[: len(self) * self.bs]
        else:
            order = np.arange(len(self.rows))
            order = np.concatenate([order, order[: -len(order) % self.world]])
        return order[self.rank :: self.world]

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Reads one batch ahead on a thread. The offset ``first`` holds for one epoch."""
        order, share = self.order(), self.bs // self.world
        first, self.first = self.first, 0
        parts = [order[start : start + share] for start in range(0, len(order), share)]
        with ThreadPoolExecutor(1, "read-ahead") as reader:
            ahead = [reader.submit(self.fetch, part) for part in parts[first : first + 1]]
            for number in range(first, len(parts)):
                fetched = ahead.pop().result()
                if number + 1 < len(parts):
                    ahead.append(reader.submit(self.fetch, parts[number + 1]))
                if self.train:
                    self.reseed(number)
                labels = torch.from_numpy(self.labels[parts[number]]).long().to(self.device)
                inputs = fetched.to(self.device, non_blocking=True)
                yield self.source.prepare(inputs, self.train), labels

    def fetch(self, part: np.ndarray) -> torch.Tensor:
        """The rows of one batch, in pinned memory where a GPU waits for them."""
        fetched = self.source.fetch(self.rows[part], self.epoch)
        return fetched.pin_memory() if self.device.type == "cuda" else fetched

    def reseed(self, number: int, attempt: int = 0) -> None:
        """Seeds all generators for one batch of the epoch (and one attempt at it)."""
        seed_all(self.seed, self.epoch, number, self.rank, attempt)
