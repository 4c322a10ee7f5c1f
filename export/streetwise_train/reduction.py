"""Features to fewer numbers: standardised, then the principal components of each backbone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

#: Rounds of subspace iteration (Halko et al. 2011); what the leading components miss is noise.
ROUNDS = 4
#: Random directions beside the components asked for.
SPARE = 50
#: Below one in so many components it is cheaper not to form ``rows.T @ rows``.
FEW = 8


@dataclass(frozen=True)
class Reduction:
    """Takes off a mean, divides by a deviation, and turns each backbone's part by its basis."""

    mean: np.ndarray
    deviation: np.ndarray
    bases: list[np.ndarray]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Components, float32 [rows, components of all parts]."""
        standard = ((features - self.mean) / self.deviation).astype(np.float32)
        edges = np.cumsum([len(basis) for basis in self.bases])[:-1]
        parts = zip(np.split(standard, edges, axis=1), self.bases, strict=True)
        return np.concatenate([part @ basis for part, basis in parts], axis=1)

    def unfold(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight and bias on raw features of the layer on components, both float32."""
        edges = np.cumsum([basis.shape[1] for basis in self.bases])[:-1]
        parts = zip(np.split(weight, edges, axis=1), self.bases, strict=True)
        raw = np.concatenate([part @ basis.T for part, basis in parts], axis=1) / self.deviation
        return raw.astype(np.float32), (bias - raw @ self.mean).astype(np.float32)


def fit(features: np.ndarray, widths: tuple[int, ...], components: tuple[int, ...]) -> Reduction:
    """The reduction of ``features`` [rows, sum of widths] to so many components of each part."""
    mean = features.mean(0, dtype=np.float64).astype(np.float32)
    deviation = features.std(0, dtype=np.float64).astype(np.float32) + np.float32(1e-6)
    standard = (features - mean) / deviation
    parts = np.split(standard, np.cumsum(widths)[:-1], axis=1)
    return Reduction(
        mean, deviation, [basis_of(p, k) for p, k in zip(parts, components, strict=True)]
    )


def basis_of(standard: np.ndarray, count: int) -> np.ndarray:
    """An orthonormal basis of the ``count`` leading components, float32 [width, count]."""
    width = standard.shape[1]
    return np.eye(width, dtype=np.float32) if count >= width else leading(standard, count)[1]


def leading(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` largest eigenvalues of ``rows.T @ rows``, the largest last, and their vectors.

    By subspace iteration from a fixed seed, so about: the last of them can be a mixture with those
    that follow. ``rows`` is float32 [rows, width], the vectors [width, count].
    """
    x, width = torch.from_numpy(rows), rows.shape[1]
    square = x.T @ x if count * FEW > width else None
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(width, min(width, count + SPARE), generator=generator)
    for _ in range(ROUNDS):
        turned = x.T @ (x @ basis) if square is None else square @ basis
        basis = torch.linalg.qr(turned).Q
    image = x @ basis
    values, vectors = torch.linalg.eigh(image.T @ image)
    return values[-count:].numpy(), (basis @ vectors[:, -count:]).numpy()
