"""Features to fewer numbers: standardised, then the principal components of each backbone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.utils.extmath import randomized_svd

#: Rounds of subspace iteration (Halko et al. 2011); what the leading components miss is noise.
ROUNDS = 4


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
    """An orthonormal basis of about the ``count`` leading components, float32 [width, count]."""
    if count >= standard.shape[1]:
        return np.eye(standard.shape[1], dtype=np.float32)
    _, _, vectors = randomized_svd(standard, count, n_iter=ROUNDS, random_state=0)
    return vectors.T.astype(np.float32)
