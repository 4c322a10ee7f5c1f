"""The linear head: multinomial logistic regression on frozen features, balanced and regularised."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

#: Iterations of L-BFGS; the loss no longer moves in its fourth digit.
STEPS = 60


@dataclass(frozen=True)
class Recipe:
    """How a head is trained.

    ``decay`` is the L2 penalty on the weights of standardised features. ``smoothing`` is label
    smoothing (Szegedy et al. 2016). ``country_power`` 1 gives every country the same total
    weight, 0 leaves them as they come; ``source_power`` does the same for the sources inside a
    country. ``views`` are the views of a picture the head is trained on, the app's own first.
    """

    decay: float = 0.03
    smoothing: float = 0.1
    country_power: float = 1.0
    source_power: float = 0.5
    views: tuple[str, ...] = ("squish",)


@dataclass(frozen=True)
class Head:
    """A linear layer on raw features: ``logits = features @ weight.T + bias``."""

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Logits, float32 [pictures, countries]."""
        return features @ self.weight.T + self.bias


def sample_weights(
    labels: np.ndarray, sources: np.ndarray, groups: np.ndarray, recipe: Recipe
) -> np.ndarray:
    """A weight for each picture, mean 1: views of a group share one, then source, then country."""
    views = Counter(groups)
    weight = np.array([1.0 / views[g] for g in groups])
    for keys, power in (
        (list(zip(labels, sources, strict=True)), recipe.source_power),
        (list(labels), recipe.country_power),
    ):
        total: Counter = Counter()
        for key, w in zip(keys, weight, strict=True):
            total[key] += w
        weight = np.array([w / total[k] ** power for k, w in zip(keys, weight, strict=True)])
    return weight / weight.mean()


def fit(
    features: np.ndarray, labels: np.ndarray, countries: int, weights: np.ndarray, recipe: Recipe
) -> Head:
    """Fits the head by L-BFGS from zero, so that the result depends on nothing random.

    ``features`` is [pictures, views, width]; every view of a picture counts alike.
    """
    pictures, views, width = features.shape
    flat = features.reshape(-1, width).astype(np.float64)
    mean, std = flat.mean(0), flat.std(0) + 1e-6
    x = torch.from_numpy((flat - mean) / std).float()
    target = targets(labels, countries, recipe).repeat_interleave(views, 0)
    scale = torch.from_numpy(np.repeat(weights, views) / (pictures * views)).float()
    weight = torch.zeros(countries, width, requires_grad=True)
    bias = torch.zeros(countries, requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        loss = -(target * functional.log_softmax(x @ weight.T + bias, 1)).sum(1) @ scale
        loss = loss + recipe.decay * weight.square().sum() / 2
        loss.backward()
        return loss

    solver.step(closure)
    return unstandardise(weight, bias, mean, std)


def targets(labels: np.ndarray, countries: int, recipe: Recipe) -> torch.Tensor:
    """Smoothed one-hot labels, float32 [pictures, countries]."""
    hard = functional.one_hot(torch.from_numpy(labels), countries).float()
    return hard * (1 - recipe.smoothing) + recipe.smoothing / countries


def unstandardise(
    weight: torch.Tensor, bias: torch.Tensor, mean: np.ndarray, std: np.ndarray
) -> Head:
    """Folds the standardisation into one linear layer on raw features."""
    raw = weight.detach().double().numpy() / std
    offset = bias.detach().double().numpy() - raw @ mean
    return Head(raw.astype(np.float32), offset.astype(np.float32))
